//! Problems that people posed to other tools, with their right answers.

use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{Ilqr, Iteration, LossGradient, Method, Problem, Settings, Solution, Status};
use dilqr_tests::{harness, harness_loss, value};

/// A point around a disc.
#[dilqr_runtime::model]
pub mod around {
    pub struct State {
        pub place: [f64; 2],
    }
    pub struct Control {
        #[bounds(-0.5, 0.5)]
        pub velocity: [f64; 2],
    }
    pub struct Params {
        pub goal: [f64; 2],
        pub radius: f64,
    }
    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { place: [x.place[0] + 0.1 * u.velocity[0], x.place[1] + 0.1 * u.velocity[1]] }
    }
    fn distance(x: State, p: Params) -> f64 {
        (x.place[0] - p.goal[0]).powi(2) + (x.place[1] - p.goal[1]).powi(2)
    }
    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        0.1 * (0.5 * distance(x, p) + 0.05 * (u.velocity[0].powi(2) + u.velocity[1].powi(2)))
    }
    pub fn terminal_cost(x: State, p: Params) -> f64 {
        50.0 * distance(x, p)
    }
    pub fn stage_constraints(x: State, _u: Control, p: Params) -> [f64; 1] {
        [p.radius.powi(2) - (x.place[0] - 0.5).powi(2) - (x.place[1] - 0.5).powi(2)]
    }
    pub fn terminal_equalities(x: State, p: Params) -> [f64; 2] {
        [x.place[0] - p.goal[0], x.place[1] - p.goal[1]]
    }
}

/// One stage with a terminal cost that no penalty bounds.
#[dilqr_runtime::model]
pub mod cubic {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {
        pub end: f64,
    }
    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { x: x.x + u.u }
    }
    pub fn stage_cost(_x: State, u: Control, _p: Params) -> f64 {
        0.5 * u.u * u.u
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        -3.0 * x.x.powi(3)
    }
    pub fn terminal_equalities(x: State, p: Params) -> [f64; 1] {
        [x.x - p.end]
    }
}

/// A small car on a race track.
#[dilqr_runtime::model(integrator = rk4, dt = 0.02, substeps = 3)]
pub mod race {
    pub struct State {
        pub s: f64,
        pub n: f64,
        pub alpha: f64,
        pub v: f64,
        pub d: f64,
        pub delta: f64,
    }
    pub struct Control {
        #[bounds(-10.0, 10.0)]
        pub rate_d: f64,
        #[bounds(-2.0, 2.0)]
        pub rate_delta: f64,
    }
    pub struct Params {
        pub mass: f64,
    }
    pub struct StageParams {
        pub reference: f64,
    }
    fn bump(s: f64, center: f64, width: f64) -> f64 {
        (-((s - center) / width).powi(2)).exp()
    }
    fn force(x: State) -> f64 {
        (0.28 - 0.05 * x.v) * x.d - 0.006 * x.v.powi(2) - 0.011 * (5.0 * x.v).tanh()
    }
    pub fn derivative(x: State, u: Control, p: Params) -> State {
        let curvature = 2.6 * bump(x.s, -0.4, 0.45) - 2.2 * bump(x.s, 0.8, 0.4) + 2.4 * bump(x.s, 2.2, 0.4);
        let progress = x.v * (x.alpha + 0.5 * x.delta).cos() / (1.0 - curvature * x.n);
        State {
            s: progress,
            n: x.v * (x.alpha + 0.5 * x.delta).sin(),
            alpha: 15.5 * x.v * x.delta - curvature * progress,
            v: force(x) / p.mass * (0.5 * x.delta).cos(),
            d: u.rate_d,
            delta: u.rate_delta,
        }
    }
    pub fn stage_cost(x: State, u: Control, _p: Params, s: StageParams) -> f64 {
        0.5 * (0.1 * (x.s - s.reference).powi(2)
            + 1e-8 * (x.n.powi(2) + x.alpha.powi(2) + x.v.powi(2))
            + 1e-3 * x.d.powi(2)
            + 5e-3 * x.delta.powi(2)
            + 1e-3 * u.rate_d.powi(2)
            + 5e-3 * u.rate_delta.powi(2))
    }
    pub fn terminal_cost(x: State, _p: Params, s: StageParams) -> f64 {
        0.01 * (5.0 * (x.s - s.reference).powi(2)
            + 10.0 * x.n.powi(2)
            + 1e-8 * (x.alpha.powi(2) + x.v.powi(2))
            + 5e-3 * x.d.powi(2)
            + 2e-3 * x.delta.powi(2))
    }
    pub fn stage_constraints(x: State, _u: Control, p: Params) -> [f64; 10] {
        let along = force(x) / p.mass;
        let lateral = 15.5 * x.v.powi(2) * x.delta + force(x) * (0.5 * x.delta).sin() / p.mass;
        [
            along - 4.0,
            -along - 4.0,
            lateral - 4.0,
            -lateral - 4.0,
            x.n - 0.12,
            -x.n - 0.12,
            x.d - 1.0,
            -x.d - 1.0,
            x.delta - 0.4,
            -x.delta - 0.4,
        ]
    }
}

