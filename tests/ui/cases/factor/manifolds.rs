//! Manifolds: an unknown one, two of them, another number of numbers, structs that are no blocks.

#[dilqr_runtime::factor]
pub mod heading {
    #[manifold(so2)]
    pub struct Heading {
        pub angle: f64,
    }

    #[manifold(so3)]
    #[manifold(se3)]
    pub struct Attitude {
        pub q: [f64; 4],
    }

    pub struct Params {
        pub goal: f64,
    }

    pub fn residual(a: Heading, b: Attitude, p: Params) -> [f64; 1] {
        [a.angle - p.goal + b.q[0]]
    }
}

#[dilqr_runtime::factor]
pub mod height {
    #[manifold(se3)]
    pub struct Pose {
        pub position: [f64; 3],
        pub angles: [f64; 3],
    }

    pub struct Params {
        pub height: f64,
    }

    pub fn residual(a: Pose, p: Params) -> [f64; 1] {
        [a.position[2] + a.angles[0] - p.height]
    }
}

#[dilqr_runtime::factor]
pub mod no_block {
    pub struct Point {
        pub x: f64,
    }

    #[manifold(se2)]
    pub struct Pose {
        pub x: f64,
        pub y: f64,
        pub angle: f64,
    }

    pub struct Params {
        pub measured: Pose,
    }

    pub fn residual(a: Point, p: Params) -> [f64; 1] {
        [a.x - p.measured.x + p.measured.y * p.measured.angle]
    }
}

#[dilqr_runtime::implicit]
pub mod elsewhere {
    #[manifold(se2)]
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
