//! Methods that tables and networks do not have.

#[dilqr_runtime::model(integrator = rk4, dt = 0.05)]
pub mod pendulum {
    pub struct State {
        pub angle: f64,
        pub rate: f64,
    }

    pub struct Control {
        pub torque: f64,
    }

    pub struct Params {
        pub gain: f64,
    }

    const LIFT: dilqr_runtime::Spline<3> = dilqr_runtime::Spline::natural([0.0, 1.0, 2.0], [1.0, 0.0, 1.0]);

    #[network(layers = [2, 8, 1], activation = tanh)]
    pub struct Residual;

    pub fn derivative(x: State, u: Control, p: Params, residual: &Residual) -> State {
        State { angle: x.rate + LIFT.slope(x.angle), rate: p.gain * u.torque + residual.predict([x.angle, x.rate])[0] }
    }

    pub fn running_cost(x: State, u: Control, _p: Params) -> f64 {
        x.angle * x.angle + u.torque * u.torque
    }

    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.angle * x.angle + x.rate * x.rate
    }
}

fn main() {}
