//! Learning with limits: gradient descent on trajectories with limits and their exact gradient, on those with barriers,
//! and on the former with the derivatives of the latter, Safe-PDP's three strategies; and what the barriers' gradient
//! tends to.

use std::time::Instant;

use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{LossGradient, Model, Solution};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::gradients::{Method, gradient, imitation, relative};
use super::limited::{LimitedSystem, Planner};
use super::{BarrierRow, Row, is_recorded};
use crate::Failure;

/// The step of central differences: some thousand times the error of a solve, and short of most changes of the active
/// limits.
const STEP: f64 = 1e-6;

/// Trajectory and derivative of a learner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strategy {
    Exact,
    Barrier,
    Mixed,
}

impl Strategy {
    pub(super) const ALL: [Self; 3] = [Self::Exact, Self::Barrier, Self::Mixed];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Exact => "limits",
            Self::Barrier => "barriers",
            Self::Mixed => "limits, derivatives of barriers",
        }
    }
}

/// Both planners of a learner, and what it imitates.
struct Learner<M, const NX: usize, const NU: usize, const NP: usize>
where
    M: Model<NX, NU, NP> + Copy,
{
    exact: Planner<M, NX, NU, NP>,
    relaxed: Planner<M, NX, NU, NP>,
    demonstration: Solution<NX, NU, NP>,
}

/// The loss of a strategy, and where its derivative is taken.
struct Outcome<const NX: usize, const NU: usize, const NP: usize> {
    loss: f64,
    solution: Solution<NX, NU, NP>,
    slope: LossGradient<NX, NU>,
}

impl<M, const NX: usize, const NU: usize, const NP: usize> Learner<M, NX, NU, NP>
where
    M: Model<NX, NU, NP> + Copy,
{
    fn new(system: &LimitedSystem<M, NX, NU, NP>) -> Result<Self, Failure> {
        let demonstration = system.demonstration()?;
        let (exact, relaxed) = (Planner::new(system, None)?, Planner::new(system, Some(system.relaxation))?);
        Ok(Self { exact, relaxed, demonstration })
    }

    fn outcome(
        &mut self,
        strategy: Strategy,
        params: &SVector<f64, NP>,
    ) -> Result<Option<Outcome<NX, NU, NP>>, Failure> {
        let exact = if strategy == Strategy::Barrier { None } else { self.exact.plan(params)? };
        let relaxed = if strategy == Strategy::Exact { None } else { self.plan_relaxed(params)? };
        let (seen, solution) = match (strategy, exact, relaxed) {
            (Strategy::Mixed, Some(exact), Some(relaxed)) => (Some(exact), relaxed),
            (Strategy::Exact, Some(one), _) | (Strategy::Barrier, _, Some(one)) => (None, one),
            _ => return Ok(None),
        };
        let (loss, slope) = imitation(seen.as_ref().unwrap_or(&solution), &self.demonstration);
        Ok(Some(Outcome { loss, solution, slope }))
    }

    /// With barriers, from the last trajectory or from that with limits.
    fn plan_relaxed(&mut self, params: &SVector<f64, NP>) -> Result<Option<Solution<NX, NU, NP>>, Failure> {
        let found = self.relaxed.plan(params)?;
        if found.is_some() {
            return Ok(found);
        }
        let Some(exact) = self.exact.plan(params)? else { return Ok(None) };
        self.relaxed.start_from(&exact);
        self.relaxed.plan(params)
    }

    /// The gradient by central differences of whole solves; `None` if one does not converge.
    fn central(&mut self, strategy: Strategy, params: &SVector<f64, NP>) -> Result<Option<SVector<f64, NP>>, Failure> {
        let mut gradient = SVector::zeros();
        for i in 0..NP {
            let mut sides = [0.0; 2];
            for (side, sign) in sides.iter_mut().zip([1.0, -1.0]) {
                let mut moved = *params;
                moved[i] += sign * STEP;
                let Some(outcome) = self.outcome(strategy, &moved)? else { return Ok(None) };
                *side = outcome.loss;
            }
            gradient[i] = (sides[0] - sides[1]) / (2.0 * STEP);
        }
        Ok(Some(gradient))
    }

    fn gradient(&mut self, method: Method, outcome: &Outcome<NX, NU, NP>) -> Option<SVector<f64, NP>> {
        let planner = if outcome.solution.relaxation.is_some() { &mut self.relaxed } else { &mut self.exact };
        gradient(method, &mut planner.solver, &outcome.solution, &outcome.slope)
    }
}

