//! The boundary between a model and the runtime: the [`Model`] trait and the records its kernels fill.
//!
//! Notation (design of the whole crate): state `x` (`NX`), control `u` (`NU`), parameters `p` (`NP`), per-stage
//! parameters `s` (`NS`, none by default), dynamics `f`, stage cost `l`, terminal cost `l_T`, costate `lambda`,
//! Hamiltonian `H = l + lambda' f`. A subscript is a partial derivative; in `fx[(i, j)]` the row is the entry of `f`
//! and the column the entry of `x`; in `hux[(i, j)]` the row is the entry of `u`.

use nalgebra::{SMatrix, SVector};

use crate::limits::{ConstraintExpansion, ConstraintParameterTerms, Limits};
use crate::riccati::{Quadratic, backward_stage};
use crate::scalar::Scalar;

/// Everything a first-order sweep needs of one stage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StageExpansion<S, const NX: usize, const NU: usize> {
    /// Next state, `NX`.
    pub f: SVector<S, NX>,
    /// `df/dx`, `NX x NX`.
    pub fx: SMatrix<S, NX, NX>,
    /// `df/du`, `NX x NU`.
    pub fu: SMatrix<S, NX, NU>,
    /// Stage cost.
    pub l: S,
    /// Gradient of the stage cost in the state, `NX`.
    pub lx: SVector<S, NX>,
    /// Gradient of the stage cost in the control, `NU`.
    pub lu: SVector<S, NU>,
    /// `d2l/dx2`, `NX x NX`, symmetric, both halves filled.
    pub lxx: SMatrix<S, NX, NX>,
    /// `d2l/du dx`, `NU x NX`.
    pub lux: SMatrix<S, NU, NX>,
    /// `d2l/du2`, `NU x NU`, symmetric, both halves filled.
    pub luu: SMatrix<S, NU, NU>,
}

/// The terminal cost and its derivatives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TerminalExpansion<S, const NX: usize> {
    /// Terminal cost.
    pub l: S,
    /// Its gradient in the state, `NX`.
    pub lx: SVector<S, NX>,
    /// Its Hessian, `NX x NX`, symmetric, both halves filled.
    pub lxx: SMatrix<S, NX, NX>,
}

/// Second derivatives of the Hamiltonian `H = l + lambda' f` in state and control.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HamiltonianHessian<S, const NX: usize, const NU: usize> {
    /// `NX x NX`, symmetric, both halves filled.
    pub hxx: SMatrix<S, NX, NX>,
    /// `NU x NX`.
    pub hux: SMatrix<S, NU, NX>,
    /// `NU x NU`, symmetric, both halves filled.
    pub huu: SMatrix<S, NU, NU>,
}

/// One stage as the second-order sweeps see it: first derivatives, and second derivatives of the Hamiltonian.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HamiltonianExpansion<S, const NX: usize, const NU: usize> {
    /// `df/dx`, `NX x NX`.
    pub fx: SMatrix<S, NX, NX>,
    /// `df/du`, `NX x NU`.
    pub fu: SMatrix<S, NX, NU>,
    /// Gradient of the stage cost in the state, `NX`.
    pub lx: SVector<S, NX>,
    /// Gradient of the stage cost in the control, `NU`.
    pub lu: SVector<S, NU>,
    /// `d2H/dx2`, `NX x NX`, symmetric, both halves filled.
    pub hxx: SMatrix<S, NX, NX>,
    /// `d2H/du dx`, `NU x NX`.
    pub hux: SMatrix<S, NU, NX>,
    /// `d2H/du2`, `NU x NU`, symmetric, both halves filled.
    pub huu: SMatrix<S, NU, NU>,
}

/// A stage of the backward sweep, done: feedback, and the next value function. See [`riccati`](crate::riccati).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BackwardStage<S, const NX: usize, const NU: usize> {
    /// Hessian `V` of the value function, `NX x NX`, symmetric; what is above the diagonal is neither written nor read.
    pub value_hessian: SMatrix<S, NX, NX>,
    /// Its gradient `v`, `NX`: the closed-loop costate.
    pub value_gradient: SVector<S, NX>,
    /// Feedback `K`, `NU x NX`.
    pub gain: SMatrix<S, NU, NX>,
    /// Feed-forward `k`, `NU`.
    pub feedforward: SVector<S, NU>,
    /// Slope `Qu` of the Q-function, `NU`.
    pub qu: SVector<S, NU>,
    /// Slope of the stage cost alone, `NU`.
    pub lu: SVector<S, NU>,
    /// Curvature `Quu` of the Q-function, `NU x NU`, symmetric, both halves filled.
    pub quu: SMatrix<S, NU, NU>,
    /// The diagonal `D` of `Quu = L D L'`, `NU`. Where one is not positive, the rest holds no meaning.
    pub pivots: SVector<S, NU>,
}

