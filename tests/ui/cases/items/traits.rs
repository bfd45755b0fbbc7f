//! Traits of the user's own.

#[dilqr_runtime::model]
pub mod pendulum {
    pub trait Energy {
        fn energy(&self) -> f64;
    }
}

fn main() {}
