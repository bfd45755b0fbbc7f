//! The macro on what is no model any more: shipped models and compile tests with tokens deleted, repeated, exchanged or
//! replaced, at any depth. It returns tokens in time, mostly errors, and never panics.
//!
//! `DILQR_FUZZ=5000..9000 cargo test -p dilqr-macros mutants -- --nocapture` tries other mutants than the usual ones.
//! `DILQR_FUZZ=7` prints number 7 and expands it.

use std::mem::discriminant;
use std::path::Path;
use std::time::Duration;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::ToTokens;

use super::golden::MODELS;
use super::random::Stream;
use super::totality::{Answer, answers, flatten};

/// An annotated module: the arguments of the attribute, and the module.
#[derive(Clone)]
struct Source {
    arguments: String,
    module: String,
}

/// The annotated modules among items, nested ones too.
fn annotated(items: &[syn::Item], sources: &mut Vec<Source>) {
    for item in items {
        let syn::Item::Mod(module) = item else { continue };
        if let Some((_, items)) = &module.content {
            annotated(items, sources);
        }
        let model = module.attrs.iter().find(|attribute| attribute.path().segments.last().unwrap().ident == "model");
        if let Some(attribute) = model {
            let arguments =
                attribute.meta.require_list().map_or_else(|_| TokenStream::new(), |list| list.tokens.clone());
            let mut module = module.clone();
            module.attrs.clear();
            sources.push(Source { arguments: arguments.to_string(), module: module.to_token_stream().to_string() });
        }
    }
}

/// The small shipped models, and those of the compile tests that pass.
fn sources() -> Vec<Source> {
    let small = ["pendulum", "cartpole", "lqr", "van_der_pol", "mass_spring_damper", "unicycle", "pendulum_cos_sin"];
    let mut files: Vec<String> =
        MODELS.iter().filter(|(name, _)| small.contains(name)).map(|(_, file)| (*file).to_owned()).collect();
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/ui/cases/pass");
    let mut cases: Vec<_> = std::fs::read_dir(cases).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    files.extend(cases.iter().map(|path| std::fs::read_to_string(path).unwrap()));
    let mut sources = Vec::new();
    for file in files {
        annotated(&syn::parse_file(&file).unwrap().items, &mut sources);
    }
    assert!(sources.len() > 20, "{} models", sources.len());
    sources
}

enum Edit {
    Delete,
    Duplicate,
    /// With its neighbour.
    Exchange,
    Replace(TokenTree),
    /// By the first token of the same kind, which parses more often.
    Alike(Vec<TokenTree>),
    Insert(TokenTree),
    /// A group by what is in it, another token by a group around it.
    Group(Delimiter),
}

/// `tokens` with an edit at token `at`, counted through all depths.
fn edited(tokens: TokenStream, at: &mut usize, edit: &Edit) -> TokenStream {
    let mut result: Vec<TokenTree> = Vec::new();
    let mut tokens = tokens.into_iter();
    while let Some(token) = tokens.next() {
        let here = *at == 0;
        *at = at.wrapping_sub(1);
        if here {
            match edit {
                Edit::Delete => {}
                Edit::Duplicate => result.extend([token.clone(), token]),
                Edit::Exchange => {
                    result.extend(tokens.next());
                    result.push(token);
                }
                Edit::Replace(other) => result.push(other.clone()),
                Edit::Alike(others) => {
                    let alike = |other: &&TokenTree| discriminant(*other) == discriminant(&token);
                    result.push(others.iter().find(alike).unwrap_or(&token).clone());
                }
                Edit::Insert(other) => result.extend([token, other.clone()]),
                Edit::Group(delimiter) => match token {
                    TokenTree::Group(group) => result.extend(group.stream()),
                    token => result.push(Group::new(*delimiter, token.into()).into()),
                },
            }
            result.extend(tokens);
            break;
        }
        match token {
            TokenTree::Group(group) if *at != usize::MAX => {
                let mut inner = Group::new(group.delimiter(), edited(group.stream(), at, edit));
                inner.set_span(group.span());
                result.push(inner.into());
                if *at == usize::MAX {
                    result.extend(tokens);
                    break;
                }
            }
            token => result.push(token),
        }
    }
    result.into_iter().collect()
}

