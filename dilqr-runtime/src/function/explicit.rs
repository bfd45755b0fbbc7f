//! Explicit Runge-Kutta methods, and the compiled derivative that they integrate.

use nalgebra::SVector;

use crate::function::equations::{Equations, ResidualValues};
use crate::linalg::rows::add_multiple;
use crate::scalar::Scalar;

/// The most stages of a method.
pub(super) const STAGES: usize = 4;

/// An explicit Runge-Kutta method whose stages each read the slope of the stage before and no other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Method {
    /// Coefficients of the slope before; the first one, and those beyond the last stage, are not used.
    pub a: [f64; STAGES],
    /// Weights of the stages.
    pub b: [f64; STAGES],
    /// The number of stages.
    pub stages: usize,
}

impl Method {
    /// Euler's method.
    pub const EULER: Self = Self { a: [0.0; 4], b: [1.0, 0.0, 0.0, 0.0], stages: 1 };
    /// The midpoint rule.
    pub const MIDPOINT: Self = Self { a: [0.0, 0.5, 0.0, 0.0], b: [0.0, 1.0, 0.0, 0.0], stages: 2 };
    /// The classical method of order 4.
    pub const RK4: Self = Self { a: [0.0, 0.5, 0.5, 1.0], b: [1.0 / 6.0, 1.0 / 3.0, 1.0 / 3.0, 1.0 / 6.0], stages: 4 };
}

/// A compiled derivative and how it is integrated. `NY` counts the state and the integral of the cost, `NZ` what else the
/// derivative reads.
pub trait Steps<const NY: usize, const NZ: usize>: Equations<NY, NZ> {
    /// The number of states.
    const STATES: usize;
    /// The length of a substep; `None` where it is the last input.
    const STEP: Option<f64>;
    /// The method.
    const METHOD: Method;
    /// Where `df/dy` can be other than zero.
    const FY: [[bool; NY]; NY];
    /// Where `df/dz` can.
    const FZ: [[bool; NZ]; NY];
    /// Where the derivatives of `df/dy` in `y` can, and those in `z`.
    const FYY: [[bool; NY]; NY];
    /// `NZ x NY`
    const FZY: [[bool; NY]; NZ];

    /// The derivative, as `r`.
    fn value<S: Scalar>(&self, y: &[S; NY], z: &[S; NZ], out: &mut ResidualValues<S, NY>);
}

/// `y + weight h slope`
pub(super) fn advanced<S: Scalar, const NY: usize>(
    y: &SVector<S, NY>,
    weight: f64,
    slope: &SVector<S, NY>,
    h: S,
) -> SVector<S, NY> {
    let mut sum = *y;
    if weight != 0.0 {
        add_multiple(&mut sum.data.0[0], S::from_f64(weight) * h, &slope.data.0[0]);
    }
    sum
}
