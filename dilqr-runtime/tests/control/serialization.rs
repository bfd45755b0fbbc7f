//! Data: what was written is read back to the bit, and what is not of this type, model or version is refused.

use std::fmt::Debug;

use crate::support::{self, BoundedPendulum, Pendulum, Reference, Tracking, rail, solve};
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{
    Certificate, Gradient, Hessian, Ilqr, Jacobian, LossGradient, Model, Problem, Settings, Solution, Stats, Status,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, from_str, from_value, json, to_string, to_value};

/// Reads what was written. Compared as text, since NaN is not equal to itself.
fn round_trip<T: Serialize + DeserializeOwned + Debug>(value: &T) -> T {
    let read: T = from_str(&to_string(value).unwrap()).unwrap();
    assert_eq!(format!("{read:?}"), format!("{value:?}"));
    read
}

/// A solution with limits or without, its gradients and its certificate, and the problem itself.
fn check<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: M,
    problem: &Problem<NX, NU, NP, NS>,
    settings: Settings,
) where
    M: Model<NX, NU, NP, NS> + Copy,
{
    let settings = round_trip(&settings);
    let mut solver = Ilqr::new(model, problem.horizon(), settings).unwrap();
    let problem = round_trip(problem);
    let solution = solve(&mut solver, &problem);
    let read = round_trip(&solution);
    assert_eq!(read, solution);
    assert_eq!(round_trip(&read.certificate()), solution.certificate());
    let loss = round_trip(&LossGradient::new(solution.states.clone(), solution.controls.clone()));
    let gradient = round_trip(&solver.vjp(&read, &loss).unwrap());
    assert_eq!(gradient, solver.vjp(&solution, &loss).unwrap());
    assert_eq!(round_trip(&solver.jacobian(&read).unwrap()), solver.jacobian(&solution).unwrap());
    // A guess with feedback and multipliers.
    let warm = problem.clone().with_warm_start(&model, &solution);
    assert_eq!(solve(&mut solver, &round_trip(&warm)), solve(&mut solver, &warm));
}

#[test]
fn what_is_written_is_read() {
    let reference = Reference::read("pendulum");
    check(Pendulum, &reference.problem(), Settings::default());
    check(Pendulum, &Problem::new([0.1, 0.0], [10.0, 1.0, 1.0], 5), Settings::default());
    let gauss_newton = Settings { hessian: Hessian::GaussNewton, ..Settings::default() };
    check(BoundedPendulum, &Reference::read("pendulum_bounded").problem(), gauss_newton);
    check(support::Rail, &rail(), Settings::default());
    check(support::Rail, &rail(), Settings { relaxation: Some(1e-2), ..Settings::default() });
    let mut solver = Ilqr::new(support::Rail, 25, Settings::default()).unwrap();
    let rounds = solver.augmented_path(&rail(), 2).unwrap();
    let read = round_trip(&rounds[1]);
    assert_eq!(read, rounds[1]);
    let loss = LossGradient::new(read.states.clone(), read.controls.clone());
    assert_eq!(solver.vjp(&read, &loss).unwrap(), solver.vjp(&rounds[1], &loss).unwrap());
    let stages = [[0.1, 0.05]; 11];
    check(Tracking, &Problem::new([0.3, 0.0], [9.0, 0.05], 10).with_stage_params(&stages), Settings::default());
}

/// Numbers that are not finite, which JSON does not have, and empty solutions.
#[test]
fn numbers_that_are_not_finite() {
    round_trip(&Solution::<2, 1, 3>::empty(4));
    round_trip(&Stats::default());
    round_trip(&Problem::<2, 1, 3>::new([f64::NAN, -0.0], [f64::INFINITY, f64::NEG_INFINITY, 5e-324], 4));
    let mut solver = Ilqr::new(Pendulum, 4, Settings::default()).unwrap();
    let diverged = round_trip(&solver.solve(&Problem::new([0.1, 0.0], [10.0, 0.0, 1.0], 4)).unwrap());
    assert_eq!(diverged.status, Status::Diverged);
    assert!(diverged.cause.is_some());
    let error = from_value::<Stats>(edit(&Stats::default(), "/step", json!("nan"))).unwrap_err();
    assert!(error.to_string().contains("expected a number, `NaN`, `inf` or `-inf`"), "{error}");
    assert_eq!(to_value(Status::LineSearchFailed).unwrap(), json!("line_search_failed"));
    assert!(from_value::<Status>(json!("solved")).is_err());
}

fn edit(value: &impl Serialize, pointer: &str, to: Value) -> Value {
    let mut data = to_value(value).unwrap();
    *data.pointer_mut(pointer).unwrap() = to;
    data
}

