//! Imitation learning: all methods on the same demonstrations.

mod report;

use std::sync::Mutex;

use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{Differentiation, Model};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::learner::{Lesson, Outcome, learn};
use crate::one_step::identify;
use crate::optimizer::Choice;
use crate::pupil::judge;
use crate::system::{Demonstrations, System, cartpole, pendulum};
use crate::table::{Table, write};
use crate::unknowns::{Mode, Unknowns};
use crate::{Context, Failure};

/// The gradient of a learner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Method {
    /// Exact, through the solver.
    #[serde(rename = "DiLQR")]
    Dilqr,
    /// Through the solver, with a fixed linearization (Amos et al. 2018).
    #[serde(rename = "DiffMPC")]
    DiffMpc,
    /// Of one-step predictions.
    #[serde(rename = "SysId")]
    SysId,
}

impl Method {
    fn name(self) -> &'static str {
        match self {
            Self::Dilqr => "DiLQR",
            Self::DiffMpc => "DiffMPC",
            Self::SysId => "SysId",
        }
    }
}

/// One learner, one row.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Row {
    system: String,
    mode: Mode,
    method: Method,
    optimizer: Choice,
    /// Whether the dynamics' parameters were kept positive.
    positive: bool,
    trajectories: usize,
    seed: u64,
    end: String,
    epochs: usize,
    /// Mean squared control errors from zero controls, over those that were solved; NaN where none was.
    train: f64,
    validation: f64,
    test: f64,
    /// Problems of the three sets that were not solved from zero controls, of how many.
    judged_unsolved: usize,
    judged: usize,
    /// Mean squared error of the learned parameters.
    model_loss: f64,
    /// Largest relative error of the identifiable quantities of the dynamics; NaN if these are not learned.
    dynamics_error: f64,
    /// Error of the direction of the identifiable part of the cost; NaN if it is not learned.
    cost_error: f64,
    /// Whether a parameter of the dynamics was ever not positive.
    negative: bool,
    seconds: f64,
    seconds_to_1e6: Option<f64>,
    solves: usize,
    unsolved: usize,
    undifferentiable: usize,
}

/// A point of a learning curve.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Point {
    system: String,
    mode: Mode,
    method: Method,
    optimizer: Choice,
    epoch: usize,
    loss: f64,
}

/// A learner to be run.
#[derive(Clone, Copy, Debug)]
struct Case {
    mode: Mode,
    method: Method,
    optimizer: Choice,
    positive: bool,
    trajectories: usize,
    seed: u64,
}

impl Case {
    fn is(&self, system: &str, row: &Row) -> bool {
        row.system == system
            && row.mode == self.mode
            && row.method == self.method
            && row.optimizer == self.optimizer
            && row.positive == self.positive
            && row.trajectories == self.trajectories
            && row.seed == self.seed
    }
}

/// The methods, in the order of the tables.
const WAYS: [(Method, Choice); 9] = [
    (Method::DiffMpc, Choice::Rmsprop),
    (Method::Dilqr, Choice::Rmsprop),
    (Method::DiffMpc, Choice::Adam),
    (Method::Dilqr, Choice::Adam),
    (Method::Dilqr, Choice::GaussNewton),
    (Method::Dilqr, Choice::RelaxedGaussNewton),
    (Method::Dilqr, Choice::AdamGaussNewton),
    (Method::SysId, Choice::Rmsprop),
    (Method::SysId, Choice::GaussNewton),
];

const SIZES: [usize; 3] = [10, 50, 100];

/// The learners whose curves are kept and drawn: of the first seed, on this many trajectories, without transforms.
const DRAWN: usize = 50;

fn cases(quick: bool) -> Vec<Case> {
    let seeds = if quick { 1 } else { 4 };
    let sizes = if quick { &SIZES[..1] } else { &SIZES[..] };
    let mut cases = Vec::new();
    for seed in 0..seeds {
        for &trajectories in sizes {
            for mode in Mode::ALL {
                for (method, optimizer) in WAYS {
                    for positive in [false, true] {
                        if positive && !mode.learns_dynamics() || method == Method::SysId && mode != Mode::Dynamics {
                            continue;
                        }
                        cases.push(Case { mode, method, optimizer, positive, trajectories, seed });
                    }
                }
            }
        }
    }
    cases
}

