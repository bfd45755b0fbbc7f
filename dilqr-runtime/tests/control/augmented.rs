//! Subproblems of the augmented Lagrangian method: by hand, against central differences with the subproblem held fixed, and
//! against the problem with its constraints, to which they tend.

use dilqr_runtime::model::{Limit, Stage, Terminal, Variable};
use dilqr_runtime::nalgebra::{SMatrix, SVector};
use dilqr_runtime::{
    AugmentedLagrangian, Direction, GradientError, Hessian, Ilqr, Input, InputError, Limits, LossGradient, Model,
    Multipliers, Problem, Scalar, Settings, Solution, SolveError, Status,
};

use crate::support::{Rail, RoundTheDisc, c, disc, rail, solve, tight};

/// A step of length `u` from `x_0` to `x_0 + u`: `1/2 u^2 + 1/2 (x - p_0)^2`, `u <= p_1`, `u <= p_2^2` as a constraint, and the
/// equality `2 x = p_3` at the end.
#[derive(Clone, Copy, Debug)]
struct OneStep;

impl Model<1, 1, 4> for OneStep {
    const LIMITS: Limits = Limits { bounded: true, stage_inequalities: 1, terminal_equalities: 1, ..Limits::NONE };

    fn dynamics<S: Scalar>(&self, Stage { x, u, .. }: Stage<'_, S, 1, 1, 4>, next: &mut SVector<S, 1>) {
        next[0] = x[0] + u[0];
    }
    fn stage_cost<S: Scalar>(&self, Stage { u, .. }: Stage<'_, S, 1, 1, 4>) -> S {
        c::<S>(0.5) * u[0] * u[0]
    }
    fn terminal_cost<S: Scalar>(&self, Terminal { x, p, .. }: Terminal<'_, S, 1, 4>) -> S {
        c::<S>(0.5) * (x[0] - p[0]) * (x[0] - p[0])
    }
    fn bounds<S: Scalar>(&self, p: &SVector<S, 4>, _: &mut SVector<S, 1>, upper: &mut SVector<S, 1>) {
        upper[0] = p[1];
    }
    fn stage_constraints<S: Scalar>(&self, Stage { u, p, .. }: Stage<'_, S, 1, 1, 4>, constraints: &mut [S]) {
        constraints[0] = u[0] - p[2] * p[2];
    }
    fn terminal_constraints<S: Scalar>(&self, Terminal { x, p, .. }: Terminal<'_, S, 1, 4>, constraints: &mut [S]) {
        constraints[0] = c::<S>(2.0) * x[0] - p[3];
    }
}

fn subproblem(m: [f64; 2], w: [f64; 2]) -> AugmentedLagrangian {
    let mut multipliers = Multipliers::zeros(1, 1, 1);
    (multipliers.stage[0], multipliers.terminal[0]) = (m[0], m[1]);
    AugmentedLagrangian { multipliers, weights: w.to_vec() }
}

