//! Differentiable optimal control: solve a discrete-time optimal control problem, and differentiate the solution exactly.
//!
//! ```text
//! minimize    sum_{t=0}^{T-1} l(x_t, u_t, p, s_t) + l_T(x_T, p, s_T)
//! subject to  x_{t+1} = f(x_t, u_t, p, s_t),   x_0 given
//!             lower(p) <= u_t <= upper(p),   c(x_t, u_t, p, s_t) <= 0 or = 0,   c_T(x_T, p, s_T) <= 0 or = 0
//! ```
//!
//! `x` is the state (`NX` entries), `u` the control (`NU`), `p` the parameters (`NP`), `s_t` parameters of a single stage
//! (`NS`, usually none), `T` the horizon: `T` controls, `T + 1` states. A subscript is a partial derivative, `lambda` the
//! costate, `H = l + lambda' f` the Hamiltonian.
//!
//! A [`Model`] holds `f`, `l`, `l_T` and their derivatives; the attribute `model` writes it from plain Rust, and it can be
//! written by hand. A [`Problem`] is an instance: `x_0`, `p`, `s_t`, `T` and a first guess. [`Ilqr`] solves it, to a
//! [`Solution`] that is self-contained. [`Ilqr::vjp`] takes the gradient of a loss on the trajectory back to `p`, `s_t`
//! and `x_0`; [`Ilqr::jacobian`] gives the derivative of the whole trajectory; both by implicit differentiation at the
//! solution ([`Ilqr::vjp`]), at a cost that does not depend on how many iterations the solve took. [`batch`] does both for
//! many problems at once, and a [`layer`] does it on flat lists of numbers, for learners.
//!
//! With the feature `dual` there are second derivatives, too (`Ilqr::hvp`), and for comparison gradients through the steps
//! of a solve (`Ilqr::unrolled`, `Ilqr::truncated`).
//!
//! A model declares its [`Limits`]. The backward recursion keeps bounds; an augmented Lagrangian and a Newton method on the
//! active set keep constraints. Gradients are exact with the limits that are active. [`Solution::certificate`] says how
//! well a solution satisfies the optimality conditions; [`Settings::relaxation`] replaces inequalities by smooth
//! barriers.
//!
//! Wrong input is an `Err`; the outcome of a solve is a [`Status`]; a gradient that does not exist is an `Err`, too.
//!
//! # Features
//!
//! * `std` (default): the standard library, for its elementary functions and its threads.
//! * `symbolica` (default): the attribute derives models, with Symbolica, while they are compiled.
//! * `macros`: the attribute alone, which compiles models from vendored kernels. Part of `symbolica`.
//! * `lanes` (default): several problems at once in one core's vector registers ([`lanes`], `batch::solve_lanes`). One small
//!   dependency more, the crate wide. Needs `std`.
//! * `serde`: writes and reads problems, settings, solutions, gradients and certificates. Data of another model or version
//!   is refused. Works without `std`.
//! * `graph`: factor graphs, the module [`graph`]. Needs `std`, and brings the crate faer, which takes half a
//!   minute to compile.
//! * `safetensors`: reads and writes networks as files of the format safetensors. Needs `std`.
//! * `dual`: dual numbers as a [`Scalar`], and default derivatives for models written by hand. Needs `std`.
//!
//! `default-features = false, features = ["std", "macros"]` builds vendored models without Symbolica.
//!
//! # Without the standard library
//!
//! Without `std` the crate is `no_std` and needs an allocator. [`Ilqr::new`] allocates all memory, as stated there;
//! [`Ilqr::solve_into`] and [`Mpc::step`] allocate nothing more. Models are vendored (`features =
//! ["macros"]`), derived while they are compiled (`features = ["symbolica"]`) or written by hand. Left out are:
//!
//! * [`batch`] and [`layer`], which need threads, and the features `lanes` and `dual` with all that is part of them;
//! * the platform's elementary functions: those of the crate libm replace them. Their last digit may differ, so solutions
//!   equal those of other builds up to rounding;
//! * fused multiply-adds ([`Scalar::mul_add`]);
//! * norms and decompositions of nalgebra, unless the user's crate turns on nalgebra's feature `libm`. (Nothing here needs
//!   them.)
//!
//! Errors implement `core::error::Error` either way.
#![warn(missing_docs)]
#![cfg_attr(not(any(feature = "std", test)), no_std)]

#[macro_use]
extern crate alloc;

mod augmented_lagrangian;
#[cfg(feature = "std")]
pub mod batch;
mod cause;
mod certificate;
mod differentiate;
mod engine;
mod error;
mod estimate;
mod formulation;
mod function;
mod gradient;
pub mod graph;
mod guess;
mod ilqr;
pub mod implicit;
mod intervals;
mod iteration;
mod kkt;
#[cfg(feature = "std")]
pub mod layer;
mod lifted_data;
mod linalg;
pub mod lq;
mod mhe;
pub mod model;
mod mpc;
mod mpc_step;
mod multipliers;
mod ocp;
mod path;
mod problem;
mod scalar;
mod sensitivities;
#[cfg(feature = "serde")]
mod serial;
mod settings;
mod solution;
mod solve;
mod stats;
mod status;
pub mod transform;

