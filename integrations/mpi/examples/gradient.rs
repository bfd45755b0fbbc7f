//! The gradient of a batch, summed over processes, and compared with that of one process: `mpiexec -n 4 gradient [FAULT]`.
//!
//! Rank 0 prints the bits of the sum. `FAULT` is one of `data`, `lengths`, `panic` and `abort`, what the tests of this package try in the last process.
#![allow(clippy::print_stdout, reason = "the output of a program")]

use std::error::Error;

use dilqr_follower::{Follower, Friction, HORIZON, spread};
use dilqr_mpi::Cluster;
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{LossGradient, Problem, Settings, Solution, batch};

/// Not a multiple of the block, so the last one is short.
const COUNT: usize = 203;

/// A problem whose loss is no number: it has no gradient.
const REFUSED: usize = 70;

fn problem(model: &Follower, index: usize) -> Problem<2, 1, 2, 1> {
    let x0 = [0.5 * spread(0, index), spread(1, index)];
    let params = [0.6 + 0.4 * spread(2, index), 0.2 + 0.1 * spread(3, index)];
    let reference = SVector::from([0.4 * spread(4, index)]);
    Problem::new(x0, params, HORIZON)
        .with_stage_params(&[reference; HORIZON + 1])
        .with_policy(model, |_, x| [-15.0 * x[0] - 4.0 * x[1]])
}

/// The loss `1/2 |states|^2 + 1/2 |controls|^2`.
fn loss(index: usize, found: &Solution<2, 1, 2, 1>) -> LossGradient<2, 1> {
    let mut loss = LossGradient::new(found.states.clone(), found.controls.clone());
    if index == REFUSED {
        loss.states[0][0] = f64::NAN;
    }
    loss
}

fn main() -> Result<(), Box<dyn Error>> {
    let fault = std::env::args().nth(1).unwrap_or_default();
    let cluster = Cluster::initialize()?;
    let last = cluster.rank() + 1 == cluster.size();
    let (model, settings) = (Follower::new(Friction::xavier(1)), Settings::default());
    let mut problems: Vec<_> = (0..COUNT).map(|index| problem(&model, index)).collect();
    if last && fault == "data" {
        problems[COUNT - 1] =
            Problem::new([f64::NAN, 0.0], [0.6, 0.2], HORIZON).with_stage_params(&[[0.1]; HORIZON + 1]);
    }
    let solved: Result<Vec<_>, _> = cluster.solve(&model, HORIZON, &settings, &problems).into_iter().collect();
    let mut solutions = cluster.all(solved)?;
    let share = cluster.share(COUNT);
    let losses: Vec<_> = share.clone().zip(&solutions).map(|(index, found)| loss(index, found)).collect();
    assert!(!(last && fault == "panic"), "as the test asks");
    if last && fault == "abort" {
        std::process::abort();
    }
    if last && fault == "lengths" {
        solutions.pop();
    }
    let sum = cluster.vjp_sum(&model, &settings, COUNT, (&solutions, &losses))?;

    if cluster.rank() == 0 {
        let solutions: Vec<_> = problems
            .iter()
            .flat_map(|problem| batch::solve(&model, HORIZON, &settings, std::slice::from_ref(problem)))
            .collect::<Result<_, _>>()?;
        let losses: Vec<_> = solutions.iter().enumerate().map(|(index, found)| loss(index, found)).collect();
        let alone = batch::vjp_sum(&model, &settings, &solutions, &losses);
        assert_eq!(alone.gradient, sum.gradient, "one process has another sum");
        let refused: Vec<_> = alone.refused.into_iter().map(|(index, error)| (index, error.to_string())).collect();
        assert_eq!(refused, sum.refused);
        println!("refused {:?}", sum.refused);
        let numbers = sum.gradient.params.iter().chain(&sum.gradient.initial_state).chain(&sum.gradient.weights);
        let bits: Vec<String> = numbers.map(|number| format!("{:016x}", number.to_bits())).collect();
        println!("sum {}", bits.join(" "));
    }
    // What rank 0 has is what each process has.
    let everywhere = cluster.gather(&sum.gradient)?;
    assert!(everywhere.into_iter().flatten().all(|other| other == sum.gradient));
    Ok(())
}
