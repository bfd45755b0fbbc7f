//! Solves and differentiates roots and fixed points, by the implicit function theorem.
//!
//! With `r(y, p) = 0`, a loss `L(y)` and its gradient `L_y`,
//!
//! ```text
//! dy/dp = -r_y^-1 r_p,    dL/dp = -r_p' lambda    with   r_y' lambda = L_y
//! ```

#[cfg(feature = "lanes")]
use alloc::vec::Vec;

use nalgebra::{SMatrix, SVector};
#[cfg(feature = "dual")]
use num_dual::Dual;
#[cfg(feature = "lanes")]
use rayon::prelude::*;

use crate::error::{GradientError, Input, SolveError, check_vector};
use crate::implicit::anderson;
use crate::implicit::certificate::Certificate;
use crate::implicit::conditions::Conditions;
use crate::implicit::damped_newton::{self, Outcome};
#[cfg(feature = "dual")]
use crate::implicit::direct_loss;
use crate::implicit::function::{Gradient, ImplicitEngine, ImplicitFunction};
use crate::implicit::iterative_root;
#[cfg(feature = "lanes")]
use crate::implicit::lanes::{self, LaneRoot};
use crate::implicit::messages::not_converged;
#[cfg(feature = "dual")]
use crate::implicit::root::linearize;
use crate::implicit::root::{Equations, GradientOf, RootFinder, gradient_of_adjoint};
use crate::implicit::settings::{FixedPoint, Iteration, Settings};
use crate::implicit::solution::Solution;
#[cfg(feature = "dual")]
use crate::implicit::unroll;
use crate::linalg::products::{add_product, add_transposed_product, zeros};
use crate::model::Model;
use crate::model::records::StageExpansion;
use crate::ocp::stationarity::STEP_MARGIN;
use crate::scalar::Scalar;
#[cfg(feature = "lanes")]
use crate::scalar::lanes::{Lanes, Native};
use crate::stats::Stats;
use crate::status::Status;

fn sum_of_squares<const N: usize>(vector: &SVector<f64, N>) -> f64 {
    vector.iter().map(|value| value * value).sum()
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
    gradient_of_adjoint(function, (y, p), &lambda)
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
        if self.is_singular_matrix(&at.inverse) {
            return Err(GradientError::Singular);
        }
        let tolerance = STEP_MARGIN * settings.tolerance;
        let step = self.relative_step((y, p), &at, tolerance);
        if solution.status != Status::Converged || step.is_nan() || step > tolerance {
            return Err(not_converged(settings, solution, step));
        }
        if let Some(unknown) = self.kink_at((y, p), &at) {
            return Err(GradientError::Kink { unknown });
        }
        // The kernels of the kink's other sides have left their derivatives in the memory.
        let at = if const { F::HAS_KINKS } { self.linearize(y, p) } else { at };
        if self.is_multiple((y, p), &at) {
            return Err(GradientError::Singular);
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

    #[cfg(feature = "dual")]
    fn unrolled(
        &mut self,
        settings: &Settings,
        solution: &Solution<NY, NP>,
        loss: &SVector<f64, NY>,
        start: (&SVector<f64, NY>, usize),
    ) -> Result<SVector<f64, NP>, GradientError> {
        unroll::vjp((&self.function, settings.tolerance), solution, loss, start)
    }

    #[cfg(feature = "dual")]
    fn direct_loss(
        &mut self,
        settings: &Settings,
        solution: &Solution<NY, NP>,
        loss: &SVector<f64, NY>,
        epsilon: f64,
    ) -> Result<SVector<f64, NP>, GradientError> {
        direct_loss::of_root((&self.function, settings), solution, loss, epsilon)
    }

    fn gradient_by_iteration(
        &mut self,
        (_, iteration): (&Settings, Iteration),
        solution: &Solution<NY, NP>,
        loss: &SVector<f64, NY>,
    ) -> Result<Option<Gradient<NP>>, GradientError> {
        iterative_root::gradient(self, iteration, solution, loss)
    }

    fn tangent_by_iteration(
        &mut self,
        (_, iteration): (&Settings, Iteration),
        solution: &Solution<NY, NP>,
        direction: &SVector<f64, NP>,
    ) -> Result<Option<SVector<f64, NY>>, GradientError> {
        Ok(iterative_root::tangent(self, iteration, solution, direction))
    }

    fn non_zeros() -> usize {
        F::SPARSITY.fu.iter().flatten().filter(|&&entry| entry).count()
    }

    fn certificate(&mut self, solution: &Solution<NY, NP>) -> Certificate {
        let (y, p) = (&solution.unknown, &solution.params);
        let (r, ry) = Equations { finder: self, params: p }.at(y);
        let terms = self.terms((y, p));
        Certificate::new(y, (&r, &ry, &terms), &[false; NY], &[])
    }

    #[cfg(feature = "lanes")]
    fn solve_lanes(
        function: &F,
        settings: &Settings,
        problems: &[(SVector<f64, NY>, SVector<f64, NP>)],
    ) -> Vec<Option<Solution<NY, NP>>>
    where
        F: Clone,
    {
        if const { F::IS_MAP } && settings.fixed_point != FixedPoint::Newton {
            return problems.iter().map(|_| None).collect();
        }
        let limits = (settings.tolerance, settings.max_iterations);
        let group = |finder: &mut Self, group: &[(SVector<f64, NY>, SVector<f64, NP>)]| {
            let roots = lanes::solve::<F, Native, NX, NY, NP>(function, limits, group);
            let solution = |(root, (_, params)): (Option<LaneRoot<NY>>, &(_, SVector<f64, NP>))| {
                let LaneRoot { unknown, iterations, step } = root?;
                let stats = Stats { iterations, line_search_steps: iterations, step, ..Stats::default() };
                Some(Solution { stats, ..finder.claim(settings, &unknown, params) })
            };
            roots.zip(group).map(solution).collect::<Vec<_>>()
        };
        let groups = problems.par_chunks(Native::COUNT);
        groups.map_init(|| Self::new(function.clone()), group).flatten_iter().collect()
    }
}
