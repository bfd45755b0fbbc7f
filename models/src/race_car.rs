//! A car on one lap in the least time, with a speed limit that depends on the place.
//!
//! Equations and numbers: the example `race_car` of CasADi (Andersson et al., *CasADi: a software framework for nonlinear
//! optimization and optimal control*, Math. Prog. Comp. 2019). The lap has the length 1; the largest speed is 1 but for a
//! dip.

#[expect(clippy::module_inception, reason = "the macro names the model after the module; the file has the same noun")]
#[dilqr_runtime::model(integrator = rk4, dt = d.time / STAGES)]
mod race_car {
    /// The car.
    pub struct State {
        /// Place along the lap.
        pub place: f64,
        /// Speed.
        pub speed: f64,
    }

    /// The driver's foot.
    pub struct Control {
        /// Throttle.
        #[bounds(0.0, p.most)]
        pub throttle: f64,
    }

    /// Parameters of car and lap.
    pub struct Params {
        /// Full throttle.
        pub most: f64,
        /// Drag, over the speed.
        pub drag: f64,
        /// How far the speed limit dips below 1 in the first half of the lap, and rises above in the second.
        pub dip: f64,
    }

    /// What is chosen beside the throttle.
    pub struct Design {
        /// The time of the lap.
        #[bounds(0.0, None)]
        pub time: f64,
    }

    /// The number of stages that share the time.
    pub const STAGES: f64 = 100.0;

    /// Rates of the state.
    pub fn derivative(x: State, u: Control, p: Params) -> State {
        State { place: x.speed, speed: u.throttle - p.drag * x.speed }
    }

    /// Stages have no cost.
    pub fn stage_cost(_x: State, _u: Control, _p: Params) -> f64 {
        0.0
    }

    /// The time of the lap.
    pub fn terminal_cost(_x: State, _p: Params, d: Design) -> f64 {
        d.time
    }

    /// How far the speed is above its limit.
    fn over(x: State, p: Params) -> f64 {
        x.speed - 1.0 + p.dip * (2.0 * std::f64::consts::PI * x.place).sin()
    }

    /// Below the speed limit.
    pub fn stage_constraints(x: State, _u: Control, p: Params) -> [f64; 1] {
        [over(x, p)]
    }

    /// Below the speed limit at the end, too.
    pub fn terminal_constraints(x: State, p: Params) -> [f64; 1] {
        [over(x, p)]
    }

    /// The end of the lap.
    pub fn terminal_equalities(x: State, _p: Params) -> [f64; 1] {
        [x.place - 1.0]
    }
}

pub use self::race_car::*;

impl Default for Params {
    /// The values of CasADi's example.
    fn default() -> Self {
        Self { most: 1.0, drag: 1.0, dip: 0.5 }
    }
}
