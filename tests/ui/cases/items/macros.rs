//! Macros, defined and called.

#[dilqr_runtime::model]
pub mod pendulum {
    macro_rules! square {
        ($x:expr) => {
            $x * $x
        };
    }

    const FOUR: f64 = square!(2.0);
}

fn main() {}
