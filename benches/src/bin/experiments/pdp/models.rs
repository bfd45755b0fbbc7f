//! The four systems of the benchmark: cart-pole, arm of two links, quadrotor and rocket.
//!
//! Equations and costs: Jin, Wang, Yang and Mou, "Pontryagin differentiable programming: an end-to-end learning and
//! control framework", NeurIPS 2020, and their code (`JinEnv`); limits: Jin, Mou and Pappas, "Safe Pontryagin
//! differentiable programming", NeurIPS 2021. All of them are integrated by explicit Euler. Each has one text and
//! several models: with the time steps of the tasks, and with and without limits.

#![expect(unreachable_pub, reason = "models, as the users of a library have them")]

/// A pole that hangs from a cart at angle 0 and stands at pi. Weights are those of position, angle and their rates.
macro_rules! cart_pole {
    ($(#[$about:meta])* $name:ident, $dt:literal, { $(#[$($bounds:tt)*])* }, { $($limit:tt)* }, { $($limits:item)* }) => {
        $(#[$about])*
        #[dilqr_runtime::model(integrator = euler, dt = $dt)]
        pub(crate) mod $name {
            pub struct State {
                pub position: f64,
                pub angle: f64,
                pub velocity: f64,
                pub rate: f64,
            }
            pub struct Control {
                $(#[$($bounds)*])*
                pub force: f64,
            }
            pub struct Params {
                pub mass_cart: f64,
                pub mass_pole: f64,
                pub length: f64,
                pub weight: [f64; 4],
                $($limit)*
            }
            const GRAVITY: f64 = 10.0;
            const UPRIGHT: f64 = core::f64::consts::PI;

            pub fn derivative(x: State, u: Control, p: Params) -> State {
                let (sin, cos) = x.angle.sin_cos();
                let mass = p.mass_cart + p.mass_pole * sin.powi(2);
                let swing = p.mass_pole * p.length * x.rate.powi(2);
                let cart = u.force + sin * (swing + p.mass_pole * GRAVITY * cos);
                let pole = u.force * cos + swing * sin * cos + (p.mass_cart + p.mass_pole) * GRAVITY * sin;
                State { position: x.velocity, angle: x.rate, velocity: cart / mass, rate: -pole / (p.length * mass) }
            }
            pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
                terminal_cost(x, p) + 0.1 * u.force.powi(2)
            }
            pub fn terminal_cost(x: State, p: Params) -> f64 {
                p.weight[0] * x.position.powi(2)
                    + p.weight[1] * (x.angle - UPRIGHT).powi(2)
                    + p.weight[2] * x.velocity.powi(2)
                    + p.weight[3] * x.rate.powi(2)
            }
            $($limits)*
        }
    };
}

/// Two uniform rods in a horizontal plane, with a motor at each joint.
macro_rules! arm {
    ($(#[$about:meta])* $name:ident, $dt:literal, { $(#[$($bounds:tt)*])* }, { $($limit:tt)* }, { $($limits:item)* }) => {
        $(#[$about])*
        #[dilqr_runtime::model(integrator = euler, dt = $dt)]
        pub(crate) mod $name {
            pub struct State {
                pub angle: [f64; 2],
                pub rate: [f64; 2],
            }
            pub struct Control {
                $(#[$($bounds)*])*
                pub torque: [f64; 2],
            }
            pub struct Params {
                pub length_first: f64,
                pub mass_first: f64,
                pub length_second: f64,
                pub mass_second: f64,
                pub weight: [f64; 4],
                $($limit)*
            }
            const GOAL: f64 = core::f64::consts::FRAC_PI_2;

            pub fn derivative(x: State, u: Control, p: Params) -> State {
                let (sin, cos) = x.angle[1].sin_cos();
                let [first, second] = x.rate;
                let coupling = 0.5 * p.mass_second * p.length_first * p.length_second;
                // A uniform rod has a third of m l^2 about its end.
                let m22 = p.mass_second * p.length_second.powi(2) / 3.0;
                let m12 = m22 + coupling * cos;
                let m11 = (p.mass_first / 3.0 + p.mass_second) * p.length_first.powi(2) + m12 + coupling * cos;
                let torque_first = u.torque[0] + coupling * sin * second * (second + 2.0 * first);
                let torque_second = u.torque[1] - coupling * sin * first.powi(2);
                let determinant = m11 * m22 - m12.powi(2);
                State {
                    angle: x.rate,
                    rate: [
                        (m22 * torque_first - m12 * torque_second) / determinant,
                        (m11 * torque_second - m12 * torque_first) / determinant,
                    ],
                }
            }
            pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
                terminal_cost(x, p) + 0.01 * (u.torque[0].powi(2) + u.torque[1].powi(2))
            }
            pub fn terminal_cost(x: State, p: Params) -> f64 {
                p.weight[0] * (x.angle[0] - GOAL).powi(2)
                    + p.weight[1] * x.angle[1].powi(2)
                    + p.weight[2] * x.rate[0].powi(2)
                    + p.weight[3] * x.rate[1].powi(2)
            }
            $($limits)*
        }
    };
}

/// A quadrotor whose attitude is a quaternion, real part first, body to world. Weights are those of position, velocity,
/// attitude and angular velocity.
macro_rules! quadrotor {
    ($(#[$about:meta])* $name:ident, $dt:literal, { $(#[$($bounds:tt)*])* }, { $($limit:tt)* }, { $($limits:item)* }) => {
        $(#[$about])*
        #[dilqr_runtime::model(integrator = euler, dt = $dt)]
        pub(crate) mod $name {
            pub struct State {
                pub position: [f64; 3],
                pub velocity: [f64; 3],
                pub attitude: [f64; 4],
                pub rate: [f64; 3],
            }
            pub struct Control {
                $(#[$($bounds)*])*
                pub thrust: [f64; 4],
            }
            pub struct Params {
                pub inertia: [f64; 3],
                pub mass: f64,
                pub span: f64,
                pub weight: [f64; 4],
                $($limit)*
            }
            const GRAVITY: f64 = 10.0;
            /// Torque about the vertical axis for a thrust.
            const DRAG: f64 = 0.01;

            pub fn derivative(x: State, u: Control, p: Params) -> State {
                let [a, b, c, d] = u.thrust;
                let [qw, qx, qy, qz] = x.attitude;
                let [wx, wy, wz] = x.rate;
                let lift = (a + b + c + d) / p.mass;
                let [ix, iy, iz] = p.inertia;
                State {
                    position: x.velocity,
                    velocity: [
                        2.0 * (qx * qz + qw * qy) * lift,
                        2.0 * (qy * qz - qw * qx) * lift,
                        (1.0 - 2.0 * (qx * qx + qy * qy)) * lift - GRAVITY,
                    ],
                    attitude: [
                        -0.5 * (qx * wx + qy * wy + qz * wz),
                        0.5 * (qw * wx + qy * wz - qz * wy),
                        0.5 * (qw * wy + qz * wx - qx * wz),
                        0.5 * (qw * wz + qx * wy - qy * wx),
                    ],
                    rate: [
                        (0.5 * p.span * (d - b) + (iy - iz) * wy * wz) / ix,
                        (0.5 * p.span * (c - a) + (iz - ix) * wz * wx) / iy,
                        (DRAG * (a - b + c - d) + (ix - iy) * wx * wy) / iz,
                    ],
                }
            }
            fn square(v: [f64; 3]) -> f64 {
                v[0] * v[0] + v[1] * v[1] + v[2] * v[2]
            }
            pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
                let [a, b, c, d] = u.thrust;
                terminal_cost(x, p) + 0.1 * (a * a + b * b + c * c + d * d)
            }
            /// The attitude's cost is the trace of `I - R`.
            pub fn terminal_cost(x: State, p: Params) -> f64 {
                let [_, qx, qy, qz] = x.attitude;
                p.weight[0] * square(x.position)
                    + p.weight[1] * square(x.velocity)
                    + 4.0 * p.weight[2] * (qx * qx + qy * qy + qz * qz)
                    + p.weight[3] * square(x.rate)
            }
            $($limits)*
        }
    };
}

/// A rocket of constant mass whose first axis is up, with a thrust in three directions at its tail. Weights are those
/// of position, velocity, tilt, thrust across the rocket and angular velocity.
macro_rules! rocket {
    ($(#[$about:meta])* $name:ident, $dt:literal, $effort:literal, { $($limit:tt)* }, { $($limits:item)* }) => {
        $(#[$about])*
        #[dilqr_runtime::model(integrator = euler, dt = $dt)]
        pub(crate) mod $name {
            pub struct State {
                pub position: [f64; 3],
                pub velocity: [f64; 3],
                pub attitude: [f64; 4],
                pub rate: [f64; 3],
            }
            pub struct Control {
                pub thrust: [f64; 3],
            }
            pub struct Params {
                pub inertia: [f64; 3],
                pub mass: f64,
                pub length: f64,
                pub weight: [f64; 5],
                $($limit)*
            }
            const GRAVITY: f64 = 10.0;

            pub fn derivative(x: State, u: Control, p: Params) -> State {
                let [along, across, aside] = u.thrust;
                let [qw, qx, qy, qz] = x.attitude;
                let [wx, wy, wz] = x.rate;
                let [ix, iy, iz] = p.inertia;
                let up = (1.0 - 2.0 * (qy * qy + qz * qz)) * along
                    + 2.0 * (qx * qy - qw * qz) * across
                    + 2.0 * (qx * qz + qw * qy) * aside;
                let second = 2.0 * (qx * qy + qw * qz) * along
                    + (1.0 - 2.0 * (qx * qx + qz * qz)) * across
                    + 2.0 * (qy * qz - qw * qx) * aside;
                let third = 2.0 * (qx * qz - qw * qy) * along
                    + 2.0 * (qy * qz + qw * qx) * across
                    + (1.0 - 2.0 * (qx * qx + qy * qy)) * aside;
                State {
                    position: x.velocity,
                    velocity: [up / p.mass - GRAVITY, second / p.mass, third / p.mass],
                    attitude: [
                        -0.5 * (qx * wx + qy * wy + qz * wz),
                        0.5 * (qw * wx + qy * wz - qz * wy),
                        0.5 * (qw * wy + qz * wx - qx * wz),
                        0.5 * (qw * wz + qx * wy - qy * wx),
                    ],
                    rate: [
                        (iy - iz) * wy * wz / ix,
                        (0.5 * p.length * aside + (iz - ix) * wz * wx) / iy,
                        (-0.5 * p.length * across + (ix - iy) * wx * wy) / iz,
                    ],
                }
            }
            fn square(v: [f64; 3]) -> f64 {
                v[0] * v[0] + v[1] * v[1] + v[2] * v[2]
            }
            pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
                let across = u.thrust[1].powi(2) + u.thrust[2].powi(2);
                terminal_cost(x, p) + $effort * square(u.thrust) + p.weight[3] * across
            }
            /// The tilt's cost is the squared horizontal part of the rocket's axis.
            pub fn terminal_cost(x: State, p: Params) -> f64 {
                let [qw, qx, qy, qz] = x.attitude;
                let tilt = (2.0 * (qx * qy + qw * qz)).powi(2) + (2.0 * (qx * qz - qw * qy)).powi(2);
                p.weight[0] * square(x.position)
                    + p.weight[1] * square(x.velocity)
                    + p.weight[2] * tilt
                    + p.weight[4] * square(x.rate)
            }
            $($limits)*
        }
    };
}

cart_pole!(cart_pole, 0.1, {}, {}, {});
cart_pole!(
    /// With the time step of the identification.
    fast_cart_pole, 0.05, {}, {}, {}
);
cart_pole!(
    limited_cart_pole, 0.1, { #[bounds(-p.force, p.force)] }, { pub force: f64, pub rail: f64, }, {
        pub fn stage_constraints(x: State, _u: Control, p: Params) -> [f64; 2] {
            [x.position - p.rail, -x.position - p.rail]
        }
    }
);

arm!(arm, 0.1, {}, {}, {});
arm!(
    limited_arm, 0.2, { #[bounds(-p.torque, p.torque)] }, { pub torque: f64, pub reach: f64, }, {
        pub fn stage_constraints(x: State, _u: Control, p: Params) -> [f64; 4] {
            let [first, second] = x.angle;
            [first - p.reach, second - p.reach, -first - p.reach, -second - p.reach]
        }
    }
);

quadrotor!(quadrotor, 0.1, {}, {}, {});
quadrotor!(
    /// The square of the distance from the origin is limited.
    limited_quadrotor, 0.15, { #[bounds(-p.thrust, p.thrust)] }, { pub thrust: f64, pub distance: f64, }, {
        pub fn stage_constraints(x: State, _u: Control, p: Params) -> [f64; 1] {
            [square(x.position) - p.distance]
        }
    }
);

rocket!(rocket, 0.1, 0.1, {}, {});
rocket!(
    /// With the time step of the identification.
    slow_rocket, 0.2, 0.1, {}, {}
);
rocket!(
    /// The square of the thrust and the angle from the goal's attitude are limited.
    limited_rocket, 0.1, 0.4, { pub thrust: f64, pub tilt: f64, }, {
        pub fn stage_constraints(x: State, u: Control, p: Params) -> [f64; 2] {
            let [_, qx, qy, qz] = x.attitude;
            // The cosine of the rotation's angle, from the trace of its matrix.
            [square(u.thrust) - p.thrust, p.tilt.cos() - (1.0 - 2.0 * (qx * qx + qy * qy + qz * qz))]
        }
    }
);
