//! Values of tens of thousands of numbers: usually a zero too many.

#[dilqr_runtime::model]
pub mod pendulum {
    pub struct State {
        pub angle: f64,
    }
    pub struct Control {
        pub torque: f64,
    }
    pub struct Params {}

    pub struct Grid {
        pub heights: [f64; 9000],
        pub widths: [f64; 9000],
    }

    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { angle: x.angle + u.torque }
    }
    pub fn stage_cost(x: State, _u: Control, _p: Params) -> f64 {
        x.angle
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.angle
    }
}

#[dilqr_runtime::model]
pub mod cart {
    pub struct State {
        pub position: f64,
    }
    pub struct Control {
        pub force: f64,
    }
    pub struct Params {}

    fn both(_q: ([f64; 9000], [f64; 9000])) -> f64 {
        0.0
    }

    fn repeated(x: f64) -> f64 {
        let row = [x; 100];
        let _rows = [row; 1000];
        let column = [x; 9000];
        let _columns = (column, column);
        x
    }

    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { position: x.position + u.force }
    }
    pub fn stage_cost(x: State, _u: Control, _p: Params) -> f64 {
        x.position
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.position
    }
}

fn main() {}
