//! The gradient without one accelerating part at a time: the recursion over stages, structural zeros, compiled
//! derivatives, parallelism.

use core::hint::black_box;
use core::time::Duration;

use dilqr_benches::casadi::quadrotor_euler;
use dilqr_models::{cartpole_cos_sin, pendulum_cos_sin};
use dilqr_runtime::AutoDiff;
use dilqr_runtime::model::{
    HamiltonianExpansion, ParameterGradient, ParameterTerms, Stage, Terminal, TerminalExpansion, Variation,
};
use dilqr_runtime::nalgebra::{SMatrix, SVector};
use dilqr_runtime::{Ilqr, LossGradient, Model, Problem, Scalar, Settings, Status, batch};
use serde::{Deserialize, Serialize};

use crate::dense::{Derivatives, jacobian};
use crate::table::{Markdown, Table, number, write};
use crate::timing::medians;
use crate::{Context, Failure};

const HORIZONS: [usize; 3] = [10, 30, 100];

/// Problems of a batch.
const BATCH: usize = 128;

/// Seconds of one gradient, and of the gradients of a batch.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Row {
    system: String,
    horizon: usize,
    vjp: f64,
    jacobian: f64,
    /// The Jacobian by the dense formula over the whole trajectory.
    whole: f64,
    /// The passes ignore structural zeros.
    dense: f64,
    /// Derivatives by dual numbers.
    dual: f64,
    threads: usize,
    batch_one_thread: f64,
    batch_all_threads: f64,
    /// Largest difference of the gradients, relative to their largest entry.
    disagreement: f64,
}

/// A model without structural zeros.
#[derive(Clone, Copy, Debug)]
struct Unaware<M>(M);

impl<M, const NX: usize, const NU: usize, const NP: usize> Model<NX, NU, NP> for Unaware<M>
where
    M: Model<NX, NU, NP>,
{
    fn dynamics<S: Scalar>(&self, at: Stage<'_, S, NX, NU, NP>, next: &mut SVector<S, NX>) {
        self.0.dynamics(at, next);
    }

    fn stage_cost<S: Scalar>(&self, at: Stage<'_, S, NX, NU, NP>) -> S {
        self.0.stage_cost(at)
    }

    fn terminal_cost<S: Scalar>(&self, at: Terminal<'_, S, NX, NP>) -> S {
        self.0.terminal_cost(at)
    }

    fn expand_hamiltonian<S: Scalar>(
        &self,
        at: Stage<'_, S, NX, NU, NP>,
        lambda: &SVector<S, NX>,
        out: &mut HamiltonianExpansion<S, NX, NU>,
    ) {
        self.0.expand_hamiltonian(at, lambda, out);
    }

    fn expand_terminal<S: Scalar>(&self, at: Terminal<'_, S, NX, NP>, out: &mut TerminalExpansion<S, NX>) {
        self.0.expand_terminal(at, out);
    }

    fn add_parameter_contraction<S: Scalar>(
        &self,
        at: Stage<'_, S, NX, NU, NP>,
        lambda: &SVector<S, NX>,
        variation: Variation<'_, S, NX, NU>,
        dlambda: &SVector<S, NX>,
        out: ParameterGradient<'_, S, NP, 0>,
    ) {
        self.0.add_parameter_contraction(at, lambda, variation, dlambda, out);
    }

    fn add_terminal_parameter_contraction<S: Scalar>(
        &self,
        at: Terminal<'_, S, NX, NP>,
        dx: &SVector<S, NX>,
        out: ParameterGradient<'_, S, NP, 0>,
    ) {
        self.0.add_terminal_parameter_contraction(at, dx, out);
    }

    fn parameter_terms<S: Scalar>(
        &self,
        at: Stage<'_, S, NX, NU, NP>,
        lambda: &SVector<S, NX>,
        out: &mut ParameterTerms<S, NX, NU, NP>,
    ) {
        self.0.parameter_terms(at, lambda, out);
    }

    fn terminal_parameter_terms<S: Scalar>(&self, at: Terminal<'_, S, NX, NP>, lxp: &mut SMatrix<S, NX, NP>) {
        self.0.terminal_parameter_terms(at, lxp);
    }
}

