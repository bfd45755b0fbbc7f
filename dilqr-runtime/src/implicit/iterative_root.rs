//! Derivatives of roots by conjugate gradients on the normal equations.

use nalgebra::SVector;

use crate::error::GradientError;
use crate::implicit::conditions::{Conditions, Point};
use crate::implicit::function::{Gradient, ImplicitFunction};
use crate::implicit::iterative::Linear;
use crate::implicit::root::{Equations, RootFinder, gradient_of_adjoint};
use crate::implicit::settings::Iteration;
use crate::implicit::solution::Solution;
use crate::linalg::products::zeros;
use crate::status::Status;

/// `r_y` at a root that passed the check; `None` where the factorization has to decide.
fn linear<F, const NX: usize, const NY: usize, const NP: usize>(
    finder: &mut RootFinder<F, NX, NY, NP>,
    iteration: Iteration,
    solution: &Solution<NY, NP>,
) -> Option<Linear<NY>>
where
    F: ImplicitFunction<NX, NY, NP>,
{
    if const { F::HAS_KINKS } || solution.status != Status::Converged {
        return None;
    }
    let (y, p) = (&solution.unknown, &solution.params);
    let mut equations = Equations { finder, params: p };
    let (r, ry) = equations.at(y);
    let rp = equations.params(y);
    let pattern = core::array::from_fn(|i| F::SPARSITY.fu[i]);
    let linear = Linear::jacobian(&ry, &pattern, iteration.tolerance)?;
    let point = Point { unknown: y, params: p, held: [false; NY], moves: zeros() };
    linear.is_solution(&point, (&r, &ry, &rp), iteration.step, |y| equations.at(y).1).then_some(linear)
}

/// `-r_p' r_y^-T loss`
pub(super) fn gradient<F, const NX: usize, const NY: usize, const NP: usize>(
    finder: &mut RootFinder<F, NX, NY, NP>,
    iteration: Iteration,
    solution: &Solution<NY, NP>,
    loss: &SVector<f64, NY>,
) -> Result<Option<Gradient<NP>>, GradientError>
where
    F: ImplicitFunction<NX, NY, NP>,
{
    let lambda = linear(finder, iteration, solution).and_then(|linear| linear.solve_transposed(loss));
    let Some(lambda) = lambda else { return Ok(None) };
    let at = (&solution.unknown, &solution.params);
    gradient_of_adjoint(&finder.function, at, &lambda).check().map(Some)
}

/// `-r_y^-1 r_p direction`
pub(super) fn tangent<F, const NX: usize, const NY: usize, const NP: usize>(
    finder: &mut RootFinder<F, NX, NY, NP>,
    iteration: Iteration,
    solution: &Solution<NY, NP>,
    direction: &SVector<f64, NP>,
) -> Option<SVector<f64, NY>>
where
    F: ImplicitFunction<NX, NY, NP>,
{
    let linear = linear(finder, iteration, solution)?;
    let change = finder.parameter_jacobian(&solution.unknown, &solution.params) * direction;
    linear.solve(&-change)
}
