//! Warnings of unused fields, by the kernels and by dual numbers.

use std::collections::HashSet;

use super::elaborate;
use super::elaborate_file;
use super::golden::MODELS;
use super::oracle::{L, N, Oracle, P, TERMINAL, U, X};
use super::random::{Model, NX, Stream};
use crate::differentiate::build_kernels::{Strategies, build_kernels};
use crate::differentiate::lower;
use crate::differentiate::symbolica_lock::with_symbolica_lock;
use crate::elaborate::elaborated_system::System;
use crate::emit::dead_inputs::{self, Reach};
use crate::program::kernels::Kernels;
use crate::program::vectors::{Input, Vector};

fn kernels(system: &System) -> Kernels {
    let (graph, outputs) = (&system.graph, system.outputs());
    let tapes = with_symbolica_lock(|| lower::tapes(graph, outputs).ok());
    build_kernels(Strategies::all(&tapes.unwrap().unwrap()))
}

/// `Owner.field: message` for every warning.
fn warnings(system: &System) -> Vec<String> {
    let kernels = kernels(system);
    let fields = dead_inputs::fields(&system.vectors, &kernels);
    fields.iter().map(|unused| format!("{}.{}: {}", unused.owner, unused.field, unused.message)).collect()
}

/// A model of two states, a control and a parameter, with its functions' bodies as given.
fn model(next: [&str; 2], stage_cost: &str, more: &str) -> System {
    let [a, b] = next;
    elaborate(&format!(
        "pub mod pair {{
            pub struct State {{ pub a: f64, pub b: f64 }}
            pub struct Control {{ pub u: f64 }}
            pub struct Params {{ pub p: f64 }}
            pub fn dynamics(x: State, u: Control, p: Params) -> State {{ State {{ a: {a}, b: {b} }} }}
            pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {{ {stage_cost} }}
            pub fn terminal_cost(x: State, p: Params) -> f64 {{ x.a }}
            {more}
        }}"
    ))
}

fn fields(system: &System) -> Vec<String> {
    warnings(system).iter().map(|text| text.split(':').next().unwrap().to_owned()).collect()
}

#[test]
fn costs_see_through_the_dynamics() {
    // u moves b, b moves a, and a is paid for.
    assert_eq!(fields(&model(["x.b * p.p", "u.u"], "0.0", "")), [""; 0]);
    // Only unobserved states enter b.
    assert_eq!(fields(&model(["x.a * p.p", "u.u"], "0.0", "")), ["State.b", "Control.u"]);
    // Two states that depend on each other, and nothing else depends on.
    assert_eq!(fields(&model(["0.5", "x.b + p.p"], "u.u", "")), ["State.b"]);
}

#[test]
fn what_cancels_is_not_used() {
    assert_eq!(fields(&model(["x.b + u.u", "p.p / p.p * x.a"], "p.p - p.p", "")), ["Params.p"]);
    assert_eq!(fields(&model(["x.b + 0.0 * u.u", "p.p * x.a"], "x.a", "")), ["Control.u"]);
}

#[test]
fn conditions_are_a_use() {
    assert_eq!(fields(&model(["x.a", "0.0"], "if x.b > p.p { u.u } else { 0.0 }", "")), [""; 0]);
    // A side that never runs is none.
    let next = "if 1.0 > 2.0 { x.b * p.p } else { u.u }";
    assert_eq!(fields(&model([next, "0.0"], "0.0", "")), ["State.b", "Params.p"]);
}

#[test]
fn bounds_and_constraints_are_a_use() {
    let constraint = "pub fn stage_constraints(x: State, u: Control, p: Params) -> [f64; 1] { [x.b - p.p] }";
    assert_eq!(fields(&model(["x.a", "u.u"], "0.0", "")), ["State.b", "Control.u", "Params.p"]);
    assert_eq!(fields(&model(["x.a", "u.u"], "0.0", constraint)), [""; 0]);
    let bounded = elaborate(
        "pub mod bounded {
            pub struct State { pub a: f64 }
            pub struct Control { #[bounds(-p.limit, None)] pub u: f64, #[bounds(-1.0, 1.0)] pub lamp: f64 }
            pub struct Params { pub limit: f64 }
            pub fn dynamics(x: State, u: Control, p: Params) -> State { State { a: x.a + u.u } }
            pub fn stage_cost(x: State, u: Control, p: Params) -> f64 { 0.0 }
            pub fn terminal_cost(x: State, p: Params) -> f64 { x.a }
        }",
    );
    // Bounds of a control are not a use of it.
    assert_eq!(fields(&bounded), ["Control.lamp"]);
}

