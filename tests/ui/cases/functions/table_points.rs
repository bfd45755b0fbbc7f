//! Tables whose points are no table: too few, not finite, or at knots that do not increase.

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

    pub const ONE_POINT: dilqr_runtime::Spline<1> = dilqr_runtime::Spline::natural([0.0], [1.0]);
    pub const SWAPPED: dilqr_runtime::Spline<3> = dilqr_runtime::Spline::natural([0.0, 2.0, 1.0], [1.0, 0.0, 1.0]);
    pub const TWICE: dilqr_runtime::Spline<3> = dilqr_runtime::Spline::linear([0.0, 1.0, 1.0], [1.0, 0.0, 1.0]);
    pub const KNOT: dilqr_runtime::Spline<3> =
        dilqr_runtime::Spline::clamped([0.0, 1.0, f64::INFINITY], [1.0, 0.0, 1.0], [0.0, 0.0]);
    pub const VALUE: dilqr_runtime::Spline<3> = dilqr_runtime::Spline::natural([0.0, 1.0, 2.0], [1.0, f64::NAN, 1.0]);
    pub const SLOPE: dilqr_runtime::Spline<3> =
        dilqr_runtime::Spline::clamped([0.0, 1.0, 2.0], [1.0, 0.0, 1.0], [f64::NAN, 0.0]);

    pub fn derivative(x: State, u: Control, p: Params) -> State {
        let lift = ONE_POINT.at(x.angle) + SWAPPED.at(x.angle) + TWICE.at(x.angle) + KNOT.at(x.angle);
        State { angle: x.rate, rate: p.gain * u.torque + lift + VALUE.at(x.rate) + SLOPE.at(x.rate) }
    }

    pub fn running_cost(x: State, u: Control, _p: Params) -> f64 {
        x.angle * x.angle + u.torque * u.torque
    }

    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.angle * x.angle + x.rate * x.rate
    }
}

fn main() {}
