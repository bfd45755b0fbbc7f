//! Soft constraints: the three states of a row, the joins between them, rows at a given initial state, and relaxed problems.
//! Gradients beside central differences through solves.

use dilqr_runtime::model::Limit;
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{
    Direction, Formulation, GradientError, Ilqr, LossGradient, Problem, Settings, Solution, SolveError, Status,
};
use dilqr_tests::{harness_loss, value};

/// A cart whose speed has a soft limit.
#[dilqr_runtime::model]
pub mod cart {
    pub struct State {
        pub x: f64,
        pub v: f64,
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {
        pub limit: f64,
        pub linear: f64,
        pub quadratic: f64,
        pub effort: f64,
    }
    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { x: x.x + 0.1 * x.v, v: x.v + 0.1 * u.u }
    }
    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        (x.x - 1.0).powi(2) + p.effort * u.u * u.u
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        5.0 * (x.x - 1.0).powi(2) + x.v * x.v
    }
    #[penalty(linear = p.linear, quadratic = p.quadratic)]
    pub fn stage_soft_constraints(x: State, _u: Control, p: Params) -> [f64; 1] {
        [x.v - p.limit]
    }
}

/// A point that ends softly below a limit, and whose push is softly limited.
#[dilqr_runtime::model]
pub mod point {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {
        pub end: f64,
        pub push: f64,
        pub linear: f64,
        pub quadratic: f64,
    }
    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { x: x.x + u.u }
    }
    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        0.1 * (x.x - 2.0).powi(2) + 0.5 * u.u * u.u
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        (x.x - 2.0).powi(2)
    }
    #[penalty(quadratic = p.quadratic)]
    pub fn stage_soft_constraints(_x: State, u: Control, p: Params) -> [f64; 1] {
        [u.u - p.push]
    }
    #[penalty(linear = p.linear)]
    pub fn terminal_soft_constraints(x: State, p: Params) -> [f64; 1] {
        [x.x - p.end]
    }
}

/// A point whose pushes have a price, whatever their direction: an absolute value, as two soft constraints.
#[dilqr_runtime::model]
pub mod frugal {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {
        pub goal: f64,
        pub price: f64,
        pub effort: f64,
    }
    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { x: x.x + u.u }
    }
    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        0.1 * (x.x - p.goal).powi(2) + 0.5 * p.effort * u.u * u.u
    }
    pub fn terminal_cost(x: State, p: Params) -> f64 {
        (x.x - p.goal).powi(2)
    }
    #[penalty(linear = p.price)]
    pub fn stage_soft_constraints(_x: State, u: Control, _p: Params) -> [f64; 2] {
        [u.u, -0.5 * u.u]
    }
}

/// A cart whose speed and place have prices for every difference from the wanted ones.
#[dilqr_runtime::model]
pub mod cruise {
    pub struct State {
        pub x: f64,
        pub v: f64,
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {
        pub speed: f64,
        pub goal: f64,
        pub price: f64,
        pub quadratic: f64,
        pub end: f64,
    }
    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { x: x.x + 0.1 * x.v, v: x.v + 0.1 * u.u }
    }
    pub fn stage_cost(_x: State, u: Control, _p: Params) -> f64 {
        0.05 * u.u * u.u
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        0.5 * x.v * x.v
    }
    #[penalty(linear = p.price, quadratic = p.quadratic)]
    pub fn stage_soft_constraints(x: State, _u: Control, p: Params) -> [f64; 3] {
        let off = 2.0 * (x.v - p.speed);
        [off, x.v - 1.2 * p.speed, p.speed * 2.0 - 2.0 * x.v]
    }
    #[penalty(linear = p.end)]
    pub fn terminal_soft_constraints(x: State, p: Params) -> [f64; 2] {
        [x.x - p.goal, p.goal - x.x]
    }
}

/// A carriage whose place has a price in both directions and a soft limit. No control has an effect on the places of the
/// first two stages.
#[dilqr_runtime::model]
pub mod carriage {
    pub struct State {
        pub x: f64,
        pub v: f64,
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {
        pub goal: f64,
        pub price: f64,
        pub limit: f64,
        pub quadratic: f64,
    }
    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { x: x.x + 0.1 * x.v, v: x.v + 0.1 * u.u }
    }
    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        0.3 * x.v * x.v + 0.05 * u.u * u.u
    }
    pub fn terminal_cost(x: State, p: Params) -> f64 {
        0.5 * x.v * x.v + 0.5 * (x.x - p.goal).powi(2)
    }
    #[penalty(linear = p.price, quadratic = p.quadratic)]
    pub fn stage_soft_constraints(x: State, _u: Control, p: Params) -> [f64; 3] {
        [x.x - p.goal, p.goal - x.x, x.x - p.limit]
    }
}

