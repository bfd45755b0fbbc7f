//! Models that call a vector function, beside the same models with the function written out.

use super::{compile, differentiate, each_strategy, elaborate};
use crate::differentiate::build_kernels::build_kernels;
use crate::differentiate::symbolica_lock::with_symbolica_lock;
use crate::environment::Environment;
use crate::expand::expand;
use crate::program::kernels::{Kernel, Kernels};
use crate::program::op::Op;
use crate::program::vectors::Input;
use crate::store::textual_ir::{read, write};

/// A function at a state, at its own value, in a branch, in all costs and limits; two calls at one point are one.
const MODEL: &str = "mod model {
    pub struct State { pub a: f64, pub b: f64 }
    pub struct Control { pub u: f64 }
    pub struct Params { pub p: f64 }
    FUNCTION
    pub fn dynamics(x: State, u: Control, p: Params ARGUMENT) -> State {
        let y = F([x.a, u.u * p.p]);
        let z = F([y[1], y[0] + x.b]);
        let again = F([x.a, u.u * p.p]);
        let chosen = if x.b < 0.3 { z[0] } else { z[0] * again[1] };
        State { a: x.a + chosen * y[0], b: z[1] / (2.0 + y[1] * y[1]) }
    }
    pub fn stage_cost(x: State, u: Control, p: Params ARGUMENT) -> f64 {
        let [_, y] = F([x.b, p.p]);
        y * y + u.u * u.u
    }
    pub fn terminal_cost(x: State, p: Params ARGUMENT) -> f64 {
        F([x.a, x.b])[0] * p.p + F([p.p, x.b])[1] + F([x.a, x.a])[0] * F([x.b * x.b, x.b * x.b])[1]
    }
    pub fn stage_constraints(x: State, u: Control, _p: Params ARGUMENT) -> [f64; 2] { [F([x.a, u.u])[1] - u.u, F([1.0, u.u])[0]] }
    pub fn terminal_equalities(x: State, p: Params ARGUMENT) -> [f64; 1] { [F([x.b, p.p * x.a])[0]] }
}";

/// `(sin(z_0 z_1), z_0^2 exp z_1)`
const WRITTEN_OUT: &str = "fn f(z: [f64; 2]) -> [f64; 2] { [(z[0] * z[1]).sin(), z[0] * z[0] * z[1].exp()] }";

fn with_calls() -> String {
    let function = "#[function(inputs = 2, outputs = 2)] pub struct Both;";
    MODEL.replace("FUNCTION", function).replace("ARGUMENT", ", both: &Both").replace("F([", "both.evaluate([")
}

fn written_out() -> String {
    MODEL.replace("FUNCTION", WRITTEN_OUT).replace("ARGUMENT", "").replace("F([", "f([")
}

/// The same function for the interpreter.
fn call(op: Op, z: &[f64], mu: &[f64]) -> Vec<f64> {
    let (a, b) = (z[0], z[1]);
    let ((sin, cos), exp) = ((a * b).sin_cos(), b.exp());
    match op {
        Op::Evaluate(..) => vec![sin, a * a * exp],
        Op::Expand(..) => vec![sin, a * a * exp, b * cos, a * cos, 2.0 * a * exp, a * a * exp],
        Op::Contract(..) => {
            let mixed = mu[0] * (cos - a * b * sin) + mu[1] * 2.0 * a * exp;
            let (first, last) = (-mu[0] * b * b * sin + mu[1] * 2.0 * exp, -mu[0] * a * a * sin + mu[1] * a * a * exp);
            vec![first, mixed, mixed, last]
        }
        other => panic!("{other:?}"),
    }
}

/// Entries of every vector, in both branches.
fn input(shift: f64) -> impl Fn(Input) -> f64 {
    move |input| 0.31 + shift * 0.4 + 0.17 * input.vector as u32 as f64 - 0.23 * f64::from(input.index)
}

