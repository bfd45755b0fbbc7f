//! Feeds a bioreactor for the greatest yield on a periodic orbit that takes a given mean of the feed. Prints the yield beside
//! that of the constant feed, and its derivative in the mean, exact and by a central difference. Draws
//! `target/bioreactor/orbit.svg`.

mod drawing;

use std::error::Error;

use dilqr_models::bioreactor::{Bioreactor, DT, Params, Problem};
use dilqr_runtime::{Ilqr, Settings, Status};

use plotters::chart::SeriesLabelPosition::UpperRight;

use drawing::{BLUE, GREEN, Panel, RED, Series};

/// Stages of a period.
const HORIZON: usize = 24;

fn main() -> Result<(), Box<dyn Error>> {
    let mut solver = Ilqr::new(Bioreactor, HORIZON, Settings { tolerance: 1e-11, ..Settings::default() })?;
    // Strong feed for a third of the period. The steady state would be a guess that no direction improves at first order.
    let feed: Vec<_> = (0..HORIZON).map(|t| [if (4..12).contains(&t) { 39.0 } else { 29.0 }]).collect();
    let guess = |params: Params| {
        let contents = [5.7, 18.7, 20.1];
        let state = |t: usize| [contents[0], contents[1], contents[2], params.demand * t as f64 / HORIZON as f64];
        let states: Vec<_> = (0..=HORIZON).map(state).collect();
        Problem::new(states[0], params, HORIZON).with_design(contents).with_states(&states).with_controls(&feed)
    };
    let mean = 32.9;
    let params = Params { mean: 40.0, demand: mean, ..Params::default() };
    let solution = solver.solve(&guess(params))?;
    if solution.status != Status::Converged {
        return Err(format!("not solved: {}", solution.status).into());
    }
    // With the feed held at its mean the only orbit that remains is the steady state.
    let steady = solver.solve(&guess(Params { least: mean, most: mean, demand: 0.0, ..params }))?;
    println!("status={} yield={:.9} [g/l/h]", solution.status, -solution.cost);
    println!("steady: status={} yield={:.9} [g/l/h]", steady.status, -steady.cost);

    let gradient = Params::from(solver.value_gradient(&solution)?.params);
    // Errors of the difference: h^2, and rounding of the cost over h.
    let h = 1e-4;
    let mut yield_at = |mean: f64| -> Result<f64, Box<dyn Error>> {
        let moved = guess(Params { demand: mean, ..params }).with_warm_start(&Bioreactor, &solution);
        Ok(-solver.solve(&moved)?.cost)
    };
    let difference = (yield_at(mean + h)? - yield_at(mean - h)?) / (2.0 * h);
    println!("d yield / d mean={:.9} by_difference={difference:.9}", -gradient.demand);

    let places: Vec<f64> = (0..=2 * HORIZON).map(|t| DT * t as f64).collect();
    let feed: Vec<f64> = (0..2 * HORIZON).map(|t| solution.controls[t % HORIZON][0]).collect();
    let end = places[2 * HORIZON];
    let contents = |i: usize| -> Vec<_> {
        places.iter().enumerate().map(|(t, &hour)| (hour, solution.states[t % HORIZON][i])).collect()
    };
    let above = Panel {
        title: "Concentrations over two periods",
        axes: ["time [h]", "concentration [g/l]"],
        legend: UpperRight,
        headroom: 0.5,
        series: vec![
            Series::line("biomass", BLUE, contents(0)),
            Series::line("substrate", GREEN, contents(1)),
            Series::line("product", RED, contents(2)),
        ],
    };
    let below = Panel {
        title: "Feed, its mean, and its limits",
        axes: ["time [h]", "substrate in the feed [g/l]"],
        legend: UpperRight,
        headroom: 0.5,
        series: vec![
            Series::line("limits", RED, [(0.0, params.least), (end, params.least)]),
            Series::line("", RED, [(0.0, params.most), (end, params.most)]),
            Series::line("mean", GREEN, [(0.0, mean), (end, mean)]),
            Series::steps("feed", BLUE, &places, &feed),
        ],
    };
    println!("picture={}", drawing::draw("target/bioreactor/orbit.svg", &[above, below])?);
    Ok(())
}
