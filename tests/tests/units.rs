//! No result depends on the units of a problem. The shipped models without limits are solved with cost, states and
//! controls in other units. By powers of two, which rounding commutes with, every iterate must be the same to the bit;
//! by other factors, and with a constant added to the cost, status, optimum and gradient must be the same.
#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]

use dilqr_models::{
    acrobot, cartpole, cartpole_cos_sin, lqr, mass_spring_damper, pendulum, pendulum_cos_sin, planar_quadrotor,
    two_link_arm, unicycle, van_der_pol,
};
use dilqr_runtime::model::{Stage, Terminal};
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{
    Gradient, Hessian, Ilqr, Iteration, LossGradient, Model, Problem, Scalar, Settings, Solution, Status,
};

/// A model in other units: `x = states x'`, `u = controls u'`, `l = cost l' + offset` with the numbers of the model.
#[derive(Clone, Copy)]
struct Units<M, const NX: usize, const NU: usize> {
    model: M,
    cost: f64,
    offset: f64,
    states: [f64; NX],
    controls: [f64; NU],
}

fn times<S: Scalar, const N: usize>(vector: &SVector<S, N>, factors: [f64; N]) -> SVector<S, N> {
    SVector::from_fn(|i, _| vector[i] * S::from_f64(factors[i]))
}

fn inverse<const N: usize>(factors: [f64; N]) -> [f64; N] {
    factors.map(|factor| 1.0 / factor)
}

impl<M, const NX: usize, const NU: usize, const NP: usize> Model<NX, NU, NP> for Units<M, NX, NU>
where
    M: Model<NX, NU, NP>,
{
    fn dynamics<S: Scalar>(&self, at: Stage<'_, S, NX, NU, NP>, next: &mut SVector<S, NX>) {
        let (x, u) = (times(at.x, inverse(self.states)), times(at.u, inverse(self.controls)));
        let mut scaled = SVector::from_fn(|_, _| S::zero());
        self.model.dynamics(Stage::new(&x, &u, at.p, at.s), &mut scaled);
        *next = times(&scaled, self.states);
    }

    fn stage_cost<S: Scalar>(&self, at: Stage<'_, S, NX, NU, NP>) -> S {
        let (x, u) = (times(at.x, inverse(self.states)), times(at.u, inverse(self.controls)));
        S::from_f64(self.cost) * self.model.stage_cost(Stage::new(&x, &u, at.p, at.s)) + S::from_f64(self.offset)
    }

    fn terminal_cost<S: Scalar>(&self, at: Terminal<'_, S, NX, NP>) -> S {
        let x = times(at.x, inverse(self.states));
        S::from_f64(self.cost) * self.model.terminal_cost(Terminal::new(&x, at.p, at.s))
    }
}

/// A problem of a model, in its own units.
struct Case<M, const NX: usize, const NU: usize, const NP: usize> {
    name: &'static str,
    model: M,
    x0: [f64; NX],
    params: [f64; NP],
    guess: [f64; NU],
}

/// What a solve came to, in the model's own units.
struct Outcome<const NX: usize, const NU: usize, const NP: usize> {
    iterations: Vec<Iteration>,
    solution: Solution<NX, NU, NP>,
    gradient: Gradient<NX, NP>,
}

const HORIZON: usize = 30;

