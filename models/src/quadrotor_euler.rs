//! A quadrotor with its attitude in Euler angles: the timing problem of the comparison with other tools.
//!
//! Equations: Newton and Euler for a rigid body, angles in the order yaw, pitch, roll (z, y', x''), Diebel,
//! "Representing attitude: Euler angles, unit quaternions, and rotation vectors", Stanford University 2006. Singular
//! where the pitch is a quarter of a turn; [`quadrotor`](crate::quadrotor) is not.

#[expect(clippy::module_inception, reason = "the macro names the model after the module; the file has the same noun")]
#[dilqr_runtime::model(integrator = rk4, dt = DT)]
mod quadrotor_euler {
    /// The vehicle.
    pub struct State {
        /// Position in the world, the third axis up \[m\].
        pub position: [f64; 3],
        /// Roll, pitch and yaw \[rad\].
        pub angle: [f64; 3],
        /// Velocity in the world \[m/s\].
        pub velocity: [f64; 3],
        /// Angular velocity in the body \[rad/s\].
        pub rate: [f64; 3],
    }

    /// The rotors: front, left, back, right.
    pub struct Control {
        /// Thrusts along the body's third axis \[N\].
        pub thrust: [f64; 4],
    }

    /// Parameters of the motion.
    pub struct Params {
        /// Mass \[kg\].
        pub mass: f64,
        /// Principal moments of inertia \[kg m^2\].
        pub inertia: [f64; 3],
        /// Centre of mass to rotor \[m\].
        pub arm: f64,
        /// Torque of a rotor about its axis for its thrust \[m\].
        pub drag: f64,
    }

    /// Time step \[s\].
    pub const DT: f64 = 0.02;

    /// Gravity \[m/s^2\].
    pub const GRAVITY: f64 = 9.81;

    /// Thrust of one rotor at which the default vehicle hovers \[N\].
    pub const HOVER: f64 = 0.5 * GRAVITY / 4.0;

    /// Goal of the cost \[m\].
    const GOAL: [f64; 3] = [0.0, 0.0, 1.0];

    /// The rate of change of the state.
    pub fn derivative(x: State, u: Control, p: Params) -> State {
        let [roll, pitch, yaw] = x.angle;
        let [wx, wy, wz] = x.rate;
        let [front, left, back, right] = u.thrust;
        let [ix, iy, iz] = p.inertia;
        let (sin_roll, cos_roll) = roll.sin_cos();
        let (sin_pitch, cos_pitch) = pitch.sin_cos();
        let (sin_yaw, cos_yaw) = yaw.sin_cos();

        let lift = (front + left + back + right) / p.mass;
        // The rate of yaw, and its part in the rate of roll.
        let turn = (sin_roll * wy + cos_roll * wz) / cos_pitch;
        State {
            position: x.velocity,
            angle: [wx + turn * sin_pitch, cos_roll * wy - sin_roll * wz, turn],
            velocity: [
                (cos_roll * sin_pitch * cos_yaw + sin_roll * sin_yaw) * lift,
                (cos_roll * sin_pitch * sin_yaw - sin_roll * cos_yaw) * lift,
                cos_roll * cos_pitch * lift - GRAVITY,
            ],
            rate: [
                (p.arm * (left - right) + (iy - iz) * wy * wz) / ix,
                (p.arm * (back - front) + (iz - ix) * wz * wx) / iy,
                (p.drag * (front - left + back - right) + (ix - iy) * wx * wy) / iz,
            ],
        }
    }

    /// Distance from hovering at a height of one meter.
    fn state_cost(x: State) -> f64 {
        let mut cost = 0.0;
        for i in 0..3 {
            cost += 0.5 * (x.position[i] - GOAL[i]).powi(2)
                + 0.05 * (x.angle[i].powi(2) + x.velocity[i].powi(2))
                + 0.005 * x.rate[i].powi(2);
        }
        cost
    }

    /// Cost of one step.
    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        let mut cost = state_cost(x);
        for i in 0..4 {
            cost += 0.05 * (u.thrust[i] - HOVER).powi(2);
        }
        cost
    }

    /// Cost of the final state.
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        state_cost(x)
    }
}

pub use self::quadrotor_euler::*;

impl Default for Params {
    /// A vehicle of half a kilogram; the values of RobotZoo.jl's quadrotor.
    fn default() -> Self {
        Self { mass: 0.5, inertia: [0.0023, 0.0023, 0.004], arm: 0.175, drag: 0.0245 }
    }
}
