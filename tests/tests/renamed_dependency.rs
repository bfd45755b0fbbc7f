//! The runtime under another name in the user's manifest.

#[allow(dead_code, reason = "no test uses all of it")]
mod rustc;

use rustc::{Crate, model};

fn check(krate: &Crate, name: &str) {
    let output = krate.check(name).output().expect("rustc runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn source() -> String {
    let model = model("chain", 2).replace("dilqr_runtime", "optimal_control");
    format!("#![deny(warnings)]\n{model}\npub fn solver() -> chain::Solver {{ panic!() }}")
}

#[test]
fn renamed_in_the_manifest() {
    let manifest = r#"
        [package]
        name = "user"
        version = "0.1.0"
        edition = "2024"
        [dependencies]
        optimal-control = { package = "dilqr-runtime", version = "0.1.0" }
    "#;
    check(&Crate::new("renamed").file("Cargo.toml", manifest).file("src/lib.rs", &source()), "optimal_control");
}

#[test]
fn renamed_in_the_workspace() {
    let workspace = r#"
        [workspace]
        members = ["member"]
        [workspace.dependencies]
        optimal-control = { package = "dilqr-runtime", version = "0.1.0" }
    "#;
    let member = r#"
        [package]
        name = "member"
        version = "0.1.0"
        edition = "2024"
        [dependencies]
        optimal-control.workspace = true
    "#;
    let root = Crate::new("renamed_workspace").file("Cargo.toml", workspace).file("member/Cargo.toml", member);
    let root = root.file("member/src/lib.rs", &source());
    check(&Crate { folder: root.folder.join("member") }, "optimal_control");
}

/// A crate without a manifest, as in a build that does not use cargo.
#[test]
fn without_a_manifest() {
    check(&Crate::new("no_manifest").file("src/lib.rs", &model("chain", 2)), "dilqr_runtime");
}
