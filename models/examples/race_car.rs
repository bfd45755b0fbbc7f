//! Drives a lap in the least time below a speed limit that depends on the place. Prints the time, its derivative in the dip
//! of the limit, exact and by a central difference, and draws `target/race_car/lap.svg`.

mod drawing;

use std::error::Error;
use std::f64::consts::TAU;

use dilqr_models::race_car::{Params, Problem, RaceCar, STAGES};
use dilqr_runtime::{Ilqr, LossGradient, Settings, Status};

use plotters::chart::SeriesLabelPosition::LowerRight;

use drawing::{BLUE, Panel, RED, Series};

fn main() -> Result<(), Box<dyn Error>> {
    let horizon = STAGES as usize;
    let mut solver = Ilqr::new(RaceCar, horizon, Settings { tolerance: 1e-11, ..Settings::default() })?;
    // The guess need not be a motion: a time of 1, and a car at the start with full speed.
    let mut states = vec![[0.0, 1.0]; horizon + 1];
    states[0] = [0.0; 2];
    let guess = |params: Params| Problem::new(states[0], params, horizon).with_design([1.0]).with_states(&states);
    let params = Params::default();
    let solution = solver.solve(&guess(params))?;
    if solution.status != Status::Converged {
        return Err(format!("not solved: {}", solution.status).into());
    }
    let time = solution.design[0];
    println!("status={} time={time:.9} active_limits={}", solution.status, solution.certificate().active.len());

    let mut loss = LossGradient::zeros(horizon);
    loss.design[0] = 1.0;
    let gradient = Params::from(solver.vjp(&solution, &loss)?.params);
    // Errors of the difference: h^2, and the tolerance over h.
    let h = 1e-5;
    let mut time_at = |dip: f64| -> Result<f64, Box<dyn Error>> {
        let moved = guess(Params { dip, ..params }).with_warm_start(&RaceCar, &solution);
        Ok(solver.solve(&moved)?.design[0])
    };
    let difference = (time_at(params.dip + h)? - time_at(params.dip - h)?) / (2.0 * h);
    println!("d time / d dip={:.9} by_difference={difference:.9}", gradient.dip);

    let places: Vec<f64> = solution.states.iter().map(|x| x[0]).collect();
    let throttle: Vec<f64> = solution.controls.iter().map(|u| u[0]).collect();
    let limit = |place: f64| (place, 1.0 - params.dip * (TAU * place).sin());
    let speed = Panel {
        title: "Speed along the lap, and its limit",
        axes: ["place (of the lap)", "speed (laps per unit of time)"],
        legend: LowerRight,
        headroom: 0.0,
        series: vec![
            Series::line("limit", RED, (0..=200).map(|i| limit(f64::from(i) / 200.0))),
            Series::line("speed", BLUE, solution.states.iter().map(|x| (x[0], x[1]))),
        ],
    };
    let throttle = Panel {
        title: "Throttle",
        axes: ["place (of the lap)", "throttle (of full)"],
        legend: LowerRight,
        headroom: 0.0,
        series: vec![Series::steps("throttle", BLUE, &places, &throttle)],
    };
    println!("picture={}", drawing::draw("target/race_car/lap.svg", &[speed, throttle])?);
    Ok(())
}
