//! Models with limits, by the default method and by each other one.

use dilqr_models::{pendulum_limited, unicycle_obstacles};
use dilqr_runtime::{Method, Model, Settings};
use dilqr_tests::{demand, discs, floor, redundant, shared, short_rail, shuttle, weak_pendulum};

use super::case::Case;

const METHODS: [Method; 3] = [Method::Auto, Method::InteriorPoint, Method::AugmentedLagrangian];

fn check<M, const NX: usize, const NU: usize, const NP: usize>(
    name: &'static str,
    model: M,
    x0: [f64; NX],
    params: [f64; NP],
    guess: &[[f64; NU]],
) where
    M: Model<NX, NU, NP> + Copy,
{
    for method in METHODS {
        let stage_params = vec![[]; guess.len() + 1];
        let settings = Settings { method, ..Settings::default() };
        let guess = guess.to_vec();
        Case { name, model, x0, params, stage_params, guess, settings, differentiable: true }.check();
    }
}

#[test]
fn pendulums_with_weak_motors() {
    let guess = [[0.0]; 20];
    check("pendulum", pendulum_limited::PendulumLimited, [0.6, 0.0], [10.0, 1.0, 1.0, 2.0], &guess);
    check("weak pendulum", weak_pendulum::WeakPendulum, [0.6, 0.1], [-1.5, 2.0, 10.0, 1.0], &guess);
}

#[test]
fn unicycles_between_discs() {
    let params = unicycle_obstacles::Params::default();
    // The left bend of the example.
    let guess: [[f64; 2]; 30] = core::array::from_fn(|t| [0.7, if t < 8 { 0.8 } else { -0.15 }]);
    check("unicycle", unicycle_obstacles::UnicycleObstacles, [0.0; 3], params.into(), &guess);
    let params = [2.0, 0.4, 0.3, 1.0, 0.0, 0.6, 1.0, 2.0, 0.2];
    check("discs", discs::Discs, [0.0, 0.1, 0.0], params, &[[0.5, 0.1]; 25]);
}

#[test]
fn limits_of_the_state() {
    check("rail", short_rail::ShortRail, [0.1, 0.2, 0.2, 0.1], [8.0, 0.3, 0.2, 0.5], &[[0.0]; 25]);
    check("floor", floor::Floor, [0.5, 0.1, 0.2, 0.1, -0.4, 0.1], [4.0, 0.5, 0.02, -0.05], &[[2.4; 2]; 20]);
    check("shuttle", shuttle::Shuttle, [0.0, 0.1], [-2.5, 2.0, 0.5, 0.1], &[[0.0]; 20]);
}

#[test]
fn shared_limits() {
    check("shared", shared::Shared, [0.0, 0.2], [1.2, 2.0, 0.5], &[[0.1, 0.1]; 20]);
    for method in METHODS {
        Case {
            name: "demand",
            model: demand::Demand,
            x0: [0.5],
            params: [-0.1, 0.6, 0.1, 0.7, 0.4],
            stage_params: (0..=15).map(|t| [0.7 + 0.4 * f64::from(t).sin(), 0.5]).collect(),
            guess: vec![[0.1; 3]; 15],
            settings: Settings { method, ..Settings::default() },
            differentiable: true,
        }
        .check();
        Case {
            name: "redundant",
            model: redundant::Redundant,
            x0: [0.2],
            params: [1.0, 1.0],
            stage_params: vec![[]; 11],
            guess: vec![[0.0]; 10],
            settings: Settings { method, ..Settings::default() },
            differentiable: true,
        }
        .check();
    }
}
