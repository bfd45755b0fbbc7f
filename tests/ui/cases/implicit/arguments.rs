//! Arguments of control problems, and unknown ones.

#[dilqr_runtime::implicit(integrator = rk4, initial_state = free, vendor = "root.dilqr.rs")]
pub mod root {
    pub struct Unknown {
        pub y: f64,
    }

    pub struct Params {
        pub a: f64,
    }

    pub fn equations(y: Unknown, p: Params) -> [f64; 1] {
        [y.y - p.a]
    }
}

fn main() {}
