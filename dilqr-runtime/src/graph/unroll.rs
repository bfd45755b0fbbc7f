//! The derivative of steps of Gauss and Newton's from a guess: what automatic differentiation makes of a solver.

use alloc::vec::Vec;

use crate::graph::error::DerivativeError;
use crate::graph::iteration::{Memory, Structure};
use crate::graph::kind::Contraction;
use crate::graph::objective;
use crate::graph::step_adjoint::{Directions, of_retraction};
use crate::graph::system::{Curvature, Point};
use crate::linalg::products::larger;

/// How far from the solution the steps may end, relatively: a derivative there approximates that of the solution.
const NEAR: f64 = 0.1;

/// Values, and the step that was made there.
struct Step {
    values: Vec<f64>,
    step: Vec<f64>,
}

/// The gradient in parameters and thresholds through so many steps from a guess, by the loss gradient in all numbers.
pub(super) fn gradient(
    structure: Structure<'_>,
    memory: &mut Memory,
    (guess, iterations): (&[f64], usize),
    (solution, loss): (&[f64], &[f64]),
) -> Result<(Vec<f64>, Vec<f64>), DerivativeError> {
    let Structure { kinds, layout, params, .. } = structure;
    let (steps, end) = steps(structure, memory, (guess, iterations))?;
    let sizes = layout.number_magnitudes(solution);
    let distances = end.iter().zip(solution).zip(&sizes).map(|((end, solution), size)| (end - solution).abs() / size);
    let distance = distances.fold(0.0, larger);
    if distance > NEAR || distance.is_nan() {
        return Err(DerivativeError::NotReached { distance });
    }
    let (mut of_params, mut of_thresholds) = (vec![0.0; layout.param_count()], vec![0.0; layout.factors()]);
    let mut adjoint = loss.to_vec();
    for Step { values, step } in steps.iter().rev() {
        let mut of_step = vec![0.0; layout.dimension];
        for place in layout.places.iter().filter(|place| !place.held) {
            let (numbers, locals) = (place.numbers(), place.locals());
            let at = (&values[numbers.clone()], &step[locals.clone()]);
            let (of_values, own) = of_retraction(place, at, &adjoint[numbers.clone()]);
            adjoint[numbers].copy_from_slice(&of_values);
            of_step[locals].copy_from_slice(&own);
        }
        factorize(structure, memory, values)?;
        memory.cholesky.solve(&mut of_step);
        let (at, directions) = (Point { values, params }, Directions { w: &of_step, d: step });
        for kind in kinds {
            let (params, thresholds) = (&mut of_params, &mut of_thresholds);
            let out = Contraction { params, weights: &mut [], thresholds, factor: 1.0 };
            kind.add_step_adjoint(layout, at, directions, (&mut adjoint, out));
        }
    }
    Ok((of_params, of_thresholds))
}

/// The steps, and where they end.
fn steps(
    structure: Structure<'_>,
    memory: &mut Memory,
    (guess, iterations): (&[f64], usize),
) -> Result<(Vec<Step>, Vec<f64>), DerivativeError> {
    let (mut steps, mut values) = (Vec::with_capacity(iterations), guess.to_vec());
    for _ in 0..iterations {
        factorize(structure, memory, &values)?;
        let mut step: Vec<f64> = memory.system.gradient.iter().map(|slope| -slope).collect();
        memory.cholesky.solve(&mut step);
        let mut next = values.clone();
        structure.layout.retract(&values, &step, &mut next);
        steps.push(Step { values: core::mem::replace(&mut values, next), step });
    }
    Ok((steps, values))
}

/// Gauss and Newton's Hessian at these values, factorized.
fn factorize(structure: Structure<'_>, memory: &mut Memory, values: &[f64]) -> Result<(), DerivativeError> {
    let Structure { kinds, layout, pattern, params, .. } = structure;
    objective::expand(kinds, layout, Point { values, params }, Curvature::GaussNewton, &mut memory.system);
    if !memory.system.is_finite() {
        return Err(DerivativeError::NotReached { distance: f64::NAN });
    }
    let done = memory.cholesky.factorize(pattern, &memory.system.hessian);
    done.map_err(|indefinite| DerivativeError::Singular { block: layout.block_of(indefinite.row) })
}