/// What the forward sensitivity sweep needs of one stage in the direction of the parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ParameterTerms<S, const NX: usize, const NU: usize, const NP: usize> {
    /// `df/dp`, `NX x NP`.
    pub fp: SMatrix<S, NX, NP>,
    /// `d2H/dx dp`, `NX x NP`.
    pub hxp: SMatrix<S, NX, NP>,
    /// `d2H/du dp`, `NU x NP`.
    pub hup: SMatrix<S, NU, NP>,
}

macro_rules! zeros {
    ($record:ident <$($n:ident),*> { $($field:ident: $zero:expr),* $(,)? }) => {
        impl<S: Scalar, $(const $n: usize),*> $record<S, $($n),*> {
            /// A record of zeros. Kernels fill records made here (or filled by the same kernel of the same model before):
            /// they write no structural zero, so whatever else stood there would remain.
            #[must_use]
            pub fn zeros() -> Self {
                Self { $($field: $zero),* }
            }
        }

        impl<S: Scalar, $(const $n: usize),*> Default for $record<S, $($n),*> {
            fn default() -> Self {
                Self::zeros()
            }
        }
    };
}

zeros!(BackwardStage<NX, NU> {
    value_hessian: constant(), value_gradient: constant(), gain: constant(), feedforward: constant(), qu: constant(),
    lu: constant(), quu: constant(), pivots: constant(),
});
zeros!(StageExpansion<NX, NU> {
    f: constant(), fx: constant(), fu: constant(), l: S::zero(), lx: constant(), lu: constant(), lxx: constant(),
    lux: constant(), luu: constant(),
});
zeros!(TerminalExpansion<NX> { l: S::zero(), lx: constant(), lxx: constant() });
zeros!(HamiltonianHessian<NX, NU> { hxx: constant(), hux: constant(), huu: constant() });
zeros!(HamiltonianExpansion<NX, NU> {
    fx: constant(), fu: constant(), lx: constant(), lu: constant(), hxx: constant(), hux: constant(), huu: constant(),
});
zeros!(ParameterTerms<NX, NU, NP> { fp: constant(), hxp: constant(), hup: constant() });

fn constant<S: Scalar, const R: usize, const C: usize>() -> SMatrix<S, R, C> {
    SMatrix::from_array_storage(nalgebra::ArrayStorage([[S::zero(); R]; C]))
}

/// Which entries of a model's derivatives can be other than zero, row by row; `true` where something may stand.
///
/// The macro knows these at compile time; a model written by hand keeps [`Sparsity::DENSE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sparsity<const NX: usize, const NU: usize, const NP: usize> {
    /// Pattern of `df/dx`.
    pub fx: [[bool; NX]; NX],
    /// Pattern of `df/du`.
    pub fu: [[bool; NU]; NX],
    /// Pattern of `df/dp`.
    pub fp: [[bool; NP]; NX],
    /// Pattern of `d2H/dx2`.
    pub hxx: [[bool; NX]; NX],
    /// Pattern of `d2H/du dx`.
    pub hux: [[bool; NX]; NU],
    /// Pattern of `d2H/du2`.
    pub huu: [[bool; NU]; NU],
    /// Pattern of `d2H/dx dp`.
    pub hxp: [[bool; NP]; NX],
    /// Pattern of `d2H/du dp`.
    pub hup: [[bool; NP]; NU],
}

impl<const NX: usize, const NU: usize, const NP: usize> Sparsity<NX, NU, NP> {
    /// Nothing is known to be zero.
    pub const DENSE: Self = Self {
        fx: [[true; NX]; NX],
        fu: [[true; NU]; NX],
        fp: [[true; NP]; NX],
        hxx: [[true; NX]; NX],
        hux: [[true; NX]; NU],
        huu: [[true; NU]; NU],
        hxp: [[true; NP]; NX],
        hup: [[true; NP]; NU],
    };
}

