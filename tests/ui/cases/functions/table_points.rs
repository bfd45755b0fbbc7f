//! Points of tables that are none.

const KNOT: dilqr_runtime::Spline<3> = dilqr_runtime::Spline::natural([0.0, 1.0, f64::INFINITY], [0.0, 1.0, 2.0]);
const VALUE: dilqr_runtime::Spline<3> = dilqr_runtime::Spline::linear([0.0, 1.0, 2.0], [0.0, f64::NAN, 2.0]);
const ORDER: dilqr_runtime::Spline<3> = dilqr_runtime::Spline::clamped([0.0, 1.0, 1.0], [0.0, 1.0, 2.0], [0.0, 0.0]);

fn main() {
    let _ = (KNOT, VALUE, ORDER);
}
