//! Sums of hundreds of terms, each within the next.

macro_rules! model {
    ([] $($terms:tt)*) => {
        #[dilqr_runtime::model]
        pub mod pendulum {
            pub struct State {
                pub angle: f64,
            }
            pub struct Control {
                pub torque: f64,
            }
            pub struct Params {}

            fn first(x: f64) -> f64 {
                x $($terms)*
            }
            fn second(x: f64) -> f64 {
                first(x) $($terms)*
            }
            fn third(x: f64) -> f64 {
                second(x) $($terms)*
            }
            fn fourth(x: f64) -> f64 {
                third(x) $($terms)*
            }

            pub fn dynamics(x: State, u: Control, _p: Params) -> State {
                State { angle: fourth(x.angle) + u.torque }
            }
            pub fn stage_cost(x: State, _u: Control, _p: Params) -> f64 {
                x.angle
            }
            pub fn terminal_cost(x: State, _p: Params) -> f64 {
                x.angle
            }
        }
    };
    ([$again:tt $($rest:tt)*] $($terms:tt)*) => {
        model!([$($rest)*] $($terms)* $($terms)*);
    };
}

model!([1 2 3 4 5 6 7 8] + 1.0);

fn main() {}
