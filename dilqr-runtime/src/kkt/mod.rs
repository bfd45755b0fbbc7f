//! The linear-quadratic problem about a trajectory: the optimality conditions to first order, factorized.

pub(crate) mod active_set;
pub(crate) mod relaxed;
pub(crate) mod report;
pub(crate) mod unconstrained;
