//! Levenberg and Marquardt's method, for comparison with the published gradient descent.

use dilqr_runtime::nalgebra::{SMatrix, SVector};

use crate::Failure;

/// A sum of squared errors, with half its gradient and half its Gauss-Newton Hessian.
#[derive(Clone, Debug)]
pub(super) struct Equations<const NP: usize> {
    pub(super) loss: f64,
    vector: SVector<f64, NP>,
    matrix: SMatrix<f64, NP, NP>,
}

impl<const NP: usize> Equations<NP> {
    pub(super) fn new() -> Self {
        Self { loss: 0.0, vector: SVector::zeros(), matrix: SMatrix::zeros() }
    }

    /// Adds errors, with a weight on their squares; `slope` is their derivative in the parameters.
    pub(super) fn add<const N: usize>(&mut self, error: &SVector<f64, N>, slope: &SMatrix<f64, N, NP>, weight: f64) {
        self.loss += weight * error.norm_squared();
        self.vector += slope.tr_mul(error) * weight;
        self.matrix += slope.tr_mul(slope) * weight;
    }
}

/// Minimizes from `start`, and passes the number of tried steps, the parameters and the loss of every new point on.
/// Parameters without influence stay. `equations` returns `None` where the errors do not exist.
pub(super) fn minimize<const NP: usize>(
    start: SVector<f64, NP>,
    tries: usize,
    mut equations: impl FnMut(&SVector<f64, NP>) -> Result<Option<Equations<NP>>, Failure>,
    mut point: impl FnMut(usize, &SVector<f64, NP>, f64),
) -> Result<(), Failure> {
    let mut params = start;
    let Some(mut current) = equations(&params)? else { return Ok(()) };
    point(0, &params, current.loss);
    let mut damping = 1e-3;
    for step in 1..=tries {
        let largest = current.matrix.diagonal().amax().max(f64::MIN_POSITIVE);
        let scale = current.matrix.diagonal().map(|entry| entry.max(1e-12 * largest));
        let damped = current.matrix + SMatrix::from_diagonal(&(scale * damping));
        let Some(change) = damped.cholesky().map(|factor| -factor.solve(&current.vector)) else {
            damping *= 10.0;
            continue;
        };
        match equations(&(params + change))?.filter(|new| new.loss < current.loss) {
            Some(new) => {
                (params, current) = (params + change, new);
                damping = f64::max(damping / 10.0, 1e-15);
                point(step, &params, current.loss);
            }
            // Rounding errors hide what is left to gain.
            None if change.norm() <= 1e-10 * params.norm() => break,
            None => damping *= 10.0,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rosenbrock's valley as errors, with a third parameter that has no influence.
    #[test]
    fn the_end_of_the_valley_is_found() -> Result<(), Failure> {
        let mut last = (SVector::zeros(), f64::INFINITY);
        let equations = |p: &SVector<f64, 3>| {
            let mut equations = Equations::new();
            let error = SVector::from([10.0 * (p[1] - p[0] * p[0]), 1.0 - p[0]]);
            let slope = SMatrix::<f64, 2, 3>::from_row_slice(&[-20.0 * p[0], 10.0, 0.0, -1.0, 0.0, 0.0]);
            equations.add(&error, &slope, 0.5);
            Ok(Some(equations))
        };
        minimize(SVector::from([-1.2, 1.0, 7.0]), 100, equations, |_, p, loss| {
            assert!(loss < last.1);
            last = (*p, loss);
        })?;
        // Steps converge quadratically to the zero of the errors.
        assert!((last.0 - SVector::from([1.0, 1.0, 7.0])).amax() < 1e-9, "{last:?}");
        Ok(())
    }
}