const T: usize = 20;

fn exact() -> Settings {
    Settings { tolerance: 1e-12, ..Settings::default() }
}

fn solved<M, const NX: usize, const NU: usize, const NP: usize>(
    solver: &mut Ilqr<M, NX, NU, NP>,
    x0: SVector<f64, NX>,
    params: SVector<f64, NP>,
) -> Solution<NX, NU, NP>
where
    M: Formulation<NX, NU, NP, 0, 0>,
{
    let solution = solver.solve(&Problem::new(x0, params, solver.horizon())).unwrap();
    assert_eq!(solution.status, Status::Converged, "{params}");
    solution
}

/// Compares gradient, second derivatives along the first parameter and, where it exists, the gradient of the cost with differences. Data
/// that are zero move forward alone, where penalties are defined.
fn check<M, const NX: usize, const NU: usize, const NP: usize>(
    model: M,
    settings: Settings,
    (x0, params): ([f64; NX], [f64; NP]),
    of_cost: bool,
) where
    M: Formulation<NX, NU, NP, 0, 0>,
{
    let mut solver = Ilqr::new(model, T, settings).unwrap();
    let (x0, params, loss) = (SVector::from(x0), SVector::from(params), harness_loss(T));
    let solution = solved(&mut solver, x0, params);
    let gradient = solver.vjp(&solution, &loss).unwrap();
    let cost = of_cost.then(|| solver.value_gradient(&solution).unwrap());
    let h = 1e-5;
    // The error of central differences is some 1e-9, those of solves over the step some 1e-7; that of one-sided ones is the step.
    let close = |name: &str, given: f64, difference: f64, central: bool| {
        let tolerance = if central { 1e-6 } else { 1e-3 };
        assert!((given - difference).abs() < tolerance * (1.0 + difference.abs()), "{name}: {given}, {difference}");
    };
    for j in 0..NX + NP {
        let mut at = |change: f64| {
            let (mut x0, mut params) = (x0, params);
            if j < NX {
                x0[j] += change
            } else {
                params[j - NX] += change
            }
            let moved = solved(&mut solver, x0, params);
            (value(&loss, &moved), moved.cost)
        };
        let central = j < NX || params[j - NX] > h;
        let (more, less) = (at(h), at(if central { -h } else { 0.0 }));
        let step = if central { 2.0 * h } else { h };
        let entry = |of: &dilqr_runtime::Gradient<NX, NP>| if j < NX { of.initial_state[j] } else { of.params[j - NX] };
        close(&format!("loss, {j}"), entry(&gradient), (more.0 - less.0) / step, central);
        if let Some(cost) = &cost {
            close(&format!("cost, {j}"), entry(cost), (more.1 - less.1) / step, central);
        }
    }
    let along = Direction::new(SVector::from_fn(|i, _| f64::from(i == 0)));
    let second = solver.hvp(&solution, &loss, &along, |_, _| LossGradient::zeros(T)).unwrap();
    let mut at = |change: f64| {
        let mut params = params;
        params[0] += change;
        let moved = solved(&mut solver, x0, params);
        solver.vjp(&moved, &loss).unwrap().params
    };
    let difference = (at(h) - at(-h)) / (2.0 * h);
    for j in 0..NP {
        // A relaxation of 1e-4 leaves a third derivative of some 1e6 times the second one, so 1e-5 of the second after `h^2`.
        assert!(
            (second.params[j] - difference[j]).abs() < 1e-5 * (1.0 + difference[j].abs()),
            "{j}: {second:?}, {difference}"
        );
    }
}

fn refusal<M, const NX: usize, const NU: usize, const NP: usize>(model: M, x0: [f64; NX], params: [f64; NP]) -> Limit
where
    M: Formulation<NX, NU, NP, 0, 0>,
{
    let mut solver = Ilqr::new(model, T, exact()).unwrap();
    let solution = solved(&mut solver, x0.into(), params.into());
    match solver.vjp(&solution, &harness_loss(T)) {
        Err(
            GradientError::WeaklyActive { limit, .. } | GradientError::ConstraintsDependent { limit: Some(limit), .. },
        ) => limit,
        other => panic!("{other:?}"),
    }
}

