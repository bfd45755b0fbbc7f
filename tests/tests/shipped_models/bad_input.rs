//! Compiled models with invalid input, or with input outside the domain of their functions. The result is an error or a
//! status, never a panic or a wrong number.

use dilqr_models::{cartpole, lqr, pendulum};
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{
    Formulation, Hessian, Ilqr, InputError, LossGradient, Mhe, Model, Mpc, Problem, Settings, SettingsError, Solution,
    SolveError, Status, batch,
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

/// Bounds of every kind of variable, with sides from parameters and from parameters of the stages.
#[dilqr_runtime::model]
pub mod intervals {
    pub struct State {
        pub x: f64,
        #[bounds(s.low, p.high)]
        pub v: f64,
    }
    pub struct Control {
        #[bounds(-s.most, p.most)]
        #[rate_bounds(-p.slow.sqrt(), p.fast)]
        pub u: f64,
    }
    pub struct Params {
        pub high: f64,
        pub most: f64,
        pub slow: f64,
        pub fast: f64,
        pub least: f64,
    }
    pub struct Design {
        #[bounds(p.least, 2.0)]
        pub scale: f64,
    }
    pub struct StageParams {
        pub low: f64,
        pub most: f64,
    }
    pub fn dynamics(x: State, u: Control, _p: Params, d: Design) -> State {
        State { x: x.x + 0.1 * x.v, v: x.v + 0.1 * d.scale * u.u }
    }
    pub fn stage_cost(x: State, u: Control, _p: Params, d: Design) -> f64 {
        x.x.powi(2) + u.u.powi(2) + (d.scale - 1.0).powi(2)
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.x.powi(2) + x.v.powi(2)
    }
}

/// A model without more variables, whose start is free.
#[dilqr_runtime::model(initial_state = free)]
pub mod corridor {
    pub struct State {
        #[bounds(p.floor, s.ceiling)]
        pub x: f64,
    }
    pub struct Control {
        pub noise: f64,
    }
    pub struct Params {
        pub floor: f64,
    }
    pub struct StageParams {
        pub measured: f64,
        pub ceiling: f64,
    }
    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { x: 0.9 * x.x + u.noise }
    }
    pub fn stage_cost(x: State, u: Control, _p: Params, s: StageParams) -> f64 {
        (x.x - s.measured).powi(2) + u.noise.powi(2)
    }
    pub fn terminal_cost(x: State, _p: Params, s: StageParams) -> f64 {
        (x.x - s.measured).powi(2)
    }
}

/// A problem is refused with this message by every solve; a good one beside it is solved.
fn refused_by_solves<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize>(
    model: M,
    [good, bad]: [&Problem<NX, NU, NP, NS, ND>; 2],
    expected: &str,
) where
    M: Formulation<NX, NU, NP, NS, ND> + Copy,
{
    let (horizon, settings) = (bad.horizon(), Settings::default());
    // By their texts: bounds that are no number are not equal to themselves.
    let same = |error: SolveError| assert_eq!(error.to_string(), expected);
    let mut solver = Ilqr::new(model, horizon, settings).unwrap();
    same(solver.solve(bad).unwrap_err());
    let mut solution = Solution::empty(horizon);
    same(solver.solve_into(bad, &mut solution).unwrap_err());
    assert_eq!(solution.status, Status::Unsolved);
    same(solver.solve_and_differentiate(bad).map(|_| ()).unwrap_err());
    let problems = [good.clone(), bad.clone()];
    let batches = [
        batch::solve(&model, horizon, &settings, &problems),
        batch::solve_lanes(&model, horizon, &settings, &problems),
    ];
    for mut results in batches {
        same(results.pop().unwrap().unwrap_err());
        assert_eq!(results.pop().unwrap().unwrap().status, Status::Converged);
    }
    let loss = |_: usize, _: &Solution<NX, NU, NP, NS, ND>| LossGradient::zeros(horizon);
    let mut results = batch::solve_and_vjp(&model, horizon, &settings, &problems, loss);
    same(results.pop().unwrap().map(|_| ()).unwrap_err());
    assert!(results.pop().unwrap().unwrap().1.is_ok());
}

/// A problem is refused with this message by every solve and by a controller.
fn refused<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize>(
    model: M,
    [good, bad]: [&Problem<NX, NU, NP, NS, ND>; 2],
    expected: &str,
) where
    M: Formulation<NX, NU, NP, NS, ND> + Copy,
{
    refused_by_solves(model, [good, bad], expected);
    let mut mpc = Mpc::new(model, *bad.params(), bad.horizon(), Settings::default()).unwrap();
    mpc.set_stage_params(bad.stage_params());
    mpc.set_design(*bad.design());
    if let Some(&previous) = bad.previous() {
        mpc.set_previous(previous);
    }
    assert_eq!(mpc.step(bad.x0()).unwrap_err().to_string(), expected);
}

