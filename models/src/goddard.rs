//! Goddard's rocket: the greatest height for a given amount of fuel.
//!
//! Equations, limits and constants: COPS 3 (Dolan, More and Munson, *Benchmarking optimization software with COPS 3.0*,
//! ANL/MCS-TM-273, 2004). Lengths are over the radius of the earth and masses over the first one; gravity at the ground is
//! 1, which fixes the unit of time.

#[expect(clippy::module_inception, reason = "the macro names the model after the module; the file has the same noun")]
#[dilqr_runtime::model(integrator = rk4, dt = d.time / STAGES)]
mod goddard {
    /// The rocket.
    pub struct State {
        /// Distance from the center of the earth.
        pub height: f64,
        /// Speed upwards.
        pub speed: f64,
        /// Mass, with the fuel that is left.
        pub mass: f64,
    }

    /// The engine.
    pub struct Control {
        /// Thrust.
        #[bounds(0.0, p.thrust)]
        pub thrust: f64,
    }

    /// Parameters of the rocket.
    pub struct Params {
        /// Largest thrust.
        pub thrust: f64,
        /// Drag at the ground, over the square of the speed.
        pub drag: f64,
        /// Speed of the exhaust.
        pub exhaust: f64,
        /// Mass without fuel.
        pub dry: f64,
    }

    /// What is chosen beside the thrust.
    pub struct Design {
        /// The final time.
        pub time: f64,
    }

    /// The number of stages that share the final time.
    const STAGES: f64 = 100.0;

    /// Rates of the state.
    pub fn derivative(x: State, u: Control, p: Params) -> State {
        let drag = p.drag * x.speed * x.speed * (-500.0 * (x.height - 1.0)).exp();
        State {
            height: x.speed,
            speed: (u.thrust - drag) / x.mass - 1.0 / (x.height * x.height),
            mass: -u.thrust / p.exhaust,
        }
    }

    /// Stages have no cost.
    pub fn stage_cost(_x: State, _u: Control, _p: Params) -> f64 {
        0.0
    }

    /// Minus the height.
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        -x.height
    }

    /// Above the ground, and upwards.
    pub fn stage_constraints(x: State, _u: Control, _p: Params) -> [f64; 2] {
        [1.0 - x.height, -x.speed]
    }

    /// Without fuel at the end.
    pub fn terminal_equalities(x: State, p: Params) -> [f64; 1] {
        [x.mass - p.dry]
    }
}

pub use self::goddard::*;

impl Default for Params {
    /// The values of COPS.
    fn default() -> Self {
        Self { thrust: 3.5, drag: 310.0, exhaust: 0.5, dry: 0.6 }
    }
}
