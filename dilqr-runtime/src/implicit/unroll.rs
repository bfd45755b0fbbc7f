//! Derivatives through the steps of a solve of equations.

use nalgebra::SVector;
use num_dual::Dual;

use crate::differentiate::unroll::{Progress, near};
use crate::error::GradientError;
use crate::implicit::function::ImplicitFunction;
use crate::implicit::root::linearize;
use crate::implicit::solution::Solution;
use crate::linalg::products::zeros;
use crate::model::records::StageExpansion;
use crate::model::stage::Stage;

type Number = Dual<f64>;

/// The gradient of the loss through so many steps from a start: of the map, or Newton's.
pub(super) fn vjp<F, const NX: usize, const NY: usize, const NP: usize>(
    (function, tolerance): (&F, f64),
    solution: &Solution<NY, NP>,
    loss: &SVector<f64, NY>,
    (start, iterations): (&SVector<f64, NY>, usize),
) -> Result<SVector<f64, NP>, GradientError>
where
    F: ImplicitFunction<NX, NY, NP>,
{
    let mut gradient = SVector::zeros();
    let mut memory = StageExpansion::zeros();
    for j in 0..NP {
        let mut params = solution.params.map(Number::from_re);
        params[j].eps = 1.0;
        let mut y = start.map(Number::from_re);
        let distance = |y: &SVector<Number, NY>| (y.map(|y| y.re) - solution.unknown).amax();
        let mut progress = Progress::at(distance(&y));
        for _ in 0..iterations {
            let step = step(function, (&y, &params), &mut memory);
            if !step.iter().all(|step| step.re.is_finite() && step.eps.is_finite()) {
                return Err(progress.no_step());
            }
            y += step;
            progress.next([step.map(|step| step.re).amax(), step.map(|step| step.eps).amax()], distance(&y));
        }
        let sizes = [y.map(|y| y.re).amax(), y.map(|y| y.eps).amax()];
        progress.check(near(tolerance), sizes.map(|size| size.max(1.0)))?;
        gradient[j] = loss.dot(&y.map(|y| y.eps));
    }
    Ok(gradient)
}

/// One step.
fn step<F, const NX: usize, const NY: usize, const NP: usize>(
    function: &F,
    (y, p): (&SVector<Number, NY>, &SVector<Number, NP>),
    memory: &mut StageExpansion<Number, NX, NY>,
) -> SVector<Number, NY>
where
    F: ImplicitFunction<NX, NY, NP>,
{
    if const { !F::IS_MAP } {
        return linearize(function, (y, p), memory).step;
    }
    let mut residual = zeros();
    function.dynamics(Stage::new(&zeros(), y, p, &zeros()), &mut residual);
    SVector::from_fn(|i, _| -residual[i])
}
