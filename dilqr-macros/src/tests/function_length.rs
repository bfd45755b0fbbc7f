//! Cost and length of generated code: linear in the number of bindings, and no function too long for rustc.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::chain::{STATES, chain, oscillators};
use super::compile;
use crate::environment::Environment;
use crate::expand::expand;

/// The operations of every kernel of a chain.
fn counts(length: usize, step: &str) -> Vec<(&'static str, usize)> {
    let kernels = compile(&chain(length, step));
    kernels.iter().map(|(kernel, program)| (kernel.name(), program.count().total())).collect()
}

/// Sixty bindings that each use the one before twice: a tree would have 2^60 terms, a graph sixty times as many
/// operations as one binding.
#[test]
fn operations_grow_linearly_with_bindings() {
    for step in
        ["{}.sin() * {}", "({} + 0.5) * {}", "{} / (2.0 + {} * {})", "{} - 0.1 * {}.powi(3)", "{}.hypot({} * p.k)"]
    {
        let [first, second, third] = [20, 40, 60].map(|length| counts(length, step));
        for ((name, first), ((_, second), (_, third))) in first.into_iter().zip(second.into_iter().zip(third)) {
            assert_eq!(third - second, second - first, "{name} of {step}: {first}, {second}, {third}");
            // Hessians take the most: some partials, products and sums of each binding, in dynamics and cost.
            assert!(third <= 60 * 100, "{name} of {step}: {third} operations");
            let reads_the_chain = !name.contains("terminal");
            assert!(!reads_the_chain || second - first >= 20, "{name} of {step} does not grow: {first}, {second}");
        }
    }
}

/// The functions of `tokens`, each with its number of statements.
fn lengths(tokens: TokenStream, found: &mut Vec<(String, usize)>) {
    let mut tokens = tokens.into_iter();
    let mut function = None;
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Ident(keyword) if keyword == "fn" => function = tokens.next(),
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                if let Some(name) = function.take() {
                    found.push((name.to_string(), statements(group.stream())));
                }
                lengths(group.stream(), found);
            }
            _ => {}
        }
    }
}

/// Statements end in semicolons, and the last one of a body may have none; those of inner blocks count as well.
fn statements(body: TokenStream) -> usize {
    let mut count = 1;
    for token in body {
        match token {
            TokenTree::Punct(punctuation) if punctuation.as_char() == ';' => count += 1,
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => count += statements(group.stream()),
            _ => {}
        }
    }
    count
}

/// The functions of a model's expansion, none of which is too long.
fn bounded_lengths(text: &str) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    lengths(expand(TokenStream::new(), text.parse().unwrap(), &Environment::default()), &mut found);
    let (name, longest) = found.iter().max_by_key(|(_, length)| *length).unwrap();
    println!("{} functions, longest {name} with {longest} statements", found.len());
    assert!(*longest <= 1000, "{name} has {longest} statements");
    found
}

#[test]
fn no_generated_function_is_too_long() {
    let substeps = 300;
    let found = bounded_lengths(&oscillators(substeps));
    // The state after a substep is read more than once and has statements, and no chunk but the last is short.
    let chunks = found.iter().filter(|(name, _)| name.starts_with("__dynamics_generic_"));
    let chunks: Vec<usize> = chunks.map(|(_, length)| *length).collect();
    assert!(chunks.iter().sum::<usize>() >= substeps * STATES, "{chunks:?}");
    let short = chunks.iter().filter(|length| **length < 700).count();
    assert!(chunks.len() > 1 && short <= 1, "{chunks:?}");
}

/// One constant is written to 1,560 entries of `fx`, one sum to 1,600 entries of `lxx`.
#[test]
fn a_value_in_many_places() {
    let text = "pub mod swarm {
        pub struct State { pub x: [f64; 40] }
        pub struct Control { pub u: f64 }
        pub struct Params { pub p: f64 }
        fn mean(x: State) -> f64 {
            let mut sum = 0.0;
            for i in 0..40 { sum += x.x[i] / 40.0; }
            sum
        }
        pub fn dynamics(x: State, u: Control, p: Params) -> State {
            let mean = mean(x);
            let mut next = x;
            for i in 0..40 { next.x[i] += 0.1 * (mean - x.x[i]) + u.u * p.p; }
            next
        }
        pub fn stage_cost(x: State, u: Control, p: Params) -> f64 { (p.p * mean(x)).sin() + u.u * u.u }
        pub fn terminal_cost(x: State, p: Params) -> f64 { p.p * mean(x) * mean(x) }
    }";
    let found = bounded_lengths(text);
    let total: usize =
        found.iter().filter(|(name, _)| name.starts_with("__expand_stage_generic_")).map(|(_, n)| n).sum();
    assert!(total >= 40 * 40 * 2, "{total}");
}
