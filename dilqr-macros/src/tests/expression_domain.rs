//! The normal form of an expression has the domain of the expression, but for what cancels: a kernel gives the user's number
//! where the user's function gives one, on both sides of zero, by every strategy.

use super::{differentiate, each_strategy, elaborate};
use crate::differentiate::build_kernels::build_kernels;
use crate::differentiate::symbolica_lock::with_symbolica_lock;
use crate::program::fields::Field;
use crate::program::kernels::{Kernel, Kernels};
use crate::program::program::Program;
use crate::program::vectors::Vector;

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
        // The Hamiltonian is the next state's first entry.
        (Vector::Lambda, 0) => 1.0,
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
        |a: f64, b: f64| (a + b - a - b).powi(0) * b + (a - b + b - a).powf(0.0),
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
        |a: f64, b: f64| if a > 0.0 {
            let pivot = 1.0 / a.sqrt();
            b * pivot * a.sqrt() + a * b * pivot
        } else {
            b * a
        },
        |a: f64, b: f64| {
            let pivot = 1.0 / b;
            if a > 0.0 { a * b * pivot } else { a * a * pivot }
        },
    ]
    .into();
    check(cases);
}

fn check(cases: Vec<Case>) {
    let mut wrong = Vec::new();
    for (text, value) in cases {
        let tapes = with_symbolica_lock(|| differentiate(&elaborate(&source(text)))).unwrap();
        for (way, strategies) in each_strategy(&tapes).into_iter().enumerate() {
            let kernels = build_kernels(strategies);
            for point in POINTS {
                wrong.extend(
                    mistakes(&kernels, value, point)
                        .into_iter()
                        .map(|mistake| format!("{text} in way {way} at {point:?}: {mistake}")),
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What kernels give for a function and its derivatives that Rust and differences do not.
fn mistakes(kernels: &Kernels, value: fn(f64, f64) -> f64, [a, b]: [f64; 2]) -> Vec<String> {
    let mut wrong = Vec::new();
    let same =
        |x: f64, y: f64, tolerance: f64| (x.is_nan() && y.is_nan()) || (x - y).abs() <= tolerance * y.abs().max(1.0);
    let (expected, computed) = (value(a, b), entry(&kernels[Kernel::Dynamics], Field::Next, 0, [a, b]));
    // The order of operations differs, and powers may be products.
    if !same(computed, expected, 1e-14) {
        wrong.push(format!("{computed}, Rust gives {expected}"));
        return wrong;
    }
    if expected.is_nan() {
        return wrong;
    }
    // Central differences, with a step of the cube root of eps, and of its fourth root.
    let first = |a: f64, b: f64, h: f64| {
        [(value(a + h, b) - value(a - h, b)) / (2.0 * h), (value(a, b + h) - value(a, b - h)) / (2.0 * h)]
    };
    let (slopes, h) = (first(a, b, 1e-5), 1e-4);
    let second = (value(a + h, b) - 2.0 * value(a, b) + value(a - h, b)) / (h * h);
    let mixed = (first(a, b + h, h)[0] - first(a, b - h, h)[0]) / (2.0 * h);
    for (program, field, name, differences, tolerance) in [
        (&kernels[Kernel::Linearize], Field::Fx, "derivative", slopes, 1e-7),
        (&kernels[Kernel::ExpandHamiltonian], Field::Hxx, "second derivative", [second, mixed], 1e-5),
    ] {
        for (column, difference) in differences.into_iter().enumerate() {
            let computed = entry(program, field, column as u32, [a, b]);
            if difference.is_finite() && !same(computed, difference, tolerance) {
                wrong.push(format!("{name} {column} is {computed}, not {difference}"));
            }
        }
    }
    wrong
}
