//! Derivatives of minima by conjugate gradients on the Hessian in the unknowns that no bound holds.

use nalgebra::{SMatrix, SVector};

use crate::error::GradientError;
use crate::implicit::conditions::{Conditions, Point};
use crate::implicit::function::Gradient;
use crate::implicit::iterative::Linear;
use crate::implicit::settings::Iteration;
use crate::implicit::slope::Slope;
use crate::implicit::solution::Solution;
use crate::linalg::products::zeros;
use crate::lq::bounds::Side;
use crate::model::Model;
use crate::model::stage::{ParameterGradient, Stage, Variation};
use crate::status::Status;

/// A minimum that passed the check.
struct Minimum<'a, F, const NX: usize, const NY: usize, const NP: usize> {
    function: &'a F,
    solution: &'a Solution<NY, NP>,
    slope: Slope<'a, F, NX, NY, NP>,
    hessian: SMatrix<f64, NY, NY>,
    /// The bounds that hold unknowns.
    sides: [Option<Side>; NY],
    linear: Linear<NY>,
}

/// The minimum; `None` where the factorization has to decide.
fn minimum<'a, F, const NX: usize, const NY: usize, const NP: usize>(
    function: &'a F,
    (iteration, activity): (Iteration, f64),
    solution: &'a Solution<NY, NP>,
) -> Result<Option<Minimum<'a, F, NX, NY, NP>>, GradientError>
where
    F: Model<NX, NY, NP>,
{
    let relaxed = solution.relaxation.is_some();
    if const { F::HAS_KINKS } || relaxed || solution.status != Status::Converged {
        return Ok(None);
    }
    let (y, p) = (&solution.unknown, &solution.params);
    let mut slope = Slope::new(function, p, None);
    let (c, hessian) = slope.at(y);
    let Some(sides) = slope.clear_sides(y, (&c, &hessian), activity) else { return Ok(None) };
    let held = sides.map(|side| side.is_some());
    let Some(linear) = Linear::hessian(&hessian, (&F::SPARSITY.huu, &held), iteration.tolerance)? else {
        return Ok(None);
    };
    let point = Point { unknown: y, params: p, held, moves: zeros() };
    if !linear.is_solution(&point, (&c, &hessian, &zeros()), iteration.step, |_| hessian) {
        return Ok(None);
    }
    Ok(Some(Minimum { function, solution, slope, hessian, sides, linear }))
}

impl<F, const NX: usize, const NY: usize, const NP: usize> Minimum<'_, F, NX, NY, NP>
where
    F: Model<NX, NY, NP>,
{
    /// The entries of a vector of the unknowns that no bound holds, and of the others.
    fn split(&self, v: &SVector<f64, NY>) -> (SVector<f64, NY>, SVector<f64, NY>) {
        let part = |held: bool| SVector::from_fn(|i, _| if self.sides[i].is_some() == held { v[i] } else { 0.0 });
        (part(false), part(true))
    }

    /// `-f_py lambda` with `f_yy lambda = loss`, and what the bounds that hold unknowns move.
    fn gradient(&self, loss: &SVector<f64, NY>) -> Option<Gradient<NP>> {
        let (free, _) = self.split(loss);
        let lambda = self.linear.solve(&free)?;
        let (_, of_bounds) = self.split(&(loss - self.hessian * lambda));
        let mut gradient = Gradient::zeros(self.function.weight_count());
        let out = ParameterGradient { p: &mut gradient.params, s: &mut zeros(), w: &mut gradient.weights };
        let (x, s, step) = (zeros(), zeros(), -lambda);
        let at = Stage::new(&x, &self.solution.unknown, &self.solution.params, &s);
        self.function.add_parameter_contraction(at, &x, Variation::new(&x, &step), &x, out);
        if const { F::LIMITS.bounded } {
            let of_side =
                |side: Side| SVector::from_fn(|i, _| if self.sides[i] == Some(side) { of_bounds[i] } else { 0.0 });
            let (lower, upper) = (of_side(Side::Lower), of_side(Side::Upper));
            self.function.add_bounds_contraction(&self.solution.params, &lower, &upper, &mut gradient.params);
        }
        Some(gradient)
    }

    /// The derivative along a direction of the parameters.
    fn tangent(&mut self, direction: &SVector<f64, NP>) -> Option<SVector<f64, NY>> {
        let moves = self.slope.bound_terms().map(|terms| terms * direction);
        let held = SVector::<f64, NY>::from_fn(|i, _| self.sides[i].map_or(0.0, |side| moves[side as usize][i]));
        let change = self.slope.params(&self.solution.unknown) * direction + self.hessian * held;
        let (free, _) = self.split(&change);
        Some(held - self.linear.solve(&free)?)
    }
}

pub(super) fn gradient<F, const NX: usize, const NY: usize, const NP: usize>(
    function: &F,
    of: (Iteration, f64),
    solution: &Solution<NY, NP>,
    loss: &SVector<f64, NY>,
) -> Result<Option<Gradient<NP>>, GradientError>
where
    F: Model<NX, NY, NP>,
{
    let gradient = minimum(function, of, solution)?.and_then(|minimum| minimum.gradient(loss));
    gradient.map(Gradient::check).transpose()
}

pub(super) fn tangent<F, const NX: usize, const NY: usize, const NP: usize>(
    function: &F,
    of: (Iteration, f64),
    solution: &Solution<NY, NP>,
    direction: &SVector<f64, NP>,
) -> Result<Option<SVector<f64, NY>>, GradientError>
where
    F: Model<NX, NY, NP>,
{
    Ok(minimum(function, of, solution)?.and_then(|mut minimum| minimum.tangent(direction)))
}
