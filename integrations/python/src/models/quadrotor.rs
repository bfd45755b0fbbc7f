//! A quadrotor with its attitude in modified Rodrigues parameters, which have no singularity short of a whole turn.
//!
//! Equations: Newton and Euler in the frame of the body; attitude after Schaub and Junkins, "Stereographic orientation
//! parameters for attitude dynamics", The Journal of the Astronautical Sciences 44(1), 1996. Vehicle and values:
//! Jackson et al. 2022, models learned for control on a laboratory quadrotor, whose rotors are driven by the width of a
//! pulse.

#[expect(clippy::module_inception, reason = "the macro names the model after the module; the file has the same noun")]
#[dilqr_runtime::model(integrator = rk4, dt = DT, vendored = "src/models/quadrotor.dilqr.rs")]
mod quadrotor {
    /// The vehicle.
    pub struct State {
        /// Position in the world, the third axis up \[m\].
        pub position: [f64; 3],
        /// Attitude, body to world: the axis of the rotation times the tangent of a quarter of its angle \[-\].
        pub attitude: [f64; 3],
        /// Velocity in the body \[m/s\].
        pub velocity: [f64; 3],
        /// Angular velocity in the body \[rad/s\].
        pub rate: [f64; 3],
    }

    /// The rotors, which stand at (1, 1), (1, -1), (-1, -1) and (-1, 1) times the arm over the root of 2.
    pub struct Control {
        /// Widths of the pulses, between [`PULSE_MIN`] and [`PULSE_MAX`] on the vehicle \[100 us\].
        pub pulse: [f64; 4],
    }

    /// Parameters of the motion.
    pub struct Params {
        /// Gravity \[m/s^2\].
        pub gravity: f64,
        /// Mass \[kg\].
        pub mass: f64,
        /// Moments of inertia about the body's axes \[kg m^2\].
        pub inertia: [f64; 3],
        /// Entry of the inertia matrix that couples the first two axes \[kg m^2\].
        pub inertia_xy: f64,
        /// Centre of mass to rotor \[m\].
        pub arm: f64,
        /// Thrust of a rotor for the width of its pulse \[N/us\].
        pub thrust_slope: f64,
        /// Thrust of a rotor, extrapolated to zero width \[N\].
        pub thrust_offset: f64,
        /// Torque of a rotor about its axis for the width of its pulse \[N m/us\].
        pub torque_slope: f64,
    }

    /// Time step \[s\].
    pub const DT: f64 = 0.05;

    /// The narrowest pulse of the vehicle's rotors \[100 us\]; the model does not enforce it.
    pub const PULSE_MIN: f64 = 11.5;

    /// The widest pulse of the vehicle's rotors \[100 us\]; the model does not enforce it.
    pub const PULSE_MAX: f64 = 18.3;

    /// Microseconds in the unit of the control.
    const MICROSECONDS: f64 = 100.0;

    fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
        [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
    }

    fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
        a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
    }

    /// A vector of the body in the world.
    fn rotate(attitude: [f64; 3], v: [f64; 3]) -> [f64; 3] {
        let square = dot(attitude, attitude);
        let once = cross(attitude, v);
        let twice = cross(attitude, once);
        let scale = 4.0 / (1.0 + square).powi(2);
        let mut turned = v;
        for i in 0..3 {
            turned[i] += scale * (2.0 * twice[i] + (1.0 - square) * once[i]);
        }
        turned
    }

    /// A vector of the world in the body.
    fn rotate_back([a, b, c]: [f64; 3], v: [f64; 3]) -> [f64; 3] {
        rotate([-a, -b, -c], v)
    }

    /// The width of the pulses at which the vehicle hovers \[100 us\].
    pub fn hover(p: Params) -> f64 {
        (0.25 * p.mass * p.gravity - p.thrust_offset) / (MICROSECONDS * p.thrust_slope)
    }

    /// The rate of change of the state.
    pub fn derivative(x: State, u: Control, p: Params) -> State {
        let [first, second, third, fourth] = u.pulse;
        let slope = MICROSECONDS * p.thrust_slope;
        let lift = slope * (first + second + third + fourth) + 4.0 * p.thrust_offset;
        // The offset of the thrust causes no torque: the rotors are opposite to each other.
        let lever = slope * p.arm * std::f64::consts::FRAC_1_SQRT_2;
        let torque = [
            lever * (first - second - third + fourth),
            lever * (third + fourth - first - second),
            MICROSECONDS * p.torque_slope * (first - second + third - fourth),
        ];

        let fall = rotate_back(x.attitude, [0.0, 0.0, -p.gravity]);
        let bend = cross(x.rate, x.velocity);
        let [wx, wy, wz] = x.rate;
        let [ix, iy, iz] = p.inertia;
        let spin = cross(x.rate, [ix * wx + p.inertia_xy * wy, p.inertia_xy * wx + iy * wy, iz * wz]);
        let net = [torque[0] - spin[0], torque[1] - spin[1], torque[2] - spin[2]];
        let determinant = ix * iy - p.inertia_xy.powi(2);

        let square = dot(x.attitude, x.attitude);
        let along = dot(x.attitude, x.rate);
        let aside = cross(x.attitude, x.rate);
        let mut attitude = [0.0; 3];
        for i in 0..3 {
            attitude[i] = 0.25 * (1.0 - square) * x.rate[i] + 0.5 * (aside[i] + along * x.attitude[i]);
        }
        State {
            position: rotate(x.attitude, x.velocity),
            attitude,
            velocity: [fall[0] - bend[0], fall[1] - bend[1], lift / p.mass + fall[2] - bend[2]],
            rate: [
                (iy * net[0] - p.inertia_xy * net[1]) / determinant,
                (ix * net[1] - p.inertia_xy * net[0]) / determinant,
                net[2] / iz,
            ],
        }
    }

    /// Distance from hovering at the origin.
    fn state_cost(x: State) -> f64 {
        dot(x.position, x.position)
            + 5.0 * dot(x.attitude, x.attitude)
            + 0.1 * dot(x.velocity, x.velocity)
            + 0.1 * dot(x.rate, x.rate)
    }

    /// Cost of one step, with the difference of pulses from those of hovering.
    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        let hover = hover(p);
        let mut cost = state_cost(x);
        for i in 0..4 {
            cost += 0.1 * (u.pulse[i] - hover).powi(2);
        }
        cost
    }

    /// Cost of the final state.
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        10.0 * state_cost(x)
    }
}

pub use self::quadrotor::*;

impl Default for Params {
    /// The publication's vehicle.
    fn default() -> Self {
        Self {
            gravity: 9.81,
            mass: 2.0,
            inertia: [0.015_660_89, 0.015_620_78, 0.022_268_68],
            inertia_xy: 3.180_37e-6,
            arm: 0.28,
            thrust_slope: 0.024_410_1,
            thrust_offset: -30.485_76,
            torque_slope: 0.000_299_58,
        }
    }
}
