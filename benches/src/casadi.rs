//! The output of `benches/peers/casadi_kernels.py`, and our kernels for the same quantities.
//!
//! Kernels, with `H = l + lambda' f`: `first` (f, fx, fu, fp), `hess` (hxx, hux, huu), `cross` (hxp, hup) and `terms`
//! (fp, hxp, hup).

use core::hint::black_box;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use dilqr_runtime::Model;
use dilqr_runtime::model::{HamiltonianHessian, ParameterTerms, Stage};
use dilqr_runtime::nalgebra::{SMatrix, SVector};
use serde::Deserialize;

include!(concat!(env!("OUT_DIR"), "/quadrotor_euler.rs"));

pub type Failure = Box<dyn std::error::Error>;

/// Entries of a kernel's outputs by the output's name, column after column.
pub type Values = BTreeMap<String, Vec<f64>>;

/// CasADi's side.
#[derive(Debug, Deserialize)]
pub struct Peer {
    /// Its version.
    pub casadi: String,
    /// The compiler of its C code, with flags.
    pub compiler: String,
    /// By system and kernel.
    pub systems: BTreeMap<String, BTreeMap<String, PeerKernel>>,
}

/// A kernel of CasADi's.
#[derive(Debug, Deserialize)]
pub struct PeerKernel {
    pub operations: usize,
    /// Missing where only operations are compared.
    pub program: Option<PathBuf>,
    #[serde(default)]
    pub values: Values,
}

impl Peer {
    /// Reads the output of the script, if it has been run.
    ///
    /// # Errors
    /// If the file is not an output of the script.
    pub fn read(folder: &Path) -> Result<Option<Self>, Failure> {
        let file = folder.join("casadi.json");
        if !file.is_file() {
            return Ok(None);
        }
        Ok(Some(serde_json::from_str(&std::fs::read_to_string(file)?)?))
    }
}

impl PeerKernel {
    /// Nanoseconds of one call, measured now.
    ///
    /// # Errors
    /// If the program no longer exists.
    pub fn time(&self) -> Result<f64, Failure> {
        let program = self.program.as_ref().ok_or("this kernel was not compiled")?;
        let output = Command::new(program).output()?;
        Ok(std::str::from_utf8(&output.stdout)?.lines().next().ok_or("the program printed nothing")?.parse()?)
    }
}

/// Runs the script in an environment of its own under `folder`, which is created if missing.
///
/// # Errors
/// If Python, pip or gcc fail.
pub fn run_script(folder: &Path, large: bool) -> Result<(), Failure> {
    let python = environment(folder, &["casadi", "numpy"])?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join("casadi_kernels.py");
    run(Command::new(python).arg(script).arg("--output").arg(folder).args(large.then_some("--large")))
}

/// A Python with these packages, in an environment of its own under `folder`, which is created if missing.
///
/// # Errors
/// If Python or pip fail.
pub fn environment(folder: &Path, packages: &[&str]) -> Result<PathBuf, Failure> {
    let environment = folder.join("environment");
    let python = environment.join("bin").join("python");
    if !python.is_file() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
    }
    // Installed packages are not fetched again.
    run(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(packages))?;
    Ok(python)
}

fn run(command: &mut Command) -> Result<(), Failure> {
    let status = command.status().map_err(|error| format!("{command:?}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{command:?}: {status}").into()) }
}

/// Operations by system and kernel, from the golden file of the compiler's tests.
#[must_use]
pub fn our_operations(system: &str, kernel: &str) -> Option<usize> {
    let table = include_str!("../../dilqr-macros/src/tests/golden/casadi.txt");
    let row = table.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    row.into_iter().find(|row| row[..2] == [system, kernel])?[2].parse().ok()
}

/// The point of evaluation of a system.
#[derive(Debug, Deserialize)]
struct At {
    x: Vec<f64>,
    u: Vec<f64>,
    p: Vec<f64>,
}

/// A kernel of ours at the point of the comparison.
pub struct Kernel {
    pub name: &'static str,
    pub values: Values,
    /// Nanoseconds of one call, measured now. `None` if our kernel also computes other outputs.
    pub time: Option<Box<dyn Fn() -> f64>>,
}

