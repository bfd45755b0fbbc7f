//! A limit on the nesting of a model's tokens.
//!
//! syn's parser and every walk over its trees and ours are recursive, on rustc's stack of 8 MiB, and a stack overflow ends
//! rustc. So tokens that nest too deeply are reported before anything walks them. Every token has a stack cost, in
//! kilobytes: about an upper bound on the stack for what nests in it. It is small for a term of a sum and large for a bracket.
//!
//! A larger stack (the crate stacker) with a plain limit on tokens would need no costs. It is not used. To accept the same
//! models it would reserve some 400 MiB for the worst tokens. Its assembly needs a C toolchain where dilqr is built.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

use super::errors::{Errors, Span};
use super::messages::message;

/// The largest stack cost. Half of rustc's stack is enough for the worst tokens of this cost, also where the macro is built
/// without optimization (measured). A sum of 600 terms is within it.
const MAX_STACK_COST: usize = 4000;

/// Whether `tokens` are within the limit; reports the expressions that are not.
pub(crate) fn is_walkable(tokens: TokenStream, errors: &mut Errors) -> bool {
    check(tokens, 0, errors)
}

/// The last token, as far as the cost of the next one depends on it.
#[derive(Clone, Copy)]
enum Last {
    Operand,
    /// Also the start of an expression.
    Operator,
    /// The first half of an operator of two characters, and whether that is a prefix.
    Half(bool),
    /// The quote of a lifetime.
    Quote,
}

/// The stack cost of a token.
enum StackCost {
    /// Everything up to the next separator nests in it.
    Nest(usize),
    /// The same, and the operand before it is complete.
    Binary(usize),
    /// It nests with its operand.
    Operand(usize),
}

/// `used` is the cost of the enclosing groups.
fn check(tokens: TokenStream, used: usize, errors: &mut Errors) -> bool {
    let mut walkable = true;
    let mut last = Last::Operator;
    // Since the last separator: the first token, the cost of what nests, and of the current operand.
    let mut run: Option<Span> = None;
    let (mut nest, mut operand) = (used, 0);
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let begin = *run.get_or_insert(token.span().into());
        let before = nest + operand;
        match stack_cost(&token, &mut last) {
            StackCost::Nest(cost) => nest += cost,
            StackCost::Binary(cost) => (nest, operand) = (nest + cost, 0),
            StackCost::Operand(cost) => operand += cost,
        }
        if before <= MAX_STACK_COST && nest + operand > MAX_STACK_COST {
            errors.on(begin.to(token.span()), message::TOO_LONG);
            walkable = false;
            // One error between separators.
            nest = MAX_STACK_COST + 1;
        }
        let ends = match &token {
            TokenTree::Punct(punct) => matches!(punct.as_char(), ';' | ',' | '#'),
            TokenTree::Group(group) => {
                if nest + operand <= MAX_STACK_COST {
                    walkable &= check(group.stream(), nest + operand, errors);
                }
                operand = operand.saturating_sub(GROUP - 5);
                // The end of an item or a statement, unless an operator or `else` follows.
                let goes_on = match tokens.peek() {
                    Some(TokenTree::Ident(name)) => name == "else",
                    Some(TokenTree::Punct(_)) => true,
                    _ => false,
                };
                group.delimiter() == Delimiter::Brace && !goes_on
            }
            _ => false,
        };
        if ends {
            (last, run, nest, operand) = (Last::Operator, None, used, 0);
        }
    }
    walkable
}

/// The cost of a bracket, brace or parenthesis.
const GROUP: usize = 30;

/// The stack cost of a token after `last`, which becomes this token.
fn stack_cost(token: &TokenTree, last: &mut Last) -> StackCost {
    let before = std::mem::replace(last, Last::Operand);
    let punct = match token {
        TokenTree::Group(_) => return StackCost::Operand(GROUP),
        TokenTree::Literal(_) => return StackCost::Operand(1),
        TokenTree::Ident(name) => {
            let name = name.to_string();
            // A lifetime is a part of a reference, not an operand.
            if matches!(before, Last::Quote) || matches!(name.as_str(), "as" | "else" | "mut" | "pub" | "ref") {
                *last = Last::Operator;
            }
            return match name.as_str() {
                "as" => StackCost::Operand(4),
                "dyn" | "fn" | "impl" => StackCost::Nest(32),
                "async" | "become" | "break" | "const" | "do" | "for" | "if" | "in" | "let" | "loop" | "match"
                | "mod" | "move" | "return" | "static" | "try" | "unsafe" | "where" | "while" | "yield" => {
                    *last = Last::Operator;
                    StackCost::Nest(16)
                }
                _ => StackCost::Operand(1),
            };
        }
        TokenTree::Punct(punct) => punct,
    };
    let is_prefix = matches!(before, Last::Operator | Last::Half(true));
    let is_second_half = matches!(before, Last::Half(_));
    *last = match punct.as_char() {
        '\'' => Last::Quote,
        // `&&` is one operator, `&&&` are two.
        _ if punct.spacing() == Spacing::Joint && !is_second_half => Last::Half(is_prefix),
        _ => Last::Operator,
    };
    match punct.as_char() {
        '|' if is_prefix => StackCost::Nest(32),
        '&' | '*' | '!' if is_prefix => StackCost::Operand(32),
        '-' if is_prefix => StackCost::Operand(5),
        '<' => StackCost::Binary(48),
        '@' => StackCost::Binary(16),
        ':' | '\'' => StackCost::Operand(1),
        '.' | '?' if !is_prefix => StackCost::Operand(4),
        _ if is_second_half => StackCost::Operand(0),
        _ => StackCost::Binary(6),
    }
}
