//! Roots of equations and fixed points of maps, linearized about a point.

use alloc::vec::Vec;

use nalgebra::{SMatrix, SVector};
use num_traits::{One, Zero};

use crate::error::GradientError;
use crate::implicit::conditions::{Conditions, Point, terms};
use crate::implicit::function::{Gradient, ImplicitFunction};
use crate::implicit::kink::kink_at;
use crate::linalg::inverse::inverse;
use crate::linalg::products::{add_product, larger, zeros};
use crate::model::Model;
use crate::model::records::{ParameterTerms, StageExpansion};
use crate::model::stage::{ParameterGradient, Stage};
use crate::ocp::stationarity::ROUNDING;
use crate::scalar::Scalar;

/// The relative change within rounding errors from which on `r_y` counts as singular.
const SINGULAR: f64 = 0.1;

/// Finds and differentiates a root.
#[derive(Clone, Debug)]
pub struct RootFinder<F, const NX: usize, const NY: usize, const NP: usize> {
    pub(super) function: F,
    pub(super) memory: StageExpansion<f64, NX, NY>,
    /// The point and the inverse of `r_y` there.
    pub(super) unknown: SVector<f64, NY>,
    pub(super) params: SVector<f64, NP>,
    pub(super) inverse: SMatrix<f64, NY, NY>,
}

/// Equations about a point.
pub(super) struct Linearization<S, const NY: usize> {
    pub(super) residual: SVector<S, NY>,
    pub(super) inverse: SMatrix<S, NY, NY>,
    /// `-r_y^-1 r`
    pub(super) step: SVector<S, NY>,
}

/// Linearizes the equations of a model of one stage.
pub(super) fn linearize<F, S: Scalar, const NX: usize, const NY: usize, const NP: usize>(
    function: &F,
    (y, p): (&SVector<S, NY>, &SVector<S, NP>),
    memory: &mut StageExpansion<S, NX, NY>,
) -> Linearization<S, NY>
where
    F: Model<NX, NY, NP>,
{
    function.expand_stage(Stage::new(&zeros(), y, p, &zeros()), memory);
    let residual = SVector::from_fn(|i, _| memory.f[i]);
    let inverse = scaled_inverse(&SMatrix::from_fn(|i, j| memory.fu[(i, j)]));
    let mut step = zeros();
    add_product(&mut step, &inverse, &residual);
    Linearization { residual, inverse, step: -step }
}

/// The inverse, by elimination on columns of one size: else their units would choose the pivots.
fn scaled_inverse<S: Scalar, const NY: usize>(ry: &SMatrix<S, NY, NY>) -> SMatrix<S, NY, NY> {
    let size = |j: usize| {
        let largest = (0..NY).fold(S::Real::zero(), |largest, i| larger(largest, ry[(i, j)].real().abs()));
        S::from_real(S::Real::select(largest.equal(S::Real::zero()), S::Real::one(), S::Real::one() / largest))
    };
    let sizes: [S; NY] = core::array::from_fn(size);
    let inverse = inverse(&SMatrix::<S, NY, NY>::from_fn(|i, j| ry[(i, j)] * sizes[j]));
    SMatrix::from_fn(|i, j| sizes[i] * inverse[(i, j)])
}

/// Whether a matrix has no inverse within its rounding errors: an entry of `|r_y^-1| |r_y|` on the diagonal, which has no unit, is so
/// large that rounding errors of `r_y` change the inverse by a tenth. `term` is the product of entry `(i, k)` of the inverse with
/// entry `(k, i)` of the matrix.
pub(super) fn is_singular<const NY: usize>(term: impl Fn(usize, usize) -> f64) -> bool {
    let entry = |i: usize| (0..NY).map(|k| term(i, k).abs()).sum::<f64>();
    (0..NY).map(entry).any(|entry| entry.is_nan() || entry * f64::EPSILON > SINGULAR)
}

