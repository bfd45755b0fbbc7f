//! Writes the models that the tests compile: random ones, and long ones.

#[allow(dead_code, reason = "shared with the unit tests of the compiler")]
#[path = "../dilqr-macros/src/tests/chain.rs"]
mod chain;
#[allow(dead_code, reason = "shared with the tests")]
#[path = "random_models/composition.rs"]
mod composition;
#[allow(dead_code, unused_imports, reason = "shared with the unit tests of the compiler")]
#[path = "../dilqr-macros/src/tests/random.rs"]
mod random;

use std::fmt::Write as _;
use std::path::PathBuf;

/// Random models.
const MODELS: u64 = 200;
/// Random compositions: integrators in turn, nine of them.
const COMPOSITIONS: u64 = 12;
/// Substeps of the long model: its dynamics take several functions, its Hessian many.
const SUBSTEPS: usize = 250;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=../dilqr-macros/src/tests/random.rs");
    println!("cargo::rerun-if-changed=../dilqr-macros/src/tests/random");
    println!("cargo::rerun-if-changed=../dilqr-macros/src/tests/chain.rs");
    println!("cargo::rerun-if-changed=random_models");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("no OUT_DIR")?);
    let mut models = String::new();
    let mut list = String::new();
    for index in 0..MODELS {
        let source = random::Model::numbered(index).source(&format!("case_{index}"));
        // Random models have unused fields.
        let _ = writeln!(models, "#[dilqr_runtime::model]\n#[allow(deprecated)]\n{source}");
        let _ = writeln!(list, "$check!({index}, case_{index}::Case{index}, case_{index});");
    }
    // Calls a macro with every model.
    let _ = writeln!(models, "macro_rules! for_each_model {{ ($check:ident) => {{ {list} }}; }}");
    std::fs::write(out.join("random_models.rs"), models)?;
    let (mut models, mut list) = (String::new(), String::new());
    for index in 0..COMPOSITIONS {
        let (composition, name) = (composition::Composition::numbered(index), format!("composed_{index}"));
        let _ = writeln!(models, "{}{}", composition.source(&name), composition::Composition::own_function(&name));
        let made = composition.constructor(&name, &format!("Composed{index}"));
        let _ = writeln!(list, "$check!({index}, |weights: &[f64]| {made});");
    }
    let _ = writeln!(models, "macro_rules! for_each_composition {{ ($check:ident) => {{ {list} }}; }}");
    std::fs::write(out.join("compositions.rs"), models)?;
    // Sixty bindings; each reads the one before twice.
    let chain = chain::chain(60, "{}.sin() * (1.5 + 0.1 * {})");
    let oscillators = chain::oscillators(SUBSTEPS);
    let long = format!("#[dilqr_runtime::model]\n{chain}\n#[dilqr_runtime::model]\n{oscillators}");
    std::fs::write(out.join("long_models.rs"), long)?;
    Ok(())
}
