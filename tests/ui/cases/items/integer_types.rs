//! Integers of other sizes, and integers for quantities.

#[dilqr_runtime::model]
pub mod pendulum {
    pub struct State {
        pub ticks: i64,
    }

    const STEPS: u8 = 3;

    fn counted(_n: isize) -> f64 {
        1u32 as f64
    }
}

fn main() {}
