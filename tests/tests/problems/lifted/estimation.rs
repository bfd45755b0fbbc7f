//! Estimators of models with penalties on noise and measurements, design variables and a previous control. A dropped stage as a
//! function of the next state is minimized directly, without excesses, and its differences are compared with the arrival cost.

use dilqr_runtime::nalgebra::{Matrix2, Vector2};
use dilqr_runtime::{ArrivalUpdate, Ilqr, LossGradient, Mhe, Problem, Status};

use super::{check, settings, smoother, weights};
use robust::{Params, Robust};

/// A mass on a spring that noise kicks, and that a constant force pushes.
#[dilqr_runtime::model(initial_state = free)]
pub mod robust {
    pub struct State {
        pub x: f64,
        pub v: f64,
    }
    pub struct Control {
        pub kick: f64,
    }
    pub struct Design {
        pub push: f64,
    }
    pub struct Params {
        pub mean: [f64; 2],
        pub information: [[f64; 2]; 2],
        /// Weights of a kick, of a measurement and of the push, and how much of a kick returns.
        pub q: f64,
        pub r: f64,
        pub prior: f64,
        pub color: f64,
        pub linear: f64,
        pub quadratic: f64,
        /// Errors of the measurement and kicks without a penalty.
        pub free: [f64; 2],
    }
    pub struct StageParams {
        pub y: f64,
    }
    pub const DT: f64 = 0.1;
    pub const STIFFNESS: f64 = 1.5;

    pub fn dynamics(x: State, u: Control, _p: Params, d: Design) -> State {
        State { x: x.x + DT * x.v, v: x.v - DT * STIFFNESS * x.x + u.kick + d.push }
    }
    pub fn initial_cost(x: State, p: Params, d: Design) -> f64 {
        let e = [x.x - p.mean[0], x.v - p.mean[1]];
        let mut sum = p.prior * d.push * d.push;
        for i in 0..2 {
            for j in 0..2 {
                sum += p.information[i][j] * e[i] * e[j];
            }
        }
        0.5 * sum
    }
    pub fn stage_cost(x: State, u: Control, previous: Control, p: Params, s: StageParams) -> f64 {
        0.5 * (p.r * (x.x - s.y).powi(2) + p.q * (u.kick - p.color * previous.kick).powi(2))
    }
    #[penalty(linear = p.linear, quadratic = p.quadratic)]
    pub fn stage_soft_constraints(x: State, u: Control, p: Params, s: StageParams) -> [f64; 4] {
        let error = x.x - s.y;
        [error - p.free[0], -error - p.free[0], u.kick - p.free[1], -u.kick - p.free[1]]
    }
    pub fn terminal_cost(x: State, p: Params, s: StageParams) -> f64 {
        0.5 * p.r * (x.x - s.y).powi(2)
    }
}

const WINDOW: usize = 5;
const LENGTH: usize = 40;

/// Squares alone.
const SQUARES: Params = Params {
    mean: [0.2, -0.1],
    information: [[2.0, 0.3], [0.3, 1.0]],
    q: 25.0,
    r: 16.0,
    prior: 3.0,
    color: 0.0,
    linear: 1.0,
    quadratic: 0.0,
    free: [100.0, 100.0],
};
/// Penalties that grow faster than squares from a width on.
const FENCED: Params = Params { color: 0.3, linear: 0.5, quadratic: 30.0, free: [0.12, 0.03], ..SQUARES };
/// A measurement, with a jump of the mass and an outlier.
fn measurement(t: usize) -> [f64; 1] {
    let time = t as f64;
    let jump = if t > 22 { 0.8 } else { 0.0 };
    let outlier = if t == 12 { 0.9 } else { 0.0 };
    [(0.3 * time).sin() + 0.05 * (2.9 * time).cos() + jump + outlier]
}

type Window = dilqr_runtime::Solution<2, 1, 14, 1, 1>;