#[test]
fn reversed_bounds_are_named() {
    type Edit = fn(&mut intervals::Params, &mut [intervals::StageParams]);
    let problem = |edit: Edit| {
        let mut params = intervals::Params { high: 1.0, most: 1.0, slow: 0.25, fast: 0.5, least: 0.5 };
        let mut stages = [intervals::StageParams { low: -1.0, most: 1.0 }; 6];
        edit(&mut params, &mut stages);
        let problem = intervals::Problem::new([0.5, 0.0], params, 5);
        problem.with_stage_params(&stages).with_design([1.0]).with_previous([0.0])
    };
    let good = problem(|_, _| {});
    let cases: [(Edit, &str); 10] = [
        (|_, s| s[3].low = 2.0, "state `v` at stage 3 are reversed: 2 to 1, expected the lower one first"),
        (|_, s| s[5].low = 1.5, "state `v` at stage 5 are reversed: 1.5 to 1, expected the lower one first"),
        (|p, _| p.high = -2.0, "state `v` at stage 1 are reversed: -1 to -2, expected the lower one first"),
        (|_, s| s[0].most = -4.0, "control `u` at stage 0 are reversed: 4 to 1, expected the lower one first"),
        (
            |p, _| p.fast = -0.75,
            "the rate of control `u` at stage 0 are reversed: -0.5 to -0.75, expected the lower one first",
        ),
        (|p, _| p.least = 3.0, "design variable `scale` are reversed: 3 to 2, expected the lower one first"),
        (|p, _| p.slow = -1.0, "the rate of control `u` at stage 0 are NaN to 0.5, expected numbers"),
        (|_, s| s[2].low = f64::INFINITY, "state `v` at stage 2 are inf to 1, expected numbers"),
        (|p, _| p.high = f64::NEG_INFINITY, "state `v` at stage 1 are -1 to -inf, expected numbers"),
        (|p, _| p.most = f64::NEG_INFINITY, "control `u` are -inf to -inf, expected numbers"),
    ];
    for (edit, expected) in cases {
        refused(intervals::Intervals, [&good, &problem(edit)], &format!("the bounds of {expected}"));
    }
    // The first state is given: its bounds do not count. Sides that are open have nothing to be compared with.
    let fine: [Edit; 3] = [|_, s| s[0].low = 2.0, |_, s| s[3].low = f64::NEG_INFINITY, |p, _| p.high = f64::INFINITY];
    let mut solver = Ilqr::new(intervals::Intervals, 5, Settings::default()).unwrap();
    for edit in fine {
        assert_eq!(solver.solve(&problem(edit)).unwrap().status, Status::Converged);
    }
}

#[test]
fn reversed_bounds_of_a_window() {
    let problem = |stage: usize| {
        let mut stages = [corridor::StageParams { measured: 0.3, ceiling: 1.0 }; 6];
        stages[stage].ceiling = if stage > 0 { 0.0 } else { -0.25 };
        corridor::Problem::new([0.0], [0.125], 5).with_stage_params(&stages)
    };
    let good = corridor::Problem::new([0.0], [0.125], 5)
        .with_stage_params(&[corridor::StageParams { measured: 0.3, ceiling: 1.0 }; 6]);
    for stage in [0, 2, 5] {
        let expected = format!(
            "the bounds of state `x` at stage {stage} are reversed: 0.125 to {}, expected the lower one first",
            if stage > 0 { 0.0 } else { -0.25 }
        );
        refused(corridor::Corridor, [&good, &problem(stage)], &expected);
    }
    let mut mhe = Mhe::new(corridor::Corridor, [0.125], 3, Settings::default()).unwrap();
    for t in 0..6 {
        // The newest measurement belongs to the last stage of the window. At the first step a stage stands for it, too.
        let stage = usize::min(t, 3);
        let error = mhe.step(&corridor::StageParams { measured: 0.3, ceiling: 0.0 }).unwrap_err().to_string();
        let expected =
            format!("the bounds of state `x` at stage {stage} are reversed: 0.125 to 0, expected the lower one first");
        assert_eq!(error, expected);
        let open = if t % 2 == 0 { f64::INFINITY } else { 1.0 };
        let estimate = mhe.step(&corridor::StageParams { measured: 0.3, ceiling: open }).unwrap();
        assert_eq!(estimate.status, Status::Converged, "{t}");
    }
}

