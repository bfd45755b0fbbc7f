//! A quadrotor, a crane and a bioreactor.

use dilqr_models::bioreactor;
use dilqr_runtime::{Ilqr, Problem, Settings, Status};

use crate::check::{along, check};

/// A linearized quadrotor, as in the example of model predictive control in the documentation of OSQP (Stellato et al. 2020).
#[dilqr_runtime::model]
pub mod quadrotor {
    pub struct State {
        #[bounds(-TILT, TILT)]
        pub tilts: [f64; 2],
        pub yaw_and_place: [f64; 3],
        #[bounds(-1.0, None)]
        pub height: f64,
        pub rates: [f64; 6],
    }
    pub struct Control {
        #[bounds(p.least, p.most)]
        pub thrusts: [f64; 4],
    }
    pub struct Params {
        pub least: f64,
        pub most: f64,
        pub effort: f64,
        pub goal: f64,
    }

    const TILT: f64 = std::f64::consts::FRAC_PI_6;
    const WEIGHTS: [f64; 12] = [0.0, 0.0, 10.0, 10.0, 10.0, 10.0, 0.0, 0.0, 0.0, 5.0, 5.0, 5.0];

    fn vector(x: State) -> [f64; 12] {
        let State { tilts: [roll, pitch], yaw_and_place: [yaw, a, b], height, rates: r } = x;
        [roll, pitch, yaw, a, b, height, r[0], r[1], r[2], r[3], r[4], r[5]]
    }
    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        let x = vector(x);
        let roll = u.thrusts[3] - u.thrusts[1];
        let pitch = u.thrusts[2] - u.thrusts[0];
        let yaw = u.thrusts[1] + u.thrusts[3] - u.thrusts[0] - u.thrusts[2];
        let lift = u.thrusts[0] + u.thrusts[1] + u.thrusts[2] + u.thrusts[3];
        State {
            tilts: [x[0] + 0.1 * x[6] + 0.0726 * roll, x[1] + 0.1 * x[7] + 0.0726 * pitch],
            yaw_and_place: [
                x[2] + 0.1 * x[8] + 0.0152 * yaw,
                0.0488 * x[0] + x[3] + 0.0016 * x[6] + 0.0992 * x[9] + 0.0006 * roll,
                -0.0488 * x[1] + x[4] - 0.0016 * x[7] + 0.0992 * x[10] - 0.0006 * pitch,
            ],
            height: x[5] + 0.0992 * x[11] + 0.0106 * lift,
            rates: [
                x[6] + 1.4512 * roll,
                x[7] + 1.4512 * pitch,
                x[8] + 0.3049 * yaw,
                0.9734 * x[0] + 0.0488 * x[6] + 0.9846 * x[9] + 0.0236 * roll,
                -0.9734 * x[1] - 0.0488 * x[7] + 0.9846 * x[10] - 0.0236 * pitch,
                0.9846 * x[11] + 0.2107 * lift,
            ],
        }
    }
    fn from_goal(x: State, p: Params) -> f64 {
        let mut cost = 0.0;
        for i in 0..12 {
            let goal = if i == 2 { p.goal } else { 0.0 };
            cost += 0.5 * WEIGHTS[i] * (vector(x)[i] - goal).powi(2);
        }
        cost
    }
    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        let mut cost = from_goal(x, p);
        for i in 0..4 {
            cost += 0.5 * p.effort * u.thrusts[i].powi(2);
        }
        cost
    }
    pub fn terminal_cost(x: State, p: Params) -> f64 {
        from_goal(x, p)
    }
}

#[test]
fn quadrotor_mpc() {
    let problem = Problem::new([0.0; 12], [9.6 - 10.5916, 13.0 - 10.5916, 0.1, 1.0], 10);
    check("quadrotor", quadrotor::Quadrotor, &problem);
}

