//! Direct loss gradients: solutions of problems whose objective has the loss' linear term in addition.

use nalgebra::{SMatrix, SVector};

use crate::error::GradientError;
use crate::implicit::function::ImplicitFunction;
use crate::implicit::messages::not_converged;
use crate::implicit::settings::Settings;
use crate::implicit::solution::Solution;
use crate::linalg::inverse::inverse;
use crate::linalg::products::{add_product, add_transposed_product, larger, zeros};
use crate::lq::bounds::Bounds;
use crate::model::Model;
use crate::model::records::HamiltonianExpansion;
use crate::model::stage::{ParameterGradient, Stage};
use crate::status::Status;

/// The most steps to the perturbed root. Newton's method needs a few.
const STEPS: usize = 50;

/// The direct loss gradient of a minimum. `moved` solves the perturbed problem.
pub(super) fn of_minimum<F, const NX: usize, const NY: usize, const NP: usize>(
    (function, settings): (&F, &Settings),
    solution: &Solution<NY, NP>,
    moved: &Solution<NY, NP>,
    epsilon: f64,
) -> Result<SVector<f64, NP>, GradientError>
where
    F: Model<NX, NY, NP>,
{
    if moved.status != Status::Converged {
        return Err(not_converged(settings, moved, moved.stats.step));
    }
    Ok((slope_in_params(function, moved) - slope_in_params(function, solution)) / epsilon)
}

/// The derivative of the least objective in the parameters: `f_p`, and the multipliers of the bounds times their derivatives.
fn slope_in_params<F, const NX: usize, const NY: usize, const NP: usize>(
    function: &F,
    solution: &Solution<NY, NP>,
) -> SVector<f64, NP>
where
    F: Model<NX, NY, NP>,
{
    let Solution { unknown: y, params: p, .. } = solution;
    let mut slope = zeros();
    let mut weights = vec![0.0; function.weight_count()];
    let out = ParameterGradient { p: &mut slope, s: &mut zeros(), w: &mut weights };
    let (x, s) = (zeros(), zeros());
    function.add_hamiltonian_parameter_gradient(Stage::new(&x, y, p, &s), &x, out);
    if const { F::LIMITS.bounded } {
        let bounds = Bounds::of(function, p);
        let held = &solution.bound_multipliers;
        let (lower, upper): (SVector<f64, NY>, SVector<f64, NY>) = match solution.relaxation {
            None => (held.map(|q| q.max(0.0)), held.map(|q| q.min(0.0))),
            Some(tau) => (
                SVector::from_fn(|i, _| tau / (y[i] - bounds.lower[i])),
                SVector::from_fn(|i, _| -tau / (bounds.upper[i] - y[i])),
            ),
        };
        function.add_bounds_contraction(p, &lower, &upper, &mut slope);
    }
    slope
}

/// The direct loss gradient of a root, with half the sum of squares of the equations as the objective. Newton's steps from the root.
pub(super) fn of_root<F, const NX: usize, const NY: usize, const NP: usize>(
    (function, settings): (&F, &Settings),
    solution: &Solution<NY, NP>,
    loss: &SVector<f64, NY>,
    epsilon: f64,
) -> Result<SVector<f64, NP>, GradientError>
where
    F: ImplicitFunction<NX, NY, NP>,
{
    let (mut y, p) = (solution.unknown, &solution.params);
    let (x, s): (SVector<f64, NX>, _) = (zeros(), zeros());
    let mut memory = HamiltonianExpansion::zeros();
    // The first step is the size of an unknown that is zero.
    let mut first: Option<SVector<f64, NY>> = None;
    let mut length = f64::NAN;
    for _ in 0..STEPS {
        let step = newton_step(function, (&y, p), loss * epsilon, &mut memory);
        let sizes = first.get_or_insert(step);
        let relative = |i: usize| if step[i] == 0.0 { 0.0 } else { step[i].abs() / y[i].abs().max(sizes[i].abs()) };
        length = (0..NY).map(relative).fold(0.0, larger::<f64>);
        y -= step;
        if length.is_nan() {
            break;
        }
        if length <= settings.tolerance {
            let mut residual: SVector<f64, NX> = zeros();
            function.dynamics(Stage::new(&x, &y, p, &s), &mut residual);
            let (mut slope, mut weights) = (zeros(), vec![0.0; function.weight_count()]);
            let out = ParameterGradient { p: &mut slope, s: &mut zeros(), w: &mut weights };
            // `r_p' r`
            function.add_hamiltonian_parameter_gradient(Stage::new(&x, &y, p, &s), &residual, out);
            return Ok(slope / epsilon);
        }
    }
    Err(not_converged(settings, &Solution { status: Status::IterationLimit, ..solution.clone() }, length))
}

/// `(r_y' r_y + sum_k r_k r_k,yy)^-1 (r_y' r + slope)`
fn newton_step<F, const NX: usize, const NY: usize, const NP: usize>(
    function: &F,
    (y, p): (&SVector<f64, NY>, &SVector<f64, NP>),
    mut slope: SVector<f64, NY>,
    memory: &mut HamiltonianExpansion<f64, NX, NY>,
) -> SVector<f64, NY>
where
    F: Model<NX, NY, NP>,
{
    let (x, s): (SVector<f64, NX>, _) = (zeros(), zeros());
    let at = Stage::new(&x, y, p, &s);
    let mut residual: SVector<f64, NX> = zeros();
    function.dynamics(at, &mut residual);
    function.expand_hamiltonian(at, &residual, memory);
    add_transposed_product(&mut slope, &memory.fu, &residual);
    let mut hessian: SMatrix<f64, NY, NY> = memory.huu;
    add_product(&mut hessian, &memory.fu.transpose(), &memory.fu);
    let mut step: SVector<f64, NY> = zeros();
    add_product(&mut step, &inverse(&hessian), &slope);
    step
}
