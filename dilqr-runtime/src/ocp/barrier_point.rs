//! Points and steps of a problem with barriers, primal and dual.

use alloc::vec::Vec;

use nalgebra::SVector;

use crate::linalg::products::zeros;
use crate::lq::bounds::Side;
use crate::model::limits::Limits;
use crate::ocp::constraints::ConstraintKind;
use crate::ocp::rollout::Cost;
use crate::ocp::trajectory::Trajectory;

/// The multipliers of dynamics, constraints and bounds.
#[derive(Clone, Debug)]
pub(crate) struct Duals<const NX: usize, const NU: usize> {
    /// `lambda_t`, `T + 1` vectors; the first one has no meaning.
    pub(crate) costates: Vec<SVector<f64, NX>>,
    /// One for each constraint.
    pub(crate) constraints: Vec<f64>,
    /// Of the lower and the upper bounds, `T` vectors each; zero where a side is open.
    bounds: [Vec<SVector<f64, NU>>; 2],
}

impl<const NX: usize, const NU: usize> Duals<NX, NU> {
    fn zeros(horizon: usize, limits: &Limits) -> Self {
        Self {
            costates: vec![zeros(); horizon + 1],
            constraints: vec![0.0; horizon * limits.listed() + limits.terminal()],
            bounds: [vec![zeros(); horizon], vec![zeros(); horizon]],
        }
    }

    /// Sets all multipliers to zero.
    pub(crate) fn clear(&mut self) {
        self.costates.fill(zeros());
        self.constraints.fill(0.0);
        self.bounds.iter_mut().for_each(|bounds| bounds.fill(zeros()));
    }

    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.costates.copy_from_slice(&other.costates);
        self.constraints.copy_from_slice(&other.constraints);
        for (own, other) in self.bounds.iter_mut().zip(&other.bounds) {
            own.copy_from_slice(other);
        }
    }

    /// Of the bounds on a side, `T` vectors.
    pub(crate) fn bounds(&self, side: Side) -> &[SVector<f64, NU>] {
        &self.bounds[side as usize]
    }

    pub(crate) fn bounds_mut(&mut self, side: Side) -> &mut [SVector<f64, NU>] {
        &mut self.bounds[side as usize]
    }
}

/// A point of the barrier problem.
#[derive(Clone, Debug)]
pub(crate) struct BarrierPoint<const NX: usize, const NU: usize> {
    /// States that need not satisfy the dynamics, controls, and values of the constraints.
    pub(crate) trajectory: Trajectory<f64, NX, NU>,
    pub(crate) cost: Cost<f64>,
    /// `f(x_t, u_t) - x_{t+1}`, `T` vectors.
    pub(crate) defects: Vec<SVector<f64, NX>>,
    /// One for each constraint; that of an equality has no meaning.
    pub(crate) slacks: Vec<f64>,
    /// How far each constraint may be above and below its limit: zero but in an elastic problem. See
    /// [`residual`](Self::residual).
    pub(crate) excess: [Vec<f64>; 2],
    pub(crate) duals: Duals<NX, NU>,
}

impl<const NX: usize, const NU: usize> BarrierPoint<NX, NU> {
    pub(crate) fn zeros(horizon: usize, limits: &Limits) -> Self {
        let duals = Duals::zeros(horizon, limits);
        Self {
            trajectory: Trajectory::zeros(horizon, limits),
            cost: Cost::zero(),
            defects: vec![zeros(); horizon],
            slacks: vec![1.0; duals.constraints.len()],
            excess: [vec![0.0; duals.constraints.len()], vec![0.0; duals.constraints.len()]],
            duals,
        }
    }

    pub(crate) fn horizon(&self) -> usize {
        self.defects.len()
    }

    /// Copies another point of the same horizon.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.trajectory.copy_from(&other.trajectory);
        self.cost = other.cost;
        self.defects.copy_from_slice(&other.defects);
        self.slacks.copy_from_slice(&other.slacks);
        for (own, other) in self.excess.iter_mut().zip(&other.excess) {
            own.copy_from_slice(other);
        }
        self.duals.copy_from(&other.duals);
    }

    /// The residual of constraint `index`, with `p` and `n` the excess above and below: `c + s - p` of an inequality,
    /// `e - p + n` of an equality, 0 where it is not enforced.
    #[inline(always)]
    pub(crate) fn residual(&self, kinds: &[ConstraintKind], index: usize) -> f64 {
        let [above, below] = [0, 1].map(|side: usize| self.excess[side][index]);
        match kinds[index] {
            ConstraintKind::Inequality => self.trajectory.constraints[index] + self.slacks[index] - above,
            ConstraintKind::Equality => self.trajectory.constraints[index] - above + below,
            ConstraintKind::Absent => 0.0,
        }
    }
}

/// The step of a point: changes of the primal variables, and new values of the multipliers.
#[derive(Clone, Debug)]
pub(crate) struct BarrierStep<const NX: usize, const NU: usize> {
    /// `dx_t`, `T + 1` vectors.
    pub(crate) dx: Vec<SVector<f64, NX>>,
    /// `du_t`, `T` vectors.
    pub(crate) du: Vec<SVector<f64, NU>>,
    /// One for each constraint; zero for equalities.
    pub(crate) ds: Vec<f64>,
    /// Changes of [`BarrierPoint::excess`].
    pub(crate) dexcess: [Vec<f64>; 2],
    pub(crate) duals: Duals<NX, NU>,
}

impl<const NX: usize, const NU: usize> BarrierStep<NX, NU> {
    pub(crate) fn zeros(horizon: usize, limits: &Limits) -> Self {
        let duals = Duals::zeros(horizon, limits);
        Self {
            dx: vec![zeros(); horizon + 1],
            du: vec![zeros(); horizon],
            ds: vec![0.0; duals.constraints.len()],
            dexcess: [vec![0.0; duals.constraints.len()], vec![0.0; duals.constraints.len()]],
            duals,
        }
    }

    /// Makes the step and its multipliers zero.
    pub(crate) fn clear(&mut self) {
        self.dx.fill(zeros());
        self.du.fill(zeros());
        self.ds.fill(0.0);
        self.dexcess.iter_mut().for_each(|excess| excess.fill(0.0));
        self.duals.clear();
    }
}
