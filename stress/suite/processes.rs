//! An oscillator and a reactor: costs at the end, bounds that are active over long times, and singular arcs.

use dilqr_runtime::Problem;

use crate::check::check;

/// The oscillator of van der Pol with a limit of the state (an example of CasADi, Andersson et al. 2019).
#[dilqr_runtime::model(integrator = rk4, dt = 0.5, substeps = 4)]
pub mod van_der_pol {
    pub struct State {
        #[bounds(p.floor, None)]
        pub x: f64,
        pub y: f64,
    }
    pub struct Control {
        #[bounds(-p.most, p.most)]
        pub u: f64,
    }
    pub struct Params {
        pub most: f64,
        pub floor: f64,
        pub damping: f64,
    }
    pub fn derivative(x: State, u: Control, p: Params) -> State {
        State { x: (p.damping - x.y * x.y) * x.x - x.y + u.u, y: x.x }
    }
    pub fn running_cost(x: State, u: Control, _p: Params) -> f64 {
        x.x * x.x + x.y * x.y + u.u * u.u
    }
    pub fn terminal_cost(_x: State, _p: Params) -> f64 {
        0.0
    }
}

#[test]
fn van_der_pol_oscillator() {
    let problem = Problem::new([0.0, 1.0], [1.0, -0.25, 1.0], 20);
    check("van_der_pol", van_der_pol::VanDerPol, &problem);
}

/// The mixing of two catalysts along a tubular reactor (COPS 3, Dolan, More and Munson 2004).
#[dilqr_runtime::model(integrator = rk4, dt = 0.01)]
pub mod catalyst {
    pub struct State {
        pub a: f64,
        pub b: f64,
    }
    pub struct Control {
        #[bounds(0.0, 1.0)]
        pub mix: f64,
    }
    pub struct Params {
        pub back: f64,
        pub loss: f64,
    }
    pub fn derivative(x: State, u: Control, p: Params) -> State {
        let flow = u.mix * (p.back * x.b - x.a);
        State { a: flow, b: -flow - p.loss * (1.0 - u.mix) * x.b }
    }
    pub fn stage_cost(_x: State, _u: Control, _p: Params) -> f64 {
        0.0
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.a + x.b - 1.0
    }
}

#[test]
fn catalyst_mixing() {
    let problem = Problem::new([1.0, 0.0], [10.0, 1.0], 100).with_states(&[[1.0, 0.0]; 101]);
    check("catalyst", catalyst::Catalyst, &problem);
}

/// The shape of a chain between two points, of least potential energy (COPS 3, Dolan, More and Munson 2004).
#[dilqr_runtime::model(integrator = rk4, dt = 0.01)]
pub mod chain {
    pub struct State {
        pub height: f64,
        pub length: f64,
    }
    pub struct Control {
        pub slope: f64,
    }
    pub struct Params {
        pub end: f64,
        pub length: f64,
    }
    pub fn derivative(_x: State, u: Control, _p: Params) -> State {
        State { height: u.slope, length: stretch(u) }
    }
    fn stretch(u: Control) -> f64 {
        (1.0 + u.slope * u.slope).sqrt()
    }
    /// Potential energy.
    pub fn running_cost(x: State, u: Control, _p: Params) -> f64 {
        x.height * stretch(u)
    }
    pub fn terminal_cost(_x: State, _p: Params) -> f64 {
        0.0
    }
    pub fn terminal_equalities(x: State, p: Params) -> [f64; 2] {
        [x.height - p.end, x.length - p.length]
    }
}

#[test]
fn hanging_chain() {
    let part = |t: i32| f64::from(t) / 100.0;
    let height = |t: i32| 8.0 * part(t) * (0.5 * part(t) - 0.25) + 1.0;
    let states: Vec<[f64; 2]> = (0..=100).map(|t| [height(t), 4.0 * part(t)]).collect();
    let controls: Vec<[f64; 1]> = (0..100).map(|t| [8.0 * (part(t) - 0.25)]).collect();
    let problem = Problem::new(states[0], [3.0, 4.0], 100).with_states(&states).with_controls(&controls);
    check("chain", chain::Chain, &problem);
}
