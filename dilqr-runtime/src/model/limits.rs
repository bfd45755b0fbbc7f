//! Limits: bounds on controls, and constraints on stages and on the terminal state.
//!
//! ```text
//! lower(p) <= u_t <= upper(p)
//! c(x_t, u_t, p, s_t) <= 0 or = 0    for every stage t < T
//! c_T(x_T, p, s_T)    <= 0 or = 0
//! c_0(x_0, p, s_0)    <= 0 or = 0    where the solve chooses entries of x_0
//! ```
//!
//! The entries of `c` are the inequalities, then the equalities. Their number is a constant of the model
//! ([`Model::LIMITS`](crate::Model::LIMITS)) and not of its type, so records hold them in vectors.

use alloc::vec::Vec;

use nalgebra::{SMatrix, SVector};

use crate::linalg::products::zeros;
use crate::model::rows::{Limit, Names, Row, limit_at};
use crate::scalar::Scalar;

/// The limits that a model has.
///
/// ```
/// use dilqr_runtime::model::{Stage, Terminal};
/// use dilqr_runtime::nalgebra::SVector;
/// use dilqr_runtime::{Ilqr, Limits, LossGradient, Model, Problem, Scalar, Settings, Status};
///
/// /// A point on a line with `|u| <= p_0`, a speed of at most `p_1`, and rest at the end.
/// struct Point;
///
/// impl Model<2, 1, 2> for Point {
///     const LIMITS: Limits = Limits {
///         bounded: true,
///         stage_inequalities: 1,
///         terminal_equalities: 2,
///         // The speed is given at stage 0, so there it is no constraint.
///         depends_on_control: &[false],
///         ..Limits::NONE
///     };
///
///     fn dynamics<S: Scalar>(&self, Stage { x, u, .. }: Stage<'_, S, 2, 1, 2>, next: &mut SVector<S, 2>) {
///         next[0] = x[0] + S::from_f64(0.1) * x[1];
///         next[1] = x[1] + S::from_f64(0.1) * u[0];
///     }
///     fn stage_cost<S: Scalar>(&self, Stage { x, u, .. }: Stage<'_, S, 2, 1, 2>) -> S {
///         S::from_f64(0.5) * (x[0] * x[0] + S::from_f64(0.1) * u[0] * u[0])
///     }
///     fn terminal_cost<S: Scalar>(&self, _: Terminal<'_, S, 2, 2>) -> S {
///         S::zero()
///     }
///     fn bounds<S: Scalar>(&self, p: &SVector<S, 2>, lower: &mut SVector<S, 1>, upper: &mut SVector<S, 1>) {
///         lower[0] = -p[0];
///         upper[0] = p[0];
///     }
///     fn stage_constraints<S: Scalar>(&self, Stage { x, p, .. }: Stage<'_, S, 2, 1, 2>, c: &mut [S]) {
///         c[0] = -x[1] - p[1]; // x[1] >= -p_1
///     }
///     fn terminal_constraints<S: Scalar>(&self, Terminal { x, .. }: Terminal<'_, S, 2, 2>, c: &mut [S]) {
///         c[0] = x[0];
///         c[1] = x[1];
///     }
/// }
///
/// let mut solver = Ilqr::new(Point, 40, Settings::default())?;
/// let solution = solver.solve(&Problem::new([1.0, 0.0], [2.0, 0.6], 40))?;
/// assert_eq!(solution.status, Status::Converged);
/// assert!(solution.states.iter().all(|x| x[1] >= -0.6 - 1e-9) && solution.states[40].amax() < 1e-9);
///
/// // The gradient goes through the limits that are active: a higher limit of speed lowers the cost.
/// assert!(solution.certificate().active.len() > 2);
/// assert!(solver.value_gradient(&solution)?.params[1] < 0.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Whether any control has a bound.
    pub bounded: bool,
    /// Number of inequalities of a stage, `c <= 0`.
    pub stage_inequalities: usize,
    /// Number of equalities of a stage, `c = 0`.
    pub stage_equalities: usize,
    /// Number of inequalities of the terminal state.
    pub terminal_inequalities: usize,
    /// Number of equalities of the terminal state.
    pub terminal_equalities: usize,
    /// Number of inequalities of the initial state, where the solve chooses entries of it.
    pub initial_inequalities: usize,
    /// Number of equalities of the initial state.
    pub initial_equalities: usize,
    /// Whether each constraint of a stage depends on the control, or on an entry of the initial state that the solve chooses.
    /// Other constraints are not enforced at stage 0, where the state is given. An empty list means that all do.
    pub depends_on_control: &'static [bool],
    /// The parameters that occur in limits alone, as one side of them. They may be infinite: an inequality with the value
    /// minus infinity is not there.
    pub open_params: &'static [usize],
    /// The stage parameters that may be infinite.
    pub open_stage_params: &'static [usize],
    /// The last inequalities of a stage that are bounds or soft constraints; those before them are the model's own.
    pub stage_rows: &'static [Row],
    /// The last inequalities of the terminal state that are bounds or soft constraints.
    pub terminal_rows: &'static [Row],
    /// The last inequalities of the initial state that are bounds.
    pub initial_rows: &'static [Row],
    /// The number of controls, the last ones, that are excesses of a stage's soft constraints.
    pub excesses: usize,
    /// The first stage at which each soft constraint of a stage depends, beside its excess, on a control or on an entry of the
    /// initial state that the solve chooses; `usize::MAX` where it never does. Before it, the constraint is a part of the cost that
    /// no choice changes. An empty list means stage 0 for all.
    pub soft_chosen_from: &'static [usize],
    /// Pairs of soft constraints of a stage with opposite values, `c` and `-k c` with `k > 0`, by their indices. Both have the excess
    /// of the first, which has no bound. That of the second has its bound alone.
    pub absolute_values: &'static [(usize, usize)],
    /// The same for the terminal state.
    pub terminal_absolute_values: &'static [(usize, usize)],
    /// The names of the variables that have bounds.
    pub names: Names,
}

