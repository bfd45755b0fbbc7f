//! Rows without a derivative at the solution, which do not act there, beside rows that do: the grip of a car that rolls straight on at
//! its top speed. Solutions by hand, gradients beside central differences.

use dilqr_runtime::lanes::{F64x4, Lanes};
use dilqr_runtime::model::{ConstraintExpansion, ConstraintParameterTerms, Stage};
use dilqr_runtime::nalgebra::{SMatrix, SVector};
use dilqr_runtime::{
    AutoDiff, Direction, Ilqr, LossGradient, Method, Model, NumDiff, Problem, Settings, Solution, Status,
};
use num_dual::Dual64;

/// A car on a plane. At rest of the controls the norm in its grip has no derivative; the speed is a row of the same stage.
#[dilqr_runtime::model]
pub mod car {
    pub struct State {
        pub place: [f64; 2],
        pub speed: [f64; 2],
    }
    pub struct Control {
        pub a: [f64; 2],
    }
    pub struct Params {
        pub grip: f64,
        pub top: f64,
        pub goal: f64,
    }
    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State {
            place: [x.place[0] + 0.1 * x.speed[0], x.place[1] + 0.1 * x.speed[1]],
            speed: [x.speed[0] + 0.1 * u.a[0], x.speed[1] + 0.1 * u.a[1]],
        }
    }
    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        (x.place[0] - p.goal).powi(2) + x.place[1].powi(2) + 0.01 * (u.a[0].powi(2) + u.a[1].powi(2))
    }
    pub fn terminal_cost(x: State, p: Params) -> f64 {
        (x.place[0] - p.goal).powi(2) + x.place[1].powi(2)
    }
    pub fn stage_constraints(x: State, u: Control, p: Params) -> [f64; 2] {
        [(u.a[0].powi(2) + u.a[1].powi(2)).sqrt() - p.grip, x.speed[0] - p.top]
    }
    pub fn terminal_constraints(x: State, p: Params) -> [f64; 2] {
        [(x.speed[1].powi(2) + x.place[1].powi(2)).sqrt() - p.grip, x.speed[0] - p.top]
    }
}

const T: usize = 12;

/// Speeds up, then at the top speed from the first stage on.
const STARTS: [[f64; 4]; 2] = [[0.0, 0.0, 0.7, 0.0], [0.0, 0.0, 1.0, 0.0]];

const PARAMS: [f64; 3] = [4.0, 1.0, 5.0];

fn solve<M: Model<4, 2, 3>>(model: M, x0: [f64; 4], params: SVector<f64, 3>, settings: Settings) -> Solution<4, 2, 3> {
    let guess = if x0[2] < 1.0 { [0.3, 0.2] } else { [0.0; 2] };
    let problem = Problem::new(x0, params, T).with_controls(&[guess; T]);
    let solution = Ilqr::new(model, T, settings).unwrap().solve(&problem).unwrap();
    assert_eq!(solution.status, Status::Converged, "{:?}\n{}", solution.cause, solution.stats);
    solution
}

fn loss() -> LossGradient<4, 2> {
    let weight = |k: usize| (1.0 + 1.7 * k as f64).sin();
    let mut loss = LossGradient::zeros(T);
    for t in 0..T {
        loss.states[t + 1] = SVector::from_fn(|i, _| weight(6 * t + i));
        loss.controls[t] = SVector::from_fn(|i, _| weight(6 * t + 4 + i));
    }
    loss
}

fn value(solution: &Solution<4, 2, 3>) -> f64 {
    let loss = loss();
    let states = loss.states.iter().zip(&solution.states).map(|(g, x)| g.dot(x)).sum::<f64>();
    states + loss.controls.iter().zip(&solution.controls).map(|(g, u)| g.dot(u)).sum::<f64>()
}

/// The first control reaches the top speed, the others are zero. By compiled kernels, and by dual numbers in their place.
#[test]
fn a_car_at_its_top_speed() {
    for method in [Method::Auto, Method::InteriorPoint] {
        for x0 in STARTS {
            let settings = Settings { method, ..Settings::default() };
            for solution in
                [solve(car::Car, x0, PARAMS.into(), settings), solve(AutoDiff(car::Car), x0, PARAMS.into(), settings)]
            {
                // The tolerance is 1e-9 of the largest control, which is 3, or of the control that changes the speed by itself.
                assert!((solution.controls[0][0] - (1.0 - x0[2]) / 0.1).abs() <= 1e-7, "{}", solution.controls[0]);
                let rest = solution.controls[1..].iter().map(SVector::amax).fold(0.0, f64::max);
                assert!(rest <= 1e-7, "{method}: {rest}");
            }
        }
    }
}

