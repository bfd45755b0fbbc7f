//! What can be said for a solution: how well it satisfies the optimality conditions, and how far it is from a point where
//! it would have no derivative.

use alloc::vec::Vec;

use nalgebra::SMatrix;

use crate::error::Limit;
use crate::float::f64::sqrt;
use crate::instance::{Side, is_enforced_at};
use crate::limits::Limits;
use crate::solution::Solution;

/// The certificate_data for a solution, from [`Solution::certificate`].
#[derive(Clone, Debug, PartialEq)]
pub struct Certificate {
    /// The residual of stationarity over its terms, as in [`Stats::stationarity`](crate::Stats::stationarity).
    pub stationarity: f64,
    /// The relative Newton step, as in [`Stats::step`](crate::Stats::step).
    pub step: f64,
    /// Largest violation of a constraint, in its unit.
    pub violation: f64,
    /// The stage of the largest violation.
    pub violation_stage: Option<usize>,
    /// Smallest eigenvalue of the reduced Hessian in closed-loop coordinates: with `du = K dx + w` the second-order change
    /// of the Lagrangian is `1/2 sum_t w' Q_uu w` over the directions `w` that the active limits leave free. Positive at a
    /// strict minimum; infinite where the limits leave nothing free, minus infinity where a Gauss-Newton
    /// solve ended on a point where the exact Hessian is not positive definite, NaN where a solve did not converge.
    pub smallest_eigenvalue: f64,
    /// Largest eigenvalue over the smallest.
    pub condition: f64,
    /// The limits that hold the trajectory.
    pub active: Vec<ActiveLimit>,
    /// Strict complementarity: over all bounds and inequalities the smallest of what separates each from being neither
    /// active nor inactive, the larger of its distance and its multiplier (over the largest term of
    /// `Q_u`). Infinite without any.
    pub margin: f64,
    /// The limit with that margin, and its stage.
    pub weakest: Option<(usize, Limit)>,
}

/// A limit that holds the trajectory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ActiveLimit {
    /// Stage `t`; the horizon for terminal constraints.
    pub stage: usize,
    /// Which limit.
    pub limit: Limit,
    /// Its multiplier: what a unit of slack is worth. Not negative, except for an equality.
    pub multiplier: f64,
}

impl<const NX: usize, const NU: usize, const NP: usize, const NS: usize> Solution<NX, NU, NP, NS> {
    /// The certificate_data for this solution, as the solve left it. (A gradient is refused or given on a check of its own.)
    #[must_use]
    pub fn certificate(&self) -> Certificate {
        let certificate_data = &self.certificate_data;
        let limits = &certificate_data.limits;
        let mut certificate = Certificate {
            stationarity: self.stats.stationarity,
            step: self.stats.step,
            violation: self.stats.violation,
            violation_stage: self.stats.violation_stage,
            smallest_eigenvalue: f64::INFINITY,
            condition: 1.0,
            active: Vec::new(),
            margin: f64::INFINITY,
            weakest: None,
        };
        if certificate_data.curvatures.is_empty() {
            certificate.smallest_eigenvalue = f64::NAN;
        }
        let mut largest: f64 = 0.0;
        for curvature in &certificate_data.curvatures {
            for eigenvalue in eigenvalues(curvature) {
                certificate.smallest_eigenvalue = smaller(certificate.smallest_eigenvalue, eigenvalue);
                largest = largest.max(eigenvalue);
            }
        }
        if largest > 0.0 {
            certificate.condition = largest / certificate.smallest_eigenvalue;
        }
        if self.relaxation.is_some() {
            return certificate;
        }
        for (stage, (u, qu)) in self.controls.iter().zip(&self.bound_multipliers).enumerate() {
            for i in 0..NU {
                let (lower, upper) = (certificate_data.lower[i], certificate_data.upper[i]);
                if lower >= upper {
                    continue;
                }
                for (side, bound) in [(Side::Lower, lower), (Side::Upper, upper)] {
                    if bound.is_infinite() {
                        continue;
                    }
                    let multiplier = if side == Side::Lower { qu[i].max(0.0) } else { (-qu[i]).max(0.0) };
                    let limit = match side {
                        Side::Lower => Limit::LowerBound { control: i },
                        Side::Upper => Limit::UpperBound { control: i },
                    };
                    let distance = (u[i] - bound).abs() / bound.abs().max(1.0);
                    certificate.note(stage, limit, distance, multiplier, certificate_data.scale, true);
                }
            }
        }
        let horizon = self.controls.len();
        let (stages, terminal) = certificate_data.constraints.split_at(self.multipliers.stage.len());
        for (index, (&c, &multiplier)) in stages.iter().zip(&self.multipliers.stage).enumerate() {
            let (t, i) = (index / limits.stage(), index % limits.stage());
            if is_enforced_at(limits, t, i) {
                let inequality = i < limits.stage_inequalities;
                certificate.note(
                    t,
                    Limit::Constraint { index: i },
                    c.abs(),
                    multiplier,
                    certificate_data.scale,
                    inequality,
                );
            }
        }
        for (i, (&c, &multiplier)) in terminal.iter().zip(&self.multipliers.terminal).enumerate() {
            let inequality = i < limits.terminal_inequalities;
            certificate.note(
                horizon,
                Limit::Constraint { index: i },
                c.abs(),
                multiplier,
                certificate_data.scale,
                inequality,
            );
        }
        certificate
    }
}

