//! Factor graphs: nonlinear least squares over many blocks of unknowns, solved and differentiated exactly.
//!
//! ```text
//! minimize  sum_f loss_f(r_f(y, p_f))     over the blocks y: vectors, and poses and rotations on their manifolds
//! ```
//!
//! A residual `r` is a function of a few blocks and of parameters `p`. The attribute `factor` compiles it:
//!
#![cfg_attr(feature = "symbolica", doc = "```")]
#![cfg_attr(not(feature = "symbolica"), doc = "```ignore")]
//! use dilqr_runtime::graph::{Graph, Settings, Solver};
//! use dilqr_runtime::Status;
//!
//! /// The second point lies at this distance from the first.
//! #[dilqr_runtime::factor]
//! pub mod step {
//!     pub struct Point { pub x: f64 }
//!     pub struct Params { pub length: f64, pub weight: f64 }
//!     pub fn residual(a: Point, b: Point, p: Params) -> [f64; 1] {
//!         [p.weight * (b.x - a.x - p.length)]
//!     }
//! }
//!
//! let mut graph = Graph::new();
//! let points = [graph.add_vector([0.0])?, graph.add_vector([0.0])?, graph.add_vector([0.0])?];
//! graph.hold(points[0])?;
//! let first = graph.add_factor(step::Step, &points[..2], [1.0, 1.0])?;
//! graph.add_factor(step::Step, &points[1..], [1.0, 1.0])?;
//! let direct = graph.add_factor(step::Step, &[points[0], points[2]], [2.3, 1.0])?;
//!
//! let mut solver = Solver::new(graph, Settings::default())?;
//! let solution = solver.solve();
//! assert_eq!(solution.status, Status::Converged);
//! // The difference of 0.3 is shared by three factors.
//! assert!((solution.blocks.block(points[2])[0] - 2.2).abs() < 1e-12);
//!
//! // How the last point moves with the lengths.
//! let mut loss = solution.blocks.zeros();
//! loss.block_mut(points[2])[0] = 1.0;
//! let gradient = solver.vjp(&solution, &loss)?;
//! assert!((gradient.params.factor(first)[0] - 1.0 / 3.0).abs() < 1e-12);
//! assert!((gradient.params.factor(direct)[0] - 2.0 / 3.0).abs() < 1e-12);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Solver`] iterates by the method of Levenberg and Marquardt, or of Gauss and Newton, and by Newton's near the solution. Each iteration
//! takes time in proportion to the number of factors, and a sparse Cholesky factorization (by the crate faer), which is ordered once.
//! A [`Loss`] of a factor limits the weight of far residuals.
//!
//! # The gradient
//!
//! By the implicit function theorem the derivative of a minimum needs the solution alone. With the gradient `g` of the objective in local
//! coordinates, `dy/dp = -g_y^-1 g_p`, where `g_y` is the exact Hessian: second derivatives of residuals and of retractions
//! are part of it. Gauss and Newton's Hessian, which other libraries take here, gives another derivative wherever residuals are not zero;
//! [`Differentiation`] offers it for comparison. Derivatives that do not exist are refused: of values that are no solution, where factors
//! leave a direction free, at saddles and at kinks.

mod cholesky;
mod differentiation;
mod error;
mod factor;
mod iteration;
mod kind;
mod kink;
mod layout;
mod loss;
mod manifold;
mod objective;
mod pattern;
mod problem;
mod settings;
mod solution;
mod solver;
#[cfg(feature = "dual")]
mod step_adjoint;
mod system;
#[cfg(feature = "dual")]
mod unroll;

pub use differentiation::Differentiation;
pub use error::{BlockId, DerivativeError, FactorId, GraphError, GraphInput};
pub use factor::{Factor, FactorBlock};
pub use layout::{BlockValues, FactorValues};
pub use loss::Loss;
pub use manifold::Manifold;
pub use problem::Graph;
pub use settings::{Method, Settings};
pub use solution::{Gradient, GraphCause, Solution};
pub use solver::Solver;
