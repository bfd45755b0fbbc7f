//! Between a lifted model and the model with more states and controls that solves it.
//!
//! ```text
//! z = (x, previous control, design, excesses of terminal soft constraints)      NZ
//! w = (u, excesses of stage soft constraints)                                   NW
//!
//! x+ = f(x, u, previous, p, d, s),   previous+ = u,   d+ = d,   excess+ = excess
//! ```
//!
//! The previous control is part of `z` where the model reads it. Design variables, excesses of terminal constraints and
//! states that the solve chooses are free entries of `z_0` ([`Start`](crate::model::Start)); they are constant along a
//! trajectory. Excesses of stages are controls with the bound zero.

use alloc::vec::Vec;

use nalgebra::{SMatrix, SVector};

use crate::cause::{Cause, ModelFunction};
use crate::error::{GradientError, Input, InputError, Position, SolveError};
use crate::gradient::{Gradient, Jacobian, LossGradient};
use crate::guess::{Feedback, Guess, Policy};
use crate::lifted_data::{LiftedData, flatten, unflatten};
use crate::model::Model;
use crate::model::rows::Row;
use crate::multipliers::copy;
use crate::problem::Problem;
use crate::solution::Solution;

/// The model with `NZ` states and `NW` controls that solves a lifted model. The attribute `model` implements it.
pub trait Lift<
    const NX: usize,
    const NU: usize,
    const NP: usize,
    const NS: usize,
    const ND: usize,
    const NZ: usize,
    const NW: usize,
>: Model<NZ, NW, NP, NS>
{
    /// The user's model.
    type Model: Clone + Sync;

    /// Whether any function reads the previous control.
    const PREVIOUS: bool;

    /// The model underneath a user's model.
    fn new(model: Self::Model) -> Self;

    /// The user's model.
    fn model(&self) -> &Self::Model;

    /// The user's model, to be changed.
    fn model_mut(&mut self) -> &mut Self::Model;

    /// The factors of the penalties of soft constraints, linear and quadratic: of a stage, and of the terminal state. Positive
    /// numbers where all are constants, which the attribute checks.
    #[must_use]
    fn penalties(_p: &SVector<f64, NP>, _s: &SVector<f64, NS>) -> [[f64; 2]; 2] {
        [[1.0; 2]; 2]
    }
}

/// Whether the data of a problem are those of the model `C`, without the limits of its controls.
pub(crate) fn check<
    C,
    const NX: usize,
    const NU: usize,
    const NP: usize,
    const NS: usize,
    const ND: usize,
    const NZ: usize,
    const NW: usize,
>(
    problem: &Problem<NX, NU, NP, NS, ND>,
    horizon: usize,
) -> Result<(), SolveError>
where
    C: Lift<NX, NU, NP, NS, ND, NZ, NW>,
{
    problem.check_data(horizon, C::PREVIOUS, const { &C::LIMITS })?;
    check_penalties::<C, NX, NU, NP, NS, ND, NZ, NW>((problem.params(), problem.stage_params()), horizon)
}

/// Whether the factors of the penalties of soft constraints are numbers >= 0, and one of them is positive. The data have passed
/// their checks.
pub(crate) fn check_penalties<
    C,
    const NX: usize,
    const NU: usize,
    const NP: usize,
    const NS: usize,
    const ND: usize,
    const NZ: usize,
    const NW: usize,
>(
    (params, stage_params): (&SVector<f64, NP>, &[SVector<f64, NS>]),
    horizon: usize,
) -> Result<(), SolveError>
where
    C: Lift<NX, NU, NP, NS, ND, NZ, NW>,
{
    let none = SVector::zeros();
    for stage in 0..=horizon {
        let s = stage_params.get(stage).unwrap_or(&none);
        let [of_stage, terminal] = C::penalties(params, s);
        let (factors, rows) = match stage < horizon {
            true => (of_stage, C::LIMITS.stage_rows),
            false => (terminal, C::LIMITS.terminal_rows),
        };
        if let Some(&given) = factors.iter().find(|factor| !(factor.is_finite() && **factor >= 0.0)) {
            return Err(InputError::Penalty { stage, given }.into());
        }
        // The excess would have no best value.
        if factors == [0.0; 2] && rows.iter().any(|row| matches!(row, Row::SoftConstraint(_))) {
            return Err(InputError::NoPenalty { stage }.into());
        }
    }
    Ok(())
}

