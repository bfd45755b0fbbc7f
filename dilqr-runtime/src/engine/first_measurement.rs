//! The first estimate of moving-horizon estimation: the state that one measurement and the arrival cost determine.
//!
//! ```text
//! minimize  l_0(x) + l_T(x)    with the limits of the initial and of the terminal state
//! ```
//!
//! It is a problem of one stage that stays where it is. So the solver of all windows solves it, with its limits, statuses and
//! covariance.

use nalgebra::{SMatrix, SVector};

use crate::model::Model;
use crate::model::limits::{ConstraintExpansion, ConstraintParameterTerms, Limits};
use crate::model::records::{HamiltonianExpansion, ParameterTerms, StageExpansion, TerminalExpansion};
use crate::model::rows::{Row, Variable};
use crate::model::stage::{ParameterGradient, Stage, Terminal, Variation};
use crate::model::start::Start;
use crate::model::wrapped_model::{end_functions_of_wrapped_model, forwarded};
use crate::scalar::Scalar;

/// The stage. Its next state is its state, it has no cost of its own, and its controls are held at zero. With `HELD` the solve chooses
/// the states with an arrival cost alone: one measurement seldom determines design variables.
#[derive(Clone)]
pub(super) struct FirstMeasurement<'a, M, const HELD: bool>(pub(super) &'a M);

/// The entries that the solve chooses where only those with an arrival cost are, and excesses, which are the last entries.
const fn determined<const NX: usize>(start: &Start<NX>, limits: &Limits) -> Start<NX> {
    let Some(arrival) = &start.arrival else { return *start };
    let (mut free, mut i) = (start.free, arrival.states);
    while i + limits.terminal_excesses() < NX {
        free[i] = false;
        i += 1;
    }
    Start { free, ..*start }
}

/// Kernels of a stage that depends on nothing but its state: all their terms are zero.
macro_rules! without_terms {
    ($(fn $name:ident<S: Scalar>(&self, $($argument:ident: $type:ty),* $(,)?);)*) => {
        $(fn $name<S: Scalar>(&self, $($argument: $type),*) {})*
    };
}

/// Leaves out the bounds of states at the start. The end has them, too.
fn open_state_bounds<S: Scalar>(limits: &Limits, c: &mut [S]) {
    let own = limits.initial_inequalities.saturating_sub(limits.initial_rows.len());
    for (i, row) in limits.initial_rows.iter().enumerate() {
        if matches!(row, Row::Bound { variable: Variable::StateEntry(_), .. }) {
            c[own + i] = S::from_f64(f64::NEG_INFINITY);
        }
    }
}

impl<M, const HELD: bool, const NX: usize, const NU: usize, const NP: usize, const NS: usize> Model<NX, NU, NP, NS>
    for FirstMeasurement<'_, M, HELD>