/// The least cost of the first stage of a window over its state and its kick, by the next state. The push is that of the window, and so
/// is what the kick is worth to the stage after it.
fn dropped(window: &Window, next: Vector2<f64>) -> f64 {
    let (p, y, push) = (Params::from(window.params), window.stage_params[0][0], window.design[0]);
    let previous = window.previous.unwrap()[0];
    let worth = -p.q * p.color * (window.controls[1][0] - p.color * window.controls[0][0]);
    let of_kick = |kick: f64| {
        // The state that the dynamics lead from.
        let rate = 1.0 / robust::DT;
        let x = (rate * next[0] + kick + push - next[1]) / (rate + robust::DT * robust::STIFFNESS);
        let e = Vector2::new(x - p.mean[0], rate * (next[0] - x) - p.mean[1]);
        let information = Matrix2::from(p.information).transpose();
        let error = x - y;
        let penalties = [error.abs() - p.free[0], kick.abs() - p.free[1]].map(|excess| {
            let excess = excess.max(0.0);
            p.linear * excess + 0.5 * p.quadratic * excess.powi(2)
        });
        let squares = p.r * error.powi(2) + p.q * (kick - p.color * previous).powi(2);
        0.5 * (e.dot(&(information * e)) + squares) + penalties[0] + penalties[1] + worth * kick
    };
    // It is convex: the section by the golden ratio.
    let (mut low, mut high) = (-20.0, 20.0);
    let ratio = 0.5 * (5.0_f64.sqrt() - 1.0);
    for _ in 0..120 {
        let (a, b) = (high - ratio * (high - low), low + ratio * (high - low));
        if of_kick(a) < of_kick(b) { high = b } else { low = a }
    }
    // At a kink a section ends beside it.
    of_kick(0.5 * (low + high)).min(of_kick(0.0)).min(of_kick(p.free[1])).min(of_kick(-p.free[1]))
}

/// Its gradient and its Hessian by differences.
fn differences(window: &Window, h: f64) -> (Vector2<f64>, Matrix2<f64>) {
    let x = window.states[1];
    let at = |a: f64, b: f64| dropped(window, x + Vector2::new(a * h, b * h));
    let gradient = Vector2::new(at(1.0, 0.0) - at(-1.0, 0.0), at(0.0, 1.0) - at(0.0, -1.0)) / (2.0 * h);
    let second = |a: f64, b: f64| (at(a, b) - 2.0 * at(0.0, 0.0) + at(-a, -b)) / (h * h);
    let (xx, vv) = (second(1.0, 0.0), second(0.0, 1.0));
    let xv = 0.5 * (second(1.0, 1.0) - xx - vv);
    (gradient, Matrix2::new(xx, xv, xv, vv))
}

/// How often an arrival cost came to be in each way.
#[derive(Debug, Default, PartialEq)]
struct Counts {
    moved: usize,
    /// Where the dropped stage has no Hessian: it is at a join.
    skipped: usize,
}

/// Runs an estimator, and compares every arrival cost with the stage that was dropped.
fn follow(params: Params) -> Counts {
    let mut mhe = Mhe::new(Robust, params, WINDOW, settings()).unwrap().with_previous([0.0]);
    let mut counts = Counts::default();
    for t in 0..LENGTH {
        let before = mhe.window().cloned();
        let estimate = mhe.step(&measurement(t)).unwrap();
        // Two measurements do not determine a push without a prior.
        let determined = params.prior > 0.0 || t > 2;
        assert!(estimate.status == Status::Converged || !determined, "{t}: {:?} {}", estimate.cause, estimate.design);
        if t <= WINDOW {
            assert_eq!(estimate.arrival, ArrivalUpdate::Unchanged);
            continue;
        }
        let before = before.unwrap();
        assert_eq!(mhe.window().unwrap().previous, Some(before.controls[0]));
        let new = Params::from(*mhe.params());
        let (mean, information) = (Vector2::from(new.mean), Matrix2::from(new.information).transpose());
        let ((slope, hessian), (_, wider)) = (differences(&before, 1e-3), differences(&before, 2e-3));
        // The cost is piecewise quadratic. Its rounding error, 1e-15, over the squared step is 1e-9.
        if (hessian - wider).amax() > 1e-6 * (1.0 + hessian.amax()) {
            counts.skipped += 1;
            continue;
        }
        let error = (information - hessian).amax();
        assert!(error < 1e-6 * (1.0 + hessian.amax()), "{t} {:?}: {information} {hessian}", estimate.arrival);
        let error = (information * (before.states[1] - mean) - slope).amax();
        match estimate.arrival {
            ArrivalUpdate::Moved => {
                assert!(error < 1e-6 * (1.0 + slope.amax()), "{t}: {slope}");
                counts.moved += 1;
            }
            other => panic!("{t}: {other:?}"),
        }
    }
    counts
}

