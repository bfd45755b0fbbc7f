//! The normal form of an expression has the domain of the expression: a kernel gives the user's number where the user's
//! function gives one, on both sides of zero, and none where it gives none.

use super::{derive, elaborate};
use crate::graph::Vector;
use crate::program::{Field, Program};
use crate::symbolic;

type Case = (&'static str, fn(f64, f64) -> f64);

/// Functions of two real numbers `a` and `b`, as text and as Rust.
macro_rules! cases {
    ($($body:expr),* $(,)?) => { [$((stringify!($body), $body as fn(f64, f64) -> f64)),*] };
}

fn source(text: &str) -> String {
    // `|a, b| body`
    let body = text.split_once('|').and_then(|(_, rest)| rest.split_once('|')).map_or(text, |(_, body)| body);
    format!(
        "pub mod domain {{
            pub struct State {{ pub a: f64, pub b: f64 }}
            pub struct Control {{ pub u: f64 }}
            pub struct Params {{ pub p: f64 }}
            fn value(a: f64, b: f64) -> f64 {{ {body} }}
            pub fn dynamics(x: State, u: Control, p: Params) -> State {{ State {{ a: value(x.a, x.b), b: u.u * p.p }} }}
            pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {{ u.u * p.p * x.a }}
            pub fn terminal_cost(x: State, p: Params) -> f64 {{ x.a * p.p }}
        }}"
    )
}

fn entry(program: &Program, field: Field, column: u32, [a, b]: [f64; 2]) -> f64 {
    let outputs = program.run(|input| match (input.vector, input.index) {
        (Vector::X, 0) => a,
        (Vector::X, _) => b,
        _ => 0.0,
    });
    let found = outputs.into_iter().find(|(output, _)| (output.field, output.row, output.column) == (field, 0, column));
    found.map_or(0.0, |(_, value)| value)
}

const POINTS: [[f64; 2]; 5] = [[2.0, 0.7], [-2.0, 0.7], [1.3, -0.4], [-1.3, -0.4], [-0.2, 3.0]];

#[test]
fn powers_and_roots_of_both_signs() {
    let cases: Vec<Case> = cases![
        |a: f64, _b: f64| a.powi(2).powf(0.5),
        |a: f64, b: f64| (a * a).powf(1.5) * b,
        |a: f64, _b: f64| a.powi(2).sqrt(),
        |a: f64, _b: f64| a.powi(-2).powf(0.5),
        |a: f64, _b: f64| (-a).powf(0.5),
        |a: f64, _b: f64| (-2.0 * a).powf(1.5),
        |a: f64, b: f64| (a * b).powf(0.5),
        |a: f64, b: f64| (a / b).powf(-0.5),
        |a: f64, b: f64| (a * a * b).powf(0.5),
        |a: f64, b: f64| (a * a * b).powf(0.3),
        |a: f64, b: f64| (a * a * b).sqrt(),
        |a: f64, b: f64| (a * b).sqrt() * a.powi(2).sqrt(),
        |a: f64, _b: f64| a.powf(0.5) * a.powf(0.5),
        |a: f64, _b: f64| a.powf(0.5).powi(2),
        |a: f64, _b: f64| a.powf(0.25).powf(4.0),
        |a: f64, _b: f64| a.powf(1.5) / a.powf(0.5),
        |a: f64, _b: f64| a.powf(2.0) + a.powf(3.0) - a.powf(-1.0),
        |a: f64, b: f64| a.powi(2).powf(b),
        |a: f64, b: f64| a.powf(b) * a.powf(-b),
        |a: f64, b: f64| a.powf(b).powf(2.0),
        |a: f64, b: f64| (a * a).powf(b) * (a * a).powf(0.5),
        |a: f64, b: f64| a.sqrt() * a.sqrt() + b,
        |a: f64, b: f64| a.sqrt() * b.sqrt(),
        |a: f64, b: f64| a.ln() + b.ln(),
        |a: f64, _b: f64| a.ln().exp(),
        |a: f64, _b: f64| a.powi(2).ln(),
        |a: f64, _b: f64| a.exp().ln(),
        |a: f64, _b: f64| a.sin().asin(),
        |a: f64, _b: f64| a.powi(2).cbrt() + a.powi(3).cbrt(),
        |a: f64, b: f64| a.cbrt() * b.cbrt(),
        |a: f64, b: f64| (a * 2.0).atan2(b * 2.0),
        |a: f64, b: f64| (-a).atan2(-b),
        |a: f64, b: f64| (-a).hypot(-b) + (3.0 * a).hypot(4.0 * a),
    ]
    .into();
    check(cases);
}

/// A branch that does not run shows nowhere, though it may have no number there, and none of its derivatives.
#[test]
fn branches_that_do_not_run() {
    let cases: Vec<Case> = cases![
        |a: f64, b: f64| if a > 0.0 { a.sqrt() } else { b },
        |a: f64, b: f64| if a > 0.0 { b * a.sqrt() } else { b },
        |a: f64, b: f64| if a > 0.0 { b * a.sqrt() * a.ln() } else { b * a },
        |a: f64, b: f64| if a > 0.0 {
            let inner = if b > 0.0 { a } else { 2.0 * a };
            b * inner.sqrt()
        } else {
            b
        },
        |a: f64, b: f64| if a > 0.0 {
            let inner = if b > 0.0 { a } else { 3.0 };
            b / inner.powf(0.3)
        } else {
            b
        },
        |a: f64, b: f64| if a > 0.0 {
            let inner = if b > 0.0 { a.sqrt() } else { a };
            inner * b
        } else {
            b * b
        },
    ]
    .into();
    check(cases);
}

fn check(cases: Vec<Case>) {
    let mut wrong = Vec::new();
    for (text, value) in cases {
        let kernels = symbolic::session(|| derive(&elaborate(&source(text)))).unwrap();
        for [a, b] in POINTS {
            let (expected, computed) = (value(a, b), entry(&kernels.dynamics, Field::Next, 0, [a, b]));
            // The order of operations differs, and powers may be products.
            let same = |x: f64, y: f64, tolerance: f64| {
                (x.is_nan() && y.is_nan()) || (x - y).abs() <= tolerance * y.abs().max(1.0)
            };
            if !same(computed, expected, 1e-14) {
                wrong.push(format!("{text} at ({a}, {b}): {computed}, Rust gives {expected}"));
                continue;
            }
            if expected.is_nan() {
                continue;
            }
            for (column, slope) in [
                (0, (value(a + 1e-5, b) - value(a - 1e-5, b)) / 2e-5),
                (1, (value(a, b + 1e-5) - value(a, b - 1e-5)) / 2e-5),
            ] {
                let computed = entry(&kernels.linearize, Field::Fx, column, [a, b]);
                // Central differences with a step of the cube root of eps.
                if !same(computed, slope, 1e-7) && slope.is_finite() {
                    wrong.push(format!("derivative {column} of {text} at ({a}, {b}): {computed}, not {slope}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