where
    M: Model<NX, NU, NP, NS>,
{
    const LIMITS: Limits = Limits {
        bounded: true,
        stage_inequalities: 0,
        stage_equalities: 0,
        depends_on_control: &[],
        stage_rows: &[],
        excesses: 0,
        soft_chosen_from: &[],
        absolute_values: &[],
        ..M::LIMITS
    };
    const START: Start<NX> = if HELD { determined(&M::START, &M::LIMITS) } else { M::START };
    const HAS_KINKS: bool = M::HAS_KINKS;
    const LINEAR_DYNAMICS: bool = true;

    fn weight_count(&self) -> usize {
        self.0.weight_count()
    }

    fn dynamics<S: Scalar>(&self, at: Stage<'_, S, NX, NU, NP, NS>, next: &mut SVector<S, NX>) {
        *next = *at.x;
    }

    fn stage_cost<S: Scalar>(&self, _: Stage<'_, S, NX, NU, NP, NS>) -> S {
        S::zero()
    }

    fn expand_stage<S: Scalar>(&self, at: Stage<'_, S, NX, NU, NP, NS>, out: &mut StageExpansion<S, NX, NU>) {
        out.f = *at.x;
        for i in 0..NX {
            out.fx[(i, i)] = S::one();
        }
    }

    fn expand_hamiltonian<S: Scalar>(
        &self,
        _: Stage<'_, S, NX, NU, NP, NS>,
        _: &SVector<S, NX>,
        out: &mut HamiltonianExpansion<S, NX, NU>,
    ) {
        for i in 0..NX {
            out.fx[(i, i)] = S::one();
        }
    }

    fn bounds<S: Scalar>(&self, _: &SVector<S, NP>, lower: &mut SVector<S, NU>, upper: &mut SVector<S, NU>) {
        lower.fill(S::zero());
        upper.fill(S::zero());
    }

    fn initial_constraints<S: Scalar>(&self, at: Terminal<'_, S, NX, NP, NS>, c: &mut [S]) {
        self.0.initial_constraints(at, c);
        open_state_bounds(const { &M::LIMITS }, c);
    }

    fn expand_initial_constraints<S: Scalar>(
        &self,
        at: Terminal<'_, S, NX, NP, NS>,
        mu: &[S],
        out: &mut ConstraintExpansion<S, NX, 0>,
    ) {
        self.0.expand_initial_constraints(at, mu, out);
        open_state_bounds(const { &M::LIMITS }, &mut out.c);
    }

    end_functions_of_wrapped_model! { 0 }

    forwarded! { 0:
        fn terminal_cost<S: Scalar>(&self, at: Terminal<'_, S, NX, NP, NS>) -> S;
        fn expand_terminal<S: Scalar>(&self, at: Terminal<'_, S, NX, NP, NS>, out: &mut TerminalExpansion<S, NX>);
        fn add_terminal_parameter_contraction<S: Scalar>(
            &self,
            at: Terminal<'_, S, NX, NP, NS>,
            dx: &SVector<S, NX>,
            out: ParameterGradient<'_, S, NP, NS>,
        );
        fn terminal_parameter_terms<S: Scalar>(
            &self,
            at: Terminal<'_, S, NX, NP, NS>,
            out: &mut SMatrix<S, NX, NP>,
        );
        fn add_initial_parameter_contraction<S: Scalar>(
            &self,
            at: Terminal<'_, S, NX, NP, NS>,
            dx: &SVector<S, NX>,
            out: ParameterGradient<'_, S, NP, NS>,
        );
        fn initial_parameter_terms<S: Scalar>(&self, at: Terminal<'_, S, NX, NP, NS>, out: &mut SMatrix<S, NX, NP>);
        fn terminal_constraint_terms<S: Scalar>(
            &self,
            at: Terminal<'_, S, NX, NP, NS>,
            mu: &[S],
            out: &mut ConstraintParameterTerms<S, NX, 0, NP>,
        );
        fn initial_constraint_terms<S: Scalar>(
            &self,
            at: Terminal<'_, S, NX, NP, NS>,
            mu: &[S],
            out: &mut ConstraintParameterTerms<S, NX, 0, NP>,
        );
    }

    without_terms! {
        fn add_hamiltonian_parameter_gradient<S: Scalar>(
            &self,
            _at: Stage<'_, S, NX, NU, NP, NS>,
            _lambda: &SVector<S, NX>,
            _out: ParameterGradient<'_, S, NP, NS>,
        );
        fn add_parameter_contraction<S: Scalar>(
            &self,
            _at: Stage<'_, S, NX, NU, NP, NS>,
            _lambda: &SVector<S, NX>,
            _variation: Variation<'_, S, NX, NU>,
            _dlambda: &SVector<S, NX>,
            _out: ParameterGradient<'_, S, NP, NS>,
        );
        fn parameter_terms<S: Scalar>(
            &self,
            _at: Stage<'_, S, NX, NU, NP, NS>,
            _lambda: &SVector<S, NX>,
            _out: &mut ParameterTerms<S, NX, NU, NP>,
        );
        fn add_bounds_contraction<S: Scalar>(
            &self,
            _p: &SVector<S, NP>,
            _lower: &SVector<S, NU>,
            _upper: &SVector<S, NU>,
            _gp: &mut SVector<S, NP>,
        );
        fn bounds_terms<S: Scalar>(
            &self,
            _p: &SVector<S, NP>,
            _lower: &mut SMatrix<S, NU, NP>,
            _upper: &mut SMatrix<S, NU, NP>,
        );
    }
}

/// Whether the solve chooses entries that have no arrival cost.
pub(super) const fn has_undetermined<const NX: usize>(start: &Start<NX>) -> bool {
    let mut i = match &start.arrival {
        Some(arrival) => arrival.states,
        None => NX,
    };
    while i < NX {
        if start.free[i] {
            return true;
        }
        i += 1;
    }
    false
}
