//! Every message of the macro, and programs that must compile, run and be right.
//!
//! `TRYBUILD=overwrite cargo test --workspace --test ui` writes the messages anew.

use std::path::{Path, PathBuf};
use std::process::Command;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("cases")
}

/// Whether this process is prepared for the test `name`. If not, the test runs in a new process.
///
/// trybuild builds the cases, and their dependencies with Symbolica, in a target folder of its own. With the build
/// folder of this test, and without debug information in dependencies, cargo reuses what is there. cargo reads both
/// settings from the environment, which a process should set for its children only.
fn is_prepared(name: &str) -> bool {
    const BUILD: &str = "CARGO_BUILD_BUILD_DIR";
    const PREPARED: &str = "DILQR_UI_TESTS";
    if std::env::var_os(PREPARED).is_some() {
        return true;
    }
    let mut child = Command::new(std::env::current_exe().expect("a test knows its file"));
    child
        .args(["--exact", name, "--nocapture"])
        .args(std::env::args().filter(|argument| argument.starts_with("trybuild=")));
    child.env(PREPARED, "1").env("CARGO_PROFILE_DEV_DEBUG", "0");
    if std::env::var_os(BUILD).is_none() {
        child.env(BUILD, Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it lies in the target folder"));
    }
    assert!(child.status().expect("a test can run itself").success(), "see the cases above");
    false
}

/// The themes of the macro's failing cases: all folders except that of the passing ones.
fn themes() -> Vec<String> {
    let entries =
        std::fs::read_dir(folder()).expect("cases/ can be read").map(|entry| entry.expect("cases/ can be read"));
    let mut themes: Vec<String> = entries
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().expect("names are plain"))
        .filter(|name| name != "pass" && name != "hand_written")
        .collect();
    themes.sort();
    themes
}

#[test]
fn errors() {
    if is_prepared("errors") {
        let cases = trybuild::TestCases::new();
        for theme in themes() {
            cases.compile_fail(format!("cases/{theme}/*.rs"));
        }
    }
}

#[test]
fn programs() {
    if is_prepared("programs") {
        trybuild::TestCases::new().pass("cases/pass/*.rs");
    }
}

/// Models written by hand that declare limits and lack a method for them. rustc finds that while it generates code,
/// which trybuild has it do where a case is to run. With the feature `dual` derivatives need no methods.
#[test]
fn models_written_by_hand() {
    if is_prepared("models_written_by_hand") {
        let cases = trybuild::TestCases::new();
        cases.pass("cases/hand_written/pass/*.rs");
        cases.compile_fail("cases/hand_written/values/*.rs");
        if cfg!(feature = "dual") {
            cases.pass("cases/hand_written/derivatives/*.rs");
        } else {
            cases.compile_fail("cases/hand_written/derivatives/*.rs");
        }
    }
}

/// Every message of the catalog occurs in the expected output of a case.
#[test]
fn every_message_has_a_case() {
    let shown: Vec<String> = themes()
        .iter()
        .flat_map(|theme| std::fs::read_dir(folder().join(theme)).expect("cases/ can be read"))
        .map(|entry| entry.expect("cases/ can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "stderr"))
        .flat_map(|path| {
            let text = std::fs::read_to_string(path).expect("cases/ can be read");
            text.lines().map(str::to_owned).collect::<Vec<_>>()
        })
        .collect();
    let texts = catalog();
    let missing: Vec<&String> = texts.iter().filter(|text| !shown.iter().any(|line| matches(line, text))).collect();
    assert!(missing.is_empty(), "messages without a case: {missing:#?}");
}

/// As rustc's own: lower case, without a full stop.
#[test]
fn messages_read_alike() {
    let wrong: Vec<String> =
        catalog().into_iter().filter(|text| text.starts_with(char::is_uppercase) || text.ends_with('.')).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The texts of the compiler's catalog of messages.
fn catalog() -> Vec<String> {
    let source = include_str!("../../../dilqr-macros/src/syntax/messages.rs");
    let of_module = |name: &str| {
        let (_, catalog) = source.split_once(name).expect("messages.rs holds the catalog");
        string_literals(catalog.split("\n}\n").next().expect("the module ends"))
    };
    let mut texts = of_module("pub(crate) mod message {");
    texts.extend(of_module("pub(crate) mod factor {"));
    assert!(texts.len() > 80, "the catalog has not been read: {texts:?}");
    texts
}

/// The string literals in a piece of Rust, but for comments and attributes.
fn string_literals(source: &str) -> Vec<String> {
    let mut literals = Vec::new();
    let is_text = |line: &&str| !["//", "#["].iter().any(|prefix| line.trim_start().starts_with(prefix));
    let lines = source.lines().filter(is_text);
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

/// The text around the placeholders `{}` and `{name}` of a format string. Other braces belong to code in a message.
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
