//! The forward solve: backward passes and rollouts, the decisions between them, and the rounds that constraints add.

mod active_set_newton;
pub(crate) mod augmented_lagrangian;
mod augmented_subproblem;
pub(crate) mod backward_pass;
mod divergence;
pub(crate) mod globalization;
pub(crate) mod interior_point;
pub(crate) mod iterate;
pub(crate) mod kink;
#[cfg(feature = "lanes")]
pub(crate) mod lockstep;
pub(crate) mod newton_workspace;
pub(crate) mod unbounded;
pub(crate) mod workspace;