impl Limits {
    /// No limits.
    pub const NONE: Self = Self {
        bounded: false,
        stage_inequalities: 0,
        stage_equalities: 0,
        terminal_inequalities: 0,
        terminal_equalities: 0,
        initial_inequalities: 0,
        initial_equalities: 0,
        depends_on_control: &[],
        open_params: &[],
        open_stage_params: &[],
        stage_rows: &[],
        terminal_rows: &[],
        initial_rows: &[],
        excesses: 0,
        soft_chosen_from: &[],
        absolute_values: &[],
        terminal_absolute_values: &[],
        names: Names::NONE,
    };

    /// The number of constraints of a stage.
    #[must_use]
    pub const fn stage(&self) -> usize {
        self.stage_inequalities + self.stage_equalities
    }

    /// The number of constraints of the terminal state.
    #[must_use]
    pub const fn terminal(&self) -> usize {
        self.terminal_inequalities + self.terminal_equalities
    }

    /// The number of constraints of the initial state.
    #[must_use]
    pub const fn initial(&self) -> usize {
        self.initial_inequalities + self.initial_equalities
    }

    /// The number of constraints in the list of a stage: its own, then those of the initial state, which count at stage 0
    /// alone. So all stages have lists of one length.
    pub(crate) const fn listed(&self) -> usize {
        self.stage() + self.initial()
    }

    /// Whether constraint `i` of a stage's list is an inequality.
    #[inline(always)]
    pub(crate) const fn is_inequality(&self, i: usize) -> bool {
        if i < self.stage() { i < self.stage_inequalities } else { i - self.stage() < self.initial_inequalities }
    }

    /// Whether there are constraints other than bounds.
    #[must_use]
    pub const fn constrained(&self) -> bool {
        self.stage() + self.terminal() + self.initial() > 0
    }

    /// Whether there are equalities.
    #[cfg(feature = "dual")]
    pub(crate) const fn equalities(&self) -> bool {
        self.stage_equalities + self.terminal_equalities + self.initial_equalities > 0
    }

    /// Whether there is any limit.
    #[must_use]
    pub const fn limited(&self) -> bool {
        self.bounded || self.constrained()
    }

    /// The number of entries of the state, the last ones, that are excesses of soft constraints of the terminal state.
    pub(crate) const fn terminal_excesses(&self) -> usize {
        let (mut count, mut i) = (0, 0);
        while i < self.terminal_rows.len() {
            if matches!(self.terminal_rows[i], Row::SoftConstraint(_)) {
                count += 1;
            }
            i += 1;
        }
        count
    }

    /// The index of a control that is the excess of constraint `i` of a stage's list, among `controls`.
    pub(crate) fn excess_of_stage(&self, i: usize, controls: usize) -> Option<usize> {
        match self.stage_limit(i) {
            Limit::SoftConstraint { index } if self.excesses > 0 => Some(controls - self.excesses + index),
            _ => None,
        }
    }

    /// The soft constraint whose excess soft constraint `index` of a stage, or of the terminal state, has in place of its own.
    pub(crate) fn owner_of_excess(&self, index: usize, terminal: bool) -> Option<usize> {
        let pairs = if terminal { self.terminal_absolute_values } else { self.absolute_values };
        pairs.iter().find(|(_, second)| *second == index).map(|(first, _)| *first)
    }

    /// Whether a choice changes the value of soft constraint `index` at stage `t`.
    pub(crate) fn is_soft_chosen(&self, t: usize, index: usize) -> bool {
        self.soft_chosen_from.get(index).is_none_or(|&first| first <= t)
    }

