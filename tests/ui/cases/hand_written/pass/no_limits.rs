//! A model without limits needs no method for them, and is solved and differentiated.

use dilqr_runtime::model::{
    HamiltonianExpansion, ParameterGradient, ParameterTerms, Stage, StageExpansion, Terminal, TerminalExpansion, Variation,
};
use dilqr_runtime::nalgebra::{SMatrix, SVector};
use dilqr_runtime::{Ilqr, LossGradient, Model, Problem, Scalar, Settings};

struct Hand;

impl Model<1, 1, 1> for Hand {
    dilqr_ui_tests::without_limits!();
}

fn main() {
    let mut solver = Ilqr::new(Hand, 3, Settings::default()).expect("settings");
    let solution = solver.solve(&Problem::new([1.0], [0.5], 3)).expect("a problem");
    // The value function of the LQ problem: over three stages `x^2 / (1 + 3 / price)`.
    assert!((solution.cost - 1.0 / 7.0).abs() < 1e-12);
    let loss = LossGradient::new(solution.states.clone(), solution.controls.clone());
    solver.vjp(&solution, &loss).expect("a gradient");
    solver.jacobian(&solution).expect("a Jacobian");
}
