//! The optimal control problem as the recursions see it: a model with its data, penalties, rollouts and residuals.

pub(crate) mod instance;
pub(crate) mod penalty;
pub(crate) mod rollout;
pub(crate) mod stationarity;
