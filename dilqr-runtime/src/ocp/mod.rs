//! The optimal control problem: instances with their penalties, trajectories, rollouts and residuals.

pub(crate) mod barrier_point;
pub(crate) mod constraints;
pub(crate) mod instance;
pub(crate) mod penalty;
pub(crate) mod rollout;
pub(crate) mod stage_functions;
pub(crate) mod stationarity;
pub(crate) mod trajectory;
