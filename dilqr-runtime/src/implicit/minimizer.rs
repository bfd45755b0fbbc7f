//! Minima: solved and differentiated as a control problem of one stage without a state.

#[cfg(feature = "lanes")]
use alloc::vec::Vec;

use nalgebra::{SMatrix, SVector};

#[cfg(feature = "dual")]
use crate::differentiate::hvp::Direction;
#[cfg(feature = "dual")]
use crate::differentiate::unroll::{self, Start};
use crate::engine::Engine;
#[cfg(feature = "dual")]
use crate::engine::direct_loss::Tilted;
use crate::engine::plain::PlainEngine;
use crate::error::{GradientError, SolveError};
use crate::gradient::LossGradient;
use crate::implicit::certificate::Certificate;
use crate::implicit::conditions::{Conditions, Point, of_free, terms};
#[cfg(feature = "dual")]
use crate::implicit::direct_loss;
use crate::implicit::function::{Gradient, ImplicitEngine};
use crate::implicit::iterative_minimum;
use crate::implicit::kink::kink_at;
use crate::implicit::messages::{of_cause, of_gradient_error, of_solve_error};
use crate::implicit::resting;
use crate::implicit::settings::{Iteration, Settings};
use crate::implicit::slope::Slope;
use crate::implicit::solution::Solution;
use crate::linalg::inverse::inverse;
use crate::lq::bounds::Bounds;
use crate::model::Model;
use crate::model::stage::Stage;
use crate::problem::Problem;
use crate::settings::{Differentiation, Method};
use crate::solution::Solution as StageSolution;
use crate::stats::Stats;
use crate::status::Status;

/// Finds and differentiates a minimum.
#[derive(Clone, Debug)]
pub struct Minimizer<F, const NX: usize, const NY: usize, const NP: usize> {
    engine: PlainEngine<F, NX, NY, NP, 0>,
    /// Memory for the solution of the control problem.
    stage: StageSolution<NX, NY, NP>,
}

impl<F, const NX: usize, const NY: usize, const NP: usize> Minimizer<F, NX, NY, NP>
where
    F: Model<NX, NY, NP>,
{
    /// A control problem's solution as that of the function.
    fn solution(stage: &StageSolution<NX, NY, NP>) -> Solution<NY, NP> {
        let bounds = stage.bound_multipliers.first().copied();
        Solution {
            status: stage.status,
            cause: stage.cause.map(of_cause),
            unknown: stage.controls[0],
            params: stage.params,
            objective: stage.cost,
            bound_multipliers: bounds.unwrap_or_else(SVector::zeros),
            relaxation: stage.relaxation,
            stats: stage.stats,
        }
    }

    /// The same the other way.
    fn load(&mut self, solution: &Solution<NY, NP>) {
        let stage = &mut self.stage;
        stage.status = solution.status;
        stage.controls[0] = solution.unknown;
        stage.params = solution.params;
        stage.cost = solution.objective;
        stage.relaxation = solution.relaxation;
        stage.bound_multipliers.clear();
        if const { F::LIMITS.bounded } {
            stage.bound_multipliers.push(solution.bound_multipliers);
        }
        // What does not depend on the solution: states of no size.
        stage.x0 = SVector::zeros();
        stage.states.fill(SVector::zeros());
        stage.costates.fill(SVector::zeros());
        stage.stage_params.fill(SVector::zeros());
    }

    /// The multipliers of barriers at a point: the relaxation over the distance of each bound.
    fn barrier_multipliers(
        &self,
        settings: &Settings,
        unknown: &SVector<f64, NY>,
        params: &SVector<f64, NP>,
    ) -> SVector<f64, NY> {
        let Some(tau) = settings.relaxation.filter(|_| const { F::LIMITS.bounded }) else { return SVector::zeros() };
        let Bounds { lower, upper } = Bounds::of(&self.engine.model, params);
        SVector::from_fn(|i, _| tau / (unknown[i] - lower[i]) - tau / (upper[i] - unknown[i]))
    }

    /// The unknown whose derivative is one-sided at this minimum.
    fn kink_at(&self, solution: &Solution<NY, NP>) -> Option<usize> {
        if const { !F::HAS_KINKS } {
            return None;
        }
        let (y, p) = (&solution.unknown, &solution.params);
        let mut slope = Slope::new(&self.engine.model, p, solution.relaxation);
        let sides = slope.held(&solution.bound_multipliers);
        let held = sides.map(|side| side.is_some());
        let bounds = slope.bound_terms();
        let moves = SMatrix::from_fn(|i, j| sides[i].map_or(0.0, |side| bounds[side as usize][(i, j)]));
        let inverse = inverse(&of_free(&slope.at(y).1, &held));
        kink_at(&mut slope, Point { unknown: y, params: p, held, moves }, &inverse)
    }

    fn loss(loss: &SVector<f64, NY>) -> LossGradient<NX, NY> {
        let mut of_stage = LossGradient::zeros(1);
        of_stage.controls[0] = *loss;
        of_stage
    }
}

