//! Lifted models: what the user's types say of a model with design variables, soft constraints and a previous control. They
//! are compared with the same problems as plain models whose state is augmented by hand, and with differences.

use std::slice::from_ref;

use crate::support::c;
use dilqr_runtime::__private::{Lift, LiftedEngine};
use dilqr_runtime::model::{Limit, Row, Stage, Start, Terminal, Variable};
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{
    ActiveLimit, Direction, Formulation, GradientError, Ilqr, Input, InputError, Limits, LossGradient, Model, Mpc,
    Problem, Scalar, Settings, Solution, SolveError, Status, batch,
};

const HORIZON: usize = 12;

/// `x+ = x + u (1 + x / 10)` with a price `p` on the change of the control; the weight of the state is the stage parameter.
/// The bounds of the rate are `-+ 1/5`. It reads the previous control.
#[derive(Clone, Copy, Debug)]
struct Rated;

/// Its state is `(x, previous)`.
#[derive(Clone, Copy, Debug)]
struct LiftedRated(Rated);

impl Model<2, 1, 1, 1> for LiftedRated {
    const LIMITS: Limits = Limits { stage_inequalities: 2, ..Limits::NONE };

    fn dynamics<S: Scalar>(&self, Stage { x, u, .. }: Stage<'_, S, 2, 1, 1, 1>, next: &mut SVector<S, 2>) {
        next[0] = x[0] + u[0] * (c::<S>(1.0) + c::<S>(0.1) * x[0]);
        next[1] = u[0];
    }
    fn stage_cost<S: Scalar>(&self, Stage { x, u, p, s }: Stage<'_, S, 2, 1, 1, 1>) -> S {
        let rate = u[0] - x[1];
        s[0] * x[0] * x[0] + p[0] * rate * rate + c::<S>(0.1) * u[0] * u[0]
    }
    fn terminal_cost<S: Scalar>(&self, Terminal { x, s, .. }: Terminal<'_, S, 2, 1, 1>) -> S {
        c::<S>(2.0) * s[0] * x[0] * x[0]
    }
    fn stage_constraints<S: Scalar>(&self, Stage { x, u, .. }: Stage<'_, S, 2, 1, 1, 1>, rows: &mut [S]) {
        (rows[0], rows[1]) = (u[0] - x[1] - c::<S>(0.2), x[1] - u[0] - c::<S>(0.2));
    }
}

impl Lift<1, 1, 1, 1, 0, 2, 1> for LiftedRated {
    type Model = Rated;
    const PREVIOUS: bool = true;
    fn new(model: Rated) -> Self {
        Self(model)
    }
    fn model(&self) -> &Rated {
        &self.0
    }
    fn model_mut(&mut self) -> &mut Rated {
        &mut self.0
    }
}

impl Formulation<1, 1, 1, 1, 0> for Rated {
    type Engine = LiftedEngine<LiftedRated, 1, 1, 1, 1, 0, 2, 1>;
    fn engine(self, horizon: usize) -> Self::Engine {
        LiftedEngine::new(LiftedRated(self), horizon)
    }
}

/// A cart `(place, speed)` over the time `d`, which costs one a second: rest at `p_0`, `|u| <= 1`, and a price `p_1` of force.
/// Softly its speed stays below `p_2` at every stage, and `d` below 3 at the end. The time is the design variable.
#[derive(Clone, Copy, Debug)]
struct Timed;

/// Its state is `(place, speed, d, terminal excess)`, its control `(u, excess)`.
#[derive(Clone, Copy, Debug)]
struct LiftedTimed(Timed);

impl Model<4, 2, 3> for LiftedTimed {
    const START: Start<4> = Start { free: [false, false, true, true], ..Start::GIVEN };
    const LIMITS: Limits = Limits {
        bounded: true,
        stage_inequalities: 1,
        terminal_inequalities: 1,
        terminal_equalities: 2,
        initial_inequalities: 2,
        stage_rows: &[Row::SoftConstraint(0)],
        terminal_rows: &[Row::SoftConstraint(0)],
        initial_rows: &[Row::Bound { variable: Variable::DesignEntry(0), upper: false, known: true }, Row::Excess(0)],
        excesses: 1,
        ..Limits::NONE
    };

