//! Systems for dilqr, one annotated file each, with units, sources and default parameters.
//!
//! Every module contains the structs and functions of its author, and the items that `#[dilqr_runtime::model]` adds:
//! the unit struct that implements [`Model`](dilqr_runtime::Model), and the types `Problem` and `Solver`. The functions
//! can be called with `f64`.
//!
//! The feature `large` adds the models with many states and Runge-Kutta steps, whose kernels run to tens of thousands
//! of operations and take rustc minutes: the quadrotors, the rocket and the seven-joint arm.
#![warn(missing_docs)]

pub mod acrobot;
#[cfg(feature = "large")]
pub mod arm;
pub mod bioreactor;
pub mod cannonball;
pub mod cartpole;
pub mod cartpole_cos_sin;
pub mod cartpole_estimator;
pub mod goddard;
pub mod lqr;
pub mod mass_spring_damper;
pub mod pendulum;
pub mod pendulum_cos_sin;
pub mod pendulum_limited;
pub mod planar_quadrotor;
#[cfg(feature = "large")]
pub mod quadrotor;
#[cfg(feature = "large")]
pub mod quadrotor_euler;
#[cfg(feature = "large")]
pub mod quadrotor_pole;
pub mod race_car;
pub mod race_track;
#[cfg(feature = "large")]
pub mod rocket;
pub mod two_link_arm;
pub mod unicycle;
pub mod unicycle_obstacles;
pub mod van_der_pol;
pub mod waypoint;
