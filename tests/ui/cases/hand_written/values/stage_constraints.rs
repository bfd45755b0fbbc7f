//! Constraints of stages that are declared and not given.

use dilqr_runtime::model::{
    HamiltonianExpansion, ParameterGradient, ParameterTerms, Stage, StageExpansion, Terminal, TerminalExpansion, Variation,
};
use dilqr_runtime::nalgebra::{SMatrix, SVector};
use dilqr_runtime::{Limits, Model, Scalar};

struct Hand;

impl Model<1, 1, 1> for Hand {
    const LIMITS: Limits = Limits { stage_inequalities: 1, ..Limits::NONE };

    dilqr_ui_tests::without_limits!();
}

fn main() {
    let (x, p, s) = ([1.0].into(), [1.0].into(), [].into());
    Hand.stage_constraints::<f64>(Stage::new(&x, &x, &p, &s), &mut [0.0]);
}