#[cfg(feature = "macros")]
pub use dilqr_macros::{factor, implicit, model};
pub use nalgebra;

pub use augmented_lagrangian::AugmentedLagrangian;
pub use cause::{Cause, ModelFunction};
pub use certificate::{ActiveLimit, Certificate};
#[cfg(feature = "dual")]
pub use differentiate::hvp::Direction;
pub use error::{GradientError, Input, InputError, Position, SettingsError, SolveError};
pub use estimate::{ArrivalUpdate, Estimate};
pub use formulation::Formulation;
#[cfg(feature = "safetensors")]
pub use function::SafetensorsError;
pub use function::{Activation, FunctionCheck, Initializer, Spline, VectorFunction, check_function};
pub use gradient::{Gradient, Jacobian, LossGradient};
pub use ilqr::Ilqr;
pub use iteration::Iteration;
pub use mhe::Mhe;
#[cfg(feature = "dual")]
pub use model::autodiff::AutoDiff;
pub use model::functions::Model;
pub use model::limits::Limits;
pub use model::numdiff::NumDiff;
pub use model::sparsity::Sparsity;
pub use mpc::Mpc;
pub use mpc_step::MpcStep;
pub use multipliers::Multipliers;
pub use problem::Problem;
#[cfg(feature = "dual")]
pub use scalar::hyper_dual::HyperDualParts;
#[cfg(feature = "lanes")]
pub use scalar::lanes;
pub use scalar::{Mask, Scalar, ScalarReal};
pub use sensitivities::Sensitivities;
pub use settings::{Differentiation, Hessian, LineSearch, Method, PenaltySchedule, Regularization, Settings};
pub use solution::Solution;
pub use stats::Stats;
pub use status::Status;

/// Solvers, data and errors go to other threads, and threads share them.
const _: () = {
    const fn crosses_threads<T: Send + Sync>() {}

    #[expect(dead_code, reason = "its body is checked, and never runs")]
    const fn of_any_model<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>()
    where
        M: Model<NX, NU, NP, NS> + Send,
    {
        crosses_threads::<Ilqr<M, NX, NU, NP, NS>>();
        crosses_threads::<Mpc<M, NX, NU, NP, NS>>();
        crosses_threads::<Sensitivities<'_, M, NX, NU, NP, NS>>();
        crosses_threads::<Problem<NX, NU, NP, NS>>();
        crosses_threads::<Solution<NX, NU, NP, NS>>();
        crosses_threads::<LossGradient<NX, NU>>();
        crosses_threads::<Gradient<NX, NP, NS>>();
        crosses_threads::<Jacobian<NX, NU, NP>>();
    }

    crosses_threads::<AugmentedLagrangian>();
    crosses_threads::<Settings>();
    crosses_threads::<Certificate>();
    crosses_threads::<SettingsError>();
    crosses_threads::<InputError>();
    crosses_threads::<SolveError>();
    crosses_threads::<GradientError>();
    crosses_threads::<transform::TransformError>();
};

/// For code that the attribute emits, and for no other code.
#[doc(hidden)]
pub mod __private {
    pub use crate::engine::lift::Lift;
    pub use crate::engine::lifted::LiftedEngine;
    pub use crate::function::implicit::{self, ImplicitFunction, ImplicitMemory};
    pub use crate::function::step_weights;
    pub use crate::function::steps::{self, StepsMemory};
    pub use crate::function::{
        Buffer, Equations, Expansion, Method, Network, NetworkMemory, Node, ResidualExpansion, ResidualValues, Steps,
    };
    pub use crate::scalar::Kernel;
    pub use alloc::vec::Vec;
}

/// The methods of a network that the feature `safetensors` adds.
#[cfg(feature = "safetensors")]
#[doc(hidden)]
#[macro_export]
macro_rules! __network_file {
    ($network:ident, $sizes:expr, $activation:expr) => {
        impl $network {
            /// A network from the bytes of a file of the format safetensors: for each layer `layers.{i}.weight`, `[outputs, inputs]`,
            /// and `layers.{i}.bias`, `[outputs]`, of the dtype F64 or F32. Numbers of layers may have gaps. If the file has
            /// `input.mean` and `input.scale`, or `output.mean` and `output.scale`, they are the network's scaling.
            ///
            /// # Errors
            /// For bytes of another format, a missing tensor, another shape, numbers that are no floats or not finite.
            pub fn from_safetensors(bytes: &[u8]) -> ::core::result::Result<Self, $crate::SafetensorsError> {
                let network = $crate::__private::Network::from_safetensors($sizes, $activation, bytes)?;
                ::core::result::Result::Ok(Self { __network: network })
            }

            /// The network as the bytes of a file of the format safetensors, with the names of
            /// [`from_safetensors`](Self::from_safetensors) and the dtype F64.
            ///
            /// # Errors
            /// Where the format cannot hold it, for its size.
            pub fn to_safetensors(
                &self,
            ) -> ::core::result::Result<$crate::__private::Vec<u8>, $crate::SafetensorsError> {
                self.__network.to_safetensors()
            }
        }
    };
}

/// The methods of a network that the feature `safetensors` adds: none without it.
#[cfg(not(feature = "safetensors"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __network_file {
    ($network:ident, $sizes:expr, $activation:expr) => {};
}