/// The optimality condition is linear in `u` on each piece: `2 u - p_0 + [m + w (u - p_2^2)] + 2 (n + v (2 u - p_3)) = 0`.
#[test]
fn one_step_by_hand() {
    let mut solver = Ilqr::new(OneStep, 1, Settings::default()).unwrap();
    let loss = LossGradient::new(vec![SVector::zeros(); 2], vec![SVector::from([1.0])]);
    for (p, [m, n], [w, v]) in [
        ([3.0, 9.0, 0.5, 1.0], [0.0, 0.0], [10.0, 2.0]),
        ([3.0, 9.0, 0.5, 1.0], [0.7, -0.3], [1e3, 1e-2]),
        // The multiplier begins the term before the constraint is reached.
        ([0.4, 9.0, 0.6, 0.3], [2.0, 0.1], [5.0, 3.0]),
        // No term.
        ([0.4, 9.0, 1.5, 0.3], [0.0, 0.1], [5.0, 3.0]),
        // A weight next to which the cost has half of its digits.
        ([3.0, 9.0, 0.5, 1.0], [0.7, -0.3], [1e8, 2.0]),
    ] {
        let solution = solver.solve_augmented(&Problem::new([0.0], p, 1), &subproblem([m, n], [w, v])).unwrap();
        assert_eq!(solution.status, Status::Converged, "{p:?}");
        let target = p[2] * p[2];
        let begun = |u: f64| if m + w * (u - target) > 0.0 { 1.0 } else { 0.0 };
        let root = |on: f64| (p[0] - on * (m - w * target) - 2.0 * (n - v * p[3])) / (2.0 + on * w + 4.0 * v);
        let u = [1.0, 0.0].map(root).into_iter().find(|&u| root(begun(u)) == u).unwrap();
        let (on, slope) = (begun(u), 2.0 + begun(u) * w + 4.0 * v);
        // The tolerance of the solve.
        assert!((solution.controls[0][0] - u).abs() <= 1e-9 * u.abs(), "{p:?}: {} {u}", solution.controls[0]);
        let gradient = solver.vjp(&solution, &loss).unwrap();
        let expected = [1.0, 0.0, on * 2.0 * w * p[2], 2.0 * v].map(|numerator| numerator / slope);
        assert!((gradient.params - SVector::from(expected)).amax() <= 1e-9, "{p:?}: {}", gradient.params);
        assert!((solver.jacobian(&solution).unwrap().controls[0].transpose() - gradient.params).amax() <= 1e-12);
        // `x_0` moves the end alone.
        let start = -(1.0 + 4.0 * v) / slope;
        assert!((gradient.initial_state[0] - start).abs() <= 1e-9, "{p:?}: {}", gradient.initial_state);
        // The multipliers of the next round. Those of a weight of 1e8 have the digits of the control times it.
        let [next, end] = [on * (m + w * (u - target)), n + v * (2.0 * u - p[3])];
        assert!((solution.multipliers.stage[0] - next).abs() <= 1e-9 * (m.abs() + on * w * target), "{p:?}");
        assert!((solution.multipliers.terminal[0] - end).abs() <= 1e-9 * (n.abs() + v * p[3]), "{p:?}");
    }
}

/// At the bound of the control, which stays a limit; at the value where the term of the inequality begins.
#[test]
fn bounds_are_limits_and_terms_have_kinks() {
    let mut solver = Ilqr::new(OneStep, 1, Settings::default()).unwrap();
    let loss = LossGradient::new(vec![SVector::zeros(); 2], vec![SVector::from([1.0])]);
    let mut at = |p: [f64; 4], subproblem: &AugmentedLagrangian| {
        let solution = solver.solve_augmented(&Problem::new([0.0], p, 1), subproblem).unwrap();
        assert_eq!(solution.status, Status::Converged);
        let gradient = solver.vjp(&solution, &loss).map(|gradient| gradient.params);
        (solution, gradient)
    };
    let (solution, gradient) = at([3.0, 0.1, 0.5, 1.0], &subproblem([0.0; 2], [10.0, 2.0]));
    assert_eq!(solution.controls[0][0], 0.1);
    assert!((gradient.unwrap() - SVector::from([0.0, 1.0, 0.0, 0.0])).amax() <= 1e-12);
    let certificate = solution.certificate();
    assert_eq!(certificate.active.len(), 1);
    assert_eq!(certificate.active[0].limit, Limit::UpperBound { variable: Variable::ControlEntry(0) });

    // Without the term `2 u = p_0` with `n = v (p_3 - 2 u)`: `u = p_2^2 - m / w`.
    let n = |v: f64| v * (1.0 - 0.4);
    let (_, gradient) = at([0.4, 9.0, 0.5, 1.0], &subproblem([0.5, n(2.0)], [10.0, 2.0]));
    let weak = gradient.unwrap_err();
    assert!(
        matches!(weak, GradientError::WeaklyActive { stage: 0, limit: Limit::Constraint { index: 0 }, .. }),
        "{weak}"
    );
}

/// The constraint does not depend on the data and neither does the control: the kink does no harm.
#[derive(Clone, Copy, Debug)]
struct Still;

impl Model<1, 1, 1> for Still {
    const LIMITS: Limits = Limits { stage_inequalities: 1, ..Limits::NONE };

    fn dynamics<S: Scalar>(&self, Stage { x, u, p, .. }: Stage<'_, S, 1, 1, 1>, next: &mut SVector<S, 1>) {
        next[0] = p[0] * x[0] + c::<S>(0.0) * u[0];
    }
    fn stage_cost<S: Scalar>(&self, Stage { u, .. }: Stage<'_, S, 1, 1, 1>) -> S {
        (u[0] - c(1.0)) * (u[0] - c(1.0))
    }
    fn terminal_cost<S: Scalar>(&self, Terminal { x, .. }: Terminal<'_, S, 1, 1>) -> S {
        x[0] * x[0]
    }
    fn stage_constraints<S: Scalar>(&self, Stage { u, .. }: Stage<'_, S, 1, 1, 1>, constraints: &mut [S]) {
        constraints[0] = u[0] - c(1.0);
    }
}

