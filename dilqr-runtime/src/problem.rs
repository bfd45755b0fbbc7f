//! What to solve: initial state, parameters, horizon and the first guess.

use alloc::vec::Vec;
use nalgebra::SVector;

use crate::error::{Input, SolveError, check_finite, check_length, check_vector};
use crate::lq::bounds::Bounds;
use crate::model::Model;
use crate::model::stage::Stage;
use crate::solution::{Multipliers, Solution};

/// An instance of a model's problem: `x_0`, `p`, `s_t`, the horizon `T`, and the controls to start from.
///
/// Nothing is checked while it is built; [`Ilqr::solve`](crate::Ilqr::solve) reports what is wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem<const NX: usize, const NU: usize, const NP: usize, const NS: usize = 0> {
    pub(crate) x0: SVector<f64, NX>,
    pub(crate) params: SVector<f64, NP>,
    horizon: usize,
    pub(crate) guess: Guess<NX, NU>,
    pub(crate) stage_params: Vec<SVector<f64, NS>>,
    pub(crate) multipliers: Option<Multipliers>,
}

/// The trajectory a solve starts from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Guess<const NX: usize, const NU: usize> {
    /// All controls zero.
    Zeros,
    /// These controls; the states follow from them.
    Controls(Vec<SVector<f64, NU>>),
    /// Controls of a policy together with the states it went through: on an unstable system the controls alone would
    /// reproduce the states only if every operation rounded alike.
    Rollout { controls: Vec<SVector<f64, NU>>, states: Vec<SVector<f64, NX>> },
    /// A policy that could not be rolled out, because this many stage parameters were there.
    NoRollout { stage_params: usize },
}

impl<const NX: usize, const NU: usize, const NP: usize, const NS: usize> Problem<NX, NU, NP, NS> {
    /// A problem that starts from zero controls. `x0` and `params` may be the model's structs, arrays or vectors.
    #[must_use]
    pub fn new(x0: impl Into<SVector<f64, NX>>, params: impl Into<SVector<f64, NP>>, horizon: usize) -> Self {
        Self {
            x0: x0.into(),
            params: params.into(),
            horizon,
            guess: Guess::Zeros,
            stage_params: Vec::new(),
            multipliers: None,
        }
    }

    /// Starts from these controls, `T` of them.
    #[must_use]
    pub fn with_controls<C: Copy + Into<SVector<f64, NU>>>(mut self, controls: &[C]) -> Self {
        self.guess = Guess::Controls(controls.iter().map(|&u| u.into()).collect());
        self
    }

    /// Stage parameters `s_0 .. s_T`, `T + 1` of them, for models that have some. To be called before
    /// [`with_policy`](Problem::with_policy), whose rollout depends on them.
    #[must_use]
    pub fn with_stage_params<C: Copy + Into<SVector<f64, NS>>>(mut self, stage_params: &[C]) -> Self {
        self.stage_params = stage_params.iter().map(|&s| s.into()).collect();
        if let Guess::Rollout { controls, .. } = self.guess {
            self.guess = Guess::Controls(controls);
        }
        self
    }

    /// Starts from the trajectory of `model` under the feedback law `u = policy(t, x)`, which is how to start on an
    /// unstable system.
    ///
    /// A warm start from a neighboring solution is a policy, too; see [`with_warm_start`](Problem::with_warm_start).
    #[must_use]
    pub fn with_policy<M, U>(mut self, model: &M, mut policy: impl FnMut(usize, &SVector<f64, NX>) -> U) -> Self
    where
        M: Model<NX, NU, NP, NS>,
        U: Into<SVector<f64, NU>>,
    {
        let given = self.stage_params.len();
        if NS > 0 && given != self.horizon + 1 {
            self.guess = Guess::NoRollout { stage_params: given };
            return self;
        }
        let none = SVector::zeros();
        let mut states = Vec::with_capacity(self.horizon + 1);
        let mut controls = Vec::with_capacity(self.horizon);
        let mut x = self.x0;
        states.push(x);
        for t in 0..self.horizon {
            let u = policy(t, &x).into();
            // `step` rather than `dynamics`: the kernel of the solver's own rollouts.
            let mut next = SVector::zeros();
            model.step(Stage::new(&x, &u, &self.params, self.stage_params.get(t).unwrap_or(&none)), &mut next);
            controls.push(u);
            states.push(next);
            x = next;
        }
        self.guess = Guess::Rollout { controls, states };
        self
    }

