//! Learns the parameters of a cart-pole from the demonstrations of an expert.
//!
//! The expert solved an optimal control problem with known cost and unknown gravity, masses and length. The exact
//! derivatives of the solution find all four from the recorded forces alone:
//!
//! ```text
//! cargo run --release -p dilqr-models --example learn_cartpole -- --help
//! ```

mod demonstrations;
mod fit;
mod picture;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use dilqr_models::cartpole::Params;
use indicatif::ProgressBar;

use demonstrations::Demonstration;
use fit::{Evaluation, Fit, FitError, Outcome};

/// Steps after which the fit ends in any case.
const MAX_STEPS: usize = 20;

/// The demonstrations that come with this package.
const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/cartpole_demonstrations.csv");

/// Learn gravity, masses and pole length of a cart-pole from an expert's forces.
///
/// The first four fifths of the trajectories are fitted, the rest is held out. The last two lines of the output are for
/// machines.
#[derive(Parser)]
struct Arguments {
    /// CSV file with the expert's trajectories [default: the 50 that come with the package]
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,

    /// Where to start: gravity [m/s^2], mass of the cart [kg], mass of the pole [kg], half length of the pole [m]
    #[arg(long, value_name = "A,B,C,D", default_value = "10.0,1.0,0.1,0.5", value_parser = parse_params)]
    start: Params,

    /// Directory for the pictures loss.svg and trajectory.svg; created if missing
    #[arg(long, value_name = "DIR", default_value = "target/learn_cartpole")]
    out: PathBuf,
}

fn parse_params(text: &str) -> Result<Params, String> {
    let parse = |text: &str| text.trim().parse().ok().filter(|value: &f64| *value > 0.0 && value.is_finite());
    let values: Option<Vec<f64>> = text.split(',').map(parse).collect();
    match values.as_deref() {
        Some(&[gravity, mass_cart, mass_pole, length]) => Ok(Params { gravity, mass_cart, mass_pole, length }),
        _ => Err("expected four positive numbers separated by commas".to_owned()),
    }
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprint!("error: {error}");
            let mut source = error.source();
            while let Some(cause) = source {
                eprint!(": {cause}");
                source = cause.source();
            }
            eprintln!();
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let path = arguments.data.clone().unwrap_or_else(|| PathBuf::from(DATA));
    let demonstrations = demonstrations::read(&path)?;
    // 40 and 10 of the 50 that come with the package; at least one each.
    let (fitted, held_out) = match demonstrations.len() {
        count @ 0..2 => {
            return Err(format!("{}: expected at least 2 trajectories, found {count}", path.display()).into());
        }
        count => demonstrations.split_at(count - count.div_ceil(5)),
    };
    println!("{} trajectories to fit, {} held out", fitted.len(), held_out.len());

    let begin = Instant::now();
    let Learned { before, after, losses, converged } = learn(fitted, held_out, arguments.start)?;
    let end = if converged { "converged" } else { "not converged: the last step was reached" };
    println!("{end}, in {:.3} s", begin.elapsed().as_secs_f64());

    std::fs::create_dir_all(&arguments.out)
        .map_err(|error| format!("cannot create the directory {}: {error}", arguments.out.display()))?;
    let loss = arguments.out.join("loss.svg");
    picture::losses(&loss, &losses)?;
    let trajectory = arguments.out.join("trajectory.svg");
    picture::trajectory(&trajectory, &held_out[0], &before.solutions[0], &after.solutions[0])?;
    println!("pictures: {} and {}", loss.display(), trajectory.display());

    let Params { gravity, mass_cart, mass_pole, length } = after.params;
    println!("learned gravity={gravity:.6} mass_cart={mass_cart:.6} mass_pole={mass_pole:.6} length={length:.6}");
    println!("held_out_loss={:.3e}", after.loss);
    Ok(())
}

/// The result of learning, evaluated on the held-out trajectories.
struct Learned {
    before: Evaluation,
    after: Evaluation,
    losses: Vec<Losses>,
    converged: bool,
}

/// Mean squared force errors \[N^2\] after a step that was accepted; step 0 is the start.
struct Losses {
    step: usize,
    fitted: f64,
    held_out: f64,
}

/// Fits the parameters and reports every step.
fn learn(fitted: &[Demonstration], held_out: &[Demonstration], start: Params) -> Result<Learned, FitError> {
    let bar = ProgressBar::new(MAX_STEPS as u64);
    // Lines go through the bar, which would draw over them otherwise. Away from a terminal it stays hidden.
    let print = |line: String| bar.suspend(|| println!("{line}"));
    let [gravity, mass_cart, mass_pole, length] = Params::NAMES;
    print(format!("step  damping       loss   held out {gravity:>10} {mass_cart:>10} {mass_pole:>10} {length:>10}"));
    let row = |losses: &Losses, damping: &str, params: Params| {
        let Losses { step, fitted, held_out } = losses;
        let Params { gravity, mass_cart, mass_pole, length } = params;
        let params = format!("{gravity:>10.6} {mass_cart:>10.6} {mass_pole:>10.6} {length:>10.6}");
        format!("{step:>4} {damping:>8} {fitted:>10.3e} {held_out:>10.3e} {params}")
    };

    let before = Evaluation::new(held_out, start)?;
    let mut fit = Fit::new(fitted, start)?;
    let mut after = before.clone();
    let mut losses = vec![Losses { step: 0, fitted: fit.current().loss, held_out: before.loss }];
    let mut converged = false;
    print(row(&losses[0], "", start));
    for step in 1..=MAX_STEPS {
        let damping = format!("{:.0e}", fit.damping());
        match fit.step() {
            Outcome::Accepted => {
                after = Evaluation::new(held_out, fit.current().params)?;
                let now = Losses { step, fitted: fit.current().loss, held_out: after.loss };
                print(row(&now, &damping, after.params));
                losses.push(now);
            }
            Outcome::Rejected => print(format!("{step:>4} {damping:>8}   rejected")),
            Outcome::Converged => {
                converged = true;
                break;
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(Learned { before, after, losses, converged })
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Params = Params { gravity: 10.0, mass_cart: 1.0, mass_pole: 0.1, length: 0.5 };

    /// The main job, on the data that come with the package.
    #[test]
    fn learns_the_parameters_of_the_expert() -> Result<(), Box<dyn Error>> {
        let demonstrations = demonstrations::read(DATA.as_ref())?;
        assert_eq!(demonstrations.len(), 50);
        let (fitted, held_out) = demonstrations.split_at(40);
        let Learned { before, after, losses, converged } = learn(fitted, held_out, START)?;
        assert!(converged && losses.len() <= 1 + MAX_STEPS);
        assert!(before.loss > 1.0 && after.loss < 1e-12, "{} and {}", before.loss, after.loss);
        assert!(losses.is_sorted_by(|before, after| after.fitted < before.fitted));
        Ok(())
    }

    #[test]
    fn start_is_four_positive_numbers() {
        assert_eq!(parse_params("10,1.0, 1e-1 ,.5"), Ok(START));
        for text in ["", "10,1,0.1", "10,1,0.1,0.5,", "10,1,0.1,-0.5", "10,1,0.1,0", "10,1,0.1,nan", "10,1,0.1,inf"] {
            assert!(parse_params(text).is_err(), "{text}");
        }
    }
}