#[test]
fn a_kink_that_no_datum_moves_leaves_the_gradient() {
    let mut solver = Ilqr::new(Still, 3, Settings::default()).unwrap();
    let problem = Problem::new([2.0], [0.9], 3);
    let subproblem = solver.first_subproblem(&problem, 10.0).unwrap();
    let solution = solver.solve_augmented(&problem, &subproblem).unwrap();
    let mut loss = LossGradient::zeros(3);
    (loss.states[3][0], loss.controls[1][0]) = (1.0, 1.0);
    let gradient = solver.vjp(&solution, &loss).unwrap();
    // `x_3 = p^3 x_0`
    assert!((gradient.params[0] - 3.0 * 0.81 * 2.0).abs() < 1e-12);
    assert!((gradient.initial_state[0] - 0.729).abs() < 1e-12);
}

/// A loss that sees everything: linear, with fixed coefficients, and the squares of the controls.
fn value<const NX: usize, const NU: usize, const NP: usize>(solution: &Solution<NX, NU, NP>) -> f64 {
    let states = solution.states.iter().flatten().enumerate().map(|(i, x)| weight(i) * x);
    let controls = solution.controls.iter().flatten().enumerate().map(|(i, u)| weight(i + 3) * u + 0.5 * u * u);
    states.chain(controls).sum()
}

fn weight(i: usize) -> f64 {
    (1.0 + i as f64 * 0.77).sin()
}

fn loss<const NX: usize, const NU: usize, const NP: usize>(solution: &Solution<NX, NU, NP>) -> LossGradient<NX, NU> {
    let states = (0..=solution.horizon()).map(|t| SVector::from_fn(|i, _| weight(NX * t + i)));
    let along = solution.controls.iter().enumerate();
    let controls = along.map(|(t, u)| SVector::from_fn(|i, _| weight(NU * t + i + 3) + u[i]));
    LossGradient::new(states.collect(), controls.collect())
}

/// The cost with the terms of the subproblem.
fn augmented_cost<M, const NX: usize, const NU: usize, const NP: usize>(
    model: &M,
    solution: &Solution<NX, NU, NP>,
) -> f64
where
    M: Model<NX, NU, NP>,
{
    let AugmentedLagrangian { multipliers, weights } = solution.augmented_lagrangian.as_ref().unwrap();
    let (limits, none, horizon) = (&M::LIMITS, SVector::zeros(), solution.horizon());
    let (stage, terminal) = (limits.stage(), limits.terminal());
    let term = |inequality: bool, c: f64, m: f64, w: f64| {
        let slope = if inequality { (m + w * c).max(0.0) } else { m + w * c };
        (slope * slope - m * m) / (2.0 * w)
    };
    let mut sum = solution.cost;
    for (t, (x, u)) in solution.states.iter().zip(&solution.controls).enumerate() {
        let mut c = vec![0.0; stage];
        model.stage_constraints(Stage::new(x, u, &solution.params, &none), &mut c);
        // A limit on the given state is none.
        for i in (0..stage).filter(|&i| t > 0 || limits.depends_on_control.get(i).copied().unwrap_or(true)) {
            sum += term(i < limits.stage_inequalities, c[i], multipliers.stage[t * stage + i], weights[i]);
        }
    }
    let mut c = vec![0.0; terminal];
    model.terminal_constraints(Terminal::new(&solution.states[horizon], &solution.params, &none), &mut c);
    for i in 0..terminal {
        sum += term(i < limits.terminal_inequalities, c[i], multipliers.terminal[i], weights[stage + i]);
    }
    sum
}

