//! Bounds whose sides touch hold their variable: a state, a rate, a design variable. Solutions beside those of equalities, gradients
//! beside central differences. And bounds that leave no trajectory, as causes.

use dilqr_runtime::model::{Limit, Variable};
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{Cause, Formulation, Ilqr, LossGradient, Problem, Settings, Solution, Status};

/// A cart whose speed is held at some stages, and the size of whose motor is given by touching bounds.
#[dilqr_runtime::model]
pub mod held {
    pub struct State {
        pub x: f64,
        #[bounds(p.speed - s.below, p.speed + s.above)]
        pub v: f64,
    }
    pub struct Control {
        pub u: f64,
        #[rate_bounds(0.0, 0.0)]
        pub trim: f64,
    }
    pub struct Params {
        pub goal: f64,
        pub speed: f64,
        pub size: f64,
    }
    pub struct StageParams {
        pub below: f64,
        pub above: f64,
    }
    pub struct Design {
        #[bounds(p.size, p.size)]
        pub size: f64,
    }
    pub fn dynamics(x: State, u: Control, _p: Params, d: Design) -> State {
        State { x: x.x + 0.1 * x.v, v: x.v + 0.1 * (d.size * u.u + 0.2 * u.trim) }
    }
    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        (x.x - p.goal).powi(2) + 0.1 * u.u * u.u + 0.1 * u.trim * u.trim
    }
    pub fn terminal_cost(x: State, p: Params, d: Design) -> f64 {
        5.0 * (x.x - p.goal).powi(2) + x.v * x.v + (d.size - 2.0).powi(2)
    }
}

/// The same with equalities; the trim is 0.3.
#[dilqr_runtime::model]
pub mod equal {
    pub struct State {
        pub x: f64,
        pub v: f64,
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {
        pub goal: f64,
        pub speed: f64,
        pub size: f64,
    }
    pub struct StageParams {
        pub on: f64,
    }
    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        State { x: x.x + 0.1 * x.v, v: x.v + 0.1 * (p.size * u.u + 0.2 * 0.3) }
    }
    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        (x.x - p.goal).powi(2) + 0.1 * u.u * u.u
    }
    pub fn terminal_cost(x: State, p: Params) -> f64 {
        5.0 * (x.x - p.goal).powi(2) + x.v * x.v + (p.size - 2.0).powi(2)
    }
    pub fn stage_equalities(x: State, _u: Control, p: Params, s: StageParams) -> [f64; 1] {
        [s.on * (x.v - p.speed)]
    }
}

const T: usize = 10;

fn settings() -> Settings {
    Settings { tolerance: 1e-12, ..Settings::default() }
}

fn weights<const NX: usize, const NU: usize, const ND: usize>() -> LossGradient<NX, NU, ND> {
    let mut loss = LossGradient::zeros(T);
    for (t, (states, controls)) in loss.states.iter_mut().zip(&mut loss.controls).enumerate() {
        *states = SVector::from_fn(|i, _| (1.0 + 1.7 * (3 * t + i) as f64).sin());
        controls[0] = (4.4 + 5.1 * t as f64).sin();
    }
    loss
}

fn solved<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize>(
    solver: &mut Ilqr<M, NX, NU, NP, NS, ND>,
    problem: &Problem<NX, NU, NP, NS, ND>,
) -> Solution<NX, NU, NP, NS, ND>
where
    M: Formulation<NX, NU, NP, NS, ND>,
{
    let solution = solver.solve(problem).unwrap();
    assert_eq!(solution.status, Status::Converged, "{:?}", solution.stats);
    solution
}

