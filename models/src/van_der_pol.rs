//! The oscillator of van der Pol, which feeds small swings and damps large ones, with a force on it.
//!
//! Equation: van der Pol, "On relaxation-oscillations", The London, Edinburgh, and Dublin Philosophical Magazine and
//! Journal of Science 2(11), 1926, in units without dimension: `x'' = damping (1 - x^2) x' - x + force`.

#[expect(clippy::module_inception, reason = "the macro names the model after the module; the file has the same noun")]
#[dilqr_runtime::model(integrator = rk4, dt = DT)]
mod van_der_pol {
    /// The oscillator.
    pub struct State {
        /// Displacement \[-\].
        pub position: f64,
        /// Its rate \[-\].
        pub velocity: f64,
    }

    /// What is done to it.
    pub struct Control {
        /// Force \[-\].
        pub force: f64,
    }

    /// What the motion depends on.
    pub struct Params {
        /// How strongly swings are fed and damped \[-\].
        pub damping: f64,
    }

    /// Time step \[-\].
    pub const DT: f64 = 0.1;

    /// The rate of change of the state.
    pub fn derivative(x: State, u: Control, p: Params) -> State {
        let feed = p.damping * (1.0 - x.position.powi(2)) * x.velocity;
        State { position: x.velocity, velocity: feed - x.position + u.force }
    }

    /// Cost of one step: away from rest, and of the force.
    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        x.position.powi(2) + x.velocity.powi(2) + u.force.powi(2)
    }

    /// Cost of where the last step ends.
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        10.0 * (x.position.powi(2) + x.velocity.powi(2))
    }
}

pub use self::van_der_pol::*;

impl Default for Params {
    /// Damping 1, between a harmonic oscillation and a relaxation.
    fn default() -> Self {
        Self { damping: 1.0 }
    }
}