/// Two shares of one, each with a floor.
#[dilqr_runtime::model]
pub mod shares {
    pub struct State {
        pub _x: f64,
    }
    pub struct Control {
        #[bounds(p.floor, 1.0)]
        pub share: [f64; 2],
    }
    pub struct Params {
        pub floor: f64,
        pub weight: f64,
    }
    pub fn dynamics(x: State, _u: Control, _p: Params) -> State {
        x
    }
    pub fn stage_cost(_x: State, u: Control, p: Params) -> f64 {
        p.weight * (0.3 * u.share[0] - u.share[1] + 0.01 * (u.share[0].powi(2) + u.share[1].powi(2)))
    }
    pub fn terminal_cost(_x: State, _p: Params) -> f64 {
        0.0
    }
    pub fn stage_constraints(_x: State, u: Control, _p: Params) -> [f64; 1] {
        [u.share[0] + u.share[1] - 1.0]
    }
}

/// A bound and a constraint on one control, both active at the second stage.
#[dilqr_runtime::model]
pub mod valve {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        #[bounds(0.0, 1.0)]
        pub a: f64,
        pub b: f64,
    }
    pub struct Params {
        pub coefficient: f64,
        pub scale: f64,
        pub goal: f64,
    }
    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { x: x.x + u.b }
    }
    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        -10.0 * u.a + 0.5 * (x.x - p.goal).powi(2) + 0.005 * u.b.powi(2)
    }
    pub fn terminal_cost(_x: State, _p: Params) -> f64 {
        0.0
    }
    pub fn stage_constraints(x: State, u: Control, p: Params) -> [f64; 1] {
        [p.scale * (p.coefficient * u.a + x.x - 3.0)]
    }
}

/// Field case 4: a limit on a speed, which has no derivative at rest.
#[dilqr_runtime::model]
pub mod gust {
    pub struct State {
        pub x: [f64; 2],
    }
    pub struct Control {
        pub v: [f64; 2],
    }
    pub struct Params {
        pub most: f64,
    }
    fn square(a: [f64; 2]) -> f64 {
        a[0] * a[0] + a[1] * a[1]
    }
    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { x: [x.x[0] + 0.1 * u.v[0], x.x[1] + 0.1 * u.v[1]] }
    }
    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        square(x.x) + 0.1 * square(u.v)
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        10.0 * square(x.x)
    }
    pub fn stage_constraints(_x: State, u: Control, p: Params) -> [f64; 1] {
        [square(u.v).sqrt() - p.most]
    }
}

fn interior() -> Settings {
    Settings { method: Method::InteriorPoint, ..Settings::default() }
}

