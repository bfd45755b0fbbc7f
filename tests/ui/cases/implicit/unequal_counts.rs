//! As many equations as unknowns.

#[dilqr_runtime::implicit]
pub mod root {
    pub struct Unknown {
        pub y: f64,
    }

    pub struct Params {
        pub a: f64,
    }

    pub fn equations(y: Unknown, p: Params) -> [f64; 2] {
        [y.y - p.a, y.y + p.a]
    }
}

fn main() {}
