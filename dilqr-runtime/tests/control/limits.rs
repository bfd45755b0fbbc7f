//! Problems with bounds and constraints: solved, checked by their optimality conditions, and differentiated; the gradients
//! against central differences through the solver.

use crate::support::{Rail, RoundTheDisc, Tracking, c, disc, rail, second_order, solve, tight};
use dilqr_runtime::model::{Limit, Variable};
use dilqr_runtime::model::{Stage, Terminal};
use dilqr_runtime::nalgebra::{SMatrix, SVector};
use dilqr_runtime::{
    Gradient, GradientError, Ilqr, Limits, LossGradient, Model, Problem, Scalar, Settings, Solution, Status,
};

type Vector<S, const N: usize> = SVector<S, N>;

/// Fixed coefficients of a loss that sees everything.
fn weight(i: usize) -> f64 {
    (1.0 + i as f64 * 0.77).sin()
}

fn loss<const NX: usize, const NU: usize>(horizon: usize) -> LossGradient<NX, NU> {
    let mut loss = LossGradient::zeros(horizon);
    for (t, g) in loss.states.iter_mut().enumerate() {
        *g = SVector::from_fn(|i, _| weight(7 * t + i));
    }
    for (t, g) in loss.controls.iter_mut().enumerate() {
        *g = SVector::from_fn(|i, _| weight(5 * t + i + 3));
    }
    loss
}

fn value<const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    solution: &Solution<NX, NU, NP, NS>,
) -> f64 {
    let loss = loss::<NX, NU>(solution.horizon());
    let states: f64 = loss.states.iter().zip(&solution.states).map(|(g, x)| g.dot(x)).sum();
    let controls: f64 = loss.controls.iter().zip(&solution.controls).map(|(g, u)| g.dot(u)).sum();
    states + controls
}

/// A step of length `u` from `x0`, paid by its square and by the distance that is left to `p[0]`; `u <= p[1]`.
#[derive(Clone, Copy, Debug)]
struct OneStep;

impl Model<1, 1, 2> for OneStep {
    const LIMITS: Limits = Limits { bounded: true, stage_inequalities: 1, ..Limits::NONE };

    fn dynamics<S: Scalar>(&self, Stage { x, u, .. }: Stage<'_, S, 1, 1, 2>, next: &mut Vector<S, 1>) {
        next[0] = x[0] + u[0];
    }
    fn stage_cost<S: Scalar>(&self, Stage { u, .. }: Stage<'_, S, 1, 1, 2>) -> S {
        c::<S>(0.5) * u[0] * u[0]
    }
    fn terminal_cost<S: Scalar>(&self, Terminal { x, p, .. }: Terminal<'_, S, 1, 2>) -> S {
        c::<S>(0.5) * (x[0] - p[0]) * (x[0] - p[0])
    }
    fn bounds<S: Scalar>(&self, p: &Vector<S, 2>, _: &mut Vector<S, 1>, upper: &mut Vector<S, 1>) {
        upper[0] = p[1];
    }
    /// The same bound once more, a unit further.
    fn stage_constraints<S: Scalar>(&self, Stage { u, p, .. }: Stage<'_, S, 1, 1, 2>, constraints: &mut [S]) {
        constraints[0] = u[0] - p[1] * p[1];
    }
}

