//! Compiled models with invalid input, or with input outside the domain of their functions. The result is an error or a
//! status, never a panic or a wrong number.
#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]

use dilqr_models::{cartpole, lqr, pendulum};
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{
    Hessian, Ilqr, InputError, LossGradient, Model, Problem, Settings, SettingsError, Solution, SolveError, Status,
};
use dilqr_tests::{cart4, pend2, root, weights};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

const T: usize = 8;
const NOT_FINITE: [f64; 3] = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY];

/// Each entry of each input in turn is NaN or infinite.
fn check_not_finite<M, const NX: usize, const NU: usize, const NP: usize>(model: M, params: [f64; NP])
where
    M: Model<NX, NU, NP> + Copy,
{
    assert_eq!(Ilqr::new(model, 0, Settings::default()).map(|_| ()).unwrap_err(), SettingsError::EmptyHorizon);
    let mut solver = Ilqr::new(model, T, Settings::default()).unwrap();
    let x0 = [0.1; NX];
    let mut refused = |problem: &Problem<NX, NU, NP>| {
        assert!(matches!(solver.solve(problem), Err(SolveError::Input(InputError::NonFinite { .. }))), "{problem:?}");
    };
    for bad in NOT_FINITE {
        for i in 0..NX {
            let mut x0 = x0;
            x0[i] = bad;
            refused(&Problem::new(x0, params, T));
        }
        for i in 0..NP {
            let mut params = params;
            params[i] = bad;
            refused(&Problem::new(x0, params, T));
        }
        for i in 0..NU {
            for t in [0, T / 2, T - 1] {
                let mut guess = vec![SVector::<f64, NU>::zeros(); T];
                guess[t][i] = bad;
                refused(&Problem::new(x0, params, T).with_controls(&guess));
                refused(&Problem::new(x0, params, T).with_policy(&model, move |at, _| guess[at]));
            }
        }
    }
    for horizon in [0, T - 1, T + 1] {
        let error = solver.solve(&Problem::new(x0, params, horizon)).unwrap_err();
        assert_eq!(error, SolveError::Horizon { given: horizon, expected: T });
    }
    let short = Problem::new(x0, params, T).with_controls(&[SVector::<f64, NU>::zeros(); T - 1]);
    assert!(matches!(
        solver.solve(&short),
        Err(SolveError::Input(InputError::WrongLength { given: 7, expected: T, .. }))
    ));
    // The solver still gives the same solution.
    assert!(solver.solve(&Problem::new(x0, params, T)).is_ok());
}

#[test]
fn what_is_not_finite_is_refused() {
    check_not_finite(pendulum::Pendulum, [10.0, 1.0, 1.0]);
    check_not_finite(cartpole::Cartpole, [9.8, 1.0, 0.1, 0.5]);
    check_not_finite(lqr::Lqr, <[f64; 25]>::from(lqr::Params::default()));
    check_not_finite(weights::Weights, [0.1, 0.1, 1.0, 0.1, 0.0, 0.0, 0.0, 0.0, 0.001]);
    check_not_finite(pend2::Pend2, [10.0, 1.0, 1.0]);
    check_not_finite(cart4::Cart4, [9.8, 1.0, 0.1, 0.5]);
}

/// Such a solution is never differentiated.
#[track_caller]
fn refuses<M, const NX: usize, const NU: usize, const NP: usize>(
    solver: &mut Ilqr<M, NX, NU, NP>,
    solution: &Solution<NX, NU, NP>,
) where
    M: Model<NX, NU, NP>,
{
    assert!(solver.vjp(solution, &LossGradient::zeros(solution.horizon())).is_err());
    assert!(solver.jacobian(solution).is_err());
    assert!(solver.value_gradient(solution).is_err());
}

/// Parameters at which the dynamics divide by zero or by rounding errors.
fn check_division<M, const NX: usize, const NU: usize, const NP: usize>(model: M, x0: [f64; NX], bad: &[[f64; NP]])
where
    M: Model<NX, NU, NP> + Copy,
{
    for hessian in [Hessian::Exact, Hessian::GaussNewton] {
        let mut solver = Ilqr::new(model, T, Settings { hessian, ..Settings::default() }).unwrap();
        for &params in bad {
            let start = Problem::new(x0, params, T);
            let push = |_: usize, x: &SVector<f64, NX>| SVector::<f64, NU>::repeat(0.5 - x[0]);
            for problem in [start.clone(), start.clone().with_policy(&model, push)] {
                let solution = solver.solve(&problem).unwrap();
                assert_eq!(solution.status, Status::Diverged, "{params:?}");
                refuses(&mut solver, &solution);
            }
        }
    }
}

