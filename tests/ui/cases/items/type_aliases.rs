//! Types under other names.

#[dilqr_runtime::model]
pub mod pendulum {
    type Vector = [f64; 3];
}

fn main() {}