impl<M, const NX: usize, const NU: usize, const NP: usize> Case<M, NX, NU, NP>
where
    M: Model<NX, NU, NP> + Copy,
{
    fn own_units(&self) -> Units<M, NX, NU> {
        Units { model: self.model, cost: 1.0, offset: 0.0, states: [1.0; NX], controls: [1.0; NU] }
    }

    /// Solves and differentiates in the given units; the loss is linear in the trajectory in the model's own.
    fn run(&self, units: Units<M, NX, NU>, hessian: Hessian) -> Outcome<NX, NU, NP> {
        let (states, controls) = (units.states, units.controls);
        let guess = times(&SVector::from(self.guess), controls);
        let x0 = times(&SVector::from(self.x0), states);
        let problem = Problem::new(x0, self.params, HORIZON).with_controls(&[guess; HORIZON]);
        let mut solver = Ilqr::new(units, HORIZON, Settings { hessian, ..Settings::default() }).unwrap();
        let mut iterations = Vec::new();
        let mut solution = solver.solve_with(&problem, |iteration| iterations.push(*iteration)).unwrap();
        assert_eq!(solution.status, Status::Converged, "{}: {:?}", self.name, solution.stats);
        let weight = |k: usize| (1.0 + 1.7 * k as f64).sin();
        let stage = NX + NU;
        let mut loss = LossGradient::zeros(HORIZON);
        for (t, g) in loss.states.iter_mut().enumerate() {
            *g = times(&SVector::from_fn(|i, _| weight(t * stage + i)), inverse(states));
        }
        for (t, g) in loss.controls.iter_mut().enumerate() {
            *g = times(&SVector::from_fn(|i, _| weight(t * stage + NX + i)), inverse(controls));
        }
        let mut gradient = solver.vjp(&solution, &loss).unwrap();
        gradient.initial_state = times(&gradient.initial_state, states);
        solution.states.iter_mut().for_each(|x| *x = times(x, inverse(states)));
        solution.controls.iter_mut().for_each(|u| *u = times(u, inverse(controls)));
        Outcome { iterations, solution, gradient }
    }

    fn check(&self, hessian: Hessian) {
        let own = self.run(self.own_units(), hessian);
        self.check_powers_of_two(&own, hessian);
        self.check_other_factors(&own, hessian);
    }

    fn check_powers_of_two(&self, own: &Outcome<NX, NU, NP>, hessian: Hessian) {
        let power = |exponent: i32| 2.0_f64.powi(exponent);
        // Exponents from -40 to 40, other ones for each variable.
        let spread = |seed: usize, i: usize| power(((seed * 37 + i * 23) % 81) as i32 - 40);
        for seed in 0..6 {
            let only = |kind: usize, factor: f64| if seed == kind || seed > 3 { factor } else { 1.0 };
            let units = Units {
                cost: only(0, spread(seed, 0)) * if seed == 3 { power(-40) } else { 1.0 },
                states: core::array::from_fn(|i| only(1, spread(seed, i + 1))),
                controls: core::array::from_fn(|i| only(2, spread(seed, NX + i + 1))),
                ..self.own_units()
            };
            let other = self.run(units, hessian);
            let name = format!("{}, {hessian:?}, {:?} {:?} {:?}", self.name, units.cost, units.states, units.controls);
            assert_eq!(own.iterations.len(), other.iterations.len(), "{name}");
            for (a, b) in own.iterations.iter().zip(&other.iterations) {
                let mut rescaled = *b;
                rescaled.cost /= units.cost;
                assert_eq!(*a, rescaled, "{name}");
            }
            assert_eq!(own.solution.states, other.solution.states, "{name}");
            assert_eq!(own.solution.controls, other.solution.controls, "{name}");
            assert_eq!(own.gradient, other.gradient, "{name}");
        }
    }

    fn check_other_factors(&self, own: &Outcome<NX, NU, NP>, hessian: Hessian) {
        let base = self.own_units();
        // The constant is a million times the cost: the cost then is known to six digits fewer.
        let constant = 1e6 * own.solution.cost.abs().max(1.0) / HORIZON as f64;
        let mut others = vec![Units { offset: constant, ..base }];
        others.extend([1e-12, 3e-9, 7e-4, 3e5, 1e12].map(|cost| Units { cost, ..base }));
        for factor in [1e-6, 3e-3, 7e2, 1e6] {
            others.push(Units { states: [factor; NX], ..base });
            others.push(Units { controls: [factor; NU], ..base });
            let mut one = base;
            one.states[NX - 1] = factor;
            others.push(Units { cost: 1.0 / factor, ..one });
        }
        for units in others {
            let other = self.run(units, hessian);
            let name = format!(
                "{}, {hessian:?}, {:e} {:e} {:?} {:?}",
                self.name, units.cost, units.offset, units.states, units.controls
            );
            close(&name, &own.solution.states, &other.solution.states);
            close(&name, &own.solution.controls, &other.solution.controls);
            close(&name, &[own.gradient.params], &[other.gradient.params]);
            close(&name, &[own.gradient.initial_state], &[other.gradient.initial_state]);
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

fn check<M, const NX: usize, const NU: usize, const NP: usize>(
    name: &'static str,
    model: M,
    x0: [f64; NX],
    params: [f64; NP],
    guess: [f64; NU],
) where
    M: Model<NX, NU, NP> + Copy,
{
    Case { name, model, x0, params, guess }.check(Hessian::Exact);
}

#[test]
fn pendulums() {
    check("pendulum", pendulum::Pendulum, [2.0, 1.0], [10.0, 1.0, 1.0], [0.0]);
    check("pendulum, near", pendulum::Pendulum, [0.5, -0.2], [10.0, 1.0, 1.0], [0.1]);
    check("pendulum of cosine and sine", pendulum_cos_sin::PendulumCosSin, [0.88, 0.48, -0.2], [10.0, 1.0, 1.0], [0.0]);
    check("van der Pol", van_der_pol::VanDerPol, [0.0, 1.0], [1.0], [0.0]);
}

/// From zero controls the pole falls: these solves meet indefinite Hessians and are regularized.
#[test]
fn carts_and_poles() {
    check("cart-pole", cartpole::Cartpole, [0.1, -0.5, 0.3, 0.3], [9.8, 1.0, 0.1, 0.5], [0.0]);
    check("cart-pole, far", cartpole::Cartpole, [0.1, -0.5, -2.4, 0.3], [9.8, 1.0, 0.1, 0.5], [0.0]);
    check(
        "cart-pole of cosine and sine",
        cartpole_cos_sin::CartpoleCosSin,
        [0.2, 0.0, 0.95, 0.3, -0.1],
        [9.8, 1.0, 0.1, 0.5],
        [0.0],
    );
}

#[test]
fn others_of_few_states() {
    let a = [1.1, 0.2, 0.0, -0.1, 0.0, 0.9, 0.3, 0.0, 0.1, 0.0, 1.05, 0.2, -0.2, 0.1, 0.0, 1.0];
    let rest = [1.0, 0.0, 0.2, 0.5, 0.0, 1.0, 0.3, -0.4, 0.5];
    let params: [f64; 25] = core::array::from_fn(|i| if i < 16 { a[i] } else { rest[i - 16] });
    check("linear", lqr::Lqr, [1.0, -0.5, 0.3, 0.8], params, [0.0; 2]);
    check("unicycle", unicycle::Unicycle, [0.0, 0.1, 0.3], [1.0, 0.5, 0.0, 0.05, 0.05], [0.0; 2]);
    check(
        "masses and springs",
        mass_spring_damper::MassSpringDamper,
        [0.3, -0.2, 0.5, 0.0, 0.4, -0.1],
        [1.0, 0.8, 0.6, 10.0, 10.0, 10.0, 0.5, 0.5, 0.5],
        [0.0],
    );
}

#[test]
fn arms_and_quadrotors() {
    check("acrobot", acrobot::Acrobot, [0.3, -0.2, 0.0, 0.1], [9.81, 1.0, 1.0, 1.0, 0.5, 0.5, 0.08, 0.08], [0.0]);
    check(
        "planar quadrotor",
        planar_quadrotor::PlanarQuadrotor,
        [0.5, 0.3, 0.2, 0.0, -0.1, 0.1],
        [9.81, 0.486, 0.00383, 0.25],
        [2.4; 2],
    );
    check(
        "two-link arm",
        two_link_arm::TwoLinkArm,
        [0.3, 0.4, 0.0, 0.1],
        [0.025, 0.045, 1.0, 0.3, 0.33, 0.16, 0.05, 0.025, 0.2, 0.4],
        [0.0; 2],
    );
}
