//! Whole solves and gradients beside other solvers, in one table.
//!
//! ```text
//! cargo run --release -p dilqr-benches --bin peers [-- --install]
//! ```
//!
//! runs the scripts of `benches/peers`: a C program for each problem over CasADi's kernels, the same in JAX, and
//! acados, each where it is installed. `--install` puts CasADi and JAX into an environment under `target/peers` first;
//! `PEERS_PYTHON` names another Python. Cost, controls and gradient of every side are checked before a time is printed.
//! Ours is measured before and after each of the others and compared with it in the same minute, on one thread.

use core::hint::black_box;
use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

use dilqr_benches::casadi::environment;
use dilqr_benches::lq::{self, Policy, backward};
use dilqr_benches::peers::{
    Case, Golden, assert_same, batch_of_poles, cartpole, exact, gauss_newton, pendulum, quadrotor,
};
use dilqr_benches::timing::{median, microseconds};
use dilqr_runtime::lanes::{Lanes, Native};
use dilqr_runtime::lq::{LqProblem, LqStage};
use dilqr_runtime::nalgebra::{SMatrix, SVector};
use dilqr_runtime::{Model, Status, batch};
use rayon::ThreadPoolBuilder;
use serde::Deserialize;

/// The rows in the order of the table: a case, a quantity, and a title.
const ROWS: [(&str, &str, &str); 14] = [
    ("cartpole_T100", "iteration", "cart-pole T = 100, a Gauss-Newton iteration"),
    ("cartpole_T100", "solve", "cart-pole T = 100, solve"),
    ("cartpole_T100", "gradient", "cart-pole T = 100, gradient"),
    ("cartpole_T100", "gradient", "the same, factorization of the solve at hand"),
    ("cartpole_T30", "solve", "cart-pole T = 30, solve"),
    ("pendulum_T10", "solve", "pendulum T = 10, solve"),
    ("quadrotor_T100", "solve", "quadrotor T = 100, solve"),
    ("quadrotor_T100", "solve", "quadrotor T = 100, solve by Gauss-Newton steps"),
    ("quadrotor_T100", "gradient", "quadrotor T = 100, gradient"),
    ("quadrotor_T100", "gradient", "the same, factorization of the solve at hand"),
    ("riccati", "time", "Riccati n = 4, m = 1, T = 100"),
    ("riccati", "lanes", "the same in lanes, a problem"),
    ("cartpole_T30", "batch", "cart-pole T = 30, batch of 64, a problem"),
    ("cartpole_T30", "batch", "the same in lanes, a problem"),
];

const PEERS: [&str; 3] = ["floor.py", "with_jax.py", "with_acados.py"];

/// The output of a script; `benches/peers/problems.py` describes it.
#[derive(Deserialize)]
struct Peer {
    peer: String,
    missing: Option<String>,
    #[serde(default)]
    cases: BTreeMap<String, PeerCase>,
    riccati: Option<PeerRiccati>,
}

#[derive(Deserialize)]
struct PeerCase {
    cost: f64,
    controls: Vec<f64>,
    gradient: Option<Vec<f64>>,
    times: BTreeMap<String, f64>,
}

#[derive(Deserialize)]
struct PeerRiccati {
    gain: Vec<f64>,
    feedforward: f64,
    time: f64,
    lanes: f64,
}

/// Microseconds by row.
type Times = [f64; ROWS.len()];

