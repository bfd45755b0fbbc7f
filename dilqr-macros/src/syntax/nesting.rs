//! Whether the tokens of a model can be walked.
//!
//! syn's parser and every walk over its trees and ours are recursive, on the stack that rustc has, and a stack that
//! overflows takes rustc with it. So what would nest too deeply is refused here, before anybody walks. Every token has a
//! price, a bound on the stack that what comes with it may take: little for a term of a sum, much for a bracket.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

use super::errors::{Errors, Span};
use super::messages::message;

/// With the prices below, half of rustc's 8 MiB is enough for the dearest nest that costs this, also where the macro is built
/// without optimisation (measured). It buys a sum of 600 terms.
const BUDGET: usize = 4000;

/// Whether `tokens` can be walked; reports where they cannot.
pub(crate) fn is_walkable(tokens: TokenStream, errors: &mut Errors) -> bool {
    walk(tokens, 0, errors)
}

/// What the last token was, as far as the next one depends on it.
#[derive(Clone, Copy)]
enum Last {
    Operand,
    /// Or nothing.
    Operator,
    /// The first half of an operator of two characters, and whether that is a prefix.
    Half(bool),
    /// The quote of a lifetime.
    Quote,
}

/// What a token costs.
enum Price {
    /// Everything up to the next separator is nested in it.
    Nest(usize),
    /// The same, and the operand before it is complete.
    Binary(usize),
    /// It nests with its operand.
    Operand(usize),
}

/// `used` is what the surrounding groups have cost.
fn walk(tokens: TokenStream, used: usize, errors: &mut Errors) -> bool {
    let mut walkable = true;
    let mut last = Last::Operator;
    // Between separators: where it begins, what nests, and the operand at hand.
    let mut run: Option<Span> = None;
    let (mut nest, mut operand) = (used, 0);
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let begin = *run.get_or_insert(token.span().into());
        let before = nest + operand;
        let price = price(&token, &mut last);
        match price {
            Price::Nest(price) => nest += price,
            Price::Binary(price) => (nest, operand) = (nest + price, 0),
            Price::Operand(price) => operand += price,
        }
        if before <= BUDGET && nest + operand > BUDGET {
            errors.on(begin.to(token.span()), message::TOO_LONG);
            walkable = false;
            // Once for a run.
            nest = BUDGET + 1;
        }
        let ends = match &token {
            TokenTree::Punct(punct) => matches!(punct.as_char(), ';' | ',' | '#'),
            TokenTree::Group(group) => {
                if nest + operand <= BUDGET {
                    walkable &= walk(group.stream(), nest + operand, errors);
                }
                operand = operand.saturating_sub(GROUP - 5);
                // The end of an item or a statement, unless it goes on.
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

/// Of what is inside a bracket, brace or parenthesis.
const GROUP: usize = 30;

/// The price of a token behind `last`, which becomes this one.
fn price(token: &TokenTree, last: &mut Last) -> Price {
    let before = std::mem::replace(last, Last::Operand);
    let punct = match token {
        TokenTree::Group(_) => return Price::Operand(GROUP),
        TokenTree::Literal(_) => return Price::Operand(1),
        TokenTree::Ident(name) => {
            let name = name.to_string();
            // A lifetime belongs to a reference, and is no operand.
            if matches!(before, Last::Quote) || matches!(name.as_str(), "as" | "else" | "mut" | "pub" | "ref") {
                *last = Last::Operator;
            }
            return match name.as_str() {
                "as" => Price::Operand(4),
                "dyn" | "fn" | "impl" => Price::Nest(32),
                "async" | "become" | "break" | "const" | "do" | "for" | "if" | "in" | "let" | "loop" | "match"
                | "mod" | "move" | "return" | "static" | "try" | "unsafe" | "where" | "while" | "yield" => {
                    *last = Last::Operator;
                    Price::Nest(16)
                }
                _ => Price::Operand(1),
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
        '|' if is_prefix => Price::Nest(32),
        '&' | '*' | '!' if is_prefix => Price::Operand(32),
        '-' if is_prefix => Price::Operand(5),
        '<' => Price::Binary(48),
        '@' => Price::Binary(16),
        ':' | '\'' => Price::Operand(1),
        '.' | '?' if !is_prefix => Price::Operand(4),
        _ if is_second_half => Price::Operand(0),
        _ => Price::Binary(6),
    }
}