    fn dynamics<S: Scalar>(&self, Stage { x, u, .. }: Stage<'_, S, 4, 2, 3>, next: &mut SVector<S, 4>) {
        let dt = x[2] / c::<S>(HORIZON as f64);
        next[0] = x[0] + dt * x[1] + c::<S>(0.5) * dt * dt * u[0];
        next[1] = x[1] + dt * u[0];
        (next[2], next[3]) = (x[2], x[3]);
    }
    fn stage_cost<S: Scalar>(&self, Stage { x, u, p, .. }: Stage<'_, S, 4, 2, 3>) -> S {
        p[1] * x[2] * u[0] * u[0] / c::<S>(HORIZON as f64) + c::<S>(0.2) * u[1] + c::<S>(0.5) * u[1] * u[1]
    }
    fn terminal_cost<S: Scalar>(&self, Terminal { x, .. }: Terminal<'_, S, 4, 3>) -> S {
        x[2] + c::<S>(0.1) * x[3] + c::<S>(0.5) * x[3] * x[3]
    }
    fn bounds<S: Scalar>(&self, _: &SVector<S, 3>, lower: &mut SVector<S, 2>, upper: &mut SVector<S, 2>) {
        (lower[0], upper[0], lower[1]) = (c::<S>(-1.0), c::<S>(1.0), c::<S>(0.0));
    }
    fn stage_constraints<S: Scalar>(&self, Stage { x, u, p, .. }: Stage<'_, S, 4, 2, 3>, rows: &mut [S]) {
        rows[0] = x[1] - p[2] - u[1];
    }
    fn terminal_constraints<S: Scalar>(&self, Terminal { x, p, .. }: Terminal<'_, S, 4, 3>, rows: &mut [S]) {
        rows[0] = x[2] - c::<S>(3.0) - x[3];
        (rows[1], rows[2]) = (x[0] - p[0], x[1]);
    }
    fn initial_constraints<S: Scalar>(&self, Terminal { x, .. }: Terminal<'_, S, 4, 3>, rows: &mut [S]) {
        (rows[0], rows[1]) = (c::<S>(0.5) - x[2], -x[3]);
    }
}

impl Lift<2, 1, 3, 0, 1, 4, 2> for LiftedTimed {
    type Model = Timed;
    const PREVIOUS: bool = false;
    fn new(model: Timed) -> Self {
        Self(model)
    }
    fn model(&self) -> &Timed {
        &self.0
    }
    fn model_mut(&mut self) -> &mut Timed {
        &mut self.0
    }
}

impl Formulation<2, 1, 3, 0, 1> for Timed {
    type Engine = LiftedEngine<LiftedTimed, 2, 1, 3, 0, 1, 4, 2>;
    fn engine(self, horizon: usize) -> Self::Engine {
        LiftedEngine::new(LiftedTimed(self), horizon)
    }
}

type RatedProblem = Problem<1, 1, 1, 1>;
type TimedProblem = Problem<2, 1, 3, 0, 1>;

fn weights() -> Vec<[f64; 1]> {
    (0..=HORIZON).map(|t| [1.0 + 0.1 * t as f64]).collect()
}

fn rated(x: f64, previous: f64) -> RatedProblem {
    Problem::new([x], [0.3], HORIZON).with_stage_params(&weights()).with_previous([previous])
}

/// The same with the previous control in the state.
fn by_hand(x: f64, previous: f64) -> Problem<2, 1, 1, 1> {
    Problem::new([x, previous], [0.3], HORIZON).with_stage_params(&weights())
}

fn timed(place: f64, limit: f64) -> TimedProblem {
    Problem::new([0.0, 0.0], [place, 0.2, limit], HORIZON).with_design([2.0])
}

fn solved<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize>(
    solver: &mut Ilqr<M, NX, NU, NP, NS, ND>,
    problem: &Problem<NX, NU, NP, NS, ND>,
) -> Solution<NX, NU, NP, NS, ND>
where
    M: Formulation<NX, NU, NP, NS, ND>,
{
    let solution = solver.solve(problem).unwrap();
    assert_eq!(solution.status, Status::Converged, "{}", solution.stats);
    solution
}

/// A loss with a weight for every entry.
fn loss<const NX: usize, const NU: usize, const ND: usize>() -> LossGradient<NX, NU, ND> {
    let mut loss: LossGradient<NX, NU, ND> = LossGradient::zeros(HORIZON);
    let mut weights = (0..).map(|k| (1.0 + 1.7 * f64::from(k)).sin());
    let LossGradient { states, controls, design } = &mut loss;
    let vectors = states.iter_mut().flat_map(|x| x.iter_mut()).chain(controls.iter_mut().flat_map(|u| u.iter_mut()));
    vectors.chain(design.iter_mut()).for_each(|entry| *entry = weights.next().unwrap());
    loss
}

fn value<const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize>(
    loss: &LossGradient<NX, NU, ND>,
    solution: &Solution<NX, NU, NP, NS, ND>,
) -> f64 {
    let states: f64 = loss.states.iter().zip(&solution.states).map(|(g, x)| g.dot(x)).sum();
    let controls: f64 = loss.controls.iter().zip(&solution.controls).map(|(g, u)| g.dot(u)).sum();
    states + controls + loss.design.dot(&solution.design)
}