fn refused<T: DeserializeOwned>(data: Value) -> String {
    match from_value::<T>(data) {
        Ok(_) => panic!("it was accepted"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn data_of_another_model_type_or_version() {
    type Wanted = Solution<2, 1, 3>;
    let solution = Solution::<4, 1, 4>::empty(3);
    let text = to_string(&solution).unwrap();
    let expected = "data of a solution of another model: its number of states is 4, expected 2";
    assert!(from_str::<Wanted>(&text).unwrap_err().to_string().starts_with(expected));
    assert_eq!(
        refused::<Gradient<2, 5>>(to_value(Gradient::<2, 3>::zeros(3)).unwrap()),
        "data of a gradient of another model: its number of parameters is 3, expected 5"
    );
    assert_eq!(
        refused::<Problem<2, 1, 3>>(to_value(Problem::<2, 1, 3, 2>::new([0.0; 2], [0.0; 3], 3)).unwrap()),
        "data of a problem of another model: its number of stage parameters is 2, expected 0"
    );
    assert_eq!(
        refused::<LossGradient<2, 1>>(to_value(LossGradient::<2, 2>::zeros(3)).unwrap()),
        "data of a loss gradient of another model: its number of controls is 2, expected 1"
    );
    assert_eq!(
        refused::<Wanted>(to_value(Gradient::<2, 3>::zeros(3)).unwrap()),
        "data of a gradient, expected a solution"
    );
    let solution = Wanted::empty(3);
    assert_eq!(
        refused::<Wanted>(edit(&solution, "/about/version", json!(1))),
        "data of a solution in version 1 of the format, expected version 4"
    );
    assert_eq!(
        refused::<Settings>(edit(&Settings::default(), "/about/version", json!(0))),
        "data of a settings record in version 0 of the format, expected version 4"
    );
    assert_eq!(refused::<Certificate>(json!({})), "missing field `about`");
}

#[test]
fn data_that_is_cut_or_edited() {
    type Wanted = Solution<2, 1, 3>;
    let solution = Wanted::empty(3);
    let text = to_string(&solution).unwrap();
    for end in [0, 1, 20, 200, text.len() - 1] {
        assert!(from_str::<Wanted>(&text[..end]).is_err(), "{end}");
    }
    let two = json!([["NaN"], ["NaN"]]);
    assert_eq!(refused::<Wanted>(edit(&solution, "/controls", two)), "the list of states has length 4, expected 3");
    assert_eq!(refused::<Wanted>(edit(&solution, "/gains", json!([]))), "the list of gains has length 0, expected 3");
    assert_eq!(
        refused::<Wanted>(edit(&solution, "/states/1", json!([1.0]))),
        "a vector or matrix has 1 entries, expected 2"
    );
    assert_eq!(
        refused::<LossGradient<2, 1>>(edit(&LossGradient::<2, 1>::zeros(2), "/states", json!([]))),
        "the loss gradient in the states has length 0, expected 3"
    );
    let jacobian = json!({
        "about": { "data": "Jacobian", "version": 4, "sizes": { "states": 2, "controls": 1, "parameters": 1 } },
        "states": [[1.0, 2.0]], "controls": [[1.0]], "design": [],
    });
    assert_eq!(refused::<Jacobian<2, 1, 1>>(jacobian), "the list of states has length 1, expected 2");
    let mut more = to_value(Settings::default()).unwrap();
    more["colour"] = json!(1);
    assert!(refused::<Settings>(more).starts_with("unknown field `colour`"));
    let mut fewer = to_value(&solution).unwrap();
    fewer.as_object_mut().unwrap().remove("stats");
    assert_eq!(refused::<Wanted>(fewer), "missing field `stats`");
}

/// A solution that was edited as data is refused by the gradient, as any other.
#[test]
fn an_edited_solution_has_no_gradient() {
    let mut solver = Ilqr::new(Pendulum, 10, Settings::default()).unwrap();
    let solution = solve(&mut solver, &Problem::new([0.1, 0.0], [10.0, 1.0, 1.0], 10));
    let edited: Solution<2, 1, 3> = from_value(edit(&solution, "/controls/3/0", json!(7.0))).unwrap();
    assert!(solver.vjp(&edited, &LossGradient::zeros(10)).is_err());
    // Nor one that claims to have converged.
    let short: Solution<2, 1, 3> = from_value(to_value(Solution::<2, 1, 3>::empty(9)).unwrap()).unwrap();
    assert!(solver.vjp(&short, &LossGradient::zeros(10)).is_err());
}

#[test]
fn a_policy_is_no_data() {
    let problem = Problem::new([0.1, 0.0], [10.0, 1.0, 1.0], 5)
        .with_policy(&Pendulum, |_, x: &SVector<f64, 2>| [-8.0 * x[0] - 2.0 * x[1]]);
    let error = to_string(&problem).unwrap_err();
    assert!(error.to_string().starts_with("a problem with a policy is no data"), "{error}");
}
