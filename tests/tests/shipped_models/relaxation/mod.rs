//! Relaxed problems: points of the central path, their multipliers and their gradients.

pub mod models;

use dilqr_runtime::model::{Stage, Terminal};
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{
    Gradient, GradientError, Ilqr, InputError, LossGradient, Model, Problem, Settings, Solution, SolveError, Status,
};
use dilqr_tests::{discs, random_loss, redundant, shared, short_rail, shuttle, value, weak_pendulum};
use models::{around, fleet, held, press, pushed, well};

const RELAXATIONS: [f64; 4] = [1e-1, 1e-3, 1e-5, 1e-8];

fn relaxed(tau: f64) -> Settings {
    Settings { relaxation: Some(tau), ..Settings::default() }
}

/// `w (u - g) + tau / (b - u) = 0` is a quadratic equation in the slack, and its derivative is `du = (w dg + kappa db) / (w + kappa)`
/// with `kappa = tau / slack^2`.
#[test]
fn one_stage_has_a_closed_form() {
    // The last one has a multiplier of 0.04, the first of 4.
    for (goal, most, weight) in [(3.0, 1.0, 2.0), (-1.0, 1.0, 0.5), (1.0, 1.0, 8.0), (40.0, 1.5, 1e-3)] {
        for tau in RELAXATIONS {
            let mut solver = Ilqr::new(press::Press, 1, relaxed(tau)).unwrap();
            let solution = solver.solve(&Problem::new([1.0], [goal, most, weight], 1)).unwrap();
            assert_eq!(solution.status, Status::Converged, "{goal} {tau}: {:?}", solution.stats);
            // Both forms of the root, without cancellation.
            let (gap, root): (f64, f64) = (most - goal, ((most - goal).powi(2) + 4.0 * tau / weight).sqrt());
            let slack = if gap > 0.0 { 0.5 * (gap + root) } else { 2.0 * tau / weight / (root - gap) };
            let (multiplier, kappa) = (tau / slack, tau / (slack * slack));
            let u = solution.controls[0];
            for control in [u[0], u[1]] {
                // Of a slack of 1e-9 beside a control of 1 the control has 1e-16.
                assert!((most - control - slack).abs() <= 1e-13 * (slack + most), "{goal} {tau}: {u}");
            }
            // The multipliers have their digits where the slack has none: the weight times a rounded control is their error.
            for given in [-solution.bound_multipliers[0][0], solution.multipliers.stage[0]] {
                assert!((given - multiplier).abs() <= 1e-12 * (multiplier + weight * goal.abs()), "{goal} {tau}");
            }
            // Between two bounds the other one pushes, too.
            let (below, above) = (u[2] + most, most - u[2]);
            let push = weight * (u[2] - goal);
            assert!((solution.bound_multipliers[0][2] - push).abs() <= 1e-12 * (push.abs() + weight * goal.abs()));
            // A distance of 1e-9 has 7 digits.
            let near = below.min(above);
            let error = (tau / below - tau / above - push).abs();
            assert!(error <= (tau / near) * (1e-9 + 1e-15 / near), "{goal} {tau}: {error:e}");

            let mut loss = LossGradient::zeros(1);
            for control in 0..2 {
                loss.controls[0] = SVector::zeros();
                loss.controls[0][control] = 1.0;
                let gradient = solver.vjp(&solution, &loss).unwrap().params;
                let by_goal = weight / (weight + kappa);
                let by_most = kappa / (weight + kappa);
                // The weight follows from the multiplier, not from the slack.
                assert!((gradient[0] - by_goal).abs() <= 1e-12 * by_goal.max(1e-3), "{goal} {tau}: {gradient}");
                assert!((gradient[1] - by_most).abs() <= 1e-12, "{goal} {tau}: {gradient}");
                let by_weight = (goal - u[control]) / (weight + kappa);
                assert!((gradient[2] - by_weight).abs() <= 1e-12 * by_weight.abs().max(1e-3), "{goal} {tau}");
            }
        }
    }
}

