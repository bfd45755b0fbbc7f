//! Roots of equations and fixed points of maps, linearized about a point.

use nalgebra::{SMatrix, SVector};

use crate::implicit::function::ImplicitFunction;
use crate::linalg::inverse::inverse;
use crate::linalg::products::{add_product, zeros};
use crate::model::Model;
use crate::model::records::{ParameterTerms, StageExpansion};
use crate::model::stage::Stage;
use crate::scalar::Scalar;

/// A step that is a rounding error counts as zero up to this many of them.
const ROUNDING: f64 = 64.0 * f64::EPSILON;

/// The change of `r_y` within rounding errors, relative, from which on it counts as singular.
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
    let inverse = inverse(&SMatrix::from_fn(|i, j| memory.fu[(i, j)]));
    let mut step = zeros();
    add_product(&mut step, &inverse, &residual);
    Linearization { residual, inverse, step: -step }
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

    /// The largest entry of a step over its unknown. Entries that are rounding errors of the terms of the equations count as zero.
    pub(super) fn relative_step(
        &self,
        (y, p): (&SVector<f64, NY>, &SVector<f64, NP>),
        at: &Linearization<f64, NY>,
        tolerance: f64,
    ) -> f64 {
        let relative = |i: usize| if at.step[i] == 0.0 { 0.0 } else { at.step[i].abs() / y[i].abs() };
        let mut ratios: [f64; NY] = core::array::from_fn(relative);
        if ratios.iter().any(|&ratio| ratio.is_nan() || ratio > tolerance) {
            let rounding = self.rounding((y, p), at);
            for i in 0..NY {
                if at.step[i].abs() <= rounding[i] {
                    ratios[i] = 0.0;
                }
            }
        }
        ratios.into_iter().fold(0.0, |largest, ratio| if ratio > largest || ratio.is_nan() { ratio } else { largest })
    }

    /// What rounding errors of the terms `|r_y| |y| + |r_p| |p|` of the equations make of a step.
    fn rounding(
        &self,
        (y, p): (&SVector<f64, NY>, &SVector<f64, NP>),
        at: &Linearization<f64, NY>,
    ) -> SVector<f64, NY> {
        let rp = self.parameter_jacobian(y, p);
        let ry = &self.memory.fu;
        let terms: [f64; NY] = core::array::from_fn(|i| {
            let own: f64 = (0..NY).map(|j| (ry[(i, j)] * y[j]).abs()).sum();
            let of_params: f64 = (0..NP).map(|j| (rp[(i, j)] * p[j]).abs()).sum();
            own + of_params
        });
        let entry = |i: usize| ROUNDING * (0..NY).map(|j| at.inverse[(i, j)].abs() * terms[j]).sum::<f64>();
        SVector::from_fn(|i, _| entry(i))
    }

    /// Whether `r_y` changes by a tenth of itself within the rounding errors of the unknowns. A multiple root has no derivative,
    /// and is found to a part of the digits only; there `r_y` itself consists of rounding errors.
    pub(super) fn is_singular(
        &mut self,
        (y, p): (&SVector<f64, NY>, &SVector<f64, NP>),
        at: &Linearization<f64, NY>,
    ) -> bool {
        let rounding = self.rounding((y, p), at);
        let moved = SVector::from_fn(|i, _| y[i] + rounding[i].max(at.step[i].abs()));
        let here = self.memory.fu;
        self.linearize(&moved, p);
        let mut change: SMatrix<f64, NY, NY> = zeros();
        add_product(&mut change, &at.inverse, &SMatrix::from_fn(|i, j| self.memory.fu[(i, j)] - here[(i, j)]));
        let size = |i: usize| match y[i].abs().max(rounding[i]) {
            0.0 => 1.0,
            size => size,
        };
        let entry = |i: usize, j: usize| change[(i, j)].abs() * size(j) / size(i);
        (0..NY).any(|i| (0..NY).any(|j| entry(i, j).is_nan() || entry(i, j) > SINGULAR))
    }
}