/// The rows of a learner from the published start.
pub(super) fn descend<M, const NX: usize, const NU: usize, const NP: usize>(
    system: &LimitedSystem<M, NX, NU, NP>,
    strategy: Strategy,
    steps: usize,
) -> Result<Vec<Row>, Failure>
where
    M: Model<NX, NU, NP> + Copy,
{
    let mut learner = Learner::new(system)?;
    let published = match strategy {
        Strategy::Exact => system.published.exact,
        Strategy::Barrier => system.published.barrier,
        Strategy::Mixed => system.published.mixed,
    };
    let mut params = SVector::from(system.published.start);
    let (mut rows, mut seconds, mut refused, mut last) = (Vec::new(), 0.0, 0, SVector::zeros());
    for step in 0..steps {
        let begin = Instant::now();
        let outcome = learner.outcome(strategy, &params)?;
        let slope = outcome.as_ref().and_then(|outcome| learner.gradient(Method::Implicit, outcome));
        seconds += begin.elapsed().as_secs_f64();
        // As published, the last gradient takes the place of one that does not exist.
        refused += usize::from(slope.is_none());
        let row = Row::new(("limits", system.name, strategy.name()), (0, step));
        let row = Row { distance: (params - system.truth).norm(), unsolved: refused, seconds, ..row };
        let Some(outcome) = outcome else {
            rows.push(row);
            break;
        };
        if step == 0 || is_recorded(step, steps - 1) {
            let mut difference = |method| {
                let other = learner.gradient(method, &outcome)?;
                slope.map(|slope| relative(&other, &slope))
            };
            // PDP differentiates problems without limits, IDOC both.
            let pdp = if strategy == Strategy::Exact { None } else { difference(Method::AuxiliaryLqr) };
            let idoc = difference(Method::Schur);
            let central = match (strategy, slope) {
                (Strategy::Mixed, _) | (_, None) => None,
                (_, Some(slope)) => learner.central(strategy, &params)?.map(|other| relative(&other, &slope)),
            };
            let published = published.iter().find(|(at, _)| *at == step).map(|(_, loss)| *loss);
            rows.push(Row { loss: outcome.loss, published, pdp, idoc, central, ..row });
        }
        last = slope.unwrap_or(last);
        params -= last * (0.5 * system.rate);
    }
    Ok(rows)
}

/// The barriers' gradient beside the exact one, over their weight, at the published start and at random parameters.
pub(super) fn approach<M, const NX: usize, const NU: usize, const NP: usize>(
    system: &LimitedSystem<M, NX, NU, NP>,
    (points, weights): (usize, i32),
) -> Result<Vec<BarrierRow>, Failure>
where
    M: Model<NX, NU, NP> + Copy,
{
    let mut learner = Learner::new(system)?;
    let mut random = StdRng::seed_from_u64(1);
    let mut rows = Vec::new();
    for point in 0..points {
        let params = match point {
            0 => system.published.start.into(),
            _ => system.truth.map(|entry| entry + system.width * random.random_range(0.0..1.0)),
        };
        let row = BarrierRow::new(system.name, point);
        let Some(outcome) = learner.outcome(Strategy::Exact, &params)? else {
            rows.push(row);
            continue;
        };
        let ours = learner.gradient(Method::Implicit, &outcome);
        let schur = learner.gradient(Method::Schur, &outcome);
        let central = learner.central(Strategy::Exact, &params)?;
        let beside = |other: Option<SVector<f64, NP>>| ours.zip(other).map(|(ours, other)| relative(&other, &ours));
        let certificate = outcome.solution.certificate();
        let row = BarrierRow {
            active: certificate.active.len(),
            margin: certificate.margin,
            exact_loss: outcome.loss,
            idoc: beside(schur),
            central: beside(central),
            ..row
        };
        // From the smallest weight on, so that the solves stay near the same local minimum.
        let mut before = outcome.solution;
        for relaxation in (0..weights).rev().map(|exponent| 10.0_f64.powi(-exponent)) {
            let mut planner = Planner::new(system, Some(relaxation))?;
            planner.start_from(&before);
            let Some(solution) = planner.plan(&params)? else {
                eprintln!("pdp: no solution of {} with barriers of {relaxation:e}", system.name);
                continue;
            };
            let (loss, slope) = imitation(&solution, &learner.demonstration);
            let relaxed = gradient(Method::Implicit, &mut planner.solver, &solution, &slope);
            let other = gradient(Method::AuxiliaryLqr, &mut planner.solver, &solution, &slope);
            let cosine = ours.zip(relaxed).map(|(a, b)| a.dot(&b) / (a.norm() * b.norm()));
            let pdp = relaxed.zip(other).map(|(a, b)| relative(&b, &a));
            rows.push(BarrierRow { relaxation, loss, cosine, difference: beside(relaxed), pdp, ..row.clone() });
            before = solution;
        }
    }
    Ok(rows)
}
