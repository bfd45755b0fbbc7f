//! Calls that do not end, or with too many arguments.

#[dilqr_runtime::model]
pub mod pendulum {
    pub struct State {
        pub angle: f64,
        pub rate: f64,
    }
    pub struct Control {
        pub torque: f64,
    }
    pub struct Params {
        pub shape: [f64; 3],
    }

    fn twice(x: f64) -> f64 {
        2.0 * x
    }

    fn counts(x: f64) -> f64 {
        twice(x, x) + twice()
    }

    // `absent` is of no type, which keeps rustc's own error away: it cites the sources of std where they are installed.
    fn counts_of_methods(x: f64) -> f64 {
        absent.sin(1.0) + absent.atan2() + absent.mul_add(x)
    }

    fn even(x: f64) -> f64 {
        odd(x - 1.0)
    }

    fn odd(x: f64) -> f64 {
        even(x - 1.0)
    }
    pub fn dynamics(x: State, _u: Control, _p: Params) -> State {
        x
    }
    pub fn stage_cost(_x: State, _u: Control, _p: Params) -> f64 {
        0.0
    }
    pub fn terminal_cost(_x: State, _p: Params) -> f64 {
        0.0
    }
}

fn main() {}