/// A model that reads the previous control is the model with that control in its state, to the bit.
#[test]
fn the_previous_control_is_a_state() {
    let mut lifted = Ilqr::new(Rated, HORIZON, Settings::default()).unwrap();
    let mut plain = Ilqr::new(LiftedRated(Rated), HORIZON, Settings::default()).unwrap();
    let a = solved(&mut lifted, &rated(1.0, 0.1));
    let b = solved(&mut plain, &by_hand(1.0, 0.1));
    assert_eq!((a.cost.to_bits(), &a.controls, &a.multipliers), (b.cost.to_bits(), &b.controls, &b.multipliers));
    assert!(a.states.iter().zip(&b.states).all(|(a, b)| a[0] == b[0]));
    assert!(a.gains.iter().zip(&b.gains).all(|(a, b)| a[0] == b[0]) && a.costates[0][0] == b.costates[0][0]);
    assert_eq!(a.previous, Some(SVector::from([0.1])));
    assert!(a.certificate().active.len() > 1, "the rate has reached its bound");
    assert_eq!(a.certificate(), b.certificate());
    assert_eq!(lifted.differentiate(&a).unwrap().certificate(), plain.differentiate(&b).unwrap().certificate());

    let la: LossGradient<1, 1> = loss();
    let states = la.states.iter().map(|x| SVector::from([x[0], 0.0])).collect();
    let lb = LossGradient::new(states, la.controls.clone());
    let (ga, gb) = (lifted.vjp(&a, &la).unwrap(), plain.vjp(&b, &lb).unwrap());
    assert_eq!((ga.params, &ga.stage_params, ga.initial_state[0]), (gb.params, &gb.stage_params, gb.initial_state[0]));
    let (va, vb) = (lifted.value_gradient(&a).unwrap(), plain.value_gradient(&b).unwrap());
    assert_eq!((va.params, va.stage_params, va.initial_state[0]), (vb.params, vb.stage_params, vb.initial_state[0]));
    let (ja, jb) = (lifted.jacobian(&a).unwrap(), plain.jacobian(&b).unwrap());
    assert_eq!(ja.controls, jb.controls);
    assert!(ja.states.iter().zip(&jb.states).all(|(a, b)| a[0] == b[0]));
    let (sa, sb) = (lifted.stage_jacobian(&a, 3).unwrap(), plain.stage_jacobian(&b, 3).unwrap());
    assert_eq!(sa.controls, sb.controls);
    let direction = Direction::new([1.0]).with_initial_state([0.5]);
    let ha = lifted.hvp(&a, &la, &direction, |dx, du| LossGradient::new(dx.to_vec(), du.to_vec())).unwrap();
    let direction = Direction::new([1.0]).with_initial_state([0.5, 0.0]);
    let hb = plain
        .hvp(&b, &lb, &direction, |dx, du| {
            LossGradient::new(dx.iter().map(|x| SVector::from([x[0], 0.0])).collect(), du.to_vec())
        })
        .unwrap();
    assert_eq!((ha.params, ha.stage_params), (hb.params, hb.stage_params));
    // One factorization, and a solve with it.
    let (c, sensitivities) = lifted.solve_and_differentiate(&rated(1.0, 0.1)).unwrap();
    assert_eq!(sensitivities.unwrap().vjp(&la).unwrap(), ga);
    assert_eq!(c, a);
}

