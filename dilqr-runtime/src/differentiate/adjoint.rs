//! The reverse mode: one linear solve with the loss gradient, contracted with the derivatives in the parameters.

use alloc::vec::Vec;

use nalgebra::SVector;

use crate::gradient::Gradient;
use crate::kkt::Kkt;
use crate::kkt::linear::{KktSystem, Step};
use crate::kkt::penalties::Penalties;
use crate::linalg::products::zeros;
use crate::lq::bounds::Side;
use crate::lq::equality_constrained::ConstraintId;
use crate::model::Model;
use crate::model::stage::{ParameterGradient, Variation};
use crate::ocp::instance::PatternOf;
use crate::ocp::stage_functions;
use crate::ocp::trajectory::TrajectoryRef;
use crate::scalar::Scalar;

/// A loss gradient, or a gradient in the parameters: a list over the stages and the rest.
pub(crate) struct LossRef<'a, S, const NX: usize, const NU: usize> {
    /// `T + 1` vectors.
    pub(crate) states: &'a [SVector<S, NX>],
    /// `T` vectors.
    pub(crate) controls: &'a [SVector<S, NU>],
}

/// Where gradients are added to.
pub(crate) struct GradientMut<'a, S, const NP: usize, const NS: usize> {
    pub(crate) params: &'a mut SVector<S, NP>,
    /// `T + 1` vectors.
    pub(crate) stage_params: &'a mut [SVector<S, NS>],
    /// Those of the model's networks.
    pub(crate) weights: &'a mut [S],
}

impl<'a, const NP: usize, const NS: usize> GradientMut<'a, f64, NP, NS> {
    /// The lists of a gradient.
    pub(crate) fn of<const NX: usize>(gradient: &'a mut Gradient<NX, NP, NS>) -> Self {
        let Gradient { params, stage_params, weights, .. } = gradient;
        Self { params, stage_params, weights }
    }
}

impl<S, const NP: usize, const NS: usize> GradientMut<'_, S, NP, NS> {
    /// That of the parameters, of stage `t` and of the weights.
    #[inline(always)]
    pub(crate) fn at(&mut self, t: usize) -> ParameterGradient<'_, S, NP, NS> {
        ParameterGradient { p: self.params, s: &mut self.stage_params[t], w: self.weights }
    }
}

/// Contracts steps of the LQ problem about a trajectory with the model's derivatives in the parameters.
pub(crate) struct Contraction<'a, M, S, const NX: usize, const NU: usize, const NP: usize, const NS: usize> {
    pub(crate) model: &'a M,
    pub(crate) point: TrajectoryRef<'a, S, NX, NU, NP, NS>,
    pub(crate) costates: &'a [SVector<S, NX>],
    penalties: Option<&'a Penalties<S, NX, NU>>,
    /// Multipliers of the rows of a stage, by constraint.
    multipliers: Vec<S>,
    /// Sums of the multipliers of active bounds.
    lower: SVector<S, NU>,
    upper: SVector<S, NU>,
}

impl<'a, M, S: Scalar, const NX: usize, const NU: usize, const NP: usize, const NS: usize>
    Contraction<'a, M, S, NX, NU, NP, NS>
where
    M: Model<NX, NU, NP, NS>,
{
    pub(crate) fn new(
        model: &'a M,
        point: TrajectoryRef<'a, S, NX, NU, NP, NS>,
        costates: &'a [SVector<S, NX>],
        penalties: Option<&'a Penalties<S, NX, NU>>,
        multipliers: Vec<S>,
    ) -> Self {
        Self { model, point, costates, penalties, multipliers, lower: zeros(), upper: zeros() }
    }

    /// Adds stage `t`, whose active rows are `rows`.
    #[inline(always)]
    pub(crate) fn add_stage(
        &mut self,
        t: usize,
        rows: &[ConstraintId],
        step: &Step<'_, S, NX, NU, 1>,
        mut out: ParameterGradient<'_, S, NP, NS>,
    ) {
        let (at, variation) = (self.point.stage(t), Variation::new(step.dx, step.du));
        let (at_stage, directions) = ((self.model, t), (variation, step.dlambda));
        stage_functions::add_parameter_contraction(at_stage, at, &self.costates[t + 1], directions, out.reborrow());
        if const { !M::LIMITS.limited() } {
            return;
        }
        let limits = const { &M::LIMITS };
        self.multipliers.clear();
        self.multipliers.resize(limits.listed(), S::zero());
        for (row, multiplier) in rows.iter().zip(step.rows) {
            match *row {
                ConstraintId::Constraint(i) => self.multipliers[i] = multiplier[0],
                // `lower - u` and `u - upper` are the constraints.
                ConstraintId::Bound(i, Side::Lower) => self.lower[i] += multiplier[0],
                ConstraintId::Bound(i, Side::Upper) => self.upper[i] -= multiplier[0],
            }
        }
        if let Some(penalties) = self.penalties {
            let (constraints, bounds) = penalties.split(t, step.penalties);
            let changes = self.multipliers.iter_mut().zip(constraints).enumerate();
            changes
                .filter(|(i, _)| penalties.takes(limits.is_inequality(*i)))
                .for_each(|(_, (own, change))| *own = change[0]);
            for (i, sides) in bounds.chunks_exact(2).enumerate() {
                self.lower[i] += sides[Side::Lower as usize][0];
                self.upper[i] -= sides[Side::Upper as usize][0];
            }
        }
        let mu = self.point.multipliers.at_stage(t, limits);
        // A constraint that is not active may have no derivative here.
        if mu.iter().chain(&self.multipliers).any(|multiplier| !multiplier.vanishes()) {
            stage_functions::add_stage_constraint_contraction(at_stage, at, (mu, &self.multipliers), variation, out);
        }
    }

    /// Adds the terminal state, whose active rows are `rows`.
    #[inline(always)]
    pub(crate) fn add_terminal(
        &mut self,
        rows: &[usize],
        step: &Step<'_, S, NX, NU, 1>,
        mut out: ParameterGradient<'_, S, NP, NS>,
    ) {
        let at = self.point.terminal();
        self.model.add_terminal_parameter_contraction(at, step.dx, out.reborrow());
        let limits = const { &M::LIMITS };
        if limits.terminal() > 0 {
            self.multipliers.clear();
            self.multipliers.resize(limits.terminal(), S::zero());
            for (&i, multiplier) in rows.iter().zip(step.rows) {
                self.multipliers[i] = multiplier[0];
            }
            if let Some(penalties) = self.penalties {
                let (constraints, _) = penalties.split(self.point.controls.len(), step.penalties);
                self.multipliers.iter_mut().zip(constraints).for_each(|(own, change)| *own = change[0]);
            }
            let mu = self.point.multipliers.terminal;
            // A constraint that is not active may have no derivative here.
            if mu.iter().chain(&self.multipliers).any(|multiplier| !multiplier.vanishes()) {
                self.model.add_terminal_constraint_contraction(at, mu, step.dx, &self.multipliers, out);
            }
        }
    }

    /// Adds the bounds of all stages.
    /// Returns the list that it was made with.
    pub(crate) fn add_bounds(self, params: &mut SVector<S, NP>) -> Vec<S> {
        if const { M::LIMITS.bounded } {
            self.model.add_bounds_contraction(self.point.params, &self.lower, &self.upper, params);
        }
        self.multipliers
    }
}