/// Slack times multiplier is `tau`, for every inequality and every bound. A slack has the rounding error of its terms, which
/// are at most some tens here.
fn assert_complementary<M, const NX: usize, const NU: usize, const NP: usize>(
    model: &M,
    solution: &Solution<NX, NU, NP>,
) where
    M: Model<NX, NU, NP>,
{
    let (tau, p, none) = (solution.relaxation.unwrap(), &solution.params, SVector::zeros());
    let near = |slack: f64, multiplier: f64, what: &str| {
        let error = (slack * multiplier - tau).abs();
        assert!(multiplier > 0.0 && error <= 1e-9 * tau + 1e-14 * multiplier, "{what}: {slack:e} {multiplier:e}");
    };
    let (mut lower, mut upper) = (SVector::repeat(f64::NEG_INFINITY), SVector::repeat(f64::INFINITY));
    model.bounds(p, &mut lower, &mut upper);
    let limits = &M::LIMITS;
    for (t, (x, u)) in solution.states.iter().zip(&solution.controls).enumerate() {
        let mut c = vec![0.0; limits.stage()];
        model.stage_constraints(Stage::new(x, u, p, &none), &mut c);
        for i in 0..limits.stage_inequalities {
            if t > 0 || limits.depends_on_control.get(i).copied().unwrap_or(true) {
                near(
                    -c[i],
                    solution.multipliers.stage[t * limits.stage() + i],
                    &format!("constraint {i} of stage {t}"),
                );
            }
        }
        for i in 0..NU {
            let net = solution.bound_multipliers.get(t).map_or(0.0, |net| net[i]);
            let (below, above) = (u[i] - lower[i], upper[i] - u[i]);
            let what = format!("bound of control {i} at stage {t}");
            match (lower[i].is_finite(), upper[i].is_finite()) {
                (true, true) if below < above => near(below, net + tau / above, &what),
                (true, true) => near(above, tau / below - net, &what),
                (true, false) => near(below, net, &what),
                (false, true) => near(above, -net, &what),
                (false, false) => assert_eq!(net, 0.0, "{what}"),
            }
        }
    }
    let mut c = vec![0.0; limits.terminal()];
    model.terminal_constraints(Terminal::new(&solution.states[solution.horizon()], p, &none), &mut c);
    for i in 0..limits.terminal_inequalities {
        near(-c[i], solution.multipliers.terminal[i], &format!("terminal constraint {i}"));
    }
    assert!(solution.stats.violation <= 1e-9, "{:?}", solution.stats);
}

/// Moves initial state and parameters by a step.
type Edit<'a, const NX: usize, const NP: usize> = &'a dyn Fn(f64, &mut SVector<f64, NX>, &mut SVector<f64, NP>);

/// The gradient of a linear loss by differences of fourth order through solves that start from the solution.
fn differences<M, const NX: usize, const NU: usize, const NP: usize>(
    solver: &mut Ilqr<M, NX, NU, NP>,
    (solution, loss): (&Solution<NX, NU, NP>, &LossGradient<NX, NU>),
    step: f64,
) -> Gradient<NX, NP>
where
    M: Model<NX, NU, NP> + Copy,
{
    let model = *solver.model();
    let mut slope = |at: f64, edit: Edit<'_, NX, NP>| {
        let h = step * at.abs().max(0.1);
        let mut side = |h: f64| {
            let (mut x0, mut params) = (solution.x0, solution.params);
            edit(h, &mut x0, &mut params);
            let problem = Problem::new(x0, params, solution.horizon()).with_warm_start(&model, solution);
            let neighbor = solver.solve(&problem).unwrap();
            assert_eq!(neighbor.status, Status::Converged, "{:?}", neighbor.stats);
            value(loss, &neighbor)
        };
        (8.0 * (side(h) - side(-h)) - (side(2.0 * h) - side(-2.0 * h))) / (12.0 * h)
    };
    let mut gradient = Gradient::zeros(solution.horizon());
    gradient.params = SVector::from_fn(|i, _| slope(solution.params[i], &|h, _, p| p[i] += h));
    gradient.initial_state = SVector::from_fn(|i, _| slope(solution.x0[i], &|h, x0, _| x0[i] += h));
    gradient
}

