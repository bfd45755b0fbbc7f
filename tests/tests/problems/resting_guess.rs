//! Guesses at which the cost has no slope: what makes a number large or small is then its curvature.

use dilqr_runtime::{Ilqr, Method, Problem, Settings, Solution, Status};

/// A pendulum that swings up and stands still at the end.
#[dilqr_runtime::model(integrator = rk4, dt = 0.1)]
pub mod swing_up {
    pub struct State {
        pub angle: f64,
        pub rate: f64,
    }
    pub struct Control {
        #[bounds(-4.0, 4.0)]
        pub torque: f64,
    }
    pub struct Params {
        pub weight: f64,
    }
    pub fn derivative(x: State, u: Control, _p: Params) -> State {
        State { angle: x.rate, rate: 9.81 * x.angle.sin() + u.torque }
    }
    pub fn stage_cost(_x: State, u: Control, p: Params) -> f64 {
        p.weight * u.torque.powi(2)
    }
    pub fn terminal_cost(_x: State, _p: Params) -> f64 {
        0.0
    }
    pub fn terminal_equalities(x: State, _p: Params) -> [f64; 2] {
        [x.angle, x.rate]
    }
}

const HORIZON: usize = 40;

fn solve(weight: f64, guess: f64, method: Method) -> Solution<2, 1, 1> {
    let problem = Problem::new([core::f64::consts::PI, 0.0], [weight], HORIZON).with_controls(&[[guess]; HORIZON]);
    let mut solver = Ilqr::new(swing_up::SwingUp, HORIZON, Settings { method, ..Settings::default() }).unwrap();
    solver.solve(&problem).unwrap()
}

/// At rest, hanging, every term of the cost and of its gradient is a rounding error.
#[test]
fn a_swing_up_begins_at_rest() {
    for method in [Method::Auto, Method::InteriorPoint, Method::AugmentedLagrangian] {
        let reference = solve(1.0, 0.5, method);
        assert_eq!(reference.status, Status::Converged, "{method:?}");
        for weight in [1e-9, 1.0, 1e9] {
            for guess in [0.0, 1e-12, -1e-5] {
                let solution = solve(weight, guess, method);
                assert_eq!(solution.status, Status::Converged, "{method:?}, weight {weight}, guess {guess}");
                // Both swing up with the least effort: one to the left, one to the right.
                let relative = solution.cost / (weight * reference.cost) - 1.0;
                assert!(relative.abs() < 1e-8, "{method:?}, weight {weight}, guess {guess}: {relative:e}");
            }
        }
    }
}

/// A cart on a rail that reaches a goal nearby and stands still there.
#[dilqr_runtime::model(integrator = euler, dt = 0.1)]
pub mod nearby {
    pub struct State {
        pub position: f64,
        pub rate: f64,
    }
    pub struct Control {
        #[bounds(-1.0, 1.0)]
        pub force: f64,
    }
    pub struct Params {
        pub goal: f64,
    }
    pub fn derivative(x: State, u: Control, _p: Params) -> State {
        State { position: x.rate, rate: u.force - 0.1 * x.rate.powi(3) }
    }
    pub fn stage_cost(_x: State, u: Control, _p: Params) -> f64 {
        u.force.powi(2)
    }
    pub fn terminal_cost(_x: State, _p: Params) -> f64 {
        0.0
    }
    pub fn terminal_equalities(x: State, p: Params) -> [f64; 2] {
        [x.position - p.goal, x.rate]
    }
}

/// `resolved`: the distance has digits beside the start. Otherwise a gradient may be refused, but must not be wrong.
fn reach((start, distance): (f64, f64), guess: f64, method: Method, resolved: bool) {
    let goal = start + distance;
    let problem = Problem::new([start, 0.0], [goal], HORIZON).with_controls(&[[guess]; HORIZON]);
    let mut solver = Ilqr::new(nearby::Nearby, HORIZON, Settings { method, ..Settings::default() }).unwrap();
    let solution = solver.solve(&problem).unwrap();
    let case = format!("{method:?}, from {start} by {distance:e}, guess {guess:e}");
    // Without friction, whose part is at most the square of the rate, 1e-8: controls that fall linearly.
    let steps = HORIZON as f64;
    let exact = 6.0 / (0.01 * steps * (steps + 1.0));
    match solver.jacobian(&solution) {
        Ok(jacobian) => {
            let found = jacobian.controls[0][(0, 0)];
            assert!((found / exact - 1.0).abs() < 1e-7, "{case}: {found} instead of {exact}");
        }
        Err(error) => assert!(!resolved, "{case}: {error}"),
    }
    if resolved {
        assert_eq!(solution.status, Status::Converged, "{case}");
        // A position has an error of 1e-16 of itself, and the last two controls one of 100 times that.
        let rounding = 1e-14 * start.max(1.0) / distance;
        let first = solution.controls[0][0] / (goal - start);
        assert!((first / exact - 1.0).abs() < 1e-6 + rounding, "{case}: {first} instead of {exact}");
    }
}

/// A controller at its goal has small distances to go from a position that is not small: magnitudes of states say nothing
/// about those of their motion.
#[test]
fn a_goal_is_nearly_reached() {
    let resolved = [(0.0, 1e-4), (0.0, 1e-12), (1.0, 1e-4), (1.0, 1e-8), (1.0, 1e-11), (100.0, 1e-4), (100.0, 1e-9)];
    let rounded = [(1.0, 1e-12), (1.0, 1e-14), (100.0, 1e-11), (100.0, 1e-12)];
    for method in [Method::Auto, Method::InteriorPoint, Method::AugmentedLagrangian] {
        for guess in [0.0, 1e-12, 1e-10, 1e-6, 0.5] {
            resolved.iter().for_each(|&from| reach(from, guess, method, true));
            rounded.iter().for_each(|&from| reach(from, guess, method, false));
        }
    }
}
