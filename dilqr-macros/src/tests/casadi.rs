//! Operations beside those of CasADi's generated kernels, for the same formulas: the comparison of `benches/README.md`
//! without a stopwatch.
//!
//! `DILQR_BLESS=1 cargo test -p dilqr-macros` writes our side anew. CasADi's side is what `benches/peers/casadi_kernels.py`
//! counts, by CasADi 3.8.2.

use std::fmt::Write as _;

use super::{differentiate, elaborate_file, golden};
use crate::differentiate::build_kernels::{Strategies, build_one};
use crate::differentiate::chain_rule::{ChainRule, HessianStrategy, JacobianStrategy, Strategy};
use crate::differentiate::symbolica_lock::with_symbolica_lock;
use crate::differentiate::tape::Tape;
use crate::program::fields::{Field, Output};
use crate::program::kernels::Kernel;
use crate::program::vectors::{Input, Vector};

/// Operations of `first` (f, fx, fu, fp), `hess` (hxx, hux, huu), `cross` (hxp, hup) and `terms` (fp, hxp, hup).
type Counts = [usize; 4];

const PEERS: &str = include_str!("../../../benches/src/peers.rs");
const QUADROTOR: &str = include_str!("../../../benches/src/quadrotor.rs");
const ARM: &str = include_str!("../../../models/src/arm.rs");

/// Replaces a part that occurs once in a text.
fn replaced(text: &str, from: &str, to: &str) -> String {
    assert_eq!(text.matches(from).count(), 1, "{from}");
    text.replace(from, to)
}

/// System, module, file, and CasADi's counts.
fn systems() -> [(&'static str, &'static str, String, Counts); 6] {
    let euler = replaced(QUADROTOR, "integrator = rk4", "integrator = euler");
    // The arm without the symmetry of its inertia matrices.
    let dense = replaced(ARM, "for j in 0..=i {", "for j in 0..6 {");
    let dense = replaced(&dense, "                whole[j][i] = whole[i][j];\n", "");
    [
        ("pendulum", "pendulum", PEERS.to_owned(), [43, 11, 28, 45]),
        ("cartpole", "cartpole", PEERS.to_owned(), [140, 118, 223, 250]),
        ("quadrotor_euler", "quadrotor_rk4", euler, [218, 203, 114, 167]),
        ("quadrotor_rk4", "quadrotor_rk4", QUADROTOR.to_owned(), [4034, 6171, 4109, 4588]),
        ("arm", "arm", ARM.to_owned(), [19489, 45702, 35325, 35467]),
        ("arm_dense", "arm", dense, [23214, 57778, 45560, 45708]),
    ]
}

/// The second derivatives of `l + lambda' f` in `(x, u)` and `p`, and nothing else (the kernel `parameter_terms` gives `fp`
/// as well): the fewest operations over all strategies to build them.
fn cross(tapes: &[Tape]) -> usize {
    let mut best = usize::MAX;
    let strategies = tapes.iter().flat_map(|tape| HessianStrategy::ALL.map(|hessian| (tape, hessian)));
    for (tape, hessian) in strategies {
        // A strategy that is far beyond the best is given up.
        let limit = best.saturating_mul(3).saturating_add(1_000);
        let mut chain = ChainRule::new(tape, Strategy { jacobian: JacobianStrategy::Forward, hessian }, limit);
        let mut roots = vec![(tape.l, chain.builder.constant(1.0))];
        for (index, &f) in tape.f.iter().enumerate() {
            roots.push((f, chain.builder.input(Input::new(Vector::Lambda, index))));
        }
        let entries = chain.cross(&roots, &[Vector::X, Vector::U], &[Vector::P]);
        if chain.builder.is_full() {
            continue;
        }
        let outputs = entries.into_iter().map(|((row, column), value)| {
            let field = if row.vector == Vector::X { Field::Hxp } else { Field::Hup };
            (Output { field, row: row.index, column: column.index }, value)
        });
        best = best.min(chain.builder.finish(outputs.collect()).count().total());
    }
    best
}

fn counts(tapes: &[Tape]) -> Counts {
    let kernels = [Kernel::Linearize, Kernel::HamiltonianHessian, Kernel::ParameterTerms];
    let [first, hess, terms] = kernels.map(|kernel| build_one(Strategies::all(tapes), kernel).program.count().total());
    [first, hess, cross(tapes), terms]
}

#[test]
fn operations_beside_casadi() {
    let mut text = String::from("system kernel ours casadi\n");
    for (name, module, file, theirs) in systems() {
        let tapes = with_symbolica_lock(|| differentiate(&elaborate_file(&file, module))).unwrap();
        // Outside the session, which others wait for, since this takes the arm some seconds.
        let ours = counts(&tapes);
        for ((kernel, ours), theirs) in ["first", "hess", "cross", "terms"].iter().zip(ours).zip(theirs) {
            let _ = writeln!(text, "{name} {kernel} {ours} {theirs}");
        }
    }
    golden::check("casadi.txt", &text);
}