#[test]
fn an_arrival_cost_is_that_of_the_dropped_stage() {
    let dropped = LENGTH - WINDOW - 1;
    assert_eq!(follow(SQUARES), Counts { moved: dropped, ..Counts::default() });
    // Some kicks and errors are within their widths and some beyond.
    let fenced = follow(FENCED);
    assert!(fenced.moved > dropped - 5, "{fenced:?}");
    // Without a prior the push is determined by each window.
    assert_eq!(follow(Params { prior: 0.0, ..SQUARES }), Counts { moved: dropped, ..Counts::default() });
}

/// The same in other units: nothing is compared with 1.
#[test]
fn units_of_an_arrival_cost() {
    let (length, cost) = (2.0_f64.powi(-20), 2.0_f64.powi(13));
    let weight = cost / length.powi(2);
    for params in [SQUARES, FENCED] {
        let scaled = Params {
            mean: params.mean.map(|mean| mean * length),
            information: params.information.map(|row| row.map(|entry| entry * weight)),
            q: params.q * weight,
            r: params.r * weight,
            prior: params.prior * weight,
            linear: params.linear * cost / length,
            quadratic: params.quadratic * weight,
            free: params.free.map(|free| free * length),
            ..params
        };
        let mut one = Mhe::new(Robust, params, WINDOW, settings()).unwrap().with_previous([0.0]);
        let mut other = Mhe::new(Robust, scaled, WINDOW, settings()).unwrap().with_previous([0.0]);
        for t in 0..25 {
            let [y] = measurement(t);
            let (a, b) = (one.step(&[y]).unwrap(), other.step(&[y * length]).unwrap());
            assert_eq!((a.status, a.arrival), (b.status, b.arrival), "{t}");
            // To the tolerance of the solves, over some twenty updates.
            let error = (a.state - b.state / length).amax();
            assert!(error < 1e-7, "{t}: {} {}", a.state, b.state / length);
        }
        // The same limits are active, and gradients are the same.
        let names = |window: &Window| {
            window.certificate().active.iter().map(|active| (active.stage, active.limit)).collect::<Vec<_>>()
        };
        assert_eq!(names(one.window().unwrap()), names(other.window().unwrap()));
        let loss: LossGradient<2, 1, 1> = weights(WINDOW);
        let gradients = [one.vjp(&loss), other.vjp(&loss)].map(|gradient| gradient.unwrap().params);
        for (i, factor) in [(0, 1.0), (6, length / weight), (8, length / weight), (10, length * length / cost)] {
            let (expected, found) = (gradients[0][i] * factor, gradients[1][i]);
            assert!((found - expected).abs() <= 1e-6 * expected.abs() + 1e-9 * factor, "{i}: {found} {expected}");
        }
    }
}

