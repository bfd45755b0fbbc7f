//! Arrays and their indices.

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

    const N: usize = 3;

    fn entries(q: [f64; N]) -> f64 {
        q[3] + q[N - 1] + q[N + 1] + q[N]
    }

    fn numbers(x: f64) -> f64 {
        x[0]
    }

    // `absent` is of no type, which keeps rustc's own error away: it cites the sources of std where they are installed.
    fn computed(x: f64) -> f64 {
        absent[x]
    }

    fn empty(_q: [f64; N - 3]) -> f64 {
        let _none: [f64; 1] = [];
        let _many = [[0.0; 1000]; 1000];
        0.0
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