/// Gradient, Jacobian, gradient of the cost and second derivatives in the parameters, beside central differences.
#[test]
fn design_and_soft_constraints_beside_differences() {
    let settings = Settings { tolerance: 1e-11, ..Settings::default() };
    let mut solver = Ilqr::new(Timed, HORIZON, settings).unwrap();
    // Both soft limits are exceeded: the speed at some stages and not at others, and the time.
    let at = |p: [f64; 3]| Problem::new([0.0, 0.0], p, HORIZON).with_design([2.0]);
    let p = [2.4, 0.2, 0.8];
    let solution = solved(&mut solver, &at(p));
    assert!(solution.design[0] > 3.01 && solution.states.iter().any(|x| x[1] > 0.81), "{}", solution.design);
    let loss: LossGradient<2, 1, 1> = loss();
    let gradient = solver.vjp(&solution, &loss).unwrap();
    let of_value = solver.value_gradient(&solution).unwrap();
    let jacobian = solver.jacobian(&solution).unwrap();
    // A step of 1e-5 has a relative error of 1e-10 from the third derivative and of 1e-11 / 1e-5 from the tolerance.
    let (h, allowed) = (1e-5, 3e-6);
    let close = |a: f64, b: f64, what: &str| assert!((a - b).abs() <= allowed * (1.0 + b.abs()), "{what}: {a} {b}");
    for j in 0..3 {
        let mut around = [1.0, -1.0].map(|sign| {
            let mut p = p;
            p[j] += sign * h;
            let near = solved(&mut solver, &at(p).with_warm_start(&Timed, &solution));
            let gradient = solver.vjp(&near, &loss).unwrap();
            (near, gradient)
        });
        let [(plus, after), (minus, before)] = &mut around;
        close(gradient.params[j], (value(&loss, plus) - value(&loss, minus)) / (2.0 * h), "gradient");
        close(of_value.params[j], (plus.cost - minus.cost) / (2.0 * h), "value");
        close(jacobian.design[(0, j)], (plus.design[0] - minus.design[0]) / (2.0 * h), "design");
        for t in 0..=HORIZON {
            for i in 0..2 {
                close(jacobian.states[t][(i, j)], (plus.states[t][i] - minus.states[t][i]) / (2.0 * h), "state");
            }
        }
        let mut direction = SVector::zeros();
        direction[j] = 1.0;
        let zero = |_: &[_], _: &[_], _: &_| LossGradient::zeros(HORIZON);
        let product =
            solver.differentiate(&solution).unwrap().hvp_with_design(&loss, &Direction::new(direction), zero).unwrap();
        for k in 0..3 {
            // Differences of gradients, which are as accurate as the trajectory.
            let difference = (after.params[k] - before.params[k]) / (2.0 * h);
            assert!((product.params[k] - difference).abs() <= 1e-4 * (1.0 + difference.abs()), "{j} {k}");
        }
    }
    // In the initial state, which is given.
    for i in 0..2 {
        let [plus, minus] = [1.0, -1.0].map(|sign| {
            let mut x0 = [0.0, 0.0];
            x0[i] = sign * h;
            let near = Problem::new(x0, p, HORIZON).with_warm_start(&Timed, &solution);
            value(&loss, &solved(&mut solver, &near))
        });
        close(gradient.initial_state[i], (plus - minus) / (2.0 * h), "initial state");
    }
}

/// A loss `1/2 d^2` has the Hessian of the design: its second derivative along a direction is the difference of gradients.
#[test]
fn losses_that_curve_in_the_design() {
    let mut solver = Ilqr::new(Timed, HORIZON, Settings { tolerance: 1e-11, ..Settings::default() }).unwrap();
    let at = |limit: f64| timed(1.4, limit);
    let solution = solved(&mut solver, &at(0.45));
    let of = |solution: &Solution<2, 1, 3, 0, 1>| {
        let mut loss = LossGradient::zeros(HORIZON);
        loss.design = solution.design;
        loss
    };
    let product = solver
        .differentiate(&solution)
        .unwrap()
        .hvp_with_design(&of(&solution), &Direction::new([0.0, 0.0, 1.0]), |_, _, dd| {
            let mut loss = LossGradient::zeros(HORIZON);
            loss.design = *dd;
            loss
        })
        .unwrap();
    let h = 1e-5;
    let [plus, minus] = [h, -h].map(|h| {
        let near = solved(&mut solver, &at(0.45 + h).with_warm_start(&Timed, &solution));
        solver.vjp(&near, &of(&near)).unwrap().params
    });
    let difference = (plus - minus) / (2.0 * h);
    // Differences of gradients, which are as accurate as the trajectory.
    assert!((product.params - difference).amax() <= 1e-4 * (1.0 + difference.amax()), "{product:?} {difference}");
}

