//! Problems as data.

use alloc::sync::Arc;
use alloc::vec::Vec;

use nalgebra::{SMatrix, SVector};
use serde::{Deserialize, Serialize};

use crate::guess::{Feedback, Guess};
use crate::lifted_data::LiftedData;
use crate::linalg::serde_with;
use crate::multipliers::Multipliers;
use crate::problem::Problem;
use crate::serial::header::{Header, Kind};
use crate::serial::through;

#[derive(Serialize, Deserialize)]
#[serde(rename = "Problem", deny_unknown_fields)]
struct ProblemData<const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize> {
    about: Header<Self>,
    horizon: usize,
    #[serde(with = "serde_with::matrix")]
    x0: SVector<f64, NX>,
    #[serde(with = "serde_with::matrix")]
    params: SVector<f64, NP>,
    #[serde(with = "serde_with::matrices")]
    stage_params: Vec<SVector<f64, NS>>,
    guess: GuessData<NX, NU>,
    multipliers: Option<Multipliers>,
    /// Empty where none were given.
    #[serde(with = "serde_with::matrices")]
    states: Vec<SVector<f64, NX>>,
    #[serde(with = "serde_with::matrix")]
    design: SVector<f64, ND>,
    #[serde(with = "serde_with::matrices")]
    previous: Vec<SVector<f64, NU>>,
    lifted: Option<LiftedData>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "Guess", rename_all = "snake_case", deny_unknown_fields)]
enum GuessData<const NX: usize, const NU: usize> {
    Zeros,
    Controls(#[serde(with = "serde_with::matrices")] Vec<SVector<f64, NU>>),
    Feedback {
        #[serde(with = "serde_with::matrices")]
        states: Vec<SVector<f64, NX>>,
        #[serde(with = "serde_with::matrices")]
        controls: Vec<SVector<f64, NU>>,
        #[serde(with = "serde_with::matrices")]
        gains: Vec<SMatrix<f64, NU, NX>>,
    },
}

impl<const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize> Kind
    for ProblemData<NX, NU, NP, NS, ND>
{
    const NAME: &'static str = "problem";
    const SIZES: &'static [(&'static str, usize)] =
        &[("states", NX), ("controls", NU), ("parameters", NP), ("stage parameters", NS), ("design variables", ND)];
}

impl<const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize>
    TryFrom<&Problem<NX, NU, NP, NS, ND>> for ProblemData<NX, NU, NP, NS, ND>
{
    type Error = &'static str;

    fn try_from(problem: &Problem<NX, NU, NP, NS, ND>) -> Result<Self, Self::Error> {
        let guess = match problem.guess() {
            Guess::Zeros => GuessData::Zeros,
            Guess::Controls(controls) => GuessData::Controls(controls.clone()),
            Guess::Feedback(Feedback { states, controls, gains }) => {
                GuessData::Feedback { states: states.clone(), controls: controls.clone(), gains: gains.clone() }
            }
            Guess::Policy(_) | Guess::Rollout { .. } => {
                return Err("a problem with a policy is no data, since a policy is code: \
                            give it controls or a warm start instead");
            }
        };
        Ok(Self {
            about: Header::NEW,
            horizon: problem.horizon(),
            x0: *problem.x0(),
            params: *problem.params(),
            stage_params: problem.stage_params().to_vec(),
            guess,
            multipliers: problem.multipliers().cloned(),
            states: problem.states().to_vec(),
            design: problem.design,
            previous: problem.previous.into_iter().collect(),
            lifted: problem.lifted.as_deref().cloned(),
        })
    }
}

impl<const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize>
    From<ProblemData<NX, NU, NP, NS, ND>> for Problem<NX, NU, NP, NS, ND>
{
    fn from(data: ProblemData<NX, NU, NP, NS, ND>) -> Self {
        let ProblemData { about: _, horizon, x0, params, stage_params, guess, .. } = data;
        let mut problem = Self::new(x0, params, horizon);
        problem.stage_params = stage_params;
        problem.multipliers = data.multipliers;
        problem.states = Some(data.states).filter(|states| !states.is_empty());
        problem.design = data.design;
        problem.previous = data.previous.first().copied();
        problem.lifted = data.lifted.map(Arc::new);
        problem.guess = match guess {
            GuessData::Zeros => Guess::Zeros,
            GuessData::Controls(controls) => Guess::Controls(controls),
            GuessData::Feedback { states, controls, gains } => Guess::Feedback(Feedback { states, controls, gains }),
        };
        problem
    }
}

through!(Problem<NX, NU, NP, NS, ND>, ProblemData<NX, NU, NP, NS, ND>, [NX, NU, NP, NS, ND]);
