//! Constants are exact while a model is derived, and these multiply to numbers of thousands of digits.

macro_rules! model {
    ([] $($factors:tt)*) => {
        #[dilqr_runtime::model]
        pub mod pendulum {
            pub struct State {
                pub angle: f64,
            }
            pub struct Control {
                pub torque: f64,
            }
            pub struct Params {}

            pub fn dynamics(x: State, u: Control, _p: Params) -> State {
                State { angle: x.angle + u.torque }
            }
            pub fn stage_cost(x: State, _u: Control, _p: Params) -> f64 {
                x.angle $($factors)*
            }
            pub fn terminal_cost(x: State, _p: Params) -> f64 {
                x.angle
            }
        }
    };
    ([$again:tt $($rest:tt)*] $($factors:tt)*) => {
        model!([$($rest)*] $($factors)* $($factors)*);
    };
}

model!([1 2 3 4] * 1e300 * 1e-300);

fn main() {}
