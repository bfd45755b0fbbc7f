//! Convergence and gradients of problems in small units, near their goals, and where all terms of the optimality
//! conditions vanish at the solution. Every answer is known by hand.

use dilqr_runtime::{GradientError, Hessian, Ilqr, Model, Problem, Settings, Solution, Status};

/// `w (exp(u) - p u)` a stage: `u = ln p` whatever `w` is.
#[dilqr_runtime::model]
pub mod exponential {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {
        pub p: f64,
        pub w: f64,
    }
    pub fn dynamics(x: State, _u: Control, _p: Params) -> State {
        State { x: x.x }
    }
    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        p.w * (u.u.exp() - p.p * u.u) + p.w * x.x * x.x
    }
    pub fn terminal_cost(_x: State, _p: Params) -> f64 {
        0.0
    }
}

/// The same with an upper bound below `ln p`.
#[dilqr_runtime::model]
pub mod bounded {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        #[bounds(None, p.most)]
        pub u: f64,
    }
    pub struct Params {
        pub p: f64,
        pub w: f64,
        pub most: f64,
    }
    pub fn dynamics(x: State, _u: Control, _p: Params) -> State {
        State { x: x.x }
    }
    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        p.w * (u.u.exp() - p.p * u.u) + p.w * x.x * x.x
    }
    pub fn terminal_cost(_x: State, _p: Params) -> f64 {
        0.0
    }
}

/// A point that is to reach a goal, with a growth factor of its own.
#[dilqr_runtime::model]
pub mod point {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {
        pub growth: f64,
        pub goal: f64,
        pub w: f64,
    }
    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        State { x: p.growth * x.x + 0.1 * u.u }
    }
    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        p.w * ((x.x - p.goal).powi(2) + 0.01 * u.u.powi(2))
    }
    pub fn terminal_cost(x: State, p: Params) -> f64 {
        p.w * (x.x - p.goal).powi(2)
    }
}

/// Only the end costs, and the control is a hyperbolic cosine away from rest.
#[dilqr_runtime::model]
pub mod catenary {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {
        pub goal: f64,
    }
    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { x: x.x + u.u.sin() }
    }
    pub fn stage_cost(_x: State, u: Control, _p: Params) -> f64 {
        u.u.cosh()
    }
    pub fn terminal_cost(x: State, p: Params) -> f64 {
        (x.x - p.goal).cosh()
    }
}

/// The point, with a bound on one side of the control and a constraint on the other.
#[dilqr_runtime::model]
pub mod pushed {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        #[bounds(-p.most, None)]
        pub u: f64,
    }
    pub struct Params {
        pub growth: f64,
        pub w: f64,
        pub most: f64,
    }
    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        State { x: p.growth * x.x + 0.1 * u.u }
    }
    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        p.w * (x.x.powi(2) + 0.01 * u.u.powi(2))
    }
    pub fn terminal_cost(x: State, p: Params) -> f64 {
        p.w * x.x.powi(2)
    }
    pub fn stage_constraints(_x: State, u: Control, p: Params) -> [f64; 1] {
        [u.u - p.most]
    }
}

/// A hyperbolic cosine of the control, and limits: the goal is an equality, bounds and a constraint are far.
#[dilqr_runtime::model]
pub mod tied {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        #[bounds(-1.0, 1.0)]
        pub u: f64,
    }
    pub struct Params {
        pub goal: f64,
    }
    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { x: x.x + u.u.sin() }
    }
    pub fn stage_cost(_x: State, u: Control, _p: Params) -> f64 {
        u.u.cosh()
    }
    pub fn terminal_cost(_x: State, _p: Params) -> f64 {
        0.0
    }
    pub fn stage_constraints(x: State, _u: Control, _p: Params) -> [f64; 1] {
        [x.x - 10.0]
    }
    pub fn terminal_equalities(x: State, p: Params) -> [f64; 1] {
        [x.x - p.goal]
    }
}

const METHODS: [Hessian; 2] = [Hessian::Exact, Hessian::GaussNewton];

fn settings(hessian: Hessian) -> Settings {
    Settings { hessian, ..Settings::default() }
}