/// `u = min(p_0 / 2, p_1, p_1^2)`: every case of strict complementarity and its failures, by hand.
#[test]
fn one_step_by_hand() {
    let mut solver = Ilqr::new(OneStep, 1, Settings::default()).unwrap();
    let loss = LossGradient::new(vec![SVector::zeros(); 2], vec![SVector::from([1.0])]);
    let mut at = |p: [f64; 2]| {
        let solution = solve(&mut solver, &Problem::new([0.0], p, 1));
        let gradient = solver.vjp(&solution, &loss).map(|gradient| gradient.params);
        (solution, gradient)
    };
    // Free, at the bound (p_1 > 1), at the constraint (p_1 < 1).
    for (p, u, du, multiplier) in [
        ([1.0, 2.0], 0.5, [0.5, 0.0], None),
        ([6.0, 2.0], 2.0, [0.0, 1.0], Some((Limit::UpperBound { variable: Variable::ControlEntry(0) }, 2.0))),
        ([3.0, 0.5], 0.25, [0.0, 1.0], Some((Limit::Constraint { index: 0 }, 2.5))),
    ] {
        let (solution, gradient) = at(p);
        let gradient = gradient.unwrap();
        assert!((solution.controls[0][0] - u).abs() < 1e-12, "{p:?}: {}", solution.controls[0]);
        assert!((gradient - SVector::from(du)).amax() < 1e-9, "{p:?}: {gradient}");
        let certificate = solution.certificate();
        let active = certificate.active.first().map(|active| (active.limit, active.multiplier));
        assert_eq!(active.map(|(limit, _)| limit), multiplier.map(|(limit, _)| limit));
        if let (Some((_, given)), Some((_, expected))) = (active, multiplier) {
            assert!((given - expected).abs() < 1e-9);
        }
        // The reduced Hessian is that of both costs, where the control is free.
        let curvature = if multiplier.is_none() { 2.0 } else { f64::INFINITY };
        assert_eq!(certificate.smallest_eigenvalue, curvature);
        assert!(certificate.margin > 0.1 && certificate.stationarity <= 1e-9, "{certificate:?}");
    }
    // The minimum lies on the bound of its own accord; then on the constraint.
    let (solution, gradient) = at([4.0, 2.0]);
    let weak = gradient.unwrap_err();
    assert!(
        matches!(
            weak,
            GradientError::WeaklyActive {
                stage: 0,
                limit: Limit::UpperBound { variable: Variable::ControlEntry(0) },
                ..
            }
        ),
        "{weak}"
    );
    assert!(solution.certificate().margin < 1e-6);
    let weak = at([0.5, 0.5]).1.unwrap_err();
    assert!(
        matches!(weak, GradientError::WeaklyActive { stage: 0, limit: Limit::Constraint { index: 0 }, .. }),
        "{weak}"
    );
    // Bound and constraint are one and the same.
    let dependent = at([6.0, 1.0]).1.unwrap_err();
    let refused = matches!(
        dependent,
        GradientError::ConstraintsDependent { stage: 0, .. } | GradientError::WeaklyActive { stage: 0, .. }
    );
    assert!(refused, "{dependent}");
}

/// The tracking problem with a bound on the control that follows the stage, and one on the end.
#[derive(Clone, Copy, Debug)]
struct Followed;

impl Model<2, 1, 2, 2> for Followed {
    const LIMITS: Limits = Limits { stage_inequalities: 1, terminal_equalities: 1, ..Limits::NONE };

    fn dynamics<S: Scalar>(&self, Stage { x, u, p, s }: Stage<'_, S, 2, 1, 2, 2>, next: &mut Vector<S, 2>) {
        Tracking.dynamics(Stage { x, u, p, s }, next);
    }
    fn stage_cost<S: Scalar>(&self, Stage { x, u, p, s }: Stage<'_, S, 2, 1, 2, 2>) -> S {
        Tracking.stage_cost(Stage { x, u, p, s })
    }
    fn terminal_cost<S: Scalar>(&self, Terminal { x, p, s }: Terminal<'_, S, 2, 2, 2>) -> S {
        Tracking.terminal_cost(Terminal { x, p, s })
    }
    fn stage_constraints<S: Scalar>(&self, Stage { x, u, p, s }: Stage<'_, S, 2, 1, 2, 2>, constraints: &mut [S]) {
        constraints[0] = u[0] + c::<S>(0.1) * x[1] * s[0] - p[1] * c::<S>(10.0) - s[1] * s[1];
    }
    fn terminal_constraints<S: Scalar>(&self, Terminal { x, s, .. }: Terminal<'_, S, 2, 2, 2>, constraints: &mut [S]) {
        constraints[0] = x[0] - s[0];
    }
}

