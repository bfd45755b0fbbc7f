//! The pendulum and the cart-pole of mpc.pytorch (`env_dx`) with everything that the experiments learn as a parameter:
//! the dynamics' and the cost's.
//!
//! The cost of a stage is `1/2 tau' diag(weight) tau + linear' tau` with `tau = (x, u)`, that of the end the same
//! without `u`. (mpc.pytorch has a control of no effect there, whose optimum is zero: over `T + 1` of its stages it
//! solves the same problem as these models over `T`.) The models of `dilqr-models` have these dynamics, fixed costs and
//! no limits.
#![expect(unreachable_pub, reason = "a model is written as it is in a library")]

/// A rod on a hinge, upright, with a weak motor.
#[dilqr_runtime::model]
pub(crate) mod pendulum {
    /// Cosine and sine of the angle from upright \[-\], and its rate \[rad/s\].
    pub struct State {
        pub cos: f64,
        pub sin: f64,
        pub omega: f64,
    }

    /// Torque at the hinge \[N m\].
    pub struct Control {
        #[bounds(-p.limit, p.limit)]
        pub torque: f64,
    }

    /// Of the rod in \[m/s^2\], \[kg\] and \[m\]; of the cost; and the largest torque \[N m\].
    pub struct Params {
        pub gravity: f64,
        pub mass: f64,
        pub length: f64,
        pub weight: [f64; 4],
        pub linear: [f64; 4],
        pub limit: f64,
    }

    const DT: f64 = 0.05;

    /// Semi-implicit Euler, through the angle.
    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        let fall = 3.0 * p.gravity / (2.0 * p.length) * x.sin;
        let drive = 3.0 * u.torque / (p.mass * p.length.powi(2));
        let omega = x.omega + DT * (fall + drive);
        let (sin, cos) = (x.sin.atan2(x.cos) + DT * omega).sin_cos();
        State { cos, sin, omega }
    }

    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        terminal_cost(x, p) + 0.5 * p.weight[3] * u.torque.powi(2) + p.linear[3] * u.torque
    }

    pub fn terminal_cost(x: State, p: Params) -> f64 {
        0.5 * (p.weight[0] * x.cos.powi(2) + p.weight[1] * x.sin.powi(2) + p.weight[2] * x.omega.powi(2))
            + p.linear[0] * x.cos
            + p.linear[1] * x.sin
            + p.linear[2] * x.omega
    }
}

/// A pole hinged on a cart that a force pushes along a rail.
#[dilqr_runtime::model]
pub(crate) mod cartpole {
    /// Of the cart \[m\], \[m/s\]; of the pole cosine and sine of the angle from upright \[-\], and its rate \[rad/s\].
    pub struct State {
        pub position: f64,
        pub velocity: f64,
        pub cos: f64,
        pub sin: f64,
        pub rate: f64,
    }

    /// Force on the cart \[N\].
    pub struct Control {
        #[bounds(-p.limit, p.limit)]
        pub force: f64,
    }

    /// Of the system in \[m/s^2\], \[kg\], \[kg\] and \[m\] (half the pole); of the cost; and the largest force \[N\].
    pub struct Params {
        pub gravity: f64,
        pub mass_cart: f64,
        pub mass_pole: f64,
        pub length: f64,
        pub weight: [f64; 6],
        pub linear: [f64; 6],
        pub limit: f64,
    }

    const DT: f64 = 0.05;

    /// Explicit Euler, through the angle.
    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        let mass = p.mass_cart + p.mass_pole;
        let push = (u.force + p.mass_pole * p.length * x.rate.powi(2) * x.sin) / mass;
        let turn = (p.gravity * x.sin - x.cos * push) / (p.length * (4.0 / 3.0 - p.mass_pole * x.cos.powi(2) / mass));
        let pull = push - p.mass_pole * p.length * turn * x.cos / mass;
        let (sin, cos) = (x.sin.atan2(x.cos) + DT * x.rate).sin_cos();
        State {
            position: x.position + DT * x.velocity,
            velocity: x.velocity + DT * pull,
            cos,
            sin,
            rate: x.rate + DT * turn,
        }
    }

    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        terminal_cost(x, p) + 0.5 * p.weight[5] * u.force.powi(2) + p.linear[5] * u.force
    }

    pub fn terminal_cost(x: State, p: Params) -> f64 {
        let x = [x.position, x.velocity, x.cos, x.sin, x.rate];
        let mut cost = 0.0;
        for i in 0..5 {
            cost += 0.5 * p.weight[i] * x[i].powi(2) + p.linear[i] * x[i];
        }
        cost
    }
}
