//! Texts and letters.

#[dilqr_runtime::model]
pub mod pendulum {
    fn named(x: f64) -> f64 {
        let _text = "one";
        let _letter = 'x';
        x
    }
}

fn main() {}