#[test]
fn dynamics_that_divide_by_zero() {
    // A rod without mass or length.
    check_division(pendulum::Pendulum, [0.1, 0.0], &[[10.0, 0.0, 1.0], [10.0, 1.0, 0.0], [10.0, 1.0, 1e-300]]);
    // No mass at all, a pole of no length, masses that cancel.
    let bad = [[9.8, 0.0, 0.0, 0.5], [9.8, 1.0, 0.1, 0.0], [9.8, -0.1, 0.1, 0.5]];
    check_division(cartpole::Cartpole, [0.1, 0.0, 0.2, 0.0], &bad);
    check_division(cart4::Cart4, [0.1, 0.0, 0.2, 0.0], &bad);
}

#[test]
fn outside_the_domain_of_a_function() {
    let mut solver = root::Solver::new(root::Root, T, Settings::default()).unwrap();
    // At 0 the root has a value and no derivative. Negative numbers have neither.
    for x0 in [0.0, -0.0, -1.0, -1e300] {
        let solution = solver.solve(&root::Problem::new([x0], [1.0], T)).unwrap();
        assert_eq!(solution.status, Status::Diverged, "{x0}");
        refuses(&mut solver, &solution);
    }
    // The minimum lies at the edge of the domain. A converged solution must be finite.
    let solution = solver.solve(&root::Problem::new([1.0], [1.0], T)).unwrap();
    assert!(solution.states.iter().all(|x| x[0].is_finite()), "{solution:?}");
    if solution.status == Status::Converged {
        assert!(solution.cost.is_finite() && solution.stats.step <= 1e-9);
    } else {
        refuses(&mut solver, &solution);
    }
}

/// Finite numbers of any size and sign in every input: no panic, no hang, and converged solutions are finite.
fn check_extremes<M, const NX: usize, const NU: usize, const NP: usize>(model: M, seed: u64) -> [usize; 8]
where
    M: Model<NX, NU, NP>,
{
    let mut random = StdRng::seed_from_u64(seed);
    let settings = Settings { max_iterations: 20, ..Settings::default() };
    let mut solver = Ilqr::new(model, T, settings).unwrap();
    let mut number = || {
        let exponent = match random.random_range(0..3) {
            0 => random.random_range(-320.0..308.0_f64),
            1 => random.random_range(-10.0..10.0),
            _ => 0.0,
        };
        let value = 10.0_f64.powf(exponent);
        if random.random() { value } else { -value }
    };
    let mut seen = [0; 8];
    for _ in 0..200 {
        let guess: Vec<SVector<f64, NU>> = (0..T).map(|_| SVector::from_fn(|_, _| number())).collect();
        let (x0, p) = (SVector::<f64, NX>::from_fn(|_, _| number()), SVector::<f64, NP>::from_fn(|_, _| number()));
        let solution = solver.solve(&Problem::new(x0, p, T).with_controls(&guess)).unwrap();
        seen[solution.status as usize] += 1;
        assert_eq!(solution.cause.is_some(), solution.status == Status::Diverged);
        if solution.status == Status::Converged {
            assert!(solution.cost.is_finite() && solution.stats.step <= settings.tolerance);
            assert!(solution.states.iter().all(|x| x.iter().all(|v| v.is_finite())));
            assert!(solution.controls.iter().all(|u| u.iter().all(|v| v.is_finite())));
            // The gradient is finite or an error.
            if let Ok(gradient) = solver.value_gradient(&solution) {
                assert!(gradient.params.iter().chain(gradient.initial_state.iter()).all(|v| v.is_finite()));
            }
        } else {
            refuses(&mut solver, &solution);
        }
    }
    seen
}

#[test]
fn extreme_numbers() {
    let outcomes = [
        check_extremes(pendulum::Pendulum, 1),
        check_extremes(cartpole::Cartpole, 2),
        check_extremes(lqr::Lqr, 3),
        check_extremes(weights::Weights, 4),
        check_extremes(cart4::Cart4, 5),
    ];
    println!("{outcomes:?}");
    // The random problems include solved and failed ones.
    let total = |status: Status| outcomes.iter().map(|seen| seen[status as usize]).sum::<usize>();
    assert!(total(Status::Converged) > 0 && total(Status::Diverged) > 0, "{outcomes:?}");
}
