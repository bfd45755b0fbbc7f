//! A cannonball and a space shuttle, in the units of their sources.

use std::f64::consts::{FRAC_PI_2, PI};

use dilqr_runtime::Problem;

use crate::check::{check, with_first_stage};

/// The greatest range of a cannonball of free size from a given energy (an example of Dymos, Falck et al. 2021, here as one
/// phase and in an exponential atmosphere). All that is free is set by the first stage.
#[dilqr_runtime::model(integrator = rk4, dt = DT)]
pub mod cannonball {
    pub struct State {
        pub range: f64,
        pub height: f64,
        pub tilt: f64,
        pub speed: f64,
        pub radius: f64,
        pub time: f64,
    }
    /// What the first stage sets; without effect at others.
    pub struct Control {
        #[bounds(0.0, HIGHEST)]
        pub tilt: f64,
        #[bounds(10.0, 1000.0)]
        pub speed: f64,
        #[bounds(0.01, 0.1)]
        pub radius: f64,
        #[bounds(1.5, 60.0)]
        pub time: f64,
    }
    pub struct Params {
        pub energy: f64,
        pub density: f64,
        pub air: f64,
    }
    pub struct StageParams {
        /// 1 at the first stage, 0 at others.
        pub first: f64,
        pub _inside: f64,
    }

    const DT: f64 = 0.02;
    const G: f64 = 9.80665;
    const PI: f64 = std::f64::consts::PI;
    /// 85 degrees.
    const HIGHEST: f64 = 85.0 * PI / 180.0;
    const TILT: f64 = 25.0 * PI / 180.0;

    pub fn derivative(x: State, u: Control, p: Params, s: StageParams) -> State {
        let span = (1.0 - s.first) * x.time;
        let (sin, cos) = x.tilt.sin_cos();
        // Both are zero before the first stage has set them.
        let speed = if s.first > 0.5 { 1.0 } else { x.speed };
        let radius = if s.first > 0.5 { 1.0 } else { x.radius };
        let air = p.air * (-x.height / 8500.0).exp();
        let drag = 3.0 / 8.0 * 0.5 * air * speed * speed / (p.density * radius);
        State {
            range: span * speed * cos,
            height: span * speed * sin,
            tilt: s.first * u.tilt / DT - span * G * cos / speed,
            speed: s.first * u.speed / DT - span * (drag + G * sin),
            radius: s.first * u.radius / DT,
            time: s.first * u.time / DT,
        }
    }
    /// Controls without effect rest inside their bounds.
    pub fn stage_cost(_x: State, u: Control, _p: Params, s: StageParams) -> f64 {
        let away = (u.tilt - TILT).powi(2) + (u.speed - 200.0).powi(2);
        (1.0 - s.first) * (away + (u.radius - 0.05).powi(2) + (u.time - 20.0).powi(2))
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        -x.range
    }
    pub fn stage_constraints(_x: State, u: Control, p: Params, s: StageParams) -> [f64; 1] {
        let mass = p.density * 4.0 / 3.0 * PI * u.radius.powi(3);
        [s.first * 0.5 * mass * u.speed * u.speed - p.energy]
    }
    pub fn terminal_equalities(x: State, _p: Params) -> [f64; 1] {
        [x.height]
    }
}

#[test]
fn cannonball_of_free_size() {
    const STEPS: usize = 50;
    let degree = PI / 180.0;
    let guess = |t: f64| {
        let side = (2.0 * t - 1.0).abs();
        let tilt = 25.0 * (1.0 - 2.0 * t).max(0.0) - 45.0 * (2.0 * t - 1.0).max(0.0);
        [200.0 * t, 100.0 * (1.0 - side), tilt * degree, 150.0 + 50.0 * side, 0.05]
    };
    let (mut states, flags) = with_first_stage(STEPS, 20.0, guess);
    states[0] = [0.0; 6];
    let problem = Problem::new(states[0], [4e5, 7870.0, 1.225], STEPS + 1)
        .with_stage_params(&flags)
        .with_states(&states)
        .with_controls(&[[25.0 * degree, 200.0, 0.05, 20.0]; STEPS + 1]);
    check("cannonball", cannonball::Cannonball, &problem);
}

