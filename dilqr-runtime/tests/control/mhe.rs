//! Moving-horizon estimation beside the Kalman filter, whose estimate it has for linear models whatever the window, and beside
//! differences.

use dilqr_runtime::model::{Arrival, Stage, Start, Terminal};
use dilqr_runtime::nalgebra::{Matrix2, SMatrix, SVector, Vector2};
use dilqr_runtime::{
    ArrivalUpdate, GradientError, Limits, LossGradient, Mhe, Model, Scalar, Settings, SettingsError, SolveError, Status,
};

const DT: f64 = 0.1;

/// A mass on a spring, pushed by noise, whose position is measured as `s_0` while `s_1` pushes it. Parameters: mean (2),
/// information (4, row by row), weight of the noise, weight of a measurement, stiffness. With `CUBIC` the spring is not linear.
#[derive(Clone, Debug)]
struct Mass<const CUBIC: bool>;

impl<const CUBIC: bool> Mass<CUBIC> {
    fn misfit<S: Scalar>(x: &SVector<S, 2>, p: &SVector<S, 9>, s: &SVector<S, 2>) -> S {
        S::from_f64(0.5) * p[7] * (x[0] - s[0]).powi(2)
    }
}

impl<const CUBIC: bool> Model<2, 1, 9, 2> for Mass<CUBIC> {
    const START: Start<2> =
        Start { cost: true, arrival: Some(Arrival { states: 2, mean: 0, information: 2, full: true }), ..Start::FREE };

    fn dynamics<S: Scalar>(&self, Stage { x, u, p, s }: Stage<'_, S, 2, 1, 9, 2>, next: &mut SVector<S, 2>) {
        let dt = S::from_f64(DT);
        let stretch = if CUBIC { x[0] + x[0].powi(3) } else { x[0] };
        next[0] = x[0] + dt * x[1];
        next[1] = x[1] + dt * (s[1] - p[8] * stretch) + u[0];
    }
    fn initial_cost<S: Scalar>(&self, Terminal { x, p, .. }: Terminal<'_, S, 2, 9, 2>) -> S {
        let e = [x[0] - p[0], x[1] - p[1]];
        let mut sum = S::zero();
        for i in 0..2 {
            for j in 0..2 {
                sum += p[2 + 2 * i + j] * e[i] * e[j];
            }
        }
        S::from_f64(0.5) * sum
    }
    fn stage_cost<S: Scalar>(&self, Stage { x, u, p, s }: Stage<'_, S, 2, 1, 9, 2>) -> S {
        Self::misfit(x, p, s) + S::from_f64(0.5) * p[6] * u[0].powi(2)
    }
    fn terminal_cost<S: Scalar>(&self, Terminal { x, p, s }: Terminal<'_, S, 2, 9, 2>) -> S {
        Self::misfit(x, p, s)
    }
}

const PARAMS: [f64; 9] = [0.2, -0.1, 2.0, 0.3, 0.3, 1.0, 25.0, 16.0, 1.5];

fn measurement(t: usize) -> [f64; 2] {
    let time = t as f64;
    [(0.3 * time).sin() + 0.2 * (2.9 * time).cos(), 0.5 * (0.7 * time).cos()]
}

#[test]
fn a_linear_estimate_is_that_of_the_kalman_filter() -> Result<(), Box<dyn std::error::Error>> {
    for window in [1, 2, 7, 30] {
        let mut mhe = Mhe::new(Mass::<false>, PARAMS, window, Settings::default())?;
        let mut mean = Vector2::new(PARAMS[0], PARAMS[1]);
        let information = Matrix2::new(PARAMS[2], PARAMS[3], PARAMS[4], PARAMS[5]);
        let mut covariance = information.try_inverse().ok_or("singular")?;
        let transition = Matrix2::new(1.0, DT, -DT * PARAMS[8], 1.0);
        let noise = Matrix2::new(0.0, 0.0, 0.0, 1.0 / PARAMS[6]);
        for t in 0..40 {
            let [measured, push] = measurement(t);
            let gain = covariance.column(0) / (covariance[(0, 0)] + 1.0 / PARAMS[7]);
            mean += gain * (measured - mean[0]);
            covariance -= gain * covariance.row(0);
            let estimate = mhe.step(&[measured, push])?;
            assert_eq!(estimate.status, Status::Converged, "{window} {t}: {}", estimate.stats);
            assert!((estimate.state - mean).amax() < 1e-9, "{window} {t}: {} {mean}", estimate.state);
            assert!((estimate.covariance - covariance).amax() < 1e-9, "{window} {t}: {}", estimate.covariance);
            mean = transition * mean + Vector2::new(0.0, DT * push);
            covariance = transition * covariance * transition.transpose() + noise;
        }
        assert_eq!(mhe.window().ok_or("no window")?.controls.len(), window);
    }
    Ok(())
}

