//! The residual: missing, misspelt, with other arguments, without parameters, with another result; an argument of the attribute.

#[dilqr_runtime::factor]
pub mod nothing {
    pub struct Point {
        pub x: f64,
    }

    pub struct Params {
        pub goal: f64,
    }
}

#[dilqr_runtime::factor]
pub mod misspelt {
    pub struct Point {
        pub x: f64,
    }

    pub struct Params {
        pub goal: f64,
    }

    pub fn residuals(a: Point, p: Params) -> [f64; 1] {
        [a.x - p.goal]
    }
}

#[dilqr_runtime::factor]
pub mod order {
    pub struct Point {
        pub x: f64,
    }

    pub struct Params {
        pub goal: f64,
    }

    pub fn residual(p: Params, a: Point) -> [f64; 1] {
        [a.x - p.goal]
    }
}

#[dilqr_runtime::factor]
pub mod result {
    pub struct Point {
        pub x: f64,
    }

    pub struct Params {
        pub goal: f64,
    }

    pub fn residual(a: Point, p: Params) -> f64 {
        a.x - p.goal
    }
}

#[dilqr_runtime::factor]
pub mod without_parameters {
    pub struct Point {
        pub x: f64,
    }

    pub fn residual(a: Point) -> [f64; 1] {
        [a.x]
    }
}

#[dilqr_runtime::factor(integrator = rk4)]
pub mod with_an_argument {
    pub struct Point {
        pub x: f64,
    }

    pub struct Params {}

    pub fn residual(a: Point, _p: Params) -> [f64; 1] {
        [a.x]
    }
}

fn main() {}
