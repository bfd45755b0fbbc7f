//! A small car on a race track, in coordinates along the track: the model of acados' example, on three bends.

/// The limits are those of the accelerations, the width of the track, and the actuators.
#[dilqr_runtime::model(integrator = rk4, dt = 0.02, substeps = 3)]
pub mod race {
    /// Progress and offset \[m\], angle to the track \[rad\], speed \[m/s\], duty cycle, steering angle \[rad\].
    pub struct State {
        pub s: f64,
        pub n: f64,
        pub alpha: f64,
        pub v: f64,
        pub d: f64,
        pub delta: f64,
    }

    pub struct Control {
        #[bounds(-10.0, 10.0)]
        pub rate_d: f64,
        #[bounds(-2.0, 2.0)]
        pub rate_delta: f64,
    }

    /// In \[kg\].
    pub struct Params {
        pub mass: f64,
    }

    /// Progress to follow \[m\].
    pub struct StageParams {
        pub reference: f64,
    }

    fn bump(s: f64, center: f64, width: f64) -> f64 {
        (-((s - center) / width).powi(2)).exp()
    }

    fn force(x: State) -> f64 {
        (0.28 - 0.05 * x.v) * x.d - 0.006 * x.v.powi(2) - 0.011 * (5.0 * x.v).tanh()
    }

    pub fn derivative(x: State, u: Control, p: Params) -> State {
        let curvature = 2.6 * bump(x.s, -0.4, 0.45) - 2.2 * bump(x.s, 0.8, 0.4) + 2.4 * bump(x.s, 2.2, 0.4);
        let progress = x.v * (x.alpha + 0.5 * x.delta).cos() / (1.0 - curvature * x.n);
        State {
            s: progress,
            n: x.v * (x.alpha + 0.5 * x.delta).sin(),
            alpha: 15.5 * x.v * x.delta - curvature * progress,
            v: force(x) / p.mass * (0.5 * x.delta).cos(),
            d: u.rate_d,
            delta: u.rate_delta,
        }
    }

    pub fn stage_cost(x: State, u: Control, _p: Params, s: StageParams) -> f64 {
        0.5 * (0.1 * (x.s - s.reference).powi(2)
            + 1e-8 * (x.n.powi(2) + x.alpha.powi(2) + x.v.powi(2))
            + 1e-3 * x.d.powi(2)
            + 5e-3 * x.delta.powi(2)
            + 1e-3 * u.rate_d.powi(2)
            + 5e-3 * u.rate_delta.powi(2))
    }

    pub fn terminal_cost(x: State, _p: Params, s: StageParams) -> f64 {
        0.01 * (5.0 * (x.s - s.reference).powi(2)
            + 10.0 * x.n.powi(2)
            + 1e-8 * (x.alpha.powi(2) + x.v.powi(2))
            + 5e-3 * x.d.powi(2)
            + 2e-3 * x.delta.powi(2))
    }

    pub fn stage_constraints(x: State, _u: Control, p: Params) -> [f64; 10] {
        let along = force(x) / p.mass;
        let lateral = 15.5 * x.v.powi(2) * x.delta + force(x) * (0.5 * x.delta).sin() / p.mass;
        [
            along - 4.0,
            -along - 4.0,
            lateral - 4.0,
            -lateral - 4.0,
            x.n - 0.12,
            -x.n - 0.12,
            x.d - 1.0,
            -x.d - 1.0,
            x.delta - 0.4,
            -x.delta - 0.4,
        ]
    }
}

/// Stages that the controller looks ahead.
pub const HORIZON: usize = 50;

/// The car's mass \[kg\].
pub const MASS: f64 = 0.043;

/// Before the first bend, at 1 m/s.
pub const BEND: [f64; 6] = [-1.0, 0.0, 0.0, 1.0, 0.3, 0.0];

/// At rest before the track.
pub const REST: [f64; 6] = [-2.0, 0.0, 0.0, 0.0, 0.0, 0.0];

/// References from a place on the track, 3 m over the horizon.
pub fn references(place: f64) -> Vec<[f64; 1]> {
    (0..=HORIZON).map(|t| [place + 3.0 * t as f64 / HORIZON as f64]).collect()
}
