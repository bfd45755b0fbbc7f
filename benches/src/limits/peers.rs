//! The other sides: the scripts `with_qp.py` and `with_ipopt.py` of `benches/peers`.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::process::{Command, Stdio};

use serde::Deserialize;

/// The answers of one solver, by problem.
#[derive(Debug, Deserialize)]
pub struct Peer {
    pub peer: String,
    /// Why there is none.
    pub missing: Option<String>,
    #[serde(default)]
    pub rows: BTreeMap<String, PeerRow>,
}

/// A solver's answer to a problem, or to a family of them.
#[derive(Debug, Deserialize)]
pub struct PeerRow {
    /// Milliseconds, all problems together.
    pub time: f64,
    pub problems: usize,
    pub good: usize,
    /// The largest residual; `None` for NaN.
    pub residual: Option<f64>,
    /// Optimal costs, one for each problem; `None` where it did not converge. None for a controller.
    pub costs: Vec<Option<f64>>,
}

impl PeerRow {
    /// The largest relative difference from our costs, over the problems that both sides have solved.
    pub fn difference(&self, ours: &[f64]) -> f64 {
        let both = self.costs.iter().zip(ours).filter_map(|(theirs, ours)| Some((theirs.as_ref()?, ours)));
        both.filter(|(_, ours)| !ours.is_nan()).map(|(theirs, ours)| (theirs / ours - 1.0).abs()).fold(0.0, f64::max)
    }
}

/// Runs the scripts with a Python. Each prints one line of JSON for each solver. They lower their tolerances until their
/// residuals are those of `residuals`, within a factor of 10.
///
/// # Errors
/// If a script fails.
pub fn run(python: &Path, residuals: &BTreeMap<&str, f64>) -> Result<Vec<Peer>, Box<dyn Error>> {
    let residuals = serde_json::to_string(residuals)?;
    let mut peers = Vec::new();
    for script in ["with_qp.py", "with_ipopt.py"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(script);
        let output =
            Command::new(python).arg(path).args(["--residuals", &residuals]).stderr(Stdio::inherit()).output()?;
        if !output.status.success() {
            return Err(format!("{script} ends with {}", output.status).into());
        }
        let text = String::from_utf8(output.stdout)?;
        // Solvers may print lines of their own.
        for line in text.lines().filter(|line| line.starts_with("{\"peer\"")) {
            peers.push(serde_json::from_str(line)?);
        }
    }
    Ok(peers)
}