impl<F, const NX: usize, const NY: usize, const NP: usize> ImplicitEngine<F, NY, NP> for Minimizer<F, NX, NY, NP>
where
    F: Model<NX, NY, NP>,
{
    fn new(function: F) -> Self {
        Self { engine: PlainEngine::new(function, 1), stage: StageSolution::empty(1) }
    }

    fn function(&self) -> &F {
        &self.engine.model
    }

    fn function_mut(&mut self) -> &mut F {
        &mut self.engine.model
    }

    fn solve(
        &mut self,
        settings: &Settings,
        guess: &SVector<f64, NY>,
        params: &SVector<f64, NP>,
    ) -> Result<Solution<NY, NP>, SolveError> {
        let problem = Problem::new(SVector::<f64, NX>::zeros(), *params, 1).with_controls(&[*guess]);
        // With bounds the interior-point method ends in Newton's method on those that hold; without, each step is Newton's.
        let methods = if const { F::LIMITS.bounded } { [Method::InteriorPoint, Method::Ddp] } else { [Method::Ddp; 2] };
        for method in methods {
            let solved = self.engine.solve(&settings.of_minimum(method), &problem, |_| {}, &mut self.stage);
            solved.map_err(of_solve_error)?;
            if method == Method::Ddp || self.stage.status == Status::Converged || settings.relaxation.is_some() {
                break;
            }
        }
        Ok(Self::solution(&self.stage))
    }

    fn claim(
        &mut self,
        settings: &Settings,
        unknown: &SVector<f64, NY>,
        params: &SVector<f64, NP>,
    ) -> Solution<NY, NP> {
        let (x, s) = (SVector::zeros(), SVector::zeros());
        Solution {
            status: Status::Converged,
            cause: None,
            unknown: *unknown,
            params: *params,
            objective: self.engine.model.stage_cost(Stage::new(&x, unknown, params, &s)),
            bound_multipliers: self.barrier_multipliers(settings, unknown, params),
            relaxation: settings.relaxation.filter(|_| const { F::LIMITS.bounded }),
            stats: Stats::default(),
        }
    }

    fn factorize(&mut self, settings: &Settings, solution: &Solution<NY, NP>) -> Result<f64, GradientError> {
        self.load(solution);
        let settings = settings.of_minimum(Method::Auto);
        let found = self.engine.factorize(&settings, &self.stage, Differentiation::Implicit);
        let step = found.map_err(of_gradient_error)?;
        resting::check(&self.engine.model, solution)?;
        match self.kink_at(solution) {
            Some(unknown) => Err(GradientError::Kink { unknown }),
            None => Ok(step),
        }
    }

    fn vjp(&mut self, loss: &SVector<f64, NY>) -> Result<Gradient<NP>, GradientError> {
        let gradient = self.engine.vjp(&self.stage.params, &Self::loss(loss))?;
        Ok(Gradient { params: gradient.params, weights: gradient.weights })
    }

    fn jacobian(&mut self) -> Result<SMatrix<f64, NY, NP>, GradientError> {
        Ok(self.engine.jacobian(&self.stage.params)?.controls[0])
    }

    #[cfg(feature = "dual")]
    fn hvp(
        &mut self,
        loss: &SVector<f64, NY>,
        direction: &SVector<f64, NP>,
        loss_hessian: impl FnOnce(&SVector<f64, NY>) -> SVector<f64, NY>,
    ) -> Result<Gradient<NP>, GradientError> {
        let of_trajectory =
            |_: &[SVector<f64, NX>], du: &[SVector<f64, NY>], _: &SVector<f64, 0>| Self::loss(&loss_hessian(&du[0]));
        let direction = Direction::new(*direction);
        let gradient = self.engine.hvp(&self.stage.params, &Self::loss(loss), &direction, of_trajectory)?;
        Ok(Gradient { params: gradient.params, weights: gradient.weights })
    }

    #[cfg(feature = "dual")]
    fn unrolled(
        &mut self,
        settings: &Settings,
        _: &Solution<NY, NP>,
        loss: &SVector<f64, NY>,
        (start, iterations): (&SVector<f64, NY>, usize),
    ) -> Result<SVector<f64, NP>, GradientError> {
        let mut start = *start;
        if self.stage.relaxation.is_none() {
            Bounds::of(&self.engine.model, &self.stage.params).clamp(&mut start);
        }
        let start = Start { controls: &[start], states: &[] };
        let settings = settings.of_minimum(Method::Auto);
        let loss = Self::loss(loss);
        Ok(unroll::vjp(&self.engine.model, &settings, &self.stage, &loss, (start, iterations))?.params)
    }

    #[cfg(feature = "dual")]
    fn direct_loss(
        &mut self,
        settings: &Settings,
        solution: &Solution<NY, NP>,
        loss: &SVector<f64, NY>,
        epsilon: f64,
    ) -> Result<SVector<f64, NP>, GradientError> {
        let function = &self.engine.model;
        let mut tilted = Minimizer::new(Tilted::new(function, &Self::loss(loss), epsilon));
        let moved = tilted.solve(settings, &solution.unknown, &solution.params)?;
        direct_loss::of_minimum((function, settings), solution, &moved, epsilon)
    }

    fn gradient_by_iteration(
        &mut self,
        (settings, iteration): (&Settings, Iteration),
        solution: &Solution<NY, NP>,
        loss: &SVector<f64, NY>,
    ) -> Result<Option<Gradient<NP>>, GradientError> {
        iterative_minimum::gradient(&self.engine.model, (iteration, settings.activity), solution, loss)
    }

    fn tangent_by_iteration(
        &mut self,
        (settings, iteration): (&Settings, Iteration),
        solution: &Solution<NY, NP>,
        direction: &SVector<f64, NP>,
    ) -> Result<Option<SVector<f64, NY>>, GradientError> {
        iterative_minimum::tangent(&self.engine.model, (iteration, settings.activity), solution, direction)
    }

    fn non_zeros() -> usize {
        F::SPARSITY.huu.iter().flatten().filter(|&&entry| entry).count()
    }

    fn certificate(&mut self, solution: &Solution<NY, NP>) -> Certificate {
        let (y, p) = (&solution.unknown, &solution.params);
        let mut slope = Slope::new(&self.engine.model, p, solution.relaxation);
        let (c, hessian) = slope.at(y);
        let terms = terms((&hessian, y), (&slope.params(y), p));
        let states = slope.bound_states(y, (&c, &hessian));
        let mut held = slope.held(&SVector::zeros()).map(|side| side.is_some());
        for state in states.iter().filter(|state| state.multiplier.is_some()) {
            held[state.unknown] = true;
        }
        Certificate::new(y, (&c, &hessian, &terms), &held, &states).of_hessian(&hessian, &held)
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
        // The interior-point method has no lanes.
        if const { F::LIMITS.bounded } {
            return problems.iter().map(|_| None).collect();
        }
        let zero = SVector::<f64, NX>::zeros();
        let stage = |(guess, params): &(SVector<f64, NY>, SVector<f64, NP>)| {
            Problem::new(zero, *params, 1).with_controls(&[*guess])
        };
        let stages: Vec<_> = problems.iter().map(stage).collect();
        let solved = PlainEngine::solve_lanes(function, 1, &settings.of_minimum(Method::Ddp), &stages);
        solved.into_iter().map(|stage| Some(Self::solution(&stage.ok()?))).collect()
    }
}
