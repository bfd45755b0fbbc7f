//! No function defines the unknowns; one has a similar name.

#[dilqr_runtime::implicit]
pub mod nothing {
    pub struct Unknown {
        pub y: f64,
    }

    pub struct Params {
        pub a: f64,
    }
}

#[dilqr_runtime::implicit]
pub mod misspelt {
    pub struct Unknown {
        pub y: f64,
    }

    pub struct Params {
        pub a: f64,
    }

    pub fn equation(y: Unknown, p: Params) -> [f64; 1] {
        [y.y - p.a]
    }
}

fn main() {}
