//! Gradients where limits are weakly active or depend on one another: given where they exist, refused where they do not.

mod check;
pub mod models;

use check::{is_degenerate, outcomes, solve};
use dilqr_runtime::model::{Limit, Variable};
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{GradientError, Ilqr, LossGradient, Problem, Settings};
use dilqr_tests::{harness, harness_loss};
use models::{
    copies, discs, double_bound, ends, gate, heater, loose_ends, merge, pinched, same_discs, slack, stages, twin_discs,
    units,
};

/// Field case 6: the last control has no effect, rests at its bound and has no multiplier. The derivatives from both sides
/// are the same.
#[test]
fn a_control_without_effect_at_its_bound() {
    let problem = Problem::new([0.0], [1.0, 2.0, 0.1], 2);
    let gradient = outcomes("heater", heater::Heater, &problem, 1e-6).unwrap();
    assert!((gradient.params[0] - 0.340_424_379).abs() < 1e-9, "{gradient:?}");
}

/// Field case 6: slacks that rest at zero where the limit is not reached.
#[test]
fn slacks_at_rest() {
    let gradient = outcomes("slack", slack::Slack, &Problem::new([0.0], [0.8, 10.0, 1.0], 3), 1e-6).unwrap();
    let right = [-0.713_735_191_3, -0.000_148_813_1, -0.333_203_976_1];
    // Ten digits are given.
    assert!((gradient.params - SVector::from(right)).amax() < 1e-9, "{gradient:?}");
    assert!((gradient.initial_state[0] - 0.169_017_647_5).abs() < 1e-9, "{gradient:?}");
}

/// The horizon of one stage has no other limits.
#[test]
fn one_stage() {
    let gradient = outcomes("heater of one stage", heater::Heater, &Problem::new([0.0], [1.0, 2.0, 0.1], 1), 1e-6);
    // x_1 = u_0 = 0: the only control has no effect on the cost of its stage.
    assert!(gradient.unwrap().params.amax() < 1e-15);
}

/// A weakly active bound that a parameter would make active: the derivatives from the two sides differ.
#[test]
fn a_weak_limit_that_moves() {
    // Without its upper bound the first control is `0.9 goal / 1.1` (its effect on `x_1` alone counts).
    let goal = 1.1;
    let free = solve(heater::Heater, &Problem::new([0.0], [goal, 1e3, 0.1], 2)).controls[0][0];
    let problem = Problem::new([0.0], [goal, free, 0.1], 2);
    let error = outcomes("heater at its upper bound", heater::Heater, &problem, 1e-6).unwrap_err();
    assert!(
        matches!(
            error,
            GradientError::WeaklyActive {
                stage: 0,
                limit: Limit::UpperBound { variable: Variable::ControlEntry(0) },
                ..
            }
        ),
        "{error}"
    );
    // A lower bound that moves with a parameter, at the control without effect.
    let error = outcomes("gate", gate::Gate, &Problem::new([0.3], [0.0, 0.2], 2), 1e-6).unwrap_err();
    assert!(matches!(error, GradientError::WeaklyActive { stage: 1, .. }), "{error}");
}

/// Field case 9: the same disc twice. With one radius the gradient is that of one disc.
#[test]
fn a_disc_twice() {
    let guess = vec![SVector::from([0.3, 0.0]); 40];
    let one = Problem::new([0.1, 0.1], [0.9, 0.9, 0.2], 40).with_controls(&guess);
    let solution = solve(discs::Discs, &one);
    assert!((solution.cost - 0.507_923_589).abs() < 1e-8, "{}", solution.cost);
    let single = outcomes("one disc", discs::Discs, &one, 1e-5).unwrap();
    for (name, scale) in [("same", 1.0), ("scaled", 30.0), ("small", 1e-3)] {
        let twice = Problem::new([0.1, 0.1], [0.9, 0.9, 0.2, scale], 40).with_controls(&guess);
        assert!((solve(same_discs::SameDiscs, &twice).cost - 0.507_923_589).abs() < 1e-8, "{name}");
        let twice = outcomes(name, same_discs::SameDiscs, &twice, 1e-5).unwrap();
        // Two solves of the same problem, accurate to some 1e-11 times its condition.
        let size = single.params.amax();
        let difference = twice.params.fixed_rows::<3>(0) - single.params;
        assert!(difference.amax() < 1e-7 * size, "{name}: {twice:?} {single:?}");
        assert!((twice.initial_state - single.initial_state).amax() < 1e-7 * size, "{name}");
        // A radius each, at equal radii.
        let two = Problem::new([0.1, 0.1], [0.9, 0.9, 0.2, 0.0, scale], 40).with_controls(&guess);
        let error = outcomes(name, twin_discs::TwinDiscs, &two, 1e-5).unwrap_err();
        assert!(is_degenerate(&error), "{name}: {error}");
    }
}

