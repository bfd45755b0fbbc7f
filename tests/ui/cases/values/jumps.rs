//! What has no derivative, or no number.

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

    fn casts(x: f64) -> f64 {
        let _steps = x as usize;
        let _state = absent as State;
        x as i32 as f64
    }

    fn jumps(x: f64) -> f64 {
        let _rest = x % 2.0;
        let _rounded = x.round() + x.floor();
        f64::fract(x)
    }

    fn clamps(x: f64) -> f64 {
        x.clamp(1.0, -1.0)
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