/// Stages at which the speed is held, and goals that pull at one side or the other.
#[test]
fn touching_sides_are_equalities() {
    let mut held = Ilqr::new(held::Held, T, settings()).unwrap();
    let mut equal = Ilqr::new(equal::Equal, T, settings()).unwrap();
    for stages in [1..T, 5..6, 4..7] {
        for (goal, speed) in [(1.0, 0.5), (100.0, 0.5), (-100.0, 0.25)] {
            let at = |t: usize| stages.contains(&t);
            let room: Vec<[f64; 2]> = (0..=T).map(|t| if at(t) { [0.0, 0.0] } else { [1e4, 2e4] }).collect();
            let on: Vec<[f64; 1]> = (0..=T).map(|t| [f64::from(at(t))]).collect();
            let params = SVector::from([goal, speed, 1.5]);
            let bounded = |params: SVector<f64, 3>| {
                let problem = Problem::new([0.0, 0.0], params, T).with_stage_params(&room);
                problem.with_design([1.0]).with_previous([0.0, 0.3])
            };
            let solution = solved(&mut held, &bounded(params));
            let by_hand = solved(&mut equal, &Problem::new([0.0, 0.0], params, T).with_stage_params(&on));
            // Solves to 1e-12 of numbers up to 1e3.
            assert!((solution.design[0] - 1.5).abs() < 1e-12, "{}", solution.design);
            for (x, y) in solution.states.iter().zip(&by_hand.states) {
                assert!((x - y).norm() < 1e-8 * (1.0 + y.norm()), "{stages:?} {goal}: {x}{y}");
            }
            let gradient = held.vjp(&solution, &weights()).unwrap();
            let expected = equal.vjp(&by_hand, &weights()).unwrap();
            let scale = 1.0 + expected.params.amax();
            assert!((gradient.params - expected.params).norm() < 1e-7 * scale, "{gradient:?}, {expected:?}");
            let difference = SVector::<f64, 3>::from_fn(|j, _| {
                // The problem is quadratic but in the size, where the error is some 1e-8 of the third derivative.
                let h = 1e-4;
                let mut at = |change: f64| {
                    let mut params = params;
                    params[j] += change;
                    let moved = solved(&mut held, &bounded(params));
                    let loss = weights::<2, 2, 1>();
                    let states: f64 = moved.states.iter().zip(&loss.states).map(|(x, g)| x.dot(g)).sum();
                    states + moved.controls.iter().zip(&loss.controls).map(|(u, g)| u.dot(g)).sum::<f64>()
                };
                (at(h) - at(-h)) / (2.0 * h)
            });
            assert!((gradient.params - difference).norm() < 1e-6 * scale, "{gradient:?}, {difference}");
        }
    }
}

/// An interval between design variables that leaves no room, and room that needs more than a design variable may be.
#[dilqr_runtime::model]
pub mod room {
    pub struct State {
        #[bounds(-d.room, p.top + d.room)]
        pub x: f64,
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {
        pub top: f64,
    }
    pub struct Design {
        #[bounds(None, 1.0)]
        pub room: f64,
    }
    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { x: 0.9 * x.x + u.u }
    }
    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        (x.x - 1.0).powi(2) + u.u * u.u
    }
    pub fn terminal_cost(x: State, _p: Params, d: Design) -> f64 {
        x.x * x.x + d.room * d.room
    }
}

/// No design variable makes room for the state: the cause names a limit that takes part in the contradiction.
#[test]
fn what_leaves_no_room_is_named() {
    let mut solver = Ilqr::new(room::Room, 5, settings()).unwrap();
    let solution = solver.solve(&Problem::new([0.2], [-3.0], 5).with_design([0.5])).unwrap();
    assert_eq!(solution.status, Status::Infeasible);
    let Some(Cause::Violated { limit, stage }) = solution.cause else { panic!("{:?}", solution.cause) };
    assert_eq!(solution.stats.violation_stage, Some(stage));
    let state = Variable::StateEntry(0);
    let design = Limit::UpperBound { variable: Variable::DesignEntry(0) };
    let sides = [Limit::LowerBound { variable: state }, Limit::UpperBound { variable: state }];
    assert!(limit == design && stage == 0 || sides.contains(&limit) && stage > 0, "{limit} {stage}");
    let text = solution.cause.unwrap().to_string();
    assert_eq!(text, format!("{limit} is violated most, at stage {stage}"));
    // With room enough there is none.
    let solution = solved(&mut solver, &Problem::new([0.2], [-1.0], 5).with_design([0.5]));
    assert!(solution.cause.is_none() && solution.design[0] > 0.5);
}