/// A limit in several copies, each in its own unit.
#[test]
fn copies_of_a_row() {
    // The bound and the last copy, which has a parameter of its own, are far away.
    let problem = Problem::new([0.0], [10.0, 0.4, 10.0, 1.0], 3);
    let gradient = outcomes("three copies", copies::Copies, &problem, 1e-6).unwrap();
    let single =
        outcomes("bound alone", copies::Copies, &Problem::new([0.0], [0.4, 10.0, 10.0, 1.0], 3), 1e-6).unwrap();
    assert!((gradient.params[1] - single.params[0]).abs() < 1e-12, "{gradient:?} {single:?}");
    for (name, params) in [("its bound, too", [0.4, 0.4, 10.0, 1.0]), ("and another", [10.0, 0.4, 0.4, 1.0])] {
        let error = outcomes(name, copies::Copies, &Problem::new([0.0], params, 3), 1e-6).unwrap_err();
        assert!(is_degenerate(&error), "{name}: {error}");
    }
}

/// A bound that a constraint repeats, with the same parameter and in its own unit.
#[test]
fn a_bound_and_a_constraint() {
    for horizon in [1, 2, 5] {
        for scale in [1.0, 1e-6, 1e6] {
            let problem = Problem::new([0.0], [0.4, scale, 1.0], horizon);
            let gradient = outcomes("twice bounded", double_bound::DoubleBound, &problem, 1e-6).unwrap();
            let right: f64 = (0..horizon).map(|t| harness(2 * t + 1)).sum::<f64>()
                + (1..=horizon).map(|t| t as f64 * harness(2 * t)).sum::<f64>();
            // By hand: all controls are at the bound.
            assert!((gradient.params[0] - right).abs() < 1e-12, "{horizon} {scale}: {gradient:?}");
        }
    }
}

/// Terminal rows: the third is the sum of the others, with the same goals or with one of its own.
#[test]
fn dependent_terminal_rows() {
    let gradient = outcomes("ends", ends::Ends, &Problem::new([0.1, -0.2], [0.5, 0.7], 4), 1e-6).unwrap();
    // The loss has the last state, whose derivative in the goals is the identity.
    assert!(gradient.params.amax() > 0.1, "{gradient:?}");
    let loose = Problem::new([0.1, -0.2], [0.5, 0.7, 0.0], 4);
    let error = outcomes("loose ends", loose_ends::LooseEnds, &loose, 1e-6).unwrap_err();
    assert!(matches!(error, GradientError::ConstraintsDependent { stage: 4, .. }), "{error}");
    let gradient = outcomes("merged", merge::Merge, &Problem::new([0.1, -0.2], [0.5, 2.0], 4), 1e-6).unwrap();
    assert!(gradient.params.amax() > 1e-3, "{gradient:?}");
}

/// Rows that are the same to first order and curved differently: the derivative depends on their multipliers.
#[test]
fn rows_that_touch() {
    // Its unconstrained minimum moves along the wall, which the second row does not allow.
    let error = outcomes("pinched", pinched::Pinched, &Problem::new([0.0], [0.0, 1.0], 1), 1e-6).unwrap_err();
    assert!(is_degenerate(&error), "{error}");
}

