//! The linear-quadratic (LQ) problem, and its solution by the Riccati recursion.
//!
//! ```text
//! minimize over dx, du   sum_t 1/2 [dx; du]' [hxx hux'; hux huu]_t [dx; du] + gx_t' dx_t + gu_t' du_t
//!                        + 1/2 dx_T' hxx_T dx_T + gx_T' dx_T
//! subject to             dx_{t+1} = fx_t dx_t + fu_t du_t + offset_t,   dx_0 given
//! ```
//!
//! A Newton step of the forward solve and the gradient of a loss are both problems of this form. The solver works stage by
//! stage and stores no [`LqProblem`]. This module is for users who have an LQ problem, and for tests of the recursion, which
//! check the KKT residual of its solution.
//!
//! A double integrator with steps of 0.1 s, from 1 m to rest in 5 s:
//!
//! ```
//! use dilqr_runtime::lq::{LqProblem, LqStage};
//! use dilqr_runtime::nalgebra::{Matrix1, Matrix2, Vector2};
//!
//! // State: position [m] and velocity [m/s]; control: acceleration [m/s^2].
//! let stage = LqStage {
//!     fx: Matrix2::new(1.0, 0.1, 0.0, 1.0),
//!     fu: Vector2::new(0.005, 0.1),
//!     hxx: Matrix2::identity() * 0.1,
//!     huu: Matrix1::new(0.01),
//!     ..LqStage::zeros()
//! };
//! let problem = LqProblem {
//!     initial_state: Vector2::new(1.0, 0.0),
//!     stages: vec![stage; 50],
//!     terminal_hxx: Matrix2::identity() * 100.0,
//!     terminal_gx: Vector2::zeros(),
//! };
//! let solution = problem.solve()?;
//! assert!(solution.states[50].amax() < 1e-3);
//! assert!(problem.kkt_residual(&solution).max() < 1e-12);
//! // The feedback law of the first stage.
//! assert_eq!(solution.controls[0], solution.gains[0] * problem.initial_state);
//! # Ok::<(), dilqr_runtime::lq::NoMinimum>(())
//! ```

pub(crate) mod bounds;
pub(crate) mod box_constrained;
pub(crate) mod curvature;
pub(crate) mod equality_constrained;
pub(crate) mod initial;
mod problem;
pub(crate) mod proximal;
pub(crate) mod riccati;

pub use problem::{KktResidual, LqProblem, LqSolution, LqStage, NoMinimum};
pub use proximal::Proximal;
pub use riccati::{Feedforward, NotPositiveDefinite, Quadratic, StageFactor, costate, next_state};
