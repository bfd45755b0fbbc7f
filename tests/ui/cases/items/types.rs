//! Types outside the language.

#[dilqr_runtime::model]
pub mod pendulum {
    pub struct State {
        pub angle: f32,
        pub upright: bool,
    }

    const STEPS: u8 = 3;

    fn growing(_values: Vec<f64>) -> f64 {
        0.0
    }

    fn slice(values: &[f64]) -> f64 {
        values[0]
    }

    fn callback(_f: impl Fn(f64) -> f64, x: f64) -> f64 {
        x
    }

    fn nothing(_x: &'static str) -> () {}

    fn elsewhere(_x: std::time::Duration) -> Option<f64> {
        None
    }
}

fn main() {}