/// Batches are bitwise equal to one by one, errors included; in lanes they are as close as the tolerance.
#[test]
fn batches_are_one_by_one() {
    let settings = Settings::default();
    let mut rated_solver = Ilqr::new(Rated, HORIZON, settings).unwrap();
    let mut problems: Vec<_> = (0..9).map(|i| rated(0.3 + 0.1 * f64::from(i), 0.05)).collect();
    problems[2] = Problem::new([1.0], [0.3], HORIZON).with_stage_params(&weights());
    problems[5] = rated(f64::NAN, 0.0);
    let one: Vec<_> = problems.iter().map(|problem| rated_solver.solve(problem)).collect();
    assert_eq!(one[2], Err(InputError::PreviousMissing.into()));
    assert!(matches!(one[5], Err(SolveError::Input(InputError::NonFinite { input: Input::InitialState, .. }))));
    let many = batch::solve(&Rated, HORIZON, &settings, &problems);
    // As text, since one error holds a NaN. The text of a number is that of its bits.
    assert!(format!("{one:?}") == format!("{many:?}"));
    let solutions: Vec<_> = one.iter().flatten().cloned().collect();
    let losses = vec![loss(); solutions.len()];
    let gradients: Vec<_> = solutions.iter().map(|solution| rated_solver.vjp(solution, &losses[0])).collect();
    assert_eq!(batch::vjp(&Rated, &settings, &solutions, &losses), gradients);
    let both = batch::solve_and_vjp(&Rated, HORIZON, &settings, &problems, |index, solution| {
        assert_eq!(problems[index].x0(), &solution.x0);
        loss()
    });
    let mut expected = gradients.iter();
    for (both, one) in both.iter().zip(&one) {
        match (both, one) {
            (Ok((solution, gradient)), Ok(one)) => {
                assert_eq!((solution, gradient), (one, expected.next().unwrap()));
            }
            (both, one) => assert_eq!(format!("{:?}", both.as_ref().err()), format!("{:?}", one.as_ref().err())),
        }
    }
    let timed: Vec<_> = (0..5).map(|i| timed(1.0 + 0.1 * f64::from(i), 0.45)).collect();
    let mut solver = Ilqr::new(Timed, HORIZON, settings).unwrap();
    let one: Vec<_> = timed.iter().map(|problem| solver.solve(problem)).collect();
    assert_eq!(batch::solve(&Timed, HORIZON, &settings, &timed), one);
}

/// A drive with a previous control and no limit: lanes take it.
#[derive(Clone, Copy, Debug)]
struct Smooth;

#[derive(Clone, Copy, Debug)]
struct LiftedSmooth(Smooth);

impl Model<2, 1, 1, 1> for LiftedSmooth {
    fn dynamics<S: Scalar>(&self, at: Stage<'_, S, 2, 1, 1, 1>, next: &mut SVector<S, 2>) {
        LiftedRated(Rated).dynamics(at, next);
    }
    fn stage_cost<S: Scalar>(&self, at: Stage<'_, S, 2, 1, 1, 1>) -> S {
        LiftedRated(Rated).stage_cost(at)
    }
    fn terminal_cost<S: Scalar>(&self, at: Terminal<'_, S, 2, 1, 1>) -> S {
        LiftedRated(Rated).terminal_cost(at)
    }
}

impl Lift<1, 1, 1, 1, 0, 2, 1> for LiftedSmooth {
    type Model = Smooth;
    const PREVIOUS: bool = true;
    fn new(model: Smooth) -> Self {
        Self(model)
    }
    fn model(&self) -> &Smooth {
        &self.0
    }
    fn model_mut(&mut self) -> &mut Smooth {
        &mut self.0
    }
}

impl Formulation<1, 1, 1, 1, 0> for Smooth {
    type Engine = LiftedEngine<LiftedSmooth, 1, 1, 1, 1, 0, 2, 1>;
    fn engine(self, horizon: usize) -> Self::Engine {
        LiftedEngine::new(LiftedSmooth(self), horizon)
    }
}

#[test]
fn lanes() {
    let settings = Settings::default();
    let problems: Vec<_> = (0..9).map(|i| rated(0.3 + 0.1 * f64::from(i), 0.05)).collect();
    let one = batch::solve(&Smooth, HORIZON, &settings, &problems);
    let many = batch::solve_lanes(&Smooth, HORIZON, &settings, &problems);
    let solutions: Vec<_> = one.into_iter().map(Result::unwrap).collect();
    for (one, many) in solutions.iter().zip(&many) {
        let many = many.as_ref().unwrap();
        assert_eq!((one.status, many.status), (Status::Converged, Status::Converged));
        // Sums and products alone: lanes have the bits of the single solver.
        assert_eq!((&one.controls, &one.lifted_bits()), (&many.controls, &many.lifted_bits()));
    }
    let losses = vec![loss(); solutions.len()];
    let (single, lanes) = (
        batch::vjp(&Smooth, &settings, &solutions, &losses),
        batch::vjp_lanes(&Smooth, &settings, &solutions, &losses),
    );
    for (single, lanes) in single.iter().zip(&lanes) {
        let (single, lanes) = (single.as_ref().unwrap(), lanes.as_ref().unwrap());
        // Rounding: a gradient is a sum of some hundred terms of about its size.
        assert!((single.params - lanes.params).amax() <= 1e-11 * (1.0 + single.params.amax()));
    }
    let both = batch::solve_and_vjp_lanes(&Smooth, HORIZON, &settings, &problems, |_, _| loss());
    assert!(both.iter().all(|both| both.as_ref().is_ok_and(|(_, gradient)| gradient.is_ok())));
}

