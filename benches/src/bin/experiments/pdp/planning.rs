//! Planning with limits, at the true parameters: our optimum, the costs of plans with barriers, and those of Safe-PDP's
//! plans, whose controls are polynomials with ten pivots, after its gradient descent.

use dilqr_runtime::{Model, Solution};

use super::PlanRow;
use super::limited::{LimitedSystem, Planner};
use super::times::Blocks;
use crate::Failure;
use crate::timing::medians;

/// Costs of the published plans, by the weight of the barriers.
const PUBLISHED: [(&str, f64, f64); 6] = [
    ("arm", 0.1, 15.0802),
    ("arm", 0.01, 14.3241),
    ("arm", 0.001, 14.2157),
    ("rocket", 1.0, 26705.3),
    ("rocket", 0.1, 26698.9),
    ("rocket", 0.01, 26698.4),
];

/// The plan with limits, and those with barriers of growing weights, each from the one before.
pub(super) fn plan<M, const NX: usize, const NU: usize, const NP: usize>(
    system: &LimitedSystem<M, NX, NU, NP>,
    (weights, blocks): (i32, Blocks),
) -> Result<Vec<PlanRow>, Failure>
where
    M: Model<NX, NU, NP> + Copy,
{
    let mut before = None;
    let mut rows = Vec::new();
    for weight in core::iter::once(None).chain((0..weights).rev().map(|exponent| Some(10.0_f64.powi(-exponent)))) {
        let Some(solution) = one(system, weight, before.as_ref())? else {
            eprintln!("pdp: no plan of {} with barriers of {weight:?}", system.name);
            continue;
        };
        let is_it = |row: &&(&str, f64, f64)| row.0 == system.name && Some(row.1) == weight;
        rows.push(PlanRow {
            system: system.name.to_owned(),
            relaxation: weight,
            cost: solution.cost,
            published: PUBLISHED.iter().find(is_it).map(|row| row.2),
            seconds: seconds(system, (weight, before.as_ref()), blocks),
        });
        before = Some(solution);
    }
    Ok(rows)
}

/// A plan, from another one or from zero controls.
fn one<M, const NX: usize, const NU: usize, const NP: usize>(
    system: &LimitedSystem<M, NX, NU, NP>,
    weight: Option<f64>,
    before: Option<&Solution<NX, NU, NP>>,
) -> Result<Option<Solution<NX, NU, NP>>, Failure>
where
    M: Model<NX, NU, NP> + Copy,
{
    let mut planner = Planner::new(system, weight)?;
    if let Some(before) = before {
        planner.start_from(before);
    }
    planner.plan(&system.truth)
}

/// The median time of a plan, its solver's memory included.
fn seconds<M, const NX: usize, const NU: usize, const NP: usize>(
    system: &LimitedSystem<M, NX, NU, NP>,
    (weight, before): (Option<f64>, Option<&Solution<NX, NU, NP>>),
    (blocks, length): Blocks,
) -> f64
where
    M: Model<NX, NU, NP> + Copy,
{
    let mut operations: [Box<dyn FnMut() + '_>; 1] = [Box::new(|| {
        std::hint::black_box(one(system, weight, before).is_ok());
    })];
    medians(blocks, length, &mut operations).into_iter().sum()
}
