//! Derivatives of a function beside differences, for tests of functions of the user's own.

use alloc::vec::Vec;

use crate::function::VectorFunction;
use crate::linalg::products::larger;

/// How far the derivatives of a function are from differences, relative to the largest derivative of the same output.
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
/// about 1e-8. The steps of an input are 6e-6 of itself, of the largest input and of one: its scale is not known, and each
/// entry counts with the difference that fits best.
#[must_use]
pub fn check_function<F, const N: usize, const M: usize>(function: &F, z: &[f64; N]) -> FunctionCheck
where
    F: VectorFunction<N, M>,
{
    let mut check = FunctionCheck { jacobian: 0.0, contraction: 0.0 };
    // Output by output: they may have different units.
    for k in 0..M {
        let mu: [f64; M] = core::array::from_fn(|other| f64::from(u8::from(other == k)));
        let (of_value, of_jacobian) = compare(function, z, (k, &mu));
        check.jacobian = larger(check.jacobian, of_value);
        check.contraction = larger(check.contraction, of_jacobian);
    }
    check
}

/// The errors of row `k` of the Jacobian and of the contraction with `mu`, which is one there and zero elsewhere.
fn compare<F, const N: usize, const M: usize>(function: &F, z: &[f64; N], (k, mu): (usize, &[f64; M])) -> (f64, f64)
where
    F: VectorFunction<N, M>,
{
    let (jacobian, contraction) = (function.jacobian(z), function.contraction(z, mu));
    let (mut first, mut second) = (Comparison::default(), Comparison::default());
    let largest = z.iter().fold(0.0, |largest: f64, z| largest.max(z.abs()));
    for j in 0..N {
        let sizes = [z[j].abs(), largest, 1.0];
        let steps = sizes.iter().filter(|size| **size > 0.0).map(|size| STEP * size);
        let differences: Vec<_> = steps.map(|step| difference(function, z, mu, (j, step))).collect();
        first.add(jacobian[k][j], differences.iter().map(|(of_value, _)| of_value[k]));
        for i in 0..N {
            second.add(contraction[i][j], differences.iter().map(|(_, of_jacobian)| of_jacobian[i]));
        }
    }
    (first.relative(), second.relative())
}

/// The differences of the value and of `mu'` times the Jacobian in input `j`.
fn difference<F, const N: usize, const M: usize>(
    function: &F,
    z: &[f64; N],
    mu: &[f64; M],
    (j, step): (usize, f64),
) -> ([f64; M], [f64; N])
where
    F: VectorFunction<N, M>,
{
    let at = |by: f64| {
        let mut moved = *z;
        moved[j] += by;
        moved
    };
    let (above, below) = (at(step), at(-step));
    let width = above[j] - below[j];
    let (high, low) = (function.value(&above), function.value(&below));
    let of_value = core::array::from_fn(|i| (high[i] - low[i]) / width);
    let (high, low) = (function.jacobian(&above), function.jacobian(&below));
    let change = |k: usize| (0..M).map(|i| mu[i] * (high[i][k] - low[i][k])).sum::<f64>();
    (of_value, core::array::from_fn(|k| change(k) / width))
}

/// The largest error of the entries of a derivative, and their largest size.
#[derive(Default)]
struct Comparison {
    error: f64,
    size: f64,
}

impl Comparison {
    /// Adds an entry, with its differences.
    fn add(&mut self, given: f64, differences: impl Iterator<Item = f64>) {
        let error = differences.fold(f64::INFINITY, |least: f64, difference| least.min((given - difference).abs()));
        self.error = larger(self.error, if given.is_nan() { f64::NAN } else { error });
        self.size = self.size.max(given.abs());
    }

    /// The error where all entries are zero; otherwise relative.
    fn relative(&self) -> f64 {
        if self.size == 0.0 { self.error } else { self.error / self.size }
    }
}
