//! Choices by pattern.

#[dilqr_runtime::model]
pub mod pendulum {
    fn sign(x: f64) -> f64 {
        match x > 0.0 {
            true => 1.0,
            false => -1.0,
        }
    }

    fn chosen(x: f64) -> f64 {
        let chosen = Some(x);
        if let Some(y) = chosen { y } else { 0.0 }
    }

    fn certain(x: f64) -> f64 {
        let Some(y) = Some(x) else { panic!() };
        y
    }
}

fn main() {}