fn main() -> Result<(), Box<dyn Error>> {
    let install = match std::env::args().skip(1).collect::<Vec<_>>().as_slice() {
        [] => false,
        [flag] if flag == "--install" => true,
        _ => return Err("peers [--install]".into()),
    };
    let output = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/peers");
    std::fs::create_dir_all(&output)?;
    let output = output.canonicalize()?;
    let python = python(&output, install)?;

    // This asserts our own answers.
    let known = answers();
    let mut machine = vec![anchor()];
    let mut columns = Vec::new();
    let mut before = ours();
    let mut all = vec![before];
    for script in PEERS {
        let peer = run(&python, script, &output)?;
        let after = ours();
        machine.push(anchor());
        all.push(after);
        if let Some(missing) = &peer.missing {
            println!("{}: not installed ({missing})", peer.peer);
        } else {
            let difference = check(&peer, &known)?;
            println!("{}: same answers, to {difference:.0e}", peer.peer);
            // Ours in the same minute: the mean of just before and just after.
            let ours: Vec<f64> = before.iter().zip(after).map(|(before, after)| 0.5 * (before + after)).collect();
            columns.push((peer, ours));
        }
        before = after;
    }

    println!("\nmicroseconds, one thread; a fixed computation took {} ns", list(&machine));
    let names: String = columns.iter().map(|(peer, _)| format!(" {} | ours / it |", peer.peer)).collect();
    println!("\n| | ours |{names}\n|---|---|{}", "---|---|".repeat(columns.len()));
    for (row, (case, quantity, words)) in ROWS.into_iter().enumerate() {
        let ours = median(all.iter().map(|times| times[row]).collect());
        let cells: String = columns
            .iter()
            .map(|(peer, ours)| match peer.time(case, quantity) {
                Some(time) => format!(" {} | {:.2} |", three_digits(time), ours[row] / time),
                None => " - | - |".to_owned(),
            })
            .collect();
        println!("| {words} | {} |{cells}", three_digits(ours));
    }
    Ok(())
}

impl Peer {
    fn time(&self, case: &str, quantity: &str) -> Option<f64> {
        match case {
            "riccati" if quantity == "lanes" => Some(self.riccati.as_ref()?.lanes),
            "riccati" => Some(self.riccati.as_ref()?.time),
            _ => self.cases.get(case)?.times.get(quantity).copied(),
        }
    }
}

/// The Python that runs the scripts: the named one, the environment if it exists, or the system's.
fn python(output: &Path, install: bool) -> Result<PathBuf, Box<dyn Error>> {
    if let Some(named) = std::env::var_os("PEERS_PYTHON") {
        return Ok(named.into());
    }
    let own = output.join("environment/bin/python");
    if install {
        return environment(output, &["casadi", "numpy", "jax"]);
    }
    Ok(if own.is_file() { own } else { "python3".into() })
}

fn run(python: &Path, script: &str, output: &Path) -> Result<Peer, Box<dyn Error>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(script);
    let mut command = Command::new(python);
    // All sides use one thread.
    command.arg("-B").arg(path).env("OMP_NUM_THREADS", "1");
    if script != "with_jax.py" {
        command.arg("--output").arg(output);
    }
    let ran = match command.output() {
        Ok(ran) => ran,
        Err(error) => {
            let missing = Some(format!("{}: {error}", python.display()));
            return Ok(Peer { peer: script.to_owned(), missing, cases: BTreeMap::new(), riccati: None });
        }
    };
    if !ran.status.success() {
        return Err(format!("{script}: {}", String::from_utf8_lossy(&ran.stderr)).into());
    }
    let said = String::from_utf8(ran.stdout)?;
    Ok(serde_json::from_str(said.lines().last().ok_or("a script printed nothing")?)?)
}

/// Known answers by case, and the Riccati recursion's.
struct Answers {
    cases: BTreeMap<&'static str, Golden>,
    policy: Policy<f64, 4, 1>,
}

/// Ours are asserted on the way.
fn answers() -> Answers {
    let mut policy = Policy::zeros(100);
    let problem = given_stages();
    assert!(backward(&problem, &mut policy));
    let solution = problem.solve().expect("the stages are convex");
    assert!(problem.kkt_residual(&solution).max() < 1e-10);
    fn golden<M, const NX: usize, const NU: usize, const NP: usize>(case: &Case<M, NX, NU, NP>) -> Golden
    where
        M: Model<NX, NU, NP> + Clone,
    {
        let _ = case.solved(exact());
        case.golden.clone().expect("other solvers have been asked")
    }
    let cases = [
        ("cartpole_T100", golden(&cartpole(100))),
        ("cartpole_T30", golden(&cartpole(30))),
        ("pendulum_T10", golden(&pendulum(10))),
        ("quadrotor_T100", golden(&quadrotor(100))),
    ];
    Answers { cases: cases.into(), policy }
}

