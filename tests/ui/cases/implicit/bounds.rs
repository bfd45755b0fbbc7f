//! Bounds of a root, of parameters, of a part, and of a rate.

#[dilqr_runtime::implicit]
pub mod root {
    pub struct Unknown {
        #[bounds(0.0, None)]
        pub y: f64,
    }

    pub struct Params {
        pub a: f64,
    }

    pub fn equations(y: Unknown, p: Params) -> [f64; 1] {
        [y.y - p.a]
    }
}

#[dilqr_runtime::implicit]
pub mod least {
    pub struct Part {
        #[bounds(0.0, 1.0)]
        pub value: f64,
    }

    pub struct Unknown {
        #[rate_bounds(-1.0, 1.0)]
        pub y: f64,
        pub part: Part,
    }

    pub struct Params {
        #[bounds(0.0, 1.0)]
        pub a: f64,
    }

    pub fn objective(y: Unknown, p: Params) -> f64 {
        (y.y - p.a).powi(2) + y.part.value.powi(2)
    }
}

fn main() {}
