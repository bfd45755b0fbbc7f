//! Steps along a flow that a network defines, and their derivatives.
//!
//! The equations of the model are `r = y - before - step f(y)`, so that `r(y; y, -1)` is the slope `f` itself.

use dilqr_runtime::Status;
use dilqr_runtime::implicit::{ImplicitFunction, LinearSolver, Settings, Solution, Solver};
use dilqr_runtime::model::{ParameterGradient, Stage, StageExpansion};
use dilqr_runtime::nalgebra::{Matrix2, SVector, Vector2};

use crate::Failure;

/// How steps are taken and differentiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    /// Implicit Euler, by the implicit function theorem with a factorization.
    Dense,
    /// The same with conjugate gradients.
    ConjugateGradients,
    /// Implicit Euler, and implicit Euler steps of the adjoint equation, backwards from every point of the data (Chen et al. 2018).
    Adjoint,
    /// Explicit Euler, through its steps.
    Explicit,
}

impl Method {
    pub(super) const ALL: [Self; 4] = [Self::Dense, Self::ConjugateGradients, Self::Adjoint, Self::Explicit];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Dense => "implicit, dense",
            Self::ConjugateGradients => "implicit, conjugate gradients",
            Self::Adjoint => "implicit, adjoint equation",
            Self::Explicit => "explicit",
        }
    }
}

/// A step that was taken.
pub(super) struct Step {
    end: Vector2<f64>,
    begin: Vector2<f64>,
    h: f64,
    solution: Option<Solution<2, 3>>,
}

impl Step {
    pub(super) fn end(&self) -> Vector2<f64> {
        self.end
    }
}

/// A flow with its solver.
pub(super) struct Flow<F: ImplicitFunction<2, 2, 3>> {
    solver: Solver<F, 2, 2, 3>,
    method: Method,
}

impl<F: ImplicitFunction<2, 2, 3>> Flow<F> {
    pub(super) fn new(function: F, method: Method) -> Result<Self, Failure> {
        let linear_solver = match method {
            Method::ConjugateGradients => LinearSolver::ConjugateGradients { tolerance: 1e-12 },
            Method::Dense | Method::Adjoint | Method::Explicit => LinearSolver::Dense,
        };
        Ok(Self { solver: Solver::new(function, Settings { linear_solver, ..Settings::default() })?, method })
    }

    pub(super) fn weight_count(&self) -> usize {
        self.solver.function().weight_count()
    }

    /// Changes the weights of the network.
    pub(super) fn change_weights(&mut self, change: impl FnMut(&mut [f64])) {
        self.solver.function_mut().weights_mut().into_iter().for_each(change);
    }

    /// The weights of the network.
    pub(super) fn weights(&mut self) -> Vec<f64> {
        self.solver.function_mut().weights_mut().concat()
    }

    fn slope(&self, x: &Vector2<f64>) -> Vector2<f64> {
        let (p, none) = (SVector::from([x[0], x[1], -1.0]), SVector::zeros());
        let mut slope = SVector::zeros();
        self.solver.function().dynamics(Stage::new(&Vector2::zeros(), x, &p, &none), &mut slope);
        slope
    }

    /// `f_x`
    fn jacobian(&self, x: &Vector2<f64>) -> Matrix2<f64> {
        let (p, none) = (SVector::from([x[0], x[1], -1.0]), SVector::zeros());
        let mut at = StageExpansion::zeros();
        self.solver.function().expand_stage(Stage::new(&Vector2::zeros(), x, &p, &none), &mut at);
        at.fu - Matrix2::identity()
    }

    /// Adds `adjoint' f_w`.
    fn add_weight_gradient(&self, x: &Vector2<f64>, adjoint: &Vector2<f64>, weights: &mut [f64]) {
        let (p, none) = (SVector::from([x[0], x[1], -1.0]), SVector::zeros());
        let out = ParameterGradient { p: &mut SVector::zeros(), s: &mut SVector::zeros(), w: weights };
        let zero = Vector2::zeros();
        let at = Stage::new(&zero, x, &p, &none);
        self.solver.function().add_hamiltonian_parameter_gradient(at, adjoint, out);
    }

    /// The solution of `y = x + h f(y)`; `None` where it was not found.
    fn solve(&mut self, x: &Vector2<f64>, h: f64) -> Option<Solution<2, 3>> {
        let solution = self.solver.solve(*x, [x[0], x[1], h]).ok()?;
        (solution.status == Status::Converged).then_some(solution)
    }

    /// A step of the time `h` from a state; `None` where it was not found.
    pub(super) fn step(&mut self, begin: Vector2<f64>, h: f64) -> Option<Step> {
        if self.method == Method::Explicit {
            let end = begin + h * self.slope(&begin);
            return end.iter().all(|x| x.is_finite()).then_some(Step { end, begin, h, solution: None });
        }
        let solution = self.solve(&begin, h)?;
        Some(Step { end: solution.unknown, begin, h, solution: Some(solution) })
    }

    /// The gradient of a loss in the state at the beginning of a step, from that at its end; adds the gradient in the weights. `None`
    /// where there is none.
    pub(super) fn pull_back(
        &mut self,
        step: &Step,
        adjoint: &Vector2<f64>,
        weights: &mut [f64],
    ) -> Option<Vector2<f64>> {
        match (self.method, &step.solution) {
            (Method::Adjoint, _) => self.adjoint_equation(step, adjoint, weights),
            (_, Some(solution)) => {
                let gradient = self.solver.gradient(solution, adjoint).ok()?;
                weights.iter_mut().zip(&gradient.weights).for_each(|(sum, own)| *sum += own);
                Some(gradient.params.fixed_rows::<2>(0).into())
            }
            (_, None) => {
                self.add_weight_gradient(&step.begin, &(step.h * adjoint), weights);
                Some(adjoint + step.h * self.jacobian(&step.begin).tr_mul(adjoint))
            }
        }
    }

    /// A step backwards of state and adjoint, `dx/dt = f` and `da/dt = -f_x' a`, both by implicit Euler:
    /// `z = x - h f(z)`, `b = a + h f_x(z)' b`. The gradient in the weights grows by `h f_w(z)' b`.
    fn adjoint_equation(&mut self, step: &Step, adjoint: &Vector2<f64>, weights: &mut [f64]) -> Option<Vector2<f64>> {
        let before = self.solve(&step.end, -step.h)?.unknown;
        let matrix = Matrix2::identity() - step.h * self.jacobian(&before).transpose();
        let adjoint = matrix.try_inverse()? * adjoint;
        self.add_weight_gradient(&before, &(step.h * adjoint), weights);
        adjoint.iter().all(|a| a.is_finite()).then_some(adjoint)
    }

    /// The mean squared error of a trajectory that is predicted from its first point; infinite where a step is not found.
    pub(super) fn error(&mut self, points: &[Vector2<f64>]) -> f64 {
        let (mut x, mut sum) = (points[0], 0.0);
        for expected in &points[1..] {
            match self.step(x, super::DT) {
                Some(step) => x = step.end(),
                None => return f64::INFINITY,
            }
            sum += (x - expected).norm_squared();
        }
        sum / (2 * (points.len() - 1)) as f64
    }
}