/// A method that dual numbers can stand in for: required without the feature `dual`, provided with it.
macro_rules! derived {
    ($(#[$doc:meta])* fn $name:ident<S: Scalar>(&self, $($arg:ident: $ty:ty),* $(,)?)) => {
        $(#[$doc])*
        #[cfg(feature = "dual")]
        fn $name<S: Scalar>(&self, $($arg: $ty),*) {
            crate::dual::$name(self, $($arg),*);
        }
        $(#[$doc])*
        #[cfg(not(feature = "dual"))]
        fn $name<S: Scalar>(&self, $($arg: $ty),*);
    };
}

/// A method that dual numbers stand in for with the feature `dual`. Without it the given block is what it does by default.
macro_rules! derived_or_none {
    ($(#[$doc:meta])* fn $name:ident<S: Scalar>(&self, $($arg:ident: $ty:ty),* $(,)?) else $otherwise:block) => {
        $(#[$doc])*
        #[cfg(feature = "dual")]
        fn $name<S: Scalar>(&self, $($arg: $ty),*) {
            crate::dual::$name(self, $($arg),*);
        }
        $(#[$doc])*
        #[cfg(not(feature = "dual"))]
        #[allow(unused_variables, reason = "by default nothing is computed")]
        fn $name<S: Scalar>(&self, $($arg: $ty),*) $otherwise
    };
}

/// An optimal control problem's dynamics and costs, with their derivatives, as kernels over any [`Scalar`].
///
/// `#[dilqr_runtime::model]` implements it for the unit struct it adds to the module. It can be written by hand as well:
/// with the feature `dual` only [`dynamics`](Model::dynamics), [`stage_cost`](Model::stage_cost) and
/// [`terminal_cost`](Model::terminal_cost) are required and derivatives come from hyper-dual numbers; without it every
/// method that has no sensible default is required. A model with limits says how many in [`LIMITS`](Model::LIMITS) and
/// gives [`bounds`](Model::bounds), [`stage_constraints`](Model::stage_constraints) and
/// [`terminal_constraints`](Model::terminal_constraints), as far as it has them; without the feature also the methods that
/// differentiate these, which by default compute nothing then.
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
/// use dilqr_runtime::model::StageExpansion;
/// use dilqr_runtime::nalgebra::SVector;
/// use dilqr_runtime::{Ilqr, Model, Problem, Scalar, Settings, Status};
///
/// /// State: position [m] and velocity [m/s]; control: force [N]; parameters: mass [kg] and drag [kg/m].
/// struct Rail;
///
/// impl Model<2, 1, 2> for Rail {
///     fn dynamics<S: Scalar>(
///         &self,
///         x: &SVector<S, 2>,
///         u: &SVector<S, 1>,
///         p: &SVector<S, 2>,
///         _: &SVector<S, 0>,
///         next: &mut SVector<S, 2>,
///     ) {
///         let dt = S::from_f64(0.1);
///         let acceleration = (u[0] - p[1] * x[1].powi(2)) / p[0];
///         *next = [x[0] + dt * x[1], x[1] + dt * acceleration].into();
///     }
///
///     fn stage_cost<S: Scalar>(
///         &self,
///         x: &SVector<S, 2>,
///         u: &SVector<S, 1>,
///         _: &SVector<S, 2>,
///         _: &SVector<S, 0>,
///     ) -> S {
///         x[0].powi(2) + S::from_f64(0.01) * u[0].powi(2)
///     }
///
///     fn terminal_cost<S: Scalar>(&self, x: &SVector<S, 2>, _: &SVector<S, 2>, _: &SVector<S, 0>) -> S {
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
/// Rail.expand_stage(&x, &u, &p, &[].into(), &mut stage);
/// let slope = 1.0 - 0.1 * 2.0 * 0.25 * 3.0 / 2.0;
/// assert!(f64::abs(stage.fx[(1, 1)] - slope) < 1e-15);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Model<const NX: usize, const NU: usize, const NP: usize, const NS: usize = 0>: Sync {
    /// Which derivatives can be non-zero.
    const SPARSITY: Sparsity<NX, NU, NP> = Sparsity::DENSE;

    /// Bounds and constraints; none by default. What a model by hand declares here it must provide values for, and
    /// without the feature `dual` their derivatives.
    const LIMITS: Limits = Limits::NONE;

    /// Next state `f(x, u, p, s)` into `next`.
    fn dynamics<S: Scalar>(
        &self,
        x: &SVector<S, NX>,
        u: &SVector<S, NU>,
        p: &SVector<S, NP>,
        s: &SVector<S, NS>,
        next: &mut SVector<S, NX>,
    );

    /// Stage cost `l(x, u, p, s)`.
    fn stage_cost<S: Scalar>(
        &self,
        x: &SVector<S, NX>,
        u: &SVector<S, NU>,
        p: &SVector<S, NP>,
        s: &SVector<S, NS>,
    ) -> S;

    /// Terminal cost `l_T(x, p, s)`, with the stage parameters of stage T.
    fn terminal_cost<S: Scalar>(&self, x: &SVector<S, NX>, p: &SVector<S, NP>, s: &SVector<S, NS>) -> S;

    /// Next state into `next` and the stage cost as the value: what a rollout needs, with shared subexpressions where
    /// the macro emits it.
    fn step<S: Scalar>(
        &self,
        x: &SVector<S, NX>,
        u: &SVector<S, NU>,
        p: &SVector<S, NP>,
        s: &SVector<S, NS>,
        next: &mut SVector<S, NX>,
    ) -> S {
        self.dynamics(x, u, p, s, next);
        self.stage_cost(x, u, p, s)
    }

    derived! {
        /// Dynamics and stage cost with first derivatives, and the stage cost's second derivatives.
        fn expand_stage<S: Scalar>(
            &self,
            x: &SVector<S, NX>,
            u: &SVector<S, NU>,
            p: &SVector<S, NP>,
            s: &SVector<S, NS>,
            out: &mut StageExpansion<S, NX, NU>,
        )
    }

    derived! {
        /// Terminal cost with first and second derivatives.
        fn expand_terminal<S: Scalar>(
            &self,
            x: &SVector<S, NX>,
            p: &SVector<S, NP>,
            s: &SVector<S, NS>,
            out: &mut TerminalExpansion<S, NX>,
        )
    }

    derived! {
        /// Second derivatives of `l + lambda' f`; `lambda` belongs to the next stage.
        fn hamiltonian_hessian<S: Scalar>(
            &self,
            x: &SVector<S, NX>,
            u: &SVector<S, NU>,
            p: &SVector<S, NP>,
            s: &SVector<S, NS>,
            lambda: &SVector<S, NX>,
            out: &mut HamiltonianHessian<S, NX, NU>,
        )
    }

    /// First derivatives and the Hamiltonian's second derivatives together: one stage of a second-order backward sweep.
    /// The macro emits it as one program with shared subexpressions; by default the two kernels run one after the other.
    fn expand_hamiltonian<S: Scalar>(
        &self,
        x: &SVector<S, NX>,
        u: &SVector<S, NU>,
        p: &SVector<S, NP>,
        s: &SVector<S, NS>,
        lambda: &SVector<S, NX>,
        out: &mut HamiltonianExpansion<S, NX, NU>,
    ) {
        let mut stage = StageExpansion::zeros();
        let mut hessian = HamiltonianHessian::zeros();
        self.expand_stage(x, u, p, s, &mut stage);
        self.hamiltonian_hessian(x, u, p, s, lambda, &mut hessian);
        *out = HamiltonianExpansion {
            fx: stage.fx,
            fu: stage.fu,
            lx: stage.lx,
            lu: stage.lu,
            hxx: hessian.hxx,
            hux: hessian.hux,
            huu: hessian.huu,
        };
    }

    /// Whether [`backward_exact`](Self::backward_exact) and [`backward_gauss_newton`](Self::backward_gauss_newton) are
    /// programs of the model's own, which save the solver its loops over small matrices. The macro emits them for small
    /// models without limits.
    const BACKWARD_STAGES: bool = false;

    /// A stage of the backward sweep with the second derivatives of `l + lambda' f`: from the value function of the next
    /// stage, of whose `value_hessian` the lower half is read and whose gradient is `lambda`, with the weight `proximal`
    /// on the diagonals of `hxx` and `huu`.
    fn backward_exact<S: Scalar>(
        &self,
        x: &SVector<S, NX>,
        u: &SVector<S, NU>,
        p: &SVector<S, NP>,
        s: &SVector<S, NS>,
        lambda: &SVector<S, NX>,
        value_hessian: &SMatrix<S, NX, NX>,
        proximal: &S,
        out: &mut BackwardStage<S, NX, NU>,
    ) {
        let mut stage = HamiltonianExpansion::zeros();
        self.expand_hamiltonian(x, u, p, s, lambda, &mut stage);
        let HamiltonianExpansion { fx, fu, lx, lu, hxx, hux, huu } = &stage;
        backward_stage(&Quadratic { fx, fu, hxx, hux, huu }, lx, lu, lambda, value_hessian, *proximal, out);
    }

    /// As [`backward_exact`](Self::backward_exact), with the second derivatives of `l` alone.
    fn backward_gauss_newton<S: Scalar>(
        &self,
        x: &SVector<S, NX>,
        u: &SVector<S, NU>,
        p: &SVector<S, NP>,
        s: &SVector<S, NS>,
        lambda: &SVector<S, NX>,
        value_hessian: &SMatrix<S, NX, NX>,
        proximal: &S,
        out: &mut BackwardStage<S, NX, NU>,
    ) {
        let mut stage = StageExpansion::zeros();
        self.expand_stage(x, u, p, s, &mut stage);
        let StageExpansion { fx, fu, lx, lu, lxx, lux, luu, .. } = &stage;
        let quadratic = Quadratic { fx, fu, hxx: lxx, hux: lux, huu: luu };
        backward_stage(&quadratic, lx, lu, lambda, value_hessian, *proximal, out);
    }

    derived! {
        /// Adds `dH/dp` to `gp` and `dH/ds` to `gs`, with `H = l + lambda' f`: one stage of the value function's gradient.
        fn add_hamiltonian_parameter_gradient<S: Scalar>(
            &self,
            x: &SVector<S, NX>,
            u: &SVector<S, NU>,
            p: &SVector<S, NP>,
            s: &SVector<S, NS>,
            lambda: &SVector<S, NX>,
            gp: &mut SVector<S, NP>,
            gs: &mut SVector<S, NS>,
        )
    }

    derived! {
        /// Adds the terminal cost's gradient in `p` to `gp` and in `s` to `gs`.
        fn add_terminal_parameter_gradient<S: Scalar>(
            &self,
            x: &SVector<S, NX>,
            p: &SVector<S, NP>,
            s: &SVector<S, NS>,
            gp: &mut SVector<S, NP>,
            gs: &mut SVector<S, NS>,
        )
    }

    derived! {
        /// The adjoint parameter contraction: adds the gradient in `p` (and in `s`) of the scalar
        /// `hx' dx + hu' du + dlambda' f`, that is `hxp' dx + hup' du + fp' dlambda`, to `gp` (and `gs`).
        fn add_parameter_contraction<S: Scalar>(
            &self,
            x: &SVector<S, NX>,
            u: &SVector<S, NU>,
            p: &SVector<S, NP>,
            s: &SVector<S, NS>,
            lambda: &SVector<S, NX>,
            dx: &SVector<S, NX>,
            du: &SVector<S, NU>,
            dlambda: &SVector<S, NX>,
            gp: &mut SVector<S, NP>,
            gs: &mut SVector<S, NS>,
        )
    }

    derived! {
        /// The terminal part of the contraction: adds the gradient in `p` (and in `s`) of `l_T,x' dx` to `gp` (and `gs`).
        fn add_terminal_parameter_contraction<S: Scalar>(
            &self,
            x: &SVector<S, NX>,
            p: &SVector<S, NP>,
            s: &SVector<S, NS>,
            dx: &SVector<S, NX>,
            gp: &mut SVector<S, NP>,
            gs: &mut SVector<S, NS>,
        )
    }

    derived! {
        /// The forward parameter terms `fp`, `hxp`, `hup`.
        fn parameter_terms<S: Scalar>(
            &self,
            x: &SVector<S, NX>,
            u: &SVector<S, NU>,
            p: &SVector<S, NP>,
            s: &SVector<S, NS>,
            lambda: &SVector<S, NX>,
            out: &mut ParameterTerms<S, NX, NU, NP>,
        )
    }

    derived! {
        /// `d2 l_T/dx dp`, `NX x NP`.
        fn terminal_parameter_terms<S: Scalar>(
            &self,
            x: &SVector<S, NX>,
            p: &SVector<S, NP>,
            s: &SVector<S, NS>,
            lxp: &mut SMatrix<S, NX, NP>,
        )
    }

    /// Bounds of the controls in their units, `NU` each. A side that is open is not written: the caller has put infinities
    /// there.
    fn bounds<S: Scalar>(&self, _p: &SVector<S, NP>, _lower: &mut SVector<S, NU>, _upper: &mut SVector<S, NU>) {}

    derived_or_none! {
        /// Adds `(d lower/dp)' lower + (d upper/dp)' upper` to `gp`.
        fn add_bounds_contraction<S: Scalar>(
            &self,
            p: &SVector<S, NP>,
            lower: &SVector<S, NU>,
            upper: &SVector<S, NU>,
            gp: &mut SVector<S, NP>,
        ) else {}
    }

    derived_or_none! {
        /// Derivatives of the bounds in the parameters, `NU x NP` each.
        fn bounds_terms<S: Scalar>(
            &self,
            p: &SVector<S, NP>,
            lower: &mut SMatrix<S, NU, NP>,
            upper: &mut SMatrix<S, NU, NP>,
        ) else {}
    }

    /// Values of a stage's constraints into `c`, inequalities first; every entry is written.
    fn stage_constraints<S: Scalar>(
        &self,
        _x: &SVector<S, NX>,
        _u: &SVector<S, NU>,
        _p: &SVector<S, NP>,
        _s: &SVector<S, NS>,
        _c: &mut [S],
    ) {
    }

    /// Values of the terminal constraints into `c`, inequalities first; every entry is written.
    fn terminal_constraints<S: Scalar>(
        &self,
        _x: &SVector<S, NX>,
        _p: &SVector<S, NP>,
        _s: &SVector<S, NS>,
        _c: &mut [S],
    ) {
    }

    derived_or_none! {
        /// A stage's constraints to second order; `mu` holds a multiplier each.
        fn expand_stage_constraints<S: Scalar>(
            &self,
            x: &SVector<S, NX>,
            u: &SVector<S, NU>,
            p: &SVector<S, NP>,
            s: &SVector<S, NS>,
            mu: &[S],
            out: &mut ConstraintExpansion<S, NX, NU>,
        ) else {}
    }

    derived_or_none! {
        /// The terminal constraints to second order; `mu` holds a multiplier each. Nothing is written for the control.
        fn expand_terminal_constraints<S: Scalar>(
            &self,
            x: &SVector<S, NX>,
            p: &SVector<S, NP>,
            s: &SVector<S, NS>,
            mu: &[S],
            out: &mut ConstraintExpansion<S, NX, 0>,
        ) else {}
    }

    derived_or_none! {
        /// Adds the gradient in `p` (and in `s`) of the scalar `mu' (cx dx + cu du) + dmu' c` to `gp` (and `gs`).
        fn add_stage_constraint_contraction<S: Scalar>(
            &self,
            x: &SVector<S, NX>,
            u: &SVector<S, NU>,
            p: &SVector<S, NP>,
            s: &SVector<S, NS>,
            mu: &[S],
            dx: &SVector<S, NX>,
            du: &SVector<S, NU>,
            dmu: &[S],
            gp: &mut SVector<S, NP>,
            gs: &mut SVector<S, NS>,
        ) else {}
    }

    derived_or_none! {
        /// Adds the gradient in `p` (and in `s`) of the scalar `mu' cx dx + dmu' c` of the terminal state.
        fn add_terminal_constraint_contraction<S: Scalar>(
            &self,
            x: &SVector<S, NX>,
            p: &SVector<S, NP>,
            s: &SVector<S, NS>,
            mu: &[S],
            dx: &SVector<S, NX>,
            dmu: &[S],
            gp: &mut SVector<S, NP>,
            gs: &mut SVector<S, NS>,
        ) else {}
    }

    derived_or_none! {
        /// Derivatives in the parameters of a stage's constraints, and of `mu' c`'s gradient.
        fn stage_constraint_terms<S: Scalar>(
            &self,
            x: &SVector<S, NX>,
            u: &SVector<S, NU>,
            p: &SVector<S, NP>,
            s: &SVector<S, NS>,
            mu: &[S],
            out: &mut ConstraintParameterTerms<S, NX, NU, NP>,
        ) else {}
    }

    derived_or_none! {
        /// Derivatives in the parameters of the terminal constraints, and of `mu' c`'s gradient.
        fn terminal_constraint_terms<S: Scalar>(
            &self,
            x: &SVector<S, NX>,
            p: &SVector<S, NP>,
            s: &SVector<S, NS>,
            mu: &[S],
            out: &mut ConstraintParameterTerms<S, NX, 0, NP>,
        ) else {}
    }
}
