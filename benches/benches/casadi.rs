//! Derivative kernels beside CasADi's generated C: operations and time, after the values have been compared.
//!
//! ```text
//! cargo bench -p dilqr-benches --bench casadi -- --run-script
//! ```
//!
//! runs `benches/peers/casadi_kernels.py` first, in a Python environment under `target/`; later runs need no flag. With
//! `--features large` the arm of seven joints is compared, too.

use std::path::Path;

use dilqr_benches::casadi::{Failure, Kernel, Peer, difference, kernels, our_operations, quadrotor_euler, run_script};
use dilqr_benches::peers::{cartpole, pendulum};
use dilqr_benches::quadrotor::quadrotor_rk4;
use dilqr_benches::timing;

/// Both sides round in every operation, in different orders; the longest kernels have some ten thousand.
const TOLERANCE: f64 = 1e-9;

/// Number of rounds in which both sides are timed.
const ROUNDS: usize = 9;

/// The kernels of the model in a module.
macro_rules! system {
    ($name:literal, $module:path, $model:ident) => {{
        use $module as module;
        let kernels =
            kernels($name, module::$model, module::Linearization::zeros(), module::Linearization::update, |x, u, p| {
                let module::Linearization { f, fx, fu, fp } = module::linearize(x, u, p);
                (f, fx, fu, fp)
            });
        ($name, kernels?)
    }};
}

fn main() -> Result<(), Failure> {
    // With `--target` cargo puts a folder of that name between the target folder and its own.
    let folders =
        || Path::new(env!("CARGO_TARGET_TMPDIR")).ancestors().skip(1).take(2).map(|above| above.join("peers"));
    let folder = folders().find(|folder| folder.is_dir()).or_else(|| folders().next()).ok_or("no target folder")?;
    if std::env::args().any(|argument| argument == "--run-script") {
        run_script(&folder, cfg!(feature = "large"))?;
    }
    let systems = [
        system!("pendulum", pendulum, Pendulum),
        system!("cartpole", cartpole, Cartpole),
        system!("quadrotor_euler", quadrotor_euler, QuadrotorEuler),
        system!("quadrotor_rk4", quadrotor_rk4, QuadrotorRk4),
        #[cfg(feature = "large")]
        system!("arm", dilqr_benches::arm, Arm),
    ];
    let peer = Peer::read(&folder)?;
    match &peer {
        Some(peer) => println!("CasADi {} with {}\n", peer.casadi, peer.compiler),
        None => println!(
            "{} has no casadi.json: ours alone. For the other side (Python 3 and gcc):\n\
             cargo bench -p dilqr-benches --bench casadi -- --run-script\n",
            folder.display()
        ),
    }
    println!(
        "| system | kernel | operations | CasADi | ratio | ns | CasADi | ratio |\n|---|---|---|---|---|---|---|---|"
    );
    for (system, kernels) in systems {
        for kernel in kernels {
            row(system, &kernel, peer.as_ref())?;
        }
    }
    Ok(())
}

/// Compares, times and prints one kernel.
fn row(system: &str, kernel: &Kernel, peer: Option<&Peer>) -> Result<(), Failure> {
    let other = peer.and_then(|peer| peer.systems.get(system)?.get(kernel.name));
    if let Some(other) = other {
        let difference = difference(&kernel.values, &other.values)?;
        if difference > TOLERANCE {
            return Err(format!("{system} {}: the values differ by {difference:e}", kernel.name).into());
        }
    }
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.extend(kernel.time.as_ref().map(|time| time()));
        theirs.extend(other.map(|other| other.time()).transpose()?);
    }
    let operations = our_operations(system, kernel.name).map(|count| count as f64);
    let counts = comparison(operations, other.map(|other| other.operations as f64), 0);
    println!("| {system} | {} | {counts} | {} |", kernel.name, comparison(median(ours), median(theirs), 1));
    Ok(())
}

/// Our value, the other side's, and the ratio.
fn comparison(ours: Option<f64>, theirs: Option<f64>, digits: usize) -> String {
    let number = |value: Option<f64>, digits| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"));
    let ratio = ours.zip(theirs).map(|(ours, theirs)| ours / theirs);
    format!("{} | {} | {}", number(ours, digits), number(theirs, digits), number(ratio, 2))
}

/// `None` if nothing was timed.
fn median(values: Vec<f64>) -> Option<f64> {
    (!values.is_empty()).then(|| timing::median(values))
}