pub(crate) fn run(context: &Context) -> Result<(), Failure> {
    let rows = Table::open(context.path("ablation.csv"))?;
    let horizons = if context.quick { &HORIZONS[..1] } else { &HORIZONS[..] };
    let bar = context.bar("ablation", 3 * horizons.len());
    for &horizon in horizons {
        let (sin, cos) = 0.6_f64.sin_cos();
        let pendulum = Problem::new([cos, sin, 0.0], pendulum_cos_sin::Params::default(), horizon)
            .with_policy(&pendulum_cos_sin::PendulumCosSin, |_, x| [-(8.0 * x[1].atan2(x[0]) + 2.0 * x[2])]);
        measure(context, &rows, "pendulum", pendulum_cos_sin::PendulumCosSin, &pendulum)?;
        bar.inc(1);
        let (sin, cos) = 0.5_f64.sin_cos();
        let cartpole = Problem::new([0.0, 0.0, cos, sin, 0.0], cartpole_cos_sin::Params::default(), horizon)
            .with_policy(&cartpole_cos_sin::CartpoleCosSin, |_, x| {
                [2.0 * x[0] + 4.0 * x[1] + 40.0 * x[3].atan2(x[2]) + 8.0 * x[4]]
            });
        measure(context, &rows, "cartpole", cartpole_cos_sin::CartpoleCosSin, &cartpole)?;
        bar.inc(1);
        let mut x0 = [0.0; 12];
        x0[..6].copy_from_slice(&[0.5, -0.5, 0.5, 0.2, -0.1, 0.3]);
        let params = [0.5, 0.0023, 0.0023, 0.004, 0.175, 0.0245];
        let quadrotor = Problem::new(x0, params, horizon).with_controls(&vec![[0.5 * 9.81 / 4.0; 4]; horizon]);
        measure(context, &rows, "quadrotor", quadrotor_euler::QuadrotorEuler, &quadrotor)?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    write(&context.path("ablation.md"), &report(&rows.rows()))
}

fn measure<M, const NX: usize, const NU: usize, const NP: usize>(
    context: &Context,
    rows: &Table<Row>,
    system: &str,
    model: M,
    problem: &Problem<NX, NU, NP>,
) -> Result<(), Failure>
where
    M: Model<NX, NU, NP> + Copy,
{
    let horizon = problem.horizon();
    if rows.contains(|row| row.system == system && row.horizon == horizon) {
        return Ok(());
    }
    let settings = Settings::default();
    let mut solver = Ilqr::new(model, horizon, settings)?;
    let solution = solver.solve(problem)?;
    if solution.status != Status::Converged {
        return Err(format!("{system}, T = {horizon}: {}", solution.status).into());
    }
    let loss = LossGradient::new(solution.states.clone(), solution.controls.clone());
    let mut unaware = Ilqr::new(Unaware(model), horizon, settings)?;
    let mut dual = Ilqr::new(AutoDiff(model), horizon, settings)?;

    let gradient = solver.vjp(&solution, &loss)?.params;
    let by_jacobian = {
        let jacobian = solver.jacobian(&solution)?;
        let states = loss.states.iter().zip(&jacobian.states).map(|(g, j)| j.transpose() * g);
        states.chain(loss.controls.iter().zip(&jacobian.controls).map(|(g, j)| j.transpose() * g)).sum()
    };
    let by_whole = {
        let (dx, du) = jacobian(&model, &solution, Derivatives::Partial).ok_or("the dense formula is singular")?;
        let mut gradient = SVector::<f64, NP>::zeros();
        for t in 0..horizon {
            gradient += dx.rows(t * NX, NX).tr_mul(&loss.states[t + 1]) + du.rows(t * NU, NU).tr_mul(&loss.controls[t]);
        }
        gradient
    };
    let others = [by_jacobian, by_whole, unaware.vjp(&solution, &loss)?.params, dual.vjp(&solution, &loss)?.params];
    let disagreement = others.iter().map(|other| (other - gradient).amax()).fold(0.0, f64::max) / gradient.amax();

    let (solutions, losses) = (vec![solution.clone(); BATCH], vec![loss.clone(); BATCH]);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let (one, all) = (pool(1)?, pool(threads)?);
    let (model, solution, loss, solutions, losses) = (&model, &solution, &loss, &solutions, &losses);
    let mut for_jacobian = solver.clone();
    let mut operations: Vec<Box<dyn FnMut() + '_>> = vec![
        Box::new(move || drop(black_box(solver.vjp(black_box(solution), loss)))),
        Box::new(move || drop(black_box(for_jacobian.jacobian(black_box(solution))))),
        Box::new(move || drop(black_box(jacobian(model, black_box(solution), Derivatives::Partial)))),
        Box::new(move || drop(black_box(unaware.vjp(black_box(solution), loss)))),
        Box::new(move || drop(black_box(dual.vjp(black_box(solution), loss)))),
        Box::new(move || drop(black_box(one.install(|| batch::vjp(model, &settings, solutions, losses))))),
        Box::new(move || drop(black_box(all.install(|| batch::vjp(model, &settings, solutions, losses))))),
    ];
    let (blocks, block) = if context.quick { (3, 2) } else { (21, 5) };
    let times = medians(blocks, Duration::from_millis(block), &mut operations);
    rows.append(&[Row {
        system: system.to_owned(),
        horizon,
        vjp: times[0],
        jacobian: times[1],
        whole: times[2],
        dense: times[3],
        dual: times[4],
        threads,
        batch_one_thread: times[5],
        batch_all_threads: times[6],
        disagreement,
    }])
}

fn report(rows: &[Row]) -> String {
    let mut table = Markdown::new(&[
        "system",
        "T",
        "vjp [us]",
        "Jacobian [us]",
        "whole trajectory [us]",
        "ratio to Jacobian",
        "zeros unknown [us]",
        "ratio",
        "dual numbers [us]",
        "ratio",
        "batch of 128, 1 thread [us]",
        "all threads [us]",
        "ratio",
        "largest disagreement",
    ]);
    let micro = |seconds: f64| number(1e6 * seconds);
    for row in rows {
        table.row(&[
            row.system.clone(),
            row.horizon.to_string(),
            micro(row.vjp),
            micro(row.jacobian),
            micro(row.whole),
            number(row.whole / row.jacobian),
            micro(row.dense),
            number(row.dense / row.vjp),
            micro(row.dual),
            number(row.dual / row.vjp),
            micro(row.batch_one_thread),
            format!("{} ({})", micro(row.batch_all_threads), row.threads),
            number(row.batch_one_thread / row.batch_all_threads),
            number(row.disagreement),
        ]);
    }
    table.text()
}
