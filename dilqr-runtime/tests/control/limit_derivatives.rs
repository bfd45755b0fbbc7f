//! A model by hand that gives nothing but the values of its limits: derivatives by dual numbers, and by central
//! differences, against formulas.

use dilqr_runtime::model::{ConstraintExpansion, ConstraintParameterTerms};
use dilqr_runtime::model::{ParameterGradient, Stage, Terminal, Variation};
use dilqr_runtime::nalgebra::{SMatrix, SVector};
use dilqr_runtime::{Limits, Model, NumDiff, Scalar};

/// `u <= p0^2`, `x0 u p1 - s <= 0`, `p0 x1^2 = 0`, and `x0 x1 s - p1 = 0` at the end.
struct Hand;

impl Model<2, 1, 2, 1> for Hand {
    const LIMITS: Limits = Limits {
        bounded: true,
        stage_inequalities: 1,
        stage_equalities: 1,
        terminal_equalities: 1,
        depends_on_control: &[true, false],
        ..Limits::NONE
    };

    fn dynamics<S: Scalar>(&self, Stage { x, u, s, .. }: Stage<'_, S, 2, 1, 2, 1>, next: &mut SVector<S, 2>) {
        *next = [x[0] + s[0] * u[0], x[1] * s[0] * s[0]].into();
    }
    fn stage_cost<S: Scalar>(&self, Stage { x, u, s, .. }: Stage<'_, S, 2, 1, 2, 1>) -> S {
        x[0] * u[0] * s[0]
    }
    fn terminal_cost<S: Scalar>(&self, Terminal { x, s, .. }: Terminal<'_, S, 2, 2, 1>) -> S {
        x[1] * x[1] * s[0]
    }
    fn bounds<S: Scalar>(&self, p: &SVector<S, 2>, _: &mut SVector<S, 1>, upper: &mut SVector<S, 1>) {
        upper[0] = p[0] * p[0];
    }
    fn stage_constraints<S: Scalar>(&self, Stage { x, u, p, s }: Stage<'_, S, 2, 1, 2, 1>, c: &mut [S]) {
        c[0] = x[0] * u[0] * p[1] - s[0];
        c[1] = p[0] * x[1] * x[1];
    }
    fn terminal_constraints<S: Scalar>(&self, Terminal { x, p, s }: Terminal<'_, S, 2, 2, 1>, c: &mut [S]) {
        c[0] = x[0] * x[1] * s[0] - p[1];
    }
}

fn check(name: &str, given: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(given.len(), expected.len(), "{name}");
    for (given, expected) in given.iter().zip(expected) {
        assert!((given - expected).abs() <= tolerance, "{name}: {given} instead of {expected}");
    }
}