/// `dL/ds_t` by the reverse sweep and by the derivative of the trajectory in `s_t`, and the latter against differences.
fn check_stage_jacobian<M>(model: M, settings: Settings, active: bool)
where
    M: Model<2, 1, 2, 2> + Copy,
{
    let horizon = 12;
    let stages: Vec<[f64; 2]> = (0..=horizon).map(|t| [0.3 * weight(t), 0.5 * weight(t + 40)]).collect();
    let problem = |stages: &[[f64; 2]]| Problem::new([0.4, 0.0], [3.0, 0.05], horizon).with_stage_params(stages);
    let mut solver = Ilqr::new(model, horizon, settings).unwrap();
    let solution = solve(&mut solver, &problem(&stages));
    assert_eq!(solution.certificate().active.len() > 1, active, "{:?}", solution.certificate());
    let loss = loss::<2, 1>(horizon);
    let gradient = solver.vjp(&solution, &loss).unwrap();
    for stage in 0..=horizon {
        let jacobian = solver.stage_jacobian(&solution, stage).unwrap();
        let mut contracted = SVector::<f64, 2>::zeros();
        for (j, g) in jacobian.states.iter().zip(&loss.states) {
            contracted += j.transpose() * g;
        }
        for (j, g) in jacobian.controls.iter().zip(&loss.controls) {
            contracted += j.transpose() * g;
        }
        // Two ways through one factorization: rounding.
        let error = (contracted - gradient.stage_params[stage]).amax();
        assert!(error <= 1e-9 * gradient.stage_params[stage].amax().max(1.0), "stage {stage}: {error:e}");
        for j in 0..2 {
            let h = 1e-5;
            let mut at = |step: f64| {
                let mut moved = stages.clone();
                moved[stage][j] += step;
                solve(&mut solver, &problem(&moved).with_warm_start(&model, &solution))
            };
            let (below, above) = (at(-h), at(h));
            for t in 0..horizon {
                let difference = (above.controls[t] - below.controls[t])[0] / (2.0 * h);
                let given = jacobian.controls[t][(0, j)];
                assert!((given - difference).abs() < 1e-5 * difference.abs().max(1.0), "{given} against {difference}");
            }
        }
    }
    assert!(matches!(
        solver.stage_jacobian(&solution, horizon + 1),
        Err(GradientError::NoSuchStage { given: 13, horizon: 12 })
    ));
}

#[test]
fn the_trajectory_in_the_parameters_of_a_stage() {
    check_stage_jacobian(Tracking, tight(), false);
    check_stage_jacobian(Followed, tight(), true);
    check_stage_jacobian(Followed, Settings { relaxation: Some(0.01), tolerance: 1e-11, ..Settings::default() }, false);
}

/// A relaxed problem is differentiated as what it is: against central differences, at two relaxations.
#[test]
fn relaxed_problems_have_their_own_gradient() {
    for tau in [0.1, 1e-3] {
        let settings = Settings { relaxation: Some(tau), tolerance: 1e-11, ..Settings::default() };
        check_derivatives_with(Rail, &rail(), settings);
        check_derivatives_with(RoundTheDisc, &disc(), settings);
    }
}

/// With the relaxation solution and gradient tend to the exact ones, in proportion.
#[test]
fn relaxed_gradients_tend_to_the_exact_one() {
    let mut solver = Ilqr::new(Rail, 25, Settings::default()).unwrap();
    let exact = solve(&mut solver, &rail());
    let gradient = solver.vjp(&exact, &loss(25)).unwrap().params;
    // The smallest multipliers are some 1e-3, and only well below that does the proportion show.
    let path = solver.solve_path(&rail(), &[1e-2, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8]).unwrap();
    let errors: Vec<f64> = path
        .iter()
        .map(|solution| {
            assert_eq!(solution.status, Status::Converged, "{:?}", solution.stats);
            (solver.vjp(solution, &loss(25)).unwrap().params - gradient).amax() / gradient.amax()
        })
        .collect();
    // The gradient of a loss on all of them.
    let gradients = path.iter().map(|solution| solver.vjp(solution, &loss(25)));
    let sum = gradients.sum::<Result<Gradient<2, 4>, _>>().unwrap();
    let mut params = SVector::zeros();
    for solution in &path {
        params += solver.vjp(solution, &loss(25)).unwrap().params;
    }
    assert_eq!((sum.params, sum.stage_params.len()), (params, 26));
    println!("{errors:?}");
    assert!(errors[1..].windows(2).all(|pair| pair[1] < 0.3 * pair[0]) && errors[5] < 1e-3, "{errors:?}");
}

