//! What can be said for a solution: how well it satisfies the optimality conditions, and how far it is from a point where
//! it would have no derivative.

use alloc::vec::Vec;

use crate::linalg::symmetric_eigen::{eigenvalues, smaller};
use crate::lq::bounds::Side;
use crate::model::limits::Limit;
use crate::ocp::instance::is_enforced_at;
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
