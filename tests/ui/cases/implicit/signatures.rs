//! Arguments and results of the functions.

#[dilqr_runtime::implicit]
pub mod missing_argument {
    pub struct Unknown {
        pub y: f64,
    }

    pub struct Params {
        pub a: f64,
    }

    pub fn equations(y: Unknown) -> [f64; 1] {
        [y.y]
    }
}

#[dilqr_runtime::implicit]
pub mod wrong_result {
    pub struct Unknown {
        pub y: f64,
    }

    pub struct Params {
        pub a: f64,
    }

    pub fn map(y: Unknown, p: Params) -> f64 {
        y.y * p.a
    }
}

fn main() {}
