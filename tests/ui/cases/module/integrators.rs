//! Models given by `derivative`: one way to the next state, and what an integrator needs.

macro_rules! model {
    ($name:ident $function:ident $($argument:tt)*) => {
        #[dilqr_runtime::model($($argument)*)]
        pub mod $name {
            pub struct State {
                pub angle: f64,
            }
            pub struct Control {
                pub torque: f64,
            }
            pub struct Params {}

            pub fn $function(x: State, _u: Control, _p: Params) -> State {
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

model!(no_integrator derivative);
model!(no_step derivative integrator = rk4);
model!(no_derivative dynamics integrator = rk4, dt = 0.1);
model!(no_function elsewhere integrator = rk4, dt = 0.1);

// Mistakes in the values of the arguments.
model!(no_steps derivative integrator = rk4, dt = 0.1, substeps = 0);
model!(half_a_step derivative integrator = rk4, dt = 0.1, substeps = 0.5);
model!(no_number derivative integrator = euler, dt = step);
model!(no_halves derivative integrator = semi_implicit_euler, dt = 0.1);

fn main() {}