fn compare(kernels: &Kernels, expected: &Kernels) {
    for (kernel, program) in kernels.iter().filter(|(kernel, _)| *kernel != Kernel::Linearize) {
        for shift in [-0.7, 0.6] {
            let found = program.run_with(input(shift), &call);
            for (output, value) in expected[kernel].run(input(shift)) {
                // A structural zero of the function written out may be one that the call does not show.
                let given = found.iter().find(|(other, _)| *other == output).map_or(0.0, |(_, value)| *value);
                assert!(
                    (given - value).abs() <= 1e-12 * (1.0 + value.abs()),
                    "{}: {output:?} {given} {value}",
                    kernel.name()
                );
            }
        }
    }
}

#[test]
fn calls_have_the_derivatives_of_their_functions() {
    let expected = compile(&written_out());
    let system = elaborate(&with_calls());
    with_symbolica_lock(|| {
        let tapes = differentiate(&elaborate(&with_calls()));
        assert_eq!(tapes[0].calls.len(), 10, "equal calls are one");
        for strategies in each_strategy(&tapes) {
            compare(&build_kernels(strategies), &expected);
        }
    })
    .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(system.vectors.functions.len(), 1);
}

/// Kernels with calls are read back, those with weights included.
#[test]
fn calls_are_read_back() {
    let network = "#[network(layers = [2, 4, 2], activation = tanh)] pub struct Both;";
    let of_network =
        MODEL.replace("FUNCTION", network).replace("ARGUMENT", ", both: &Both").replace("F([", "both.evaluate([");
    for source in [with_calls(), of_network.clone()] {
        let system = elaborate(&source);
        let kernels = compile(&source);
        let text = write(&kernels, &system.vectors);
        assert!(read(&text, &system.vectors).unwrap() == kernels, "{text}");
        syn::parse_file(&text).unwrap_or_else(|error| panic!("{error}: the text is Rust\n{text}"));
        assert_eq!(text.contains("out.gw[0] += "), source == of_network, "{text}");
    }
}

/// A kernel evaluates a function at one point once, with its derivatives where it needs them.
#[test]
fn a_point_is_visited_once() {
    let kernels = compile(&with_calls());
    let count = |kernel: Kernel, wanted: fn(&Op) -> bool| kernels[kernel].ops.iter().filter(|op| wanted(op)).count();
    // Two points of the dynamics and one of the cost.
    assert_eq!(count(Kernel::Step, |op| matches!(op, Op::Evaluate(..))), 3);
    assert_eq!(count(Kernel::Step, |op| matches!(op, Op::Expand(..))), 0);
    assert_eq!(count(Kernel::ExpandHamiltonian, |op| matches!(op, Op::Expand(..))), 3);
    assert_eq!(count(Kernel::ExpandHamiltonian, |op| matches!(op, Op::Evaluate(..))), 0);
    assert_eq!(count(Kernel::ExpandHamiltonian, |op| matches!(op, Op::Contract(..))), 3);
}

fn errors(source: &str) -> Vec<String> {
    let tokens: proc_macro2::TokenStream = source.parse().unwrap();
    let text = expand(proc_macro2::TokenStream::new(), tokens, &Environment::default()).to_string();
    let mut messages = Vec::new();
    let mut rest = text.as_str();
    while let Some(start) = rest.find("compile_error ! { \"") {
        rest = &rest[start + 19..];
        let end = rest.find("\" }").unwrap_or(rest.len());
        messages.push(rest[..end].to_owned());
    }
    messages
}

/// A model with an error has the functions that it would have without, with their arguments.
#[test]
fn functions_of_a_model_with_an_error() {
    let network = "#[network(layers = [2, 4, 2], activation = tanh)] pub struct Both;";
    let source =
        MODEL.replace("FUNCTION", network).replace("ARGUMENT", ", both: &Both").replace("F([", "both.evaluate([");
    let source = source.replace("pub fn dynamics", "pub fn derivative");
    let arguments: proc_macro2::TokenStream = "integrator = rk4, dt = 0.1".parse().unwrap();
    for source in [source.clone(), source.replace("y * y + u.u * u.u", "y * unknown")] {
        let tokens: proc_macro2::TokenStream = source.parse().unwrap();
        let text = expand(arguments.clone(), tokens, &Environment::default()).to_string();
        assert_eq!(text.contains("compile_error"), source.contains("unknown"));
        assert!(text.contains("fn dynamics (x : State , u : Control , p : Params , both : & Both) -> State"), "{text}");
    }
}

