//! Counts the instructions of single operations and compares them with what was recorded.
//!
//! ```text
//! cargo run --release -p dilqr-benches --bin instructions [-- --bless]
//! ```
//!
//! Needs valgrind; without it, the program prints so and ends. Counts do not depend on the load of the machine, so they
//! show growth that a stopwatch cannot. They depend on rustc, its flags and the platform's libm. `instructions.txt`
//! names these, and `--bless` records it anew.
//!
//! One operation is the difference between many and few of them, divided by the difference; the Riccati recursion is
//! divided by its stages, and a solve by its accepted iterations.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use dilqr_benches::operations::{OPERATIONS, SYSTEMS};

/// Relative difference that counts as a change. Smaller ones come from inlining and spilling.
const TOLERANCE: f64 = 0.03;
/// Instructions of the loop around a call.
const SLACK: f64 = 8.0;
const HORIZON: &str = "100";

/// Counts by system and operation.
type Counts = BTreeMap<(String, String), f64>;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let bless = match std::env::args().skip(1).collect::<Vec<_>>().as_slice() {
        [] => false,
        [flag] if flag == "--bless" => true,
        _ => return Err("instructions [--bless]".into()),
    };
    if cfg!(debug_assertions) {
        return Err("counts are those of optimized code: cargo run --release".into());
    }
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("skipped: valgrind is not installed");
        return Ok(ExitCode::SUCCESS);
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("instructions.txt");
    let recorded = std::fs::read_to_string(&file).map(|text| read(&text)).unwrap_or_default();
    let program = program()?;

    let mut text = header()?;
    let mut changed = 0;
    for system in SYSTEMS {
        for operation in OPERATIONS {
            let count = count(&program, system, operation)?;
            let before = recorded.get(&(system.to_owned(), operation.to_owned())).copied();
            let verdict = match before {
                Some(before) if (count - before).abs() <= (TOLERANCE * before).max(SLACK) => String::new(),
                Some(before) => format!("was {before:.0}: {:+.1} %", 100.0 * (count / before - 1.0)),
                None => "new".to_owned(),
            };
            changed += usize::from(!verdict.is_empty());
            println!("{system:<10} {operation:<22} {count:>9.0}  {verdict}");
            writeln!(text, "{system:<10} {operation:<22} {count:>9.0}")?;
        }
    }
    if bless {
        std::fs::write(&file, text)?;
        println!("written to {}", file.display());
    } else if changed > 0 {
        println!("{changed} counts differ from {}; if that is intended, run with -- --bless", file.display());
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// The counted program, built beside this one with the same flags.
fn program() -> Result<PathBuf, Box<dyn Error>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let mut build = Command::new(cargo);
    // Inlining depends on codegen units. With one unit it does not depend on unrelated code.
    build.args(["--config", "profile.release.package.dilqr-benches.codegen-units=1"]);
    build.args(["build", "--release", "--quiet", "--bin", "repeat", "--manifest-path"]).arg(manifest);
    if !build.status()?.success() {
        return Err("the program to be counted was not built".into());
    }
    Ok(std::env::current_exe()?.with_file_name("repeat").with_extension(std::env::consts::EXE_EXTENSION))
}

/// The versions and flags that the counts depend on.
fn header() -> Result<String, Box<dyn Error>> {
    let version = |program: &str| -> Result<String, Box<dyn Error>> {
        let output = Command::new(program).arg("--version").output()?;
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    };
    let flags = std::env::var("RUSTFLAGS").unwrap_or_default();
    Ok(format!(
        "# Instructions of single operations, T = {HORIZON}; written by `cargo run --release -p dilqr-benches --bin\n\
         # instructions -- --bless`. {}, {}, RUSTFLAGS={flags:?}.\n\
         # A kernel: one call. riccati: one stage. exact, gauss-newton: one iteration of a solve. vjp, jacobian: one, with\n\
         # the factorization of the solve. vjp-anew: one with its own.\n",
        version("rustc")?,
        version("valgrind")?,
    ))
}

/// The counts in the text of the file.
fn read(text: &str) -> Counts {
    let rows = text.lines().filter(|line| !line.starts_with('#'));
    rows.filter_map(|row| {
        let mut words = row.split_whitespace();
        Some(((words.next()?.to_owned(), words.next()?.to_owned()), words.next()?.parse().ok()?))
    })
    .collect()
}

/// Instructions of one operation.
fn count(program: &Path, system: &str, operation: &str) -> Result<f64, Box<dyn Error>> {
    // Whole passes take long enough. Kernels of some nanoseconds are repeated often.
    let (few, many) = match operation {
        "riccati" | "exact" | "gauss-newton" | "vjp" | "vjp-anew" | "jacobian" => (2, 12),
        _ => (64, 64 * 101),
    };
    let ((few_total, parts), (many_total, _)) =
        (run(program, system, operation, few)?, run(program, system, operation, many)?);
    Ok((many_total - few_total) / ((many - few) as f64 * parts))
}

/// Instructions of the whole program, and the parts that an operation has.
fn run(program: &Path, system: &str, operation: &str, times: usize) -> Result<(f64, f64), Box<dyn Error>> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args([operation, HORIZON, &times.to_string(), system])
        .output()?;
    let (said, counted) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
    let total = counted.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok());
    let parts = said.trim().rsplit_once("parts ").and_then(|(_, parts)| parts.parse().ok());
    match (output.status.success(), total, parts) {
        (true, Some(total), Some(parts)) => Ok((total, parts)),
        _ => Err(format!("{system} {operation}: {said}{counted}").into()),
    }
}
