//! Bounds whose derivatives are not given.

use dilqr_runtime::model::{
    HamiltonianExpansion, ParameterGradient, ParameterTerms, Stage, StageExpansion, Terminal, TerminalExpansion, Variation,
};
use dilqr_runtime::nalgebra::{SMatrix, SVector};
use dilqr_runtime::{Limits, Model, Scalar};

struct Hand;

impl Model<1, 1, 1> for Hand {
    const LIMITS: Limits = Limits { bounded: true, ..Limits::NONE };

    dilqr_ui_tests::without_limits!();

    fn bounds<S: Scalar>(&self, p: &SVector<S, 1>, lower: &mut SVector<S, 1>, _upper: &mut SVector<S, 1>) {
        lower[0] = p[0];
    }
}

fn main() {
    let mut gradient = SVector::zeros();
    Hand.add_bounds_contraction::<f64>(&[1.0].into(), &[1.0].into(), &[0.0].into(), &mut gradient);
}