/// Solves at each relaxation, checks the multipliers, and compares the gradient with differences. The exact gradient is the
/// limit, of which the last gradient has a relative error of at most `last`.
fn check<M, const NX: usize, const NU: usize, const NP: usize>(model: M, problem: &Problem<NX, NU, NP>, last: f64)
where
    M: Model<NX, NU, NP> + Copy,
{
    let horizon = problem.horizon();
    let loss = random_loss(horizon);
    let mut exact = Ilqr::new(model, horizon, Settings::default()).unwrap();
    let solution = exact.solve(problem).unwrap();
    assert_eq!(solution.status, Status::Converged, "{:?}", solution.stats);
    let limit = exact.vjp(&solution, &loss).unwrap();
    let mut distances = Vec::new();
    for tau in RELAXATIONS {
        let mut solver = Ilqr::new(model, horizon, relaxed(tau)).unwrap();
        let solution = solver.solve(problem).unwrap();
        assert_eq!(solution.status, Status::Converged, "{tau}: {:?}", solution.stats);
        assert_complementary(&model, &solution);
        let gradient = solver.vjp(&solution, &loss).unwrap();
        let size = gradient.params.amax().max(gradient.initial_state.amax());
        let errors: Vec<f64> = [1e-3, 1e-4, 1e-5, 1e-6]
            .iter()
            .map(|&step| {
                let measured = differences(&mut solver, (&solution, &loss), step);
                let params = (gradient.params - measured.params).amax();
                params.max((gradient.initial_state - measured.initial_state).amax()) / size
            })
            .collect();
        // The truncation of a step falls with its fourth power, over the square root of `tau` where a limit is weakly active. The
        // rounding of solutions, some 1e-14, grows as the inverse of the step. At the best of these steps 5e-9 remains.
        println!("{tau:e}: {errors:?}");
        assert!(errors.iter().copied().fold(f64::INFINITY, f64::min) <= 5e-9, "{tau}: {errors:?}");
        let distance =
            (gradient.params - limit.params).amax().max((gradient.initial_state - limit.initial_state).amax());
        distances.push(distance / size);
    }
    println!("to the limit: {distances:?}");
    assert!(distances[1..].windows(2).all(|pair| pair[1] < pair[0]) && distances[3] <= last, "{distances:?}");
    // Next to weights of 1e12 the curvatures of the problem have four digits; the gradient has all. Both solutions have rounding
    // errors, and a nearly weakly active limit is the root of 1e-12.
    let mut solver = Ilqr::new(model, horizon, relaxed(1e-12)).unwrap();
    let solution = solver.solve(problem).unwrap();
    let gradient = solver.vjp(&solution, &loss).unwrap();
    let distance = (gradient.params - limit.params).amax() / limit.params.amax();
    println!("at 1e-12: {distance:e}");
    assert!(distance <= 2e-4 * last, "{distance:e}");
}

#[test]
fn an_unstable_plant_with_bounds() {
    check(weak_pendulum::WeakPendulum, &Problem::new([0.5, 0.0], [-2.5, 2.0, 10.0, 1.0], 40), 1e-5);
}

#[test]
fn constraints_on_the_state() {
    check(short_rail::ShortRail, &Problem::new([0.3, 1.5, 0.2, 0.0], [15.0, 0.5, 0.1, 0.5], 40), 1e-5);
}

#[test]
fn an_obstacle() {
    let params = [3.0, 0.3, 0.25, 0.9, 0.3, 1.6, -0.2, 2.5, 0.1];
    check(discs::Discs, &Problem::new([0.0, 0.05, 0.0], params, 30), 1e-5);
}

