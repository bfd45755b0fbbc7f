//! Writes the models that the tests compile: two hundred random ones, and a very long one.

#[allow(dead_code, reason = "shared with the unit tests of the compiler")]
#[path = "../dilqr-macros/src/tests/chain.rs"]
mod chain;
#[allow(dead_code, reason = "shared with the unit tests of the compiler")]
#[path = "../dilqr-macros/src/tests/random.rs"]
mod random;

use std::fmt::Write as _;
use std::path::PathBuf;

const MODELS: u64 = 200;
/// Substeps of the long model: its shortest kernel is well beyond one function, its longest beyond ten.
const SUBSTEPS: usize = 60;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=../dilqr-macros/src/tests/random.rs");
    println!("cargo::rerun-if-changed=../dilqr-macros/src/tests/chain.rs");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("no OUT_DIR")?);
    let mut models = String::new();
    let mut list = String::new();
    for index in 0..MODELS {
        let source = random::Model::numbered(index).source(&format!("case_{index}"));
        let _ = writeln!(models, "#[dilqr_runtime::model]\n{source}");
        let _ = writeln!(list, "$check!({index}, case_{index}::Case{index}, case_{index});");
    }
    // Calls a macro with every model.
    let _ = writeln!(models, "macro_rules! for_each_model {{ ($check:ident) => {{ {list} }}; }}");
    std::fs::write(out.join("random_models.rs"), models)?;
    let long = format!("#[dilqr_runtime::model]\n{}", chain::oscillators(SUBSTEPS));
    std::fs::write(out.join("oscillators.rs"), long)?;
    Ok(())
}