/// The gradient of a window with penalties, a design variable and a previous control, beside differences of solves.
#[test]
fn gradients_of_a_window() {
    let mut mhe = Mhe::new(Robust, FENCED, WINDOW, settings()).unwrap().with_previous([0.0]);
    for t in 0..15 {
        mhe.step(&measurement(t)).unwrap();
    }
    let window = mhe.window().unwrap().clone();
    // Penalties on both sides of their limits take part.
    let beyond = |t: usize| window.states[t][0] - window.stage_params[t][0];
    assert!((0..WINDOW).any(|t| beyond(t).abs() > 0.13) && (0..WINDOW).any(|t| beyond(t).abs() < 0.11));
    let measured = window.stage_params.clone();
    let problem = |params: [f64; 14]| {
        let problem = Problem::new(window.states[0], params, WINDOW).with_design(window.design);
        problem.with_stage_params(&measured).with_previous(window.previous.unwrap())
    };
    let again = check(Robust, window.params.into(), problem);
    let loss: LossGradient<2, 1, 1> = weights(WINDOW);
    let mut solver = Ilqr::new(Robust, WINDOW, settings()).unwrap();
    let (ours, checked) = (mhe.vjp(&loss).unwrap(), solver.vjp(&again, &loss).unwrap());
    // Two solutions of one problem to 1e-11.
    assert!((ours.params - checked.params).amax() < 1e-7 * (1.0 + checked.params.amax()));
    for (t, s) in ours.stage_params.iter().enumerate() {
        let step = 1e-5;
        let mut moved = |change: f64| {
            let mut measured = measured.clone();
            measured[t][0] += change;
            let solution = solver.solve(&problem(window.params.into()).with_stage_params(&measured)).unwrap();
            super::value(&solution, &loss)
        };
        let difference = (moved(step) - moved(-step)) / (2.0 * step);
        // As for the parameters.
        assert!((s[0] - difference).abs() < 3e-6 * (1.0 + difference.abs()), "{t}: {} {difference}", s[0]);
    }
}

/// A push is found from its windows, where nothing else moves the mass.
#[test]
fn a_design_variable_is_estimated() {
    let mut mhe = Mhe::new(Robust, Params { prior: 0.0, ..SQUARES }, 12, settings()).unwrap().with_previous([0.0]);
    let (mut x, push) = (Vector2::new(0.2, -0.1), 0.02);
    for t in 0..40 {
        let estimate = mhe.step(&[x[0]]).unwrap();
        // The first measurement leaves the push at its guess, the second has not seen it, and the third determines it.
        assert_eq!(estimate.status == Status::Converged, t != 1, "{t}");
        x = Vector2::new(x[0] + robust::DT * x[1], x[1] - robust::DT * robust::STIFFNESS * x[0] + push);
    }
    let last = mhe.window().unwrap();
    assert!((last.design[0] - push).abs() < 1e-4, "{}", last.design);
    assert!(last.controls.iter().all(|kick| kick[0].abs() < 1e-3));
}

/// The first estimate keeps the bounds of the state, with their covariance.
#[test]
fn a_first_estimate_within_bounds() {
    // `2 (x - 1/2)^2 + (x - 0.1)^2`, whose minimum is 1.1 / 3.
    for (floor, expected) in
        [(f64::NEG_INFINITY, 1.1 / 3.0), (0.6, 0.6), (-0.3, 1.1 / 3.0), (1.1 / 3.0 + 1e-5, 1.1 / 3.0 + 1e-5)]
    {
        let mut mhe = Mhe::new(smoother::Smoother, [0.5, 2.0, 4.0, floor], 3, settings()).unwrap();
        let estimate = mhe.step(&[0.1]).unwrap();
        assert_eq!(estimate.status, Status::Converged, "{floor}: {:?}", estimate.cause);
        assert!((estimate.state[0] - expected).abs() < 1e-9, "{floor}: {}", estimate.state);
        let cost = 2.0 * (expected - 0.5).powi(2) + (expected - 0.1).powi(2);
        assert!((estimate.cost - cost).abs() < 1e-9);
        let variance = if expected == floor { 0.0 } else { 1.0 / 6.0 };
        assert!((estimate.covariance[0] - variance).abs() < 1e-9, "{floor}: {}", estimate.covariance);
    }
}