/// Gains of a solution as bits.
trait Bits {
    fn lifted_bits(&self) -> Vec<u64>;
}

impl Bits for Solution<1, 1, 1, 1> {
    fn lifted_bits(&self) -> Vec<u64> {
        self.gains.iter().flat_map(|gain| gain.iter().map(|entry| entry.to_bits())).collect()
    }
}

/// Steps of a solve without limits and with a given start are unrolled; those with free starts are refused.
#[test]
fn unrolled_steps() {
    let mut solver = Ilqr::new(Smooth, HORIZON, Settings::default()).unwrap();
    let problem = rated(0.8, 0.05);
    let solution = solved(&mut solver, &problem);
    let exact = solver.vjp(&solution, &loss()).unwrap();
    for unrolled in [solver.unrolled(&problem, &loss(), 30).unwrap(), solver.truncated(&problem, &loss(), 30).unwrap()]
    {
        // Gauss-Newton steps contract by a tenth or better here, so that 30 leave rounding.
        assert!((unrolled.params - exact.params).amax() <= 1e-8 * (1.0 + exact.params.amax()));
    }
    let mut solver = Ilqr::new(Timed, HORIZON, Settings::default()).unwrap();
    assert_eq!(solver.unrolled(&timed(1.0, 0.45), &loss(), 3), Err(GradientError::UnrolledStart));
}

/// A warm start is the last solution: one step finds that it is one. A policy is a function of the model's own state.
#[test]
fn guesses() {
    let mut solver = Ilqr::new(Timed, HORIZON, Settings::default()).unwrap();
    let solution = solved(&mut solver, &timed(1.4, 0.45));
    let warm = solved(&mut solver, &timed(1.4, 0.45).with_warm_start(&Timed, &solution));
    assert!(warm.stats.iterations <= 2, "{}", warm.stats);
    assert!((warm.design - solution.design).amax() < 1e-8);
    let states: Vec<[f64; 2]> = (0..=HORIZON).map(|t| [1.4 * t as f64 / HORIZON as f64, 0.4]).collect();
    let from_states = solved(&mut solver, &timed(1.4, 0.45).with_states(&states));
    let from_policy = solved(&mut solver, &timed(1.4, 0.45).with_policy(&Timed, |_, x| [1.4 - x[0] - x[1]]));
    let from_controls = solved(&mut solver, &timed(1.4, 0.45).with_controls(&[[0.1]; HORIZON]));
    for other in [from_states, from_policy, from_controls] {
        // Each is a solution to the tolerance of 1e-9 in its Newton step.
        assert!((other.design - solution.design).amax() < 1e-7, "{} {}", other.design, solution.design);
    }
    let path = solver.solve_path(&timed(1.4, 0.45), &[1e-2, 1e-4, 1e-6]).unwrap();
    assert!(path.iter().all(|solution| solution.status == Status::Converged));
    assert!((path[2].design - solution.design).amax() < 1e-3);
}

/// Every edit of a solution is noticed.
#[test]
fn edited_solutions_are_refused() {
    let mut solver = Ilqr::new(Timed, HORIZON, Settings::default()).unwrap();
    let solution = solved(&mut solver, &timed(1.4, 0.45));
    let zero = LossGradient::zeros(HORIZON);
    assert!(solver.vjp(&solution, &zero).is_ok());
    let mut refused = |edit: &dyn Fn(&mut Solution<2, 1, 3, 0, 1>)| {
        let mut edited = solution.clone();
        edit(&mut edited);
        let error = solver.vjp(&edited, &zero).unwrap_err();
        assert!(matches!(error, GradientError::NotConverged { .. }), "{error}");
    };
    refused(&|solution| solution.design[0] += 0.1);
    refused(&|solution| solution.controls[3][0] += 0.1);
    refused(&|solution| solution.states[4][1] += 0.1);
    refused(&|solution| solution.x0[0] += 0.1);
    refused(&|solution| solution.params[0] += 0.1);
    let empty = solver.vjp(&Solution::empty(HORIZON), &zero).unwrap_err();
    assert!(
        matches!(empty, GradientError::Input(InputError::WrongLength { input: Input::Multipliers, .. })),
        "{empty}"
    );

    let mut solver = Ilqr::new(Rated, HORIZON, Settings::default()).unwrap();
    let mut solution = solved(&mut solver, &rated(1.0, 0.1));
    solution.previous = Some(SVector::from([0.3]));
    let error = solver.vjp(&solution, &LossGradient::zeros(HORIZON)).unwrap_err();
    assert!(matches!(error, GradientError::NotConverged { .. }), "{error}");
}

