//! Bounds, constraints and parameters of the stage: their kernels, interpreted, against formulas worked out
//! by hand, and what is no bound.

use super::derive;
use crate::differentiate::symbolica_lock::with_symbolica_lock;
use crate::elaborate::model;
use crate::program::fields::Field;
use crate::program::kernels::{Kernel, Kernels};
use crate::program::program::Program;
use crate::program::vectors::{Input, Vector};
use crate::syntax::check;
use crate::syntax::errors::Errors;
use crate::syntax::messages::message;
use crate::syntax::parse;

const SOURCE: &str = "pub mod limited {
    pub struct State { pub x: f64, pub y: f64 }
    pub struct Control {
        #[bounds(0.0, p.k * p.k)] pub u: [f64; 2],
        #[bounds(f64::NEG_INFINITY, OPEN)] pub free: f64,
        #[bounds([-p.q, -OPEN], None)] pub w: [f64; 2],
    }
    pub struct Params { pub k: f64, pub q: f64 }
    pub struct StageParams { pub r: f64 }
    const OPEN: f64 = core::primitive::f64::INFINITY;
    pub fn dynamics(x: State, u: Control, p: Params, s: StageParams) -> State {
        State { x: x.x * s.r + u.u[0], y: x.y * s.r * s.r * p.k + u.w[1] }
    }
    pub fn stage_cost(x: State, u: Control, _p: Params, s: StageParams) -> f64 { x.x * u.u[0] * s.r + u.u[1] * u.u[1] }
    pub fn terminal_cost(x: State, _p: Params, s: StageParams) -> f64 { x.y * x.y * s.r }
    pub fn stage_equalities(x: State, u: Control, p: Params) -> [f64; 1] { [x.y * p.q * p.q - u.free] }
    pub fn stage_constraints(x: State, u: Control, p: Params, s: StageParams) -> [f64; 3] {
        [p.k * x.x * u.u[0] - s.r * x.x, x.x.exp() * p.q, u.w[0] - u.w[0]]
    }
    pub fn terminal_constraints(x: State, p: Params) -> [f64; 1] { [x.x * x.x * p.k] }
}";

const X: f64 = 0.7;
const Y: f64 = -0.4;
const U: [f64; 5] = [0.3, -0.9, 0.2, 1.1, -0.6];
const K: f64 = 1.3;
const Q: f64 = 0.8;
const R: f64 = 0.6;
const MU: [f64; 4] = [0.5, -1.2, 0.9, 0.4];
const DMU: [f64; 4] = [-0.3, 0.6, 0.1, 1.5];
const DX: [f64; 2] = [0.25, -0.35];
const DU: [f64; 5] = [0.15, 0.45, -0.55, 0.65, -0.75];
const LAMBDA: [f64; 2] = [1.4, -0.5];

fn at(Input { vector, index }: Input) -> f64 {
    let index = index as usize;
    match vector {
        Vector::X => [X, Y][index],
        Vector::U => U[index],
        Vector::P => [K, Q][index],
        Vector::S => [R][index],
        Vector::Lambda => LAMBDA[index],
        Vector::Dx => DX[index],
        Vector::Du => DU[index],
        Vector::DLambda | Vector::Y | Vector::Z | Vector::Dy | Vector::Dz => f64::NAN,
        Vector::Mu => MU[index],
        Vector::DMu => DMU[index],
        Vector::Lower | Vector::Upper => DU[index],
    }
}

/// Asserts that a kernel writes these entries and no others; what is twice in the symmetric blocks, twice.
#[track_caller]
fn assert_writes(program: Option<&Program>, expected: &[(Field, u32, u32, f64)]) {
    let mut written: Vec<_> = program.unwrap().run(at);
    written.sort_by_key(|(output, _)| *output);
    let mut expected = expected.to_vec();
    expected.sort_by_key(|&(field, row, column, _)| (field, row, column));
    let places: Vec<_> = written.iter().map(|(output, _)| (output.field, output.row, output.column)).collect();
    assert_eq!(places, expected.iter().map(|&(field, row, column, _)| (field, row, column)).collect::<Vec<_>>());
    for ((output, value), (.., expected)) in written.iter().zip(&expected) {
        // A few operations on numbers of size 1.
        assert!((value - expected).abs() < 1e-14, "{output:?}: {value}, by hand {expected}");
    }
}

fn kernels(source: &str) -> Kernels {
    super::compile(source)
}

#[test]
fn kernels_of_bounds() {
    let kernels = kernels(SOURCE);
    // The zero is written: the memory held an infinity before.
    let lower = [(Field::Lower, 0, 0, 0.0), (Field::Lower, 1, 0, 0.0), (Field::Lower, 3, 0, -Q)];
    let upper = [(Field::Upper, 0, 0, K * K), (Field::Upper, 1, 0, K * K)];
    assert_writes(kernels.get(Kernel::Bounds), &[lower.as_slice(), &upper].concat());
    let gradient = [(Field::Gp, 0, 0, 2.0 * K * (DU[0] + DU[1])), (Field::Gp, 1, 0, -DU[3])];
    assert_writes(kernels.get(Kernel::BoundsContraction), &gradient);
    let terms = [(Field::Upper, 0, 0, 2.0 * K), (Field::Upper, 1, 0, 2.0 * K), (Field::Lower, 3, 1, -1.0)];
    assert_writes(kernels.get(Kernel::BoundsTerms), &terms);
}

