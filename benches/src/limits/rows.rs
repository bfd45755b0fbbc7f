//! The rows of the table.

use dilqr_models::pendulum_limited::{self, PendulumLimited};
use dilqr_models::race_car::RaceCar;
use dilqr_models::unicycle_obstacles::{self, UnicycleObstacles};
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{Model, Mpc, Problem, Settings};

use super::chain::{self, chain::Chain};
use super::crane::{self, crane::Crane, crane_rows::CraneRows, crane_slacks::CraneSlacks, crane_soft::CraneSoft};
use super::formulation::Single;
use super::lq::{Family, STABLE, UNSTABLE, bounded_lq::BoundedLq, constrained_lq::ConstrainedLq};
use super::quadrotor_lq::{self, quadrotor_lq::QuadrotorLq};
use super::race::{self, race::Race};
use super::race_time::{by_design, by_state, race_time::RaceTime};
use super::swing_up::{self, swing_up::SwingUp};
use super::work::{Batch, ClosedLoop, Work};

/// A row: its name, the peers' problem it is compared with, and its work.
pub struct Row {
    pub name: &'static str,
    /// The name in the peers' answers; `None` for work that no peer does.
    pub peer: Option<&'static str>,
    /// Makes the work, which solves the problems once.
    pub work: Box<dyn Fn(Settings) -> Box<dyn Work>>,
}

fn row(
    name: &'static str,
    peer: impl Into<Option<&'static str>>,
    work: impl Fn(Settings) -> Box<dyn Work> + 'static,
) -> Row {
    Row { name, peer: peer.into(), work: Box::new(work) }
}

/// All rows.
pub fn rows() -> Vec<Row> {
    let mut rows = random_lq();
    rows.extend(limited_pendulum());
    rows.extend(race_track());
    rows.extend(single());
    rows.extend(two_forms());
    rows
}

/// Problems of a family by a model.
fn family<M>(model: M, family: Family, settings: Settings) -> Batch<M, 8, 4, 248, 0>
where
    M: Model<8, 4, 248> + Copy + 'static,
{
    Batch::new(model, settings, family.problems())
}

fn random_lq() -> Vec<Row> {
    vec![
        row("lq bounds", "lq", |with| Box::new(family(BoundedLq, UNSTABLE, with))),
        row("lq bounds, lanes", "lq", |with| Box::new(family(BoundedLq, UNSTABLE, with).lanes())),
        row("lq bounds, gradient", None, |with| Box::new(family(BoundedLq, UNSTABLE, with).gradients())),
        row("lq bounds, gradient in lanes", None, |with| {
            Box::new(family(BoundedLq, UNSTABLE, with).gradients().in_lanes())
        }),
        row("lq constraints", "lq", |with| Box::new(family(ConstrainedLq, UNSTABLE, with))),
        row("lq constraints, lanes", "lq", |with| Box::new(family(ConstrainedLq, UNSTABLE, with).lanes())),
        row("lq constraints, gradient", None, |with| Box::new(family(ConstrainedLq, UNSTABLE, with).gradients())),
        row("stable lq", "stable lq", |with| Box::new(family(BoundedLq, STABLE, with))),
        row("stable lq, lanes", "stable lq", |with| Box::new(family(BoundedLq, STABLE, with).lanes())),
        row("stable lq, gradient", None, |with| Box::new(family(BoundedLq, STABLE, with).gradients())),
    ]
}

/// Swings of a weak motor from 40 starts, and a controller of the first of them.
fn limited_pendulum() -> Vec<Row> {
    const HORIZON: usize = 50;
    let start = |k: usize| [0.15 * (k + 1) as f64, 1.0 - 0.05 * k as f64];
    vec![
        row("limited pendulum", None, move |with| {
            let problem = |k| Problem::new(start(k), pendulum_limited::Params::default(), HORIZON);
            Box::new(Batch::new(PendulumLimited, with, (0..40).map(problem).collect()))
        }),
        row("limited pendulum controller, 60 steps", None, |with| {
            let params = pendulum_limited::Params::default();
            let mpc = Mpc::new(PendulumLimited, params, HORIZON, with).expect("the settings are in range");
            Box::new(ClosedLoop::new(mpc, [core::f64::consts::PI, 0.0], |_| vec![[]; HORIZON + 1], 60))
        }),
    ]
}

