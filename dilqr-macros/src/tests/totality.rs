//! Runs the macro as rustc does, on a stack like rustc's: it must return tokens in time for any input.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use proc_macro2::{TokenStream, TokenTree};

use crate::environment::Environment;
use crate::expand;

/// The stack of rustc's main thread, on which macros run.
const STACK: usize = 8 << 20;
/// More than anything here takes, on a busy machine and waiting for other builds to leave Symbolica; less than for ever.
const PATIENCE: Duration = Duration::from_secs(300);
/// Each token is code that rustc has to compile, or at least to read.
const LENGTH: usize = 1_000_000;

/// The result of an expansion.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer {
    /// With an error.
    pub(super) refused: bool,
    /// Tokens.
    pub(super) length: usize,
    pub(super) time: Duration,
}

/// All tokens at all depths, groups included. It is iterative, since some inputs nest very deeply.
pub(super) fn flatten(tokens: TokenStream) -> Vec<TokenTree> {
    let (mut all, mut streams) = (Vec::new(), vec![tokens]);
    while let Some(stream) = streams.pop() {
        for token in stream {
            if let TokenTree::Group(group) = &token {
                streams.push(group.stream());
            }
            all.push(token);
        }
    }
    all
}

/// Expands `#[model(arguments)] module` for the results of `make`, number by number, on one thread with a stack like rustc's.
/// Fails, with the number, where the macro panics, overflows the stack (which ends the process), hangs, or returns too many
/// tokens.
pub(super) fn answers(
    numbers: impl Iterator<Item = u64> + Send + 'static,
    make: impl Fn(u64) -> (TokenStream, TokenStream) + Send + 'static,
) -> Vec<Answer> {
    let (sender, receiver) = mpsc::channel();
    let work = move || {
        for number in numbers {
            sender.send((number, None)).unwrap();
            let (arguments, module) = make(number);
            let start = Instant::now();
            let tokens = flatten(expand::expand(arguments, module, &Environment::default()));
            let is_error = |token: &TokenTree| matches!(token, TokenTree::Ident(name) if name == "compile_error");
            let answer = Answer { refused: tokens.iter().any(is_error), length: tokens.len(), time: start.elapsed() };
            // What panics inside the session is caught there, and reported as an error.
            let is_panic = |token: &TokenTree| match token {
                TokenTree::Literal(text) => text.to_string().contains("please report this model"),
                _ => false,
            };
            assert!(!tokens.iter().any(is_panic), "a panic while deriving");
            assert!(answer.length < LENGTH, "{} tokens", answer.length);
            sender.send((number, Some(answer))).unwrap();
        }
    };
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(work).unwrap();
    let mut answers = Vec::new();
    let mut current = 0;
    loop {
        match receiver.recv_timeout(PATIENCE) {
            Ok((number, None)) => current = number,
            Ok((_, Some(answer))) => answers.push(answer),
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("number {current} has no answer after {PATIENCE:?}"),
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
        }
    }
    assert!(thread.join().is_ok(), "number {current} has no answer: see the panic above");
    answers
}