/// Soft constraints whose penalties come from parameters and from parameters of the stages, and a price on changes.
#[dilqr_runtime::model]
pub mod soft {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {
        pub price: f64,
    }
    pub struct StageParams {
        pub weight: f64,
    }
    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { x: x.x + u.u }
    }
    pub fn stage_cost(_x: State, u: Control, previous: Control, _p: Params) -> f64 {
        u.u.powi(2) + (u.u - previous.u).powi(2)
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.x.powi(2)
    }
    #[penalty(linear = 0.1 * p.price, quadratic = s.weight)]
    pub fn stage_soft_constraints(x: State, _u: Control, _p: Params) -> [f64; 1] {
        [x.x - 0.5]
    }
    #[penalty(linear = s.weight)]
    pub fn terminal_soft_constraints(x: State, _p: Params) -> [f64; 1] {
        [x.x - 0.2]
    }
}

#[test]
fn penalties_that_are_negative_are_named() {
    let problem = |price: f64, (stage, weight): (usize, f64)| {
        let mut stages = [[1.0]; T + 1];
        stages[stage] = [weight];
        soft::Problem::new([1.0], [price], T).with_stage_params(&stages).with_previous([0.0])
    };
    let good = problem(1.0, (0, 0.0));
    for (bad, stage, given) in [
        (problem(-2.0, (0, 1.0)), 0, "-0.2"),
        (problem(1.0, (3, -0.5)), 3, "-0.5"),
        (problem(1.0, (T, -0.5)), T, "-0.5"),
        (problem(1.0, (2, f64::MIN)), 2, &f64::MIN.to_string()),
    ] {
        let expected = format!(
            "a factor of the penalty of the soft constraints at stage {stage} is {given}, expected a finite number >= 0"
        );
        refused(soft::Soft, [&good, &bad], &expected);
    }
    // The last state has a linear factor alone.
    let none = problem(1.0, (T, 0.0));
    let expected = format!(
        "both factors of the penalty of the soft constraints at stage {T} are zero, expected a positive one: a soft constraint that does not count at a stage has a limit far away there"
    );
    refused(soft::Soft, [&good, &none], &expected);
    // The product overflows, its factors do not.
    let largest = problem(f64::MAX, (0, 1.0));
    assert!(Ilqr::new(soft::Soft, T, Settings::default()).unwrap().solve(&largest).is_ok());
}

/// Guesses that are not what they should be, for models of all kinds.
#[test]
fn guesses_of_wrong_length_and_of_no_number() {
    let stages = [[1.0]; T + 1];
    let good = soft::Problem::new([1.0], [1.0], T).with_stage_params(&stages).with_previous([0.0]);
    let states = |length: usize| good.clone().with_states(&vec![[0.1]; length]);
    for length in [0, 1, T, T + 2] {
        let expected = format!("the list of states has length {length}, expected {}", T + 1);
        refused_by_solves(soft::Soft, [&good, &states(length)], &expected);
    }
    let mut guess = [[0.1]; T + 1];
    for bad in NOT_FINITE {
        guess[4] = [bad];
        let expected = format!("the list of states is {bad} at stage 4, entry 0, expected a finite number");
        refused_by_solves(soft::Soft, [&good, &good.clone().with_states(&guess)], &expected);
        let expected = format!("the previous control is {bad} at entry 0, expected a finite number");
        refused(soft::Soft, [&good, &good.clone().with_previous([bad])], &expected);
    }
    let missing = soft::Problem::new([1.0], [1.0], T).with_stage_params(&stages);
    let expected = "the model reads the previous control, which the problem does not give: add `with_previous`";
    refused(soft::Soft, [&good, &missing], expected);

    // The same for a model that reads none.
    let good = pendulum::Problem::new([0.1, 0.0], [10.0, 1.0, 1.0], T);
    let expected = "the problem gives a previous control, but no function of the model reads one";
    refused(pendulum::Pendulum, [&good, &good.clone().with_previous([0.0])], expected);
    let short = good.clone().with_states(&[[0.0, 0.0]; T]);
    let expected = format!("the list of states has length {T}, expected {}", T + 1);
    refused_by_solves(pendulum::Pendulum, [&good, &short], &expected);

    // An estimator's guess, at its first measurement and later.
    let new = || Mhe::new(corridor::Corridor, [0.125], 3, Settings::default()).unwrap();
    let measured = corridor::StageParams { measured: 0.3, ceiling: 1.0 };
    let error = new().with_guess([f64::NAN], []).step(&measured).unwrap_err();
    assert_eq!(error.to_string(), "the initial state is NaN at entry 0, expected a finite number");
    let error = new().with_previous([0.0]).step(&measured).unwrap_err();
    assert_eq!(error, InputError::PreviousUnused.into());
}