/// Differences of fourth order of a function of the solution in parameters and initial state, with the subproblem held fixed.
fn differences<M, const NX: usize, const NU: usize, const NP: usize, const R: usize>(
    solver: &mut Ilqr<M, NX, NU, NP>,
    solution: &Solution<NX, NU, NP>,
    mut of: impl FnMut(&mut Ilqr<M, NX, NU, NP>, &Solution<NX, NU, NP>) -> SVector<f64, R>,
) -> Vec<SVector<f64, R>>
where
    M: Model<NX, NU, NP> + Copy,
{
    let subproblem = solution.augmented_lagrangian.as_ref().unwrap();
    let mut along = |i: usize| {
        let size = if i < NP { solution.params[i] } else { solution.x0[i - NP] };
        let h = 1e-4 * if size == 0.0 { 1.0 } else { size.abs() };
        let [a, b, c, d] = [-2.0 * h, -h, h, 2.0 * h].map(|step| {
            let (mut x0, mut p) = (solution.x0, solution.params);
            if i < NP {
                p[i] += step
            } else {
                x0[i - NP] += step
            }
            let model = *solver.model();
            let problem = Problem::new(x0, p, solution.horizon()).with_warm_start(&model, solution);
            let moved = solver.solve_augmented(&problem, subproblem).unwrap();
            assert_eq!(moved.status, Status::Converged);
            of(solver, &moved)
        });
        ((c - b) * 8.0 - (d - a)) / (12.0 * h)
    };
    (0..NP + NX).map(&mut along).collect()
}

/// Every derivative of every round against differences. A solution is right to some 1e-11, next to the largest gains, and a step of
/// 1e-4 leaves 1e-7 of it. The truncation error of that step is some 1e-16 of fifth derivatives.
fn check_path<M, const NX: usize, const NU: usize, const NP: usize>(model: M, problem: &Problem<NX, NU, NP>)
where
    M: Model<NX, NU, NP> + Copy,
{
    let mut solver = Ilqr::new(model, problem.horizon(), tight()).unwrap();
    let path = solver.augmented_path(problem, 3).unwrap();
    let (mut violation, mut sum) = (f64::INFINITY, SVector::<f64, NP>::zeros());
    for (round, solution) in path.iter().enumerate() {
        assert_eq!(solution.status, Status::Converged, "round {round}: {:?}", solution.stats);
        assert!(solution.stats.violation < violation, "round {round}");
        violation = solution.stats.violation;
        let gradient = solver.vjp(solution, &loss(solution)).unwrap();
        let all = |p: &SVector<f64, NP>, x: &SVector<f64, NX>| p.iter().chain(x.iter()).copied().collect::<Vec<_>>();
        let close = |given: Vec<f64>, expected: &[f64], what: &str| {
            let size = expected.iter().fold(0.0, |size: f64, e| size.max(e.abs()));
            for (i, (given, expected)) in given.iter().zip(expected).enumerate() {
                assert!((given - expected).abs() <= 1e-5 * size, "round {round}, {what} {i}: {given} {expected}");
            }
        };
        let expected = differences(&mut solver, solution, |_, moved| SVector::from([value(moved)]));
        let expected: Vec<_> = expected.iter().map(|change| change[0]).collect();
        close(all(&gradient.params, &gradient.initial_state), &expected, "vjp");
        let jacobian = solver.jacobian(solution).unwrap();
        let weights = loss(solution);
        let along = jacobian.states.iter().zip(&weights.states).map(|(j, g)| j.transpose() * g);
        let controls = jacobian.controls.iter().zip(&weights.controls).map(|(j, g)| j.transpose() * g);
        let product = along.chain(controls).sum::<SVector<f64, NP>>();
        assert!((product - gradient.params).amax() <= 1e-8 * gradient.params.amax(), "round {round}: {product}");
        let expected = differences(&mut solver, solution, |_, moved| SVector::from([augmented_cost(&model, moved)]));
        let expected: Vec<_> = expected.iter().map(|change| change[0]).collect();
        let slopes = solver.value_gradient(solution).unwrap();
        close(all(&slopes.params, &slopes.initial_state), &expected, "value");
        // Second derivatives of the loss, along a direction.
        let columns = differences(&mut solver, solution, |solver, moved| {
            let gradient = solver.vjp(moved, &loss(moved)).unwrap();
            SVector::<f64, 8>::from_fn(|i, _| {
                if i < NP { gradient.params[i] } else { gradient.initial_state.get(i - NP).copied().unwrap_or(0.0) }
            })
        });
        let mut direction = Direction::new(SVector::from_fn(|i, _| weight(i + 1)));
        direction.initial_state = SVector::from_fn(|i, _| weight(i + 11));
        let scales = (0..NP).map(|i| direction.params[i]).chain((0..NX).map(|i| direction.initial_state[i]));
        let expected: SVector<f64, 8> = columns.iter().zip(scales).map(|(column, scale)| column * scale).sum();
        let product = solver.hvp(solution, &weights, &direction, |_, du| {
            let mut curved = LossGradient::zeros(du.len());
            curved.controls.copy_from_slice(du);
            curved
        });
        let product = product.unwrap();
        close(all(&product.params, &product.initial_state), &expected.as_slice()[..NP + NX], "hvp");
        sum += gradient.params;
    }
    let losses: Vec<_> = path.iter().map(loss).collect();
    assert_eq!(solver.vjp_path(&path, &losses).unwrap().params, sum);

    // The rounds tend to the solution, and so do the multipliers.
    let last = solver.augmented_path(problem, 9).unwrap().pop().unwrap();
    let exact = solve(&mut solver, &problem.clone().with_warm_start(&model, &last));
    let error =
        |given: &[SVector<f64, NU>]| given.iter().zip(&exact.controls).map(|(a, b)| (a - b).amax()).fold(0.0, f64::max);
    assert!(error(&last.controls) <= 1e-4 * error(&path[0].controls), "{}", error(&last.controls));
    let gap = |given: &[f64], exact: &[f64]| given.iter().zip(exact).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    let size = exact.multipliers.stage.iter().chain(&exact.multipliers.terminal).fold(0.0, |s: f64, m| s.max(m.abs()));
    assert!(gap(&last.multipliers.stage, &exact.multipliers.stage) <= 1e-4 * size);
    assert!(gap(&last.multipliers.terminal, &exact.multipliers.terminal) <= 1e-4 * size);
}

