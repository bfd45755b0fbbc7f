//! How long a model takes to compile, in a fresh crate that depends on dilqr-runtime by path and has cargo's own dev
//! profile: expansion (Symbolica included), and rustc's work on the emitted code.
//!
//! ```text
//! cargo run --release -p dilqr-benches --bin compile_time -- [TIMES] [MODELS..]
//! ```
//!
//! The crate and its target folder lie in `target/compile_time`; the first run compiles Symbolica there, which takes
//! minutes. Every model is built TIMES times (default 5), without files of earlier builds, in three forms: as an empty
//! crate, as it is written, and with its emitted code in place of the attribute. The table has medians of differences:
//! the emitted code less the empty crate is rustc's part, and the rest is the expansion.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Models of `models/src`, and the longest that their expansion should take \[s\]; rustc should take no more than twice
/// that.
const MODELS: [(&str, f64); 5] =
    [("pendulum", 0.3), ("cartpole", 0.6), ("quadrotor_euler", 3.0), ("quadrotor", 3.0), ("arm", 15.0)];

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).peekable();
    let times = arguments.peek().and_then(|first| first.parse::<usize>().ok());
    if times.is_some() {
        arguments.next();
    }
    let (times, wanted) = (times.unwrap_or(5).max(1), arguments.collect::<Vec<_>>());
    if let Some(unknown) = wanted.iter().find(|name| !MODELS.iter().any(|(model, _)| model == name)) {
        return Err(format!("no model {unknown}; there are {:?}", MODELS.map(|(model, _)| model)).into());
    }
    let fresh = Fresh::new()?;
    println!("| model | expansion | at most | rustc | at most |\n|---|---|---|---|---|");
    for (name, limit) in MODELS {
        if !wanted.is_empty() && !wanted.iter().any(|model| model == name) {
            continue;
        }
        let (expansion, rustc) = fresh.measure(name, times)?;
        println!("| {name} | {expansion:.2} s | {limit:.1} s | {rustc:.2} s | {:.1} s |", 2.0 * limit);
    }
    Ok(())
}

/// The crate.
struct Fresh {
    folder: PathBuf,
    target: PathBuf,
}

impl Fresh {
    fn new() -> Result<Self, Box<dyn Error>> {
        let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
        // The target folder of this program.
        let program = std::env::current_exe()?;
        let root = program.ancestors().nth(2).ok_or("this program lies in no target folder")?.join("compile_time");
        let fresh = Self { folder: root.join("fresh"), target: root.join("target") };
        fs::create_dir_all(fresh.folder.join("src"))?;
        let manifest = format!(
            "[package]\nname = \"fresh\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
             [dependencies]\ndilqr-runtime = {{ path = {:?} }}\n\n[workspace]\n",
            packages.join("dilqr-runtime")
        );
        fs::write(fresh.folder.join("Cargo.toml"), manifest)?;
        // The same versions as here.
        fs::copy(packages.join("Cargo.lock"), fresh.folder.join("Cargo.lock"))?;
        Ok(fresh)
    }

    /// Seconds of a model's expansion, and seconds of rustc on the emitted code.
    fn measure(&self, name: &str, times: usize) -> Result<(f64, f64), Box<dyn Error>> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/src").join(name).with_extension("rs");
        let written = fs::read_to_string(source)?;
        // The first build compiles the dependencies.
        self.build("", &[])?;
        self.build(&written, &[("DILQR_DUMP", name)])?;
        let module = fs::read_to_string(self.target.join("dilqr").join(name).with_extension("rs"))?;
        let (_, behind) = written.split_once("\npub use self::").ok_or("the file does not end as models do")?;
        let emitted = format!("{module}\npub use self::{behind}");

        let (mut expansions, mut rustcs) = (Vec::new(), Vec::new());
        for _ in 0..times {
            let [nothing, written, emitted] = [
                self.build("", &[])?.as_secs_f64(),
                self.build(&written, &[])?.as_secs_f64(),
                self.build(&emitted, &[])?.as_secs_f64(),
            ];
            expansions.push(written - emitted);
            rustcs.push(emitted - nothing);
        }
        Ok((median(expansions), median(rustcs)))
    }

    /// Wall time of `cargo build` on the crate with this text.
    fn build(&self, text: &str, environment: &[(&str, &str)]) -> Result<Duration, Box<dyn Error>> {
        fs::write(self.folder.join("src/lib.rs"), text)?;
        // A fresh crate has no earlier artifacts to reuse.
        let left = self.target.join("debug/incremental");
        if left.is_dir() {
            fs::remove_dir_all(left)?;
        }
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(["build", "--quiet"]).current_dir(&self.folder).env("CARGO_TARGET_DIR", &self.target);
        // Kernels are derived every time, without the cache.
        command.env("DILQR_CACHE", "off").env_remove("DILQR_DUMP").envs(environment.iter().copied());
        let start = Instant::now();
        let output = command.output()?;
        let elapsed = start.elapsed();
        if output.status.success() { Ok(elapsed) } else { Err(String::from_utf8_lossy(&output.stderr).into()) }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
