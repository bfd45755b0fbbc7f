//! Links and runs a program without the standard library that contains a model, solves and differentiates. Its results
//! are compared with those of this test, which has the standard library.
//!
//! The program links only if none of its dependencies needs the standard library. (Its entry point and the symbols for
//! the linker are those of Linux.)
#![cfg(target_os = "linux")]

extern crate alloc;

#[path = "no_std/answers.rs"]
#[allow(unreachable_pub, reason = "the module of a program")]
mod answers;
#[path = "vendored/cart.rs"]
#[allow(unreachable_pub, dead_code, clippy::module_inception, reason = "the module of a library, as users have it")]
mod cart;
#[path = "vendored/learned.rs"]
#[allow(unreachable_pub, dead_code, clippy::module_inception, reason = "the module of a library, as users have it")]
mod learned;
#[path = "vendored/spring.rs"]
#[allow(unreachable_pub, dead_code, clippy::module_inception, reason = "the module of a library, as users have it")]
mod spring;

use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn a_program_without_the_standard_library() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("no_std_user");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(folder.join("src")).expect("the folder can be written");
    let write = |path: &str, text: &str| std::fs::write(folder.join(path), text).expect("the folder can be written");
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let runtime = workspace.join("dilqr-runtime");
    write(
        "Cargo.toml",
        &format!(
            "[package]\nname = \"no-std-user\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n\
             [dependencies]\ndilqr-runtime = {{ path = {runtime:?}, default-features = false, features = [\"macros\"] }}\n\
             [profile.dev]\npanic = \"abort\"\ndebug = \"line-tables-only\"\n\
             [profile.dev.package.\"*\"]\ndebug = false\n"
        ),
    );
    write("Cargo.lock", &std::fs::read_to_string(workspace.join("Cargo.lock")).expect("the lock file is there"));
    for (name, text, kernels) in [
        ("spring", include_str!("vendored/spring.rs"), include_str!("vendored/spring.dilqr.rs")),
        ("learned", include_str!("vendored/learned.rs"), include_str!("vendored/learned.dilqr.rs")),
        ("cart", include_str!("vendored/cart.rs"), include_str!("vendored/cart.dilqr.rs")),
    ] {
        // The program has answers of its own, but for the cart.
        let model = text.split_once("\n/// The bits").map_or(text, |(model, _)| model);
        let end = ")]\npub mod";
        assert!(model.contains(end));
        let vendored = format!(", vendored = \"src/{name}.dilqr.rs\")]\npub mod");
        write(&format!("src/{name}.rs"), &model.replace(end, &vendored));
        write(&format!("src/{name}.dilqr.rs"), kernels);
    }
    write("src/answers.rs", include_str!("no_std/answers.rs"));
    write("src/main.rs", include_str!("no_std/program.rs"));

    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it lies in the target folder");
    let mut cargo = Command::new(std::env::var_os("CARGO").expect("cargo runs the tests"));
    cargo.args(["run", "--quiet", "--offline"]).current_dir(&folder).stdin(Stdio::null());
    cargo.env("CARGO_TARGET_DIR", target).env_remove("DILQR_VENDOR").env_remove("DILQR_DUMP");
    let output = cargo.output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let text = String::from_utf8(output.stdout).expect("the program writes numbers");
    let found = text.lines().map(|line| f64::from_bits(line.parse().expect("the program writes numbers")));
    let found: Vec<f64> = found.collect();
    let expected = answers::answers();
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.into_iter().zip(expected) {
        // Elementary functions differ in the last digit, and solves end at 1e-9.
        assert!((found - expected).abs() <= 1e-8 * expected.abs().max(1.0), "{found} is not {expected}");
    }
}
