//! Solves with constraints: rounds of an augmented Lagrangian, which the active-set Newton method ends.
//!
//! Each round minimizes the cost with penalties (`penalty`). It then sets the multipliers to the slopes of the penalties, and
//! raises the weight where the violation has not fallen enough (as ALTRO does: Howell, Jackson and Manchester 2019). Once the
//! violation is small the active set is mostly known, and Newton's method is tried. Where it does not converge the rounds go
//! on. A round in which the penalty does not bound the cost is taken back, and the weight is raised.

use crate::scalar::float;

use crate::iteration::Iteration;
use crate::linalg::products::larger;
use crate::model::Model;
use crate::ocp::constraints::{ConstraintPlace, constraints_along, violation};
use crate::ocp::instance::OcpInstance;
use crate::ocp::penalty::{PenaltyKind, set_weights};
use crate::ocp::rollout::cost_along;
use crate::ocp::trajectory::Trajectory;
use crate::solve::backward_pass::BackwardPass;
use crate::solve::interior_point::memory::InteriorPoint;
use crate::solve::newton_workspace::PrimalDualWeights;
use crate::solve::workspace::{Solve, SolveWorkspace};
use crate::status::Status;

/// Rounds after which multipliers that still move will not settle.
const ROUNDS: usize = 50;

/// The violation, over the magnitude of the constraint, at which the first attempt is made.
const NEWTON_START_VIOLATION: f64 = 1e-1;

/// How much of the violation a round may leave before the weight is raised.
const VIOLATION_DECREASE: f64 = 0.25;

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> Solve<'_, M, NX, NU, NP, NS>
where
    M: Model<NX, NU, NP, NS>,
{
    /// Solves a problem with constraints.
    pub(crate) fn run_constrained(&mut self, mut observe: impl FnMut(&Iteration)) -> Status {
        let settings = self.settings;
        let (mut unit, _) = self.measure_units();
        let mut weight = settings.penalty.initial;
        let mut previous = f64::INFINITY;
        let mut status = Status::Infeasible;
        for round in 0..ROUNDS {
            self.set_penalty_weight(weight * unit);
            // As precise as the multipliers are: a decade more in every round.
            let tolerance = settings.tolerance.max(1e-3 * float::f64::powi(0.1, round as i32));
            self.store_round_start();
            status = self.minimize(tolerance, &mut observe);
            let feasible = self.record_violation() <= settings.tolerance;
            if status == Status::Unbounded && !feasible {
                // The penalty does not bound the cost: the round begins again with a larger weight.
                self.return_to_round_start();
                if weight >= settings.penalty.maximum {
                    break;
                }
                weight = (weight * settings.penalty.increase).min(settings.penalty.maximum);
                continue;
            }
            if matches!(status, Status::Diverged | Status::IterationLimit | Status::Unbounded) {
                return status;
            }
            let residual = self.update_multipliers();
            let violation = self.record_violation();
            if residual.is_nan() {
                return Status::Diverged;
            }
            if violation <= NEWTON_START_VIOLATION && self.newton(PrimalDualWeights::Penalties) {
                return Status::Converged;
            }
            let precise = tolerance <= settings.tolerance;
            if precise && residual <= settings.tolerance {
                // The magnitudes are those of the trajectory before: far from the solution they may be larger.
                let (measured, shrunk) = self.measure_units();
                if !shrunk {
                    return status;
                }
                unit = measured;
                continue;
            }
            let stuck = residual > VIOLATION_DECREASE * previous;
            if stuck {
                if weight >= settings.penalty.maximum {
                    break;
                }
                weight = (weight * settings.penalty.increase).min(settings.penalty.maximum);
            }
            previous = residual;
        }
        if self.record_violation() > settings.tolerance {
            return Status::Infeasible;
        }
        // Feasible, but the multipliers have not settled.
        if status == Status::Converged { Status::IterationLimit } else { status }
    }

    /// Measures the magnitudes of the constraints. Returns the unit of the cost, which is the change of the cost a stage if
    /// every variable changes by its magnitude, and whether a magnitude is less than half of what it was.
    pub(super) fn measure_units(&mut self) -> (f64, bool) {
        let horizon = self.memory.horizon();
        let mut memory = self.memory.interior_point.take().unwrap_or_else(|| InteriorPoint::new::<M, NP, NS>(horizon));
        let unit = self.measure_scales(&mut memory);
        let mut shrunk = false;
        for (row, size) in self.memory.rows.iter_mut().zip(memory.scales.of_constraints()) {
            shrunk |= *size < 0.5 * *row;
            *row = *size;
        }
        self.memory.interior_point = Some(memory);
        (unit, shrunk)
    }

    /// The current trajectory's cost under another weight of the penalties, in units of the cost.
    fn set_penalty_weight(&mut self, weight: f64) {
        let SolveWorkspace { current, stage_params, bounds, penalty, rows, .. } = &mut *self.memory;
        penalty.kind = PenaltyKind::Augmented;
        set_weights(&mut penalty.weights, weight, rows);
        let instance = OcpInstance { model: self.model, params: self.params, stage_params, bounds, penalty };
        current.cost = cost_along(&instance, &mut current.trajectory);
        current.pass = BackwardPass::NONE;
    }

    /// Stores the current trajectory in the memory of the Newton method, which is free during a round.
    fn store_round_start(&mut self) {
        let SolveWorkspace { current, active_set_newton, .. } = &mut *self.memory;
        if let Some(newton) = active_set_newton {
            newton.point.copy_from(&current.trajectory);
        }
    }

    /// Makes the stored trajectory the current one.
    fn return_to_round_start(&mut self) {
        let SolveWorkspace { current, active_set_newton, .. } = &mut *self.memory;
        if let Some(newton) = active_set_newton {
            current.trajectory.copy_from(&newton.point);
        }
        current.pass = BackwardPass::NONE;
        self.record_violation();
    }

    /// Sets the multipliers to the slopes of the penalties. Returns how far they move over the weight, which is
    /// `max |c|` over equalities and `max |max(c, -mu / weight)|` over inequalities, all over the magnitudes of the
    /// constraints: violation and complementarity in one.
    fn update_multipliers(&mut self) -> f64 {
        let SolveWorkspace { current, penalty, rows, .. } = &mut *self.memory;
        let Trajectory { constraints, controls, .. } = &current.trajectory;
        let mut furthest = 0.0;
        for (index, &c) in constraints.iter().enumerate() {
            let place = ConstraintPlace::of(const { &M::LIMITS }, controls.len(), index);
            if place.enforced {
                let from = *penalty.at_mut(index);
                let row = place.row(const { &M::LIMITS }, controls.len());
                let to = penalty.term(row, place.inequality, c, from).slope;
                furthest = larger(furthest, (to - from).abs() / penalty.weights[row] / rows[row]);
                *penalty.at_mut(index) = to;
            }
        }
        self.stats.multiplier_updates += 1;
        furthest
    }

    /// The largest violation along the current trajectory, over the magnitude of its constraint. The statistics keep it in
    /// the constraint's unit, with its stage.
    pub(crate) fn record_violation(&mut self) -> f64 {
        let SolveWorkspace { current, rows, .. } = &*self.memory;
        let Trajectory { constraints, controls, .. } = &current.trajectory;
        let (horizon, limits) = (controls.len(), const { &M::LIMITS });
        let largest = violation(constraints_along(constraints, horizon, limits), (horizon, limits), rows);
        (self.stats.violation, self.stats.violation_stage) = (largest.value, largest.at());
        largest.relative
    }
}
