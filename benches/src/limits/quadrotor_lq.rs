//! The quadrotor of the page on model predictive control in OSQP's documentation: a linearized vehicle with bounds on
//! thrusts, roll, pitch and height.

/// The page's matrices. States are roll, pitch, yaw, position, and the rates of these six.
#[dilqr_runtime::model]
pub mod quadrotor_lq {
    pub struct State {
        pub x: [f64; 12],
    }

    /// Thrusts without that of hovering.
    pub struct Control {
        #[bounds(-0.9916, 2.4084)]
        pub u: [f64; 4],
    }

    /// Yaw, position and velocity to reach.
    pub struct Params {
        pub reference: [f64; 7],
    }

    const A: [f64; 144] = [
        1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.1, 0.0, 0.0, 0.0, 0.0, 0.0, //
        0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.1, 0.0, 0.0, 0.0, 0.0, //
        0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.1, 0.0, 0.0, 0.0, //
        0.0488, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0016, 0.0, 0.0, 0.0992, 0.0, 0.0, //
        0.0, -0.0488, 0.0, 0.0, 1.0, 0.0, 0.0, -0.0016, 0.0, 0.0, 0.0992, 0.0, //
        0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0992, //
        0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, //
        0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, //
        0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, //
        0.9734, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0488, 0.0, 0.0, 0.9846, 0.0, 0.0, //
        0.0, -0.9734, 0.0, 0.0, 0.0, 0.0, 0.0, -0.0488, 0.0, 0.0, 0.9846, 0.0, //
        0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.9846,
    ];
    const B: [f64; 48] = [
        0.0, -0.0726, 0.0, 0.0726, //
        -0.0726, 0.0, 0.0726, 0.0, //
        -0.0152, 0.0152, -0.0152, 0.0152, //
        0.0, -0.0006, 0.0, 0.0006, //
        0.0006, 0.0, -0.0006, 0.0, //
        0.0106, 0.0106, 0.0106, 0.0106, //
        0.0, -1.4512, 0.0, 1.4512, //
        -1.4512, 0.0, 1.4512, 0.0, //
        -0.3049, 0.3049, -0.3049, 0.3049, //
        0.0, -0.0236, 0.0, 0.0236, //
        0.0236, 0.0, -0.0236, 0.0, //
        0.2107, 0.2107, 0.2107, 0.2107,
    ];
    /// The states that have a cost, and their weights.
    const COSTED: [usize; 7] = [2, 3, 4, 5, 9, 10, 11];
    const WEIGHTS: [f64; 7] = [10.0, 10.0, 10.0, 10.0, 5.0, 5.0, 5.0];
    const TILT: f64 = core::f64::consts::PI / 6.0;

    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        let mut next = [0.0; 12];
        for i in 0..12 {
            for j in 0..12 {
                next[i] += A[12 * i + j] * x.x[j];
            }
            for j in 0..4 {
                next[i] += B[4 * i + j] * u.u[j];
            }
        }
        State { x: next }
    }

    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        let mut cost = terminal_cost(x, p);
        for i in 0..4 {
            cost += 0.05 * u.u[i] * u.u[i];
        }
        cost
    }

    pub fn terminal_cost(x: State, p: Params) -> f64 {
        let mut cost = 0.0;
        for i in 0..7 {
            let error = x.x[COSTED[i]] - p.reference[i];
            cost += 0.5 * WEIGHTS[i] * error * error;
        }
        cost
    }

    pub fn stage_constraints(x: State, _u: Control, p: Params) -> [f64; 5] {
        terminal_constraints(x, p)
    }

    pub fn terminal_constraints(x: State, _p: Params) -> [f64; 5] {
        [x.x[0] - TILT, -TILT - x.x[0], x.x[1] - TILT, -TILT - x.x[1], -1.0 - x.x[5]]
    }
}

pub const HORIZON: usize = 10;

/// The reference of the page, whose third state is the yaw.
pub const REFERENCE: [f64; 7] = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];

/// The start of the page.
pub const NEAR: [f64; 12] = [0.0; 12];

/// Some metres off and falling, so that thrusts, tilt and height meet their limits.
pub const FAR: [f64; 12] = [0.0, 0.0, 0.0, 5.0, -5.0, -0.5, 0.0, 0.0, 0.0, 0.0, 0.0, -1.0];