/// The largest difference of a peer's answers from the known ones, each list relative to its largest entry or 1.
///
/// # Errors
/// If it is larger than steps of 1e-8 explain, through curvatures of 1e-3.
fn check(peer: &Peer, known: &Answers) -> Result<f64, Box<dyn Error>> {
    let mut worst = 0.0_f64;
    let mut compare = |what: String, found: &[f64], expected: &[f64], tolerance: f64| {
        let scale = expected.iter().fold(1.0_f64, |scale, value| scale.max(value.abs()));
        let difference = found
            .iter()
            .zip(expected)
            .map(|(a, b)| (a - b).abs() / scale)
            .fold(0.0, |a: f64, b| if b.is_nan() { f64::INFINITY } else { a.max(b) });
        worst = worst.max(difference);
        if found.len() == expected.len() && difference <= tolerance {
            Ok(())
        } else {
            Err(format!("{}: {what} is off by {difference:e}", peer.peer))
        }
    };
    for (name, case) in &peer.cases {
        let golden = known.cases.get(name.as_str()).ok_or_else(|| format!("{}: no case {name}", peer.peer))?;
        compare(format!("the cost of {name}"), &[case.cost], &[golden.cost], 1e-9)?;
        if let Some(controls) = &golden.controls {
            compare(format!("a control of {name}"), &case.controls, controls, 1e-6)?;
        }
        if let Some(gradient) = &case.gradient {
            compare(format!("the gradient of {name}"), gradient, &golden.gradient, 1e-6)?;
        }
    }
    if let Some(riccati) = &peer.riccati {
        let (gain, k) = (&known.policy.gains[0], &known.policy.feedforward[0]);
        compare("a gain".to_owned(), &riccati.gain, gain.as_slice(), 1e-11)?;
        compare("the feed-forward".to_owned(), &[riccati.feedforward], k.as_slice(), 1e-11)?;
    }
    Ok(worst)
}

/// All rows of our side.
fn ours() -> Times {
    fn solve_and_gradient<M, const NX: usize, const NU: usize, const NP: usize>(
        case: &Case<M, NX, NU, NP>,
    ) -> (f64, f64, f64)
    where
        M: Model<NX, NU, NP> + Clone,
    {
        let (mut solver, solution, loss) = case.solved(exact());
        let mut other = solution.clone();
        let solve = microseconds(|| drop(black_box(solver.solve_into(black_box(&case.problem), &mut other))));
        let anew = microseconds(|| drop(black_box(solver.vjp(black_box(&solution), &loss))));
        let (_, sensitivities) = solver.solve_and_differentiate(&case.problem).expect("the problem is one");
        let mut sensitivities = sensitivities.expect("the solution is a strict minimum");
        (solve, anew, microseconds(|| drop(black_box(sensitivities.vjp(black_box(&loss))))))
    }
    fn by_gauss_newton<M, const NX: usize, const NU: usize, const NP: usize>(case: &Case<M, NX, NU, NP>) -> (f64, f64)
    where
        M: Model<NX, NU, NP> + Clone,
    {
        let (mut solver, mut solution, _) = case.solved(gauss_newton());
        let iterations = solution.stats.iterations as f64;
        let solve = microseconds(|| drop(black_box(solver.solve_into(black_box(&case.problem), &mut solution))));
        (solve, solve / iterations)
    }
    let (_, iteration) = by_gauss_newton(&cartpole(100));
    let (long, long_gradient, long_shared) = solve_and_gradient(&cartpole(100));
    let (short, ..) = solve_and_gradient(&cartpole(30));
    let (rod, ..) = solve_and_gradient(&pendulum(10));
    let (flight, flight_gradient, flight_shared) = solve_and_gradient(&quadrotor(100));
    let (flight_by_gauss_newton, _) = by_gauss_newton(&quadrotor(100));
    let (stages, mut policy) = (given_stages(), Policy::zeros(100));
    let riccati = microseconds(|| assert!(backward(black_box(&stages), black_box(&mut policy))));
    let (stages, mut policy) = (lq::in_lanes::<Native, 4, 1>(&stages), Policy::zeros(100));
    let in_lanes =
        microseconds(|| assert!(backward(black_box(&stages), black_box(&mut policy)))) / Native::COUNT as f64;
    let (one_by_one, batch_in_lanes) = batched();
    [
        iteration,
        long,
        long_gradient,
        long_shared,
        short,
        rod,
        flight,
        flight_by_gauss_newton,
        flight_gradient,
        flight_shared,
        riccati,
        in_lanes,
        one_by_one,
        batch_in_lanes,
    ]
}

