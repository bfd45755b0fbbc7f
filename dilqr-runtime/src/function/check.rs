//! Derivatives of a function beside differences, for tests of functions of the user's own.

use crate::function::VectorFunction;
use crate::linalg::products::larger;

/// How far the derivatives of a function are from differences, relative to the largest entry of each.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct FunctionCheck {
    /// The Jacobian, beside differences of the value.
    pub jacobian: f64,
    /// The contraction, beside differences of the Jacobian.
    pub contraction: f64,
}

impl FunctionCheck {
    /// The larger of the two; NaN if one is.
    #[must_use]
    pub fn largest(&self) -> f64 {
        larger(self.jacobian, self.contraction)
    }
}

/// The cube root of the rounding error of a number: the relative step of a central difference with the least error.
const STEP: f64 = 6e-6;

/// Compares the derivatives of a function at a point with central differences. Correct derivatives of a smooth function agree to
/// about 1e-8; steps are 6e-6 of each input, or 6e-6 where an input is zero.
#[must_use]
pub fn check_function<F, const N: usize, const M: usize>(function: &F, z: &[f64; N]) -> FunctionCheck
where
    F: VectorFunction<N, M>,
{
    let mu: [f64; M] = core::array::from_fn(|k| 1.0 / (k + 1) as f64);
    let (jacobian, contraction) = (function.jacobian(z), function.contraction(z, &mu));
    let (mut first, mut second) = (Comparison::default(), Comparison::default());
    for j in 0..N {
        let step = STEP * if z[j] == 0.0 { 1.0 } else { z[j].abs() };
        let at = |sign: f64| {
            let mut moved = *z;
            moved[j] += sign * step;
            moved
        };
        let (above, below) = (at(1.0), at(-1.0));
        let width = above[j] - below[j];
        let (high, low) = (function.value(&above), function.value(&below));
        (0..M).for_each(|i| first.add(jacobian[i][j], (high[i] - low[i]) / width));
        let (high, low) = (function.jacobian(&above), function.jacobian(&below));
        for k in 0..N {
            let change: f64 = (0..M).map(|i| mu[i] * (high[i][k] - low[i][k])).sum();
            second.add(contraction[k][j], change / width);
        }
    }
    FunctionCheck { jacobian: first.relative(), contraction: second.relative() }
}

/// The largest difference between two lists, and their largest number.
#[derive(Default)]
struct Comparison {
    difference: f64,
    size: f64,
}

impl Comparison {
    fn add(&mut self, a: f64, b: f64) {
        let difference = (a - b).abs();
        self.difference = larger(self.difference, difference);
        self.size = self.size.max(a.abs()).max(b.abs());
    }

    fn relative(&self) -> f64 {
        if self.size == 0.0 { self.difference } else { self.difference / self.size }
    }
}