impl Certificate {
    fn note(&mut self, stage: usize, limit: Limit, distance: f64, multiplier: f64, scale: f64, inequality: bool) {
        if !inequality || multiplier > 0.0 {
            self.active.push(ActiveLimit { stage, limit, multiplier });
        }
        let margin = distance.max(multiplier / scale);
        if inequality && margin < self.margin {
            self.margin = margin;
            self.weakest = Some((stage, limit));
        }
    }
}

/// What a solve leaves behind for the certificate.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CertificateData<const NU: usize> {
    pub(crate) limits: Limits,
    /// `Q_uu` on the controls that are free, with infinity on the diagonal for those that are not.
    pub(crate) curvatures: Vec<SMatrix<f64, NU, NU>>,
    pub(crate) lower: [f64; NU],
    pub(crate) upper: [f64; NU],
    /// Values of the constraints, as in a trajectory.
    pub(crate) constraints: Vec<f64>,
    /// The largest term of `Q_u`.
    pub(crate) scale: f64,
}

impl<const NU: usize> CertificateData<NU> {
    /// Of no solve yet, with room for one over `horizon` stages.
    pub(crate) fn none(horizon: usize) -> Self {
        Self {
            limits: Limits::NONE,
            curvatures: Vec::with_capacity(horizon),
            lower: [f64::NEG_INFINITY; NU],
            upper: [f64::INFINITY; NU],
            constraints: Vec::new(),
            scale: 1.0,
        }
    }
}

/// Eigenvalues on the free controls.
fn eigenvalues<const NU: usize>(curvature: &SMatrix<f64, NU, NU>) -> Vec<f64> {
    let free: Vec<usize> = (0..NU).filter(|&i| curvature[(i, i)] != f64::INFINITY).collect();
    if free.is_empty() {
        return Vec::new();
    }
    if free.iter().any(|&i| curvature[(i, i)] == f64::NEG_INFINITY) {
        // Not positive definite at some stage, so that those before it have no curvature.
        return vec![f64::NEG_INFINITY];
    }
    if free.iter().any(|&i| free.iter().any(|&j| !curvature[(i, j)].is_finite())) {
        return vec![f64::NAN];
    }
    let rotated = diagonalized(*curvature, &free);
    free.iter().map(|&i| rotated[(i, i)]).collect()
}

