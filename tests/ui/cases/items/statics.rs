//! What is written at run time is a parameter; what is not, a const.

#[dilqr_runtime::model]
pub mod pendulum {
    static GRAVITY: f64 = 9.81;
}

fn main() {}