/// The kernels of a model. The macro's `linearize` returns f, fx, fu and fp; `update` writes them into the record
/// `out`, as CasADi's functions write into the caller's memory.
///
/// # Errors
/// If the point of the comparison does not fit the model.
pub fn kernels<M, X, U, P, Out, const NX: usize, const NU: usize, const NP: usize>(
    system: &str,
    model: M,
    out: Out,
    update: impl Fn(&mut Out, &X, &U, &P) + 'static,
    linearize: impl Fn(&X, &U, &P) -> Linearization<NX, NU, NP>,
) -> Result<Vec<Kernel>, Failure>
where
    M: Model<NX, NU, NP> + Copy + 'static,
    X: From<SVector<f64, NX>> + 'static,
    U: From<SVector<f64, NU>> + 'static,
    P: From<SVector<f64, NP>> + 'static,
    Out: Clone + 'static,
{
    let mut points: BTreeMap<String, At> = serde_json::from_str(include_str!("../peers/points.json"))?;
    let At { x, u, p } = points.remove(system).ok_or("no such system")?;
    let (x, u, p) = (vector::<NX>(&x)?, vector::<NU>(&u)?, vector::<NP>(&p)?);
    let lambda = SVector::from_fn(|i, _| 0.3 + 0.1 * i as f64);
    let s = SVector::zeros();

    let (f, fx, fu, fp) = linearize(&x.into(), &u.into(), &p.into());
    let first = values([("f", f.as_slice()), ("fx", fx.as_slice()), ("fu", fu.as_slice()), ("fp", fp.as_slice())]);
    let mut hessian = HamiltonianHessian::zeros();
    model.hamiltonian_hessian(Stage::new(&x, &u, &p, &s), &lambda, &mut hessian);
    let HamiltonianHessian { hxx, hux, huu } = &hessian;
    let hess = values([("hxx", hxx.as_slice()), ("hux", hux.as_slice()), ("huu", huu.as_slice())]);
    let mut terms = ParameterTerms::zeros();
    model.parameter_terms(Stage::new(&x, &u, &p, &s), &lambda, &mut terms);
    let ParameterTerms { fp, hxp, hup } = &terms;
    let cross = values([("hxp", hxp.as_slice()), ("hup", hup.as_slice())]);
    let all_terms = values([("fp", fp.as_slice()), ("hxp", hxp.as_slice()), ("hup", hup.as_slice())]);

    let time_first = move || {
        let (u, p, mut out) = (u.into(), p.into(), out.clone());
        // A struct has no first entry to change: there are many.
        let states: Vec<X> = (0..64).map(|k| (x + SVector::repeat(1e-12 * f64::from(k))).into()).collect();
        let mut next = 0;
        nanoseconds(|| {
            next = (next + 1) % states.len();
            update(black_box(&mut out), black_box(&states[next]), &u, &p);
        })
    };
    let time_hess = move || {
        let (mut x, mut out) = (x, HamiltonianHessian::zeros());
        nanoseconds(|| {
            x[0] += 1e-12;
            model.hamiltonian_hessian(Stage::new(black_box(&x), &u, &p, &s), &lambda, black_box(&mut out));
        })
    };
    let time_terms = move || {
        let (mut x, mut out) = (x, ParameterTerms::zeros());
        nanoseconds(|| {
            x[0] += 1e-12;
            model.parameter_terms(Stage::new(black_box(&x), &u, &p, &s), &lambda, black_box(&mut out));
        })
    };
    Ok(vec![
        Kernel { name: "first", values: first, time: Some(Box::new(time_first)) },
        Kernel { name: "hess", values: hess, time: Some(Box::new(time_hess)) },
        Kernel { name: "cross", values: cross, time: None },
        Kernel { name: "terms", values: all_terms, time: Some(Box::new(time_terms)) },
    ])
}

/// f, fx, fu and fp.
pub type Linearization<const NX: usize, const NU: usize, const NP: usize> =
    (SVector<f64, NX>, SMatrix<f64, NX, NX>, SMatrix<f64, NX, NU>, SMatrix<f64, NX, NP>);

fn vector<const N: usize>(values: &[f64]) -> Result<SVector<f64, N>, Failure> {
    if values.len() == N {
        Ok(SVector::from_column_slice(values))
    } else {
        Err("points.json has another length".into())
    }
}

fn values<const N: usize>(fields: [(&str, &[f64]); N]) -> Values {
    fields.into_iter().map(|(name, values)| (name.to_owned(), values.to_vec())).collect()
}

/// Median of many loops that are short enough to be rarely interrupted. The programs of the other side measure in the
/// same way.
fn nanoseconds(mut call: impl FnMut()) -> f64 {
    let mut seconds = |calls: u64| {
        let start = Instant::now();
        for _ in 0..calls {
            call();
        }
        start.elapsed().as_secs_f64()
    };
    let mut calls = 1;
    while seconds(calls) < 5e-4 {
        calls *= 2;
    }
    let mut samples: Vec<f64> = (0..201).map(|_| seconds(calls) / calls as f64 * 1e9).collect();
    samples.sort_by(f64::total_cmp);
    samples[100]
}

/// The largest difference of two sets of values, each relative to the largest entry of its field.
///
/// # Errors
/// If one side lacks a field or an entry of the other.
pub fn difference(ours: &Values, theirs: &Values) -> Result<f64, Failure> {
    if !ours.keys().eq(theirs.keys()) {
        return Err("the sides have different outputs".into());
    }
    let mut worst = 0.0_f64;
    for (name, ours) in ours {
        let theirs = &theirs[name];
        if ours.len() != theirs.len() {
            return Err(format!("{name} has {} and {} entries", ours.len(), theirs.len()).into());
        }
        let scale = theirs.iter().fold(f64::MIN_POSITIVE, |scale, value| scale.max(value.abs()));
        for (a, b) in ours.iter().zip(theirs) {
            let error = (a - b).abs() / scale;
            worst = if error.is_nan() { f64::INFINITY } else { worst.max(error) };
        }
    }
    Ok(worst)
}
