//! Problems as their sources state them: Goddard's rocket, a cannonball of free size, and a way point.
//!
//! `cargo run --release -p dilqr-models --example published [-- goddard|cannonball|waypoint]`
//!
//! Each number has a second answer beside it. Draws `target/published/*.svg`.

mod drawing;

use std::error::Error;

use clap::{Parser, ValueEnum};
use dilqr_models::{cannonball, goddard, waypoint};
use dilqr_runtime::nalgebra::{Matrix3, SVector, Vector3};
use dilqr_runtime::{Ilqr, Settings, Status};
use plotters::chart::SeriesLabelPosition::{LowerRight, UpperLeft, UpperRight};

use drawing::{BLUE, GREEN, Panel, RED, Series};

#[derive(Parser)]
struct Arguments {
    /// All without it
    #[arg(value_enum)]
    problem: Option<Published>,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Published {
    Goddard,
    Cannonball,
    Waypoint,
}

fn main() -> Result<(), Box<dyn Error>> {
    let chosen = Arguments::parse().problem;
    let is_chosen = |problem| chosen.is_none_or(|chosen| chosen == problem);
    if is_chosen(Published::Goddard) {
        rocket()?;
    }
    if is_chosen(Published::Cannonball) {
        ball()?;
    }
    if is_chosen(Published::Waypoint) {
        way()?;
    }
    Ok(())
}

fn settings() -> Settings {
    Settings { tolerance: 1e-11, ..Settings::default() }
}

/// An error unless a solve has converged.
fn converged(name: &str, status: Status) -> Result<(), Box<dyn Error>> {
    if status == Status::Converged { Ok(()) } else { Err(format!("{name} is not solved: {status}").into()) }
}

/// The greatest height for a given amount of fuel, and how it depends on the drag.
fn rocket() -> Result<(), Box<dyn Error>> {
    use goddard::{Goddard, Params, Problem};
    const HORIZON: usize = 100;
    let part = |t: usize| t as f64 / HORIZON as f64;
    let states: Vec<_> = (0..=HORIZON).map(|t| [1.0, part(t) * (1.0 - part(t)), 1.0 - 0.4 * part(t)]).collect();
    let guess = |params: Params| {
        let problem = Problem::new(states[0], params, HORIZON).with_design([1.0]);
        problem.with_states(&states).with_controls(&[[1.75]; HORIZON])
    };
    let mut solver = Ilqr::new(Goddard, HORIZON, settings())?;
    let params = Params::default();
    let solution = solver.solve(&guess(params))?;
    converged("the rocket", solution.status)?;
    // COPS lists 1.01283, to its digits.
    println!("rocket: height={:.7} by_cops=1.01283 time={:.7}", -solution.cost, solution.design[0]);
    let gradient = Params::from(solver.value_gradient(&solution)?.params);
    // Errors of the difference: h^2 over the square of the drag, and rounding of the cost over h.
    let h = 0.1;
    let mut height_at = |drag: f64| -> Result<f64, Box<dyn Error>> {
        let moved = solver.solve(&guess(Params { drag, ..params }).with_warm_start(&Goddard, &solution))?;
        converged("the rocket with another drag", moved.status)?;
        Ok(-moved.cost)
    };
    let difference = (height_at(params.drag + h)? - height_at(params.drag - h)?) / (2.0 * h);
    println!("rocket: d height / d drag={:.5e} by_difference={difference:.5e}", -gradient.drag);

    let times: Vec<f64> = (0..=HORIZON).map(|t| solution.design[0] * part(t)).collect();
    let along = |i: usize| times.iter().copied().zip(solution.states.iter().map(move |x| x[i])).collect::<Vec<_>>();
    let thrust: Vec<f64> = solution.controls.iter().map(|u| u[0]).collect();
    let panel = |title, name, series| Panel {
        title,
        axes: ["time", name],
        legend: UpperRight,
        headroom: 0.0,
        series: vec![series],
    };
    let height = panel("Height", "distance from the center", Series::line("height", BLUE, along(0)));
    let mass = panel("Mass", "part of the first mass", Series::line("mass", GREEN, along(2)));
    let thrust = Series::steps("thrust", RED, &times, &thrust);
    let thrust = panel("Thrust: full, along the singular arc, off", "thrust", thrust);
    println!("picture={}", drawing::draw("target/published/goddard.svg", &[height, mass, thrust])?);
    Ok(())
}

/// The greatest range of a ball of free size, angle and speed.
fn ball() -> Result<(), Box<dyn Error>> {
    use cannonball::{Cannonball, Params, Problem, State};
    const HORIZON: usize = 50;
    let guessed = |t: usize| {
        let part = t as f64 / HORIZON as f64;
        let side = (2.0 * part - 1.0).abs();
        let tilt = 25.0 * (1.0 - 2.0 * part).max(0.0) - 45.0 * (2.0 * part - 1.0).max(0.0);
        [200.0 * part, 100.0 * (1.0 - side), tilt.to_radians(), 150.0 + 50.0 * side]
    };
    let states: Vec<_> = (0..=HORIZON).map(guessed).collect();
    let guess =
        |params: Params| Problem::new(states[0], params, HORIZON).with_design([0.05, 20.0]).with_states(&states);
    let mut solver = Ilqr::new(Cannonball, HORIZON, settings())?;
    let params = Params::default();
    let solution = solver.solve(&guess(params))?;
    converged("the cannonball", solution.status)?;
    let start = State::from(solution.states[0]);
    // Euler's method in coordinates of the ground, with steps so short that it has the digits below.
    let flown = flight(params, solution.design[0], (start.tilt, start.speed));
    println!(
        "cannonball: range={:.2} m flown={:.2} m radius={:.5} m angle={:.3} degrees speed={:.2} m/s",
        -solution.cost,
        flown.last().map_or(f64::NAN, |end| end.0),
        solution.design[0],
        start.tilt.to_degrees(),
        start.speed
    );
    let gradient = Params::from(solver.value_gradient(&solution)?.params);
    // Errors of the difference: h^2 over the square of the energy, and rounding of the cost over h.
    let h = 10.0;
    let mut range_at = |energy: f64| -> Result<f64, Box<dyn Error>> {
        let moved = solver.solve(&guess(Params { energy, ..params }).with_warm_start(&Cannonball, &solution))?;
        converged("the cannonball with another energy", moved.status)?;
        Ok(-moved.cost)
    };
    let difference = (range_at(params.energy + h)? - range_at(params.energy - h)?) / (2.0 * h);
    println!("cannonball: d range / d energy={:.6e} m/J by_difference={difference:.6e}", -gradient.energy);

    // The same energy and angle for balls of other sizes.
    let speed_of = |radius: f64| (start.speed * (solution.design[0] / radius).powf(1.5)).min(1000.0);
    let of_size = |part: f64| {
        let radius = part * solution.design[0];
        flight(params, radius, (start.tilt, speed_of(radius)))
    };
    let path = Panel {
        title: "Paths of balls with one energy and one angle",
        axes: ["distance [m]", "height [m]"],
        legend: UpperLeft,
        headroom: 0.0,
        series: vec![
            Series::line("flown, half the radius", GREEN, of_size(0.5)),
            Series::line("flown, twice the radius", RED, of_size(2.0)),
            Series::line("flown, the best radius", BLUE, flown),
            Series::dots("solved, the best radius", BLUE, solution.states.iter().map(|x| (x[0], x[1]))),
        ],
    };
    println!("picture={}", drawing::draw("target/published/cannonball.svg", &[path])?);
    Ok(())
}

/// The path of a ball until it is on the ground, by Euler's method on velocities: `(distance, height)`.
fn flight(params: cannonball::Params, radius: f64, (tilt, speed): (f64, f64)) -> Vec<(f64, f64)> {
    const STEP: f64 = 1e-5;
    let [mut distance, mut height] = [0.0; 2];
    let (mut across, mut up) = (speed * tilt.cos(), speed * tilt.sin());
    let mut path = vec![(distance, height)];
    for k in 1_usize.. {
        let air = params.air * (-height / 8500.0_f64).exp();
        // Half the density times the area times the drag coefficient of 1/2, over the mass, times the speed.
        let slowing = 0.5 * 0.5 * air * across.hypot(up) / (params.density * 4.0 / 3.0 * radius);
        let next = (distance + STEP * across, height + STEP * up);
        (across, up) = (across - STEP * slowing * across, up - STEP * (9.80665 + slowing * up));
        if next.1 < 0.0 {
            let part = height / (height - next.1);
            path.push((distance + part * (next.0 - distance), 0.0));
            break;
        }
        (distance, height) = next;
        if k.is_multiple_of(20_000) {
            path.push(next);
        }
    }
    path
}

/// The least effort from rest through a place and back to rest.
fn way() -> Result<(), Box<dyn Error>> {
    use waypoint::{DT, Params, Problem, Waypoint, passing};
    const HORIZON: usize = 50;
    const AT: usize = 20;
    const PLACE: f64 = 0.2;
    let params = Params::default();
    let mut solver = Ilqr::new(Waypoint, HORIZON, settings())?;
    let problem = Problem::new([0.0, 0.0], params, HORIZON).with_stage_params(&passing(PLACE, AT, HORIZON));
    let solution = solver.solve(&problem)?;
    converged("the way point", solution.status)?;
    // Places and speeds are linear in the accelerations, `A u = b`, and the shortest such `u` is `A' (A A')^-1 b`.
    let effect = |t: usize| {
        let until = |end: usize| if t < end { DT * DT * (end as f64 - t as f64 - 0.5) } else { 0.0 };
        Vector3::new(until(AT), until(HORIZON), DT)
    };
    let products: Matrix3<f64> = (0..HORIZON).map(|t| effect(t) * effect(t).transpose()).sum();
    let target = Vector3::new(PLACE, 0.0, 0.0);
    let weights = products.try_inverse().ok_or("three independent conditions")? * target;
    let direct = params.effort * (0..HORIZON).map(|t| effect(t).dot(&weights).powi(2)).sum::<f64>();
    println!("way point: effort={:.9} by_linear_algebra={direct:.9}", solution.cost);
    // Both sides of the bound move with the place; the effort is a multiple of its square.
    let slope = solver.value_gradient(&solution)?.stage_params[AT].sum();
    println!("way point: d effort / d place={slope:.7} by_scaling={:.7}", 2.0 * direct / PLACE);

    let time = |t: usize| DT * t as f64;
    let times: Vec<f64> = (0..=HORIZON).map(time).collect();
    let pushes: Vec<f64> = solution.controls.iter().map(|u: &SVector<f64, 1>| u[0]).collect();
    let by_hand: Vec<_> = (0..HORIZON).map(|t| (time(t) + 0.5 * DT, effect(t).dot(&weights))).collect();
    let place = Panel {
        title: "Place",
        axes: ["time [s]", "place [m]"],
        legend: UpperRight,
        headroom: 0.2,
        series: vec![
            Series::line("place", BLUE, solution.states.iter().enumerate().map(|(t, x)| (time(t), x[0]))),
            Series::dots("way point", RED, [(time(AT), PLACE)]),
        ],
    };
    let push = Panel {
        title: "Acceleration",
        axes: ["time [s]", "acceleration [m/s^2]"],
        legend: LowerRight,
        headroom: 0.0,
        series: vec![Series::steps("solved", BLUE, &times, &pushes), Series::dots("by linear algebra", RED, by_hand)],
    };
    println!("picture={}", drawing::draw("target/published/waypoint.svg", &[place, push])?);
    Ok(())
}
