//! Estimates the state of a cart-pole from its measured position and angle, and learns how strong the noise is.
//!
//! The simulated cart-pole is balanced by a feedback while noise kicks it. What its sensors are worth is known, and how strong the
//! kicks are is not. That is learned from one run without its true states: the moving-horizon estimator predicts each next
//! measurement, and `Mhe::vjp` gives the exact gradient of the mean squared error. The true states of another run judge the estimator
//! before and after. Draws `target/estimate_cartpole/estimate.svg`.
//!
//! `cargo run --release -p dilqr-models --example estimate_cartpole [-- --quick]`

#[path = "../drawing/mod.rs"]
mod drawing;
mod learning;
mod simulation;

use std::error::Error;

use clap::Parser;
use dilqr_models::cartpole_estimator::{CartpoleEstimator, DT, Params};
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{Mhe, Settings, Status};
use plotters::chart::SeriesLabelPosition::{LowerRight, UpperRight};

use drawing::{BLUE, GRAY, Panel, RED, Series};
use learning::{WINDOW, evaluate, learn, scaled, windows};
use simulation::{Run, simulate};

type Estimate = dilqr_runtime::Estimate<4>;

#[derive(Parser)]
struct Arguments {
    /// Learn from a part of the run, in a few steps
    #[arg(long)]
    quick: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let (most, steps) = if Arguments::parse().quick { (4, 4) } else { (usize::MAX, 25) };
    let truth = Params::default();
    let (training, test) = (simulate(truth, 1), simulate(truth, 2));
    // Too strong kicks of the cart, and too weak ones of the pole.
    let before = Params { process: [5.0 * truth.process[0], 0.1 * truth.process[1]], ..truth };
    let windows = windows(&training.measured, most);
    let (first, slope) = evaluate(&before, &windows)?;
    // Errors of the difference: h^2, and the tolerance of the solves over h.
    let h = 1e-4;
    let shifted = |shift: f64| evaluate(&scaled(before, [0.0, shift]), &windows).map(|(loss, _)| loss);
    let difference = (shifted(h)? - shifted(-h)?) / (2.0 * h);
    println!("d loss / d ln(process[1])={:.8} by_difference={difference:.8}", slope[1]);
    let (after, last) = learn(before, &windows, steps)?;
    let (best, _) = evaluate(&truth, &windows)?;
    println!("loss before={first:.4} after={last:.4} with_true_noise={best:.4}");
    println!("process_noise before={:.4?} after={:.4?} true={:.4?}", before.process, after.process, truth.process);

    report("before", &estimate(before, WINDOW, &test)?, &test);
    let estimates = estimate(after, WINDOW, &test)?;
    report("after", &estimates, &test);
    // That of an extended Kalman filter. Near upright the motion is nearly linear, and longer windows gain little.
    report("after, window of 1", &estimate(after, 1, &test)?, &test);
    picture(&test, &estimates)
}

/// Estimates every state of a run from the measurements up to it.
fn estimate(params: Params, window: usize, run: &Run) -> Result<Vec<Estimate>, Box<dyn Error>> {
    let mut mhe = Mhe::new(CartpoleEstimator, params, window, Settings::default())?;
    let mut estimates = Vec::new();
    for measured in &run.measured {
        let estimate = mhe.step(measured)?;
        if estimate.status != Status::Converged {
            return Err(format!("not solved: {}", estimate.status).into());
        }
        estimates.push(estimate);
    }
    Ok(estimates)
}

/// Root mean squared errors, and how often the truth is within two standard deviations, for the pole after the first second.
fn report(name: &str, estimates: &[Estimate], run: &Run) {
    let ended = |i: usize| {
        let pairs = estimates.iter().zip(&run.states).skip(20);
        let errors = pairs.map(move |(estimate, truth)| {
            let error = estimate.state[i] - SVector::<f64, 4>::from(*truth)[i];
            (error.powi(2), error.powi(2) < 4.0 * estimate.covariance[(i, i)])
        });
        let (squares, within): (Vec<_>, Vec<_>) = errors.unzip();
        let count = squares.len() as f64;
        let share = within.into_iter().filter(|within| *within).count() as f64 / count;
        ((squares.iter().sum::<f64>() / count).sqrt(), 100.0 * share)
    };
    let ((angle, angle_within), (rate, rate_within)) = (ended(2), ended(3));
    println!(
        "{name}: rms error angle={angle:.4} rad ({angle_within:.0}% within 2 sd) rate={rate:.3} rad/s ({rate_within:.0}%)"
    );
}

fn picture(run: &Run, estimates: &[Estimate]) -> Result<(), Box<dyn Error>> {
    // Seconds that show single measurements.
    let shown = 0..121;
    let times: Vec<_> = shown.clone().map(|t| t as f64 * DT).collect();
    let along = |value: &dyn Fn(usize) -> f64| -> Vec<_> { shown.clone().map(|t| (times[t], value(t))).collect() };
    let band = |i: usize| -> Vec<_> {
        shown.clone().map(|t| (times[t], estimates[t].state[i], 2.0 * estimates[t].covariance[(i, i)].sqrt())).collect()
    };
    let angle = Panel {
        title: "Angle from upright",
        axes: ["time [s]", "angle [rad]"],
        legend: UpperRight,
        headroom: 0.0,
        series: vec![
            Series::band("two standard deviations", BLUE, &band(2)),
            Series::dots("measured", GRAY, along(&|t| run.measured[t].angle)),
            Series::line("true", RED, along(&|t| run.states[t].angle)),
            Series::line("estimated", BLUE, along(&|t| estimates[t].state[2])),
        ],
    };
    let rate = Panel {
        title: "Its rate, which is not measured",
        axes: ["time [s]", "angular velocity [rad/s]"],
        legend: LowerRight,
        headroom: 0.0,
        series: vec![
            Series::band("two standard deviations", BLUE, &band(3)),
            Series::line("true", RED, along(&|t| run.states[t].angular_velocity)),
            Series::line("estimated", BLUE, along(&|t| estimates[t].state[3])),
        ],
    };
    println!("picture={}", drawing::draw("target/estimate_cartpole/estimate.svg", &[angle, rate])?);
    Ok(())
}
