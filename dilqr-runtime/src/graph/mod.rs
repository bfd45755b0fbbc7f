//! Factor graphs: nonlinear least squares over many blocks of unknowns, solved and differentiated exactly.
//!
//! ```text
//! minimize  sum_f loss_f(r_f(y, p_f))     over the blocks y: vectors, and poses and rotations on their manifolds
//! ```
//!
//! A residual `r` is a function of a few blocks and of parameters `p`. The attribute `factor` compiles it:
//!
#![cfg_attr(all(feature = "symbolica", feature = "graph"), doc = "```")]
#![cfg_attr(not(all(feature = "symbolica", feature = "graph")), doc = "```ignore")]
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
//! All but the trait [`Factor`] needs the feature `graph`.
//!
//! # The gradient
//!
//! By the implicit function theorem the derivative of a minimum needs the solution alone. With the gradient `g` of the objective in local
//! coordinates, `dy/dp = -g_y^-1 g_p`, where `g_y` is the exact Hessian: second derivatives of residuals and of retractions
//! are part of it. Gauss and Newton's Hessian, which other libraries take here, gives another derivative wherever residuals are not zero;
//! [`Differentiation`] offers it for comparison. Derivatives that do not exist are refused: of values that are no solution, where factors
//! leave a direction free, at saddles and at kinks.

#[cfg(feature = "graph")]
mod cholesky;
#[cfg(feature = "graph")]
mod differentiation;
#[cfg(feature = "graph")]
mod error;
mod factor;
#[cfg(feature = "graph")]
mod iteration;
#[cfg(feature = "graph")]
mod kind;
#[cfg(feature = "graph")]
mod kink;
#[cfg(feature = "graph")]
mod layout;
#[cfg(feature = "graph")]
mod loss;
#[cfg(feature = "graph")]
mod manifold;
#[cfg(feature = "graph")]
mod objective;
#[cfg(feature = "graph")]
mod pattern;
#[cfg(feature = "graph")]
mod problem;
#[cfg(feature = "graph")]
mod settings;
#[cfg(feature = "graph")]
mod solution;
#[cfg(feature = "graph")]
mod solver;
#[cfg(all(feature = "graph", feature = "dual"))]
mod step_adjoint;
#[cfg(feature = "graph")]
mod system;
#[cfg(all(feature = "graph", feature = "dual"))]
mod unroll;

pub use factor::{Factor, FactorBlock, Manifold};
#[cfg(feature = "graph")]
pub use {
    differentiation::Differentiation,
    error::{BlockId, DerivativeError, FactorId, GraphError, GraphInput},
    layout::{BlockValues, FactorValues},
    loss::Loss,
    problem::Graph,
    settings::{Method, Settings},
    solution::{Gradient, GraphCause, Solution},
    solver::Solver,
};