#[test]
fn bad_input() {
    let mut solver = Ilqr::new(Timed, HORIZON, Settings::default()).unwrap();
    let mut error = |problem: TimedProblem| solver.solve(&problem).unwrap_err().to_string();
    assert_eq!(
        error(timed(1.0, 0.4).with_design([f64::NAN])),
        "the guess of the design is NaN at entry 0, expected a finite number"
    );
    assert_eq!(
        error(timed(1.0, 0.4).with_previous([0.0])),
        "the problem gives a previous control, but no function of the model reads one"
    );
    assert_eq!(error(timed(1.0, 0.4).with_states(&[[0.0, 0.0]; 3])), "the list of states has length 3, expected 13");
    assert_eq!(error(timed(1.0, 0.4).with_controls(&[[0.0]; 3])), "the list of controls has length 3, expected 12");
    let mut solver = Ilqr::new(Rated, HORIZON, Settings::default()).unwrap();
    assert_eq!(
        solver.solve(&rated(1.0, f64::INFINITY)).unwrap_err().to_string(),
        "the previous control is inf at entry 0, expected a finite number"
    );
    assert_eq!(
        solver.solve(&Problem::new([1.0], [0.3], HORIZON).with_stage_params(&weights())).unwrap_err().to_string(),
        "the model reads the previous control, which the problem does not give: add `with_previous`"
    );
    let mut wrong = LossGradient::zeros(HORIZON);
    wrong.design[0] = f64::NAN;
    let mut solver = Ilqr::new(Timed, HORIZON, Settings::default()).unwrap();
    let solution = solved(&mut solver, &timed(1.4, 0.45));
    assert_eq!(
        solver.vjp(&solution, &wrong).unwrap_err().to_string(),
        "the loss gradient in the design is NaN at entry 0, expected a finite number"
    );
    let mut batches = batch::vjp(&Timed, &Settings::default(), from_ref(&solution), from_ref(&wrong));
    assert_eq!(batches.remove(0).unwrap_err().to_string(), solver.vjp(&solution, &wrong).unwrap_err().to_string());
    let zero = LossGradient::zeros(HORIZON);
    let curved = |_: &[_], _: &[_], _: &_| wrong.clone();
    let mut sensitivities = solver.differentiate(&solution).unwrap();
    assert_eq!(
        sensitivities.hvp_with_design(&zero, &Direction::new([1.0, 0.0, 0.0]), curved).unwrap_err().to_string(),
        "the loss Hessian's product in the design is NaN at entry 0, expected a finite number"
    );
    // A plain model reads no previous control.
    let mut plain = Ilqr::new(LiftedSmooth(Smooth), HORIZON, Settings::default()).unwrap();
    let error = plain.solve(&by_hand(1.0, 0.0).with_previous([0.0])).unwrap_err();
    assert_eq!(error, InputError::PreviousUnused.into());
}

/// Limits have the names of the model's declaration: from the data of a solve, and from a factorization.
#[test]
fn limits_by_name() {
    let mut solver = Ilqr::new(Timed, HORIZON, Settings::default()).unwrap();
    for (place, limit) in [(1.4, 0.45), (3.0, 0.4), (0.02, 9.0)] {
        let solution = solved(&mut solver, &timed(place, limit));
        let certificate = solution.certificate();
        let (time, fast) = (solution.design[0], |t: usize| solution.states[t][1] - limit);
        for active in &certificate.active {
            let holds = match active.limit {
                Limit::LowerBound { variable: Variable::ControlEntry(0) } => {
                    solution.controls[active.stage][0] < -1.0 + 1e-9
                }
                Limit::UpperBound { variable: Variable::ControlEntry(0) } => {
                    solution.controls[active.stage][0] > 1.0 - 1e-9
                }
                Limit::LowerBound { variable: Variable::DesignEntry(0) } => {
                    active.stage == 0 && (time - 0.5).abs() < 1e-9
                }
                Limit::SoftConstraint { index: 0 } if active.stage == HORIZON => time > 3.0 - 1e-9,
                Limit::Excess { index: 0 } if active.stage == HORIZON => time < 3.0 + 1e-9,
                Limit::SoftConstraint { index: 0 } => fast(active.stage) > -1e-9,
                Limit::Excess { index: 0 } => fast(active.stage) < 1e-9,
                Limit::Constraint { index: 0 | 1 } => active.stage == HORIZON,
                other => panic!("{other}"),
            };
            assert!(holds, "{active} at {time}");
        }
        let count = |at: &dyn Fn(&ActiveLimit) -> bool| certificate.active.iter().filter(|active| at(active)).count();
        let terminal =
            |active: &ActiveLimit| active.stage == HORIZON && !matches!(active.limit, Limit::Constraint { .. });
        assert_eq!(count(&terminal), 1, "{:?}", certificate.active);
        let least = |active: &ActiveLimit| active.limit == Limit::LowerBound { variable: Variable::DesignEntry(0) };
        assert_eq!(count(&least), usize::from(place < 0.1));
        let factorized = solver.differentiate(&solution).unwrap().certificate();
        let names = |active: &[ActiveLimit]| {
            let mut names: Vec<_> = active.iter().map(|active| (active.stage, active.limit.to_string())).collect();
            names.sort();
            names
        };
        assert_eq!(names(&factorized.active), names(&certificate.active));
    }
}

