//! Bounds that are declared and not given.

use dilqr_runtime::model::{
    HamiltonianExpansion, ParameterGradient, ParameterTerms, Stage, StageExpansion, Terminal, TerminalExpansion, Variation,
};
use dilqr_runtime::nalgebra::{SMatrix, SVector};
use dilqr_runtime::{Limits, Model, Scalar};

struct Hand;

impl Model<1, 1, 1> for Hand {
    const LIMITS: Limits = Limits { bounded: true, ..Limits::NONE };

    dilqr_ui_tests::without_limits!();
}

fn main() {
    Hand.bounds::<f64>(&[1.0].into(), &mut SVector::zeros(), &mut SVector::zeros());
}
