//! Models of many bindings: one that would be an enormous tree, and one that is too long for a single function. Its
//! functions must still compute one program.
#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]
#![allow(clippy::let_and_return, reason = "the models are machine-made")]

use dilqr_runtime::AutoDiff;
use dilqr_runtime::model::{HamiltonianExpansion, ParameterGradient, ParameterTerms, Stage, StageExpansion, Variation};
use dilqr_runtime::nalgebra::{SMatrix, SVector};
use dilqr_runtime::{Ilqr, LossGradient, Model, Problem, Settings, Status};
use oscillators::{Control, Oscillators, Params, State};

include!(concat!(env!("OUT_DIR"), "/long_models.rs"));

type Vector<const N: usize> = SVector<f64, N>;

fn points() -> impl Iterator<Item = (Vector<4>, Vector<1>, Vector<2>)> {
    (0..5).map(|k| {
        let k = f64::from(k);
        ([0.5 - 0.2 * k, 1.0, -0.3, 0.1 * k].into(), [2.0 - k].into(), [30.0 + k, 12.0 - k].into())
    })
}

/// Differences of rounding between two orders of some thousand operations on numbers up to 1e2: sums of 1e4 roundings,
/// which grow like their root.
const TOLERANCE: f64 = 1e-11;

#[track_caller]
fn agree<const R: usize, const C: usize>(name: &str, given: &SMatrix<f64, R, C>, expected: &SMatrix<f64, R, C>) {
    let error = (given - expected).amax() / expected.amax().max(1.0);
    assert!(error <= TOLERANCE, "{name}: {given} and {expected}, {error:e}");
}

#[test]
fn values_are_those_of_the_users_functions() {
    let none = SVector::zeros();
    for (x, u, p) in points() {
        let (xs, us, ps) = (State::from(x), Control::from(u), Params::from(p));
        let mut next = SVector::zeros();
        Oscillators.dynamics(Stage::new(&x, &u, &p, &none), &mut next);
        agree("dynamics", &next, &oscillators::dynamics(xs, us, ps).into());
        // The last function computes the cost from values of the first.
        let cost = oscillators::stage_cost(xs, us, ps);
        agree("cost", &[Oscillators.stage_cost(Stage::new(&x, &u, &p, &none))].into(), &SVector::from([cost]));
        let mut next = SVector::zeros();
        agree("step", &[Oscillators.step(Stage::new(&x, &u, &p, &none), &mut next)].into(), &SVector::from([cost]));
        agree("step", &next, &oscillators::dynamics(xs, us, ps).into());
    }
}

#[test]
fn derivatives_are_those_of_dual_numbers() {
    fn derivatives(
        model: &impl Model<4, 1, 2>,
        (x, u, p): (Vector<4>, Vector<1>, Vector<2>),
    ) -> (StageExpansion<f64, 4, 1>, HamiltonianExpansion<f64, 4, 1>, ParameterTerms<f64, 4, 1, 2>, Vector<2>) {
        let none = SVector::zeros();
        let (lambda, dx, dlambda) = ([1.0, -0.5, 0.3, 2.0].into(), [0.2, 1.0, -1.0, 0.4].into(), [0.7; 4].into());
        let mut stage = StageExpansion::zeros();
        model.expand_stage(Stage::new(&x, &u, &p, &none), &mut stage);
        let mut hamiltonian = HamiltonianExpansion::zeros();
        model.expand_hamiltonian(Stage::new(&x, &u, &p, &none), &lambda, &mut hamiltonian);
        let mut terms = ParameterTerms::zeros();
        model.parameter_terms(Stage::new(&x, &u, &p, &none), &lambda, &mut terms);
        let mut contraction = SVector::zeros();
        let (du, mut gs) = ([-0.6].into(), SVector::zeros());
        model.add_parameter_contraction(
            Stage::new(&x, &u, &p, &none),
            &lambda,
            Variation::new(&dx, &du),
            &dlambda,
            ParameterGradient::new(&mut contraction, &mut gs),
        );
        (stage, hamiltonian, terms, contraction)
    }
    for point in points() {
        let (stage, hamiltonian, terms, contraction) = derivatives(&Oscillators, point);
        let (dual_stage, dual_hamiltonian, dual_terms, dual_contraction) = derivatives(&AutoDiff(Oscillators), point);
        agree("f", &stage.f, &dual_stage.f);
        agree("fx", &stage.fx, &dual_stage.fx);
        agree("fu", &stage.fu, &dual_stage.fu);
        agree("lx", &stage.lx, &dual_stage.lx);
        agree("lxx", &stage.lxx, &dual_stage.lxx);
        agree("lux", &stage.lux, &dual_stage.lux);
        agree("hxx", &hamiltonian.hxx, &dual_hamiltonian.hxx);
        agree("hux", &hamiltonian.hux, &dual_hamiltonian.hux);
        agree("huu", &hamiltonian.huu, &dual_hamiltonian.huu);
        agree("fp", &terms.fp, &dual_terms.fp);
        agree("hxp", &terms.hxp, &dual_terms.hxp);
        agree("hup", &terms.hup, &dual_terms.hup);
        agree("contraction", &contraction, &dual_contraction);
    }
}

#[test]
fn it_is_solved_and_differentiated() {
    let horizon = 10;
    let mut solver = Ilqr::new(Oscillators, horizon, Settings::default()).unwrap();
    let solution = solver.solve(&Problem::new([0.5, -0.2, 0.0, 0.0], [30.0, 12.0], horizon)).unwrap();
    assert_eq!(solution.status, Status::Converged, "{:?}", solution.stats);
    let mut loss = LossGradient::zeros(horizon);
    loss.states[horizon] = [1.0, 2.0, 0.5, -0.3].into();
    let gradient = solver.vjp(&solution, &loss).unwrap();
    let contracted = solver.jacobian(&solution).unwrap().states[horizon].transpose() * loss.states[horizon];
    agree("gradient", &gradient.params, &contracted);
}

/// As a tree this model would have 2^60 terms.
#[test]
fn a_chain_of_bindings() {
    let none = SVector::zeros();
    for (x, u, p) in [(0.4, 0.3, 1.1), (-0.9, 1.0, 0.2), (0.0, 0.0, 1.0)] {
        let (lambda, x, u, p) = ([0.7].into(), [x].into(), [u].into(), [p].into());
        let mut next = SVector::zeros();
        chain::Chain.dynamics(Stage::new(&x, &u, &p, &none), &mut next);
        let own = chain::dynamics(x.into(), u.into(), p.into());
        assert!((next[0] - own.a).abs() <= TOLERANCE, "{next} and {own:?}");
        let (mut ours, mut dual) = (HamiltonianExpansion::zeros(), HamiltonianExpansion::zeros());
        chain::Chain.expand_hamiltonian(Stage::new(&x, &u, &p, &none), &lambda, &mut ours);
        AutoDiff(chain::Chain).expand_hamiltonian(Stage::new(&x, &u, &p, &none), &lambda, &mut dual);
        agree("fx", &ours.fx, &dual.fx);
        agree("hxx", &ours.hxx, &dual.hxx);
        agree("hux", &ours.hux, &dual.hux);
        agree("huu", &ours.huu, &dual.huu);
    }
}