/// Bounds, a limit on the state, terminal equalities.
#[test]
fn a_mass_on_a_rail() {
    check_path(Rail, &rail());
}

/// Inequalities that are not linear.
#[test]
fn a_unicycle_round_a_disc() {
    check_path(RoundTheDisc, &disc());
}

/// Of models without constraints the subproblem is the problem.
#[test]
fn without_constraints() {
    let (model, problem) = (crate::support::Cart4, crate::support::Cart4::problem(15));
    let mut solver = Ilqr::new(model, 15, tight()).unwrap();
    let subproblem = solver.first_subproblem(&problem, 1.0).unwrap();
    assert_eq!(subproblem, AugmentedLagrangian::default());
    let mut augmented = solver.solve_augmented(&problem, &subproblem).unwrap();
    let plain = solve(&mut solver, &problem);
    assert_eq!(solver.vjp(&augmented, &loss(&plain)).unwrap(), solver.vjp(&plain, &loss(&plain)).unwrap());
    augmented.augmented_lagrangian = None;
    assert_eq!(augmented, plain);
}

/// The cost in other units, and all weights with it: every number is the same to the bit, after scaling back.
#[test]
fn units_of_the_cost() {
    #[derive(Clone, Copy, Debug)]
    struct Scaled(f64);

    impl Model<3, 2, 5> for Scaled {
        const LIMITS: Limits = RoundTheDisc::LIMITS;

        fn dynamics<S: Scalar>(&self, at: Stage<'_, S, 3, 2, 5>, next: &mut SVector<S, 3>) {
            RoundTheDisc.dynamics(at, next);
        }
        fn stage_cost<S: Scalar>(&self, at: Stage<'_, S, 3, 2, 5>) -> S {
            c::<S>(self.0) * RoundTheDisc.stage_cost(at)
        }
        fn terminal_cost<S: Scalar>(&self, at: Terminal<'_, S, 3, 5>) -> S {
            c::<S>(self.0) * RoundTheDisc.terminal_cost(at)
        }
        fn stage_constraints<S: Scalar>(&self, at: Stage<'_, S, 3, 2, 5>, constraints: &mut [S]) {
            RoundTheDisc.stage_constraints(at, constraints);
        }
    }

    let path = |scale: f64, hessian: Hessian| {
        let settings = Settings { hessian, ..Settings::default() };
        let mut solver = Ilqr::new(Scaled(scale), 20, settings).unwrap();
        let path = solver.augmented_path(&disc(), 3).unwrap();
        let gradients: Vec<_> = path.iter().map(|solution| solver.vjp(solution, &loss(solution)).unwrap()).collect();
        (path, gradients)
    };
    for hessian in [Hessian::Exact, Hessian::GaussNewton] {
        let (path_of_one, gradients_of_one) = path(1.0, hessian);
        for scale in [2.0_f64.powi(-40), 2.0_f64.powi(40)] {
            let (scaled, gradients) = path(scale, hessian);
            for (a, b) in scaled.iter().zip(&path_of_one) {
                assert_eq!((&a.states, &a.controls, &a.gains), (&b.states, &b.controls, &b.gains));
                assert_eq!(a.multipliers.stage, b.multipliers.stage.iter().map(|m| m * scale).collect::<Vec<_>>());
                assert_eq!(a.certificate().margin, b.certificate().margin);
                assert_eq!(a.certificate().smallest_eigenvalue, b.certificate().smallest_eigenvalue * scale);
            }
            assert_eq!(gradients, gradients_of_one);
        }
    }
}

