//! The trait of a model: its functions and their derivatives.

use alloc::vec::Vec;

use nalgebra::{SMatrix, SVector};

use crate::model::limits::{ConstraintExpansion, ConstraintParameterTerms, Limits};
use crate::model::records::{
    HamiltonianExpansion, HamiltonianHessian, ParameterTerms, StageExpansion, TerminalExpansion,
};
use crate::model::sparsity::Sparsity;
use crate::model::stage::{ParameterGradient, Stage, Terminal, Variation};
use crate::model::start::Start;
use crate::scalar::Scalar;

/// A method for derivatives: provided by dual numbers with the feature `dual`, required without it.
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

/// A method for derivatives that only some models have: provided by dual numbers with the feature `dual`. Without it a model
/// that declares functions of that kind must implement the method; for other models it does nothing.
macro_rules! derived_where {
    (
        $trait:ident:
        $(#[$doc:meta])*
        fn $name:ident<S: Scalar>(&self, $($arg:ident: $ty:ty),* $(,)?)
        for $constant:ident $kind:ident unless $none:expr
    ) => {
        $(#[$doc])*
        #[cfg(feature = "dual")]
        fn $name<S: Scalar>(&self, $($arg: $ty),*) {
            <Self as crate::model::autodiff::$trait<NX, NU, NP, NS>>::$name(self, $($arg),*);
        }
        $(#[$doc])*
        #[cfg(not(feature = "dual"))]
        #[allow(unused_variables, reason = "it has nothing to compute")]
        fn $name<S: Scalar>(&self, $($arg: $ty),*) {
            const { assert!($none, missing!($constant, $kind, $name)) };
        }
    };
}

/// The message of the compiler for a model that declares limits of a kind and lacks a method for them.
macro_rules! missing {
    ($constant:ident, $kind:ident, $name:ident) => {
        concat!(
            "`",
            stringify!($constant),
            "` of this model declares ",
            stringify!($kind),
            ": implement `Model::",
            stringify!($name),
            "`"
        )
    };
}

/// The functions of an optimal control problem and their derivatives, as kernels over any [`Scalar`].
///
/// `#[dilqr_runtime::model]` implements it for the unit struct that it adds to the module. The
/// [module](mod@crate::model) shows an implementation by hand.
///
/// With the feature `dual` only [`dynamics`](Model::dynamics), [`stage_cost`](Model::stage_cost) and
/// [`terminal_cost`](Model::terminal_cost) are required, and derivatives come from hyper-dual numbers. Without it all methods
/// without a default are required. A model with limits declares their number in [`LIMITS`](Model::LIMITS) and implements
/// [`bounds`](Model::bounds), [`stage_constraints`](Model::stage_constraints) and
/// [`terminal_constraints`](Model::terminal_constraints) for the kinds that it declares, and without the feature their
/// derivatives. A program that solves or differentiates a model without one of these does not compile.
///
/// Kernels write into records of the caller (see [`StageExpansion::zeros`]) and do not allocate. Only derivatives of
/// constraints by dual numbers allocate. A kernel returns the result of IEEE arithmetic: a division by zero in the dynamics
/// gives a non-finite number, and the solver a status.
pub trait Model<const NX: usize, const NU: usize, const NP: usize, const NS: usize = 0>: Sync {
    /// The derivatives that can be non-zero.
    const SPARSITY: Sparsity<NX, NU, NP> = Sparsity::DENSE;

    /// Whether the model has bounds, and the number of its constraints; none by default. A model written by hand implements
    /// the methods for the limits that it declares here, and without the feature `dual` their derivatives.
    const LIMITS: Limits = Limits::NONE;

    /// Which entries of the initial state the solve chooses, and whether they have a cost; all are given by default.
    const START: Start<NX> = Start::GIVEN;

    /// Whether a function of state or control has branches: `abs`, `signum`, a comparison, [`Scalar::select`]. The attribute
    /// sets it. It changes no solve: it says that [`Cause::Kink`](crate::Cause::Kink) may be the reason of a failed one. A
    /// model written by hand with branches declares it, or is never named for a kink.
    const HAS_KINKS: bool = false;

    /// Whether `f` is affine in state and control, for all parameters. The attribute sets it. With bounds it decides which method
    /// [`Method::Auto`](crate::Method::Auto) begins with.
    const LINEAR_DYNAMICS: bool = false;

    /// Whether stages have linear costs besides, [`slopes`](Self::slopes). A direct loss gradient adds them.
    #[doc(hidden)]
    const HAS_SLOPES: bool = false;

    /// The slopes of the linear costs of stage `t`, in state and control.
    #[doc(hidden)]
    fn slopes(&self, _t: usize) -> Option<(&SVector<f64, NX>, &SVector<f64, NU>)> {
        None
    }

    /// The number of weights of the model's networks: the length of [`Gradient::weights`](crate::Gradient::weights). Kernels that
    /// add parameter gradients add those in the weights, too.
    fn weight_count(&self) -> usize {
        0
    }

    /// The weights of each network, in the order of [`Gradient::weights`](crate::Gradient::weights).
    fn weights_mut(&mut self) -> Vec<&mut [f64]> {
        Vec::new()
    }

    /// Writes the next state `f(x, u, p, s)` into `next`, `NX`.
    fn dynamics<S: Scalar>(&self, at: Stage<'_, S, NX, NU, NP, NS>, next: &mut SVector<S, NX>);

    /// The stage cost `l(x, u, p, s)`.
    fn stage_cost<S: Scalar>(&self, at: Stage<'_, S, NX, NU, NP, NS>) -> S;

    /// The terminal cost `l_T(x, p, s)`, with the parameters `s` of stage T.
    fn terminal_cost<S: Scalar>(&self, at: Terminal<'_, S, NX, NP, NS>) -> S;

    /// The cost of the initial state, `l_0(x_0, p, s_0)`, for models that declare one in [`START`](Model::START).
    fn initial_cost<S: Scalar>(&self, _at: Terminal<'_, S, NX, NP, NS>) -> S {
        const { assert!(!Self::START.cost, missing!(START, initial_cost, initial_cost)) };
        S::zero()
    }

    /// Writes the next state into `next` and returns the stage cost, for a rollout. The kernel of the macro shares their
    /// subexpressions.
    #[inline]
    fn step<S: Scalar>(&self, at: Stage<'_, S, NX, NU, NP, NS>, next: &mut SVector<S, NX>) -> S {
        self.dynamics(at, next);
        self.stage_cost(at)
    }

    /// The time step of the integrator behind the dynamics, in the units of the user. Where it is not positive the dynamics are NaN, and
    /// [`Cause::TimeStep`](crate::Cause::TimeStep) names the stage. The attribute implements it for steps that are no constants.
    fn time_step<S: Scalar>(&self, _at: Stage<'_, S, NX, NU, NP, NS>) -> S {
        S::one()
    }

    derived! {
        /// The dynamics with first derivatives, and the stage cost with first and second derivatives.
        fn expand_stage<S: Scalar>(&self, at: Stage<'_, S, NX, NU, NP, NS>, out: &mut StageExpansion<S, NX, NU>)
    }

    derived! {
        /// The terminal cost with first and second derivatives.
        fn expand_terminal<S: Scalar>(&self, at: Terminal<'_, S, NX, NP, NS>, out: &mut TerminalExpansion<S, NX>)
    }

    derived! {
        /// First derivatives of the dynamics and the stage cost, and second derivatives of `l + lambda' f`, for a stage of a
        /// second-order backward pass. `lambda` is the costate of the next stage, `NX`.
        fn expand_hamiltonian<S: Scalar>(
            &self,
            at: Stage<'_, S, NX, NU, NP, NS>,
            lambda: &SVector<S, NX>,
            out: &mut HamiltonianExpansion<S, NX, NU>,
        )
    }

    /// The second derivatives of `l + lambda' f` from [`expand_hamiltonian`](Self::expand_hamiltonian).
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
        /// Adds `dH/dp` and `dH/ds` to `out`, with `H = l + lambda' f`: one term of the gradient of the optimal cost.
        fn add_hamiltonian_parameter_gradient<S: Scalar>(
            &self,
            at: Stage<'_, S, NX, NU, NP, NS>,
            lambda: &SVector<S, NX>,
            out: ParameterGradient<'_, S, NP, NS>,
        )
    }

    derived! {
        /// Adds the gradient of the terminal cost in `p` and in `s` to `out`.
        fn add_terminal_parameter_gradient<S: Scalar>(
            &self,
            at: Terminal<'_, S, NX, NP, NS>,
            out: ParameterGradient<'_, S, NP, NS>,
        )
    }

    derived! {
        /// The adjoint parameter contraction. It adds the gradient of the scalar `hx' dx + hu' du + dlambda' f` in `p` and in
        /// `s` to `out`; in `p` that is `hxp' dx + hup' du + fp' dlambda`.
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
        /// The contraction of the terminal stage. It adds the gradient of `l_T,x' dx` in `p` and in `s` to `out`.
        fn add_terminal_parameter_contraction<S: Scalar>(
            &self,
            at: Terminal<'_, S, NX, NP, NS>,
            dx: &SVector<S, NX>,
            out: ParameterGradient<'_, S, NP, NS>,
        )
    }

    derived! {
        /// The forward parameter terms `fp`, `hxp` and `hup`, with `H = l + lambda' f`.
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

    /// Writes the bounds of the controls, `NU` each, in the units of the controls. Open sides are not written; the caller
    /// initializes both sides with infinities.
    fn bounds<S: Scalar>(&self, _p: &SVector<S, NP>, _lower: &mut SVector<S, NU>, _upper: &mut SVector<S, NU>) {
        const { assert!(!Self::LIMITS.bounded, missing!(LIMITS, bounds, bounds)) };
    }

    derived_where! { DerivedLimits:
        /// Adds `(d lower/dp)' lower + (d upper/dp)' upper` to `gp`, `NP`. Weights of open sides are zero.
        fn add_bounds_contraction<S: Scalar>(
            &self,
            p: &SVector<S, NP>,
            lower: &SVector<S, NU>,
            upper: &SVector<S, NU>,
            gp: &mut SVector<S, NP>,
        )
        for LIMITS bounds unless !Self::LIMITS.bounded
    }

    derived_where! { DerivedLimits:
        /// Writes the derivatives of the bounds in the parameters, `NU x NP` each; zero for open sides.
        fn bounds_terms<S: Scalar>(
            &self,
            p: &SVector<S, NP>,
            lower: &mut SMatrix<S, NU, NP>,
            upper: &mut SMatrix<S, NU, NP>,
        )
        for LIMITS bounds unless !Self::LIMITS.bounded
    }

    /// Writes the values of the constraints of a stage into `c`, inequalities (`c <= 0`) first. Every entry is written.
    fn stage_constraints<S: Scalar>(&self, _at: Stage<'_, S, NX, NU, NP, NS>, _c: &mut [S]) {
        const { assert!(Self::LIMITS.stage() == 0, missing!(LIMITS, stage_constraints, stage_constraints)) };
    }

    /// Writes the values of the terminal constraints into `c`, inequalities (`c <= 0`) first. Every entry is written.
    fn terminal_constraints<S: Scalar>(&self, _at: Terminal<'_, S, NX, NP, NS>, _c: &mut [S]) {
        const { assert!(Self::LIMITS.terminal() == 0, missing!(LIMITS, terminal_constraints, terminal_constraints)) };
    }

    derived_where! { DerivedLimits:
        /// The constraints of a stage to second order. `mu` holds one multiplier for each constraint.
        fn expand_stage_constraints<S: Scalar>(
            &self,
            at: Stage<'_, S, NX, NU, NP, NS>,
            mu: &[S],
            out: &mut ConstraintExpansion<S, NX, NU>,
        )
        for LIMITS stage_constraints unless Self::LIMITS.stage() == 0
    }

    derived_where! { DerivedLimits:
        /// The terminal constraints to second order. `mu` holds one multiplier for each constraint. The record has no control.
        fn expand_terminal_constraints<S: Scalar>(
            &self,
            at: Terminal<'_, S, NX, NP, NS>,
            mu: &[S],
            out: &mut ConstraintExpansion<S, NX, 0>,
        )
        for LIMITS terminal_constraints unless Self::LIMITS.terminal() == 0
    }

    derived_where! { DerivedLimits:
        /// Adds the gradient of the scalar `mu' (cx dx + cu du) + dmu' c` in `p` and in `s` to `out`.
        fn add_stage_constraint_contraction<S: Scalar>(
            &self,
            at: Stage<'_, S, NX, NU, NP, NS>,
            mu: &[S],
            variation: Variation<'_, S, NX, NU>,
            dmu: &[S],
            out: ParameterGradient<'_, S, NP, NS>,
        )
        for LIMITS stage_constraints unless Self::LIMITS.stage() == 0
    }

    derived_where! { DerivedLimits:
        /// Adds the gradient of the scalar `mu' cx dx + dmu' c` of the terminal state in `p` and in `s` to `out`.
        fn add_terminal_constraint_contraction<S: Scalar>(
            &self,
            at: Terminal<'_, S, NX, NP, NS>,
            mu: &[S],
            dx: &SVector<S, NX>,
            dmu: &[S],
            out: ParameterGradient<'_, S, NP, NS>,
        )
        for LIMITS terminal_constraints unless Self::LIMITS.terminal() == 0
    }

    derived_where! { DerivedLimits:
        /// Derivatives in the parameters: of the constraints of a stage, and of the gradient of `mu' c`.
        fn stage_constraint_terms<S: Scalar>(
            &self,
            at: Stage<'_, S, NX, NU, NP, NS>,
            mu: &[S],
            out: &mut ConstraintParameterTerms<S, NX, NU, NP>,
        )
        for LIMITS stage_constraints unless Self::LIMITS.stage() == 0
    }

    derived_where! { DerivedLimits:
        /// Derivatives in the parameters: of the terminal constraints, and of the gradient of `mu' c`.
        fn terminal_constraint_terms<S: Scalar>(
            &self,
            at: Terminal<'_, S, NX, NP, NS>,
            mu: &[S],
            out: &mut ConstraintParameterTerms<S, NX, 0, NP>,
        )
        for LIMITS terminal_constraints unless Self::LIMITS.terminal() == 0
    }

    /// Writes the values of the constraints of the initial state into `c`, inequalities (`c <= 0`) first. Every entry is
    /// written.
    fn initial_constraints<S: Scalar>(&self, _at: Terminal<'_, S, NX, NP, NS>, _c: &mut [S]) {
        const { assert!(Self::LIMITS.initial() == 0, missing!(LIMITS, initial_constraints, initial_constraints)) };
    }

    derived_where! { DerivedInitial:
        /// The cost of the initial state with first and second derivatives.
        fn expand_initial<S: Scalar>(&self, at: Terminal<'_, S, NX, NP, NS>, out: &mut TerminalExpansion<S, NX>)
        for START initial_cost unless !Self::START.cost
    }

    derived_where! { DerivedInitial:
        /// Adds the gradient of the initial cost in `p` and in `s` to `out`.
        fn add_initial_parameter_gradient<S: Scalar>(
            &self,
            at: Terminal<'_, S, NX, NP, NS>,
            out: ParameterGradient<'_, S, NP, NS>,
        )
        for START initial_cost unless !Self::START.cost
    }

    derived_where! { DerivedInitial:
        /// Adds the gradient of `l_0,x' dx` in `p` and in `s` to `out`.
        fn add_initial_parameter_contraction<S: Scalar>(
            &self,
            at: Terminal<'_, S, NX, NP, NS>,
            dx: &SVector<S, NX>,
            out: ParameterGradient<'_, S, NP, NS>,
        )
        for START initial_cost unless !Self::START.cost
    }

    derived_where! { DerivedInitial:
        /// `d2 l_0/dx dp`, `NX x NP`.
        fn initial_parameter_terms<S: Scalar>(
            &self,
            at: Terminal<'_, S, NX, NP, NS>,
            out: &mut SMatrix<S, NX, NP>,
        )
        for START initial_cost unless !Self::START.cost
    }

    derived_where! { DerivedInitial:
        /// The constraints of the initial state to second order. `mu` holds one multiplier for each constraint.
        fn expand_initial_constraints<S: Scalar>(
            &self,
            at: Terminal<'_, S, NX, NP, NS>,
            mu: &[S],
            out: &mut ConstraintExpansion<S, NX, 0>,
        )
        for LIMITS initial_constraints unless Self::LIMITS.initial() == 0
    }

    derived_where! { DerivedInitial:
        /// Adds the gradient of the scalar `mu' cx dx + dmu' c` of the initial state in `p` and in `s` to `out`.
        fn add_initial_constraint_contraction<S: Scalar>(
            &self,
            at: Terminal<'_, S, NX, NP, NS>,
            mu: &[S],
            dx: &SVector<S, NX>,
            dmu: &[S],
            out: ParameterGradient<'_, S, NP, NS>,
        )
        for LIMITS initial_constraints unless Self::LIMITS.initial() == 0
    }

    derived_where! { DerivedInitial:
        /// Derivatives in the parameters: of the constraints of the initial state, and of the gradient of `mu' c`.
        fn initial_constraint_terms<S: Scalar>(
            &self,
            at: Terminal<'_, S, NX, NP, NS>,
            mu: &[S],
            out: &mut ConstraintParameterTerms<S, NX, 0, NP>,
        )
        for LIMITS initial_constraints unless Self::LIMITS.initial() == 0
    }
}
