//! The oscillator of van der Pol, with a force: it amplifies small oscillations and damps large ones.
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

    /// The input.
    pub struct Control {
        /// Force \[-\].
        pub force: f64,
    }

    /// Parameters of the motion.
    pub struct Params {
        /// Strength of amplification and damping \[-\].
        pub damping: f64,
    }

    /// Time step \[-\].
    pub const DT: f64 = 0.1;

    /// The rate of change of the state.
    pub fn derivative(x: State, u: Control, p: Params) -> State {
        let feed = p.damping * (1.0 - x.position.powi(2)) * x.velocity;
        State { position: x.velocity, velocity: feed - x.position + u.force }
    }

    /// Cost of one step: distance from rest, and the force.
    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        x.position.powi(2) + x.velocity.powi(2) + u.force.powi(2)
    }

    /// Cost of the final state.
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
