//! Shared by the integration tests: more models, the reference data, comparisons.
#![allow(clippy::unwrap_used, clippy::panic, reason = "used by tests only, which report by panicking")]

mod derivatives;
mod kernels;
mod limited;
mod reference;
mod solving;

pub use derivatives::{Functions, Points, assert_derivatives, underneath};
pub use limited::{demand, discs, floor, redundant, shared, short_rail, shuttle, weak_pendulum};
pub use reference::{Limited, Peer, Reference, matrices, vector, vectors};
pub use solving::{differences, harness, harness_loss, random_loss, solve, tight, value};

use dilqr_runtime::nalgebra::SMatrix;

/// Pages whose code is compiled and run as doc tests.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../../README.md")]
    pub struct Readme;

    #[doc = include_str!("../../dilqr-macros/docs/attribute.md")]
    pub struct Attribute;

    #[doc = include_str!("../../docs/language.md")]
    pub struct Language;

    #[doc = include_str!("../../dilqr-macros/docs/implicit.md")]
    pub struct Implicit;

    #[doc = include_str!("../../dilqr-macros/docs/factor.md")]
    pub struct Factor;

    #[doc = include_str!("../../docs/beyond-control.md")]
    pub struct BeyondControl;

    #[doc = include_str!("../../docs/from-other-tools.md")]
    pub struct FromOtherTools;

    #[doc = include_str!("../../docs/learning.md")]
    pub struct Learning;
}

/// The cart and pole of `dilqr-models` at its default parameters. Here the parameters are the weights of the cost, the
/// goal and the weight of the control: the reference case `cost_weights`.
#[dilqr_runtime::model]
pub mod weights {
    pub struct State {
        pub x: [f64; 4],
    }
    pub struct Control {
        pub force: f64,
    }
    pub struct Params {
        pub q: [f64; 4],
        pub goal: [f64; 4],
        pub r: f64,
    }

    const DT: f64 = 0.05;
    const GRAVITY: f64 = 9.8;
    const MASS_CART: f64 = 1.0;
    const MASS_POLE: f64 = 0.1;
    const MASS: f64 = MASS_CART + MASS_POLE;
    const LENGTH: f64 = 0.5;

    pub fn dynamics(x: &State, u: &Control, _p: &Params) -> State {
        let (position, velocity, angle, rate) = (x.x[0], x.x[1], x.x[2], x.x[3]);
        let (sin, cos) = angle.sin_cos();
        let push = (u.force + MASS_POLE * LENGTH * rate * rate * sin) / MASS;
        let turn = (GRAVITY * sin - cos * push) / (LENGTH * (4.0 / 3.0 - MASS_POLE * cos * cos / MASS));
        let pull = push - MASS_POLE * LENGTH * turn * cos / MASS;
        State { x: [position + DT * velocity, velocity + DT * pull, angle + DT * rate, rate + DT * turn] }
    }

    fn distance(x: &State, p: &Params) -> f64 {
        let d = [x.x[0] - p.goal[0], x.x[1] - p.goal[1], x.x[2] - p.goal[2], x.x[3] - p.goal[3]];
        p.q[0] * d[0].powi(2) + p.q[1] * d[1].powi(2) + p.q[2] * d[2].powi(2) + p.q[3] * d[3].powi(2)
    }

    pub fn stage_cost(x: &State, u: &Control, p: &Params) -> f64 {
        distance(x, p) + p.r * u.force.powi(2)
    }

    pub fn terminal_cost(x: &State, p: &Params) -> f64 {
        10.0 * distance(x, p)
    }
}

/// The pendulum of the comparison with other solvers: `l = -cos theta + ..`, also as terminal cost.
#[dilqr_runtime::model]
pub mod pend2 {
    pub struct State {
        pub theta: f64,
        pub omega: f64,
    }
    pub struct Control {
        pub torque: f64,
    }
    pub struct Params {
        pub gravity: f64,
        pub mass: f64,
        pub length: f64,
    }

    const DT: f64 = 0.05;

    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        let acceleration =
            3.0 * p.gravity / (2.0 * p.length) * x.theta.sin() + 3.0 * u.torque / (p.mass * p.length * p.length);
        let omega = x.omega + DT * acceleration;
        State { theta: x.theta + DT * omega, omega }
    }

    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        terminal_cost(x, p) + 0.0005 * u.torque * u.torque
    }

    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        0.05 * x.omega * x.omega - x.theta.cos()
    }
}

/// The cart and pole of the comparison with other solvers, with the same kind of cost.
#[dilqr_runtime::model]
pub mod cart4 {
    pub struct State {
        pub position: f64,
        pub velocity: f64,
        pub angle: f64,
        pub rate: f64,
    }
    pub struct Control {
        pub force: f64,
    }
    pub struct Params {
        pub gravity: f64,
        pub mass_cart: f64,
        pub mass_pole: f64,
        pub length: f64,
    }

    const DT: f64 = 0.05;

    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        let mass = p.mass_cart + p.mass_pole;
        let moment = p.mass_pole * p.length;
        let (sin, cos) = (f64::sin(x.angle), f64::cos(x.angle));
        let push = (u.force + moment * x.rate * x.rate * sin) / mass;
        let turn = (p.gravity * sin - cos * push) / (p.length * (4.0 / 3.0 - p.mass_pole * cos * cos / mass));
        let pull = push - moment * turn * cos / mass;
        State {
            position: x.position + DT * x.velocity,
            velocity: x.velocity + DT * pull,
            angle: x.angle + DT * x.rate,
            rate: x.rate + DT * turn,
        }
    }

    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        terminal_cost(x, p) + 0.0005 * u.force * u.force
    }

    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        0.05 * (x.position * x.position + x.velocity * x.velocity + x.rate * x.rate) - x.angle.cos()
    }
}

/// A cost whose derivative is singular where its value is finite: the root of the state. Its logarithm has no minimum.
#[dilqr_runtime::model]
pub mod root {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {
        pub p: f64,
    }
    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        State { x: x.x + p.p * u.u }
    }
    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        x.x.sqrt() + u.u.powi(2)
    }
    pub fn terminal_cost(x: State, p: Params) -> f64 {
        p.p * x.x.ln()
    }
}

/// Largest difference of two lists of matrices, relative to the largest entry of `expected`; NaN if a number is.
#[track_caller]
pub fn relative_error<const R: usize, const C: usize>(
    given: &[SMatrix<f64, R, C>],
    expected: &[SMatrix<f64, R, C>],
) -> f64 {
    assert_eq!(given.len(), expected.len());
    let largest = expected.iter().map(SMatrix::amax).fold(0.0, f64::max);
    let differences = given.iter().zip(expected).flat_map(|(a, b)| (a - b).iter().copied().collect::<Vec<f64>>());
    let add = |error: f64, d: f64| if error.is_nan() || d.is_nan() { f64::NAN } else { error.max(d.abs()) };
    differences.fold(0.0, add) / largest
}

/// Fails where [`relative_error`] is larger than the tolerance, or NaN.
#[track_caller]
pub fn assert_close<const R: usize, const C: usize>(
    name: &str,
    given: &[SMatrix<f64, R, C>],
    expected: &[SMatrix<f64, R, C>],
    tolerance: f64,
) {
    let error = relative_error(given, expected);
    assert!(error <= tolerance, "{name}: relative error {error:e}, allowed {tolerance:e}");
}
