//! One problem in many units.

use std::fmt;

use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{
    Gradient, GradientError, Ilqr, Iteration, LossGradient, Model, Problem, Settings, Solution, Status,
};

use super::model::{Units, inverse, times};

/// A problem of a model, in its own units.
pub(crate) struct Case<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize = 0> {
    pub(crate) name: &'static str,
    pub(crate) model: M,
    pub(crate) x0: [f64; NX],
    pub(crate) params: [f64; NP],
    pub(crate) stage_params: Vec<[f64; NS]>,
    pub(crate) guess: Vec<[f64; NU]>,
    pub(crate) settings: Settings,
    /// Whether the solution has a gradient.
    pub(crate) differentiable: bool,
}

/// What a solve came to, in the model's own units.
struct Outcome<const NX: usize, const NU: usize, const NP: usize, const NS: usize> {
    iterations: Vec<Iteration>,
    solution: Solution<NX, NU, NP, NS>,
    gradient: Result<Gradient<NX, NP, NS>, GradientError>,
    /// Limits that hold the trajectory, and the least margin.
    active: usize,
    margin: f64,
}

fn power(exponent: i32) -> f64 {
    2.0_f64.powi(exponent)
}

impl<M, const NX: usize, const NU: usize> fmt::Display for Units<M, NX, NU> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cost, offset, states, controls, rows, .. } = self;
        write!(f, "cost {cost:e} + {offset:e}, states {states:?}, controls {controls:?}, rows {rows:?}")
    }
}

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> Case<M, NX, NU, NP, NS>
where
    M: Model<NX, NU, NP, NS> + Copy,
{
    /// Solves and differentiates in the given units; the loss is linear in the trajectory in the model's own.
    fn run(&self, units: Units<M, NX, NU>) -> Outcome<NX, NU, NP, NS> {
        let Units { states, controls, .. } = units;
        let horizon = self.guess.len();
        let guess: Vec<_> = self.guess.iter().map(|u| times(&SVector::from(*u), controls)).collect();
        let x0 = times(&SVector::from(self.x0), states);
        let problem =
            Problem::new(x0, self.params, horizon).with_controls(&guess).with_stage_params(&self.stage_params);
        let mut solver = Ilqr::new(units, horizon, self.settings).unwrap();
        let mut iterations = Vec::new();
        let mut solution = solver.solve_with(&problem, |iteration| iterations.push(*iteration)).unwrap();
        if solution.status != Status::Converged {
            for iteration in &iterations {
                println!("{iteration}");
            }
            panic!("{} by {} in {units}: {}\n{}", self.name, self.settings.method, solution.status, solution.stats);
        }
        let weight = |k: usize| (1.0 + 1.7 * k as f64).sin();
        let stage = NX + NU;
        let mut loss = LossGradient::zeros(horizon);
        for (t, g) in loss.states.iter_mut().enumerate() {
            *g = times(&SVector::from_fn(|i, _| weight(t * stage + i)), inverse(states));
        }
        for (t, g) in loss.controls.iter_mut().enumerate() {
            *g = times(&SVector::from_fn(|i, _| weight(t * stage + NX + i)), inverse(controls));
        }
        let mut gradient = solver.vjp(&solution, &loss);
        if let Ok(gradient) = &mut gradient {
            gradient.initial_state = times(&gradient.initial_state, states);
        }
        let certificate = solution.certificate();
        solution.states.iter_mut().for_each(|x| *x = times(x, inverse(states)));
        solution.controls.iter_mut().for_each(|u| *u = times(u, inverse(controls)));
        Outcome { iterations, solution, gradient, active: certificate.active.len(), margin: certificate.margin }
    }

    /// Solves in the model's own units, then in others.
    pub(crate) fn check(&self) {
        let own = self.run(Units::own(self.model));
        assert_eq!(
            own.gradient.is_ok(),
            self.differentiable,
            "{} by {}: {:?}",
            self.name,
            self.settings.method,
            own.gradient
        );
        let long = cfg!(feature = "long");
        for seed in 0..if long { 36 } else { 6 } {
            self.check_power_of_two(&own, seed);
        }
        // In short every fourth, other ones in each problem.
        let others = self.other_factors(&own).into_iter().skip(if long { 0 } else { self.name.len() % 4 });
        for units in others.step_by(if long { 1 } else { 4 }) {
            self.check_other_factor(&own, units);
        }
    }

    /// Units by powers of two: of the cost, the states, the controls or the constraints alone, or of all.
    fn powers_of_two(&self, seed: usize) -> Units<M, NX, NU> {
        // Exponents from -40 to 40, other ones for each variable.
        let exponent = |i: usize| ((seed * 37 + i * 23) % 81) as i32 - 40;
        let only = |kind: usize, factor: f64| if seed % 6 == kind || seed % 6 > 3 { factor } else { 1.0 };
        let cost = if seed.is_multiple_of(12) { power(-40) } else { power(exponent(0)) };
        Units {
            cost: only(0, cost),
            states: core::array::from_fn(|i| only(1, power(exponent(i + 1)))),
            controls: core::array::from_fn(|i| only(2, power(exponent(NX + i + 1)))),
            rows: core::array::from_fn(|i| only(3, power(exponent(NX + NU + i + 1)))),
            ..Units::own(self.model)
        }
    }

    fn check_power_of_two(&self, own: &Outcome<NX, NU, NP, NS>, seed: usize) {
        let units = self.powers_of_two(seed);
        let other = self.run(units);
        let name = format!("{} by {}, {units}", self.name, self.settings.method);
        for (a, b) in own.iterations.iter().zip(&other.iterations) {
            let mut rescaled = *b;
            rescaled.cost /= units.cost;
            assert_eq!(*a, rescaled, "{name}");
        }
        assert_eq!(own.iterations.len(), other.iterations.len(), "{name}");
        assert_eq!(own.solution.states, other.solution.states, "{name}");
        assert_eq!(own.solution.controls, other.solution.controls, "{name}");
        assert_eq!(own.gradient, other.gradient, "{name}");
        assert_eq!((own.active, own.margin), (other.active, other.margin), "{name}");
    }

    fn other_factors(&self, own: &Outcome<NX, NU, NP, NS>) -> Vec<Units<M, NX, NU>> {
        let base = Units::own(self.model);
        // The constant is a million times the cost: the cost then is known to six digits fewer.
        let offset = 1e6 * own.solution.cost.abs().max(1.0) / self.guess.len() as f64;
        let mut others = vec![Units { offset, ..base }];
        others.extend([1e-12, 3e-9, 7e-4, 3e5, 1e12].map(|cost| Units { cost, ..base }));
        for factor in [1e-6, 3e-3, 7e2, 1e6] {
            others.push(Units { states: [factor; NX], ..base });
            others.push(Units { controls: [factor; NU], ..base });
            if M::LIMITS.constrained() {
                others.push(Units { rows: [factor; 8], ..base });
            }
            let mut one = base;
            one.states[NX - 1] = factor;
            one.rows[0] = 1.0 / factor;
            others.push(Units { cost: 1.0 / factor, ..one });
        }
        others
    }

    fn check_other_factor(&self, own: &Outcome<NX, NU, NP, NS>, units: Units<M, NX, NU>) {
        let other = self.run(units);
        let name = format!("{} by {}, {units}", self.name, self.settings.method);
        close(&name, &own.solution.states, &other.solution.states);
        close(&name, &own.solution.controls, &other.solution.controls);
        assert_eq!(own.active, other.active, "{name}");
        match (&own.gradient, &other.gradient) {
            (Ok(own), Ok(other)) => {
                close(&name, &[own.params], &[other.params]);
                close(&name, &[own.initial_state], &[other.initial_state]);
                close(&name, &own.stage_params, &other.stage_params);
            }
            (Err(_), Err(_)) => {}
            (_, other) => panic!("{name}: {other:?}"),
        }
    }
}

/// To 1e-6 of the largest entry, as the issue of units asks; a Newton step of 1e-9 leaves it to the problem's condition.
fn close<const N: usize>(name: &str, own: &[SVector<f64, N>], other: &[SVector<f64, N>]) {
    let largest = own.iter().map(|v| v.amax()).fold(0.0, f64::max);
    for (a, b) in own.iter().zip(other) {
        assert!((a - b).amax() <= 1e-6 * largest, "{name}: {a} is not {b}");
    }
}
