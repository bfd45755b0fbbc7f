//! What a model takes to compile, in a fresh crate that depends on dilqr-runtime by path and has cargo's own dev
//! profile: expansion (Symbolica included), and rustc's work on the emitted code. Seconds of user CPU, which do not depend on
//! what else the machine does.
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

/// Models, and the longest that their expansion should take \[s\]; rustc should take no more than twice that.
const MODELS: [(&str, f64, &str); 7] = [
    ("pendulum", 0.3, include_str!("../../../../models/src/pendulum.rs")),
    ("cartpole", 0.6, include_str!("../../../../models/src/cartpole.rs")),
    ("quadrotor_euler", 3.0, include_str!("../../../../models/src/quadrotor_euler.rs")),
    ("quadrotor", 3.0, include_str!("../../../../models/src/quadrotor.rs")),
    ("arm", 15.0, include_str!("../../../../models/src/arm.rs")),
    ("chain", 5.0, include_str!("../../limits/chain.rs")),
    ("heat", 5.0, include_str!("heat.rs")),
];

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).peekable();
    let times = arguments.peek().and_then(|first| first.parse::<usize>().ok());
    if times.is_some() {
        arguments.next();
    }
    let (times, wanted) = (times.unwrap_or(5).max(1), arguments.collect::<Vec<_>>());
    if let Some(unknown) = wanted.iter().find(|name| !MODELS.iter().any(|(model, ..)| model == name)) {
        return Err(format!("no model {unknown}; there are {:?}", MODELS.map(|(model, ..)| model)).into());
    }
    let fresh = Fresh::new()?;
    println!("| model | expansion | at most | rustc | at most |\n|---|---|---|---|---|");
    for (name, limit, text) in MODELS {
        if !wanted.is_empty() && !wanted.iter().any(|model| model == name) {
            continue;
        }
        let text = if name == "chain" { by_two_steps(text) } else { text.to_owned() };
        let (expansion, rustc) = fresh.measure((name, &text), times)?;
        println!("| {name} | {expansion:.2} s | {limit:.1} s | {rustc:.2} s | {:.1} s |", 2.0 * limit);
    }
    Ok(())
}

/// The module of the bench's chain alone, by two steps in the place of one.
fn by_two_steps(text: &str) -> String {
    let module = text.split_once("\n}\n").map_or(text, |(module, _)| module);
    format!("{module}\n}}\n").replace("dt = 0.1)", "dt = 0.1, substeps = 2)")
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
    fn measure(&self, (name, written): (&str, &str), times: usize) -> Result<(f64, f64), Box<dyn Error>> {
        // The first build compiles the dependencies.
        self.build("", &[])?;
        self.build(written, &[("DILQR_DUMP", name)])?;
        let module = fs::read_to_string(self.target.join("dilqr").join(name).with_extension("rs"))?;
        // What follows the module in files of `models`.
        let behind = written.split_once("\npub use self::").map_or("", |(_, behind)| behind);
        let uses = if behind.is_empty() { "" } else { "pub use self::" };
        let emitted = format!("{module}\n{uses}{behind}");

        let (mut expansions, mut rustcs) = (Vec::new(), Vec::new());
        for _ in 0..times {
            let [nothing, written, emitted] =
                [self.build("", &[])?, self.build(written, &[])?, self.build(&emitted, &[])?];
            expansions.push(written - emitted);
            rustcs.push(emitted - nothing);
        }
        Ok((median(expansions), median(rustcs)))
    }

    /// Seconds of `cargo build` on the crate with this text.
    fn build(&self, text: &str, environment: &[(&str, &str)]) -> Result<f64, Box<dyn Error>> {
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
        let start = of_children()?;
        let output = command.output()?;
        let seconds = of_children()? - start;
        if output.status.success() { Ok(seconds) } else { Err(String::from_utf8_lossy(&output.stderr).into()) }
    }
}

/// Seconds of user CPU of all processes that this one has waited for. The kernel counts them in hundredths, in field 16 of
/// `/proc/self/stat`; the second field ends with a parenthesis.
fn of_children() -> Result<f64, Box<dyn Error>> {
    let text = fs::read_to_string("/proc/self/stat")?;
    let fields = text.rsplit_once(") ").map_or("", |(_, fields)| fields);
    let ticks: f64 = fields.split(' ').nth(13).ok_or("the processes' times are not there")?.parse()?;
    Ok(ticks / 100.0)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