fn solve<M, const NX: usize, const NU: usize, const NP: usize>(
    solver: &mut Ilqr<M, NX, NU, NP>,
    problem: &Problem<NX, NU, NP>,
) -> Solution<NX, NU, NP>
where
    M: Model<NX, NU, NP>,
{
    let solution = solver.solve(problem).unwrap();
    assert_eq!(solution.status, Status::Converged, "{problem:?}: {:?}", solution.stats);
    solution
}

/// The tolerance of a step is 1e-9 of the control; Newton's method squares it once more.
#[test]
fn a_cost_in_any_units() {
    for hessian in METHODS {
        for exponent in -14..=14 {
            let w = 10.0_f64.powi(exponent);
            let mut solver = Ilqr::new(exponential::Exponential, 1, settings(hessian)).unwrap();
            let solution = solve(&mut solver, &Problem::new([0.0], [2.0, w], 1));
            assert!((solution.controls[0][0] - 2.0_f64.ln()).abs() < 1e-9, "w = {w:e}: {}", solution.controls[0]);
            let jacobian = solver.jacobian(&solution).unwrap();
            assert!((jacobian.controls[0][0] - 0.5).abs() < 1e-9, "w = {w:e}: {}", jacobian.controls[0]);
        }
    }
}

/// A solution that stopped short in small units is refused, whatever its status says.
#[test]
fn a_start_is_no_solution_in_any_units() {
    for exponent in -14..=14 {
        let w = 10.0_f64.powi(exponent);
        let settings = Settings { max_iterations: 1, ..Settings::default() };
        let mut solver = Ilqr::new(exponential::Exponential, 1, settings).unwrap();
        let mut solution = solver.solve(&Problem::new([0.0], [2.0, w], 1)).unwrap();
        assert_eq!(solution.status, Status::IterationLimit, "w = {w:e}");
        solution.status = Status::Converged;
        let refused = solver.jacobian(&solution);
        assert!(matches!(refused, Err(GradientError::NotConverged { .. })), "w = {w:e}: {refused:?}");
    }
}

#[test]
fn a_bound_in_any_units() {
    for exponent in -14..=14 {
        let w = 10.0_f64.powi(exponent);
        let mut solver = Ilqr::new(bounded::Bounded, 1, Settings::default()).unwrap();
        let solution = solve(&mut solver, &Problem::new([0.0], [2.0, w, 0.5], 1));
        assert_eq!(solution.controls[0][0], 0.5, "w = {w:e}");
        let jacobian = solver.jacobian(&solution).unwrap();
        assert_eq!(jacobian.controls[0].as_slice(), [0.0, 0.0, 1.0], "w = {w:e}");
        // A bound that does not hold the control leaves it alone.
        let solution = solve(&mut solver, &Problem::new([0.0], [2.0, w, 0.9], 1));
        let jacobian = solver.jacobian(&solution).unwrap();
        assert!((jacobian.controls[0][0] - 0.5).abs() < 1e-9 && jacobian.controls[0][2] == 0.0, "w = {w:e}");
    }
}

/// The problem is linear and quadratic: its derivative in the goal is one, wherever the goal is. At a distance of 1e-8
/// positions near 1 have 8 digits of it left.
#[test]
fn goals_near_and_reached() {
    let horizon = 20;
    for hessian in METHODS {
        for w in [1e-12, 1e-6, 1.0, 1e6] {
            let mut solver = Ilqr::new(point::Point, horizon, settings(hessian)).unwrap();
            let far = solve(&mut solver, &Problem::new([1.0], [1.0, 2.0, w], horizon));
            let expected = solver.jacobian(&far).unwrap();
            for distance in [1e-3, 1e-8, 1e-12, 0.0] {
                for guess in [0.0, 0.3, 100.0] {
                    let problem = Problem::new([1.0], [1.0, 1.0 + distance, w], horizon);
                    let near = solve(&mut solver, &problem.with_controls(&vec![[guess]; horizon]));
                    let jacobian = solver.jacobian(&near).unwrap();
                    for (a, b) in jacobian.controls.iter().zip(&expected.controls) {
                        assert!((a[1] - b[1]).abs() <= 1e-9 * expected.controls[0][1].abs(), "{distance:e}: {a} {b}");
                    }
                }
            }
        }
    }
}

