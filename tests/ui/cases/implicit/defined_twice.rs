//! Two functions define the unknowns.

#[dilqr_runtime::implicit]
pub mod twice {
    pub struct Unknown {
        pub y: f64,
    }

    pub struct Params {
        pub a: f64,
    }

    pub fn equations(y: Unknown, p: Params) -> [f64; 1] {
        [y.y - p.a]
    }

    pub fn objective(y: Unknown, p: Params) -> f64 {
        (y.y - p.a).powi(2)
    }
}

fn main() {}