/// The reentry of a space shuttle with the greatest cross range (Betts 2010, section 6.1), in feet and seconds.
#[dilqr_runtime::model(integrator = rk4, dt = DT)]
pub mod shuttle {
    pub struct State {
        pub height: f64,
        pub latitude: f64,
        pub speed: f64,
        pub tilt: f64,
        pub heading: f64,
        /// The final time, which the first stage sets.
        pub time: f64,
    }
    pub struct Control {
        #[bounds(-FRAC_PI_2, FRAC_PI_2)]
        pub attack: f64,
        #[bounds(-89.0 * DEGREE, p.bank * DEGREE)]
        pub bank: f64,
        /// At the first stage, the final time; without effect at others.
        #[bounds(1757.0, 2259.0)]
        pub time: f64,
    }
    pub struct Params {
        /// The largest bank angle, in degrees.
        pub bank: f64,
        pub mass: f64,
        pub area: f64,
        pub scale: f64,
    }
    pub struct StageParams {
        /// 1 at the first stage, 0 at others.
        pub first: f64,
        pub _inside: f64,
    }

    const DT: f64 = 0.005;
    const FRAC_PI_2: f64 = std::f64::consts::FRAC_PI_2;
    const DEGREE: f64 = std::f64::consts::PI / 180.0;
    const MOST: f64 = 89.0 * DEGREE;

    pub fn derivative(x: State, u: Control, p: Params, s: StageParams) -> State {
        let span = (1.0 - s.first) * x.time;
        let (sin, cos) = x.tilt.sin_cos();
        let attack = u.attack / DEGREE;
        let density = 0.002378 * (-x.height / p.scale).exp();
        let pressure = 0.5 * density * x.speed * x.speed * p.area / p.mass;
        let lift = (-0.20704 + 0.029244 * attack) * pressure;
        let drag = (0.07854 - 0.61592e-2 * attack + 0.621408e-3 * attack * attack) * pressure;
        let radius = 20902900.0 + x.height;
        let g = 0.14076539e17 / (radius * radius);
        let turn = lift * u.bank.sin() / (x.speed * cos)
            + x.speed / (radius * x.latitude.cos()) * cos * x.heading.sin() * x.latitude.sin();
        State {
            height: span * x.speed * sin,
            latitude: span * x.speed / radius * cos * x.heading.cos(),
            speed: -span * (drag + g * sin),
            tilt: span * (lift / x.speed * u.bank.cos() + cos * (x.speed / radius - g / x.speed)),
            heading: span * turn,
            time: s.first * u.time / DT,
        }
    }
    /// Controls without effect rest inside their bounds.
    pub fn stage_cost(_x: State, u: Control, _p: Params, s: StageParams) -> f64 {
        let angles = u.attack * u.attack + (u.bank + 0.5).powi(2);
        s.first * angles + (1.0 - s.first) * (u.time - 2008.0).powi(2)
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        -x.latitude
    }
    pub fn stage_constraints(x: State, _u: Control, _p: Params) -> [f64; 6] {
        [-x.height, x.latitude - MOST, -x.latitude - MOST, 1.0 - x.speed, x.tilt - MOST, -x.tilt - MOST]
    }
    pub fn terminal_equalities(x: State, _p: Params) -> [f64; 3] {
        [x.height - 80000.0, x.speed - 2500.0, x.tilt + 5.0 * DEGREE]
    }
}

#[test]
fn shuttle_reentry() {
    const STEPS: usize = 200;
    let degree = PI / 180.0;
    let guess = |t: f64| [260000.0 - 180000.0 * t, 0.0, 25600.0 - 23100.0 * t, -(1.0 + 4.0 * t) * degree, FRAC_PI_2];
    let (states, flags) = with_first_stage(STEPS, 2008.0, guess);
    let problem = Problem::new(states[0], [1.0, 203000.0 / 32.174, 2690.0, 23800.0], STEPS + 1)
        .with_stage_params(&flags)
        .with_states(&states)
        .with_controls(&[[0.0, 0.0, 2008.0]; STEPS + 1]);
    check("shuttle", shuttle::Shuttle, &problem);
}
