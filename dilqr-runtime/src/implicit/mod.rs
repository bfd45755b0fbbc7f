//! Implicit functions: `y(p)` where an equation or a minimum defines `y`, solved and differentiated exactly.
//!
//! The attribute `implicit` compiles a module with one of four definitions:
//!
//! | function | `y` is |
//! |---|---|
//! | `objective(y, p) -> f64` | its minimum, within the bounds of `y` |
//! | `residuals(y, p) -> [f64; M]` | the minimum of half the sum of their squares, within the bounds of `y` |
//! | `equations(y, p) -> [f64; NY]` | their root |
//! | `map(y, p) -> Unknown` | its fixed point, `y = map(y, p)` |
//!
//! By the implicit function theorem the derivative needs the solution alone, not the way to it: with equations `r(y, p) = 0`
//! it is `dy/dp = -r_y^-1 r_p`. For a minimum the equations are the stationarity of the objective, with the bounds that hold
//! it. See Look et al. 2020, *Differentiable Implicit Layers*, and Amos 2022, *Tutorial on amortized optimization*.
//!
//! Such a function is a stage of a control problem without a given state: minima are found and differentiated by the methods
//! that solve control problems, with the same tests of convergence, limits and refusals.

mod anderson;
#[cfg(feature = "std")]
pub mod batch;
mod certificate;
mod conditions;
mod conjugate_gradients;
mod damped_newton;
#[cfg(feature = "dual")]
mod differentiation;
#[cfg(feature = "dual")]
mod direct_loss;
mod function;
mod iterative;
mod iterative_minimum;
mod iterative_root;
pub(crate) mod kink;
#[cfg(feature = "lanes")]
mod lanes;
mod messages;
mod minimizer;
mod resting;
mod root;
mod root_engine;
mod settings;
mod slope;
mod solution;
mod solver;
#[cfg(feature = "dual")]
mod unroll;

pub use certificate::{ActiveBound, Certificate};
#[cfg(feature = "dual")]
pub use differentiation::Differentiation;
pub use function::{Gradient, ImplicitEngine, ImplicitFunction};
pub use minimizer::Minimizer;
pub use root::RootFinder;
pub use settings::{FixedPoint, Iteration, LinearSolver, Settings};
pub use solution::Solution;
pub use solver::Solver;
