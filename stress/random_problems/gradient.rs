//! Compares gradients with differences of solutions of neighboring problems.

use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{Gradient, Ilqr, LossGradient, Problem, Settings, Solution, Status};
use dilqr_tests::value;
use rand::Rng;
use rand::rngs::StdRng;

use crate::system::System;

/// The result of a comparison.
pub(crate) enum Verdict {
    Agrees,
    /// The gradient is an error.
    Refused,
    /// Differences have no accurate digits, for this reason.
    Unmeasurable(&'static str),
    Wrong(String),
}

pub(crate) fn loss<const NX: usize, const NU: usize>(horizon: usize, random: &mut StdRng) -> LossGradient<NX, NU> {
    let mut loss = LossGradient::zeros(horizon);
    loss.states.iter_mut().for_each(|g| *g = SVector::from_fn(|_, _| random.random_range(-1.0..1.0)));
    loss.controls.iter_mut().for_each(|g| *g = SVector::from_fn(|_, _| random.random_range(-1.0..1.0)));
    loss
}

/// A direction in which a problem is moved.
struct Direction<const NX: usize, const NP: usize, const NS: usize> {
    x0: SVector<f64, NX>,
    params: SVector<f64, NP>,
    stage_params: Vec<SVector<f64, NS>>,
}

impl<const NX: usize, const NP: usize, const NS: usize> Direction<NX, NP, NS> {
    /// Every number by up to its own size, or a hundredth where it is smaller.
    fn random<const NU: usize>(solution: &Solution<NX, NU, NP, NS>, random: &mut StdRng) -> Self {
        let mut step = |at: f64| at.abs().max(1e-2) * random.random_range(-1.0..1.0);
        let x0 = solution.x0.map(&mut step);
        let params = solution.params.map(&mut step);
        Self { x0, params, stage_params: solution.stage_params.iter().map(|s| s.map(&mut step)).collect() }
    }

    /// The derivative along the direction, and the sum of its terms' absolute values.
    fn along(&self, gradient: &Gradient<NX, NP, NS>) -> (f64, f64) {
        let mut terms: Vec<f64> = Vec::new();
        terms.extend(gradient.initial_state.component_mul(&self.x0).iter());
        terms.extend(gradient.params.component_mul(&self.params).iter());
        for (g, d) in gradient.stage_params.iter().zip(&self.stage_params) {
            terms.extend(g.component_mul(d).iter());
        }
        (terms.iter().sum(), terms.iter().map(|term| term.abs()).sum())
    }

    fn neighbor<M, const NU: usize>(
        &self,
        model: &M,
        solution: &Solution<NX, NU, NP, NS>,
        h: f64,
    ) -> Problem<NX, NU, NP, NS>
    where
        M: System<NX, NU, NP, NS>,
    {
        let moved: Vec<_> = solution.stage_params.iter().zip(&self.stage_params).map(|(s, d)| s + d * h).collect();
        Problem::new(solution.x0 + self.x0 * h, solution.params + self.params * h, solution.horizon())
            .with_stage_params(if NS > 0 { &moved } else { &[] })
            .with_warm_start(model, solution)
    }
}

/// Which limits are active at a solution.
fn held<const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    solution: &Solution<NX, NU, NP, NS>,
) -> Vec<bool> {
    let bounds = solution.bound_multipliers.iter().flat_map(|rho| rho.iter());
    let multipliers = solution.multipliers.stage.iter().chain(&solution.multipliers.terminal);
    match solution.relaxation {
        Some(_) => Vec::new(),
        None => bounds.chain(multipliers).map(|&multiplier| multiplier != 0.0).collect(),
    }
}

/// Compares in one random direction.
pub(crate) fn compare<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: M,
    settings: &Settings,
    solution: &Solution<NX, NU, NP, NS>,
    random: &mut StdRng,
) -> Verdict
where
    M: System<NX, NU, NP, NS>,
{
    let horizon = solution.horizon();
    // Solutions as accurate as rounding allows. The last Newton step leaves far less than the tolerance.
    let tight = Settings { tolerance: 1e-12, relaxation: settings.relaxation, ..Settings::default() };
    let Ok(mut solver) = Ilqr::new(model, horizon, tight) else { return Verdict::Wrong("settings".into()) };
    let still = Direction {
        x0: SVector::zeros(),
        params: SVector::zeros(),
        stage_params: vec![SVector::zeros(); solution.stage_params.len()],
    };
    let sharper = match solver.solve(&still.neighbor(&model, solution, 0.0)) {
        Ok(sharper) if sharper.status == Status::Converged => sharper,
        Ok(_) => return Verdict::Unmeasurable("rounding of the solution"),
        Err(error) => return Verdict::Wrong(error.to_string()),
    };
    let solution = &sharper;
    let loss = loss(horizon, random);
    let gradient = match solver.vjp(solution, &loss) {
        Ok(gradient) => gradient,
        Err(_) => return Verdict::Refused,
    };
    let direction = Direction::random(solution, random);
    let (given, size) = direction.along(&gradient);
    let active = held(solution);
    let mut reason = "no digits";
    let mut measured: Vec<f64> = Vec::new();
    let mut best = (f64::INFINITY, f64::NAN);
    for h in [1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 3e-6, 1e-6] {
        let mut side = |h: f64| {
            let neighbor = solver.solve(&direction.neighbor(&model, solution, h)).ok()?;
            if neighbor.status != Status::Converged {
                reason = "neighbors do not converge";
                return None;
            }
            if neighbor.stats.iterations + neighbor.stats.newton_steps == 0 {
                // The start was stationary to the tolerance, so the solution did not move.
                reason = "neighbors are too near";
                return None;
            }
            if held(&neighbor) != active {
                reason = "neighbors have other active limits";
                return None;
            }
            Some(value(&loss, &neighbor))
        };
        let (Some(after), Some(before)) = (side(h), side(-h)) else { continue };
        let difference = (after - before) / (2.0 * h);
        if best.0 <= 1e-4 * size && (difference - best.1).abs() > 0.1 * best.1.abs() {
            // Two steps agreed on another branch of solutions, or by chance.
            return Verdict::Unmeasurable("differences do not settle");
        }
        if let Some(last) = measured.last() {
            // Two steps that agree have an error of about their difference, unless both are rounding.
            let spread = (difference - last).abs();
            if spread < best.0 {
                best = (spread, difference);
            }
        }
        measured.push(difference);
        if best.0 <= 1e-7 * size {
            break;
        }
    }
    let (spread, difference) = best;
    // Second condition: differences across a singularity grow as steps shrink, but stay small beside the derivative's
    // terms.
    if !(spread <= 1e-4 * size && spread <= 1e-2 * difference.abs() + 1e-7 * size) {
        return Verdict::Unmeasurable(reason);
    }
    // What rounding makes of the derivative: its change if the last places of the data change.
    let shaken = solver.solve(&direction.neighbor(&model, solution, 4.0 * f64::EPSILON)).ok();
    let shaken = shaken.and_then(|solution| solver.vjp(&solution, &loss).ok());
    let rounding = shaken.map_or(0.0, |gradient| (direction.along(&gradient).0 - given).abs());
    // The smaller of two steps has a tenth of the error that the spread shows. Sometimes both have the same error.
    if (given - difference).abs() <= 10.0 * (spread + rounding) + 1e-6 * size {
        Verdict::Agrees
    } else {
        Verdict::Wrong(format!("derivative {given:e}, by differences {measured:?}, spread {spread:e}, terms {size:e}"))
    }
}
