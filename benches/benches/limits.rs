//! Problems with limits: solves, gradients, lanes and a controller, beside OSQP, PIQP, ipopt and POUNCE.
//!
//! ```text
//! cargo bench -p dilqr-benches --bench limits [-- NAME]
//! cargo bench -p dilqr-benches --bench limits -- --table [--install] [--only NAME]
//! cargo bench -p dilqr-benches --bench limits -- --once NAME
//! ```
//!
//! The first is criterion's. The second prints a table with the peers, where a Python with them is found: `--install`
//! puts them into an environment under `target/peers` first, and `PEERS_PYTHON` names another Python (empty: none). The
//! peers' tolerances are lowered until their residuals of the optimality conditions are ours, within a factor of 10. The
//! third runs the work of one row once after a first time, for profilers. `LIMITS_METHOD=interior-point` chooses the
//! method. One thread.

#[path = "../src/limits/mod.rs"]
#[allow(unreachable_pub, reason = "models, as the users of a library have them")]
#[allow(clippy::module_inception, reason = "the macro names a model after its module; the file has the same noun")]
mod limits;

use core::time::Duration;
use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};

use dilqr_benches::casadi::environment;
use dilqr_benches::timing::{median, microseconds};
use dilqr_runtime::{Method, Settings};

use limits::peers::{self, Peer, PeerRow};
use limits::residual::Residual;
use limits::rows::{Row, rows};
use limits::work::Outcome;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let after = |flag: &str| {
        let at = arguments.iter().position(|argument| argument == flag)?;
        arguments.get(at + 1).map(String::as_str)
    };
    let settings = settings()?;
    if let Some(name) = after("--once") {
        let row = rows().into_iter().find(|row| row.name == name).ok_or("no row of this name")?;
        let mut work = (row.work)(settings);
        work.run();
        println!("{}", report(&row, &work.outcome()));
    } else if arguments.iter().any(|argument| argument == "--table") {
        table(settings, after("--only"), arguments.iter().any(|argument| argument == "--install"))?;
    } else {
        measure(settings);
    }
    Ok(())
}

/// The default settings, with the method of the environment.
fn settings() -> Result<Settings, Box<dyn Error>> {
    let method = match std::env::var("LIMITS_METHOD").as_deref() {
        Err(_) | Ok("auto") => Method::Auto,
        Ok("interior-point") => Method::InteriorPoint,
        Ok("ddp") => Method::Ddp,
        Ok("augmented-lagrangian") => Method::AugmentedLagrangian,
        Ok(other) => return Err(format!("no method {other}").into()),
    };
    Ok(Settings { method, ..Settings::default() })
}

/// By criterion.
fn measure(settings: Settings) {
    let mut criterion = dilqr_benches::criterion(Duration::from_millis(1000)).sample_size(10);
    for row in rows() {
        let mut work = None;
        criterion.bench_function(&format!("limits/{}", row.name), |bencher| {
            // Only rows that are selected are solved.
            let work = work.get_or_insert_with(|| (row.work)(settings));
            bencher.iter(|| work.run());
        });
        if let Some(mut work) = work {
            println!("{}", report(&row, &work.outcome()));
        }
    }
    criterion.final_summary();
}

/// What came of a row.
fn report(row: &Row, outcome: &Outcome) -> String {
    let Outcome { problems, good, iterations, active, residual, failures } = outcome;
    let Residual { value, part } = residual;
    let mut text = format!(
        "{}: {good} of {problems}, {iterations} iterations, {active} active limits, residual {value:.0e} ({part})",
        row.name
    );
    for (failure, count) in failures {
        text += &format!("\n    {count}: {failure}");
    }
    text
}

/// Ours beside the peers'.
fn table(settings: Settings, only: Option<&str>, install: bool) -> Result<(), Box<dyn Error>> {
    let chosen = rows().into_iter().filter(|row| only.is_none_or(|name| row.name.contains(name)));
    let mut ours = Vec::new();
    let mut residuals = BTreeMap::new();
    for row in chosen {
        let mut work = (row.work)(settings);
        let first = microseconds(|| work.run());
        let outcome = work.outcome();
        eprintln!("{first:.0} us, {}", report(&row, &outcome));
        if let Some(peer) = row.peer
            && !row.name.contains("lanes")
            && !residuals.contains_key(peer)
        {
            residuals.insert(peer, outcome.residual.value);
        }
        ours.push((row, work, first));
    }
    let peers = match python(install)? {
        Some(python) => peers::run(&python, &residuals)?,
        None => Vec::new(),
    };
    for Peer { peer, missing, .. } in &peers {
        if let Some(missing) = missing {
            eprintln!("{peer} is missing: {missing}");
        }
    }
    let present: Vec<_> = peers.iter().filter(|peer| peer.missing.is_none()).collect();
    print!("| work | ours, ms | converged | residual |");
    present.iter().for_each(|peer| print!(" {} |", peer.peer));
    println!("\n|---|---|---|---|{}", "---|".repeat(present.len()));
    for (row, mut work, first) in ours {
        // Ours before and after the peers.
        let time = 1e-3 * median(vec![first, microseconds(|| work.run())]);
        let Outcome { problems, good, residual, .. } = work.outcome();
        print!("| {} | {} | {good} of {problems} | {:.0e} |", row.name, digits(time), residual.value);
        for peer in &present {
            match row.peer.and_then(|name| peer.rows.get(name)) {
                Some(theirs) => print!(" {} |", cell(theirs, &work.costs())),
                None => print!(" - |"),
            }
        }
        println!();
    }
    Ok(())
}

/// Time, residual, and what is not as it should be.
fn cell(row: &PeerRow, ours: &[f64]) -> String {
    let PeerRow { time, problems, good, residual, .. } = row;
    let residual = residual.map_or_else(|| "nan".to_owned(), |residual| format!("{residual:.0e}"));
    let failed = if good < problems { format!(", {good} of {problems}") } else { String::new() };
    let difference = row.difference(ours);
    let other = if difference > 1e-6 { format!(", cost {difference:.0e} off") } else { String::new() };
    format!("{} ({residual}{failed}{other})", digits(*time))
}

/// Three digits.
fn digits(value: f64) -> String {
    let places = (2.0 - value.abs().log10().floor()).clamp(0.0, 3.0) as usize;
    format!("{value:.places$}")
}

/// A Python with the peers.
fn python(install: bool) -> Result<Option<PathBuf>, Box<dyn Error>> {
    if let Some(python) = std::env::var_os("PEERS_PYTHON") {
        return Ok((!python.is_empty()).then(|| python.into()));
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("peers");
    let installed = folder.join("environment").join("bin").join("python");
    if install {
        return Ok(Some(environment(&folder, &["casadi", "numpy", "osqp", "piqp", "pounce-solver", "scipy"])?));
    }
    Ok(installed.is_file().then_some(installed))
}