#[test]
fn equalities_at_the_end() {
    check(shuttle::Shuttle, &Problem::new([0.0, 0.0], [-3.0, 4.0, 1.0, 0.2], 30), 1e-5);
}

/// One limit is nearly weakly active, and approaches its limit as the square root of `tau`.
#[test]
fn a_bound_and_constraints_on_one_control() {
    check(shared::Shared, &Problem::new([0.0, 0.4], [0.8, 1.0, 0.5], 20), 1e-2);
}

/// Guesses that violate the constraints: along the axis of symmetry through the disc, or far from the goal.
#[test]
fn guesses_that_violate_the_constraints() {
    for tau in [1e-1, 1e-3, 1e-5] {
        let mut solver = Ilqr::new(around::Around, 40, relaxed(tau)).unwrap();
        let costs = [[0.0, 0.0], [0.3, 0.0], [0.2, 0.2], [-0.4, 0.1]].map(|guess| {
            let problem = Problem::new([0.1, 0.1], [0.2], 40).with_controls(&[guess; 40]);
            let solution = solver.solve(&problem).unwrap();
            assert_eq!(solution.status, Status::Converged, "{tau} {guess:?}: {:?}", solution.stats);
            assert_complementary(&around::Around, &solution);
            solution.cost
        });
        // Both ways around the disc cost the same; a sum of 41 terms is rounded.
        assert!(costs.iter().all(|cost| (cost - costs[0]).abs() <= 1e-12), "{costs:?}");
        // Ipopt finds 0.507923589 without barriers. With them some 80 limits give way.
        assert!(costs[0] > 0.507_923_589 && costs[0] <= 0.507_923_589 + 80.0 * tau, "{costs:?}");
        // The goal is inside the disc.
        let solution = solver.solve(&Problem::new([0.1, 0.1], [0.6], 40)).unwrap();
        assert_eq!(solution.status, Status::Infeasible, "{:?}", solution.stats);
    }
}

/// Two terminal equalities and two constraints that say the same have no unique multipliers. The point of the central path is
/// unique, but for the multipliers of the equalities; the gradient says that these depend on one another.
#[test]
fn equalities_that_depend_on_one_another() {
    for tau in RELAXATIONS {
        let mut solver = Ilqr::new(redundant::Redundant, 12, relaxed(tau)).unwrap();
        let solution = solver.solve(&Problem::new([0.0], [0.3, 1.0], 12)).unwrap();
        assert_eq!(solution.status, Status::Converged, "{tau}: {:?}", solution.stats);
        assert_complementary(&redundant::Redundant, &solution);
        assert!((solution.states[12][0] - 0.5).abs() <= 1e-9);
        let error = solver.vjp(&solution, &random_loss(12)).unwrap_err();
        assert!(matches!(error, GradientError::ConstraintsDependent { .. }), "{error}");
    }
}

#[test]
fn a_limit_without_a_derivative_at_the_guess() {
    check(pushed::Pushed, &Problem::new([1.0, 0.5], [1.5, 1.0], 20), 1e-4);
}

/// At a goal, where nothing moves, the barrier has a kink. The trajectory is a solution, and there is no derivative.
#[test]
fn a_barrier_with_a_kink_at_the_solution() {
    let mut solver = Ilqr::new(pushed::Pushed, 5, relaxed(1e-2)).unwrap();
    let solution = solver.solve(&Problem::new([0.0, 0.0], [2.0, 0.0], 5)).unwrap();
    assert_eq!(solution.status, Status::Converged, "{:?}", solution.stats);
    assert!(solution.controls.iter().all(|u| u.amax() == 0.0));
    assert_eq!(solver.vjp(&solution, &random_loss(5)), Err(GradientError::Undefined));
}

