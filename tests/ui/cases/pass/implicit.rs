//! Implicit functions: the user's own structs may have the names of a control problem's, and bodies the whole language.
#![deny(warnings)]

use dilqr_runtime::implicit::{Settings, Solver};

#[dilqr_runtime::implicit]
pub mod equilibrium {
    /// No state of a control problem.
    pub struct State {
        pub force: f64,
    }

    pub struct Control {
        pub gain: f64,
    }

    pub struct Unknown {
        pub position: [f64; 2],
    }

    pub struct Params {
        pub stiffness: f64,
        pub load: [f64; 2],
    }

    const COUNT: usize = 2;

    fn spring(control: Control, position: f64) -> State {
        State { force: control.gain * position + position.powi(3) }
    }

    /// A helper, though a control problem would have it as its dynamics.
    fn dynamics(position: f64, stiffness: f64) -> f64 {
        spring(Control { gain: stiffness }, position).force
    }

    pub fn equations(y: &Unknown, p: &Params) -> [f64; COUNT] {
        let mut r = [0.0; COUNT];
        for i in 0..COUNT {
            r[i] = dynamics(y.position[i], p.stiffness) - p.load[i];
        }
        r
    }
}

fn main() {
    let mut solver: equilibrium::Solver = Solver::new(equilibrium::Equilibrium, Settings::default()).unwrap();
    let params = equilibrium::Params { stiffness: 2.0, load: [3.0, 12.0] };
    let solution = solver.solve(equilibrium::Unknown { position: [0.0; 2] }, params).unwrap();
    let y = equilibrium::Unknown::from(<[f64; 2]>::from(solution.unknown));
    assert!((y.position[0] - 1.0).abs() < 1e-12 && (y.position[1] - 2.0).abs() < 1e-12);
    assert_eq!(equilibrium::equations(&y, &params), [0.0; 2]);
    assert_eq!(equilibrium::Unknown::NAMES, ["position[0]", "position[1]"]);
}