/// A level that leaks and is filled at a price: noise with a linear cost alone, which its bound holds at zero most of the time.
#[dilqr_runtime::model(initial_state = free)]
pub mod level {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        #[bounds(0.0, None)]
        pub inflow: f64,
    }
    pub struct Params {
        pub mean: f64,
        pub information: f64,
        pub price: f64,
        pub weight: f64,
    }
    pub struct StageParams {
        pub y: f64,
    }
    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { x: 0.9 * x.x + u.inflow }
    }
    pub fn initial_cost(x: State, p: Params) -> f64 {
        0.5 * p.information * (x.x - p.mean).powi(2)
    }
    pub fn stage_cost(x: State, u: Control, p: Params, s: StageParams) -> f64 {
        0.5 * p.weight * (x.x - s.y).powi(2) + p.price * u.inflow
    }
    pub fn terminal_cost(x: State, p: Params, s: StageParams) -> f64 {
        0.5 * p.weight * (x.x - s.y).powi(2)
    }
}

/// Noise that its bound holds has no variance; noise in between has a slope and no curvature, which the estimate says.
#[test]
fn noise_with_a_linear_cost() {
    let mut mhe = Mhe::new(level::Level, [1.0, 2.0, 0.8, 4.0], 3, settings()).unwrap();
    let mut counts = [0; 2];
    for t in 0..30 {
        let filled = if t >= 12 { 1.5 * 0.9_f64.powi(t - 12) } else { 0.0 };
        let level = 0.9_f64.powi(t) + filled + 0.02 * f64::from(t).sin();
        let before = mhe.window().cloned();
        let estimate = mhe.step(&[level]).unwrap();
        assert_eq!(estimate.status, Status::Converged, "{t}: {:?}", estimate.cause);
        if t < 4 {
            assert_eq!(estimate.arrival, ArrivalUpdate::Unchanged);
            continue;
        }
        let before = before.unwrap();
        let [mean, information, price, weight]: [f64; 4] = before.params.into();
        let y = before.stage_params[0][0];
        // The dropped stage is a parabola in the inflow above zero.
        let dropped = |next: f64| {
            let cost = |inflow: f64| {
                let x = (next - inflow) / 0.9;
                0.5 * (information * (x - mean).powi(2) + weight * (x - y).powi(2)) + price * inflow
            };
            // `d/du = -((I + w) x - I m - w y) / 0.9 + price` is zero there.
            let x = (0.9 * price + information * mean + weight * y) / (information + weight);
            cost((next - 0.9 * x).max(0.0))
        };
        let x = before.states[1][0];
        let along = |h: f64| {
            let [less, here, more] = [x - h, x, x + h].map(dropped);
            ((more - less) / (2.0 * h), (more - 2.0 * here + less) / (h * h))
        };
        let ((slope, curvature), (_, wider)) = (along(1e-3), along(2e-3));
        if (curvature - wider).abs() > 1e-6 * (1.0 + curvature) {
            // Next to a join.
            continue;
        }
        let new = level::Params::from(*mhe.params());
        // Parabolas but for rounding, 1e-15 over the squared step.
        assert!((new.information - curvature).abs() < 1e-6 * (1.0 + curvature), "{t}: {new:?} {curvature}");
        let given = new.information * (x - new.mean);
        match estimate.arrival {
            ArrivalUpdate::Moved => {
                assert!(before.controls[0][0] == 0.0 && (given - slope).abs() < 1e-6, "{t}: {new:?} {slope}");
                counts[0] += 1;
            }
            ArrivalUpdate::SlopeLost => {
                // Here the slope is the price.
                assert!(before.controls[0][0] > 0.0 && (slope - price).abs() < 1e-6 && given.abs() < 1e-6, "{t}");
                counts[1] += 1;
            }
            other => panic!("{t}: {other:?}"),
        }
    }
    assert!(counts[0] > 15 && counts[1] > 0, "{counts:?}");
}