/// A model with algebraic variables and so many equations.
fn algebraic(item: &str, equations: &str) -> String {
    format!(
        "mod model {{
            pub struct State {{ pub a: f64 }}
            pub struct Control {{ pub u: f64 }}
            pub struct Params {{}}
            {item}
            pub fn algebraic(x: State, _z: Algebraic, u: Control, _p: Params) -> [f64; {equations}] {{ [x.a - u.u; {equations}] }}
            pub fn dynamics(x: State, u: Control, _p: Params) -> State {{ State {{ a: x.a + u.u }} }}
            pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {{ x.a * x.a + u.u * u.u }}
            pub fn terminal_cost(x: State, _p: Params) -> f64 {{ x.a * x.a }}
        }}"
    )
}

/// A model with a table of this type.
fn table(ty: &str) -> String {
    format!(
        "mod model {{
            pub struct State {{ pub a: f64, pub b: f64 }}
            pub struct Control {{ pub u: f64 }}
            pub struct Params {{}}
            const LIFT: dilqr_runtime::{ty} = dilqr_runtime::Spline::natural([0.0, 1.0, 2.0, 3.0], [1.0; 4]);
            pub fn dynamics(x: State, u: Control, _p: Params) -> State {{ State {{ a: x.b + u.u, b: LIFT.at(x.a) }} }}
            pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {{ x.a * x.a + u.u * u.u }}
            pub fn terminal_cost(x: State, _p: Params) -> f64 {{ x.a * x.a }}
        }}"
    )
}

#[test]
fn mistakes_with_functions() {
    let with = |attribute: &str| with_calls().replace("#[function(inputs = 2, outputs = 2)]", attribute);
    for (source, expected) in [
        (with("#[function(inputs = 2)]"), "a function of your own has a number of inputs and of outputs"),
        (with("#[function(inputs = 0, outputs = 2)]"), "the number of inputs or outputs is a literal"),
        (with("#[network(layers = [2], activation = tanh)]"), "a network has at least two layers"),
        (with("#[network(layers = [2, 0, 2], activation = tanh)]"), "the size of a layer is a literal"),
        (with("#[network(layers = [2, 3, 2], activation = tann)]"), "unknown activation; did you mean `tanh`?"),
        (with("#[network(layers = [2, 3, 2])]"), "a network has layers and an activation"),
        (with_calls().replace("evaluate([x.a, x.b])", "evaluate(x.a)"), "expected `[f64; 2]`"),
        (with_calls().replace("evaluate([x.a, x.b])", "value([x.a, x.b])"), "is evaluated at an array of its inputs"),
        (with_calls().replace("Both", "New"), "a name that is taken"),
        (with_calls().replace("Both", "Move"), "a name that is taken"),
        (with_calls().replace("pub u: f64 }", "pub u: f64, pub f: Both }"), "a field is `f64`"),
        (algebraic("pub struct Algebraic {}", "0"), "algebraic variables without a field are none"),
        (
            algebraic("pub struct Algebraic { pub z: f64 }", "2"),
            "as many equations as algebraic variables are needed: 1, found 2",
        ),
        (algebraic("pub struct Algebraic { #[guess(x.a)] pub z: f64 }", "1"), "not an argument"),
        (table("Spline<1>"), "a table has a literal number of points"),
        (table("Spline<N>"), "a table has a literal number of points"),
        (table("Spline<4>").replace("LIFT.at(", "LIFT.evaluate("), "a table is evaluated at a number"),
        (table("Spline<4>").replace("LIFT.at(x.a)", "LIFT.at_values([x.a; 3], x.b)"), "expected `[f64; 4]`"),
    ] {
        let found = errors(&source);
        assert!(found.iter().any(|message| message.contains(expected)), "{expected}: {found:?}");
    }
}