#[test]
fn gradients_at_the_top_speed() {
    let settings = Settings { tolerance: 1e-11, ..Settings::default() };
    let [x0, at_once] = STARTS;
    let solution = solve(car::Car, x0, PARAMS.into(), settings);
    let gradient = Ilqr::new(car::Car, T, settings).unwrap().vjp(&solution, &loss()).unwrap();
    let by_duals = Ilqr::new(AutoDiff(car::Car), T, settings).unwrap().vjp(&solution, &loss()).unwrap();
    for j in 0..3 {
        let moved = |by: f64| {
            let mut params = SVector::from(PARAMS);
            params[j] += by;
            value(&solve(car::Car, x0, params, settings))
        };
        let difference = (moved(1e-5) - moved(-1e-5)) / 2e-5;
        // Differences of solves to 1e-11 with this step, over losses of size one.
        assert!((gradient.params[j] - difference).abs() <= 1e-5, "{j}: {} {difference}", gradient.params[j]);
        assert!((gradient.params[j] - by_duals.params[j]).abs() <= 1e-9, "{j}: {gradient:?} {by_duals:?}");
    }
    // The top speed moves the whole trajectory, the grip and the goal do not.
    assert!(gradient.params[1].abs() > 1.0 && gradient.params[0] == 0.0, "{gradient:?}");
    let solution = solve(car::Car, at_once, PARAMS.into(), settings);
    let other = Ilqr::new(car::Car, T, settings).unwrap().vjp(&solution, &loss()).unwrap();
    // The controls of both solutions are zero where they do not change the speed, and the rows are linear in them.
    assert!((other.params[1] - gradient.params[1]).abs() <= 1e-6, "{other:?}");
}

/// Kernels in lanes: in each lane the row counts where its multiplier is not zero.
#[test]
fn lanes() {
    let lanes = |values: [f64; 4]| F64x4::from_lanes(|lane| values[lane]);
    let x = SVector::from_fn(|_, _| lanes([0.0; 4]));
    let u = SVector::from([lanes([0.0, 0.6, 0.6, 0.0]), lanes([0.0, 0.8, 0.8, 0.0])]);
    let (p, none) = (SVector::from(PARAMS).map(|p| lanes([p; 4])), SVector::zeros());
    let mut out = ConstraintExpansion::zeros(2);
    let mu = [lanes([0.0, 1.0, 0.0, 1.0]), lanes([2.0; 4])];
    car::Car.expand_stage_constraints(Stage::new(&x, &u, &p, &none), &mu, &mut out);
    let entry: [f64; 4] = core::array::from_fn(|lane| out.huu[(0, 0)].lane(lane));
    // The Hessian of the norm at a vector of length one is I - u u'. A few roundings of numbers of size one.
    assert!(entry[0] == 0.0 && (entry[1] - 0.64).abs() <= 1e-14 && entry[2] == 0.0 && entry[3].is_nan(), "{entry:?}");
}

/// The curvature and the parameter terms of the kernels: a row without a multiplier adds nothing, one with a multiplier is not hidden.
#[test]
fn kernels_at_rest() {
    let (x, u, p, none) = (SVector::from([0.0; 4]), SVector::from([0.0; 2]), SVector::from(PARAMS), SVector::zeros());
    let at = Stage::new(&x, &u, &p, &none);
    for (mu, is_finite) in [([0.0, 2.0], true), ([0.0, 0.0], true), ([1.0, 2.0], false)] {
        let mut out = [ConstraintExpansion::zeros(2), ConstraintExpansion::zeros(2), ConstraintExpansion::zeros(2)];
        car::Car.expand_stage_constraints(at, &mu, &mut out[0]);
        AutoDiff(car::Car).expand_stage_constraints(at, &mu, &mut out[1]);
        NumDiff(car::Car).expand_stage_constraints(at, &mu, &mut out[2]);
        for (out, is_exact) in out.into_iter().zip([true, true, false]) {
            // Differences of a norm at zero are finite, and large.
            let is_zero = out.huu.iter().all(|entry| *entry == 0.0);
            assert!(is_zero == is_finite && (is_finite || !is_exact || out.huu.amax().is_nan()), "{mu:?}: {}", out.huu);
            assert_eq!(out.c.as_slice(), [-4.0, -1.0]);
        }
        let mut terms = ConstraintParameterTerms::zeros(2);
        car::Car.stage_constraint_terms(at, &mu, &mut terms);
        assert!(terms.hup.iter().all(|entry| *entry == 0.0) && terms.cp[1][1] == -1.0, "{mu:?}: {}", terms.hup);
    }
}

