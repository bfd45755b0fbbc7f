//! Operations that the outlining of expressions into elementals saves.

use super::{compile, differentiate, elaborate};
use crate::differentiate::build_kernels::{Strategies, build_kernels};
use crate::differentiate::chain_rule::{HessianStrategy, JacobianStrategy};
use crate::differentiate::symbolica_lock::with_symbolica_lock;
use crate::program::kernels::{Kernel, Kernels};

/// A model whose next states are these expressions, after these statements.
fn source(statements: &str, [a, b]: [&str; 2]) -> String {
    format!(
        "pub mod cut {{
            pub struct State {{ pub a: f64, pub b: f64 }}
            pub struct Control {{ pub u: f64 }}
            pub struct Params {{ pub p: f64 }}
            pub fn dynamics(x: State, u: Control, p: Params) -> State {{
                {statements}
                State {{ a: {a}, b: {b} }}
            }}
            pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {{ x.a * x.a + x.b * x.b + p.p * u.u * u.u }}
            pub fn terminal_cost(x: State, p: Params) -> f64 {{ p.p * x.a * x.a }}
        }}"
    )
}

/// The operations of every kernel.
fn counts(kernels: &Kernels) -> Vec<(&'static str, usize)> {
    kernels.iter().map(|(kernel, program)| (kernel.name(), program.count().total())).collect()
}

fn sum(kernels: &Kernels) -> usize {
    counts(kernels).iter().map(|(_, count)| count).sum()
}

#[test]
fn a_named_reciprocal_cancels() {
    let plain = counts(&compile(&source("", ["x.b", "u.u * p.p"])));
    for pivot in ["1.0 / x.a", "x.a.recip()", "x.a.powi(-1)"] {
        let kernels = compile(&source(&format!("let pivot = {pivot};"), ["x.a * x.b * pivot", "u.u * p.p"]));
        assert_eq!(counts(&kernels), plain, "{pivot}");
    }
    // A reciprocal of that name is the value again; a longer chain is computed as it is written.
    let twice = "let pivot = 1.0 / x.a; let back = 1.0 / pivot;";
    assert_eq!(compile(&source(twice, ["back", "u.u * p.p"]))[Kernel::Dynamics].count().divisions, 0);
    let thrice = "let pivot = 1.0 / (x.a + x.b); let back = 1.0 / pivot; let again = 1.0 / back;";
    assert_eq!(compile(&source(thrice, ["again", "u.u * p.p"]))[Kernel::Dynamics].count().divisions, 1);
}

/// The upper half of a symmetric matrix, written as its own expression, costs no operations, in derivatives either.
#[test]
fn equal_elementals_are_one_in_any_order() {
    let mixed = "let first = u.u + x.a * x.b / p.p; let second = x.b / p.p * x.a + u.u;";
    let one = "let first = u.u + x.a * x.b / p.p; let second = first;";
    let next = ["first.sin() * second", "second.cos() + first"];
    let [mixed, one] = [mixed, one].map(|statements| compile(&source(statements, next)));
    assert!(mixed == one, "{:?} and {:?}", counts(&mixed), counts(&one));
}

/// Neither granularity of products is better for all kernels.
#[test]
fn products_have_two_granularities() {
    let file = include_str!("../../../models/src/cartpole_cos_sin.rs");
    let tapes = with_symbolica_lock(|| differentiate(&super::elaborate_file(file, "cartpole_cos_sin"))).unwrap();
    let [coarse, fine] = tapes.as_slice() else { panic!("{} tapes", tapes.len()) };
    assert!(coarse.elementals.len() < fine.elementals.len());
    let (jacobians, hessians) = (&JacobianStrategy::ALL[..], &HessianStrategy::ALL[..]);
    let [of_coarse, of_fine] = [coarse, fine]
        .map(|tape| build_kernels(Strategies { tapes: core::slice::from_ref(tape), jacobians, hessians }));
    let of_both = build_kernels(Strategies::all(&tapes));
    for (((name, coarse), (same, fine)), (again, both)) in
        counts(&of_coarse).into_iter().zip(counts(&of_fine)).zip(counts(&of_both))
    {
        assert_eq!((name, name, both), (same, again, coarse.min(fine)));
    }
    let (coarse, fine, both) = (sum(&of_coarse), sum(&of_fine), sum(&of_both));
    assert!(both < coarse && both < fine, "{both} operations by both, {coarse} and {fine} by one");
    // Products of two are the same in both.
    let plain = source("", ["x.a * x.b", "u.u * p.p"])
        .replace("p.p * u.u * u.u", "u.u * u.u")
        .replace("p.p * x.a * x.a", "x.a");
    let plain = with_symbolica_lock(|| differentiate(&elaborate(&plain)).len()).unwrap();
    assert_eq!(plain, 1);
}