/// Parameters of stages count as others do.
#[test]
fn stage_parameters() {
    let limits = |own: f64, twin: f64| vec![SVector::from([own, twin]); 4];
    // The second row has a parameter of its own: far away, or at the first.
    let far = Problem::new([0.0], [1.0], 3).with_stage_params(&limits(0.4, 10.0));
    let gradient = outcomes("stages", stages::Stages, &far, 1e-6).unwrap();
    assert!(gradient.stage_params.iter().any(|s| s[0].abs() > 1e-3), "{gradient:?}");
    let near = Problem::new([0.0], [1.0], 3).with_stage_params(&limits(0.4, 0.4));
    assert!(is_degenerate(&outcomes("stages", stages::Stages, &near, 1e-6).unwrap_err()));
}

/// Units: of the cost, of a row, of the state. Answers change by the unit, refusals not at all.
#[test]
fn no_unit_matters() {
    // The guess gives the variables their magnitudes: a slack that is zero has none.
    let at = |(cost, state): (f64, f64)| {
        Problem::new([0.1 * state], [0.8 * state, state, cost, state], 3)
            .with_controls(&[SVector::repeat(0.1 * state); 3])
    };
    let reference = outcomes("units", units::Units, &at((1.0, 1.0)), 1e-6).unwrap();
    for factor in [2.0_f64.powi(-20), 2.0_f64.powi(20), 1e-6, 1e6] {
        for scales in [(factor, 1.0), (1.0, factor), (factor, factor)] {
            let gradient = outcomes("units", units::Units, &at(scales), 1e-6).unwrap();
            // The loss has the unit of the state, and so have the first two parameters. Two solves, accurate to 1e-10 times
            // their condition.
            for i in 0..2 {
                let (a, b) = (gradient.params[i], reference.params[i]);
                assert!((a - b).abs() < 1e-7 * b.abs(), "{scales:?}: {gradient:?} {reference:?}");
            }
        }
    }
}

/// Where nothing is degenerate, nothing is searched for: the setting for weak limits changes no number.
#[test]
fn the_threshold_changes_no_gradient() {
    let problem = Problem::new([0.0], [0.4, 1.0, 1.0], 3);
    let loss: LossGradient<1, 1> = harness_loss(3);
    let gradients: Vec<_> = [0.0, 1e-6, 1e-3]
        .map(|activity| {
            let settings = Settings { activity, ..Settings::default() };
            let mut solver = Ilqr::new(double_bound::DoubleBound, 3, settings).unwrap();
            let solution = solver.solve(&problem).unwrap();
            solver.vjp(&solution, &loss).unwrap()
        })
        .into();
    assert!(gradients.windows(2).all(|pair| (pair[0].params - pair[1].params).amax() < 1e-12), "{gradients:?}");
}

/// A plant that doubles its state in each stage, and a limit that its first step just reaches.
#[dilqr_runtime::model]
pub mod doubling {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {
        pub most: f64,
    }
    pub struct StageParams {
        pub on: f64,
    }

    /// With it the first control is 1.
    const GAIN: f64 = 1.0 / 549_755_813_888.0;

    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { x: 2.0 * x.x + u.u }
    }
    pub fn stage_cost(_x: State, u: Control, _p: Params) -> f64 {
        0.5 * u.u * u.u
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        -x.x * GAIN
    }
    pub fn stage_constraints(x: State, _u: Control, p: Params, s: StageParams) -> [f64; 1] {
        // Elsewhere far from its limit, beside all states.
        [s.on * (x.x - p.most) - 1e12 * (1.0 - s.on)]
    }
}

/// From above the control must brake, from below it need not: there is no derivative. The last state moves by 2^40 times the
/// first one's change, beside which that of the limit would look like zero.
#[test]
fn a_weak_limit_before_a_large_change() {
    let on: Vec<[f64; 1]> = (0..=40).map(|t| [f64::from(t == 1)]).collect();
    let mut solver = Ilqr::new(doubling::Doubling, 40, Settings::default()).unwrap();
    let solution = solver.solve(&Problem::new([0.0], [1.0], 40).with_stage_params(&on)).unwrap();
    assert!(solution.status.is_converged(), "{}", solution.status);
    let error = solver.vjp(&solution, &LossGradient::zeros(40)).unwrap_err();
    assert!(matches!(error, GradientError::WeaklyActive { stage: 1, .. }), "{error}");
}
