//! Structs that are not plain records of numbers.

#[dilqr_runtime::model]
pub mod pendulum {
    pub struct State<T> {
        pub angle: T,
    }

    pub struct Control(pub f64);

    pub struct Params {
        #[bounds(0.0, None)]
        pub mass: f64,
        #[bounds(-1.0, 1.0)]
        pub shape: [f64; 3],
    }
}

fn main() {}