impl<F, const NX: usize, const NY: usize, const NP: usize> RootFinder<F, NX, NY, NP>
where
    F: ImplicitFunction<NX, NY, NP>,
{
    pub(super) fn linearize(&mut self, y: &SVector<f64, NY>, p: &SVector<f64, NP>) -> Linearization<f64, NY> {
        linearize(&self.function, (y, p), &mut self.memory)
    }

    pub(super) fn residual(&self, y: &SVector<f64, NY>, p: &SVector<f64, NP>) -> SVector<f64, NY> {
        let mut next = zeros();
        self.function.dynamics(Stage::new(&zeros(), y, p, &zeros()), &mut next);
        SVector::from_fn(|i, _| next[i])
    }

    /// `r_p`
    pub(super) fn parameter_jacobian(&self, y: &SVector<f64, NY>, p: &SVector<f64, NP>) -> SMatrix<f64, NY, NP> {
        let mut terms = ParameterTerms::zeros();
        self.function.parameter_terms(Stage::new(&zeros(), y, p, &zeros()), &zeros(), &mut terms);
        SMatrix::from_fn(|i, j| terms.fp[(i, j)])
    }

    /// The largest entry of a step over its unknown. The step is that of the residuals that are more than rounding errors of the
    /// terms of their equations.
    pub(super) fn relative_step(
        &self,
        (y, p): (&SVector<f64, NY>, &SVector<f64, NP>),
        at: &Linearization<f64, NY>,
        tolerance: f64,
    ) -> f64 {
        let largest = |step: &SVector<f64, NY>| {
            let relative = |i: usize| if step[i] == 0.0 { 0.0 } else { step[i].abs() / y[i].abs() };
            (0..NY).map(relative).fold(0.0, larger::<f64>)
        };
        let relative = largest(&at.step);
        if relative <= tolerance {
            return relative;
        }
        let terms = self.terms((y, p));
        let is_rounding = |i: usize| at.residual[i].abs() <= ROUNDING * terms[i];
        let clear = SVector::from_fn(|i, _| if is_rounding(i) { 0.0 } else { at.residual[i] });
        let mut step = zeros();
        add_product(&mut step, &at.inverse, &clear);
        largest(&step)
    }

    /// The terms of the equations before they cancel, at the point that was linearized last.
    pub(super) fn terms(&self, (y, p): (&SVector<f64, NY>, &SVector<f64, NP>)) -> SVector<f64, NY> {
        let ry = SMatrix::from_fn(|i, j| self.memory.fu[(i, j)]);
        terms((&ry, y), (&self.parameter_jacobian(y, p), p))
    }

    /// The unknown whose derivative is one-sided at this root.
    pub(super) fn kink_at(
        &mut self,
        (y, p): (&SVector<f64, NY>, &SVector<f64, NP>),
        at: &Linearization<f64, NY>,
    ) -> Option<usize> {
        if const { !F::HAS_KINKS } {
            return None;
        }
        let point = Point { unknown: y, params: p, held: [false; NY], moves: zeros() };
        kink_at(&mut Equations { finder: self, params: p }, point, &at.inverse)
    }

    /// Whether `r_y`, at the point that was linearized last, has no inverse within its rounding errors.
    pub(super) fn is_singular_matrix(&self, inverse: &SMatrix<f64, NY, NY>) -> bool {
        let ry = &self.memory.fu;
        is_singular::<NY>(|i, k| inverse[(i, k)] * ry[(k, i)])
    }

    /// Whether `r_y` changes by a tenth of itself within the rounding errors of the unknowns. A multiple root has no derivative,
    /// and is found to a part of the digits only; there `r_y` itself consists of rounding errors. Products of opposite entries
    /// of the relative change have no unit.
    pub(super) fn is_multiple(
        &mut self,
        (y, p): (&SVector<f64, NY>, &SVector<f64, NP>),
        at: &Linearization<f64, NY>,
    ) -> bool {
        let terms = self.terms((y, p));
        let rounding = |i: usize| ROUNDING * (0..NY).map(|j| at.inverse[(i, j)].abs() * terms[j]).sum::<f64>();
        let moved = SVector::from_fn(|i, _| y[i] + rounding(i).max(at.step[i].abs()));
        let here = self.memory.fu;
        self.linearize(&moved, p);
        let mut change: SMatrix<f64, NY, NY> = zeros();
        add_product(&mut change, &at.inverse, &SMatrix::from_fn(|i, j| self.memory.fu[(i, j)] - here[(i, j)]));
        let entry = |i: usize, j: usize| (change[(i, j)] * change[(j, i)]).abs();
        (0..NY).any(|i| (0..NY).any(|j| entry(i, j).is_nan() || entry(i, j) > SINGULAR * SINGULAR))
    }
}

/// The equations at parameters.
pub(super) struct Equations<'a, F, const NX: usize, const NY: usize, const NP: usize> {
    pub(super) finder: &'a mut RootFinder<F, NX, NY, NP>,
    pub(super) params: &'a SVector<f64, NP>,
}

impl<F, const NX: usize, const NY: usize, const NP: usize> Conditions<NY, NP> for Equations<'_, F, NX, NY, NP>
where
    F: ImplicitFunction<NX, NY, NP>,
{
    fn at(&mut self, y: &SVector<f64, NY>) -> (SVector<f64, NY>, SMatrix<f64, NY, NY>) {
        let RootFinder { function, memory, .. } = &mut *self.finder;
        function.expand_stage(Stage::new(&zeros(), y, self.params, &zeros()), memory);
        (SVector::from_fn(|i, _| memory.f[i]), SMatrix::from_fn(|i, j| memory.fu[(i, j)]))
    }

    fn params(&mut self, y: &SVector<f64, NY>) -> SMatrix<f64, NY, NP> {
        self.finder.parameter_jacobian(y, self.params)
    }
}

/// A gradient in the parameters and the weights, over any scalar.
pub(super) struct GradientOf<S, const NP: usize> {
    pub(super) params: SVector<S, NP>,
    pub(super) weights: Vec<S>,
}

impl<const NP: usize> GradientOf<f64, NP> {
    pub(super) fn check(self) -> Result<Gradient<NP>, GradientError> {
        Gradient { params: self.params, weights: self.weights }.check()
    }
}

/// `-r_p' lambda`
pub(super) fn gradient_of_adjoint<F, S: Scalar, const NX: usize, const NY: usize, const NP: usize>(
    function: &F,
    (y, p): (&SVector<S, NY>, &SVector<S, NP>),
    lambda: &SVector<S, NY>,
) -> GradientOf<S, NP>
where
    F: Model<NX, NY, NP>,
{
    let adjoint = SVector::from_fn(|i, _| -lambda[i]);
    let (mut params, mut weights) = (zeros(), vec![S::zero(); function.weight_count()]);
    let out = ParameterGradient { p: &mut params, s: &mut zeros(), w: &mut weights };
    function.add_hamiltonian_parameter_gradient(Stage::new(&zeros(), y, p, &zeros()), &adjoint, out);
    GradientOf { params, weights }
}