fn report<const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    name: &str,
    solution: &Solution<NX, NU, NP, NS>,
) {
    println!("{name}: {} {:.10}\n{}", solution.status, solution.cost, solution.stats);
}

#[test]
fn a_disc_in_the_way() {
    let mut solver = Ilqr::new(around::Around, 40, interior()).unwrap();
    // A guess on the line of symmetry stays on it.
    for guess in [[0.3, 0.0], [0.0, 0.3], [0.1, 0.2], [0.5, 0.1]] {
        let problem = Problem::new([0.1, 0.1], [0.9, 0.9, 0.2], 40).with_controls(&[guess; 40]);
        println!("{}", Iteration::HEADER);
        let solution = solver.solve_with(&problem, |iteration| println!("{iteration}")).unwrap();
        report("around", &solution);
        assert_eq!(solution.status, Status::Converged, "{guess:?}");
        assert!((solution.cost - 0.507923589).abs() < 1e-8, "{guess:?}: {}", solution.cost);
    }
}

#[test]
fn a_cubic_cost_at_the_end() {
    let mut solver = Ilqr::new(cubic::Cubic, 1, interior()).unwrap();
    let solution = solver.solve(&Problem::new([0.0], [1.0], 1)).unwrap();
    report("cubic", &solution);
    assert_eq!(solution.status, Status::Converged);
    assert!((solution.controls[0][0] - 1.0).abs() < 1e-9);
}

#[test]
fn a_bend_of_the_race_track() {
    let mut solver = Ilqr::new(race::Race, 50, interior()).unwrap();
    let references: Vec<[f64; 1]> = (0..=50).map(|t| [-1.0 + 3.0 * f64::from(t) / 50.0]).collect();
    let problem = Problem::new([-1.0, 0.0, 0.0, 1.0, 0.3, 0.0], [0.043], 50).with_stage_params(&references);
    println!("{}", Iteration::HEADER);
    let solution = solver.solve_with(&problem, |iteration| println!("{iteration}")).unwrap();
    report("race", &solution);
    assert_eq!(solution.status, Status::Converged);
    assert!((solution.cost - 1.236_124_066_7).abs() < 1e-9);
}

/// Field case 3: floors far below the tolerance.
#[test]
fn shares_with_floors_near_zero() {
    let mut solver = Ilqr::new(shares::Shares, 1, Settings::default()).unwrap();
    for floor in [1e-1, 1e-3, 1e-6, 1e-8, 1e-9, 1e-10, 1e-12, 1e-15, 0.0] {
        let solution = solver.solve(&Problem::new([0.0], [floor, 1.0], 1)).unwrap();
        report("shares", &solution);
        assert_eq!(solution.status, Status::Converged, "{floor:e}");
        let share = solution.controls[0];
        assert!((share[0] - floor).abs() <= 1e-14 && (share[1] - (1.0 - floor)).abs() < 1e-9, "{floor:e}: {share}");
    }
}