    /// Starts from a neighboring solution over the same horizon: from the trajectory under its feedback law
    /// `u = u_t + K_t (x - x_t)`, and from its multipliers.
    #[must_use]
    pub fn with_warm_start<M>(self, model: &M, solution: &Solution<NX, NU, NP, NS>) -> Self
    where
        M: Model<NX, NU, NP, NS>,
    {
        let Solution { states, controls, gains, multipliers, .. } = solution;
        let known = states.len().min(controls.len()).min(gains.len());
        let mut problem = self.with_policy(model, |t, x| match t < known {
            true => controls[t] + gains[t] * (x - states[t]),
            false => SVector::zeros(),
        });
        problem.multipliers = Some(multipliers.clone());
        problem
    }

    /// The multipliers to start from.
    pub(crate) fn multipliers(&self) -> Option<&Multipliers> {
        self.multipliers.as_ref()
    }

    /// The initial state, `NX`.
    #[must_use]
    pub fn x0(&self) -> &SVector<f64, NX> {
        &self.x0
    }

    /// The parameters, `NP`.
    #[must_use]
    pub fn params(&self) -> &SVector<f64, NP> {
        &self.params
    }

    /// `T`, the number of controls.
    #[must_use]
    pub fn horizon(&self) -> usize {
        self.horizon
    }

    /// The stage parameters as they were given; empty for models without.
    #[must_use]
    pub fn stage_params(&self) -> &[SVector<f64, NS>] {
        &self.stage_params
    }

    /// The controls to start from; `None` where none were given, which means zeros.
    #[must_use]
    pub fn controls(&self) -> Option<&[SVector<f64, NU>]> {
        match &self.guess {
            Guess::Controls(controls) | Guess::Rollout { controls, .. } => Some(controls),
            Guess::Zeros | Guess::NoRollout { .. } => None,
        }
    }

    pub(crate) fn guess(&self) -> &Guess<NX, NU> {
        &self.guess
    }

    /// Everything that must hold before a solver made for `horizon` may look at the numbers.
    pub(crate) fn check<M>(&self, model: &M, horizon: usize) -> Result<(), SolveError>
    where
        M: Model<NX, NU, NP, NS>,
    {
        if self.horizon != horizon {
            return Err(SolveError::Horizon { given: self.horizon, expected: horizon });
        }
        check_vector(Input::InitialState, self.x0.as_slice())?;
        check_vector(Input::Params, self.params.as_slice())?;
        if NS > 0 {
            check_length(Input::StageParams, self.stage_params.len(), horizon + 1)?;
            check_finite(Input::StageParams, self.stage_params.iter().map(|s| s.as_slice()))?;
        }
        if let Guess::NoRollout { stage_params: given } = self.guess {
            return Err(SolveError::PolicyBeforeStageParams { given, expected: horizon + 1 });
        }
        if let Some(controls) = self.controls() {
            check_length(Input::Controls, controls.len(), horizon)?;
            // A rollout may have left the finite numbers: that is an outcome of the model, unless the law itself was at
            // fault while the state was still finite.
            let sound = match &self.guess {
                Guess::Rollout { states, .. } => {
                    states.iter().take_while(|x| x.iter().all(|v| v.is_finite())).count().min(horizon)
                }
                _ => horizon,
            };
            check_finite(Input::Controls, controls[..sound].iter().map(|u| u.as_slice()))?;
        }
        if let Some(Multipliers { stage, terminal }) = &self.multipliers {
            check_length(Input::Multipliers, stage.len(), horizon * M::LIMITS.stage())?;
            check_length(Input::Multipliers, terminal.len(), M::LIMITS.terminal())?;
            check_vector(Input::Multipliers, stage)?;
            check_vector(Input::Multipliers, terminal)?;
        }
        check_bounds(&Bounds::of(model, &self.params))
    }
}

fn check_bounds<const NU: usize>(bounds: &Bounds<f64, NU>) -> Result<(), SolveError> {
    for control in 0..NU {
        let (lower, upper) = (bounds.lower[control], bounds.upper[control]);
        // Infinite only on its own side.
        if lower.is_nan() || upper.is_nan() || lower == f64::INFINITY || upper == f64::NEG_INFINITY {
            return Err(SolveError::UndefinedBound { control, lower, upper });
        }
        if lower > upper {
            return Err(SolveError::BoundsReversed { control, lower, upper });
        }
    }
    Ok(())
}
