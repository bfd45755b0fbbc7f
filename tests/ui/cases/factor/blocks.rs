//! Blocks: none, numbers without a name, a struct without fields, bounds.

#[dilqr_runtime::factor]
pub mod nothing {
    pub struct Params {
        pub goal: f64,
    }

    pub fn residual(p: Params) -> [f64; 1] {
        [p.goal]
    }
}

#[dilqr_runtime::factor]
pub mod number {
    pub struct Params {
        pub goal: f64,
    }

    pub fn residual(x: f64, y: [f64; 2], p: Params) -> [f64; 1] {
        [x + y[0] - p.goal]
    }
}

#[dilqr_runtime::factor]
pub mod empty {
    pub struct Point {}

    pub struct Params {
        pub goal: f64,
    }

    pub fn residual(_a: Point, p: Params) -> [f64; 1] {
        [p.goal]
    }
}

#[dilqr_runtime::factor]
pub mod bounded {
    pub struct Point {
        #[bounds(0.0, None)]
        pub x: f64,
        #[rate_bounds(0.0, 1.0)]
        pub y: f64,
    }

    pub struct Params {
        pub goal: f64,
    }

    pub fn residual(a: Point, p: Params) -> [f64; 2] {
        [a.x - p.goal, a.y]
    }
}

fn main() {}
