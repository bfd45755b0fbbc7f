//! Solves that end at a kink of the model name it, with its stage; smooth models never do.

use dilqr_runtime::model::{Stage, Terminal};
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{Cause, Hessian, Ilqr, Model, Problem, Scalar, Settings, Solution, Status};

fn c<S: Scalar>(value: f64) -> S {
    S::from_f64(value)
}

/// Unit factors of cost, states and controls.
type Units = [f64; 3];

/// `x+ = x + u`. Stage 2 prices `|x - u|`, whose minimum is at the kink; the others are smooth. `BRANCHES` is what the
/// model declares.
#[derive(Clone, Copy, Debug)]
struct Distance<const BRANCHES: bool>(Units);

impl<const BRANCHES: bool> Model<1, 1, 0, 1> for Distance<BRANCHES> {
    const HAS_KINKS: bool = BRANCHES;

    fn dynamics<S: Scalar>(&self, at: Stage<'_, S, 1, 1, 0, 1>, next: &mut SVector<S, 1>) {
        let [_, states, controls] = self.0;
        next[0] = at.x[0] + at.u[0] * c(states / controls);
    }
    fn stage_cost<S: Scalar>(&self, at: Stage<'_, S, 1, 1, 0, 1>) -> S {
        let [cost, states, controls] = self.0;
        let (x, u) = (at.x[0] / c(states), at.u[0] / c(controls));
        ((x - u).abs() * at.s[0] + u * u * c(0.1)) * c(cost)
    }
    fn terminal_cost<S: Scalar>(&self, at: Terminal<'_, S, 1, 0, 1>) -> S {
        let [cost, states, _] = self.0;
        let gap = at.x[0] / c(states) - c(2.5);
        gap * gap * c(0.1 * cost)
    }
}

/// `x+ = clamp(x + u, -1, 1)` towards a goal beyond, at a price of the control: the best control goes to the limit and no
/// further.
#[derive(Clone, Copy, Debug)]
struct Saturated(Units);

impl Model<1, 1, 0, 1> for Saturated {
    const HAS_KINKS: bool = true;

    fn dynamics<S: Scalar>(&self, at: Stage<'_, S, 1, 1, 0, 1>, next: &mut SVector<S, 1>) {
        let [_, states, controls] = self.0;
        let free = at.x[0] / c(states) + at.u[0] / c(controls);
        let below = S::select(free.less(c(-1.0)), c(-1.0), free);
        next[0] = S::select(c::<S>(1.0).less(below), c(1.0), below) * c(states);
    }
    fn stage_cost<S: Scalar>(&self, at: Stage<'_, S, 1, 1, 0, 1>) -> S {
        let [cost, states, controls] = self.0;
        let (gap, u) = (at.x[0] / c(states) - c(2.0), at.u[0] / c(controls));
        (gap * gap + u * u * c(0.01)) * c(cost)
    }
    fn terminal_cost<S: Scalar>(&self, at: Terminal<'_, S, 1, 0, 1>) -> S {
        let [cost, states, _] = self.0;
        let gap = at.x[0] / c(states) - c(2.0);
        gap * gap * c(cost)
    }
}

/// A smooth model that declares branches: the pendulum's swing, without friction.
#[derive(Clone, Copy, Debug)]
struct Smooth;

impl Model<2, 1, 0> for Smooth {
    const HAS_KINKS: bool = true;

    fn dynamics<S: Scalar>(&self, at: Stage<'_, S, 2, 1, 0>, next: &mut SVector<S, 2>) {
        let h = c::<S>(0.1);
        next[1] = at.x[1] + h * (at.x[0].sin() * c(9.81) + at.u[0]);
        next[0] = at.x[0] + h * next[1];
    }
    fn stage_cost<S: Scalar>(&self, at: Stage<'_, S, 2, 1, 0>) -> S {
        c::<S>(1.0) - at.x[0].cos() + c::<S>(0.01) * at.u[0] * at.u[0]
    }
    fn terminal_cost<S: Scalar>(&self, at: Terminal<'_, S, 2, 0>) -> S {
        c::<S>(10.0) * (c::<S>(1.0) - at.x[0].cos() + at.x[1] * at.x[1])
    }
}

