//! Solving, and gradients by central differences through the solver.

use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{Gradient, Ilqr, LossGradient, Model, Problem, Settings, Solution, Status};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// The tightest tolerance that rounding allows on these problems: differences of solutions lose digits.
#[must_use]
pub fn tight() -> Settings {
    Settings { tolerance: 1e-12, ..Settings::default() }
}

/// Solves, and fails where the solve did not converge.
#[track_caller]
pub fn solve<M, const NX: usize, const NU: usize, const NP: usize>(
    solver: &mut Ilqr<M, NX, NU, NP>,
    problem: &Problem<NX, NU, NP>,
) -> Solution<NX, NU, NP>
where
    M: Model<NX, NU, NP>,
{
    let solution = solver.solve(problem).unwrap();
    assert_eq!(solution.status, Status::Converged, "{:?}", solution.stats);
    solution
}

/// The gradient of a loss, entries between -1 and 1.
#[must_use]
pub fn random_loss<const NX: usize, const NU: usize>(horizon: usize) -> LossGradient<NX, NU> {
    let mut random = StdRng::seed_from_u64(31);
    let mut loss = LossGradient::zeros(horizon);
    loss.states.iter_mut().for_each(|g| *g = SVector::from_fn(|_, _| random.random_range(-1.0..1.0)));
    loss.controls.iter_mut().for_each(|g| *g = SVector::from_fn(|_, _| random.random_range(-1.0..1.0)));
    loss
}

/// The weight of entry `k` of the trajectory, counted from `x_0` over `u_0`, `x_1` to `x_T`.
#[must_use]
pub fn harness(k: usize) -> f64 {
    (1.0 + 1.7 * k as f64).sin()
}

/// The gradient of the loss that is linear with these weights.
#[must_use]
pub fn harness_loss<const NX: usize, const NU: usize, const ND: usize>(horizon: usize) -> LossGradient<NX, NU, ND> {
    let state = |t: usize| SVector::from_fn(|i, _| harness(t * (NX + NU) + i));
    let control = |t: usize| SVector::from_fn(|i, _| harness(t * (NX + NU) + NX + i));
    let mut loss = LossGradient::new((0..=horizon).map(state).collect(), (0..horizon).map(control).collect());
    loss.design = SVector::from_fn(|i, _| harness(horizon * (NX + NU) + NX + i));
    loss
}

/// The linear loss whose gradient `loss` is.
#[must_use]
pub fn value<const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize>(
    loss: &LossGradient<NX, NU, ND>,
    solution: &Solution<NX, NU, NP, NS, ND>,
) -> f64 {
    let states = loss.states.iter().zip(&solution.states).map(|(g, x)| g.dot(x)).sum::<f64>();
    let controls = loss.controls.iter().zip(&solution.controls).map(|(g, u)| g.dot(u)).sum::<f64>();
    states + controls + loss.design.dot(&solution.design)
}

/// Moves initial state and parameters by a step.
type Edit<'a, const NX: usize, const NP: usize> = &'a dyn Fn(f64, &mut SVector<f64, NX>, &mut SVector<f64, NP>);

/// Gradient of `measure` with respect to parameters and initial state, by differences through the solver.
pub fn differences<M, const NX: usize, const NU: usize, const NP: usize>(
    solver: &mut Ilqr<M, NX, NU, NP>,
    solution: &Solution<NX, NU, NP>,
    measure: impl Fn(&Solution<NX, NU, NP>) -> f64,
) -> Gradient<NX, NP>
where
    M: Model<NX, NU, NP> + Copy,
{
    let model = *solver.model();
    let mut slope = |at: f64, edit: Edit<'_, NX, NP>| {
        // Fourth order: a step of a thousandth leaves a truncation of 1e-12 and amplifies the rounding of the
        // solutions, about 1e-13, to 1e-10.
        let h = 1e-3 * if at.abs() > 1e-4 { at.abs() } else { 1.0 };
        let mut side = |h: f64| {
            let (mut x0, mut params) = (solution.x0, solution.params);
            edit(h, &mut x0, &mut params);
            // Start under the feedback of the given solution, so that an unstable plant stays close to it.
            let Solution { states, controls, gains, .. } = solution.clone();
            let policy = move |t: usize, x: &SVector<f64, NX>| controls[t] + gains[t] * (x - states[t]);
            let problem = Problem::new(x0, params, solution.horizon()).with_policy(&model, policy);
            measure(&solve(solver, &problem))
        };
        (8.0 * (side(h) - side(-h)) - (side(2.0 * h) - side(-2.0 * h))) / (12.0 * h)
    };
    Gradient {
        params: SVector::from_fn(|i, _| slope(solution.params[i], &|h, _, p| p[i] += h)),
        initial_state: SVector::from_fn(|i, _| slope(solution.x0[i], &|h, x0, _| x0[i] += h)),
        stage_params: vec![SVector::zeros(); solution.horizon() + 1],
        weights: Vec::new(),
    }
}
