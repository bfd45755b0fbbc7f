//! Modules that cannot lend the model their names.

macro_rules! model {
    ($name:ident) => {
        #[dilqr_runtime::model]
        pub mod $name {
            pub struct State {
                pub angle: f64,
            }
            pub struct Control {
                pub torque: f64,
            }
            pub struct Params {}
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
    };
}

model!(state);
model!(solver);
model!(self_);
model!(_2d);
model!(__);

fn main() {}