/// Units of cost, states and controls.
const UNITS: [Units; 9] = [
    [1.0, 1.0, 1.0],
    [1e-9, 1.0, 1.0],
    [1e9, 1.0, 1.0],
    [1.0, 1e-6, 1.0],
    [1.0, 1e6, 1.0],
    [1.0, 1.0, 1e-6],
    [1.0, 1.0, 1e6],
    [1e-6, 1e3, 1e-3],
    [1e6, 1e-3, 1e3],
];

/// Solves with the settings of each Hessian, from three guesses.
fn solve_all<M>(model: M, states: f64, controls: f64, x0: f64) -> Vec<Solution<1, 1, 0, 1>>
where
    M: Model<1, 1, 0, 1> + Copy,
{
    let mut solutions = Vec::new();
    for hessian in [Hessian::Exact, Hessian::GaussNewton] {
        let settings = Settings { hessian, ..Settings::default() };
        let mut solver = Ilqr::new(model, 5, settings).unwrap();
        for guess in [0.0, 0.3, 2.0] {
            solutions.push(solver.solve(&problem(x0 * states, guess * controls)).unwrap());
        }
    }
    solutions
}

/// Over five stages, with a stage parameter that is 1 at stage 2 alone.
fn problem(x0: f64, control: f64) -> Problem<1, 1, 0, 1> {
    let mut at_two = [[0.0]; 6];
    at_two[2][0] = 1.0;
    Problem::new([x0], [], 5).with_controls(&[[control]; 5]).with_stage_params(&at_two)
}

#[test]
fn a_minimum_of_an_absolute_value() {
    for units in UNITS {
        let [_, states, controls] = units;
        for solution in solve_all(Distance::<true>(units), states, controls, 1.0) {
            assert_eq!(solution.status, Status::LineSearchFailed, "{units:?}");
            assert_eq!(solution.cause, Some(Cause::Kink { stage: 2 }), "{units:?}");
            let (x, u) = (solution.states[2][0] / states, solution.controls[2][0] / controls);
            assert!((x - u).abs() < 1e-9);
        }
    }
}

#[test]
fn a_saturation_of_the_state() {
    for units in UNITS {
        let [_, states, controls] = units;
        for solution in solve_all(Saturated(units), states, controls, -1.5) {
            assert_eq!(solution.status, Status::LineSearchFailed, "{units:?}");
            let Some(Cause::Kink { stage }) = solution.cause else { panic!("{:?}, {units:?}", solution.cause) };
            // The stage that ends at the limit with no force to spare.
            let next = solution.states[stage][0] / states + solution.controls[stage][0] / controls;
            assert!((next - 1.0).abs() < 1e-9, "{next} at {stage}, {units:?}");
        }
    }
}

#[test]
fn a_model_that_declares_no_branches() {
    for solution in solve_all(Distance::<false>([1.0; 3]), 1.0, 1.0, 1.0) {
        assert_eq!((solution.status, solution.cause), (Status::LineSearchFailed, None));
    }
}

/// Wherever a solve of a smooth model is cut off, and where it is stuck at a saddle, no kink is seen.
#[test]
fn smooth_models_with_branches() {
    for (angle, guess) in [(3.0, 0.0), (1.0, 5.0), (-2.0, -1.0), (std::f64::consts::PI, 0.0)] {
        for max_iterations in 0..12 {
            let settings = Settings { max_iterations, ..Settings::default() };
            let problem = Problem::new([angle, 0.0], [], 30).with_controls(&[[guess]; 30]);
            let solution = Ilqr::new(Smooth, 30, settings).unwrap().solve(&problem).unwrap();
            assert_eq!(solution.cause, None, "{} from {angle} after {max_iterations}", solution.status);
        }
    }
}

#[test]
fn the_text_of_the_cause() {
    assert_eq!(Cause::Kink { stage: 7 }.to_string(), "a kink of the model at stage 7");
}

#[test]
fn in_lanes() {
    let model = Distance::<true>([1.0; 3]);
    let problems: Vec<_> = (0..11).map(|i| problem(1.0 + 0.1 * f64::from(i), 0.2 * f64::from(i))).collect();
    let lanes = dilqr_runtime::batch::solve_lanes(&model, 5, &Settings::default(), &problems);
    let single = dilqr_runtime::batch::solve(&model, 5, &Settings::default(), &problems);
    let format = |solution: &_| format!("{solution:?}");
    // Of the same text, since a step that was not measured is NaN.
    assert!(lanes.iter().map(format).eq(single.iter().map(format)));
    assert!(lanes.iter().flatten().any(|solution| matches!(solution.cause, Some(Cause::Kink { stage: 2 }))));
}