/// Solves the LQ problem with the loss gradient as its linear part and contracts the solution with the derivatives in the
/// parameters, adding to `out`. Returns the gradient in the initial state, `dlambda_0`.
pub(crate) fn adjoint<K, M, S, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    (system, memory): (&K, &mut K::Linear<1>),
    model: &M,
    point: TrajectoryRef<'_, S, NX, NU, NP, NS>,
    loss: &LossRef<'_, S, NX, NU>,
    mut out: GradientMut<'_, S, NP, NS>,
) -> SVector<S, NX>
where
    K: KktSystem<S, NX, NU>,
    S: Scalar,
    M: Model<NX, NU, NP, NS>,
{
    let horizon = system.horizon();
    let multipliers = K::stage_multipliers(memory).map(core::mem::take).unwrap_or_default();
    let mut contraction = Contraction::new(model, point, system.costates(), system.penalties(), multipliers);
    let initial_state = system.solve::<PatternOf<M, NP, NS>, 1, true>(
        memory,
        |t, terms| {
            terms.gx = loss.states[t];
            if t < horizon {
                terms.gu = loss.controls[t];
            }
            if const { M::LIMITS.limited() } {
                let rows = if t < horizon { system.rows(t).len() } else { system.terminal_rows().len() };
                terms.rows.resize(rows, zeros());
            }
        },
        |t, step| {
            if t < horizon {
                contraction.add_stage(t, system.rows(t), &step, out.at(t));
            } else {
                contraction.add_terminal(system.terminal_rows(), &step, out.at(t));
            }
        },
    );
    let multipliers = contraction.add_bounds(out.params);
    if let Some(list) = K::stage_multipliers(memory) {
        *list = multipliers;
    }
    initial_state
}

/// The gradient of the optimal cost by the envelope theorem: `dH/dp` summed along the trajectory, with the multipliers of
/// the limits times their derivatives. Returns `lambda_0`.
pub(crate) fn value_gradient<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    system: &Kkt<f64, NX, NU>,
    model: &M,
    point: TrajectoryRef<'_, f64, NX, NU, NP, NS>,
    mut out: GradientMut<'_, f64, NP, NS>,
) -> SVector<f64, NX>
where
    M: Model<NX, NU, NP, NS>,
{
    let limits = const { &M::LIMITS };
    let horizon = system.horizon();
    let costates = system.costates();
    let (no_dx, no_du) = (SVector::zeros(), SVector::zeros());
    for t in 0..horizon {
        let (at_stage, at) = ((model, t), point.stage(t));
        stage_functions::add_hamiltonian_parameter_gradient(at_stage, at, &costates[t + 1], out.at(t));
        if limits.listed() > 0 {
            let mu = point.multipliers.at_stage(t, limits);
            let still = Variation::new(&no_dx, &no_du);
            stage_functions::add_stage_constraint_contraction(at_stage, at, (mu, mu), still, out.at(t));
        }
    }
    model.add_terminal_parameter_gradient(point.terminal(), out.at(horizon));
    if limits.terminal() > 0 {
        let mu = point.multipliers.terminal;
        model.add_terminal_constraint_contraction(point.terminal(), mu, &no_dx, mu, out.at(horizon));
    }
    if limits.bounded {
        let held = system.bound_multipliers();
        // Positive at a lower bound, negative at an upper one.
        let side =
            |sign: f64| held.iter().fold(SVector::zeros(), |sum, qu| sum + qu.map(|qu| sign * (sign * qu).max(0.0)));
        let (mut lower, mut upper) = (side(1.0), side(-1.0));
        for (t, penalties) in (0..horizon).filter_map(|t| Some((t, system.penalties()?))) {
            penalties.add_bound_multipliers(t, (&mut lower, &mut upper));
        }
        model.add_bounds_contraction(point.params, &lower, &upper, out.params);
    }
    SVector::from_fn(|i, _| if M::START.free[i] { 0.0 } else { costates[0][i] })
}
