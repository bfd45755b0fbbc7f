//! The experiments of DiLQR (Wang et al., ICML 2025, arXiv 2506.17473), and of publications on control, implicit functions
//! and pose graphs, with this library and with baselines, on identical data.
//!
//! ```text
//! cargo run --release -p dilqr-benches --bin experiments -- <NAME|all> [--quick] [--out DIR] [--threads N]
//! ```
//!
//! Every experiment appends its results to CSV files. A stopped run continues from them. At the end, tables (Markdown)
//! and pictures (SVG) are made from the CSV files.

mod ablation;
mod ac_mpc;
mod adam;
mod amortized_starts;
mod backward_cost;
mod chart;
mod curve_fit;
mod dare;
mod dcem;
mod dense;
mod deq_mpc;
mod field;
mod gradients;
mod imitation;
mod implicit_models;
mod kepler;
mod learner;
mod lotka_volterra;
mod lstm;
mod models;
mod networks;
mod neural_ode;
mod normal;
mod one_step;
mod optimizer;
mod outside;
mod pdp;
mod pose_graph;
mod pupil;
mod quadrotor;
mod system;
mod table;
mod task_met;
mod timing;
mod unknowns;

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use clap::{Parser, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};

/// An error of an experiment.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

#[derive(Parser)]
#[command(about = "Experiments of DiLQR and of other publications, rerun")]
struct Arguments {
    /// Which experiment
    #[arg(value_enum)]
    name: Name,

    /// Fewer and smaller cases, as a test: minutes instead of hours
    #[arg(long)]
    quick: bool,

    /// Folder of the results; existing results are not computed again
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Folder of published demonstrations; without it experts are our own controllers
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// Runs of learners at a time; wall times are only comparable with 1
    #[arg(long, value_name = "N", default_value_t = 1)]
    threads: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Name {
    /// Time of the backward pass against the iterations of the forward one
    BackwardCost,
    /// Imitation of an expert: cost, dynamics or both are learned
    Imitation,
    /// Gradients against central differences
    Gradients,
    /// The backward pass without one accelerating part at a time
    Ablation,
    /// A quadrotor's parameters from noisy flights
    Quadrotor,
    /// A residual of the dynamics, learned by one-step errors and through the controller; times over horizons
    Networks,
    /// Pose graphs in space: times and errors of gradients over the number of poses
    PoseGraph,
    /// Plans of a network between the rounds of a controller
    DeqMpc,
    /// PDP's, Safe-PDP's and IDOC's gradients on their benchmark, beside ours
    Pdp,
    /// Plans that a differentiable cross-entropy method searches through a learned decoder, and regression by a learned energy
    Dcem,
    /// The throughput of a quadrotor's controller with a learned cost, beside mpc.pytorch
    AcMpc,
    /// Imitation without a model: a recurrent network (an hour; of all only if quick)
    Lstm,
    /// Kepler's equation and its gradient field, beside JAXopt
    Kepler,
    /// A controller is imitated through the Riccati equation
    Dare,
    /// Neural differential equations by implicit Euler, and times by stiffness
    NeuralOde,
    /// A metric that is learned for a decision
    TaskMet,
    /// A network predicts first guesses
    AmortizedStarts,
    /// Backward modes of a curve fit, as in Theseus
    CurveFit,
    /// A fit of predators and prey, beside Optimistix
    LotkaVolterra,
    /// All of them
    All,
}

/// The settings of every experiment.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) out: PathBuf,
    pub(crate) quick: bool,
    pub(crate) threads: usize,
    /// Published demonstrations.
    pub(crate) data: Option<PathBuf>,
}

impl Context {
    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.out.join(file)
    }

    /// A bar over `count` pieces of work, with the time that is left.
    pub(crate) fn bar(&self, name: &'static str, count: usize) -> ProgressBar {
        let style = ProgressStyle::with_template("{prefix:>14} {bar:30} {pos}/{len}, {eta} left  {wide_msg}");
        let bar = ProgressBar::new(count as u64).with_prefix(name);
        if let Ok(style) = style { bar.with_style(style) } else { bar }
    }
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let out = arguments.out.clone().unwrap_or_else(|| {
        PathBuf::from(if arguments.quick { "target/experiments/quick" } else { "target/experiments" })
    });
    std::fs::create_dir_all(&out).map_err(|error| format!("cannot make {}: {error}", out.display()))?;
    let context =
        Context { out, quick: arguments.quick, threads: arguments.threads.max(1), data: arguments.data.clone() };
    let all = [
        (Name::BackwardCost, backward_cost::run as fn(&Context) -> Result<(), Failure>),
        (Name::Gradients, gradients::run),
        (Name::Imitation, imitation::run),
        (Name::Ablation, ablation::run),
        (Name::Quadrotor, quadrotor::run),
        (Name::Networks, networks::run),
        (Name::Kepler, kepler::run),
        (Name::Dare, dare::run),
        (Name::NeuralOde, neural_ode::run),
        (Name::TaskMet, task_met::run),
        (Name::AmortizedStarts, amortized_starts::run),
        (Name::CurveFit, curve_fit::run),
        (Name::LotkaVolterra, lotka_volterra::run),
        (Name::PoseGraph, pose_graph::run),
        (Name::DeqMpc, deq_mpc::run),
        (Name::Pdp, pdp::run),
        (Name::Dcem, dcem::run),
        (Name::AcMpc, ac_mpc::run),
        (Name::Lstm, lstm::run),
    ];
    for (name, experiment) in all {
        let long = name == Name::Lstm && !arguments.quick;
        if arguments.name == name || arguments.name == Name::All && !long {
            experiment(&context)?;
        }
    }
    table::write(&context.path("machine.md"), &machine())?;
    println!("results: {}", context.out.display());
    Ok(())
}

/// The origin of the results: command, commit, compiler and processor, as far as known.
fn machine() -> String {
    let said = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output().ok().filter(|output| output.status.success());
        output.map_or_else(|| "unknown".to_owned(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let processor = std::fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name"))?.to_owned();
        Some(line.split_once(':')?.1.trim().to_owned())
    });
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!(
        "* command: `cargo run --release -p dilqr-benches --bin experiments -- {}` (the last one; what stood in the CSV \
         files was not computed again)\n* commit: {}\n* compiler: {}\n* processor: {}, {cores} virtual cores\n",
        arguments.join(" "),
        said("git", &["log", "-1", "--format=%h %s"]),
        said("rustc", &["--version"]),
        processor.unwrap_or_else(|| "unknown".to_owned()),
    )
}