/// Numbers of size 1: dual numbers are exact to some roundings; differences see polynomials of third degree, whose mixed
/// differences are exact but for rounding over the square of the step, 1e-8.
fn compare<M: Model<2, 1, 2, 1>>(model: &M, tolerance: f64) {
    let ([x0, x1], u, [p0, p1], s): ([f64; 2], f64, [f64; 2], f64) = ([0.7, -0.4], 1.2, [0.9, 1.6], 0.5);
    let (x, p) = (SVector::from([x0, x1]), SVector::from([p0, p1]));
    let (control, stage) = (SVector::from([u]), SVector::from([s]));
    let ([mu0, mu1], [dmu0, dmu1]) = ([0.8, -1.3], [0.3, 1.1]);
    let ([dx0, dx1], du): ([f64; 2], f64) = ([0.6, -0.2], -0.7);
    let dx = SVector::from([dx0, dx1]);
    let (mu, dmu) = ([mu0, mu1], [dmu0, dmu1]);

    let mut gp = SVector::from([10.0, 20.0]);
    model.add_bounds_contraction(&p, &[3.0].into(), &[0.5].into(), &mut gp);
    check("bounds", gp.as_slice(), &[10.0 + p0, 20.0], tolerance);
    let (mut lower, mut upper) = (SMatrix::zeros(), SMatrix::zeros());
    model.bounds_terms(&p, &mut lower, &mut upper);
    check("bounds terms", &[lower[0], lower[1], upper[0], upper[1]], &[0.0, 0.0, 2.0 * p0, 0.0], tolerance);

    let mut out = ConstraintExpansion::zeros(2);
    model.expand_stage_constraints(Stage::new(&x, &control, &p, &stage), &mu, &mut out);
    check("c", &out.c, &[x0 * u * p1 - s, p0 * x1 * x1], tolerance);
    check("cx", out.cx[0].as_slice(), &[u * p1, 0.0], tolerance);
    check("cx", out.cx[1].as_slice(), &[0.0, 2.0 * p0 * x1], tolerance);
    check("cu", &[out.cu[0][0], out.cu[1][0]], &[x0 * p1, 0.0], tolerance);
    check("hxx", out.hxx.as_slice(), &[0.0, 0.0, 0.0, 2.0 * mu1 * p0], tolerance);
    check("hux", out.hux.as_slice(), &[mu0 * p1, 0.0], tolerance);
    check("huu", out.huu.as_slice(), &[0.0], tolerance);

    let (mut gp, mut gs) = (SVector::from([1.0, 2.0]), SVector::from([3.0]));
    model.add_stage_constraint_contraction(
        Stage::new(&x, &control, &p, &stage),
        &mu,
        Variation::new(&dx, &[du].into()),
        &dmu,
        ParameterGradient::new(&mut gp, &mut gs),
    );
    let by_p0 = 2.0 * mu1 * x1 * dx1 + dmu1 * x1 * x1;
    let by_p1 = mu0 * (u * dx0 + x0 * du) + dmu0 * x0 * u;
    check("contraction", &[gp[0], gp[1], gs[0]], &[1.0 + by_p0, 2.0 + by_p1, 3.0 - dmu0], tolerance);
    let mut terms = ConstraintParameterTerms::zeros(2);
    model.stage_constraint_terms(Stage::new(&x, &control, &p, &stage), &mu, &mut terms);
    check("cp", terms.cp[0].as_slice(), &[0.0, x0 * u], tolerance);
    check("cp", terms.cp[1].as_slice(), &[x1 * x1, 0.0], tolerance);
    check("hxp", terms.hxp.as_slice(), &[0.0, 2.0 * mu1 * x1, mu0 * u, 0.0], tolerance);
    check("hup", terms.hup.as_slice(), &[0.0, mu0 * x0], tolerance);

    let mut out = ConstraintExpansion::zeros(1);
    model.expand_terminal_constraints(Terminal::new(&x, &p, &stage), &[mu0], &mut out);
    check("terminal c", &out.c, &[x0 * x1 * s - p1], tolerance);
    check("terminal cx", out.cx[0].as_slice(), &[x1 * s, x0 * s], tolerance);
    check("terminal hxx", out.hxx.as_slice(), &[0.0, mu0 * s, mu0 * s, 0.0], tolerance);
    let (mut gp, mut gs) = (SVector::zeros(), SVector::zeros());
    model.add_terminal_constraint_contraction(
        Terminal::new(&x, &p, &stage),
        &[mu0],
        &dx,
        &[dmu0],
        ParameterGradient::new(&mut gp, &mut gs),
    );
    let by_s = mu0 * (x1 * dx0 + x0 * dx1) + dmu0 * x0 * x1;
    check("terminal contraction", &[gp[0], gp[1], gs[0]], &[0.0, -dmu0, by_s], tolerance);
    let mut terms = ConstraintParameterTerms::zeros(1);
    model.terminal_constraint_terms(Terminal::new(&x, &p, &stage), &[mu0], &mut terms);
    check("terminal cp", terms.cp[0].as_slice(), &[0.0, -1.0], tolerance);
    check("terminal hxp", terms.hxp.as_slice(), &[0.0; 4], tolerance);
}

#[test]
fn dual_numbers_stand_in() {
    compare(&Hand, 1e-15 * 10.0);
    compare(&dilqr_runtime::AutoDiff(Hand), 1e-15 * 10.0);
}

#[test]
fn central_differences() {
    compare(&NumDiff(Hand), 1e-6);
}