/// Runs missing learners, and writes tables and pictures.
pub(crate) fn run(context: &Context) -> Result<(), Failure> {
    let rows = Table::open(context.path("imitation.csv"))?;
    let curves = Table::open(context.path("imitation-curves.csv"))?;
    let mut redrawn = 0;
    redrawn += learn_all(context, &pendulum(), pendulum_combinations, &rows, &curves)?;
    redrawn += learn_all(context, &cartpole(), cartpole_combinations, &rows, &curves)?;
    let rows = rows.rows();
    write(&context.path("imitation.md"), &report::report(&rows, redrawn))?;
    report::losses(context, &rows)?;
    report::learning_curves(context, &curves.rows())
}

/// All learners of a system. Returns the number of initial states from which its expert did not converge.
fn learn_all<M, const NX: usize, const NP: usize>(
    context: &Context,
    system: &System<M, NX, NP>,
    combinations: fn(&SVector<f64, NP>) -> Vec<f64>,
    rows: &Table<Row>,
    curves: &Table<Point>,
) -> Result<usize, Failure>
where
    M: Model<NX, 1, NP> + Copy + Send,
{
    let epochs = if context.quick { 8 } else { 1000 };
    let cases = cases(context.quick);
    let mut demonstrations = Vec::new();
    for seed in 0..=cases.iter().map(|case| case.seed).max().unwrap_or(0) {
        demonstrations.push(system.demonstrate(seed, *SIZES.last().unwrap_or(&0), 10)?);
    }
    let missing: Vec<Case> = cases.into_iter().filter(|case| !rows.contains(|row| case.is(system.name, row))).collect();
    let bar = context.bar("imitation", missing.len());
    let one = |case: &Case| -> Result<(), Failure> {
        bar.set_message(format!("{} {} {}", system.name, case.mode.name(), case.method.name()));
        let demonstrations = &demonstrations[case.seed as usize];
        let unknowns = Unknowns::new(system, case.mode, case.positive)?;
        let outcome = study(system, demonstrations, case, &unknowns, epochs)?;
        if case.seed == 0 && case.trajectories == if context.quick { SIZES[0] } else { DRAWN } && !case.positive {
            curves.append(&thinned(system.name, case, &outcome.curve))?;
        }
        rows.append(&[assess(system, demonstrations, case, &unknowns, &outcome, combinations)?])?;
        bar.inc(1);
        Ok(())
    };
    if context.threads == 1 {
        missing.iter().try_for_each(one)?;
    } else {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(context.threads).build()?;
        let failure = Mutex::new(None);
        pool.install(|| {
            missing.par_iter().for_each(|case| {
                if let Err(error) = one(case) {
                    failure.lock().unwrap_or_else(std::sync::PoisonError::into_inner).replace(error);
                }
            });
        });
        if let Some(error) = failure.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
            return Err(error);
        }
    }
    bar.finish_and_clear();
    Ok(demonstrations.iter().map(|some| some.redrawn).sum())
}

fn study<M, const NX: usize, const NP: usize>(
    system: &System<M, NX, NP>,
    demonstrations: &Demonstrations<NX, NP>,
    case: &Case,
    unknowns: &Unknowns<NP>,
    epochs: usize,
) -> Result<Outcome<NP>, Failure>
where
    M: Model<NX, 1, NP> + Copy,
{
    let (optimizer, seed) = (case.optimizer, case.seed);
    let differentiation = match case.method {
        Method::Dilqr => Differentiation::Implicit,
        Method::DiffMpc => Differentiation::FixedLinearization,
        Method::SysId => {
            let train = &demonstrations.train[..case.trajectories];
            return Ok(identify(system, train, unknowns, optimizer, epochs, seed));
        }
    };
    learn(system, demonstrations, case.trajectories, unknowns, Lesson { optimizer, differentiation, epochs, seed })
}