/// One edit, or some more.
fn mutant(source: &Source, pool: &[TokenTree], stream: &mut Stream) -> (TokenStream, TokenStream) {
    let mut arguments: TokenStream = source.arguments.parse().unwrap();
    let mut module: TokenStream = source.module.parse().unwrap();
    for _ in 0..1 + (stream.next() % 5).saturating_sub(2) {
        let mut other = || pool[stream.next() as usize % pool.len()].clone();
        let (other, others) = (other(), (0..30).map(|_| other()).collect());
        let edit = match stream.next() % 12 {
            0 => Edit::Delete,
            1 => Edit::Duplicate,
            2 => Edit::Exchange,
            3 => Edit::Insert(other),
            4 => {
                let delimiters = [Delimiter::Parenthesis, Delimiter::Brace, Delimiter::Bracket, Delimiter::None];
                Edit::Group(delimiters[stream.next() as usize % 4])
            }
            5 => Edit::Replace(other),
            _ => Edit::Alike(others),
        };
        // The arguments have few tokens, and their turn now and then.
        let edited_part = if stream.next().is_multiple_of(20) { &mut arguments } else { &mut module };
        let mut at = stream.next() as usize % flatten(edited_part.clone()).len().max(1);
        *edited_part = edited(edited_part.clone(), &mut at, &edit);
    }
    (arguments, module)
}

/// Tokens to put where others were: those of the sources, and some that are hard to bear.
fn pool(sources: &[Source]) -> Vec<TokenTree> {
    let hostile = "0 1 -1 1e400 1e308 1e-308 1000000000 99999 2147483647 9223372036854775808 0.0 - ! & * 'a # $ | :: \"text\" \
                   'x' unsafe while loop return break move as f32 i64 r#fn __x _ self super crate () [] {} cfg";
    let texts = sources.iter().flat_map(|source| [source.module.as_str(), source.arguments.as_str()]);
    texts.chain([hostile; 30]).flat_map(|text| flatten(text.parse().unwrap())).collect()
}

fn numbers() -> std::ops::Range<u64> {
    let Ok(given) = std::env::var("DILQR_FUZZ") else { return 0..500 };
    match given.split_once("..") {
        Some((first, last)) => first.parse().unwrap()..last.parse().unwrap(),
        None => {
            let number = given.parse().unwrap();
            let (arguments, module) = mutants_of(sources())(number);
            println!("#[model({arguments})] {module}");
            number..number + 1
        }
    }
}

fn mutants_of(sources: Vec<Source>) -> impl Fn(u64) -> (TokenStream, TokenStream) + Send {
    // The pool is made where it is used, since tokens stay on their thread.
    thread_local!(static POOL: std::cell::OnceCell<Vec<TokenTree>> = const { std::cell::OnceCell::new() });
    move |number| {
        POOL.with(|once| {
            let pool = once.get_or_init(|| pool(&sources));
            let mut stream = Stream(number);
            let source = &sources[stream.next() as usize % sources.len()];
            mutant(source, pool, &mut stream)
        })
    }
}

#[test]
fn mutants() {
    let numbers = numbers();
    let answers: Vec<Answer> = answers(numbers, mutants_of(sources()));
    let compiled = answers.iter().filter(|answer| !answer.refused).count();
    let slowest = answers.iter().map(|answer| answer.time).max().unwrap_or(Duration::ZERO);
    let longest = answers.iter().map(|answer| answer.length).max().unwrap_or(0);
    println!("{compiled} of {} are models still; at most {slowest:?} and {longest} tokens", answers.len());
    // Neither result is rare: otherwise the mutants would test too little.
    assert!(answers.len() < 100 || (answers.len() / 10..answers.len() / 2).contains(&compiled), "{compiled}");
}
