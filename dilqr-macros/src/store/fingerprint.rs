//! What makes a model the same model: the key under which its kernels are cached, and by which a vendored file knows it.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;
use sha2::{Digest, Sha256};

/// The version that stands in vendored files.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The tokens from which kernels are derived, as text: the module's items and the integrator. Its name, its
/// documentation and the space between tokens make no difference to a kernel; invisible groups do.
pub(crate) fn fingerprint(module: &syn::ItemMod, integration: &TokenStream) -> String {
    let mut key = String::new();
    write(integration.clone(), &mut key);
    key.push_str("; ");
    if let Some((_, items)) = &module.content {
        items.iter().for_each(|item| write(item.to_token_stream(), &mut key));
    }
    key
}

fn write(tokens: TokenStream, key: &mut String) {
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
                    // No token of Rust's looks like these.
                    Delimiter::None => ("⟨ ", "⟩ "),
                };
                key.push_str(open);
                write(group.stream(), key);
                key.push_str(close);
            }
            (token, _) => {
                key.push_str(&token.to_string());
                key.push(' ');
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