/// What is edited is no solution: each part is checked.
#[test]
fn edited_solutions_are_refused() {
    type Edit = fn(&mut Solution<2, 1, 4>);
    let edits: [(&str, Edit); 7] = [
        ("control", |s| s.controls[3][0] += 1e-6),
        ("state", |s| s.states[5][0] += 1e-6),
        ("bound multiplier", |s| s.bound_multipliers[4][0] *= 1.0 + 1e-6),
        // It acts on the last control by 0.005, and stationarity is good to 1e-7.
        ("terminal multiplier", |s| s.multipliers.terminal[0] *= 1.0 + 1e-3),
        ("relaxation", |s| s.relaxation = Some(1.001e-3)),
        ("no relaxation", |s| s.relaxation = None),
        ("status", |s| s.status = Status::LineSearchFailed),
    ];
    let mut solver = Ilqr::new(shuttle::Shuttle, 30, relaxed(1e-3)).unwrap();
    let solution = solver.solve(&Problem::new([0.0, 0.0], [-3.0, 4.0, 1.0, 0.2], 30)).unwrap();
    assert!(solver.vjp(&solution, &random_loss(30)).is_ok());
    for (what, edit) in edits {
        let mut edited = solution.clone();
        edit(&mut edited);
        let answer = solver.vjp(&edited, &random_loss(30));
        assert!(matches!(answer, Err(GradientError::NotConverged { .. })), "{what}: {answer:?}");
    }
    // The multiplier of a constraint, alone and with the slack that it asks for.
    let mut solver = Ilqr::new(pushed::Pushed, 20, relaxed(1e-3)).unwrap();
    let solution = solver.solve(&Problem::new([1.0, 0.5], [1.5, 1.0], 20)).unwrap();
    let mut edited = solution.clone();
    edited.multipliers.stage[19] *= 1.0 + 1e-8;
    assert!(matches!(solver.vjp(&edited, &random_loss(20)), Err(GradientError::NotConverged { .. })));
    let mut edited = solution;
    edited.bound_multipliers = vec![SVector::from([0.0, 0.0]); 20];
    assert!(solver.vjp(&edited, &random_loss(20)).is_ok(), "a model without bounds has no such multipliers");
}

/// The relaxation is in the unit of the cost: with another unit for both, every number is the same to the bit.
#[test]
fn the_relaxation_is_in_the_unit_of_the_cost() {
    for tau in RELAXATIONS {
        let solve = |unit: f64| {
            let mut solver = Ilqr::new(fleet::Fleet, 15, relaxed(tau * unit)).unwrap();
            let solution = solver.solve(&Problem::new([-0.5, 0.5], [0.7, unit, 0.6], 15)).unwrap();
            assert_eq!(solution.status, Status::Converged, "{tau} {unit}: {:?}", solution.stats);
            let mut gradient = solver.vjp(&solution, &random_loss(15)).unwrap();
            gradient.params[1] *= unit;
            (solution, gradient)
        };
        let (one, gradient) = solve(1.0);
        assert_complementary(&fleet::Fleet, &one);
        for exponent in [-40, -3, 30] {
            let unit = 2.0_f64.powi(exponent);
            let (other, scaled) = solve(unit);
            assert_eq!((&one.states, &one.controls, one.stats), (&other.states, &other.controls, other.stats));
            let multipliers: Vec<f64> = one.multipliers.stage.iter().map(|multiplier| multiplier * unit).collect();
            assert_eq!(multipliers, other.multipliers.stage);
            assert_eq!(gradient, scaled);
        }
    }
}

