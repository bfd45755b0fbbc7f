//! A cart-pole that swings up and stands still at the end of the horizon.

/// The cart-pole of [`dilqr_models::cartpole`] with a limit on the force. It ends at rest, upright, in the middle.
#[dilqr_runtime::model(integrator = rk4, dt = 0.05)]
pub mod swing_up {
    /// Of the cart \[m\], \[m/s\], and of the pole from upright \[rad\], \[rad/s\].
    pub struct State {
        pub position: f64,
        pub velocity: f64,
        pub angle: f64,
        pub rate: f64,
    }

    /// Force on the cart \[N\].
    pub struct Control {
        #[bounds(-20.0, 20.0)]
        pub force: f64,
    }

    /// In \[m/s^2\], \[kg\], \[kg\] and \[m\] (half the pole).
    pub struct Params {
        pub gravity: f64,
        pub mass_cart: f64,
        pub mass_pole: f64,
        pub length: f64,
    }

    pub fn derivative(x: State, u: Control, p: Params) -> State {
        let (sin, cos) = x.angle.sin_cos();
        let mass = p.mass_cart + p.mass_pole;
        let push = (u.force + p.mass_pole * p.length * x.rate * x.rate * sin) / mass;
        let angular = (p.gravity * sin - cos * push) / (p.length * (4.0 / 3.0 - p.mass_pole * cos * cos / mass));
        State {
            position: x.velocity,
            velocity: push - p.mass_pole * p.length * angular * cos / mass,
            angle: x.rate,
            rate: angular,
        }
    }

    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        0.1 * x.position * x.position + 0.001 * u.force * u.force
    }

    pub fn terminal_cost(_x: State, _p: Params) -> f64 {
        0.0
    }

    pub fn terminal_equalities(x: State, _p: Params) -> [f64; 4] {
        [x.position, x.velocity, x.angle, x.rate]
    }
}

pub const HORIZON: usize = 60;

pub const PARAMS: [f64; 4] = [9.8, 1.0, 0.1, 0.5];

/// Hanging at rest.
pub const START: [f64; 4] = [0.0, 0.0, core::f64::consts::PI, 0.0];
