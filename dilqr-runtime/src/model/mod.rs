//! The boundary between a model and the runtime: the [`Model`] trait and the records its kernels fill.
//!
//! Notation (design of the whole crate): state `x` (`NX`), control `u` (`NU`), parameters `p` (`NP`), per-stage
//! parameters `s` (`NS`, none by default), dynamics `f`, stage cost `l`, terminal cost `l_T`, costate `lambda`,
//! Hamiltonian `H = l + lambda' f`. A subscript is a partial derivative; in `fx[(i, j)]` the row is the entry of `f`
//! and the column the entry of `x`; in `hux[(i, j)]` the row is the entry of `u`.

#[cfg(feature = "dual")]
pub(crate) mod autodiff;
pub(crate) mod limits;
pub(crate) mod numdiff;
mod point;
pub(crate) mod records;
pub(crate) mod sparsity;
pub(crate) mod stage;

use crate::model::limits::Limits;
pub use limits::{ConstraintExpansion, ConstraintParameterTerms, Limit};
pub use records::{HamiltonianExpansion, HamiltonianHessian, ParameterTerms, StageExpansion, TerminalExpansion};
pub use stage::{ParameterGradient, Stage, Terminal, Variation};

use nalgebra::{SMatrix, SVector};

use crate::model::sparsity::Sparsity;
use crate::scalar::Scalar;

