//! Constants that are no numbers.

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

    const BIG: i32 = 2_000_000_000;
    const TOO_BIG: i32 = BIG + BIG;
    const A: f64 = B + 1.0;
    const B: f64 = A - 1.0;

    fn divisions(x: f64, n: usize) -> f64 {
        x / 0.0 + 1.0 / 0.0 + x.powi(3 / 0)
    }

    fn functions() -> f64 {
        let _logarithm = (0.0_f64).ln();
        let _root = (1.0_f64 - 2.0).sqrt();
        (1e200_f64) * 1e200
    }

    fn powers(x: f64) -> f64 {
        let _constant = (-2.0_f64).powf(0.5);
        (-2.0_f64).powf(x)
    }

    // `absent` is of no type, which keeps rustc's own error away: it cites the sources of std where they are installed.
    fn exponents(x: f64) -> f64 {
        absent.powi(x)
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