/// Conversions of what a lifted model's problems are made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lifting<
    const NX: usize,
    const NU: usize,
    const NP: usize,
    const NS: usize,
    const ND: usize,
    const NZ: usize,
    const NW: usize,
> {
    /// Whether `z` has the previous control.
    pub(crate) previous: bool,
}

impl<
    const NX: usize,
    const NU: usize,
    const NP: usize,
    const NS: usize,
    const ND: usize,
    const NZ: usize,
    const NW: usize,
> Lifting<NX, NU, NP, NS, ND, NZ, NW>
{
    /// That of a model.
    pub(crate) const fn of<C>() -> Self
    where
        C: Lift<NX, NU, NP, NS, ND, NZ, NW>,
    {
        let lifting = Self { previous: C::PREVIOUS };
        assert!(NZ >= lifting.slacks_at() && NW >= NU, "the model underneath has the states and controls of the model");
        lifting
    }

    /// The index of the first design variable in `z`.
    const fn design_at(self) -> usize {
        NX + if self.previous { NU } else { 0 }
    }

    /// The index of the first excess in `z`.
    const fn slacks_at(self) -> usize {
        self.design_at() + ND
    }

    /// `z` from its parts. Excesses that are not there are zero.
    pub(crate) fn state(
        self,
        x: &SVector<f64, NX>,
        previous: &SVector<f64, NU>,
        design: &SVector<f64, ND>,
        slacks: &[f64],
    ) -> SVector<f64, NZ> {
        SVector::from_fn(|i, _| {
            if i < NX {
                x[i]
            } else if i < self.design_at() {
                previous[i - NX]
            } else if i < self.slacks_at() {
                design[i - self.design_at()]
            } else {
                slacks.get(i - self.slacks_at()).copied().unwrap_or(0.0)
            }
        })
    }

    /// `w` from its parts. Excesses that are not there are zero.
    pub(crate) fn control(self, u: &SVector<f64, NU>, slacks: &[f64]) -> SVector<f64, NW> {
        SVector::from_fn(|i, _| if i < NU { u[i] } else { slacks.get(i - NU).copied().unwrap_or(0.0) })
    }

    /// `x` in `z`.
    pub(crate) fn model_state(self, z: &SVector<f64, NZ>) -> SVector<f64, NX> {
        SVector::from_fn(|i, _| z[i])
    }

    /// `u` in `w`.
    pub(crate) fn model_control(self, w: &SVector<f64, NW>) -> SVector<f64, NU> {
        SVector::from_fn(|i, _| w[i])
    }

    /// `d` in `z`.
    pub(crate) fn design(self, z: &SVector<f64, NZ>) -> SVector<f64, ND> {
        SVector::from_fn(|i, _| z[self.design_at() + i])
    }

    /// The excesses in `z`.
    pub(crate) fn terminal_slacks(self, z: &SVector<f64, NZ>) -> &[f64] {
        &z.as_slice()[self.slacks_at()..]
    }

    /// The states along a list of states and controls, both of the model.
    fn states<'a>(
        self,
        (states, controls): (&'a [SVector<f64, NX>], &'a [SVector<f64, NU>]),
        previous: &'a SVector<f64, NU>,
        design: &'a SVector<f64, ND>,
        slacks: &'a [f64],
    ) -> impl Iterator<Item = SVector<f64, NZ>> + 'a {
        let missing = SVector::repeat(f64::NAN);
        states.iter().enumerate().map(move |(t, x)| {
            let before = if t == 0 { previous } else { controls.get(t - 1).unwrap_or(&missing) };
            self.state(x, before, design, slacks)
        })
    }

    /// Writes a problem whose data have passed their checks. `policy` is the one that the guess of the last problem was made
    /// from, if it was.
    pub(crate) fn problem(
        self,
        given: &Problem<NX, NU, NP, NS, ND>,
        to: &mut Problem<NZ, NW, NP, NS>,
        policy: &mut Option<Policy<NX, NU>>,
    ) {
        let previous = given.previous.unwrap_or_else(SVector::zeros);
        to.x0 = self.state(&given.x0, &previous, &given.design, &[]);
        to.params = given.params;
        copy(&mut to.stage_params, &given.stage_params);
        match &given.multipliers {
            Some(multipliers) => to.multipliers.get_or_insert_default().copy(multipliers),
            None => to.multipliers = None,
        }
        self.guess(given, &mut to.guess, policy);
        match &given.states {
            Some(states) => self.guessed_states((states, given.controls()), (&previous, &given.design), &mut to.states),
            None => to.states = None,
        }
    }

    /// Writes the states of a guess; its controls are zero where it has none.
    fn guessed_states(
        self,
        (states, controls): (&[SVector<f64, NX>], Option<&[SVector<f64, NU>]>),
        (previous, design): (&SVector<f64, NU>, &SVector<f64, ND>),
        to: &mut Option<Vec<SVector<f64, NZ>>>,
    ) {
        let zero = SVector::zeros();
        let before = (0..states.len()).map(|t| match (t.checked_sub(1), controls) {
            (None, _) => previous,
            (Some(t), Some(controls)) => &controls[t],
            (Some(_), None) => &zero,
        });
        let to = to.get_or_insert_default();
        to.clear();
        to.extend(states.iter().zip(before).map(|(x, before)| self.state(x, before, design, &[])));
    }

    /// Writes the guess of a problem, in the memory of the last one where that was of its kind.
    fn guess(self, given: &Problem<NX, NU, NP, NS, ND>, to: &mut Guess<NZ, NW>, last: &mut Option<Policy<NX, NU>>) {
        match (given.guess(), &mut *to) {
            (Guess::Zeros, to) => *to = Guess::Zeros,
            (Guess::Controls(controls) | Guess::Rollout { controls, .. }, Guess::Controls(to)) => {
                rewrite(to, controls, |u| self.control(u, &[]));
            }
            (Guess::Controls(controls) | Guess::Rollout { controls, .. }, to) => {
                *to = Guess::Controls(controls.iter().map(|u| self.control(u, &[])).collect());
            }
            (Guess::Policy(policy), Guess::Policy(_)) if last.as_ref() == Some(policy) => {}
            (Guess::Policy(policy), to) => {
                *last = Some(policy.clone());
                let policy = policy.clone();
                *to = Guess::Policy(Policy::new(move |t, z: &SVector<f64, NZ>| {
                    self.control(&policy.control(t, &self.model_state(z)), &[])
                }));
            }
            (Guess::Feedback(law), Guess::Feedback(to)) => self.feedback(law, given, to),
            (Guess::Feedback(law), to) => {
                let mut feedback = Feedback { states: Vec::new(), controls: Vec::new(), gains: Vec::new() };
                self.feedback(law, given, &mut feedback);
                *to = Guess::Feedback(feedback);
            }
        }
    }

    /// The data of a solution beyond its fields, or `none` where it has none of this model.
    fn rest<'a>(self, given: Option<&'a LiftedData>, none: &'a LiftedData) -> &'a LiftedData {
        given.filter(|rest| rest.fits(NZ, NW)).unwrap_or(none)
    }

    /// Writes the feedback law of a neighboring solution.
    fn feedback(self, law: &Feedback<NX, NU>, given: &Problem<NX, NU, NP, NS, ND>, to: &mut Feedback<NZ, NW>) {
        let Feedback { states, controls, gains } = law;
        let none = LiftedData::default();
        let rest = self.rest(given.lifted.as_deref(), &none);
        let previous = list_or(&rest.previous, given.previous.unwrap_or_else(SVector::zeros));
        to.states.clear();
        to.states.extend(self.states((states, controls), &previous, &given.design, &rest.terminal_slacks));
        to.controls.clear();
        to.controls.extend(self.controls(controls, rest));
        self.gains(gains, rest, &mut to.gains);
    }

    /// The controls of a solution.
    fn controls<'a>(
        self,
        controls: &'a [SVector<f64, NU>],
        rest: &'a LiftedData,
    ) -> impl Iterator<Item = SVector<f64, NW>> + 'a {
        let each = NW - NU;
        let slacks = move |t: usize| rest.stage_slacks.get(t * each..(t + 1) * each).unwrap_or(&[]);
        controls.iter().enumerate().map(move |(t, u)| self.control(u, slacks(t)))
    }

    /// Writes the gains of a solution; zero beyond the model's states and controls where they are not known.
    fn gains(self, gains: &[SMatrix<f64, NU, NX>], rest: &LiftedData, to: &mut Vec<SMatrix<f64, NW, NZ>>) {
        to.clear();
        to.resize(gains.len(), SMatrix::zeros());
        if !rest.gains.is_empty() {
            unflatten(to, &rest.gains);
        }
        for (lifted, given) in to.iter_mut().zip(gains) {
            lifted.fixed_view_mut::<NU, NX>(0, 0).copy_from(given);
        }
    }

    /// Writes the solution underneath a solution, from its fields wherever they hold its numbers. What the fields do not hold
    /// and is not known is NaN.
    pub(crate) fn solution_underneath(self, given: &Solution<NX, NU, NP, NS, ND>, to: &mut Solution<NZ, NW, NP, NS>) {
        let none = LiftedData::default();
        let rest = self.rest(given.lifted.as_deref(), &none);
        let previous = given.previous.unwrap_or_else(|| SVector::repeat(f64::NAN));
        (to.status, to.cause, to.cost, to.stats) = (given.status, given.cause, given.cost, given.stats);
        (to.relaxation, to.params) = (given.relaxation, given.params);
        to.augmented_lagrangian.clone_from(&given.augmented_lagrangian);
        to.x0 = self.state(&given.x0, &previous, &given.design, &rest.terminal_slacks);
        copy(&mut to.stage_params, &given.stage_params);
        to.states.clear();
        to.states.extend(self.states(
            (&given.states, &given.controls),
            &previous,
            &given.design,
            &rest.terminal_slacks,
        ));
        to.controls.clear();
        to.controls.extend(self.controls(&given.controls, rest));
        self.gains(&given.gains, rest, &mut to.gains);
        complete(&mut to.costates, &given.costates, &rest.costates);
        complete(&mut to.bound_multipliers, &given.bound_multipliers, &rest.bound_multipliers);
        to.multipliers.copy(&given.multipliers);
    }

    /// Writes the solution of a problem from the one underneath.
    pub(crate) fn solution(
        self,
        solved: &Solution<NZ, NW, NP, NS>,
        previous: Option<SVector<f64, NU>>,
        to: &mut Solution<NX, NU, NP, NS, ND>,
    ) {
        (to.status, to.cost, to.stats) = (solved.status, solved.cost, solved.stats);
        to.cause = solved.cause.map(|cause| self.cause(cause));
        (to.relaxation, to.params, to.previous) = (solved.relaxation, solved.params, previous);
        to.augmented_lagrangian.clone_from(&solved.augmented_lagrangian);
        to.x0 = self.model_state(&solved.x0);
        to.design = self.design(&solved.states[0]);
        copy(&mut to.stage_params, &solved.stage_params);
        rewrite(&mut to.states, &solved.states, |z| self.model_state(z));
        rewrite(&mut to.controls, &solved.controls, |w| self.model_control(w));
        rewrite(&mut to.gains, &solved.gains, |gain| gain.fixed_view::<NU, NX>(0, 0).into_owned());
        rewrite(&mut to.costates, &solved.costates, |costate| self.model_state(costate));
        rewrite(&mut to.bound_multipliers, &solved.bound_multipliers, |held| self.model_control(held));
        to.multipliers.copy(&solved.multipliers);
        let (data, from) = (&mut to.certificate_data, &solved.certificate_data);
        copy(&mut data.constraints, &from.constraints);
        copy(&mut data.rows, &from.rows);
        copy(&mut data.limits, &from.limits);
        data.curvatures.clear();
        data.lower.copy_from_slice(&from.lower[..NU]);
        data.upper.copy_from_slice(&from.upper[..NU]);
        data.terms.copy_from_slice(&from.terms[..NU]);
        let rest = to.lifted.get_or_insert_default();
        (rest.states, rest.controls) = (NZ, NW);
        copy(&mut rest.previous, previous.as_ref().map_or(&[], |previous| previous.as_slice()));
        copy(&mut rest.terminal_slacks, self.terminal_slacks(&solved.states[0]));
        rest.stage_slacks.clear();
        solved.controls.iter().for_each(|w| rest.stage_slacks.extend_from_slice(&w.as_slice()[NU..]));
        flatten(&mut rest.gains, &solved.gains);
        flatten(&mut rest.costates, &solved.costates);
        flatten(&mut rest.bound_multipliers, &solved.bound_multipliers);
        flatten(&mut rest.curvatures, &from.curvatures);
        copy(&mut rest.lower, &from.lower);
        copy(&mut rest.upper, &from.upper);
        copy(&mut rest.terms, &from.terms);
    }

    /// A cause from the one underneath. There the entries of `(z, w)` are counted, here those of `(x, u)` come first.
    pub(crate) fn cause(self, found: Cause) -> Cause {
        let Cause::NonFinite { function, stage, entry } = found else { return found };
        let entry = match function {
            ModelFunction::StageCostGradient | ModelFunction::StageHessian if entry >= NX => {
                if entry < NZ {
                    entry + NU
                } else if entry < NZ + NU {
                    entry - NZ + NX
                } else {
                    entry
                }
            }
            _ => entry,
        };
        Cause::NonFinite { function, stage, entry }
    }

    /// The solution of a problem from the one underneath.
    #[cfg(feature = "std")]
    pub(crate) fn new_solution(
        self,
        solved: &Solution<NZ, NW, NP, NS>,
        previous: Option<SVector<f64, NU>>,
    ) -> Solution<NX, NU, NP, NS, ND> {
        let mut solution = Solution::empty(0);
        self.solution(solved, previous, &mut solution);
        solution
    }

    /// A loss gradient underneath. The design is the same at all stages, so its part stands at the first one.
    pub(crate) fn loss(self, given: &LossGradient<NX, NU, ND>) -> LossGradient<NZ, NW> {
        let mut states: Vec<SVector<f64, NZ>> =
            given.states.iter().map(|x| self.state(x, &SVector::zeros(), &SVector::zeros(), &[])).collect();
        if let Some(first) = states.first_mut() {
            first.fixed_rows_mut::<ND>(self.design_at()).copy_from(&given.design);
        }
        LossGradient::new(states, given.controls.iter().map(|u| self.control(u, &[])).collect())
    }

    /// A gradient from the one underneath. An error that names a design variable as an entry of the first state names it as
    /// one of the design.
    pub(crate) fn gradient(
        self,
        found: Result<Gradient<NZ, NP, NS>, GradientError>,
    ) -> Result<Gradient<NX, NP, NS>, GradientError> {
        match found {
            Ok(Gradient { params, initial_state, stage_params, weights }) => {
                Ok(Gradient { params, initial_state: self.model_state(&initial_state), stage_params, weights })
            }
            Err(GradientError::Input(InputError::NonFinite { input, position, given })) => {
                let design = position.entry.checked_sub(self.design_at()).map(|entry| Position { stage: None, entry });
                let (input, position) = match (input, design) {
                    (Input::LossStates, Some(position)) => (Input::LossDesign, position),
                    (Input::LossHessianStates, Some(position)) => (Input::LossHessianDesign, position),
                    (input, _) => (input, position),
                };
                Err(InputError::NonFinite { input, position, given }.into())
            }
            Err(error) => Err(error),
        }
    }

    /// A Jacobian from the one underneath.
    pub(crate) fn jacobian<const NV: usize>(self, found: &Jacobian<NZ, NW, NV>) -> Jacobian<NX, NU, NV, ND> {
        let mut jacobian = Jacobian::with_room(found.controls.len());
        jacobian.states.extend(found.states.iter().map(|z| z.fixed_rows::<NX>(0).into_owned()));
        jacobian.controls.extend(found.controls.iter().map(|w| w.fixed_rows::<NU>(0).into_owned()));
        jacobian.design = found.states[0].fixed_rows::<ND>(self.design_at()).into_owned();
        jacobian
    }
}

/// A vector from a list, or the vector where the list is of another length.
fn list_or<const N: usize>(list: &[f64], otherwise: SVector<f64, N>) -> SVector<f64, N> {
    if list.len() == N { SVector::from_column_slice(list) } else { otherwise }
}

/// Writes vectors whose first entries are given, and whose others stand in a flat list of the whole vectors.
fn complete<const N: usize, const NL: usize>(to: &mut Vec<SVector<f64, NL>>, given: &[SVector<f64, N>], whole: &[f64]) {
    to.resize(given.len(), SVector::zeros());
    unflatten(to, whole);
    for (to, given) in to.iter_mut().zip(given) {
        to.fixed_rows_mut::<N>(0).copy_from(given);
    }
}

/// Writes a list from another, entry by entry; it keeps its memory.
fn rewrite<T, U>(to: &mut Vec<U>, from: &[T], entry: impl Fn(&T) -> U) {
    to.clear();
    to.extend(from.iter().map(entry));
}
