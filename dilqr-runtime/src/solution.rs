//! What a solve returns.

use alloc::boxed::Box;
use alloc::vec::Vec;
use nalgebra::{SMatrix, SVector};

use crate::augmented_lagrangian::AugmentedLagrangian;
use crate::cause::Cause;
use crate::lifted_data::LiftedData;
use crate::model::limits::Limits;
use crate::model::rows::Limit;
use crate::multipliers::Multipliers;
use crate::ocp::constraints::Constraint;
use crate::stats::Stats;
use crate::status::Status;

/// What a solve leaves behind for the certificate.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CertificateData<const NU: usize> {
    /// `Q_uu` on the controls that are free, with infinity on the diagonal for those that are not.
    pub(crate) curvatures: Vec<SMatrix<f64, NU, NU>>,
    pub(crate) lower: [f64; NU],
    pub(crate) upper: [f64; NU],
    /// The constraints along the trajectory, in the order of their multipliers.
    pub(crate) constraints: Vec<Constraint>,
    /// The magnitudes of the constraints, those of a stage before those of the terminal state.
    pub(crate) rows: Vec<f64>,
    /// What these constraints are.
    pub(crate) limits: Vec<Limit>,
    /// The largest terms of each entry of `Q_u`.
    pub(crate) terms: [f64; NU],
}

impl<const NU: usize> CertificateData<NU> {
    /// Of no solve yet, with room for one over `horizon` stages.
    pub(crate) fn none(horizon: usize) -> Self {
        Self {
            curvatures: Vec::with_capacity(horizon),
            lower: [f64::NEG_INFINITY; NU],
            upper: [f64::INFINITY; NU],
            constraints: Vec::new(),
            rows: Vec::new(),
            limits: Vec::new(),
            terms: [1.0; NU],
        }
    }

    /// Writes what the constraints are.
    pub(crate) fn name_rows(&mut self, of: &Limits) {
        self.limits.clear();
        self.limits.extend((0..of.listed()).map(|i| of.stage_limit(i)));
        self.limits.extend((0..of.terminal()).map(|i| of.terminal_limit(i)));
    }
}

