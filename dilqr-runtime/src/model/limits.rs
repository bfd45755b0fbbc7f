//! What limits a trajectory: bounds on controls, and constraints on stages and on the terminal state.
//!
//! ```text
//! lower(p) <= u_t <= upper(p)
//! c(x_t, u_t, p, s_t) <= 0 or = 0    for every stage t < T
//! c_T(x_T, p, s_T)    <= 0 or = 0
//! ```
//!
//! The entries of `c` are the inequalities, then the equalities. Their number is a constant of the model
//! ([`Model::LIMITS`](crate::Model::LIMITS)) and not of its type, so records hold them in lists.

use crate::linalg::products::zeros;
use alloc::vec::Vec;
use core::fmt;
use nalgebra::{SMatrix, SVector};

use crate::scalar::Scalar;

/// How a model's trajectories are limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Whether a control has a bound.
    pub bounded: bool,
    /// Inequalities of a stage, `c <= 0`.
    pub stage_inequalities: usize,
    /// Equalities of a stage, `c = 0`.
    pub stage_equalities: usize,
    /// Inequalities of the terminal state.
    pub terminal_inequalities: usize,
    /// Equalities of the terminal state.
    pub terminal_equalities: usize,
    /// Of each constraint of a stage, whether it depends on the control. What does not is no constraint at stage 0, where
    /// the state is given. Empty means that all do.
    pub depends_on_control: &'static [bool],
}

impl Limits {
    /// None at all.
    pub const NONE: Self = Self {
        bounded: false,
        stage_inequalities: 0,
        stage_equalities: 0,
        terminal_inequalities: 0,
        terminal_equalities: 0,
        depends_on_control: &[],
    };

    /// Constraints of a stage.
    #[must_use]
    pub const fn stage(&self) -> usize {
        self.stage_inequalities + self.stage_equalities
    }

    /// Constraints of the terminal state.
    #[must_use]
    pub const fn terminal(&self) -> usize {
        self.terminal_inequalities + self.terminal_equalities
    }

    /// Whether there are constraints other than bounds.
    #[must_use]
    pub const fn constrained(&self) -> bool {
        self.stage() + self.terminal() > 0
    }

    /// Whether there is any limit.
    #[must_use]
    pub const fn limited(&self) -> bool {
        self.bounded || self.constrained()
    }
}

/// The constraints of a stage to second order. `h = mu' c` with the multipliers that the kernel was given.
#[derive(Clone, Debug, PartialEq)]
pub struct ConstraintExpansion<S, const NX: usize, const NU: usize> {
    /// Their values.
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
    /// A record of zeros for this many constraints; kernels write no structural zero into it.
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

/// The forward parameter terms of constraints, with `h = mu' c`. `NP` counts the parameters, or those of the stage.
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
    /// A record of zeros for this many constraints; kernels write no structural zero into it.
    #[must_use]
    pub fn zeros(constraints: usize) -> Self {
        Self { cp: vec![zeros(); constraints], hxp: zeros(), hup: zeros() }
    }
}

/// What limits a trajectory at a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Limit {
    /// The lower bound of a control.
    LowerBound {
        /// Index of the control.
        control: usize,
    },
    /// The upper bound of a control.
    UpperBound {
        /// Index of the control.
        control: usize,
    },
    /// A constraint: inequalities are counted first, then equalities.
    Constraint {
        /// Index of the constraint.
        index: usize,
    },
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LowerBound { control } => write!(f, "the lower bound of control {control}"),
            Self::UpperBound { control } => write!(f, "the upper bound of control {control}"),
            Self::Constraint { index } => write!(f, "constraint {index}"),
        }
    }
}
