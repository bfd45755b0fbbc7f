//! Structs over types and numbers.

#[dilqr_runtime::model]
pub mod pendulum {
    pub struct State<T> {
        pub angle: T,
    }

    pub struct Control<const N: usize> {
        pub torques: [f64; N],
    }
}

fn main() {}
