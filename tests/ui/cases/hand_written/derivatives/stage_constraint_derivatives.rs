//! Constraints of stages whose derivatives are not given.

use dilqr_runtime::model::{ConstraintExpansion, ConstraintParameterTerms};
use dilqr_runtime::model::{
    HamiltonianExpansion, ParameterGradient, ParameterTerms, Stage, StageExpansion, Terminal, TerminalExpansion, Variation,
};
use dilqr_runtime::nalgebra::{SMatrix, SVector};
use dilqr_runtime::{Limits, Model, Scalar};

struct Hand;

impl Model<1, 1, 1> for Hand {
    const LIMITS: Limits = Limits { stage_equalities: 1, ..Limits::NONE };

    dilqr_ui_tests::without_limits!();

    fn stage_constraints<S: Scalar>(&self, at: Stage<'_, S, 1, 1, 1>, c: &mut [S]) {
        c[0] = at.x[0] - at.p[0];
    }
}

fn main() {
    let (x, p, s) = ([1.0].into(), [1.0].into(), [].into());
    let at = Stage::new(&x, &x, &p, &s);
    Hand.expand_stage_constraints::<f64>(at, &[1.0], &mut ConstraintExpansion::zeros(1));
    Hand.stage_constraint_terms::<f64>(at, &[1.0], &mut ConstraintParameterTerms::zeros(1));
    let out = ParameterGradient::new(&mut [0.0].into(), &mut [].into());
    Hand.add_stage_constraint_contraction::<f64>(at, &[1.0], Variation::new(&x, &x), &[1.0], out);
}