/// A trajectory with everything needed to use and to differentiate it. `T` is the horizon.
///
/// ```
/// use dilqr_runtime::{Ilqr, LossGradient, Problem, Settings, Status};
/// # use dilqr_runtime::model::{Stage, Terminal};
/// # use dilqr_runtime::nalgebra::SVector;
/// # use dilqr_runtime::{Model, Scalar};
/// /// A point on a line: `x+ = (x_0 + 0.1 x_1, x_1 + 0.1 u)`. Its parameter is the price of pushing.
/// #[derive(Clone, Copy)]
/// struct Point;
/// # impl Model<2, 1, 1> for Point {
/// #     fn dynamics<S: Scalar>(&self, Stage { x, u, .. }: Stage<'_, S, 2, 1, 1>, next: &mut SVector<S, 2>) {
/// #         next[0] = x[0] + S::from_f64(0.1) * x[1];
/// #         next[1] = x[1] + S::from_f64(0.1) * u[0];
/// #     }
/// #     fn stage_cost<S: Scalar>(&self, Stage { x, u, p, .. }: Stage<'_, S, 2, 1, 1>) -> S {
/// #         x[0] * x[0] + x[1] * x[1] + p[0] * u[0] * u[0]
/// #     }
/// #     fn terminal_cost<S: Scalar>(&self, Terminal { x, .. }: Terminal<'_, S, 2, 1>) -> S {
/// #         S::from_f64(10.0) * (x[0] * x[0] + x[1] * x[1])
/// #     }
/// # }
///
/// let mut solver = Ilqr::new(Point, 20, Settings::default())?;
/// let solution = solver.solve(&Problem::new([1.0, 0.0], [0.1], 20))?;
/// assert_eq!(solution.status, Status::Converged);
/// assert_eq!((solution.states.len(), solution.controls.len()), (21, 20));
///
/// // Feedback about the trajectory, for a state that is not quite the planned one.
/// let x = solution.states[3] + SVector::from([0.01, 0.0]);
/// let u = solution.controls[3] + solution.gains[3] * (x - solution.states[3]);
/// assert!(u[0] < solution.controls[3][0]);
///
/// // The optimal cost falls along the costate: its gradient in the initial state.
/// assert_eq!(solver.value_gradient(&solution)?.initial_state, solution.costates[0]);
///
/// // A solution that was edited has no gradient.
/// let mut edited = solution.clone();
/// edited.controls[5][0] += 0.1;
/// assert!(solver.vjp(&edited, &LossGradient::zeros(20)).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// It is self-contained: it holds the problem's data, so [`Ilqr::vjp`](crate::Ilqr::vjp) is right for any solution of the
/// same model, whatever was solved since. A solution that was edited is recognized and refused.
#[derive(Clone, Debug, PartialEq)]
pub struct Solution<const NX: usize, const NU: usize, const NP: usize, const NS: usize = 0, const ND: usize = 0> {
    /// How the solve ended.
    pub status: Status,
    /// The reason for [`Status::Diverged`], and a kink of the model that a solve without progress is stuck at; `None` for
    /// all others.
    pub cause: Option<Cause>,
    /// `sum_t l(x_t, u_t) + l_T(x_T)`, with the initial cost and the penalties of soft constraints where the model has some. Without
    /// barriers, and without the terms of an augmented Lagrangian.
    pub cost: f64,
    /// `x_t`, `T + 1` vectors of `NX`.
    pub states: Vec<SVector<f64, NX>>,
    /// `u_t`, `T` vectors of `NU`.
    pub controls: Vec<SVector<f64, NU>>,
    /// The design variables, `ND` (of no size where the model has none).
    pub design: SVector<f64, ND>,
    /// Feedback `K_t` of the last backward pass, `T` matrices `NU x NX`: `u = u_t + K_t (x - x_t)`. Belongs to the
    /// returned trajectory; NaN where no pass finished on it ([`Status::Diverged`], [`Status::RegularizationLimit`]).
    pub gains: Vec<SMatrix<f64, NU, NX>>,
    /// Closed-loop costates `lambda_t = lx + K' lu + (fx + fu K)' lambda_{t+1}`, `T + 1` vectors of `NX`; at a solution the
    /// gradient of the optimal cost-to-go. NaN where `gains` are.
    pub costates: Vec<SVector<f64, NX>>,
    /// Multipliers of the constraints; empty for models without. Of a subproblem of an augmented Lagrangian the slopes of its terms,
    /// which are the multipliers of the next one. The rows of bounds of states, of rates and of soft
    /// constraints are constraints, too, and stand behind the model's own inequalities.
    pub multipliers: Multipliers,
    /// `Q_u` where a bound holds a control (positive at the lower, negative at the upper one), zero elsewhere: `T` vectors of
    /// `NU`; empty for models without bounds. Of a relaxed problem the multiplier of the lower bound minus that of the upper
    /// one, which determines both. NaN where `gains` are.
    pub bound_multipliers: Vec<SVector<f64, NU>>,
    /// The relaxation that the problem was solved at ([`Settings::relaxation`](crate::Settings::relaxation)); it is
    /// differentiated as that problem.
    pub relaxation: Option<f64>,
    /// The subproblem of the augmented Lagrangian method that was solved
    /// ([`Ilqr::solve_augmented`](crate::Ilqr::solve_augmented)); it is differentiated as that problem.
    pub augmented_lagrangian: Option<AugmentedLagrangian>,
    /// Counts.
    pub stats: Stats,
    /// The problem's initial state, `NX`.
    pub x0: SVector<f64, NX>,
    /// The problem's control before the first stage, `NU`, where the model reads it.
    pub previous: Option<SVector<f64, NU>>,
    /// The problem's parameters, `NP`.
    pub params: SVector<f64, NP>,
    /// The problem's stage parameters, `T + 1` vectors of `NS` (of no size, and no memory, where the model has none).
    pub stage_params: Vec<SVector<f64, NS>>,
    /// For the certificate.
    pub(crate) certificate_data: CertificateData<NU>,
    /// What the solve of a lifted model found and the fields do not hold.
    pub(crate) lifted: Option<Box<LiftedData>>,
}

impl<const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize> Solution<NX, NU, NP, NS, ND> {
    /// Memory for a solution over `horizon` stages, for [`Ilqr::solve_into`](crate::Ilqr::solve_into): status
    /// [`Status::Unsolved`], every number NaN.
    #[must_use]
    pub fn empty(horizon: usize) -> Self {
        Self {
            status: Status::Unsolved,
            cause: None,
            cost: f64::NAN,
            states: vec![SVector::repeat(f64::NAN); horizon + 1],
            controls: vec![SVector::repeat(f64::NAN); horizon],
            design: SVector::repeat(f64::NAN),
            gains: vec![SMatrix::repeat(f64::NAN); horizon],
            costates: vec![SVector::repeat(f64::NAN); horizon + 1],
            multipliers: Multipliers::default(),
            bound_multipliers: Vec::new(),
            certificate_data: CertificateData::none(horizon),
            lifted: None,
            relaxation: None,
            augmented_lagrangian: None,
            stats: Stats::default(),
            x0: SVector::repeat(f64::NAN),
            previous: None,
            params: SVector::repeat(f64::NAN),
            stage_params: vec![SVector::repeat(f64::NAN); horizon + 1],
        }
    }

    /// `T`, the number of controls.
    #[must_use]
    pub fn horizon(&self) -> usize {
        self.controls.len()
    }

    /// The subproblem of the augmented Lagrangian method that follows this one: its multipliers are those of this solution, its
    /// weights those of this subproblem times `increase`. `None` for a solution of any other problem.
    #[must_use]
    pub fn next_subproblem(&self, increase: f64) -> Option<AugmentedLagrangian> {
        let AugmentedLagrangian { weights, .. } = self.augmented_lagrangian.as_ref()?;
        let weights = weights.iter().map(|weight| weight * increase).collect();
        Some(AugmentedLagrangian { multipliers: self.multipliers.clone(), weights })
    }
}

/// A solution of no stages and no solve.
impl<const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize> Default
    for Solution<NX, NU, NP, NS, ND>
{
    fn default() -> Self {
        Self::empty(0)
    }
}