#[test]
fn arrays_by_their_entries_and_underscores_not_at_all() {
    let system = elaborate(
        "pub mod arrays {
            pub struct State { pub a: [f64; 2], pub _spare: [f64; 2] }
            pub struct Control { pub u: [f64; 2], pub _idle: f64 }
            pub struct Params { pub all: [f64; 2], pub some: [f64; 4], pub one: [f64; 2], pub none: [f64; 3], pub _p: f64 }
            pub struct StageParams { pub wind: f64, pub _s: f64 }
            pub fn dynamics(x: State, u: Control, p: Params) -> State {
                State { a: [x.a[0] + u.u[1], x.a[1]], _spare: [u.u[0]; 2] }
            }
            pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
                p.all[0] * p.all[1] + p.some[1] + p.some[3] + p.one[1]
            }
            pub fn terminal_cost(x: State, p: Params) -> f64 { x.a[0] }
        }",
    );
    let sees = |what: &str, them: &str| {
        format!(
            "no cost or constraint depends on {what}, neither directly nor through the dynamics: remove {them}, or start the field's name with `_`"
        )
    };
    let depends = |what: &str, them: &str| {
        format!("nothing in the model depends on {what}: remove {them}, or start the field's name with `_`")
    };
    assert_eq!(
        warnings(&system),
        [
            format!("State.a: {}", sees("its entry 1", "it")),
            format!("Control.u: {}", sees("its entry 0", "it")),
            format!("Params.some: {}", depends("its entries 0, 2", "them")),
            format!("Params.one: {}", depends("its entry 0", "it")),
            format!("Params.none: {}", depends("it", "it")),
            format!("StageParams.wind: {}", depends("it", "it")),
        ]
    );
}

#[test]
fn parts_of_matrices_and_structs_by_their_names() {
    let system = elaborate(
        "pub mod nested {
            pub struct Point { pub x: f64, pub y: f64, pub _z: f64 }
            pub struct State { pub a: f64 }
            pub struct Control { pub u: f64 }
            pub struct Params {
                pub m: [[f64; 2]; 2], pub at: Point, pub rest: [Point; 2], pub none: Point, pub _idle: Point, pub spare: Spare,
            }
            pub struct Spare { pub _v: [f64; 3] }
            pub fn dynamics(x: State, u: Control, p: Params) -> State { State { a: p.m[0][1] * p.m[1][1] + u.u } }
            pub fn stage_cost(x: State, u: Control, p: Params) -> f64 { p.at.x * p.at.y + p.rest[0].x + p.rest[1].y }
            pub fn terminal_cost(x: State, p: Params) -> f64 { x.a }
        }",
    );
    let depends = |what: &str, them: &str| {
        format!("nothing in the model depends on {what}: remove {them}, or start the field's name with `_`")
    };
    assert_eq!(
        warnings(&system),
        [
            format!("Params.m: {}", depends("its entries `m[0][0]`, `m[1][0]`", "them")),
            format!("Params.rest: {}", depends("its entries `rest[0].y`, `rest[1].x`", "them")),
            format!("Params.none: {}", depends("it", "it")),
        ]
    );
}

#[test]
fn shipped_models_use_all_they_declare() {
    for (name, file) in MODELS {
        assert_eq!(warnings(&elaborate_file(file, name)), [""; 0], "{name}");
    }
}

/// What depends on what in a random model, by gradients at several points: a dependence that shows at none of them is none,
/// since all functions are smooth.
fn by_gradients(model: &Model, seed: u64) -> [[bool; N]; NX + 2] {
    let mut stream = Stream(seed);
    let mut depends = [[false; N]; NX + 2];
    for _ in 0..5 {
        let z = std::array::from_fn(|k| if k < P { stream.between(-1.5, 1.5) } else { stream.between(0.5, 2.0) });
        let oracle = Oracle::new(model, &z);
        for (row, gradient) in depends.iter_mut().zip(oracle.gradient) {
            for (depends, entry) in row.iter_mut().zip(gradient) {
                // What cancels leaves the rounding of numbers up to the scale.
                *depends |= entry.abs() > 1e-12 * oracle.scale;
            }
        }
    }
    depends
}

const MODELS_BY_CHANCE: u64 = 200;

#[test]
fn random_models_by_dual_numbers() {
    let input = |k: usize| match k {
        _ if k < U => Input::new(Vector::X, k - X),
        _ if k < P => Input::new(Vector::U, k - U),
        _ => Input::new(Vector::P, k - P),
    };
    let (mut unused, mut differ) = (0, 0);
    for index in 0..MODELS_BY_CHANCE {
        let model = Model::numbered(index);
        let system = elaborate(&model.source("model"));
        let Reach { observed: seen, used } = dead_inputs::reach(&kernels(&system));
        let depends = by_gradients(&model, index);
        let used_by_gradients = (0..N).filter(|&k| depends.iter().any(|row| row[k])).map(input).collect::<HashSet<_>>();
        let mut seen_by_gradients = [false; N];
        // As many stages as there are states reach everything that can be reached.
        for _ in 0..=NX {
            for k in 0..N {
                let through = (0..NX).any(|state| seen_by_gradients[X + state] && depends[state][k]);
                seen_by_gradients[k] |= depends[L][k] || depends[TERMINAL][k] || through;
            }
        }
        let seen_by_gradients = (0..N).filter(|&k| seen_by_gradients[k]).map(input).collect::<HashSet<_>>();
        let source = model.source("model");
        assert!(used.is_superset(&used_by_gradients), "model {index}: {used:?}, {used_by_gradients:?}\n{source}");
        assert!(seen.is_superset(&seen_by_gradients), "model {index}: {seen:?}, {seen_by_gradients:?}\n{source}");
        differ += u32::from((used, &seen) != (used_by_gradients, &seen_by_gradients));
        unused += N - seen.len();
    }
    // Symbolica does not simplify `q - (b + q)`, and kernels keep it: a rare dependence without effect.
    assert!(differ <= 4, "{differ}");
    // Both results occur.
    let inputs = MODELS_BY_CHANCE as usize * N;
    assert!((50..inputs - 50).contains(&unused), "{unused} of {inputs}");
}
