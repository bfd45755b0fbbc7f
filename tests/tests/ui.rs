//! What the users of the macro see: every message of the compiler, and programs that must compile, run and be right.

use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("ui")
}

/// The themes of the failing cases: every folder except that of the passing ones.
fn themes() -> Vec<String> {
    let mut themes: Vec<String> = std::fs::read_dir(folder())
        .expect("ui/ can be read")
        .map(|entry| entry.expect("ui/ can be read").file_name().into_string().expect("names are plain"))
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
