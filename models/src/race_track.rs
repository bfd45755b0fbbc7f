//! A car on one lap of a track in the least time. The track is the table of its centerline's curvature.
//!
//! Equations in coordinates along the centerline: Verschueren et al., *Towards time-optimal race car driving using nonlinear
//! MPC in real-time*, CDC 2014, for a point with a circle of friction. The track and the numbers are of our own.

#[expect(clippy::module_inception, reason = "the macro names the model after the module; the file has the same noun")]
#[dilqr_runtime::model(integrator = rk4, dt = d.time / STAGES)]
mod race_track {
    /// The car, by the point of the centerline next to it.
    pub struct State {
        /// Length of the centerline up to that point \[m\].
        pub place: f64,
        /// Distance from the centerline to the left \[m\].
        #[bounds(-p.width, p.width)]
        pub offset: f64,
        /// Angle between the car and the centerline, to the left \[rad\].
        pub heading: f64,
        /// Speed \[m/s\].
        pub speed: f64,
    }

    /// Pedals and steering wheel.
    pub struct Control {
        /// Acceleration along the path \[m/s^2\].
        #[bounds(None, p.engine)]
        pub drive: f64,
        /// Curvature of the path, to the left \[1/m\].
        pub turn: f64,
    }

    /// Parameters of car and road.
    pub struct Params {
        /// Largest acceleration in any direction \[m/s^2\].
        pub grip: f64,
        /// Largest acceleration of the engine \[m/s^2\].
        pub engine: f64,
        /// Largest distance of the car from the centerline \[m\].
        pub width: f64,
        /// Seconds that a second at the limit of grip costs besides. It decides where the time leaves a choice.
        pub effort: f64,
    }

    /// What is chosen beside the controls.
    pub struct Design {
        /// The time of the lap \[s\].
        #[bounds(0.0, None)]
        pub time: f64,
    }

    /// The number of stages that share the time.
    pub const STAGES: f64 = 100.0;
    /// Length of the lap \[m\].
    pub const LENGTH: f64 = 400.0;
    /// The curvature of the centerline \[1/m\] over its length \[m\]. The line closes to 0.2 m.
    pub const CURVATURE: dilqr_runtime::Spline<21> = dilqr_runtime::Spline::natural(
        [
            0.0, 20.0, 40.0, 60.0, 80.0, 100.0, 120.0, 140.0, 160.0, 180.0, 200.0, 220.0, 240.0, 260.0, 280.0, 300.0,
            320.0, 340.0, 360.0, 380.0, 400.0,
        ],
        [
            0.0, 0.0, 0.0068, 0.028, 0.0579, 0.0364, -0.0005, -0.0275, -0.024, 0.0199, 0.0583, 0.0518, 0.0067, -0.0028,
            -0.0074, -0.0022, 0.0281, 0.0544, 0.0311, 0.0, 0.0,
        ],
    );

    /// Rates of the state.
    pub fn derivative(x: State, u: Control, _p: Params) -> State {
        let curvature = CURVATURE.at(x.place);
        let along = x.speed * x.heading.cos() / (1.0 - x.offset * curvature);
        State {
            place: along,
            offset: x.speed * x.heading.sin(),
            heading: x.speed * u.turn - curvature * along,
            speed: u.drive,
        }
    }

    /// The square of the acceleration, over that of the grip.
    fn used(x: State, u: Control, p: Params) -> f64 {
        (u.drive.powi(2) + (x.speed.powi(2) * u.turn).powi(2)) / p.grip.powi(2)
    }

    /// The price of accelerations.
    pub fn stage_cost(x: State, u: Control, p: Params, d: Design) -> f64 {
        p.effort * used(x, u, p) * d.time / STAGES
    }

    /// The time of the lap.
    pub fn terminal_cost(_x: State, _p: Params, d: Design) -> f64 {
        d.time
    }

    /// Within the circle of friction.
    pub fn stage_constraints(x: State, u: Control, p: Params) -> [f64; 1] {
        [used(x, u, p) - 1.0]
    }

    /// The end of the lap.
    pub fn terminal_equalities(x: State, _p: Params) -> [f64; 1] {
        [x.place - LENGTH]
    }
}

pub use self::race_track::*;

impl Default for Params {
    /// A road car on a road of 10 m.
    fn default() -> Self {
        Self { grip: 8.0, engine: 4.0, width: 4.0, effort: 0.02 }
    }
}

/// The guess of a lap at a constant speed \[m/s\] on the centerline: time, states and controls.
#[must_use]
pub fn lap_at(speed: f64) -> ([f64; 1], Vec<[f64; 4]>, Vec<[f64; 2]>) {
    let horizon = STAGES as usize;
    let place = |t: usize| LENGTH * t as f64 / STAGES;
    let states = (0..=horizon).map(|t| [place(t), 0.0, 0.0, speed]).collect();
    let controls = (0..horizon).map(|t| [0.0, CURVATURE.at(place(t))]).collect();
    ([LENGTH / speed], states, controls)
}
