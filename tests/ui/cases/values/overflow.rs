//! Numbers that leave the range of f64 only when the model is multiplied out.

macro_rules! model {
    ($name:ident: $next:ident) => {
        #[dilqr_runtime::model]
        pub mod $name {
            pub struct State {
                pub angle: f64,
            }
            pub struct Control {
                pub torque: f64,
            }
            pub struct Params {}

            fn next(x: f64) -> f64 {
                $next(x)
            }
            fn huge(x: f64) -> f64 {
                1e200 * (1e200 * x)
            }
            fn huge_by_name(x: f64) -> f64 {
                let y = 1e200 * x;
                1e200 * y
            }
            fn power(x: f64) -> f64 {
                x.powf(1e300)
            }
            fn division(x: f64) -> f64 {
                1.0 / (x - x)
            }
            fn division_by_name(x: f64) -> f64 {
                let y = x - x;
                x / y
            }

            pub fn dynamics(x: State, u: Control, _p: Params) -> State {
                State { angle: next(x.angle) + u.torque }
            }
            pub fn stage_cost(_x: State, _u: Control, _p: Params) -> f64 {
                0.0
            }
            pub fn terminal_cost(_x: State, _p: Params) -> f64 {
                0.0
            }
        }
    };
}

model!(a: huge);
model!(b: huge_by_name);
model!(c: power);
model!(d: division);
model!(e: division_by_name);

fn main() {}
