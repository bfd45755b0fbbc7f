//! The other sides of comparisons: scripts of `benches/peers`, run by a Python that has their packages.

use std::path::Path;
use std::process::Command;

use serde::de::DeserializeOwned;

use crate::{Context, Failure};

/// Whether the Python for peers has the packages of a script, and what it printed.
pub(crate) enum Answer<T> {
    Printed(T),
    /// Why there is none.
    Missing(String),
}

/// Runs a script, which prints one line of JSON. The Python is that of `PEERS_PYTHON`, or of the environment that the program `peers`
/// makes; scripts install nothing. A quick run asks nobody.
pub(crate) fn ask<T: DeserializeOwned>(
    context: &Context,
    script: &str,
    arguments: &[&str],
) -> Result<Answer<T>, Failure> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/peers/environment/bin/python");
    let python = match std::env::var_os("PEERS_PYTHON") {
        Some(named) => named.into(),
        None if own.is_file() => own,
        None => return Ok(Answer::Missing("no Python for peers; see benches/peers/README.md".to_owned())),
    };
    if context.quick {
        return Ok(Answer::Missing("not asked in a quick run".to_owned()));
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(script);
    let ran = Command::new(python)
        .arg("-B")
        .arg(path)
        .args(arguments)
        .envs([("OMP_NUM_THREADS", "1"), ("DILQR_PEERS_INSTALL", "no")])
        .output()?;
    if !ran.status.success() {
        return Err(format!("{script}: {}", String::from_utf8_lossy(&ran.stderr)).into());
    }
    let said = String::from_utf8(ran.stdout)?;
    let line = said.lines().last().ok_or("a script printed nothing")?;
    let value: serde_json::Value = serde_json::from_str(line)?;
    match value.get("missing").and_then(serde_json::Value::as_str) {
        Some(missing) => Ok(Answer::Missing(missing.to_owned())),
        None => Ok(Answer::Printed(serde_json::from_value(value)?)),
    }
}