fn race_track() -> Vec<Row> {
    vec![
        row("race bend", "race bend", |with| {
            let problem = Problem::new(race::BEND, [race::MASS], race::HORIZON);
            let problem = problem.with_stage_params(&race::references(race::BEND[0]));
            Box::new(Batch::new(Race, with, vec![problem]))
        }),
        row("race controller, 60 steps", "race controller", |with| {
            let mpc = Mpc::new(Race, [race::MASS], race::HORIZON, with).expect("the settings are in range");
            let references = |x: &SVector<f64, 6>| race::references(x[0]);
            Box::new(ClosedLoop::new(mpc, race::REST, references, 60))
        }),
    ]
}

fn single() -> Vec<Row> {
    vec![
        row("three obstacles", "three obstacles", |with| {
            // Around the first obstacle on the left, as the example of the models.
            let guess: Vec<[f64; 2]> = (0..60).map(|t| [0.7, if t < 8 { 0.8 } else { -0.15 }]).collect();
            let problem = Problem::new([0.0; 3], unicycle_obstacles::Params::default(), 60).with_controls(&guess);
            Box::new(Batch::new(UnicycleObstacles, with, vec![problem]))
        }),
        row("cart-pole swing-up", "cart-pole swing-up", |with| {
            let problem = Problem::new(swing_up::START, swing_up::PARAMS, swing_up::HORIZON);
            Box::new(Batch::new(SwingUp, with, vec![problem]))
        }),
        row("chain of masses", "chain of masses", |with| {
            Box::new(Batch::new(Chain, with, vec![Problem::new(chain::START, chain::PARAMS, chain::HORIZON)]))
        }),
        row("quadrotor near", "quadrotor near", |with| quadrotor(quadrotor_lq::NEAR, with)),
        row("quadrotor far", "quadrotor far", |with| quadrotor(quadrotor_lq::FAR, with)),
    ]
}

fn quadrotor(start: [f64; 12], settings: Settings) -> Box<dyn Work> {
    let problem = Problem::new(start, quadrotor_lq::REFERENCE, quadrotor_lq::HORIZON);
    Box::new(Batch::new(QuadrotorLq, settings, vec![problem]))
}

/// The same problem in two forms: as the language has it, and with states and rows that are written by hand.
fn two_forms() -> Vec<Row> {
    vec![
        row("race car, time by design", None, |with| Box::new(Single::new(RaceCar, with, by_design()))),
        row("race car, time by state", None, |with| Box::new(Single::new(RaceTime, with, by_state()))),
        row("race car gradient, time by design", None, |with| {
            Box::new(Single::new(RaceCar, with, by_design()).gradient())
        }),
        row("race car gradient, time by state", None, |with| {
            Box::new(Single::new(RaceTime, with, by_state()).gradient())
        }),
        row("crane, bounds", None, |with| {
            Box::new(Single::new(Crane, with, Problem::new(crane::START, crane::PARAMS, crane::HORIZON)))
        }),
        row("crane, rows", None, |with| {
            Box::new(Single::new(CraneRows, with, Problem::new(crane::START, crane::PARAMS, crane::HORIZON)))
        }),
        row("crane gradient, bounds", None, |with| {
            Box::new(Single::new(Crane, with, Problem::new(crane::START, crane::PARAMS, crane::HORIZON)).gradient())
        }),
        row("crane gradient, rows", None, |with| {
            Box::new(Single::new(CraneRows, with, Problem::new(crane::START, crane::PARAMS, crane::HORIZON)).gradient())
        }),
        row("crane, soft constraints", None, |with| {
            Box::new(Single::new(CraneSoft, with, Problem::new(crane::START, crane::SOFT_PARAMS, crane::HORIZON)))
        }),
        row("crane, excesses by hand", None, |with| {
            Box::new(Single::new(CraneSlacks, with, Problem::new(crane::START, crane::SOFT_PARAMS, crane::HORIZON)))
        }),
        row("crane gradient, soft constraints", None, |with| {
            Box::new(
                Single::new(CraneSoft, with, Problem::new(crane::START, crane::SOFT_PARAMS, crane::HORIZON)).gradient(),
            )
        }),
        row("crane gradient, excesses by hand", None, |with| {
            Box::new(
                Single::new(CraneSlacks, with, Problem::new(crane::START, crane::SOFT_PARAMS, crane::HORIZON))
                    .gradient(),
            )
        }),
    ]
}
