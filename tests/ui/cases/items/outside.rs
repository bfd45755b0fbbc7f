//! Items that a model does not have, each on its keyword.

#[dilqr_runtime::model]
pub mod pendulum {
    pub use std::f64::consts::PI;

    pub enum Mode {
        Swing,
        Hold,
    }

    static GRAVITY: f64 = 9.81;

    pub struct State {
        pub angle: f64,
    }

    impl State {
        pub fn height(&self) -> f64 {
            self.angle.cos()
        }
    }

    pub trait Energy {
        fn energy(&self) -> f64;
    }

    type Vector = [f64; 3];

    macro_rules! square {
        ($x:expr) => {
            $x * $x
        };
    }

    const FOUR: f64 = square!(2.0);

    mod tests {}

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