    /// The constraint of stage `t` that has the same excess as constraint `i`, and belongs to it, where both are a part of the cost
    /// that no choice changes.
    pub(crate) fn owner_without_choice(&self, t: usize, i: usize) -> Option<usize> {
        if self.absolute_values.is_empty() {
            return None;
        }
        let Limit::SoftConstraint { index } = self.stage_limit(i) else { return None };
        if self.is_soft_chosen(t, index) {
            return None;
        }
        self.row_of_soft(self.owner_of_excess(index, false)?)
    }

    /// The soft constraint of stage `t` whose excess is control `i` of `controls`, where no choice changes the value of that
    /// constraint. The excess of the second row of an absolute value is none.
    pub(crate) fn soft_without_choice(&self, t: usize, i: usize, controls: usize) -> Option<usize> {
        let index = i.checked_sub(controls - self.excesses)?;
        if self.is_soft_chosen(t, index) || self.owner_of_excess(index, false).is_some() {
            return None;
        }
        self.row_of_soft(index)
    }

    /// The row of a stage's list that is soft constraint `index`.
    fn row_of_soft(&self, index: usize) -> Option<usize> {
        (0..self.listed()).find(|&row| self.stage_limit(row) == Limit::SoftConstraint { index })
    }

    /// The index of an entry of the state that is the excess of constraint `i` of the terminal state, among `states`.
    pub(crate) fn excess_of_end(&self, i: usize, states: usize) -> Option<usize> {
        match self.terminal_limit(i) {
            Limit::SoftConstraint { index } => Some(states - self.terminal_excesses() + index),
            _ => None,
        }
    }

    /// What constraint `i` of a stage's list is.
    pub(crate) fn stage_limit(&self, i: usize) -> Limit {
        match i.checked_sub(self.stage()) {
            None => limit_at(i, self.stage_inequalities, self.stage_rows)
                .unwrap_or_else(|index| Limit::Constraint { index }),
            Some(i) => limit_at(i, self.initial_inequalities, self.initial_rows)
                .unwrap_or_else(|index| Limit::InitialConstraint { index }),
        }
    }

    /// What constraint `i` of the terminal state is.
    pub(crate) fn terminal_limit(&self, i: usize) -> Limit {
        limit_at(i, self.terminal_inequalities, self.terminal_rows).unwrap_or_else(|index| Limit::Constraint { index })
    }
}

/// The constraints of a stage to second order, with `h = mu' c` for the multipliers `mu` of the kernel.
#[derive(Clone, Debug, PartialEq)]
pub struct ConstraintExpansion<S, const NX: usize, const NU: usize> {
    /// Values.
    pub c: Vec<S>,
    /// `dc/dx`, one row of `NX` each.
    pub cx: Vec<SVector<S, NX>>,
    /// `dc/du`, one row of `NU` each.
    pub cu: Vec<SVector<S, NU>>,
    /// `d2h/dx2`, `NX x NX`, symmetric, both halves filled.
    pub hxx: SMatrix<S, NX, NX>,
    /// `d2h/du dx`, `NU x NX`.
    pub hux: SMatrix<S, NU, NX>,
    /// `d2h/du2`, `NU x NU`, symmetric, both halves filled.
    pub huu: SMatrix<S, NU, NU>,
}

impl<S: Scalar, const NX: usize, const NU: usize> ConstraintExpansion<S, NX, NU> {
    /// A record of zeros for this many constraints. Kernels do not write structural zeros into it.
    #[must_use]
    pub fn zeros(constraints: usize) -> Self {
        Self {
            c: vec![S::zero(); constraints],
            cx: vec![zeros(); constraints],
            cu: vec![zeros(); constraints],
            hxx: zeros(),
            hux: zeros(),
            huu: zeros(),
        }
    }
}

/// The forward parameter terms of constraints, with `h = mu' c`.
#[derive(Clone, Debug, PartialEq)]
pub struct ConstraintParameterTerms<S, const NX: usize, const NU: usize, const NP: usize> {
    /// `dc/dp`, one row of `NP` each.
    pub cp: Vec<SVector<S, NP>>,
    /// `d2h/dx dp`, `NX x NP`.
    pub hxp: SMatrix<S, NX, NP>,
    /// `d2h/du dp`, `NU x NP`.
    pub hup: SMatrix<S, NU, NP>,
}

impl<S: Scalar, const NX: usize, const NU: usize, const NP: usize> ConstraintParameterTerms<S, NX, NU, NP> {
    /// A record of zeros for this many constraints. Kernels do not write structural zeros into it.
    #[must_use]
    pub fn zeros(constraints: usize) -> Self {
        Self { cp: vec![zeros(); constraints], hxp: zeros(), hup: zeros() }
    }
}