fn assess<M, const NX: usize, const NP: usize>(
    system: &System<M, NX, NP>,
    demonstrations: &Demonstrations<NX, NP>,
    case: &Case,
    unknowns: &Unknowns<NP>,
    outcome: &Outcome<NP>,
    combinations: fn(&SVector<f64, NP>) -> Vec<f64>,
) -> Result<Row, Failure>
where
    M: Model<NX, 1, NP> + Copy,
{
    let params = &outcome.params;
    let train = &demonstrations.train[..case.trajectories];
    let mut unsolved = 0;
    let mut loss = |set| -> Result<f64, Failure> {
        let (loss, failed) = judge(system, set, params)?;
        unsolved += failed;
        Ok(loss.unwrap_or(f64::NAN))
    };
    let (train_loss, validation, test) = (loss(train)?, loss(&demonstrations.validation)?, loss(&demonstrations.test)?);
    let relative = combinations(params).into_iter().zip(combinations(&system.expert)).map(|(a, b)| (a / b - 1.0).abs());
    let [cost, expert_cost] = [params, &system.expert].map(|params| cost_direction::<M, NX, NP>(params));
    Ok(Row {
        system: system.name.to_owned(),
        mode: case.mode,
        method: case.method,
        optimizer: case.optimizer,
        positive: case.positive,
        trajectories: case.trajectories,
        seed: case.seed,
        end: outcome.end.name().to_owned(),
        epochs: outcome.epochs,
        train: train_loss,
        validation,
        test,
        judged_unsolved: unsolved,
        judged: train.len() + demonstrations.validation.len() + demonstrations.test.len(),
        model_loss: unknowns.error(params, &system.expert),
        dynamics_error: if case.mode.learns_dynamics() { relative.fold(0.0, f64::max) } else { f64::NAN },
        cost_error: if case.mode.learns_cost() {
            cost.iter().zip(&expert_cost).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
        } else {
            f64::NAN
        },
        negative: outcome.negative,
        seconds: outcome.seconds,
        seconds_to_1e6: outcome.seconds_to_milestone,
        solves: outcome.refusals.solves,
        unsolved: outcome.refusals.unsolved,
        undifferentiable: outcome.refusals.undifferentiable,
    })
}

/// Identifiable quantities of the pendulum: only the accelerations by gravity and by torque, `g / l` and `m l^2`.
fn pendulum_combinations(params: &SVector<f64, 12>) -> Vec<f64> {
    vec![params[0] / params[2], params[1] * params[2].powi(2)]
}

/// All parameters of the cart-pole's dynamics are identifiable.
fn cartpole_combinations(params: &SVector<f64, 17>) -> Vec<f64> {
    params.as_slice()[..4].to_vec()
}

/// The identifiable part of the cost, as a vector of length one: the cost up to a common factor. Of the weights on
/// cosine and sine, whose squares add up to one, only the difference is identifiable.
fn cost_direction<M, const NX: usize, const NP: usize>(params: &SVector<f64, NP>) -> Vec<f64>
where
    M: Model<NX, 1, NP> + Copy,
{
    let cost = &params.as_slice()[System::<M, NX, NP>::DYNAMICS..NP - 1];
    // Cosine, sine and rate are the last three entries of the state, before the control.
    let [cos, sin] = [NX - 3, NX - 2];
    let mut direction = cost.to_vec();
    direction[cos] = cost[cos] - cost[sin];
    direction.remove(sin);
    let length = direction.iter().map(|entry| entry * entry).sum::<f64>().sqrt();
    direction.iter().map(|entry| entry / length).collect()
}

/// A curve in at most about two hundred points, with the last one.
fn thinned(system: &str, case: &Case, curve: &[f64]) -> Vec<Point> {
    let every = curve.len().div_ceil(200).max(1);
    let kept = |&(epoch, loss): &(usize, &f64)| (epoch % every == 0 || epoch + 1 == curve.len()) && loss.is_finite();
    let point = |(epoch, &loss)| Point {
        system: system.to_owned(),
        mode: case.mode,
        method: case.method,
        optimizer: case.optimizer,
        epoch,
        loss,
    };
    curve.iter().enumerate().filter(kept).map(point).collect()
}
