//! Items that have nothing to do with a model.

#[dilqr_runtime::model]
pub mod pendulum {
    pub union Bits {
        number: f64,
        bits: u64,
    }

    extern crate std as standard;

    unsafe extern "C" {
        safe fn abs(x: i32) -> i32;
    }
}

fn main() {}