/// A multiplier that is zero and moves: the change of the curvature is that of the row, here away from rest.
#[test]
fn multipliers_that_move() {
    let number = |re: f64, eps: f64| Dual64::new(re, eps);
    let x = SVector::from_fn(|_, _| number(0.0, 0.0));
    let u = SVector::from([number(0.6, 0.0), number(0.8, 0.0)]);
    let p = SVector::from(PARAMS).map(|p| number(p, 0.0));
    let none = SVector::zeros();
    let mut out = ConstraintExpansion::zeros(2);
    let mu = [number(0.0, 1.0), number(0.0, 0.0)];
    car::Car.expand_stage_constraints(Stage::new(&x, &u, &p, &none), &mu, &mut out);
    // The Hessian of the norm at a vector of length one: I - u u'.
    let expected = SMatrix::<f64, 2, 2>::identity() - SVector::from([0.6, 0.8]) * SVector::from([0.6, 0.8]).transpose();
    for (given, expected) in out.huu.iter().zip(&expected) {
        // A few roundings of numbers of size one.
        assert!(given.re == 0.0 && (given.eps - expected).abs() <= 1e-14, "{}", out.huu);
    }
}

/// A tank whose level is empty at first: the root of the level has an infinite derivative there. The level is kept up to a top.
#[dilqr_runtime::model]
pub mod tank {
    pub struct State {
        pub level: f64,
    }
    pub struct Control {
        pub inflow: f64,
        #[bounds(None, (p.wide * p.narrow).sqrt() + 9.0)]
        pub other: f64,
    }
    pub struct Params {
        pub most: f64,
        pub top: f64,
        pub goal: f64,
        pub wide: f64,
        pub narrow: f64,
    }
    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { level: x.level + 0.5 * u.inflow + 0.1 * u.other }
    }
    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        (x.level - p.goal).powi(2) + 0.1 * u.inflow * u.inflow + u.other * u.other
    }
    pub fn terminal_cost(x: State, p: Params) -> f64 {
        (x.level - p.goal).powi(2)
    }
    pub fn stage_constraints(x: State, u: Control, p: Params) -> [f64; 3] {
        [x.level.sqrt() - p.most, u.inflow - p.top, (1.0 + (x.level - 1e3 * x.level.sqrt()).exp()).recip() - 2.0]
    }
}

/// The given level is zero, and inflow at its limit.
#[test]
fn an_empty_tank() {
    let settings = Settings { tolerance: 1e-11, ..Settings::default() };
    let params = SVector::from([2.0, 1.0, 1.5, 0.0, 1.0]);
    let solve = |params: SVector<f64, 5>| {
        let solution = Ilqr::new(tank::Tank, 5, settings).unwrap().solve(&Problem::new([0.0], params, 5)).unwrap();
        assert_eq!(solution.status, Status::Converged, "{:?}\n{}", solution.cause, solution.stats);
        solution
    };
    let solution = solve(params);
    assert!(solution.certificate().active.len() >= 2 && solution.stats.violation < 1e-9, "{}", solution.stats);
    let mut loss = LossGradient::zeros(5);
    loss.states[5][0] = 1.0;
    loss.controls[2][0] = 0.3;
    let value = |params| {
        let solution = solve(params);
        solution.states[5][0] + 0.3 * solution.controls[2][0]
    };
    let mut solver = Ilqr::new(tank::Tank, 5, settings).unwrap();
    let gradient = solver.vjp(&solution, &loss).unwrap();
    let jacobian = solver.jacobian(&solution).unwrap();
    let along = Direction::new([0.0, 1.0, 0.0, 0.0, 0.0]);
    let second = solver.hvp(&solution, &loss, &along, |_, _| LossGradient::zeros(5)).unwrap();
    // The problem is linear in its parameters as long as the same limits are active.
    assert!(second.params.amax() <= 1e-7, "{second:?}");
    for j in 0..3 {
        let moved = |by: f64| {
            let mut params = params;
            params[j] += by;
            value(params)
        };
        let difference = (moved(1e-4) - moved(-1e-4)) / 2e-4;
        // Differences of solves to 1e-11 with this step, of losses of size one.
        assert!((gradient.params[j] - difference).abs() <= 1e-6, "{j}: {} {difference}", gradient.params[j]);
        let forward = jacobian.states[5][(0, j)] + 0.3 * jacobian.controls[2][(0, j)];
        assert!((gradient.params[j] - forward).abs() <= 1e-9, "{j}: {} {forward}", gradient.params[j]);
    }
    assert!(gradient.params[1].abs() > 0.1, "{gradient:?}");
    // An inactive bound whose derivative is infinite.
    assert_eq!(gradient.params[3], 0.0);
}
