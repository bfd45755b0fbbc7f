//! Gradients of batches, summed over processes and compared with those of one process: `mpiexec -n 4 gradient [FAULT]`.
//!
//! Rank 0 prints the bits of the sums. `FAULT` is one of `data`, `lengths`, `counts`, `panic` and `abort`, what the tests of this package
//! try in the last process.
#![allow(clippy::print_stdout, reason = "the output of a program")]

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use dilqr_follower::{Follower, Friction, HORIZON, spread};
use dilqr_mpi::Cluster;
use dilqr_runtime::model::{Stage, Terminal};
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{Formulation, LossGradient, Model, Problem, Scalar, Settings, Solution, batch};

/// Not a multiple of the block, so the last one is short.
const COUNT: usize = 203;

/// A model without weights: a point that is pushed, at a price.
#[derive(Clone, Copy)]
struct Point;

impl Model<2, 1, 1> for Point {
    fn dynamics<S: Scalar>(&self, Stage { x, u, .. }: Stage<'_, S, 2, 1, 1>, next: &mut SVector<S, 2>) {
        next[0] = x[0] + S::from_f64(0.1) * x[1];
        next[1] = x[1] + S::from_f64(0.1) * u[0];
    }
    fn stage_cost<S: Scalar>(&self, Stage { x, u, p, .. }: Stage<'_, S, 2, 1, 1>) -> S {
        x[0] * x[0] + x[1] * x[1] + p[0] * u[0] * u[0]
    }
    fn terminal_cost<S: Scalar>(&self, Terminal { x, .. }: Terminal<'_, S, 2, 1>) -> S {
        S::from_f64(10.0) * (x[0] * x[0] + x[1] * x[1])
    }
}

fn problem(model: &Follower, index: usize) -> Problem<2, 1, 2, 1> {
    let x0 = [0.5 * spread(0, index), spread(1, index)];
    let params = [0.6 + 0.4 * spread(2, index), 0.2 + 0.1 * spread(3, index)];
    let reference = SVector::from([0.4 * spread(4, index)]);
    Problem::new(x0, params, HORIZON)
        .with_stage_params(&[reference; HORIZON + 1])
        .with_policy(model, |_, x| [-15.0 * x[0] - 4.0 * x[1]])
}

/// The gradient of `1/2 |states|^2 + 1/2 |controls|^2`. In the third block none is a number, so these problems have no gradient.
fn loss<const NP: usize, const NS: usize>(index: usize, found: &Solution<2, 1, NP, NS>) -> LossGradient<2, 1> {
    let mut loss = LossGradient::new(found.states.clone(), found.controls.clone());
    if (64..96).contains(&index) {
        loss.states[0][0] = f64::NAN;
    }
    loss
}

/// Sums the gradients of a batch, and compares the sum with that of one process.
fn check<M, const NP: usize, const NS: usize>(
    cluster: &Cluster,
    model: &M,
    problems: &[Problem<2, 1, NP, NS>],
    fault: &str,
) -> Result<(), Box<dyn Error>>
where
    M: Formulation<2, 1, NP, NS, 0>,
{
    let settings = Settings::default();
    let solved: Result<Vec<_>, _> = cluster.solve(model, HORIZON, &settings, problems).into_iter().collect();
    let mut solutions = cluster.all(solved)?;
    let share = cluster.share(problems.len());
    let losses: Vec<_> = share.zip(&solutions).map(|(index, found)| loss(index, found)).collect();
    assert!(fault != "panic", "as the test asks");
    if fault == "abort" {
        std::process::abort();
    }
    if fault == "lengths" {
        solutions.pop();
    }
    let count = problems.len() + usize::from(fault == "counts");
    let sum = cluster.vjp_sum(model, &settings, count, (&solutions, &losses))?;

    if cluster.rank() == 0 {
        let solved: Result<Vec<_>, _> = batch::solve(model, HORIZON, &settings, problems).into_iter().collect();
        let solutions = solved.expect("each share was solved");
        let losses: Vec<_> = solutions.iter().enumerate().map(|(index, found)| loss(index, found)).collect();
        let alone = batch::vjp_sum(model, &settings, &solutions, &losses);
        assert_eq!(alone.gradient, sum.gradient, "one process has another sum");
        let refused: Vec<_> = alone.refused.into_iter().map(|(index, error)| (index, error.to_string())).collect();
        assert_eq!(refused, sum.refused);
        let numbers = sum.gradient.params.iter().chain(&sum.gradient.initial_state).chain(&sum.gradient.weights);
        let bits: Vec<String> = numbers.map(|number| format!("{:016x}", number.to_bits())).collect();
        println!("{} problems, {} refused: {}", problems.len(), refused.len(), bits.join(" "));
    }
    // What rank 0 has is what each process has.
    let everywhere = cluster.gather(&sum.gradient)?;
    assert!(everywhere.into_iter().flatten().all(|other| other == sum.gradient));
    Ok(())
}

fn run() -> Result<(), Box<dyn Error>> {
    let fault = std::env::args().nth(1).unwrap_or_default();
    let cluster = Cluster::initialize()?;
    let last = cluster.rank() + 1 == cluster.size();
    let fault = if last { fault.as_str() } else { "" };
    let follower = Follower::new(Friction::xavier(1));
    let mut problems: Vec<_> = (0..COUNT).map(|index| problem(&follower, index)).collect();
    if fault == "data" {
        problems[COUNT - 1] =
            Problem::new([f64::NAN, 0.0], [0.6, 0.2], HORIZON).with_stage_params(&[[0.1]; HORIZON + 1]);
    }
    check(&cluster, &follower, &problems, fault)?;
    check(&cluster, &follower, &[], "")?;
    let points: Vec<_> =
        (0..COUNT).map(|index| Problem::new([spread(0, index), spread(1, index)], [0.1], HORIZON)).collect();
    check(&cluster, &Point, &points, "")
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // In one piece, so that those of other processes do not come between. The exit code counts where nobody can read it.
            let _ = std::io::stderr().write_all(format!("{error}\n").as_bytes());
            ExitCode::FAILURE
        }
    }
}
