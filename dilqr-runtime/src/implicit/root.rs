//! Roots of equations and fixed points of maps, and their derivatives by the implicit function theorem.
//!
//! With `r(y, p) = 0`, a loss `L(y)` and its gradient `L_y`,
//!
//! ```text
//! dy/dp = -r_y^-1 r_p,    dL/dp = -r_p' lambda    with   r_y' lambda = L_y
//! ```

use alloc::vec::Vec;

use nalgebra::{SMatrix, SVector};
#[cfg(feature = "dual")]
use num_dual::Dual;

use crate::error::{GradientError, Input, SolveError, check_vector};
use crate::implicit::anderson;
use crate::implicit::damped_newton::{self, Outcome};
use crate::implicit::function::{Gradient, ImplicitEngine, ImplicitFunction};
use crate::implicit::settings::{FixedPoint, Settings};
use crate::implicit::solution::Solution;
use crate::linalg::inverse::inverse;
use crate::linalg::products::{add_product, add_transposed_product, zeros};
use crate::model::Model;
use crate::model::records::{ParameterTerms, StageExpansion};
use crate::model::stage::{ParameterGradient, Stage};
use crate::ocp::stationarity::STEP_MARGIN;
use crate::scalar::Scalar;
use crate::stats::Stats;
use crate::status::Status;

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
    unknown: SVector<f64, NY>,
    params: SVector<f64, NP>,
    inverse: SMatrix<f64, NY, NY>,
}

/// Equations about a point.
pub(super) struct Linearization<S, const NY: usize> {
    pub(super) residual: SVector<S, NY>,
    pub(super) inverse: SMatrix<S, NY, NY>,
    /// `-r_y^-1 r`
    pub(super) step: SVector<S, NY>,
}

