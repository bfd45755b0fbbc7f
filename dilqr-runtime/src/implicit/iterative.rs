//! Gradients by conjugate gradients, in the place of a factorization.
//!
//! The matrix is the Hessian of a minimum in the unknowns that no bound holds, or the Jacobian of equations. It is a record of the kernel
//! that the factorization reads, too; products are those of its non-zeros, by the pattern that is known when the function is compiled.
//!
//! Every solution is checked as for a factorization. What the iteration cannot decide is left to the latter: a solve that does
//! not reach its tolerance, a Newton step that is not short, a bound that is nearly active, kinks, and equations that are nearly
//! singular. So nothing is refused because an iteration failed. A generic right-hand side is solved first. Conjugate gradients
//! converge only where the matrix is regular, and on a symmetric one only where it is positive definite. The polynomial that
//! multiplies the residual is above one at a negative eigenvalue (Saad 2003, section 6.11).

use nalgebra::{SMatrix, SVector};

use crate::error::GradientError;
use crate::implicit::conditions::{Point, golden_fraction, terms};
use crate::implicit::conjugate_gradients::{Solve, Sparse};
use crate::ocp::stationarity::ROUNDING;

/// The relative change of a Jacobian within rounding errors from which on the factorization decides whether a root is multiple.
const MULTIPLE: f64 = 1e-3;

/// `c_y`, by its non-zeros.
pub(super) struct Linear<const NY: usize> {
    matrix: Sparse<NY>,
    symmetric: bool,
    tolerance: f64,
}

impl<const NY: usize> Linear<NY> {
    /// That of a Hessian without the rows and columns of `held`.
    ///
    /// # Errors
    /// Where it has a negative curvature. `None` where the factorization has to decide.
    pub(super) fn hessian(
        hessian: &SMatrix<f64, NY, NY>,
        (pattern, held): (&[[bool; NY]; NY], &[bool; NY]),
        tolerance: f64,
    ) -> Result<Option<Self>, GradientError> {
        let Some(matrix) = Sparse::symmetric(hessian, pattern, held) else { return Ok(None) };
        let linear = Self { matrix, symmetric: true, tolerance };
        match linear.matrix.solve_symmetric(&generic(), tolerance) {
            Solve::Solved(_) => Ok(Some(linear)),
            Solve::Negative => Err(GradientError::NotStrictMinimum),
            Solve::Failed => Ok(None),
        }
    }

    /// That of equations.
    pub(super) fn jacobian(
        jacobian: &SMatrix<f64, NY, NY>,
        pattern: &[[bool; NY]; NY],
        tolerance: f64,
    ) -> Option<Self> {
        let linear = Self { matrix: Sparse::equilibrated(jacobian, pattern), symmetric: false, tolerance };
        let regular = linear.solve(&generic()).is_some();
        regular.then_some(linear)
    }

    /// `c_y^-1 b`
    pub(super) fn solve(&self, b: &SVector<f64, NY>) -> Option<SVector<f64, NY>> {
        match self.symmetric {
            true => self.matrix.solve_symmetric(b, self.tolerance).solved(),
            false => self.matrix.solve(b, self.tolerance).solved(),
        }
    }

    /// `c_y'^-1 b`
    pub(super) fn solve_transposed(&self, b: &SVector<f64, NY>) -> Option<SVector<f64, NY>> {
        match self.symmetric {
            true => self.solve(b),
            false => self.matrix.solve_transposed(b, self.tolerance).solved(),
        }
    }

    /// Whether the Newton step is at most `tolerance` of each unknown, and a root is far from multiple: whether `c_y` changes
    /// little within the rounding errors of the unknowns.
    pub(super) fn is_solution<const NP: usize>(
        &self,
        point: &Point<'_, NY, NP>,
        (c, cy, cp): (&SVector<f64, NY>, &SMatrix<f64, NY, NY>, &SMatrix<f64, NY, NP>),
        tolerance: f64,
        jacobian: impl FnOnce(&SVector<f64, NY>) -> SMatrix<f64, NY, NY>,
    ) -> bool {
        let (y, held) = (point.unknown, point.held);
        let free = |v: SVector<f64, NY>| SVector::from_fn(|i, _| if held[i] { 0.0 } else { v[i] });
        let Some(step) = self.solve(&free(*c)) else { return false };
        let short = |i: usize| step[i] == 0.0 || step[i].abs() <= tolerance * y[i].abs();
        if !(0..NY).all(short) {
            return false;
        }
        if self.symmetric {
            return true;
        }
        let errors = terms((cy, y), (cp, point.params)).component_mul(&generic());
        let Some(rounding) = self.solve(&errors) else { return false };
        let moved = SVector::from_fn(|i, _| (ROUNDING * rounding[i].abs()).max(step[i].abs()));
        let change = (jacobian(&(y + moved)) - cy) * moved;
        let Some(change) = self.solve(&change) else { return false };
        (0..NY).all(|i| change[i].abs() <= MULTIPLE * moved[i])
    }
}

/// A vector without a structure: numbers between 1 and 2 with alternating signs.
fn generic<const NY: usize>() -> SVector<f64, NY> {
    SVector::from_fn(|i, _| {
        let size = 1.0 + golden_fraction(i + 1);
        if i % 2 == 0 { size } else { -size }
    })
}
