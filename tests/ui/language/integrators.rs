//! Integrators: their arguments, and what they need of the model.

#[dilqr_runtime::model(integrator = rk5, dt = 0.1)]
mod unknown {}

#[dilqr_runtime::model(integrator, dt)]
mod no_value {}

#[dilqr_runtime::model(dt = 0.1, substeps = 2)]
mod no_integrator {}

macro_rules! model {
    ($name:ident, [$($arguments:tt)*], $($function:ident)*) => {
        #[dilqr_runtime::model($($arguments)*)]
        mod $name {
            pub struct State {
                pub angle: f64,
                pub rates: [f64; 2],
            }
            pub struct Control {
                pub torque: f64,
            }
            pub struct Params {
                pub step: f64,
            }
            $(pub fn $function(x: State, _u: Control, _p: Params) -> State {
                x
            })*
            pub fn stage_cost(_x: State, _u: Control, _p: Params) -> f64 {
                0.0
            }
            pub fn terminal_cost(_x: State, _p: Params) -> f64 {
                0.0
            }
        }
    };
}

model!(no_step, [integrator = rk4], derivative);
model!(no_derivative, [integrator = rk4, dt = 0.1],);
model!(both, [integrator = rk4, dt = 0.1], derivative dynamics);
model!(derivative_alone, [], derivative);
model!(too_many_substeps, [integrator = rk4, dt = p.step, substeps = 1000], derivative);
model!(wrong_step, [integrator = rk4, dt = p.stop], derivative);
model!(odd, [integrator = semi_implicit_euler, dt = 0.1], derivative);

fn main() {}