/// What a solution minimizes: the cost, and the barriers of a relaxed problem.
fn optimum<M, const NX: usize, const NU: usize, const NP: usize>(model: &M, solution: &Solution<NX, NU, NP>) -> f64
where
    M: Model<NX, NU, NP>,
{
    let Some(tau) = solution.relaxation else { return solution.cost };
    // Equalities have none.
    let barrier = |inequality: bool, c: f64| if inequality { -tau * (-c).ln() } else { 0.0 };
    let (p, none) = (&solution.params, SVector::zeros());
    let mut lower = SVector::repeat(f64::NEG_INFINITY);
    let mut upper = SVector::repeat(f64::INFINITY);
    model.bounds(p, &mut lower, &mut upper);
    let mut sum = solution.cost;
    for (t, (x, u)) in solution.states.iter().zip(&solution.controls).enumerate() {
        let mut values = vec![0.0; M::LIMITS.stage()];
        model.stage_constraints(Stage::new(x, u, p, &none), &mut values);
        for (i, c) in values.into_iter().enumerate() {
            if t > 0 || M::LIMITS.depends_on_control[i] {
                sum += barrier(i < M::LIMITS.stage_inequalities, c);
            }
        }
        for i in 0..NU {
            for c in [lower[i] - u[i], u[i] - upper[i]] {
                if c.is_finite() {
                    sum += barrier(true, c);
                }
            }
        }
    }
    let mut values = vec![0.0; M::LIMITS.terminal()];
    model.terminal_constraints(Terminal::new(&solution.states[solution.horizon()], p, &none), &mut values);
    sum + values.into_iter().enumerate().map(|(i, c)| barrier(i < M::LIMITS.terminal_inequalities, c)).sum::<f64>()
}

/// The gradient, the Jacobian and the value's gradient against central differences of re-solved problems. A step of 1e-5
/// of the parameter leaves 1e-10 times third derivatives, and solutions good to 1e-12 leave 1e-6 at worst.
fn check_derivatives<M, const NX: usize, const NU: usize, const NP: usize>(model: M, problem: &Problem<NX, NU, NP>)
where
    M: Model<NX, NU, NP> + Copy,
{
    check_derivatives_with(model, problem, tight());
}