/// Jacobi's method on the rows and columns of `free`: rotations in the planes of two coordinates, each of which makes one
/// entry zero, until the entries beside the diagonal are rounding. (nalgebra's decompositions need elementary functions
/// that it has from the standard library.)
fn diagonalized<const NU: usize>(mut a: SMatrix<f64, NU, NU>, free: &[usize]) -> SMatrix<f64, NU, NU> {
    let scale = free.iter().flat_map(|&i| free.iter().map(move |&j| (i, j))).fold(0.0_f64, |m, ij| m.max(a[ij].abs()));
    // Convergence is quadratic: sizes of this kind take five to ten sweeps.
    for _ in 0..40 {
        let mut done = true;
        for (k, &i) in free.iter().enumerate() {
            for &j in &free[k + 1..] {
                if a[(i, j)].abs() <= f64::EPSILON * f64::EPSILON * scale {
                    continue;
                }
                done = false;
                // The smaller of the two angles: t^2 + 2 slant t - 1 = 0.
                let slant = (a[(j, j)] - a[(i, i)]) / (2.0 * a[(i, j)]);
                let t = 1.0_f64.copysign(slant) / (slant.abs() + sqrt(slant * slant + 1.0));
                let c = 1.0 / sqrt(t * t + 1.0);
                let s = t * c;
                for &l in free {
                    (a[(l, i)], a[(l, j)]) = (c * a[(l, i)] - s * a[(l, j)], s * a[(l, i)] + c * a[(l, j)]);
                }
                for &l in free {
                    (a[(i, l)], a[(j, l)]) = (c * a[(i, l)] - s * a[(j, l)], s * a[(i, l)] + c * a[(j, l)]);
                }
            }
        }
        if done {
            break;
        }
    }
    a
}

/// The smaller of two numbers, NaN if one is.
fn smaller(a: f64, b: f64) -> f64 {
    if a.is_nan() || a <= b { a } else { b }
}

#[cfg(test)]
mod tests {
    use nalgebra::{Matrix4, SMatrix};

    use super::eigenvalues;

    fn sorted(mut values: Vec<f64>) -> Vec<f64> {
        values.sort_by(f64::total_cmp);
        values
    }

    /// Against nalgebra's, which go through a tridiagonal form: both are good to some roundings of the largest.
    #[test]
    fn eigenvalues_are_nalgebras() {
        let entry = |i: usize, j: usize| (1.7 * (i + j) as f64 + 0.3 * (i * j) as f64).sin();
        for (scale, shift) in [(1.0, 0.0), (1e-9, 1.0), (1e6, 1e3), (1.0, 1e8)] {
            let a: SMatrix<f64, 7, 7> = SMatrix::from_fn(|i, j| scale * entry(i, j) + if i == j { shift } else { 0.0 });
            let (found, expected) = (sorted(eigenvalues(&a)), sorted(a.symmetric_eigenvalues().as_slice().to_vec()));
            for (found, expected) in found.iter().zip(&expected) {
                assert!((found - expected).abs() <= 1e-14 * a.amax().max(1e-300), "{found} is not {expected}");
            }
        }
    }

    /// Controls at a bound are left out; repeated and zero eigenvalues are no trouble.
    #[test]
    fn eigenvalues_of_the_free_controls() {
        let mut a = Matrix4::new(2.0, 0.0, 1.0, 0.0, 0.0, 2.0, 0.0, 1.0, 1.0, 0.0, 2.0, 0.0, 0.0, 1.0, 0.0, 2.0);
        let near = |found: Vec<f64>, expected: &[f64]| {
            assert_eq!(found.len(), expected.len());
            assert!(sorted(found).iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-15));
        };
        near(eigenvalues(&a), &[1.0, 1.0, 3.0, 3.0]);
        a[(1, 1)] = f64::INFINITY;
        near(eigenvalues(&a), &[1.0, 2.0, 3.0]);
        near(eigenvalues(&Matrix4::zeros()), &[0.0; 4]);
    }
}