/// Field case 4: the guess is at rest, where the limit has no derivative. At a high limit it is never active; from the goal
/// the solution is at rest.
#[test]
fn a_limit_without_a_derivative_at_the_guess() {
    let mut solver = Ilqr::new(gust::Gust, 20, Settings::default()).unwrap();
    let loss = LossGradient::new(vec![SVector::from([1.0, -0.3]); 21], vec![SVector::from([0.2, 0.7]); 20]);
    for most in [2.0, 1e2, 1e6] {
        let solution = solver.solve(&Problem::new([1.0, 0.5], [most], 20)).unwrap();
        report("gust", &solution);
        assert_eq!(solution.status, Status::Converged, "{most}");
        if most == 2.0 {
            // Computed independently; the solver's tolerance is 1e-9.
            let first = [-1.788_854_381_999_832, -0.894_427_190_999_916];
            assert!((solution.controls[0] - SVector::from(first)).amax() < 1e-9);
        }
        let gradient = solver.vjp(&solution, &loss).unwrap();
        // Central differences of 1e-5 have errors of 1e-10 and those of the solves, 1e-9 / 1e-5.
        let value = |solver: &mut Ilqr<_, 2, 2, 1>, x: f64, most: f64| {
            let solution = solver.solve(&Problem::new([x, 0.5], [most], 20)).unwrap();
            let states: f64 = solution.states.iter().zip(&loss.states).map(|(x, l)| x.dot(l)).sum();
            states + solution.controls.iter().zip(&loss.controls).map(|(u, l)| u.dot(l)).sum::<f64>()
        };
        let step = 1e-5;
        let by_state = (value(&mut solver, 1.0 + step, most) - value(&mut solver, 1.0 - step, most)) / (2.0 * step);
        let by_limit = (value(&mut solver, 1.0, most + step) - value(&mut solver, 1.0, most - step)) / (2.0 * step);
        assert!((gradient.initial_state[0] - by_state).abs() < 1e-6 * by_state.abs().max(1.0), "{most}");
        assert!((gradient.params[0] - by_limit).abs() < 1e-6 * by_limit.abs().max(1.0), "{most}");
    }
    let rest = solver.solve(&Problem::new([0.0, 0.0], [2.0], 20)).unwrap();
    assert_eq!(rest.status, Status::Converged);
    let gradient = solver.vjp(&rest, &loss).unwrap();
    assert!(gradient.initial_state.iter().all(|entry| entry.is_finite()) && gradient.params[0] == 0.0);
}

/// Field case 5: the row of the constraint holds beside the bound.
#[test]
fn a_bound_and_a_constraint_on_one_control() {
    for scale in [0.2, 1.0, 10.0] {
        let mut solver = Ilqr::new(valve::Valve, 2, Settings::default()).unwrap();
        let solution = solver.solve(&Problem::new([0.0], [2.0, scale, 5.0], 2)).unwrap();
        report("valve", &solution);
        assert_eq!(solution.status, Status::Converged);
        assert!((solution.controls[0][0] - 1.0).abs() < 1e-9 && (solution.controls[0][1] - 1.0).abs() < 1e-9);
        let gradient = solver.vjp(&solution, &harness_loss(2)).unwrap();
        // By hand: x_1 = 3 - coefficient, b_0 = x_1 - x_0, x_2 = x_1; nothing else moves.
        let (in_state, in_coefficient) = (harness(0) - harness(2), -harness(2) - harness(3) - harness(6));
        assert!((gradient.initial_state[0] - in_state).abs() < 1e-12, "{gradient:?}");
        assert!((gradient.params - SVector::from([in_coefficient, 0.0, 0.0])).amax() < 1e-12, "{gradient:?}");
    }
}

/// A row in another unit gives the same iterates: to the bit for powers of two, to the tolerance for others.
#[test]
fn the_unit_of_a_row_does_not_matter() {
    let mut solver = Ilqr::new(valve::Valve, 2, Settings::default()).unwrap();
    let mut solve = |scale: f64| {
        let mut costs = Vec::new();
        let problem = Problem::new([0.0], [2.0, scale, 5.0], 2);
        let solution = solver.solve_with(&problem, |iteration| costs.push(iteration.cost.to_bits())).unwrap();
        assert_eq!(solution.status, Status::Converged, "{scale:e}");
        (costs, solution)
    };
    let (costs, solution) = solve(1.0);
    for exponent in (-40..=40).step_by(4) {
        let scale = 2.0_f64.powi(exponent);
        let (scaled_costs, scaled) = solve(scale);
        assert_eq!(scaled_costs, costs, "2^{exponent}");
        assert_eq!((&scaled.states, &scaled.controls), (&solution.states, &solution.controls), "2^{exponent}");
        assert!(scaled.multipliers.stage.iter().zip(&solution.multipliers.stage).all(|(a, b)| a * scale == *b));
    }
    for scale in [1e-6, 1e-3, 0.3, 7.0, 1e3, 1e6] {
        let (_, scaled) = solve(scale);
        assert!((scaled.cost - solution.cost).abs() < 1e-9, "{scale:e}");
    }
}