/// The gradient of a window's estimate, with its arrival cost as a constant, against differences of solves of that window.
#[test]
fn gradients_of_a_window() -> Result<(), Box<dyn std::error::Error>> {
    let window = 6;
    let mut mhe = Mhe::new(Mass::<true>, PARAMS, window, Settings { tolerance: 1e-11, ..Settings::default() })?;
    for t in 0..15 {
        let estimate = mhe.step(&measurement(t))?;
        assert_eq!(estimate.status, Status::Converged);
        assert!(estimate.covariance.symmetric_eigenvalues().min() > 0.0);
    }
    let mut loss: LossGradient<2, 1> = LossGradient::zeros(window);
    loss.states[window] = [1.0, -0.4].into();
    let gradient = mhe.vjp(&loss)?;
    let solution = mhe.window().ok_or("no window")?.clone();
    let mut solver =
        dilqr_runtime::Ilqr::new(Mass::<true>, window, Settings { tolerance: 1e-11, ..Settings::default() })?;
    let mut value =
        |params: SVector<f64, 9>, measured: &[SVector<f64, 2>]| -> Result<f64, Box<dyn std::error::Error>> {
            let problem = dilqr_runtime::Problem::new(solution.states[0], params, window).with_stage_params(measured);
            let end = solver.solve(&problem)?.states[window];
            Ok(loss.states[window].dot(&end))
        };
    let h = 1e-5;
    for j in 0..9 {
        let mut step = SVector::<f64, 9>::zeros();
        step[j] = h;
        let s = &solution.stage_params;
        let difference = (value(solution.params + step, s)? - value(solution.params - step, s)?) / (2.0 * h);
        // The differences are accurate to 1e-10 and 1e-11 / 1e-5.
        assert!((gradient.params[j] - difference).abs() < 3e-6, "{j}: {} {difference}", gradient.params[j]);
    }
    for t in 0..=window {
        for k in 0..2 {
            let moved = |sign: f64| {
                let mut s = solution.stage_params.clone();
                s[t][k] += sign * h;
                s
            };
            let difference = (value(solution.params, &moved(1.0))? - value(solution.params, &moved(-1.0))?) / (2.0 * h);
            assert!((gradient.stage_params[t][k] - difference).abs() < 3e-6);
        }
    }
    Ok(())
}

/// For a model that is not linear the estimate from a window is nearer to that of all measurements than a filter's, which is a
/// window of one.
#[test]
fn a_longer_window_is_nearer_to_all_measurements() -> Result<(), Box<dyn std::error::Error>> {
    let run = |window: usize| -> Result<Vec<SVector<f64, 2>>, Box<dyn std::error::Error>> {
        let mut mhe = Mhe::new(Mass::<true>, PARAMS, window, Settings::default())?;
        (0..40).map(|t| Ok(mhe.step(&measurement(t).map(|entry| 2.0 * entry))?.state)).collect()
    };
    let all = run(50)?;
    let distance = |states: Vec<SVector<f64, 2>>| states.iter().zip(&all).map(|(a, b)| (a - b).norm()).sum::<f64>();
    let (short, long) = (distance(run(1)?), distance(run(8)?));
    assert!(long < 0.5 * short && short > 1e-3, "{short} {long}");
    Ok(())
}

#[test]
fn bad_input_is_met_at_the_door() -> Result<(), Box<dyn std::error::Error>> {
    /// A given initial state.
    #[derive(Clone)]
    struct Given;
    impl Model<1, 1, 0> for Given {
        fn dynamics<S: Scalar>(&self, at: Stage<'_, S, 1, 1, 0>, next: &mut SVector<S, 1>) {
            next[0] = at.x[0] + at.u[0];
        }
        fn stage_cost<S: Scalar>(&self, at: Stage<'_, S, 1, 1, 0>) -> S {
            at.u[0].powi(2)
        }
        fn terminal_cost<S: Scalar>(&self, at: Terminal<'_, S, 1, 0>) -> S {
            at.x[0].powi(2)
        }
    }
    assert_eq!(Mhe::new(Given, [], 3, Settings::default()).err(), Some(SettingsError::GivenInitialState));
    /// Its arrival cost is no quadratic form.
    #[derive(Clone)]
    struct Quartic;
    impl Model<1, 1, 2> for Quartic {
        const START: Start<1> = Start {
            cost: true,
            arrival: Some(Arrival { states: 1, mean: 0, information: 1, full: false }),
            ..Start::FREE
        };
        const LIMITS: Limits = Limits::NONE;
        fn dynamics<S: Scalar>(&self, at: Stage<'_, S, 1, 1, 2>, next: &mut SVector<S, 1>) {
            next[0] = at.x[0] + at.u[0];
        }
        fn initial_cost<S: Scalar>(&self, at: Terminal<'_, S, 1, 2>) -> S {
            at.p[1] * (at.x[0] - at.p[0]).powi(4)
        }
        fn stage_cost<S: Scalar>(&self, at: Stage<'_, S, 1, 1, 2>) -> S {
            at.u[0].powi(2)
        }
        fn terminal_cost<S: Scalar>(&self, at: Terminal<'_, S, 1, 2>) -> S {
            at.x[0].powi(2)
        }
    }
    assert_eq!(Mhe::new(Quartic, [0.0, 1.0], 3, Settings::default()).err(), Some(SettingsError::ArrivalCost));
    assert!(matches!(Mhe::new(Mass::<false>, PARAMS, 0, Settings::default()).err(), Some(SettingsError::EmptyHorizon)));

    let mut mhe = Mhe::new(Mass::<false>, PARAMS, 3, Settings::default())?;
    assert_eq!(mhe.vjp(&LossGradient::zeros(3)).err(), Some(GradientError::NoWindow));
    assert!(matches!(mhe.step(&[f64::NAN, 0.0]), Err(SolveError::Input(_))));
    let mut other = mhe.clone();
    for t in 0..8 {
        let estimate = mhe.step(&measurement(t))?;
        // A refused measurement has left no trace.
        assert!(other.step(&[0.0, f64::INFINITY]).is_err());
        // Statistics that were not measured are no numbers.
        assert_eq!(format!("{:?}", other.step(&measurement(t))?), format!("{estimate:?}"));
    }
    Ok(())
}