/// A problem of the batch, all on one thread: one by one, and in lanes.
fn batched() -> (f64, f64) {
    const PROBLEMS: usize = 64;
    let case = cartpole(30);
    let problems = batch_of_poles(&case.model, PROBLEMS, 30);
    let one = ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    let settings = exact();
    let alone = batch::solve(&case.model, 30, &settings, &problems);
    for (alone, in_lanes) in alone.iter().zip(batch::solve_lanes(&case.model, 30, &settings, &problems)) {
        let (alone, in_lanes) = (alone.as_ref().expect("a problem"), in_lanes.expect("a problem"));
        assert_eq!(alone.status, Status::Converged);
        assert_same(&in_lanes, alone, &settings);
    }
    let solve = || drop(black_box(batch::solve(&case.model, 30, &settings, black_box(&problems))));
    let in_lanes = || drop(black_box(batch::solve_lanes(&case.model, 30, &settings, black_box(&problems))));
    let times = one.install(|| (microseconds(solve), microseconds(in_lanes)));
    (times.0 / PROBLEMS as f64, times.1 / PROBLEMS as f64)
}

/// The stages of `riccati_stage` in `benches/peers/problems.py`.
fn given_stages() -> LqProblem<f64, 4, 1> {
    let stage = |t: usize| {
        let t = t as f64;
        let mut stage = LqStage::zeros();
        let unit = |i: usize, j: usize| if i == j { 1.0 } else { 0.0 };
        stage.fx = SMatrix::from_fn(|i, j| unit(i, j) + 0.05 * (i as f64 - 2.0 * j as f64 + 0.3 * t).cos());
        stage.fu = SMatrix::from_fn(|i, _| 0.1 * (1 + i) as f64 + 0.01 * t.sin());
        stage.hxx = SMatrix::from_fn(|i, j| unit(i, j) + 0.1 * ((i + j) as f64 + 0.1 * t).cos());
        stage.hux = SMatrix::from_fn(|_, j| 0.02 * (j as f64 + t).sin());
        stage.huu = SMatrix::identity();
        stage.gx = SVector::from_fn(|i, _| (i as f64 + 0.2 * t).sin());
        stage.gu = SVector::repeat(0.1 * t.cos());
        stage
    };
    LqProblem {
        stages: (0..100).map(stage).collect(),
        initial_state: SVector::repeat(1.0),
        terminal_hxx: SMatrix::identity(),
        terminal_gx: SVector::repeat(0.1),
    }
}

/// Nanoseconds of a fixed computation: multiplications in sixteen chains, divisions, a sine. It shows slow phases of
/// the machine.
fn anchor() -> f64 {
    let mut start = 0.0_f64;
    1e3 * microseconds(|| {
        let mut chains: [f64; 16] = core::array::from_fn(|i| black_box(start) + 0.01 * i as f64);
        for _ in 0..24 {
            for i in 0..16 {
                chains[i] = chains[i] * chains[(i + 1) % 16] * 1e-3 + 0.5;
            }
        }
        let sum: f64 = (0..16).map(|i| chains[i] / (1.0 + chains[(i + 3) % 16])).sum();
        start = black_box(sum.sin() * 1e-4);
    })
}

fn three_digits(value: f64) -> String {
    let digits = (2 - value.log10().floor() as i32).clamp(0, 2) as usize;
    format!("{value:.digits$}")
}

fn list(values: &[f64]) -> String {
    values.iter().map(|value| format!("{value:.0}")).collect::<Vec<_>>().join(", ")
}