/// `c < 0`, `c = 0` and `c > 0` along one trajectory, with each of the two factors and without one of them.
#[test]
fn three_states_of_a_row() {
    for params in [[0.5, 0.3, 1.0, 0.1], [0.5, 3.0, 1.0, 0.1], [0.5, 0.05, 0.0, 0.1], [0.5, 0.0, 10.0, 0.1]] {
        check(cart::Cart, exact(), ([0.0, 0.0], params), true);
    }
    for params in [[1.0, 0.3, 5.0, 2.0], [1.0, 0.3, 0.4, 2.0], [5.0, 9.0, 1.0, 2.0]] {
        check(point::Point, exact(), ([0.0], params), true);
    }
}

/// At a given initial state a row is a part of the cost: its excess moves nothing else.
#[test]
fn rows_at_a_given_initial_state() {
    let violated = [0.5, 0.3, 1.0, 0.1];
    check(cart::Cart, exact(), ([0.0, 0.8], violated), true);
    // At its limit the cost has a kink, and the trajectory has none. Without a linear factor the cost has none either.
    let mut solver = Ilqr::new(cart::Cart, T, exact()).unwrap();
    for x0 in [[0.0, 0.5], [0.0, 0.5 - 1e-9], [0.0, 0.5 + 1e-9]] {
        check(cart::Cart, exact(), (x0, violated), false);
        let solution = solved(&mut solver, x0.into(), violated.into());
        let refused = solver.value_gradient(&solution).unwrap_err();
        let expected = Limit::SoftConstraint { index: 0 };
        assert!(
            matches!(refused, GradientError::WeaklyActive { stage: 0, limit, .. } if limit == expected),
            "{refused}"
        );
    }
    check(cart::Cart, exact(), ([0.0, 0.5], [0.5, 0.0, 1.0, 0.1]), true);
    // A limit of zero, and a cart at rest.
    check(cart::Cart, exact(), ([0.0, 0.0], [1e-4, 0.3, 1.0, 0.1]), true);
    check(cart::Cart, exact(), ([-1.0, 0.0], [0.0, 0.3, 1.0, 0.1]), false);
}

/// A state that no control has reached is given as the initial one is: a price on it is a part of the cost, which has a kink,
/// and the trajectory has none.
#[test]
fn rows_that_no_control_has_reached() {
    let params = [0.0, 0.4, 10.0, 0.5];
    // In the goal at rest, where all prices hold the place; on the way to it; and where the limit is touched, from both sides.
    for (x0, of_cost) in [([0.0, 0.0], false), ([0.5, 0.0], true), ([0.1, -1.0], false), ([-0.3, 0.5], true)] {
        check(carriage::Carriage, exact(), (x0, params), of_cost);
    }
    for (x0, limit) in [([0.5, 0.0], 0.5), ([0.6, -1.0], 0.5), ([0.5, -0.3], 0.5)] {
        check(carriage::Carriage, exact(), (x0, [0.0, 0.4, limit, 0.5]), false);
    }
    let mut solver = Ilqr::new(carriage::Carriage, T, exact()).unwrap();
    // The place of stage 1 is the goal, and not that of stage 0.
    let solution = solved(&mut solver, [0.1, -1.0].into(), params.into());
    assert_eq!(solution.states[1][0], 0.0);
    let refused = solver.value_gradient(&solution).unwrap_err();
    assert!(matches!(refused, GradientError::WeaklyActive { stage: 1, .. }), "{refused}");
    for relaxation in [1e-1, 1e-2] {
        // At rest in the goal all terms of a costate cancel; what is left of a push has ten digits. A smaller relaxation would have
        // a kink within the step of the differences.
        let relaxed = Settings { relaxation: Some(relaxation), tolerance: 1e-10, ..exact() };
        check(carriage::Carriage, relaxed, ([0.0, 0.0], params), false);
    }
}

