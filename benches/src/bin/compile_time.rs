//! How long the models take to compile: expansion (Symbolica included), checking and, in release, code generation.
//!
//! ```text
//! cargo run --release -p dilqr-benches --bin compile_time [TIMES]
//! ```
//!
//! Each run marks one source file of `models` as changed, so that cargo compiles that one crate and nothing else; the first
//! run of each command, which may compile dependencies, is not counted.

use std::error::Error;
use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

/// The crate that is compiled, and its root, which is marked as changed.
const PACKAGE: &str = "dilqr-models";
const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/src/lib.rs");

fn main() -> Result<(), Box<dyn Error>> {
    let times = std::env::args().nth(1).map_or(Ok(7), |times| times.parse::<usize>())?.max(1);
    for arguments in [&["check"][..], &["build"], &["build", "--release"]] {
        let arguments = [arguments, &["--quiet", "--package", PACKAGE]].concat();
        compile(&arguments)?;
        let nothing = median(times, || compile(&arguments))?;
        let models = median(times, || {
            File::options().append(true).open(Path::new(SOURCE))?.set_modified(SystemTime::now())?;
            compile(&arguments)
        })?;
        println!("cargo {}: {models:.2?} (cargo with nothing to do: {nothing:.2?})", arguments.join(" "));
    }
    Ok(())
}

/// Wall time of one run of cargo.
fn compile(arguments: &[&str]) -> Result<Duration, Box<dyn Error>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let start = Instant::now();
    let output = Command::new(cargo).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output()?;
    let elapsed = start.elapsed();
    if output.status.success() { Ok(elapsed) } else { Err(String::from_utf8_lossy(&output.stderr).into()) }
}

/// The median of several runs.
fn median(times: usize, mut run: impl FnMut() -> Result<Duration, Box<dyn Error>>) -> Result<Duration, Box<dyn Error>> {
    let mut elapsed = (0..times).map(|_| run()).collect::<Result<Vec<_>, _>>()?;
    elapsed.sort_unstable();
    Ok(elapsed[times / 2])
}
