//! Missing and empty structs, and names that the macro adds.

#[dilqr_runtime::implicit]
pub mod empty {
    pub struct Unknown {}

    pub fn objective(_y: Unknown, _p: Params) -> f64 {
        1.0
    }
}

#[dilqr_runtime::implicit]
pub mod reserved {
    pub struct Unknown {
        pub y: f64,
    }

    pub struct Params {}

    pub struct Solver {
        pub a: f64,
    }

    pub fn objective(y: Unknown, _p: Params) -> f64 {
        y.y.powi(2)
    }
}

fn main() {}