/// What is no solution of its subproblem is refused; so is wrong input.
#[test]
fn refusals() {
    let settings = Settings { max_iterations: 2, ..Settings::default() };
    let mut hasty = Ilqr::new(RoundTheDisc, 20, settings).unwrap();
    let path = hasty.augmented_path(&disc(), 3).unwrap();
    assert_eq!(path[0].status, Status::IterationLimit);
    let refused = hasty.vjp(&path[0], &loss(&path[0])).unwrap_err();
    assert!(matches!(refused, GradientError::NotConverged { status: Status::IterationLimit, .. }), "{refused}");
    let losses: Vec<_> = path.iter().map(loss).collect();
    assert!(hasty.vjp_path(&path, &losses).is_err());
    let length = hasty.vjp_path(&path, &losses[1..]).unwrap_err();
    assert_eq!(length.to_string(), "the list of loss gradients has length 2, expected 3");

    let mut solver = Ilqr::new(RoundTheDisc, 20, Settings::default()).unwrap();
    let subproblem = solver.first_subproblem(&disc(), 10.0).unwrap();
    let solution = solver.solve_augmented(&disc(), &subproblem).unwrap();
    let touched = solution.multipliers.stage.iter().position(|&m| m > 0.0).unwrap();
    type Edit = fn(&mut Solution<3, 2, 5>, usize);
    let edits: [Edit; 5] = [
        |solution, touched| solution.multipliers.stage[touched] *= 1.01,
        |solution, touched| solution.multipliers.stage[touched] = 0.0,
        |solution, touched| solution.multipliers.stage[touched] *= -1.0,
        |solution, _| solution.augmented_lagrangian.as_mut().unwrap().weights[0] *= 1.01,
        |solution, _| solution.augmented_lagrangian = None,
    ];
    for (i, edit) in edits.iter().enumerate() {
        let mut edited = solution.clone();
        edit(&mut edited, touched);
        let refused = solver.vjp(&edited, &loss(&edited));
        assert!(matches!(refused, Err(GradientError::NotConverged { .. })), "{i}: {refused:?}");
    }
    solution.augmented_lagrangian.as_ref().map(|own| assert_eq!(*own, subproblem)).unwrap();
    assert_eq!(solver.solve(&disc()).unwrap().next_subproblem(10.0), None);

    for weight in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let refused = solver.first_subproblem(&disc(), weight).unwrap_err();
        assert!(matches!(refused, SolveError::Settings(_)), "{refused}");
    }
    let mut bad = subproblem.clone();
    bad.weights[1] = 0.0;
    let refused = solver.solve_augmented(&disc(), &bad).unwrap_err();
    assert_eq!(refused.to_string(), "the list of penalty weights is 0 at entry 1, expected a positive number");
    let mut bad = subproblem.clone();
    bad.weights.push(1.0);
    let refused = solver.solve_augmented(&disc(), &bad).unwrap_err();
    let expected = InputError::WrongLength { input: Input::PenaltyWeights, given: 3, expected: 2 };
    assert_eq!(refused, SolveError::Input(expected));
    let mut bad = subproblem;
    bad.multipliers.stage[3] = f64::NAN;
    assert!(solver.solve_augmented(&disc(), &bad).is_err());
}