/// A cost in another unit gives the same iterates: to the bit for powers of two, to the tolerance for others.
#[test]
fn the_unit_of_the_cost_does_not_matter() {
    let mut solver = Ilqr::new(shares::Shares, 1, Settings::default()).unwrap();
    let mut solve = |weight: f64| {
        let mut costs = Vec::new();
        let problem = Problem::new([0.0], [0.1, weight], 1);
        let solution =
            solver.solve_with(&problem, |iteration| costs.push((iteration.cost / weight).to_bits())).unwrap();
        assert_eq!(solution.status, Status::Converged, "{weight:e}");
        let gradient = solver.vjp(&solution, &LossGradient::new(vec![SVector::zeros(); 2], vec![[1.0, 3.0].into()]));
        // a = floor, b = 1 - floor.
        assert!((gradient.unwrap().params - SVector::from([-2.0, 0.0])).amax() < 1e-12, "{weight:e}");
        (costs, solution)
    };
    let (costs, solution) = solve(1.0);
    for exponent in (-40..=40).step_by(4) {
        let (scaled_costs, scaled) = solve(2.0_f64.powi(exponent));
        assert_eq!(scaled_costs, costs, "2^{exponent}");
        assert_eq!((&scaled.states, &scaled.controls), (&solution.states, &solution.controls), "2^{exponent}");
    }
    for weight in [1e-12, 1e-7, 1e-3, 0.3, 7.0, 1e4, 1e12] {
        let (_, scaled) = solve(weight);
        assert!((scaled.cost / weight - solution.cost).abs() < 1e-9, "{weight:e}");
    }
}

/// A double integrator that passes a place at the stages whose parameter is 1; where it is 0, the equality is `0 = 0`.
#[dilqr_runtime::model(integrator = rk4, dt = 0.02)]
pub mod passing {
    pub struct State {
        pub place: f64,
        pub speed: f64,
    }
    pub struct Control {
        pub acceleration: f64,
    }
    pub struct Params {
        pub way: f64,
    }
    pub struct StageParams {
        pub passes: f64,
    }

    pub fn derivative(x: State, u: Control, _p: Params) -> State {
        State { place: x.speed, speed: u.acceleration }
    }
    pub fn stage_cost(_x: State, u: Control, _p: Params) -> f64 {
        0.01 * u.acceleration * u.acceleration
    }
    pub fn terminal_cost(_x: State, _p: Params) -> f64 {
        0.0
    }
    pub fn stage_equalities(x: State, _u: Control, p: Params, s: StageParams) -> [f64; 1] {
        [s.passes * (x.place - p.way)]
    }
    pub fn terminal_equalities(x: State, _p: Params) -> [f64; 2] {
        [x.place, x.speed]
    }
}

/// Where the row is zero it does not apply. The problem is linear in the way point, so its solution is a multiple of it.
#[test]
fn an_equality_at_one_stage() {
    let mut solver = Ilqr::new(passing::Passing, 50, Settings::default()).unwrap();
    let stages: Vec<_> = (0..=50).map(|t| [f64::from(t == 25)]).collect();
    let problem = Problem::new([0.0, 0.0], [0.2], 50).with_stage_params(&stages);
    let solution = solver.solve(&problem).unwrap();
    assert_eq!(solution.status, Status::Converged);
    // The answer is given with eight digits.
    assert!((solution.cost - 3.8461538).abs() < 1e-7, "{}", solution.cost);
    let loss = harness_loss::<2, 1, 0>(50);
    let value = value(&loss, &solution);
    let gradient = solver.vjp(&solution, &loss).unwrap();
    // Rounding, with a few digits for the condition of the problem.
    assert!((gradient.params[0] - value / 0.2).abs() <= 1e-9 * value.abs().max(1.0), "{} {value}", gradient.params[0]);
}
