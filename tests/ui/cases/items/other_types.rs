//! Types outside the language.

#[dilqr_runtime::model]
pub mod pendulum {
    fn growing(_values: Vec<f64>) -> f64 {
        0.0
    }

    fn slice(values: &[f64]) -> f64 {
        values[0]
    }

    fn callback(_f: impl Fn(f64) -> f64, x: f64) -> f64 {
        x
    }

    fn text(_name: &'static str) -> () {}

    fn elsewhere(_x: std::time::Duration) -> Option<f64> {
        None
    }
}

fn main() {}
