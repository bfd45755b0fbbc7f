//! Kernels as text: what is read back is what was written.

use super::random::Model;
use super::{derive, elaborate};
use crate::differentiate::symbolica_lock::with_symbolica_lock;
use crate::store::textual_ir::{read, write};

/// Every operation, in a model with stage parameters, limits, arrays, a raw identifier and constants of all sizes.
const EVERYTHING: &str = "mod everything {
    pub struct State { pub position: [f64; 2], pub r#type: f64 }
    pub struct Control { #[bounds(-p.a, 0.0)] pub push: f64 }
    pub struct Params { pub a: f64, pub b: f64 }
    pub struct StageParams { pub target: [f64; 1] }
    pub fn dynamics(x: State, u: Control, p: Params, s: StageParams) -> State {
        let [q, v] = x.position;
        let angle = q.atan2(v + 3.0) + x.r#type.tan() + q.sinh() * v.cosh() - q.tanh() + (0.1 * q).asin() - (0.1 * v).acos();
        let power = (1.5 + q * q).powf(v) + (2.0 + v * v).powf(0.3) + (1.0 + q * q).ln() + p.a.exp() + q.hypot(v) + q.cbrt();
        let both = q < v && (v <= p.a || !(q == p.b)) || angle > 1e-300;
        let chosen = if both { angle / p.b } else { power * 1e300 };
        State { position: [chosen, -q.abs() + 0.1 * v.signum()], r#type: u.push * s.target[0] - 1.0 / 3.0 }
    }
    pub fn stage_cost(x: State, u: Control, p: Params, s: StageParams) -> f64 {
        x.r#type.powi(3) + (u.push - s.target[0]).sin() * x.position[1].cos().sqrt() - x.position[0].atan() / p.a
    }
    pub fn terminal_cost(x: State, _p: Params, _s: StageParams) -> f64 { (x.position[0] - 2.5e-9).powi(2) }
    pub fn stage_constraints(x: State, u: Control, p: Params) -> [f64; 2] { [(u.push.powi(2) + 4.0).sqrt() - p.b, x.r#type.sin()] }
    pub fn terminal_equalities(x: State, p: Params) -> [f64; 1] { [x.position[1] * x.position[0] - p.a] }
}";

fn round_trip(source: &str) -> String {
    let system = elaborate(source);
    let kernels = with_symbolica_lock(|| derive(&elaborate(source))).unwrap();
    let text = write(&kernels, &system.vectors);
    // Bits, not values: the constants are compared as such.
    assert!(read(&text, &system.vectors).unwrap() == kernels, "{text}");
    text
}

#[test]
fn every_operation_is_read_back() {
    let text = round_trip(EVERYTHING);
    syn::parse_file(&text).unwrap_or_else(|error| panic!("{error}: the text is Rust\n{text}"));
    for part in [
        "out.lower[(0, 0)] = ",
        "out.upper[(0, 0)] = 0.0",
        "mu[1]",
        "dmu[0]",
        "lower.push",
        "out.cu[(0, 0)]",
        " < ",
        " <= ",
        " == ",
        " & ",
        " | ",
        "= !",
        "= -",
        "if t",
        "powf(",
        "pow(",
        "atan2(",
        "signum(",
        "same(mu[0], 0.0)",
        "same(dmu[0], 0.0)",
        "s.target[0]",
    ] {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
    assert!(text.contains("x.r#type") && text.contains("lambda.position[0]"), "{text}");
}

#[test]
fn random_models_are_read_back() {
    for index in 0..40 {
        round_trip(&Model::numbered(index).source("case"));
    }
}

/// A missing, repeated or wrong line is an error, independent of checksums.
#[test]
fn other_text_is_refused() {
    let system = elaborate(EVERYTHING);
    let text = round_trip(EVERYTHING);
    let lines: Vec<&str> = text.lines().collect();
    let without = |index: usize| [&lines[..index], &lines[index + 1..]].concat().join("\n");
    for (index, line) in lines.iter().enumerate() {
        let comment = line.starts_with("//") || line.is_empty();
        // An output that is missing leaves a program that is whole; that is for the checksum to notice.
        if line.trim_start().starts_with("out.") {
            continue;
        }
        assert_eq!(read(&without(index), &system.vectors).is_some(), comment, "without {line}");
    }
    for (from, to) in
        [("let t0 = ", "let t7 = "), ("out.f[0]", "out.g[0]"), ("sin(", "sine("), ("x.position", "x.place")]
    {
        assert!(text.contains(from));
        assert!(read(&text.replacen(from, to, 1), &system.vectors).is_none(), "{from} -> {to}");
    }
    assert!(read("", &system.vectors).is_none());
    assert!(read(&format!("{text}fn more(out: &mut Record) {{\n}}\n"), &system.vectors).is_none());
}