/// Without prior information the first measurements do not determine the state: the covariance is no number, and the window
/// that sees enough of them does.
#[test]
fn what_the_data_do_not_determine_is_not_a_number() -> Result<(), Box<dyn std::error::Error>> {
    let mut params = PARAMS;
    params[2..6].fill(0.0);
    let mut mhe = Mhe::new(Mass::<false>, params, 10, Settings::default())?;
    let first = mhe.step(&measurement(0))?;
    assert!(first.status != Status::Converged && first.covariance[(0, 0)].is_nan());
    for t in 1..25 {
        let estimate = mhe.step(&measurement(t))?;
        assert_eq!(estimate.status, Status::Converged, "{t}");
        assert!(estimate.covariance.symmetric_eigenvalues().min() > 0.0);
    }
    let _: SMatrix<f64, 2, 2> = mhe.step(&measurement(25))?.covariance;
    Ok(())
}

/// A walk, `x+ = x + u / s_1`, measured as `s_0`. A stage with `s_1 = 0` has no finite next state.
#[derive(Clone)]
struct Interrupted;
impl Model<1, 1, 2, 2> for Interrupted {
    const START: Start<1> =
        Start { cost: true, arrival: Some(Arrival { states: 1, mean: 0, information: 1, full: true }), ..Start::FREE };
    fn dynamics<S: Scalar>(&self, Stage { x, u, s, .. }: Stage<'_, S, 1, 1, 2, 2>, next: &mut SVector<S, 1>) {
        next[0] = x[0] + u[0] / s[1];
    }
    fn initial_cost<S: Scalar>(&self, Terminal { x, p, .. }: Terminal<'_, S, 1, 2, 2>) -> S {
        p[1] * (x[0] - p[0]).powi(2)
    }
    fn stage_cost<S: Scalar>(&self, Stage { x, u, s, .. }: Stage<'_, S, 1, 1, 2, 2>) -> S {
        (x[0] - s[0]).powi(2) + u[0].powi(2)
    }
    fn terminal_cost<S: Scalar>(&self, Terminal { x, s, .. }: Terminal<'_, S, 1, 2, 2>) -> S {
        (x[0] - s[0]).powi(2)
    }
}

/// Windows that diverge are no error, and add nothing to the information. The estimator goes on behind them.
#[test]
fn windows_without_a_solution() -> Result<(), Box<dyn std::error::Error>> {
    const WINDOW: usize = 2;
    let mut mhe = Mhe::new(Interrupted, [0.0, 0.5], WINDOW, Settings::default())?;
    let mut seen = Vec::new();
    let mut information = Vec::new();
    for t in 0..12 {
        let estimate = mhe.step(&[0.1 * f64::from(t), f64::from(t != 5)])?;
        seen.push(estimate.status);
        information.push((mhe.params()[1], estimate.arrival));
        assert!(mhe.params().iter().all(|entry| entry.is_finite()), "{t}");
    }
    // The stage is the last one at first, then two windows contain it before it is dropped.
    for (t, status) in seen.iter().enumerate() {
        assert_eq!(status.is_converged(), t != 6 && t != 7, "{t}: {status}");
    }
    // The windows of 7 and of 8 begin where one without a solution did.
    for t in [7, 8] {
        assert_eq!(information[t].0, information[t - 1].0, "{t}");
        assert_eq!(information[t].1, ArrivalUpdate::MeanOnly, "{t}");
    }
    assert!(information[10].1 == ArrivalUpdate::Moved && information[10].0 > information[8].0);
    Ok(())
}
