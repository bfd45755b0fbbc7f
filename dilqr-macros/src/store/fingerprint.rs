//! The fingerprint of a model: the key of its kernels in the cache and in vendored files.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;
use sha2::{Digest, Sha256};

/// The version in vendored files.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The tokens that kernels are derived from, as text: the items of the module, the integrator and the kind of start. The module's name,
/// documentation and white space do not matter; invisible groups do.
pub(crate) fn fingerprint(module: &syn::ItemMod, arguments: &TokenStream) -> String {
    let mut text = String::new();
    write(arguments.clone(), &mut text);
    text.push_str("; ");
    if let Some((_, items)) = &module.content {
        items.iter().for_each(|item| write(item.to_token_stream(), &mut text));
    }
    text
}

fn write(tokens: TokenStream, text: &mut String) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut rest = tokens.as_slice();
    while let [token, after @ ..] = rest {
        rest = after;
        match (token, after) {
            (TokenTree::Punct(hash), [TokenTree::Group(group), after @ ..])
                if hash.as_char() == '#' && is_documentation(group.stream()) =>
            {
                rest = after;
            }
            (TokenTree::Punct(hash), [TokenTree::Punct(inner), TokenTree::Group(group), after @ ..])
                if hash.as_char() == '#' && inner.as_char() == '!' && is_documentation(group.stream()) =>
            {
                rest = after;
            }
            (TokenTree::Group(group), _) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("( ", ") "),
                    Delimiter::Brace => ("{ ", "} "),
                    Delimiter::Bracket => ("[ ", "] "),
                    // No token of Rust has these characters.
                    Delimiter::None => ("⟨ ", "⟩ "),
                };
                text.push_str(open);
                write(group.stream(), text);
                text.push_str(close);
            }
            (token, _) => {
                text.push_str(&token.to_string());
                text.push(' ');
            }
        }
    }
}

fn is_documentation(attribute: TokenStream) -> bool {
    matches!(attribute.into_iter().next(), Some(TokenTree::Ident(name)) if name == "doc")
}

/// SHA-256 of a text, in hexadecimal digits.
pub(crate) fn hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