/// Costates of an unstable plant that is driven away from rest are large early and small late.
#[test]
fn unstable_plants() {
    for (growth, horizon) in [(1.1, 200), (1.6, 100), (3.0, 40)] {
        for w in [1e-9, 1.0, 1e9] {
            for x0 in [1e-6, 1.0, 1e6] {
                let mut solver = Ilqr::new(point::Point, horizon, Settings::default()).unwrap();
                let solution = solve(&mut solver, &Problem::new([x0], [growth, 0.0, w], horizon));
                let jacobian = solver.jacobian(&solution).unwrap();
                assert!(jacobian.states.iter().all(|x| x.iter().all(|v| v.is_finite())));
                // The optimal cost is a quadratic form of x0.
                let gradient = solver.value_gradient(&solution).unwrap();
                let expected = 2.0 * solution.cost / x0;
                assert!((gradient.initial_state[0] - expected).abs() <= 1e-9 * expected.abs(), "{growth} {w:e} {x0:e}");
            }
        }
    }
}

/// At the goal every term of the optimality conditions is zero.
#[test]
fn all_terms_vanish() {
    for hessian in METHODS {
        for guess in [0.0, 0.2, -0.4] {
            let mut solver = Ilqr::new(catenary::Catenary, 6, settings(hessian)).unwrap();
            let problem = Problem::new([0.5], [0.5], 6).with_controls(&[[guess]; 6]);
            let solution = solve(&mut solver, &problem);
            assert!(solution.controls.iter().all(|u| u[0].abs() < 1e-9), "{guess}");
            // 6 controls share the way to the goal, each with curvature 1, against the end's.
            let jacobian = solver.jacobian(&solution).unwrap();
            assert!(jacobian.controls.iter().all(|u| (u[0] - 1.0 / 7.0).abs() < 1e-9), "{guess}");
        }
    }
}

/// With limits that hold the first controls, from both sides: by the bound, and by the constraint.
#[test]
fn unstable_plants_with_limits() {
    for (growth, horizon, most) in [(1.1, 200, 3.0), (1.6, 100, 10.0), (3.0, 40, 25.0)] {
        for (w, size) in [(1e-9, 1.0), (1.0, 1e-6), (1.0, 1.0), (1.0, 1e6), (1e9, 1.0)] {
            for x0 in [size, -size] {
                let mut solver = Ilqr::new(pushed::Pushed, horizon, Settings::default()).unwrap();
                let solution = solve(&mut solver, &Problem::new([x0], [growth, w, most * size], horizon));
                let name = format!("{growth} {w:e} {x0:e}");
                assert!((solution.controls[0][0].abs() - most * size).abs() <= 1e-9 * size, "{name}");
                // The optimal cost is homogeneous of degree two in x0 and the limit.
                let gradient = solver.value_gradient(&solution).unwrap();
                let sum = gradient.initial_state[0] * x0 + gradient.params[2] * most * size;
                assert!((sum - 2.0 * solution.cost).abs() <= 1e-9 * solution.cost, "{name}: {sum}");
            }
        }
    }
}

/// At the goal every term of the optimality conditions is zero, the multiplier of the equality, too.
#[test]
fn all_terms_vanish_with_limits() {
    for distance in [0.0, 1e-12, 1e-8, 1e-3, -1e-8] {
        for guess in [0.0, 0.2, -0.4] {
            let mut solver = Ilqr::new(tied::Tied, 6, Settings::default()).unwrap();
            let problem = Problem::new([0.5], [0.5 + distance], 6).with_controls(&[[guess]; 6]);
            let solution = solve(&mut solver, &problem);
            let name = format!("{distance:e} from {guess}");
            assert!(solution.controls.iter().all(|u| (u[0] - distance / 6.0).abs() < 1e-9), "{name}");
            // Below 1e-8 the check before a gradient may refuse: stationarity has no terms left to be compared with.
            let jacobian = match solver.jacobian(&solution) {
                Err(GradientError::NotConverged { .. }) if distance.abs() < 1e-8 => continue,
                jacobian => jacobian.unwrap(),
            };
            // 6 controls share the way to the goal. The sine shortens it by a relative 1e-8 at the largest distance.
            assert!(jacobian.controls.iter().all(|u| (u[0] - 1.0 / 6.0).abs() < 1e-7), "{name}");
        }
    }
}