/// The controller passes on the control that it gave, and keeps the rate within its bounds along the closed loop.
#[test]
fn a_receding_horizon() {
    let mut mpc = Mpc::new(Rated, [0.3], HORIZON, Settings::default()).unwrap();
    mpc.set_stage_params(&weights());
    let mut x = 1.0;
    assert_eq!(mpc.step(&[x]).unwrap_err(), InputError::PreviousMissing.into());
    let mut previous = 0.0;
    mpc.set_previous([previous]);
    let mut solver = Ilqr::new(Rated, HORIZON, Settings::default()).unwrap();
    for _ in 0..15 {
        let step = mpc.step(&[x]).unwrap();
        assert_eq!(step.status, Status::Converged);
        let alone = solved(&mut solver, &rated(x, previous));
        // Two solves of one problem to the tolerance of 1e-9.
        assert!((step.control[0] - alone.controls[0][0]).abs() < 1e-7, "{} {}", step.control, alone.controls[0]);
        assert!((step.control[0] - previous).abs() <= 0.2 + 1e-9);
        assert_eq!(mpc.plan().unwrap().previous, Some(SVector::from([previous])));
        previous = step.control[0];
        x += previous * (1.0 + 0.1 * x);
    }
    assert!(x.abs() < 0.1);
    // A lost measurement: the control of that stage is the plan's.
    mpc.advance();
    let planned = mpc.plan().unwrap().controls[1];
    mpc.step(&[x]).unwrap();
    assert_eq!(mpc.plan().unwrap().previous, Some(planned));

    let mut mpc = Mpc::new(Timed, [1.4, 0.2, 0.45], HORIZON, Settings::default()).unwrap();
    mpc.set_design([2.0]);
    let first = mpc.step(&[0.0, 0.0]).unwrap();
    assert_eq!(first.status, Status::Converged);
    let plan = mpc.plan().unwrap().clone();
    let mut solver = Ilqr::new(Timed, HORIZON, Settings::default()).unwrap();
    let alone = solved(&mut solver, &timed(1.4, 0.45));
    assert!((plan.design - alone.design).amax() < 1e-7);
    // The plan is a solution that has derivatives.
    assert!(solver.vjp(&plan, &loss()).is_ok());
    mpc.start_from(&alone).unwrap();
    assert_eq!(mpc.step(&[0.0, 0.0]).unwrap().status, Status::Converged);
}

#[test]
fn data_is_read_as_it_was_written() {
    let mut solver = Ilqr::new(Timed, HORIZON, Settings::default()).unwrap();
    let problem = timed(1.4, 0.45);
    let solution = solved(&mut solver, &problem);
    let text = serde_json::to_string(&solution).unwrap();
    let read: Solution<2, 1, 3, 0, 1> = serde_json::from_str(&text).unwrap();
    assert_eq!(read, solution);
    assert_eq!(read.certificate(), solution.certificate());
    assert_eq!(solver.vjp(&read, &loss()).unwrap(), solver.vjp(&solution, &loss()).unwrap());
    let warm = timed(1.5, 0.45).with_warm_start(&Timed, &solution);
    let read: TimedProblem = serde_json::from_str(&serde_json::to_string(&warm).unwrap()).unwrap();
    assert_eq!((&read, solver.solve(&read).unwrap()), (&warm, solver.solve(&warm).unwrap()));
    let text = serde_json::to_string(&rated(1.0, 0.25)).unwrap();
    let read: RatedProblem = serde_json::from_str(&text).unwrap();
    assert_eq!(read, rated(1.0, 0.25));
    // Another number of design variables is another model.
    let error = serde_json::from_str::<Solution<2, 1, 3>>(&serde_json::to_string(&solution).unwrap()).unwrap_err();
    assert!(error.to_string().contains("its number of design variables is 1, expected 0"), "{error}");
    // A list that was cut is no data of a solution.
    let mut value = serde_json::to_value(&solution).unwrap();
    value["lifted"]["gains"].as_array_mut().unwrap().pop();
    assert!(serde_json::from_value::<Solution<2, 1, 3, 0, 1>>(value).is_err());
}
