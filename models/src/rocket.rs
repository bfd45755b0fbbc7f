//! A rocket that lands with a steerable thrust.
//!
//! Equations, values and kind of cost: Jin, Mou and Pappas, "Safe Pontryagin differentiable programming", NeurIPS 2021
//! (`JinEnv`, `Rocket`), after Szmuk, Eren and Acikmese, "Successive convexification for Mars 6-DoF powered descent
//! landing guidance", AIAA Guidance, Navigation, and Control Conference 2017: Newton and Euler for a rigid body of
//! constant mass, by a Runge-Kutta step instead of Euler's. The first axis is up, and along the rocket.

#[expect(clippy::module_inception, reason = "the macro names the model after the module; the file has the same noun")]
#[dilqr_runtime::model(integrator = rk4, dt = DT)]
mod rocket {
    /// The rocket.
    pub struct State {
        /// Position of the center of mass in the world, the first axis up \[m\].
        pub position: [f64; 3],
        /// Velocity in the world \[m/s\].
        pub velocity: [f64; 3],
        /// Attitude, body to world: a unit quaternion, the real part first \[-\].
        pub attitude: [f64; 4],
        /// Angular velocity in the body \[rad/s\].
        pub rate: [f64; 3],
    }

    /// The engine.
    pub struct Control {
        /// Thrust at the tail, in the body, the first axis along the rocket \[N\].
        pub thrust: [f64; 3],
    }

    /// Parameters of the motion.
    pub struct Params {
        /// Gravity \[m/s^2\].
        pub gravity: f64,
        /// Principal moments of inertia \[kg m^2\].
        pub inertia: [f64; 3],
        /// Mass \[kg\].
        pub mass: f64,
        /// Length; the thrust acts half of it below the center of mass \[m\].
        pub length: f64,
    }

    /// Time step \[s\].
    pub const DT: f64 = 0.1;

    fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
        [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
    }

    fn square(v: [f64; 3]) -> f64 {
        v[0] * v[0] + v[1] * v[1] + v[2] * v[2]
    }

    /// The rotation matrix of a unit quaternion, body to world.
    fn rotation([w, x, y, z]: [f64; 4]) -> [[f64; 3]; 3] {
        [
            [1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y - w * z), 2.0 * (x * z + w * y)],
            [2.0 * (x * y + w * z), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z - w * x)],
            [2.0 * (x * z - w * y), 2.0 * (y * z + w * x), 1.0 - 2.0 * (x * x + y * y)],
        ]
    }

    /// The rate of change of the state.
    pub fn derivative(x: State, u: Control, p: Params) -> State {
        let matrix = rotation(x.attitude);
        let mut velocity = [-p.gravity, 0.0, 0.0];
        for i in 0..3 {
            for j in 0..3 {
                velocity[i] += matrix[i][j] * u.thrust[j] / p.mass;
            }
        }

        let torque = cross([-0.5 * p.length, 0.0, 0.0], u.thrust);
        let mut momentum = x.rate;
        for i in 0..3 {
            momentum[i] *= p.inertia[i];
        }
        let spin = cross(x.rate, momentum);
        let mut rate = [0.0; 3];
        for i in 0..3 {
            rate[i] = (torque[i] - spin[i]) / p.inertia[i];
        }

        let [qw, qx, qy, qz] = x.attitude;
        let [wx, wy, wz] = x.rate;
        let attitude = [
            -0.5 * (qx * wx + qy * wy + qz * wz),
            0.5 * (qw * wx + qy * wz - qz * wy),
            0.5 * (qw * wy + qz * wx - qx * wz),
            0.5 * (qw * wz + qx * wy - qy * wx),
        ];
        State { position: x.velocity, velocity, attitude, rate }
    }

    /// Distance from standing at the origin. The tilt is 1 less the cosine of the rocket's angle from upright.
    fn state_cost(x: State) -> f64 {
        let tilt = 2.0 * (x.attitude[2].powi(2) + x.attitude[3].powi(2));
        square(x.position) + square(x.velocity) + 5.0 * tilt + square(x.rate)
    }

    /// Cost of one step. Thrust across the rocket has a larger weight than along it.
    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        let [along, across, aside] = u.thrust;
        0.1 * state_cost(x) + 0.01 * along.powi(2) + 0.1 * (across.powi(2) + aside.powi(2))
    }

    /// Cost of the final state.
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        10.0 * state_cost(x)
    }
}

pub use self::rocket::*;

impl Default for Params {
    /// The publication's rocket of 1 kg and 1 m.
    fn default() -> Self {
        Self { gravity: 10.0, inertia: [0.5, 1.0, 1.0], mass: 1.0, length: 1.0 }
    }
}
