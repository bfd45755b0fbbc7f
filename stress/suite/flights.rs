//! A cannonball and a space shuttle, in the units of their sources.

use std::f64::consts::{FRAC_PI_2, PI};

use dilqr_models::cannonball;
use dilqr_runtime::Problem;

use crate::check::{along, check};

#[test]
fn cannonball_of_free_size() {
    const STEPS: usize = 50;
    let degree = PI / 180.0;
    let guess = |t: f64| {
        let side = (2.0 * t - 1.0).abs();
        let tilt = 25.0 * (1.0 - 2.0 * t).max(0.0) - 45.0 * (2.0 * t - 1.0).max(0.0);
        [200.0 * t, 100.0 * (1.0 - side), tilt * degree, 150.0 + 50.0 * side]
    };
    let states = along(STEPS, guess);
    let problem = cannonball::Problem::new(states[0], cannonball::Params::default(), STEPS)
        .with_design([0.05, 20.0])
        .with_states(&states);
    check("cannonball", cannonball::Cannonball, &problem);
}

/// The reentry of a space shuttle with the greatest cross range (Betts 2010, section 6.1), in feet and seconds.
#[dilqr_runtime::model(integrator = rk4, dt = d.time / 200.0)]
pub mod shuttle {
    pub struct State {
        #[bounds(0.0, None)]
        pub height: f64,
        #[bounds(-MOST, MOST)]
        pub latitude: f64,
        #[bounds(1.0, None)]
        pub speed: f64,
        #[bounds(-MOST, MOST)]
        pub tilt: f64,
        pub heading: f64,
    }
    pub struct Control {
        #[bounds(-FRAC_PI_2, FRAC_PI_2)]
        pub attack: f64,
        #[bounds(-MOST, p.bank * DEGREE)]
        pub bank: f64,
    }
    pub struct Params {
        /// The largest bank angle, in degrees.
        pub bank: f64,
        pub mass: f64,
        pub area: f64,
        pub scale: f64,
    }
    pub struct Design {
        #[bounds(1757.0, 2259.0)]
        pub time: f64,
    }

    const FRAC_PI_2: f64 = std::f64::consts::FRAC_PI_2;
    const DEGREE: f64 = std::f64::consts::PI / 180.0;
    const MOST: f64 = 89.0 * DEGREE;

    pub fn derivative(x: State, u: Control, p: Params) -> State {
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
            height: x.speed * sin,
            latitude: x.speed / radius * cos * x.heading.cos(),
            speed: -(drag + g * sin),
            tilt: (lift / x.speed * u.bank.cos() + cos * (x.speed / radius - g / x.speed)),
            heading: turn,
        }
    }
    pub fn stage_cost(_x: State, _u: Control, _p: Params) -> f64 {
        0.0
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        -x.latitude
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
    let states = along(STEPS, guess);
    let problem = Problem::new(states[0], [1.0, 203000.0 / 32.174, 2690.0, 23800.0], STEPS)
        .with_design([2008.0])
        .with_states(&states)
        .with_controls(&[[0.0, 0.0]; STEPS]);
    check("shuttle", shuttle::Shuttle, &problem);
}