/// A point of a path that fails leaves the others as they are.
#[test]
fn a_failed_point_does_not_spoil_the_path() {
    let mut solver = Ilqr::new(well::Well, 3, Settings::default()).unwrap();
    let problem = Problem::new([0.0], [1.0], 3).with_controls(&[[0.3]; 3]);
    let path = solver.solve_path(&problem, &[0.3, 0.8, 0.1, 1e-3]).unwrap();
    let statuses: Vec<bool> = path.iter().map(|solution| solution.status.is_converged()).collect();
    assert_eq!(statuses, [true, false, true, true], "{:?}", path.iter().map(|s| s.status).collect::<Vec<_>>());
    let sound = solver.solve_path(&problem, &[0.3, 0.1, 1e-3]).unwrap();
    assert_eq!([&path[0], &path[2], &path[3]], [&sound[0], &sound[1], &sound[2]]);
    for solution in &sound {
        let (u, tau) = (solution.controls[0][0], solution.relaxation.unwrap());
        // The stationarity of one control; a rounded control leaves rounding errors of terms below 1.
        assert!((2.0 * u / (1.0 + u * u).powi(2) - tau / u).abs() <= 1e-14, "{u} {tau}");
    }
    // First of all: the next one begins cold.
    let path = solver.solve_path(&problem, &[0.8, 0.1]).unwrap();
    assert_eq!(path.iter().map(|solution| solution.status.is_converged()).collect::<Vec<_>>(), [false, true]);
}

/// A warm start from a solve that has failed names itself, not the user's controls.
#[test]
fn a_warm_start_from_a_failed_solve_names_itself() {
    let mut solver = Ilqr::new(well::Well, 3, relaxed(0.8)).unwrap();
    let problem = Problem::new([0.0], [1.0], 3).with_controls(&[[0.3]; 3]);
    let failed = solver.solve(&problem).unwrap();
    assert!(!failed.status.is_converged() && failed.gains[0][0].is_nan());
    let error = solver.solve(&problem.with_warm_start(&well::Well, &failed)).unwrap_err();
    assert!(matches!(error, SolveError::Input(InputError::WarmStart { .. })), "{error}");
    assert_eq!(error.to_string(), "the warm start is not finite: the list of gains is NaN at stage 0, entry 0");
}

/// A control whose interval is one point has no barrier and stays there.
#[test]
fn a_control_with_one_point() {
    let mut solver = Ilqr::new(held::Held, 6, relaxed(1e-2)).unwrap();
    let solution = solver.solve(&Problem::new([0.2, 0.4], [0.4, 0.4, 1.5], 6)).unwrap();
    assert_eq!(solution.status, Status::Converged, "{:?}", solution.stats);
    assert!(solution.controls.iter().all(|u| u[0] == 0.4));
    let loss = random_loss(6);
    let gradient = solver.vjp(&solution, &loss).unwrap();
    // Both ends of the interval move together: the rest is not a problem.
    let solve = |h: f64, solver: &mut Ilqr<held::Held, 2, 2, 3>| {
        value(&loss, &solver.solve(&Problem::new([0.2, 0.4], [0.4 + h, 0.4 + h, 1.5], 6)).unwrap())
    };
    let h = 1e-4;
    let measured = (8.0 * (solve(h, &mut solver) - solve(-h, &mut solver)) - solve(2.0 * h, &mut solver)
        + solve(-2.0 * h, &mut solver))
        / (12.0 * h);
    // Rounding of 1e-14 over the step.
    let given = gradient.params[0] + gradient.params[1];
    assert!((given - measured).abs() <= 1e-9 * (1.0 + measured.abs()), "{given} {measured}");
    let value_gradient = solver.value_gradient(&solution).unwrap().params;
    let optimum = |h: f64, solver: &mut Ilqr<held::Held, 2, 2, 3>| {
        let solution = solver.solve(&Problem::new([0.2, 0.4], [0.4 + h, 0.4 + h, 1.5], 6)).unwrap();
        solution.cost - 1e-2 * solution.controls.iter().map(|u| (1.5 - u[1]).ln()).sum::<f64>()
    };
    let measured = (optimum(h, &mut solver) - optimum(-h, &mut solver)) / (2.0 * h);
    // The truncation of a step of 1e-4 is its square.
    let given = value_gradient[0] + value_gradient[1];
    assert!((given - measured).abs() <= 1e-7 * (1.0 + measured.abs()), "{given} {measured}");
}