fn check_derivatives_with<M, const NX: usize, const NU: usize, const NP: usize>(
    model: M,
    problem: &Problem<NX, NU, NP>,
    settings: Settings,
) where
    M: Model<NX, NU, NP> + Copy,
{
    let horizon = problem.horizon();
    let mut solver = Ilqr::new(model, horizon, settings).unwrap();
    let solution = solve(&mut solver, problem);
    println!("{:?}", solution.stats);
    assert!(settings.relaxation.is_some() || solution.stats.violation <= 1e-9, "{:?}", solution.stats);
    let gradient = solver.vjp(&solution, &loss(horizon)).unwrap();
    let jacobian = solver.jacobian(&solution).unwrap();
    let value_gradient = solver.value_gradient(&solution).unwrap();
    let mut again = |x0: SVector<f64, NX>, p: SVector<f64, NP>| {
        solve(&mut solver, &Problem::new(x0, p, horizon).with_warm_start(&model, &solution))
    };
    let (x0, p) = (*problem.x0(), *problem.params());
    let scale = gradient.params.amax().max(gradient.initial_state.amax()).max(1.0);
    let near = |given: f64, expected: f64, scale: f64, what: &str| {
        assert!((given - expected).abs() <= 2e-6 * scale, "{what}: {given} against {expected}");
    };
    let largest = jacobian.states.iter().map(|j| j.amax()).chain(jacobian.controls.iter().map(|j| j.amax()));
    let largest = largest.fold(1.0, f64::max);
    for j in 0..NP {
        let h = 1e-5 * p[j].abs().max(0.1);
        let (mut below, mut above) = (p, p);
        below[j] -= h;
        above[j] += h;
        let (below, above) = (again(x0, below), again(x0, above));
        near(gradient.params[j], (value(&above) - value(&below)) / (2.0 * h), scale, &format!("dL/dp[{j}]"));
        near(
            value_gradient.params[j],
            (optimum(&model, &above) - optimum(&model, &below)) / (2.0 * h),
            scale,
            &format!("dJ/dp[{j}]"),
        );
        for t in 0..=horizon {
            let difference = (above.states[t] - below.states[t]) / (2.0 * h);
            for i in 0..NX {
                near(jacobian.states[t][(i, j)], difference[i], largest, &format!("dx[{t}][{i}]/dp[{j}]"));
            }
        }
        for t in 0..horizon {
            let difference = (above.controls[t] - below.controls[t]) / (2.0 * h);
            for i in 0..NU {
                near(jacobian.controls[t][(i, j)], difference[i], largest, &format!("du[{t}][{i}]/dp[{j}]"));
            }
        }
    }
    for j in 0..NX {
        let h = 1e-5;
        let (mut below, mut above) = (x0, x0);
        below[j] -= h;
        above[j] += h;
        let (below, above) = (again(below, p), again(above, p));
        near(gradient.initial_state[j], (value(&above) - value(&below)) / (2.0 * h), scale, &format!("dL/dx0[{j}]"));
        near(
            value_gradient.initial_state[j],
            (optimum(&model, &above) - optimum(&model, &below)) / (2.0 * h),
            scale,
            &format!("dJ/dx0[{j}]"),
        );
    }
}

#[test]
fn a_mass_at_rest_at_its_goal() {
    let mut solver = Ilqr::new(Rail, 25, Settings::default()).unwrap();
    let solution = solve(&mut solver, &rail());
    // All three kinds of limit are at work.
    assert!(solution.controls.iter().any(|u| u[0] == 2.5), "no force at its bound");
    assert!(solution.states.iter().filter(|x| (x[1] - 0.7).abs() < 1e-9).count() > 2, "no speed at its limit");
    assert!((solution.states[25] - SVector::from([1.0, 0.0])).amax() < 1e-9);
    check_derivatives(Rail, &rail());
    // Differences of fourth order, of gradients that are good to 1e-12.
    second_order::check(Rail, &rail(), tight(), 1e-4, 1e-8);
}

#[test]
fn round_the_disc() {
    let mut solver = Ilqr::new(RoundTheDisc, 20, Settings::default()).unwrap();
    let solution = solve(&mut solver, &disc());
    let touching = solution.states.iter().filter(|x| ((x[0] - 1.0).hypot(x[1]) - 0.4).abs() < 1e-8).count();
    assert!(touching > 0, "the disc is not touched");
    check_derivatives(RoundTheDisc, &disc());
    // Gradients to some 1e-12, over differences of 1e-4.
    second_order::check(RoundTheDisc, &disc(), tight(), 1e-4, 1e-7);
}

/// 2.5 s at 0.3 m/s do not reach one metre.
#[test]
fn what_cannot_be_reached_is_infeasible() {
    let mut solver = Ilqr::new(Rail, 25, Settings::default()).unwrap();
    let solution = solver.solve(&Problem::new([0.0, 0.0], [1.0, 0.3, 2.5, 0.01], 25)).unwrap();
    assert_eq!(solution.status, Status::Infeasible, "{:?}", solution.stats);
    assert!(solution.stats.violation > 1e-3 && solution.stats.violation_stage.is_some(), "{:?}", solution.stats);
    let error = solver.vjp(&solution, &LossGradient::zeros(25)).unwrap_err();
    assert!(matches!(error, GradientError::NotConverged { status: Status::Infeasible, .. }), "{error}");
}

