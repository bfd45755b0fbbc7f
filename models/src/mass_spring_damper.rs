//! Masses in a row on a wall, each tied to the one before by a spring and a damper, and a force on the last.
//!
//! Equations: Newton's second law with linear springs and dampers. Linear in state and control, with a quadratic cost:
//! a solver needs one step; the parameters enter nonlinearly.

#[expect(clippy::module_inception, reason = "the macro names the model after the module; the file has the same noun")]
#[dilqr_runtime::model(integrator = semi_implicit_euler, dt = DT)]
mod mass_spring_damper {
    /// The masses, from the wall on.
    pub struct State {
        /// Displacements from rest \[m\].
        pub position: [f64; N],
        /// Velocities \[m/s\].
        pub velocity: [f64; N],
    }

    /// The actuator.
    pub struct Control {
        /// Force on the last mass, away from the wall \[N\].
        pub force: f64,
    }

    /// Parameters of the motion. Spring and damper `i` lie on the wall's side of mass `i`.
    pub struct Params {
        /// Masses \[kg\].
        pub mass: [f64; N],
        /// Stiffness of the springs \[N/m\].
        pub stiffness: [f64; N],
        /// Coefficients of the dampers \[N s/m\].
        pub damping: [f64; N],
    }

    /// Number of masses.
    const N: usize = 3;

    /// Time step \[s\].
    pub const DT: f64 = 0.05;

    /// The rate of change of the state.
    pub fn derivative(x: State, u: Control, p: Params) -> State {
        let mut force = [0.0; N];
        force[N - 1] = u.force;
        for i in 0..N {
            let (mut stretch, mut rate) = (x.position[i], x.velocity[i]);
            if i > 0 {
                stretch -= x.position[i - 1];
                rate -= x.velocity[i - 1];
            }
            let pull = p.stiffness[i] * stretch + p.damping[i] * rate;
            force[i] -= pull;
            if i > 0 {
                force[i - 1] += pull;
            }
        }
        let mut acceleration = force;
        for i in 0..N {
            acceleration[i] /= p.mass[i];
        }
        State { position: x.velocity, velocity: acceleration }
    }

    /// Distance from rest.
    fn state_cost(x: State) -> f64 {
        let mut cost = 0.0;
        for i in 0..N {
            cost += x.position[i].powi(2) + 0.1 * x.velocity[i].powi(2);
        }
        cost
    }

    /// Cost of one step.
    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        state_cost(x) + 0.01 * u.force.powi(2)
    }

    /// Cost of the final state.
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        10.0 * state_cost(x)
    }
}

pub use self::mass_spring_damper::*;

impl Default for Params {
    /// Masses of 1, 0.8 and 0.6 kg, springs of 10 N/m and dampers of 0.5 N s/m.
    fn default() -> Self {
        Self { mass: [1.0, 0.8, 0.6], stiffness: [10.0; 3], damping: [0.5; 3] }
    }
}
