//! A pendulum with friction, whose motor follows a reference: a model with all inputs that a layer can have.
//!
//! Equations: those of the pendulum of `dilqr-models`, a uniform rod of 1 kg and 1 m on a hinge, by semi-implicit Euler. The
//! friction is a network.

#[expect(clippy::module_inception, reason = "the macro names the model after the module; the file has the same noun")]
#[dilqr_runtime::model(vendored = "src/follower.dilqr.rs")]
mod follower {
    /// The rod.
    pub struct State {
        /// Angle from upright \[rad\].
        pub angle: f64,
        /// Angular velocity \[rad/s\].
        pub rate: f64,
    }

    /// The motor.
    pub struct Control {
        /// Torque at the hinge \[N m\].
        pub torque: f64,
    }

    /// The prices of a problem.
    pub struct Params {
        /// Price of the distance to the reference \[1/rad^2\].
        pub tracking: f64,
        /// Price of the torque \[1/(N m)^2\].
        pub effort: f64,
    }

    /// What differs between the stages.
    pub struct StageParams {
        /// The angle to be at \[rad\].
        pub reference: f64,
    }

    /// The torque of the friction \[N m\], from the angular velocity.
    #[network(layers = [1, 4, 1], activation = tanh)]
    pub struct Friction;

    /// Time step \[s\].
    pub const DT: f64 = 0.1;

    /// The state one time step later.
    pub fn dynamics(x: State, u: Control, _p: Params, friction: &Friction) -> State {
        let [drag] = friction.evaluate([x.rate]);
        let rate = x.rate + DT * (15.0 * x.angle.sin() + 3.0 * (u.torque - drag));
        State { angle: x.angle + DT * rate, rate }
    }

    /// Cost of one step.
    pub fn stage_cost(x: State, u: Control, p: Params, s: StageParams) -> f64 {
        p.tracking * (x.angle - s.reference).powi(2) + 0.1 * x.rate.powi(2) + p.effort * u.torque.powi(2)
    }

    /// Cost of the final state.
    pub fn terminal_cost(x: State, p: Params, s: StageParams) -> f64 {
        5.0 * p.tracking * (x.angle - s.reference).powi(2) + x.rate.powi(2)
    }
}

pub use self::follower::*;
