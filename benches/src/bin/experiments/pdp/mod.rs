//! PDP (Jin et al. 2020, arXiv 1912.12970), Safe-PDP (Jin et al. 2021, arXiv 2105.14937) and IDOC (Xu et al. 2023,
//! arXiv 2310.14468) on the four systems of their benchmark: inverse optimal control, identification of systems, and
//! learning with constraints. Their gradients are computed with our kernels, beside those of this library; losses are
//! those of their code from the starts that it recorded.

mod active_schur;
mod auxiliary_lqr;
mod conditions;
mod gradients;
mod identification;
mod inverse;
mod least_squares;
mod limited;
mod models;
mod planning;
mod published;
mod report;
mod safe;
mod schur;
mod systems;
#[cfg(test)]
mod tests;
mod times;

use core::time::Duration;

use dilqr_runtime::Model;
use serde::{Deserialize, Serialize};

use crate::table::Table;
use crate::{Context, Failure};
use identification::Plant;
use limited::LimitedSystem;
use safe::Strategy;
use systems::System;
use times::Blocks;

/// A point of a learning curve.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Row {
    task: String,
    system: String,
    method: String,
    trial: usize,
    step: usize,
    loss: f64,
    /// The loss that the publication's code recorded there.
    published: Option<f64>,
    /// From the true parameters.
    distance: f64,
    /// Relative differences of the gradients by PDP's and IDOC's methods from ours.
    pdp: Option<f64>,
    idoc: Option<f64>,
    /// The relative difference of central differences of whole solves.
    central: Option<f64>,
    /// Solves that did not converge, and gradients that do not exist.
    unsolved: usize,
    /// Seconds of solves and our gradients up to this point.
    seconds: f64,
}

impl Row {
    /// Without numbers.
    fn new((task, system, method): (&str, &str, &str), (trial, step): (usize, usize)) -> Self {
        Self {
            task: task.to_owned(),
            system: system.to_owned(),
            method: method.to_owned(),
            trial,
            step,
            loss: f64::NAN,
            published: None,
            distance: f64::NAN,
            pdp: None,
            idoc: None,
            central: None,
            unsolved: 0,
            seconds: f64::NAN,
        }
    }
}

/// The gradient of a problem with barriers beside that with limits.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct BarrierRow {
    system: String,
    point: usize,
    /// Active limits, and the margin of the one that is nearest to being neither active nor inactive.
    active: usize,
    margin: f64,
    /// The loss with limits, and relative differences from our gradient of it: of IDOC's, and of central differences.
    exact_loss: f64,
    idoc: Option<f64>,
    central: Option<f64>,
    relaxation: f64,
    loss: f64,
    /// Of the barriers' gradient and the exact one; nothing where one of them does not exist.
    cosine: Option<f64>,
    difference: Option<f64>,
    /// The relative difference of PDP's gradient of the problem with barriers from ours.
    pdp: Option<f64>,
}

impl BarrierRow {
    /// Without numbers.
    fn new(system: &str, point: usize) -> Self {
        Self {
            system: system.to_owned(),
            point,
            active: 0,
            margin: f64::NAN,
            exact_loss: f64::NAN,
            idoc: None,
            central: None,
            relaxation: f64::NAN,
            loss: f64::NAN,
            cosine: None,
            difference: None,
            pdp: None,
        }
    }
}

/// A plan at the true parameters.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct PlanRow {
    system: String,
    /// The weight of barriers in place of limits.
    relaxation: Option<f64>,
    /// Without barriers.
    cost: f64,
    /// The cost of Safe-PDP's plan.
    published: Option<f64>,
    seconds: f64,
}

/// The time of one gradient.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct TimeRow {
    system: String,
    problem: String,
    horizon: usize,
    operation: String,
    seconds: f64,
}

/// Whether a step of gradient descent is in the table: 1, 2, 5, 10, 20, .. and the last one.
fn is_recorded(step: usize, last: usize) -> bool {
    let mut unit = step;
    while unit > 9 && unit.is_multiple_of(10) {
        unit /= 10;
    }
    matches!(unit, 1 | 2 | 5) || step == last
}

/// Learners of an identification.
const TRIALS: usize = 5;

/// How much is run.
#[derive(Clone, Copy, Debug)]
struct Effort {
    trials: usize,
    /// Stages of the control problems at most.
    stages: usize,
    /// Steps of gradient descent at most, and tries of Gauss and Newton's method.
    steps: usize,
    tries: usize,
    /// Parameters at which barriers are compared with limits, and powers of ten of their weight.
    points: usize,
    weights: i32,
    /// Of the times.
    horizons: &'static [usize],
    blocks: Blocks,
}

const FULL: Effort = Effort {
    trials: usize::MAX,
    stages: usize::MAX,
    steps: usize::MAX,
    tries: 60,
    points: 5,
    weights: 8,
    horizons: &[10, 20, 40, 80],
    blocks: (15, Duration::from_millis(20)),
};