/// Subproblems of an augmented Lagrangian, whose terms stand beside the penalties of the excesses. Gradients beside central
/// differences with the subproblem held fixed.
#[test]
fn subproblems_of_soft_constraints() {
    let (x0, params, loss) = ([0.0, 0.0], [0.5, 0.3, 1.0, 0.1], harness_loss(T));
    let mut solver = Ilqr::new(cart::Cart, T, exact()).unwrap();
    let rounds = solver.augmented_path(&Problem::new(x0, params, T), 3).unwrap();
    assert!(rounds.windows(2).all(|pair| pair[1].stats.violation < pair[0].stats.violation));
    for round in &rounds {
        assert_eq!(round.status, Status::Converged, "{:?}", round.stats);
        let gradient = solver.vjp(round, &loss).unwrap();
        let given = [gradient.initial_state.as_slice(), gradient.params.as_slice()].concat();
        for (j, given) in given.into_iter().enumerate() {
            let mut at = |change: f64| {
                let mut data = [x0.as_slice(), params.as_slice()].concat();
                data[j] += change;
                let problem = Problem::new([data[0], data[1]], SVector::from_column_slice(&data[2..]), T);
                let moved = solver.solve_augmented(&problem, round.augmented_lagrangian.as_ref().unwrap()).unwrap();
                assert_eq!(moved.status, Status::Converged);
                value(&loss, &moved)
            };
            let difference = (at(1e-5) - at(-1e-5)) / 2e-5;
            // As above: 1e-12 of the solves over the step, times gains of ten.
            assert!((given - difference).abs() < 1e-6 * (1.0 + difference.abs()), "{j}: {given}, {difference}");
        }
    }
    // The excess of the end is chosen with the start.
    let mut solver = Ilqr::new(point::Point, T, exact()).unwrap();
    let refused = solver.augmented_path(&Problem::new([0.0], [1.0, 0.3, 5.0, 2.0], T), 2).unwrap_err();
    assert_eq!(refused, SolveError::AugmentedStart);
}

/// Both joins have one-sided derivatives alone: where a row is just reached, and where its multiplier is just the linear factor.
#[test]
fn joins_have_no_derivative() {
    let mut solver = Ilqr::new(cart::Cart, T, exact()).unwrap();
    let mut fastest = |params: [f64; 4]| {
        let solution = solved(&mut solver, [0.0, 0.0].into(), params.into());
        solution.states[..T].iter().map(|x| x[1]).fold(0.0, f64::max)
    };
    let reached = fastest([50.0, 0.3, 1.0, 0.1]);
    assert_eq!(refusal(cart::Cart, [0.0, 0.0], [reached, 0.3, 1.0, 0.1]), Limit::SoftConstraint { index: 0 });

    // One row, that of the end. Held at its limit, its multiplier follows from the last costate.
    let mut solver = Ilqr::new(point::Point, T, exact()).unwrap();
    let held = solved(&mut solver, [0.0].into(), [1.0, 9.0, 100.0, 2.0].into());
    let multiplier = 2.0 * (2.0 - 1.0) - held.controls[T - 1][0];
    let above = solved(&mut solver, [0.0].into(), [1.0, 9.0, multiplier - 1e-3, 2.0].into());
    assert!((held.states[T][0] - 1.0).abs() < 1e-12 && above.states[T][0] > 1.0 + 1e-6, "{multiplier}");
    assert_eq!(refusal(point::Point, [0.0], [1.0, 9.0, multiplier, 2.0]), Limit::Excess { index: 0 });
}

/// A relaxation smooths the joins: the gradient exists there, and agrees with differences.
#[test]
fn relaxed_joins() {
    let mut solver = Ilqr::new(cart::Cart, T, exact()).unwrap();
    let free = solved(&mut solver, [0.0, 0.0].into(), [50.0, 0.3, 1.0, 0.1].into());
    let reached = free.states[..T].iter().map(|x| x[1]).fold(0.0, f64::max);
    for relaxation in [1e-2, 1e-4] {
        let relaxed = Settings { relaxation: Some(relaxation), ..exact() };
        for (x0, limit) in [([0.0, 0.0], reached), ([0.0, 0.5], 0.5), ([0.0, 0.8], 0.5)] {
            check(cart::Cart, relaxed, (x0, [limit, 0.3, 1.0, 0.1]), false);
        }
    }
}

/// A point whose data all have units.
#[dilqr_runtime::model]
pub mod scaled {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {
        pub goal: f64,
        pub end: f64,
        pub push: f64,
        pub weight: f64,
        pub linear: f64,
        pub quadratic: f64,
    }
    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { x: x.x + u.u }
    }
    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        p.weight * (0.1 * (x.x - p.goal).powi(2) + 0.5 * u.u * u.u)
    }
    pub fn terminal_cost(x: State, p: Params) -> f64 {
        p.weight * (x.x - p.goal).powi(2)
    }
    #[penalty(linear = p.linear, quadratic = p.quadratic)]
    pub fn stage_soft_constraints(_x: State, u: Control, p: Params) -> [f64; 1] {
        [u.u - p.push]
    }
    #[penalty(linear = p.linear, quadratic = p.quadratic)]
    pub fn terminal_soft_constraints(x: State, p: Params) -> [f64; 1] {
        [x.x - p.end]
    }
}