/// The curvature of a term is that of the weight: a certificate by hand.
#[test]
fn certificate() {
    let mut solver = Ilqr::new(OneStep, 1, Settings::default()).unwrap();
    let problem = Problem::new([0.0], [3.0, 9.0, 0.5, 1.0], 1);
    let solution = solver.solve_augmented(&problem, &subproblem([0.0; 2], [10.0, 2.0])).unwrap();
    let certificate = solution.certificate();
    assert_eq!(certificate.smallest_eigenvalue, 2.0 + 10.0 + 4.0 * 2.0);
    assert!(certificate.active.is_empty());
    // `u = (3 + 10 / 4 + 4) / 20`
    let expected = SMatrix::<f64, 1, 1>::new(9.5 / 20.0);
    assert!((solution.controls[0] - expected).amax() < 1e-12);
    // The end misses `2 x = 1` by 0.05, the control its limit by 0.225: beside their magnitudes the latter is more.
    assert!((certificate.violation - 0.225).abs() < 1e-12, "{}", certificate.violation);
}

/// `x+ = x`, `l = 1/2 u^2`, `u <= 1/2` and `p_0 <= u` as a constraint. The state has a cost of its own.
#[derive(Clone, Copy, Debug)]
struct Pushed;

impl Model<1, 1, 1, 1> for Pushed {
    const LIMITS: Limits = Limits { bounded: true, stage_inequalities: 1, ..Limits::NONE };

    fn dynamics<S: Scalar>(&self, Stage { x, .. }: Stage<'_, S, 1, 1, 1, 1>, next: &mut SVector<S, 1>) {
        next[0] = x[0];
    }
    fn stage_cost<S: Scalar>(&self, Stage { u, .. }: Stage<'_, S, 1, 1, 1, 1>) -> S {
        c::<S>(0.5) * u[0] * u[0]
    }
    fn terminal_cost<S: Scalar>(&self, Terminal { x, .. }: Terminal<'_, S, 1, 1, 1>) -> S {
        x[0] * x[0]
    }
    fn bounds<S: Scalar>(&self, _: &SVector<S, 1>, _: &mut SVector<S, 1>, upper: &mut SVector<S, 1>) {
        upper[0] = c(0.5);
    }
    fn stage_constraints<S: Scalar>(&self, Stage { u, p, s, .. }: Stage<'_, S, 1, 1, 1, 1>, constraints: &mut [S]) {
        constraints[0] = p[0] + s[0] - u[0];
    }
}

/// A weakly active bound that the term of a constraint moves: with `w = 1` and `m = 0` the control is `p / 2`, and at `p = 1` it
/// reaches its bound. The derivative from the left is a half, that from the right is zero. The same in a stage parameter.
#[test]
fn a_term_moves_a_weakly_active_bound() {
    let mut solver = Ilqr::new(Pushed, 1, Settings::default()).unwrap();
    let subproblem = AugmentedLagrangian { multipliers: Multipliers::zeros(1, 1, 0), weights: vec![1.0] };
    let loss = LossGradient::new(vec![SVector::zeros(); 2], vec![SVector::from([1.0])]);
    for (p, s, derivative) in [(0.8, 0.0, Some(0.5)), (1.2, 0.0, Some(0.0)), (1.0, 0.0, None), (0.0, 1.0, None)] {
        let problem = Problem::new([0.0], [p], 1).with_stage_params(&[[s]; 2]);
        let solution = solver.solve_augmented(&problem, &subproblem).unwrap();
        assert!((solution.controls[0][0] - f64::min(0.5 * (p + s), 0.5)).abs() < 1e-12);
        match (solver.vjp(&solution, &loss), derivative) {
            (Ok(gradient), Some(expected)) => {
                assert!((gradient.params[0] - expected).abs() < 1e-12, "{p}: {}", gradient.params);
                assert!((gradient.stage_params[0][0] - expected).abs() < 1e-12);
            }
            (Err(GradientError::WeaklyActive { stage: 0, limit, .. }), None) => {
                assert_eq!(limit, Limit::UpperBound { variable: Variable::ControlEntry(0) });
            }
            (other, _) => panic!("{p} {s}: {other:?}"),
        }
    }
}