const QUICK: Effort = Effort {
    trials: 1,
    stages: 6,
    steps: 2,
    tries: 1,
    points: 1,
    weights: 1,
    horizons: &[5],
    blocks: (1, Duration::from_millis(1)),
};

pub(crate) fn run(context: &Context) -> Result<(), Failure> {
    let study = Study {
        rows: Table::open(context.path("pdp.csv"))?,
        barriers: Table::open(context.path("pdp-barriers.csv"))?,
        plans: Table::open(context.path("pdp-plans.csv"))?,
        times: Table::open(context.path("pdp-times.csv"))?,
        effort: if context.quick { QUICK } else { FULL },
    };
    study.invert(&systems::cart_pole())?;
    study.invert(&systems::arm())?;
    study.invert(&systems::quadrotor())?;
    study.invert(&systems::rocket())?;
    study.identify(&identification::cart_pole())?;
    study.identify(&identification::arm())?;
    study.identify(&identification::quadrotor())?;
    study.identify(&identification::rocket())?;
    study.limit(&limited::cart_pole())?;
    study.limit(&limited::arm())?;
    study.limit(&limited::quadrotor())?;
    study.limit(&limited::rocket())?;
    let (rows, plans) = (study.rows.rows(), study.plans.rows());
    report::write(context, (&rows, &study.barriers.rows()), (&plans, &study.times.rows()))
}

/// The tables, and how much is run.
struct Study {
    rows: Table<Row>,
    barriers: Table<BarrierRow>,
    plans: Table<PlanRow>,
    times: Table<TimeRow>,
    effort: Effort,
}

impl Study {
    fn is_missing(&self, (task, system, method): (&str, &str, &str), trial: usize) -> bool {
        !self.rows.contains(|row: &Row| {
            (row.task.as_str(), row.system.as_str(), row.method.as_str(), row.trial) == (task, system, method, trial)
        })
    }

    fn lacks_times(&self, (system, problem): (&str, &str), horizon: usize) -> bool {
        let is_it =
            |row: &TimeRow| (row.system.as_str(), row.problem.as_str(), row.horizon) == (system, problem, horizon);
        !self.times.contains(is_it)
    }

    /// Inverse optimal control.
    fn invert<M, const NX: usize, const NU: usize, const NP: usize>(
        &self,
        system: &System<M, NX, NU, NP>,
    ) -> Result<(), Failure>
    where
        M: Model<NX, NU, NP> + Copy,
    {
        let Effort { trials, stages, steps, tries, .. } = self.effort;
        let system = &System { horizon: system.horizon.min(stages), ..system.clone() };
        for (trial, published) in system.trials.iter().enumerate().take(trials) {
            if self.is_missing(("inverse", system.name, "gradient descent"), trial) {
                self.rows.append(&inverse::descend(system, (trial, published), system.steps.min(steps))?)?;
            }
            if self.is_missing(("inverse", system.name, "Gauss-Newton"), trial) {
                self.rows.append(&inverse::fit(system, (trial, published), tries)?)?;
            }
        }
        for &horizon in self.effort.horizons {
            if self.lacks_times((system.name, "free"), horizon) {
                self.times.append(&times::free(system, horizon, self.effort.blocks)?)?;
            }
        }
        Ok(())
    }

    fn identify<M, const NX: usize, const NU: usize, const NP: usize>(
        &self,
        plant: &Plant<M, NX, NU, NP>,
    ) -> Result<(), Failure>
    where
        M: Model<NX, NU, NP>,
    {
        let Effort { trials, steps, tries, .. } = self.effort;
        for trial in 0..trials.min(TRIALS) {
            if self.is_missing(("identification", plant.name, "gradient descent"), trial) {
                self.rows.append(&plant.learn(trial, (plant.steps.min(steps), tries))?)?;
            }
        }
        if self.lacks_times((plant.name, "identification"), plant.horizon) {
            self.times.append(&plant.times(self.effort.blocks))?;
        }
        Ok(())
    }

    /// Learning with limits.
    fn limit<M, const NX: usize, const NU: usize, const NP: usize>(
        &self,
        system: &LimitedSystem<M, NX, NU, NP>,
    ) -> Result<(), Failure>
    where
        M: Model<NX, NU, NP> + Copy,
    {
        let Effort { stages, steps, points, weights, .. } = self.effort;
        let system = &LimitedSystem { horizon: system.horizon.min(stages), ..system.clone() };
        for strategy in Strategy::ALL {
            if self.is_missing(("limits", system.name, strategy.name()), 0) {
                self.rows.append(&safe::descend(system, strategy, system.steps.min(steps))?)?;
            }
        }
        if !self.barriers.contains(|row: &BarrierRow| row.system == system.name) {
            self.barriers.append(&safe::approach(system, (points, weights))?)?;
        }
        if !self.plans.contains(|row: &PlanRow| row.system == system.name) {
            self.plans.append(&planning::plan(system, (weights, self.effort.blocks))?)?;
        }
        if self.lacks_times((system.name, "limits"), system.horizon) {
            self.times.append(&times::limited(system, self.effort.blocks)?)?;
        }
        Ok(())
    }
}
