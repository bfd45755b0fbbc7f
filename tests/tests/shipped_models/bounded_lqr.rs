//! Linear dynamics, quadratic costs and bounds: the optimal trajectories and gradients of the reference data, by each method.

use dilqr_runtime::{Ilqr, LossGradient, Method, Model, Problem, Settings, Status, batch};
use dilqr_tests::{relative_error, vector, vectors};
use serde::Deserialize;

/// `x+ = A x + B u + c`, cost `z' H z` of each stage and `x_T' H_xx x_T` of the end, matrices row by row.
#[dilqr_runtime::model]
pub mod lq {
    pub struct State {
        pub x: [f64; 8],
    }
    pub struct Control {
        #[bounds(-1.0, 1.0)]
        pub u: [f64; 4],
    }
    pub struct Params {
        pub a: [f64; 64],
        pub b: [f64; 32],
        pub c: [f64; 8],
        pub h: [f64; 144],
    }
    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        let mut next = p.c;
        for i in 0..8 {
            for j in 0..8 {
                next[i] += p.a[8 * i + j] * x.x[j];
            }
            for j in 0..4 {
                next[i] += p.b[4 * i + j] * u.u[j];
            }
        }
        State { x: next }
    }
    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        let mut cost = terminal_cost(x, p);
        for i in 0..4 {
            for j in 0..8 {
                cost += (p.h[12 * (8 + i) + j] + p.h[12 * j + 8 + i]) * u.u[i] * x.x[j];
            }
            for j in 0..4 {
                cost += p.h[12 * (8 + i) + 8 + j] * u.u[i] * u.u[j];
            }
        }
        cost
    }
    pub fn terminal_cost(x: State, p: Params) -> f64 {
        let mut cost = 0.0;
        for i in 0..8 {
            for j in 0..8 {
                cost += p.h[12 * i + j] * x.x[i] * x.x[j];
            }
        }
        cost
    }
}

#[derive(Deserialize)]
struct Reference {
    horizon: usize,
    umax: f64,
    a: Vec<f64>,
    b: Vec<f64>,
    c: Vec<f64>,
    h: Vec<f64>,
    x0: Vec<f64>,
    cost: f64,
    states: Vec<Vec<f64>>,
    controls: Vec<Vec<f64>>,
    loss_states: Vec<Vec<f64>>,
    loss_controls: Vec<Vec<f64>>,
    grad_a: Vec<f64>,
    grad_b: Vec<f64>,
    grad_c: Vec<f64>,
    grad_h: Vec<f64>,
    grad_x0: Vec<f64>,
}

#[test]
fn each_method_finds_the_solution_and_its_gradient() {
    for name in ["stable_3", "unstable_2", "unstable_7", "unstable_15"] {
        let path = format!("{}/reference/bounded_lqr/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let reference: Reference = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        assert_eq!(reference.umax, 1.0);
        let horizon = reference.horizon;
        let params = [&*reference.a, &reference.b, &reference.c, &reference.h].concat();
        let problem = Problem::new(vector(&reference.x0), vector(&params), horizon);
        let loss = LossGradient::new(vectors(&reference.loss_states), vectors(&reference.loss_controls));
        let gradient = [&*reference.grad_a, &reference.grad_b, &reference.grad_c, &reference.grad_h].concat();
        for method in [Method::InteriorPoint, Method::Auto] {
            let mut solver = Ilqr::new(lq::Lq, horizon, Settings { method, ..Settings::default() }).unwrap();
            let solution = solver.solve(&problem).unwrap();
            println!("{name} {method} {}\n{}", solution.status, solution.stats);
            assert_eq!(solution.status, Status::Converged, "{name} {method}");
            assert!((solution.cost / reference.cost - 1.0).abs() < 1e-9, "{name} {method}");
            // Trajectories and gradients were computed to 1e-6 of the largest entry.
            assert!(relative_error(&solution.states, &vectors(&reference.states)) < 1e-6, "{name} {method}");
            assert!(relative_error(&solution.controls, &vectors(&reference.controls)) < 1e-6, "{name} {method}");
            let given = solver.vjp(&solution, &loss).unwrap();
            assert!(relative_error(&[given.params], &[vector(&gradient)]) < 1e-6, "{name} {method}");
            assert!(relative_error(&[given.initial_state], &[vector(&reference.grad_x0)]) < 1e-6, "{name} {method}");
        }
        // Lanes leave what DDP does not solve, and guesses of states, to the interior-point method.
        let guessed = problem.clone().with_states(&vectors::<8>(&reference.states));
        for solution in batch::solve_lanes(&lq::Lq, horizon, &Settings::default(), &[problem, guessed]) {
            let solution = solution.unwrap();
            assert_eq!(solution.status, Status::Converged, "{name} in lanes");
            assert!((solution.cost / reference.cost - 1.0).abs() < 1e-9, "{name} in lanes");
        }
    }
}

/// The compiler declares dynamics that are affine in state and control. With bounds such a model begins with the interior point.
#[test]
fn linear_dynamics_are_declared() {
    use dilqr_models::{lqr, mass_spring_damper, pendulum, pendulum_limited, van_der_pol, waypoint};
    const { assert!(lq::Lq::LINEAR_DYNAMICS && lqr::Lqr::LINEAR_DYNAMICS && waypoint::Waypoint::LINEAR_DYNAMICS) };
    const { assert!(mass_spring_damper::MassSpringDamper::LINEAR_DYNAMICS) };
    const { assert!(!pendulum::Pendulum::LINEAR_DYNAMICS && !pendulum_limited::PendulumLimited::LINEAR_DYNAMICS) };
    const { assert!(!van_der_pol::VanDerPol::LINEAR_DYNAMICS) };

    // An unstable plant: `x+ = 1.5 x` and a push on each pair of states.
    let mut params = [0.0; 248];
    (0..8).for_each(|i| params[9 * i] = 1.5);
    (0..8).for_each(|i| params[64 + 4 * i + i / 2] = 1.0);
    (0..12).for_each(|i| params[104 + 13 * i] = 1.0);
    let problem = Problem::new([0.9; 8], params, 20);
    let solve = |method| {
        let mut solver = Ilqr::new(lq::Lq, 20, Settings { method, ..Settings::default() }).unwrap();
        solver.solve(&problem).unwrap()
    };
    let (auto, interior) = (solve(Method::Auto), solve(Method::InteriorPoint));
    assert_eq!(auto, interior);
    assert_eq!(auto.status, Status::Converged);
}