/// Linearizes the equations of a model of one stage.
fn linearize<F, S: Scalar, const NX: usize, const NY: usize, const NP: usize>(
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
    fn parameter_jacobian(&self, y: &SVector<f64, NY>, p: &SVector<f64, NP>) -> SMatrix<f64, NY, NP> {
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
    fn is_singular(&mut self, (y, p): (&SVector<f64, NY>, &SVector<f64, NP>), at: &Linearization<f64, NY>) -> bool {
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

    fn not_converged(settings: &Settings, solution: &Solution<NY, NP>, step: f64) -> GradientError {
        GradientError::NotConverged {
            status: solution.status,
            dynamics: 0.0,
            dynamics_tolerance: 0.0,
            step,
            step_tolerance: STEP_MARGIN * settings.tolerance,
            violation: 0.0,
        }
    }
}

fn sum_of_squares<const N: usize>(vector: &SVector<f64, N>) -> f64 {
    vector.iter().map(|value| value * value).sum()
}

/// A gradient in the parameters and the weights, over any scalar.
struct GradientOf<S, const NP: usize> {
    params: SVector<S, NP>,
    weights: Vec<S>,
}

impl<const NP: usize> GradientOf<f64, NP> {
    fn check(self) -> Result<Gradient<NP>, GradientError> {
        Gradient { params: self.params, weights: self.weights }.check()
    }
}

/// `-r_p' r_y^-T loss`
fn gradient<F, S: Scalar, const NX: usize, const NY: usize, const NP: usize>(
    function: &F,
    (y, p): (&SVector<S, NY>, &SVector<S, NP>),
    inverse: &SMatrix<S, NY, NY>,
    loss: &SVector<S, NY>,
) -> GradientOf<S, NP>
where
    F: Model<NX, NY, NP>,
{
    let mut lambda: SVector<S, NY> = zeros();
    add_transposed_product(&mut lambda, inverse, loss);
    let adjoint = SVector::from_fn(|i, _| -lambda[i]);
    let (mut params, mut weights) = (zeros(), vec![S::zero(); function.weight_count()]);
    let out = ParameterGradient { p: &mut params, s: &mut zeros(), w: &mut weights };
    function.add_hamiltonian_parameter_gradient(Stage::new(&zeros(), y, p, &zeros()), &adjoint, out);
    GradientOf { params, weights }
}

impl<F, const NX: usize, const NY: usize, const NP: usize> ImplicitEngine<F, NY, NP> for RootFinder<F, NX, NY, NP>
where
    F: ImplicitFunction<NX, NY, NP>,
{
    fn new(function: F) -> Self {
        const { assert!(NX == NY, "equations have one entry of the next state for each unknown") };
        Self { function, memory: StageExpansion::zeros(), unknown: zeros(), params: zeros(), inverse: zeros() }
    }

    fn function(&self) -> &F {
        &self.function
    }

    fn function_mut(&mut self) -> &mut F {
        &mut self.function
    }

    fn solve(
        &mut self,
        settings: &Settings,
        guess: &SVector<f64, NY>,
        params: &SVector<f64, NP>,
    ) -> Result<Solution<NY, NP>, SolveError> {
        check_vector(Input::Params, params.as_slice())?;
        let mut outcome = Outcome::at(*guess);
        if let FixedPoint::Anderson { memory } = settings.fixed_point
            && const { F::IS_MAP }
        {
            anderson::approach(self, params, (memory, settings.max_iterations / 2), &mut outcome);
        }
        damped_newton::solve(self, params, settings, &mut outcome);
        let Outcome { unknown, status, cause, stats } = outcome;
        let solution = self.claim(settings, &unknown, params);
        Ok(Solution { status, cause, stats, ..solution })
    }

    fn claim(&mut self, _: &Settings, unknown: &SVector<f64, NY>, params: &SVector<f64, NP>) -> Solution<NY, NP> {
        Solution {
            status: Status::Converged,
            cause: None,
            unknown: *unknown,
            params: *params,
            objective: 0.5 * sum_of_squares(&self.residual(unknown, params)),
            bound_multipliers: SVector::zeros(),
            relaxation: None,
            stats: Stats::default(),
        }
    }

    fn factorize(&mut self, settings: &Settings, solution: &Solution<NY, NP>) -> Result<f64, GradientError> {
        let (y, p) = (&solution.unknown, &solution.params);
        let at = self.linearize(y, p);
        // `NotPositiveDefinite` says that the equations are singular here.
        if !at.inverse.iter().all(|value| value.is_finite()) {
            return Err(GradientError::NotPositiveDefinite { stage: 0 });
        }
        let tolerance = STEP_MARGIN * settings.tolerance;
        let step = self.relative_step((y, p), &at, tolerance);
        if solution.status != Status::Converged || step.is_nan() || step > tolerance {
            return Err(Self::not_converged(settings, solution, step));
        }
        if self.is_singular((y, p), &at) {
            return Err(GradientError::NotPositiveDefinite { stage: 0 });
        }
        (self.unknown, self.params, self.inverse) = (*y, *p, at.inverse);
        Ok(step)
    }

    fn vjp(&mut self, loss: &SVector<f64, NY>) -> Result<Gradient<NP>, GradientError> {
        gradient(&self.function, (&self.unknown, &self.params), &self.inverse, loss).check()
    }

    fn jacobian(&mut self) -> Result<SMatrix<f64, NY, NP>, GradientError> {
        let mut jacobian = zeros();
        add_product(&mut jacobian, &self.inverse, &self.parameter_jacobian(&self.unknown, &self.params));
        if jacobian.iter().all(|value: &f64| value.is_finite()) { Ok(-jacobian) } else { Err(GradientError::Undefined) }
    }

    #[cfg(feature = "dual")]
    fn hvp(
        &mut self,
        loss: &SVector<f64, NY>,
        direction: &SVector<f64, NP>,
        loss_hessian: impl FnOnce(&SVector<f64, NY>) -> SVector<f64, NY>,
    ) -> Result<Gradient<NP>, GradientError> {
        let mut change = zeros();
        add_product(&mut change, &self.jacobian()?, direction);
        let of_loss = loss_hessian(&change);
        let dual = |value: f64, slope: f64| Dual::new(value, slope);
        let y = SVector::from_fn(|i, _| dual(self.unknown[i], change[i]));
        let p = SVector::from_fn(|j, _| dual(self.params[j], direction[j]));
        let loss = SVector::from_fn(|i, _| dual(loss[i], of_loss[i]));
        let at = linearize(&self.function, (&y, &p), &mut StageExpansion::zeros());
        let gradient = gradient(&self.function, (&y, &p), &at.inverse, &loss);
        let slope = |value: &Dual<f64>| value.eps;
        let params = SVector::from_fn(|j, _| slope(&gradient.params[j]));
        Gradient { params, weights: gradient.weights.iter().map(slope).collect() }.check()
    }
}
