//! A vehicle that rolls along its heading and turns on the spot, driven to a pose.
//!
//! Equations: the kinematic unicycle, Siciliano, Sciavicco, Villani and Oriolo, "Robotics: Modelling, Planning and
//! Control", Springer 2009, section 11.2.1. The motion has no parameters. Those here belong to the
//! cost: the goal, and weights of driving.

#[expect(clippy::module_inception, reason = "the macro names the model after the module; the file has the same noun")]
#[dilqr_runtime::model(integrator = midpoint, dt = DT, vendored = "src/models/unicycle.dilqr.rs")]
mod unicycle {
    /// The vehicle's pose.
    pub struct State {
        /// Position along the first axis \[m\].
        pub x: f64,
        /// Position along the second axis \[m\].
        pub y: f64,
        /// Heading, counterclockwise from the first axis \[rad\].
        pub heading: f64,
    }

    /// The drive.
    pub struct Control {
        /// Speed along the heading \[m/s\].
        pub speed: f64,
        /// Rate of the heading \[rad/s\].
        pub turn: f64,
    }

    /// The goal, and weights of the cost.
    pub struct Params {
        /// Position to reach \[m\].
        pub goal: [f64; 2],
        /// Heading to reach \[rad\].
        pub goal_heading: f64,
        /// Weight of speed \[s^2/m^2\].
        pub price_speed: f64,
        /// Weight of turning \[s^2/rad^2\].
        pub price_turn: f64,
    }

    /// Time step \[s\].
    pub const DT: f64 = 0.1;

    /// The rate of change of the state.
    pub fn derivative(x: State, u: Control, _p: Params) -> State {
        let (sin, cos) = x.heading.sin_cos();
        State { x: u.speed * cos, y: u.speed * sin, heading: u.turn }
    }

    /// Squared distance from the goal, and a smooth error of the heading.
    fn distance(x: State, p: Params) -> f64 {
        (x.x - p.goal[0]).powi(2) + (x.y - p.goal[1]).powi(2) + (1.0 - (x.heading - p.goal_heading).cos())
    }

    /// Cost of one step.
    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        0.1 * distance(x, p) + p.price_speed * u.speed.powi(2) + p.price_turn * u.turn.powi(2)
    }

    /// Cost of the final state.
    pub fn terminal_cost(x: State, p: Params) -> f64 {
        10.0 * distance(x, p)
    }
}

pub use self::unicycle::*;

impl Default for Params {
    /// One metre ahead and half a metre to the left, heading as at the origin.
    fn default() -> Self {
        Self { goal: [1.0, 0.5], goal_heading: 0.0, price_speed: 0.05, price_turn: 0.05 }
    }
}
