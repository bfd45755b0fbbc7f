//! What the users of the macro see: every message of the compiler, and programs that must compile, run and be right.
//!
//! `TRYBUILD=overwrite cargo test -p dilqr-tests --test ui` writes the messages anew.

use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("ui")
}

/// The folders of the failing cases: all except that of the passing ones.
fn themes() -> Vec<String> {
    let entries = std::fs::read_dir(folder()).expect("ui/ can be read").map(|entry| entry.expect("ui/ can be read"));
    let mut themes: Vec<String> = entries
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().expect("names are plain"))
        .filter(|name| name != "pass")
        .collect();
    themes.sort();
    themes
}

#[test]
fn errors() {
    let cases = trybuild::TestCases::new();
    for theme in themes() {
        cases.compile_fail(format!("ui/{theme}/*.rs"));
    }
}

#[test]
fn programs() {
    trybuild::TestCases::new().pass("ui/pass/*.rs");
}

/// Every text of the catalogue stands in the expected output of a case.
#[test]
fn every_message_has_a_case() {
    let shown: Vec<String> = themes()
        .iter()
        .flat_map(|theme| std::fs::read_dir(folder().join(theme)).expect("ui/ can be read"))
        .map(|entry| entry.expect("ui/ can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "stderr"))
        .flat_map(|path| {
            let text = std::fs::read_to_string(path).expect("ui/ can be read");
            text.lines().map(str::to_owned).collect::<Vec<_>>()
        })
        .collect();
    let texts = catalogue();
    let missing: Vec<&String> = texts.iter().filter(|text| !shown.iter().any(|line| matches(line, text))).collect();
    assert!(missing.is_empty(), "messages without a case in tests/ui: {missing:#?}");
}

/// As rustc's own: lower case, without a full stop.
#[test]
fn messages_read_alike() {
    let wrong: Vec<String> =
        catalogue().into_iter().filter(|text| text.starts_with(char::is_uppercase) || text.ends_with('.')).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The texts of the compiler's catalogue of messages.
fn catalogue() -> Vec<String> {
    let source = include_str!("../../dilqr-macros/src/errors.rs");
    let (_, catalogue) = source.split_once("pub(crate) mod message {").expect("errors.rs holds the catalogue");
    let texts = string_literals(catalogue.split("\n}\n").next().expect("the module ends"));
    assert!(texts.len() > 80, "the catalogue has not been read: {texts:?}");
    texts
}

/// The string literals in a piece of Rust.
fn string_literals(source: &str) -> Vec<String> {
    let mut literals = Vec::new();
    let lines = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    let source = lines.collect::<Vec<_>>().join("\n");
    let mut characters = source.chars();
    while characters.any(|character| character == '"') {
        let mut literal = String::new();
        while let Some(character) = characters.next() {
            match character {
                '"' => break,
                '\\' => literal.extend(characters.next()),
                other => literal.push(other),
            }
        }
        literals.push(literal);
    }
    literals
}

/// Whether the fixed parts of a format string stand in a line, in order.
fn matches(line: &str, format: &str) -> bool {
    let mut rest = line;
    for fixed in fixed_parts(format) {
        match rest.find(&fixed) {
            Some(at) => rest = &rest[at + fixed.len()..],
            None => return false,
        }
    }
    true
}

/// What stands around the holes `{}` and `{name}` of a format string; other braces belong to code that a message shows.
fn fixed_parts(format: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut rest = format;
    while let Some((before, after)) = rest.split_once('{') {
        parts.last_mut().expect("it has a part").push_str(before);
        match after.split_once('}') {
            Some((hole, after)) if hole.chars().all(|character| character.is_alphanumeric() || character == '_') => {
                parts.push(String::new());
                rest = after;
            }
            _ => {
                parts.last_mut().expect("it has a part").push('{');
                rest = after;
            }
        }
    }
    parts.last_mut().expect("it has a part").push_str(rest);
    parts
}