/// Two controls that have to lead to 1, the first of them with an interval of one point: `u = (p, 1 - p)`.
#[derive(Clone, Copy, Debug)]
struct OnePoint;

impl Model<1, 2, 1> for OnePoint {
    const LIMITS: Limits = Limits { bounded: true, terminal_equalities: 1, ..Limits::NONE };

    fn dynamics<S: Scalar>(&self, Stage { x, u, .. }: Stage<'_, S, 1, 2, 1>, next: &mut Vector<S, 1>) {
        next[0] = x[0] + u[0] + u[1];
    }
    fn stage_cost<S: Scalar>(&self, Stage { u, .. }: Stage<'_, S, 1, 2, 1>) -> S {
        c::<S>(0.5) * (u[0] * u[0] + u[1] * u[1])
    }
    fn terminal_cost<S: Scalar>(&self, _: Terminal<'_, S, 1, 1>) -> S {
        c::<S>(0.0)
    }
    fn bounds<S: Scalar>(&self, p: &Vector<S, 1>, lower: &mut Vector<S, 2>, upper: &mut Vector<S, 2>) {
        lower[0] = p[0];
        upper[0] = p[0];
    }
    fn terminal_constraints<S: Scalar>(&self, Terminal { x, .. }: Terminal<'_, S, 1, 1>, constraints: &mut [S]) {
        constraints[0] = x[0] - c::<S>(1.0);
    }
}

/// The cost is `(p^2 + (1 - p)^2) / 2`: what the point is worth is its slope, `2 p - 1`, and so is the multiplier.
#[test]
fn a_bound_of_one_point_has_a_multiplier() {
    let mut solver = Ilqr::new(OnePoint, 1, Settings::default()).unwrap();
    let solution = solve(&mut solver, &Problem::new([0.0], [0.2], 1));
    assert!((solution.bound_multipliers[0] - SVector::from([-0.6, 0.0])).amax() < 1e-12, "{solution:?}");
    let slope = solver.value_gradient(&solution).unwrap().params[0];
    assert!((slope + 0.6).abs() < 1e-12, "{slope}");
}

/// Where no sweep finished there are no multipliers of bounds, and none of the solve before.
#[test]
fn nothing_is_left_of_the_solve_before() {
    let mut solver = Ilqr::new(Rail, 25, Settings::default()).unwrap();
    let before = solve(&mut solver, &rail());
    assert!(before.bound_multipliers.iter().any(|rho| rho[0] != 0.0));
    // The drag's cube overflows.
    let after = solver.solve(&Problem::new([0.0, 1e200], [1.0, 0.7, 2.5, 0.01], 25)).unwrap();
    assert_eq!(after.status, Status::Diverged);
    assert!(after.bound_multipliers.iter().all(|rho| rho[0].is_nan()), "{:?}", after.bound_multipliers);
}

#[test]
fn a_warm_start_needs_a_newton_step_or_two() {
    let mut solver = Ilqr::new(Rail, 25, Settings::default()).unwrap();
    let solution = solve(&mut solver, &rail());
    let neighbor = Problem::new([0.001, 0.0], [1.0, 0.7, 2.5, 0.01], 25).with_warm_start(&Rail, &solution);
    let warm = solve(&mut solver, &neighbor);
    assert_eq!((warm.stats.iterations, warm.stats.multiplier_updates), (0, 0), "{:?}", warm.stats);
    assert!(warm.stats.newton_steps <= 4, "{:?}", warm.stats);
}

#[test]
fn gains_respect_the_bounds() {
    let mut solver = Ilqr::new(Rail, 25, Settings::default()).unwrap();
    let solution = solve(&mut solver, &rail());
    for (u, gain) in solution.controls.iter().zip(&solution.gains) {
        if u[0].abs() >= 2.5 {
            assert_eq!(*gain, SMatrix::<f64, 1, 2>::zeros());
        }
    }
}