/// At a kink `m + w c` has no digits where the weight is large. It is recognized there, and next to it the side is.
#[test]
fn kinks_of_large_weights() {
    let mut solver = Ilqr::new(OneStep, 1, Settings::default()).unwrap();
    let loss = LossGradient::new(vec![SVector::zeros(); 2], vec![SVector::from([1.0])]);
    for weight in [1e2, 1e5, 1e8, 1e11] {
        // Without the term `u = p_0 / 2`, and the constraint asks for `u <= p_2^2`.
        for (goal, exists) in [(0.5, false), (0.5 + 1e-10, false), (0.5 - 1e-10, false), (0.6, true), (0.4, true)] {
            let subproblem = subproblem([0.0; 2], [weight, 1e-9]);
            let problem = Problem::new([0.0], [goal, 9.0, 0.5, 0.5], 1);
            let solution = solver.solve_augmented(&problem, &subproblem).unwrap();
            let gradient = solver.vjp(&solution, &loss);
            assert_eq!(gradient.is_ok(), exists, "{weight:e} {goal}: {gradient:?}");
            // Both certificates see what the gradient sees.
            let margin = solution.certificate().margin;
            assert_eq!(margin > 1e-6, exists, "{weight:e} {goal}: {margin:e}");
            if let Ok(gradient) = gradient {
                let own = solver.differentiate(&solution).unwrap().certificate();
                assert!(own.margin > 1e-6, "{}", own.margin);
                assert!(own.active.is_empty() && solution.certificate().active.is_empty());
                let slope = 2.0 + if goal > 0.5 { weight } else { 0.0 } + 4e-9;
                assert!((gradient.params[0] * slope - 1.0).abs() < 1e-6, "{weight:e} {goal}: {}", gradient.params);
            }
        }
    }
}

/// `|u| <= p_0` and `|x_T| <= p_1` in two dimensions. The norms have no derivative at rest, where both are inactive.
#[derive(Clone, Copy, Debug)]
struct Norms;

impl Model<2, 2, 3> for Norms {
    const LIMITS: Limits = Limits { stage_inequalities: 1, terminal_inequalities: 1, ..Limits::NONE };

    fn dynamics<S: Scalar>(&self, Stage { x, u, .. }: Stage<'_, S, 2, 2, 3>, next: &mut SVector<S, 2>) {
        *next = x + u;
    }
    fn stage_cost<S: Scalar>(&self, Stage { u, p, .. }: Stage<'_, S, 2, 2, 3>) -> S {
        (u[0] - p[2]) * (u[0] - p[2]) + u[1] * u[1]
    }
    fn terminal_cost<S: Scalar>(&self, Terminal { x, .. }: Terminal<'_, S, 2, 3>) -> S {
        x[0] * x[0] + x[1] * x[1]
    }
    fn stage_constraints<S: Scalar>(&self, Stage { u, p, .. }: Stage<'_, S, 2, 2, 3>, constraints: &mut [S]) {
        constraints[0] = (u[0] * u[0] + u[1] * u[1]).sqrt() - p[0];
    }
    fn terminal_constraints<S: Scalar>(&self, Terminal { x, p, .. }: Terminal<'_, S, 2, 3>, constraints: &mut [S]) {
        constraints[0] = (x[0] * x[0] + x[1] * x[1]).sqrt() - p[1];
    }
}

#[test]
fn rows_without_a_derivative_that_are_inactive() {
    let mut solver = Ilqr::new(Norms, 3, Settings::default()).unwrap();
    for push in [0.0, 0.2, 3.0] {
        let problem = Problem::new([0.0, 0.0], [1.0, 1.0, push], 3);
        let rounds = solver.augmented_path(&problem, 2).unwrap();
        for round in &rounds {
            assert_eq!(round.status, Status::Converged, "{push}: {:?}", round.cause);
            let loss = LossGradient::new(vec![SVector::zeros(); 4], vec![SVector::from([1.0, 0.5]); 3]);
            let gradient = solver.vjp(round, &loss).unwrap().params;
            let jacobian = solver.jacobian(round).unwrap();
            let product: SVector<f64, 3> = jacobian.controls.iter().map(|j| j.transpose() * loss.controls[0]).sum();
            assert!((product - gradient).amax() < 1e-9, "{push}: {product} {gradient}");
            if push < 1.0 {
                // `u = p_2 - T u`: every stage's push is a quarter of the wanted one.
                assert!((gradient - SVector::from([0.0, 0.0, 0.75])).amax() < 1e-9, "{push}: {gradient}");
            } else {
                assert!(gradient[1].abs() > 1e-3, "{gradient}");
            }
        }
    }
}