/// An excess that is zero along the whole trajectory has the magnitude of its constraint: units change nothing.
#[test]
fn units_of_soft_constraints() {
    let loss = harness_loss(T);
    let run = |length: f64, cost: f64, [end, push]: [f64; 2], quadratic: f64| {
        let weight = cost / length.powi(2);
        let params = [2.0 * length, end * length, push * length, weight, 0.3 * cost / length, quadratic * weight];
        let mut solver = Ilqr::new(scaled::Scaled, T, exact()).unwrap();
        let solution = solved(&mut solver, [0.1 * length].into(), params.into());
        let limits: Vec<_> = solution.certificate().active.iter().map(|active| (active.stage, active.limit)).collect();
        let gradient = solver.vjp(&solution, &loss).unwrap();
        (solution, limits, gradient)
    };
    // Far from both limits, at the end, beyond both, and beyond the first alone.
    for limits in [[50.0, 40.0], [1.9, 40.0], [1.0, 0.1], [50.0, 0.1]] {
        for quadratic in [0.0, 2.0] {
            let (one, active, gradient) = run(1.0, 1.0, limits, quadratic);
            for (length, cost) in [(2.0_f64.powi(-24), 2.0_f64.powi(13)), (2.0_f64.powi(24), 2.0_f64.powi(-9))] {
                let (other, also_active, also_gradient) = run(length, cost, limits, quadratic);
                assert_eq!(active, also_active, "{limits:?} {quadratic}");
                assert_eq!(one.stats.iterations, other.stats.iterations, "{limits:?} {quadratic}");
                for (a, b) in one.states.iter().zip(&other.states) {
                    // Rounding.
                    assert!((a[0] - b[0] / length).abs() < 1e-12, "{limits:?} {quadratic}: {a} {}", b[0] / length);
                }
                // In the goal, which has the unit of the loss's states.
                let (a, b) = (gradient.params[0], also_gradient.params[0]);
                assert!((a - b).abs() < 1e-9 * (1.0 + a.abs()), "{limits:?} {quadratic}: {a} {b}");
            }
        }
    }
}

/// An absolute value of a control, with two prices, is zero along a part of the trajectory.
#[test]
fn a_price_on_every_push() {
    for x0 in [0.0, 4.0, -3.0] {
        for (price, effort) in [(0.3, 0.5), (0.05, 0.5), (0.3, 0.01), (1.1, 2.0)] {
            check(frugal::Frugal, exact(), ([x0], [2.0, price, effort]), true);
        }
    }
}

/// Absolute values of states, zero along a part of the trajectory, at its end, at both or nowhere; with a quadratic factor, too.
#[test]
fn a_price_on_every_difference() {
    let statuses = |params: [f64; 5]| {
        let mut solver = Ilqr::new(cruise::Cruise, T, exact()).unwrap();
        let solution = solved(&mut solver, [0.0, 0.3].into(), params.into());
        let at_speed = solution.states[1..T].iter().filter(|x| (x[1] - params[0]).abs() < 1e-12).count();
        (at_speed, (solution.states[T][0] - params[1]).abs() < 1e-12)
    };
    let cases = [
        ([1.0, 1.5, 0.3, 0.0, 0.1], (6..20, false)),
        ([1.0, 1.5, 0.3, 0.7, 0.1], (6..20, false)),
        ([1.0, 1.5, 0.05, 0.1, 3.0], (0..1, true)),
        ([1.0, 1.8, 0.3, 0.0, 3.0], (1..20, true)),
        ([1.0, 5.0, 0.01, 0.02, 0.05], (0..1, false)),
        // Without a linear factor there is no kink.
        ([1.0, 5.0, 0.0, 0.7, 0.1], (0..1, false)),
        ([1.0, -5.0, 0.0, 0.7, 0.1], (0..1, false)),
    ];
    for (params, (at_speed, at_goal)) in cases {
        let found = statuses(params);
        assert!(at_speed.contains(&found.0) && at_goal == found.1, "{params:?}: {found:?}");
        check(cruise::Cruise, exact(), ([0.0, 0.3], params), true);
        check(cruise::Cruise, Settings { relaxation: Some(1e-3), ..exact() }, ([0.0, 0.3], params), false);
    }
    // At a given start an absolute value is a part of the cost, with a kink where it is zero.
    let params = [1.0, 1.5, 0.3, 0.0, 0.1];
    check(cruise::Cruise, exact(), ([0.0, 1.0], params), false);
    let mut solver = Ilqr::new(cruise::Cruise, T, exact()).unwrap();
    let solution = solved(&mut solver, [0.0, 1.0].into(), params.into());
    let refused = solver.value_gradient(&solution).unwrap_err();
    assert!(matches!(refused, GradientError::WeaklyActive { stage: 0, .. }), "{refused}");
}
