//! The shipped models. Their sources are those of the package `dilqr-models`, with vendored kernels; a test compares them.
//!
//! After a change of a model copy its source and renew its kernels: `DILQR_VENDOR=pendulum cargo build --features
//! dilqr-runtime/symbolica`, in the folder of the wheel.

#![allow(unreachable_pub, reason = "the modules of a library")]

pub(crate) mod cartpole;
pub(crate) mod pendulum;
pub(crate) mod pendulum_limited;
pub(crate) mod quadrotor;
pub(crate) mod two_link_arm;
pub(crate) mod unicycle;