#[test]
fn kernels_of_constraints() {
    use Field::{C, Constraints, Cp, Cu, Cx, Gp, Gs, Hup, Hux, Hxp, Hxx};
    let kernels = kernels(SOURCE);
    let e = X.exp();
    // Inequalities come first, independent of the order of the functions.
    let c = [K * X * U[0] - R * X, e * Q, 0.0, Y * Q * Q - U[2]];
    let values = |field| (0..4).map(|i| (field, i as u32, 0, c[i])).collect::<Vec<_>>();
    assert_writes(kernels.get(Kernel::StageConstraints), &values(Constraints));
    let mut expansion = values(C);
    expansion.extend([(Cx, 0, 0, K * U[0] - R), (Cx, 1, 0, e * Q), (Cx, 3, 1, Q * Q)]);
    expansion.extend([(Cu, 0, 0, K * X), (Cu, 3, 2, -1.0)]);
    expansion.extend([(Hxx, 0, 0, MU[1] * e * Q), (Hux, 0, 0, MU[0] * K)]);
    assert_writes(kernels.get(Kernel::ExpandStageConstraints), &expansion);
    let along_k = MU[0] * (U[0] * DX[0] + X * DU[0]) + DMU[0] * X * U[0];
    let along_q = MU[1] * e * DX[0] + DMU[1] * e + 2.0 * Q * (MU[3] * DX[1] + DMU[3] * Y);
    let along_r = -MU[0] * DX[0] - DMU[0] * X;
    let gradient = [(Gp, 0, 0, along_k), (Gp, 1, 0, along_q), (Gs, 0, 0, along_r)];
    assert_writes(kernels.get(Kernel::StageConstraintContraction), &gradient);
    let mut terms = vec![(Cp, 0, 0, X * U[0]), (Cp, 1, 1, e), (Cp, 3, 1, 2.0 * Q * Y)];
    terms.extend([(Hxp, 0, 0, MU[0] * U[0]), (Hxp, 0, 1, MU[1] * e), (Hxp, 1, 1, 2.0 * MU[3] * Q)]);
    terms.push((Hup, 0, 0, MU[0] * X));
    assert_writes(kernels.get(Kernel::StageConstraintTerms), &terms);

    assert_writes(kernels.get(Kernel::TerminalConstraints), &[(Constraints, 0, 0, X * X * K)]);
    let expansion = [(C, 0, 0, X * X * K), (Cx, 0, 0, 2.0 * X * K), (Hxx, 0, 0, 2.0 * MU[0] * K)];
    assert_writes(kernels.get(Kernel::ExpandTerminalConstraints), &expansion);
    let gradient = [(Gp, 0, 0, 2.0 * MU[0] * X * DX[0] + DMU[0] * X * X)];
    assert_writes(kernels.get(Kernel::TerminalConstraintContraction), &gradient);
    let terms = [(Cp, 0, 0, X * X), (Hxp, 0, 0, 2.0 * MU[0] * X)];
    assert_writes(kernels.get(Kernel::TerminalConstraintTerms), &terms);
}

/// A model has no kernels for limits that it lacks.
#[test]
fn a_model_without_limits_has_no_kernels_for_them() {
    let source = include_str!("golden/spring.in.rs");
    let all: Vec<&str> = kernels(source).iter().map(|(kernel, _)| kernel.name()).collect();
    assert_eq!((all.len(), all.last()), (14, Some(&"linearize")));
    let open = source.replace("pub force", "#[bounds(None, f64::INFINITY)] pub force");
    assert_eq!(kernels(&open).iter().count(), 14, "open bounds are none");
}

/// Infinities mean an open side; elsewhere they are errors.
#[test]
fn infinities_are_refused_elsewhere() {
    let source = include_str!("golden/spring.in.rs");
    let bounds = |bounds: &str| source.replace("pub force", &format!("#[bounds({bounds})] pub force"));
    let messages = |source: &str| -> Vec<String> {
        let module: syn::ItemMod = syn::parse_str(source).unwrap();
        let mut errors = Errors::default();
        let model = parse::model(&module, None, &mut errors);
        check::model(&model, &mut errors);
        model::system(&model, &mut errors);
        errors.finish().into_iter().flatten().map(|error| error.to_string()).collect()
    };
    for wrong in [
        bounds("f64::INFINITY, None"),
        bounds("None, -f64::INFINITY"),
        bounds("None, p.stiffness + std::f64::INFINITY"),
        bounds("None, if p.stiffness < 1.0 { f64::INFINITY } else { 1.0 }"),
        bounds("None, 2.0 * f64::INFINITY"),
    ] {
        let messages = messages(&wrong);
        // What constants multiply or add up to is found before the bound is looked at.
        let refused = |given: &String| given == message::INFINITE_BOUND || given.starts_with("this constant is");
        assert!(!messages.is_empty() && messages.iter().all(refused), "{messages:?} in {wrong}");
    }
    for wrong in [
        source.replace("DT: f64 = 0.1", "DT: f64 = f64::INFINITY"),
        source.replace("x.position + 0.5", "f64::NEG_INFINITY + x.position + 0.5"),
    ] {
        let messages = messages(&wrong);
        assert!(
            !messages.is_empty() && messages.iter().all(|given| given == message::INFINITY),
            "{messages:?} in {wrong}"
        );
    }
}

/// All stages support a model with constant limits only.
#[test]
fn constants_as_limits() {
    let source = include_str!("golden/spring.in.rs").replace("pub force", "#[bounds(-1.0, 0.0)] pub force");
    let kernels = with_symbolica_lock(|| derive(&super::elaborate(&source))).unwrap();
    assert!(kernels.get(Kernel::Bounds).is_some());
    assert_writes(kernels.get(Kernel::Bounds), &[(Field::Lower, 0, 0, -1.0), (Field::Upper, 0, 0, 0.0)]);
    assert_writes(kernels.get(Kernel::BoundsContraction), &[]);
    assert_writes(kernels.get(Kernel::BoundsTerms), &[]);
}
