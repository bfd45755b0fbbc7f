//! Functions that several of the tests have.

/// Kepler's equation.
#[dilqr_runtime::implicit]
pub mod kepler {
    pub struct Unknown {
        pub anomaly: f64,
    }
    pub struct Params {
        pub mean: f64,
        pub eccentricity: f64,
    }
    pub fn equations(y: Unknown, p: Params) -> [f64; 1] {
        [y.anomaly - p.eccentricity * y.anomaly.sin() - p.mean]
    }
}

/// A deep equilibrium: the fixed point of a network.
#[dilqr_runtime::implicit]
pub mod equilibrium {
    pub struct Unknown {
        pub z: [f64; 3],
    }
    pub struct Params {
        pub input: [f64; 2],
    }
    #[network(layers = [5, 8, 3], activation = tanh)]
    pub struct Cell;
    pub fn map(y: Unknown, p: Params, cell: &Cell) -> Unknown {
        let z = cell.evaluate([y.z[0], y.z[1], y.z[2], p.input[0], p.input[1]]);
        Unknown { z: [0.5 * z[0], 0.5 * z[1], 0.5 * z[2]] }
    }
}

/// A contraction that is slow enough for its steps to be told apart.
#[dilqr_runtime::implicit]
pub mod contraction {
    pub struct Unknown {
        pub a: f64,
        pub b: f64,
    }
    pub struct Params {
        pub w: f64,
        pub shift: f64,
    }
    pub fn map(y: Unknown, p: Params) -> Unknown {
        Unknown { a: (p.w * y.a).cos(), b: 0.6 * y.b + p.shift * y.a }
    }
}