/// A container crane moves its load with the least swing (Sakawa and Shindo 1982, in the form of Teo and Goh). The published
/// cost does not contain the controls, which leaves them undetermined; here it holds 1e-4 of their squares.
#[dilqr_runtime::model(integrator = rk4, dt = DT)]
pub mod crane {
    pub struct State {
        pub along: f64,
        pub rope: f64,
        pub swing: f64,
        pub rates: [f64; 3],
    }
    pub struct Control {
        #[bounds(-p.trolley, p.trolley)]
        pub trolley: f64,
        #[bounds(-0.80865, 0.71265)]
        pub hoist: f64,
    }
    pub struct Params {
        pub trolley: f64,
        pub speed: f64,
        pub effort: f64,
        pub goal: f64,
    }

    const DT: f64 = 0.18;

    pub fn derivative(x: State, u: Control, _p: Params) -> State {
        let [along, rope, swing] = x.rates;
        State {
            along,
            rope,
            swing,
            rates: [
                u.trolley + 17.2656 * x.swing,
                u.hoist,
                -(u.trolley + 27.0756 * x.swing + 2.0 * rope * swing) / x.rope,
            ],
        }
    }
    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        let swing = 0.5 * (x.swing.powi(2) + x.rates[2].powi(2));
        DT * (swing + p.effort * (u.trolley.powi(2) + u.hoist.powi(2)))
    }
    pub fn terminal_cost(_x: State, _p: Params) -> f64 {
        0.0
    }
    /// Rows, not bounds: the largest speed of the trolley is its final one, which a bound of the last state would repeat.
    pub fn stage_constraints(x: State, _u: Control, p: Params) -> [f64; 4] {
        [x.rates[0] - p.speed, -x.rates[0] - p.speed, x.rates[1] - 1.0, -x.rates[1] - 1.0]
    }
    pub fn terminal_equalities(x: State, p: Params) -> [f64; 6] {
        [x.along - p.goal, x.rope - 14.0, x.swing, x.rates[0] - 2.5, x.rates[1], x.rates[2]]
    }
}

/// The problem with this weight of the controls.
fn crane_problem(effort: f64) -> Problem<6, 2, 4> {
    let (start, goal) = ([0.0, 22.0, 0.0, 0.0, -1.0, 0.0], [10.0, 14.0, 0.0, 2.5, 0.0, 0.0]);
    let states: Vec<[f64; 6]> =
        (0..=50).map(|t| std::array::from_fn(|i| start[i] + f64::from(t) / 50.0 * (goal[i] - start[i]))).collect();
    Problem::new(start, [2.83374, 2.5, effort, 10.0], 50).with_states(&states)
}

#[test]
fn container_crane() {
    check("crane", crane::Crane, &crane_problem(1e-4));
}

/// Without the controls in the cost the reduced Hessian is nearly singular (Ipopt ends at its acceptable level, with a least
/// eigenvalue of -5e-7). The solve must end within the limit of iterations, with a status that is true.
#[test]
fn crane_as_published() {
    let mut solver = Ilqr::new(crane::Crane, 50, Settings::default()).unwrap();
    let solution = solver.solve(&crane_problem(0.0)).unwrap();
    println!("crane_as_published: {} {:.10}\n{}", solution.status, solution.cost, solution.stats);
    let reference = crate::check::reference("crane_as_published");
    let is_true = match solution.status {
        Status::Converged => (solution.cost - reference).abs() < 1e-6 * reference,
        Status::RegularizationLimit | Status::LineSearchFailed | Status::IterationLimit => true,
        _ => false,
    };
    assert!(is_true, "{}", solution.status);
}

#[test]
fn periodic_bioreactor() {
    let guess = [6.5, 12.0, 22.0];
    let states = along(24, |part| [guess[0], guess[1], guess[2], 32.9 * part]);
    let problem = bioreactor::Problem::new(states[0], bioreactor::Params::default(), 24)
        .with_design(guess)
        .with_states(&states)
        .with_controls(&[[32.9]; 24]);
    check("bioreactor", bioreactor::Bioreactor, &problem);
}
