//! Models: the [`Model`] trait, the points that its kernels read and the records that they fill.
//!
//! # Notation
//!
//! State `x` (`NX` entries), control `u` (`NU`), parameters `p` (`NP`), parameters of one stage `s` (`NS`, none by default),
//! dynamics `f`, stage cost `l`, terminal cost `l_T`, costate `lambda`, Hamiltonian `H = l + lambda' f`, constraints `c`
//! with multipliers `mu`. A subscript is a partial derivative. In `fx[(i, j)]` the row is the entry of `f` and the column the
//! entry of `x`; in `hux[(i, j)]` the row is the entry of `u`. A prefix `d` is a direction: `dx`, `du`, `dlambda`.
//!
//! # A model by hand
//!
//! The attribute [`model`](macro@crate::model) writes the implementation of [`Model`] from plain Rust. By hand:
//!
//! 1. Implement [`Model<NX, NU, NP>`](Model), or `Model<NX, NU, NP, NS>` with parameters of the stages. The numbers are
//!    inferred everywhere else.
//! 2. Write [`dynamics`](Model::dynamics), [`stage_cost`](Model::stage_cost) and [`terminal_cost`](Model::terminal_cost) for
//!    any [`Scalar`](crate::Scalar). Constants are `S::from_f64(..)`; conditions are [masks](crate::Scalar::less) and
//!    [selects](crate::Scalar::select).
//! 3. Declare limits in [`LIMITS`](Model::LIMITS), and write [`bounds`](Model::bounds),
//!    [`stage_constraints`](Model::stage_constraints) and [`terminal_constraints`](Model::terminal_constraints) for the kinds
//!    that are declared.
//! 4. With the feature `dual` derivatives are provided, by hyper-dual numbers. Without it write the methods for derivatives.
//!    A program that uses a model without a method that it needs does not compile.
//! 5. Check derivatives written by hand against [`NumDiff`](crate::NumDiff) or `AutoDiff`: both wrap a model.
//!
//! A cart on a rail with air drag, a motor of limited force and a limit on speed:
//!
#![cfg_attr(feature = "dual", doc = "```")]
#![cfg_attr(not(feature = "dual"), doc = "```ignore")]
//! use dilqr_runtime::model::{Stage, StageExpansion, Terminal};
//! use dilqr_runtime::nalgebra::SVector;
//! use dilqr_runtime::{Ilqr, Limits, Model, NumDiff, Problem, Scalar, Settings, Status};
//!
//! /// State: position [m] and velocity [m/s]. Control: force [N]. Parameters: mass [kg], drag [kg/m] and top speed [m/s].
//! struct Rail;
//!
//! impl Model<2, 1, 3> for Rail {
//!     const LIMITS: Limits = Limits { bounded: true, stage_inequalities: 1, ..Limits::NONE };
//!
//!     fn dynamics<S: Scalar>(&self, Stage { x, u, p, .. }: Stage<'_, S, 2, 1, 3>, next: &mut SVector<S, 2>) {
//!         let dt = S::from_f64(0.1);
//!         let acceleration = (u[0] - p[1] * x[1] * x[1].abs()) / p[0];
//!         *next = [x[0] + dt * x[1], x[1] + dt * acceleration].into();
//!     }
//!
//!     fn stage_cost<S: Scalar>(&self, Stage { x, u, .. }: Stage<'_, S, 2, 1, 3>) -> S {
//!         x[0].powi(2) + S::from_f64(0.01) * u[0].powi(2)
//!     }
//!
//!     fn terminal_cost<S: Scalar>(&self, Terminal { x, .. }: Terminal<'_, S, 2, 3>) -> S {
//!         S::from_f64(10.0) * (x[0].powi(2) + x[1].powi(2))
//!     }
//!
//!     fn bounds<S: Scalar>(&self, _: &SVector<S, 3>, lower: &mut SVector<S, 1>, upper: &mut SVector<S, 1>) {
//!         (lower[0], upper[0]) = (S::from_f64(-4.0), S::from_f64(4.0));
//!     }
//!
//!     /// `-speed <= top`, for a cart that moves towards the origin.
//!     fn stage_constraints<S: Scalar>(&self, Stage { x, p, .. }: Stage<'_, S, 2, 1, 3>, c: &mut [S]) {
//!         c[0] = -x[1] - p[2];
//!     }
//! }
//!
//! // From 1 m off, at rest, for 3 s.
//! let mut solver = Ilqr::new(Rail, 30, Settings::default())?;
//! let solution = solver.solve(&Problem::new([1.0, 0.0], [2.0, 0.25, 0.7], 30))?;
//! assert_eq!(solution.status, Status::Converged);
//! let fastest = solution.states.iter().fold(0.0_f64, |fastest, x| fastest.max(-x[1]));
//! assert!((fastest - 0.7).abs() < 1e-9);
//!
//! // The provided derivatives, and central differences.
//! let (x, u, p, s) = ([1.0, -0.5].into(), [0.5].into(), [2.0, 0.25, 0.7].into(), [].into());
//! let at = Stage::new(&x, &u, &p, &s);
//! let (mut derived, mut differences) = (StageExpansion::zeros(), StageExpansion::zeros());
//! Rail.expand_stage(at, &mut derived);
//! NumDiff(Rail).expand_stage(at, &mut differences);
//! assert!((derived.fx - differences.fx).amax() < 1e-9);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(feature = "dual")]
pub(crate) mod autodiff;
pub(crate) mod functions;
pub(crate) mod limits;
pub(crate) mod numdiff;
mod point;
pub(crate) mod records;
pub(crate) mod rows;
pub(crate) mod sparsity;
pub(crate) mod stage;
pub(crate) mod start;
pub(crate) mod wrapped_model;

pub use limits::{ConstraintExpansion, ConstraintParameterTerms};
pub use records::{HamiltonianExpansion, HamiltonianHessian, ParameterTerms, StageExpansion, TerminalExpansion};
pub use rows::{Limit, Names, Row, Variable};
pub use stage::{ParameterGradient, Stage, Terminal, Variation};
pub use start::{Arrival, Start};
// Users name it at the root.
pub(crate) use functions::Model;
