//! Structs that are not plain records of numbers, and bounds that are none.

#[dilqr_runtime::model]
pub mod pendulum {
    pub struct State<T> {
        pub angle: T,
    }

    pub struct Pair(pub f64, pub f64);

    pub struct Control {
        #[bounds(1.0)]
        pub one_side: f64,
        #[bounds]
        pub no_side: f64,
        #[bounds(-1.0, 1.0)]
        #[bounds(None, 2.0)]
        pub four_sides: f64,
    }

    pub struct Params {
        #[bounds(0.0, None)]
        pub mass: f64,
    }
}

fn main() {}