/// A method that dual numbers can stand in for: required without the feature `dual`, provided with it.
macro_rules! derived {
    ($(#[$doc:meta])* fn $name:ident<S: Scalar>(&self, $($arg:ident: $ty:ty),* $(,)?)) => {
        $(#[$doc])*
        #[cfg(feature = "dual")]
        fn $name<S: Scalar>(&self, $($arg: $ty),*) {
            <Self as crate::model::autodiff::DerivedFunctions<NX, NU, NP, NS>>::$name(self, $($arg),*);
        }
        $(#[$doc])*
        #[cfg(not(feature = "dual"))]
        fn $name<S: Scalar>(&self, $($arg: $ty),*);
    };
}

/// A method that differentiates limits. With the feature `dual` it is derived from the values of the limits. Without it, it
/// must be written for a model that has limits of that kind; for others it computes nothing.
macro_rules! derived_limit {
    (
        $(#[$doc:meta])*
        fn $name:ident<S: Scalar>(&self, $($arg:ident: $ty:ty),* $(,)?)
        for $kind:ident unless $none:expr
    ) => {
        $(#[$doc])*
        #[cfg(feature = "dual")]
        fn $name<S: Scalar>(&self, $($arg: $ty),*) {
            <Self as crate::model::autodiff::DerivedLimits<NX, NU, NP, NS>>::$name(self, $($arg),*);
        }
        $(#[$doc])*
        #[cfg(not(feature = "dual"))]
        #[allow(unused_variables, reason = "there is nothing to compute")]
        fn $name<S: Scalar>(&self, $($arg: $ty),*) {
            const { assert!($none, missing!($kind, $name)) };
        }
    };
}

/// The compiler's message where a model declares limits of a kind and a method for them is missing.
macro_rules! missing {
    ($kind:ident, $name:ident) => {
        concat!("`LIMITS` of this model declares ", stringify!($kind), ": implement `Model::", stringify!($name), "`")
    };
}

/// An optimal control problem's dynamics and costs, with their derivatives, as kernels over any [`Scalar`].
///
/// `#[dilqr_runtime::model]` implements it for the unit struct it adds to the module. It can be written by hand as well:
/// with the feature `dual` only [`dynamics`](Model::dynamics), [`stage_cost`](Model::stage_cost) and
/// [`terminal_cost`](Model::terminal_cost) are required and derivatives come from hyper-dual numbers; without it every
/// method that has no sensible default is required. A model with limits says how many in [`LIMITS`](Model::LIMITS) and
/// implements [`bounds`](Model::bounds), [`stage_constraints`](Model::stage_constraints) and
/// [`terminal_constraints`](Model::terminal_constraints), as far as it has them; without the feature also the methods that
/// differentiate these. A program that solves or differentiates a model without one of them does not compile.
///
/// Kernels write into records of the caller (see [`StageExpansion::zeros`]) and never allocate, but for the derivatives of
/// constraints by dual numbers. A kernel returns
/// whatever IEEE arithmetic gives: a division by zero in the dynamics yields a non-finite number, which the solver
/// answers with a status.
///
/// # A model by hand
///
/// A mass on a rail against air drag, with the feature `dual`:
///
#[cfg_attr(feature = "dual", doc = "```")]
#[cfg_attr(not(feature = "dual"), doc = "```ignore")]
/// use dilqr_runtime::model::{Stage, StageExpansion, Terminal};
/// use dilqr_runtime::nalgebra::SVector;
/// use dilqr_runtime::{Ilqr, Model, Problem, Scalar, Settings, Status};
///
/// /// State: position [m] and velocity [m/s]; control: force [N]; parameters: mass [kg] and drag [kg/m].
/// struct Rail;
///
/// impl Model<2, 1, 2> for Rail {
///     fn dynamics<S: Scalar>(&self, Stage { x, u, p, .. }: Stage<'_, S, 2, 1, 2>, next: &mut SVector<S, 2>) {
///         let dt = S::from_f64(0.1);
///         let acceleration = (u[0] - p[1] * x[1].powi(2)) / p[0];
///         *next = [x[0] + dt * x[1], x[1] + dt * acceleration].into();
///     }
///
///     fn stage_cost<S: Scalar>(&self, Stage { x, u, .. }: Stage<'_, S, 2, 1, 2>) -> S {
///         x[0].powi(2) + S::from_f64(0.01) * u[0].powi(2)
///     }
///
///     fn terminal_cost<S: Scalar>(&self, Terminal { x, .. }: Terminal<'_, S, 2, 2>) -> S {
///         S::from_f64(10.0) * x[0].powi(2)
///     }
/// }
///
/// // From 1 m off, at rest, for 3 s.
/// let mut solver = Ilqr::new(Rail, 30, Settings::default())?;
/// let solution = solver.solve(&Problem::new([1.0, 0.0], [2.0, 0.25], 30))?;
/// assert_eq!(solution.status, Status::Converged);
///
/// // What stands behind it: derivatives that nobody wrote.
/// let (x, u, p) = ([1.0, 3.0].into(), [0.5].into(), [2.0, 0.25].into());
/// let mut stage = StageExpansion::zeros();
/// Rail.expand_stage(Stage::new(&x, &u, &p, &[].into()), &mut stage);
/// let slope = 1.0 - 0.1 * 2.0 * 0.25 * 3.0 / 2.0;
/// assert!(f64::abs(stage.fx[(1, 1)] - slope) < 1e-15);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Model<const NX: usize, const NU: usize, const NP: usize, const NS: usize = 0>: Sync {
    /// Which derivatives can be non-zero.
    const SPARSITY: Sparsity<NX, NU, NP> = Sparsity::DENSE;

    /// Bounds and constraints; none by default. A model written by hand implements the methods for the limits that it
    /// declares here, without the feature `dual` those for derivatives, too.
    const LIMITS: Limits = Limits::NONE;

    /// Next state `f(x, u, p, s)` into `next`.
    fn dynamics<S: Scalar>(&self, at: Stage<'_, S, NX, NU, NP, NS>, next: &mut SVector<S, NX>);

    /// Stage cost `l(x, u, p, s)`.
    fn stage_cost<S: Scalar>(&self, at: Stage<'_, S, NX, NU, NP, NS>) -> S;

    /// Terminal cost `l_T(x, p, s)`, with the stage parameters of stage T.
    fn terminal_cost<S: Scalar>(&self, at: Terminal<'_, S, NX, NP, NS>) -> S;

    /// Next state into `next` and the stage cost as the value: what a rollout needs, with shared subexpressions where
    /// the macro emits it.
    #[inline]
    fn step<S: Scalar>(&self, at: Stage<'_, S, NX, NU, NP, NS>, next: &mut SVector<S, NX>) -> S {
        self.dynamics(at, next);
        self.stage_cost(at)
    }

    derived! {
        /// Dynamics and stage cost with first derivatives, and the stage cost's second derivatives.
        fn expand_stage<S: Scalar>(&self, at: Stage<'_, S, NX, NU, NP, NS>, out: &mut StageExpansion<S, NX, NU>)
    }

    derived! {
        /// Terminal cost with first and second derivatives.
        fn expand_terminal<S: Scalar>(&self, at: Terminal<'_, S, NX, NP, NS>, out: &mut TerminalExpansion<S, NX>)
    }

    derived! {
        /// First derivatives of the dynamics and the stage cost, and second derivatives of `l + lambda' f`: one stage of a
        /// second-order backward sweep. `lambda` belongs to the next stage.
        fn expand_hamiltonian<S: Scalar>(
            &self,
            at: Stage<'_, S, NX, NU, NP, NS>,
            lambda: &SVector<S, NX>,
            out: &mut HamiltonianExpansion<S, NX, NU>,
        )
    }

    /// Second derivatives of `l + lambda' f`, as [`expand_hamiltonian`](Self::expand_hamiltonian) gives them.
    fn hamiltonian_hessian<S: Scalar>(
        &self,
        at: Stage<'_, S, NX, NU, NP, NS>,
        lambda: &SVector<S, NX>,
        out: &mut HamiltonianHessian<S, NX, NU>,
    ) {
        let mut expansion = HamiltonianExpansion::zeros();
        self.expand_hamiltonian(at, lambda, &mut expansion);
        let HamiltonianExpansion { hxx, hux, huu, .. } = expansion;
        *out = HamiltonianHessian { hxx, hux, huu };
    }

    derived! {
        /// Adds `dH/dp` and `dH/ds` to `out`, with `H = l + lambda' f`: one stage of the value function's gradient.
        fn add_hamiltonian_parameter_gradient<S: Scalar>(
            &self,
            at: Stage<'_, S, NX, NU, NP, NS>,
            lambda: &SVector<S, NX>,
            out: ParameterGradient<'_, S, NP, NS>,
        )
    }

    derived! {
        /// Adds the terminal cost's gradient in `p` and in `s` to `out`.
        fn add_terminal_parameter_gradient<S: Scalar>(
            &self,
            at: Terminal<'_, S, NX, NP, NS>,
            out: ParameterGradient<'_, S, NP, NS>,
        )
    }

    derived! {
        /// The adjoint parameter contraction: adds the gradient in `p` and in `s` of the scalar
        /// `hx' dx + hu' du + dlambda' f` to `out`. In `p` that is `hxp' dx + hup' du + fp' dlambda`.
        fn add_parameter_contraction<S: Scalar>(
            &self,
            at: Stage<'_, S, NX, NU, NP, NS>,
            lambda: &SVector<S, NX>,
            variation: Variation<'_, S, NX, NU>,
            dlambda: &SVector<S, NX>,
            out: ParameterGradient<'_, S, NP, NS>,
        )
    }

    derived! {
        /// The terminal part of the contraction: adds the gradient in `p` and in `s` of `l_T,x' dx` to `out`.
        fn add_terminal_parameter_contraction<S: Scalar>(
            &self,
            at: Terminal<'_, S, NX, NP, NS>,
            dx: &SVector<S, NX>,
            out: ParameterGradient<'_, S, NP, NS>,
        )
    }

    derived! {
        /// The forward parameter terms `fp`, `hxp`, `hup`.
        fn parameter_terms<S: Scalar>(
            &self,
            at: Stage<'_, S, NX, NU, NP, NS>,
            lambda: &SVector<S, NX>,
            out: &mut ParameterTerms<S, NX, NU, NP>,
        )
    }

    derived! {
        /// `d2 l_T/dx dp`, `NX x NP`.
        fn terminal_parameter_terms<S: Scalar>(&self, at: Terminal<'_, S, NX, NP, NS>, out: &mut SMatrix<S, NX, NP>)
    }

    /// Bounds of the controls in their units, `NU` each. A side that is open is not written: the caller has put infinities
    /// there.
    fn bounds<S: Scalar>(&self, _p: &SVector<S, NP>, _lower: &mut SVector<S, NU>, _upper: &mut SVector<S, NU>) {
        const { assert!(!Self::LIMITS.bounded, missing!(bounds, bounds)) };
    }

    derived_limit! {
        /// Adds `(d lower/dp)' lower + (d upper/dp)' upper` to `gp`.
        fn add_bounds_contraction<S: Scalar>(
            &self,
            p: &SVector<S, NP>,
            lower: &SVector<S, NU>,
            upper: &SVector<S, NU>,
            gp: &mut SVector<S, NP>,
        )
        for bounds unless !Self::LIMITS.bounded
    }

    derived_limit! {
        /// Derivatives of the bounds in the parameters, `NU x NP` each.
        fn bounds_terms<S: Scalar>(
            &self,
            p: &SVector<S, NP>,
            lower: &mut SMatrix<S, NU, NP>,
            upper: &mut SMatrix<S, NU, NP>,
        )
        for bounds unless !Self::LIMITS.bounded
    }

    /// Values of a stage's constraints into `c`, inequalities first; every entry is written.
    fn stage_constraints<S: Scalar>(&self, _at: Stage<'_, S, NX, NU, NP, NS>, _c: &mut [S]) {
        const { assert!(Self::LIMITS.stage() == 0, missing!(stage_constraints, stage_constraints)) };
    }

    /// Values of the terminal constraints into `c`, inequalities first; every entry is written.
    fn terminal_constraints<S: Scalar>(&self, _at: Terminal<'_, S, NX, NP, NS>, _c: &mut [S]) {
        const { assert!(Self::LIMITS.terminal() == 0, missing!(terminal_constraints, terminal_constraints)) };
    }

    derived_limit! {
        /// A stage's constraints to second order; `mu` holds a multiplier each.
        fn expand_stage_constraints<S: Scalar>(
            &self,
            at: Stage<'_, S, NX, NU, NP, NS>,
            mu: &[S],
            out: &mut ConstraintExpansion<S, NX, NU>,
        )
        for stage_constraints unless Self::LIMITS.stage() == 0
    }

    derived_limit! {
        /// The terminal constraints to second order; `mu` holds a multiplier each. Nothing is written for the control.
        fn expand_terminal_constraints<S: Scalar>(
            &self,
            at: Terminal<'_, S, NX, NP, NS>,
            mu: &[S],
            out: &mut ConstraintExpansion<S, NX, 0>,
        )
        for terminal_constraints unless Self::LIMITS.terminal() == 0
    }

    derived_limit! {
        /// Adds the gradient in `p` and in `s` of the scalar `mu' (cx dx + cu du) + dmu' c` to `out`.
        fn add_stage_constraint_contraction<S: Scalar>(
            &self,
            at: Stage<'_, S, NX, NU, NP, NS>,
            mu: &[S],
            variation: Variation<'_, S, NX, NU>,
            dmu: &[S],
            out: ParameterGradient<'_, S, NP, NS>,
        )
        for stage_constraints unless Self::LIMITS.stage() == 0
    }

    derived_limit! {
        /// Adds the gradient in `p` and in `s` of the scalar `mu' cx dx + dmu' c` of the terminal state to `out`.
        fn add_terminal_constraint_contraction<S: Scalar>(
            &self,
            at: Terminal<'_, S, NX, NP, NS>,
            mu: &[S],
            dx: &SVector<S, NX>,
            dmu: &[S],
            out: ParameterGradient<'_, S, NP, NS>,
        )
        for terminal_constraints unless Self::LIMITS.terminal() == 0
    }

    derived_limit! {
        /// Derivatives in the parameters of a stage's constraints, and of `mu' c`'s gradient.
        fn stage_constraint_terms<S: Scalar>(
            &self,
            at: Stage<'_, S, NX, NU, NP, NS>,
            mu: &[S],
            out: &mut ConstraintParameterTerms<S, NX, NU, NP>,
        )
        for stage_constraints unless Self::LIMITS.stage() == 0
    }

    derived_limit! {
        /// Derivatives in the parameters of the terminal constraints, and of `mu' c`'s gradient.
        fn terminal_constraint_terms<S: Scalar>(
            &self,
            at: Terminal<'_, S, NX, NP, NS>,
            mu: &[S],
            out: &mut ConstraintParameterTerms<S, NX, 0, NP>,
        )
        for terminal_constraints unless Self::LIMITS.terminal() == 0
    }
}
