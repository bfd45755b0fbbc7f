//! Drives a lap of a track, whose centerline is a table, in the least time. Prints the time and its derivatives in the grip and in
//! the width of the road, exact and by central differences, and draws `target/race_track/lap.svg`.

mod drawing;

use std::error::Error;
use std::path::Path;

use dilqr_models::race_track::{CURVATURE, LENGTH, Params, Problem, RaceTrack, STAGES, State, lap_at};
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{Ilqr, LossGradient, Settings, Status};
use plotters::chart::SeriesLabelPosition::UpperRight;
use plotters::prelude::*;

use drawing::{BLUE, FONT, GRAY, HEIGHT, Panel, RED, Series, WIDTH, draw_panel};

/// The speed at the start, and of the guess [m/s].
const SPEED: f64 = 12.0;

fn main() -> Result<(), Box<dyn Error>> {
    let horizon = STAGES as usize;
    let mut solver = Ilqr::new(RaceTrack, horizon, Settings { tolerance: 1e-10, ..Settings::default() })?;
    let (time, states, controls) = lap_at(SPEED);
    let guess = |params: Params| {
        Problem::new(states[0], params, horizon).with_design(time).with_states(&states).with_controls(&controls)
    };
    let params = Params::default();
    let solution = solver.solve(&guess(params))?;
    if solution.status != Status::Converged {
        return Err(format!("not solved: {}", solution.status).into());
    }
    let time = solution.design[0];
    println!("status={} time={time:.6} active_limits={}", solution.status, solution.certificate().active.len());

    let mut loss = LossGradient::zeros(horizon);
    loss.design[0] = 1.0;
    let gradient = Params::from(solver.vjp(&solution, &loss)?.params);
    let mut time_of = |moved: Params| -> Result<f64, Box<dyn Error>> {
        Ok(solver.solve(&guess(moved).with_warm_start(&RaceTrack, &solution))?.design[0])
    };
    // Errors of the difference: h^2, and the tolerance over h.
    let h = 1e-4;
    let wider = |by: f64| Params { width: params.width + by, ..params };
    let stickier = |by: f64| Params { grip: params.grip + by, ..params };
    let by_width = (time_of(wider(h))? - time_of(wider(-h))?) / (2.0 * h);
    let by_grip = (time_of(stickier(h))? - time_of(stickier(-h))?) / (2.0 * h);
    println!("d time / d width={:.6} by_difference={by_width:.6}", gradient.width);
    println!("d time / d grip={:.6} by_difference={by_grip:.6}", gradient.grip);

    let states: Vec<State> = solution.states.iter().map(|&x| x.into()).collect();
    println!("picture={}", draw(&states, &solution.controls, params)?);
    Ok(())
}

/// The centerline: its points and angles at equal lengths, by the midpoint rule over the curvature.
fn centerline(points: usize) -> Vec<(f64, [f64; 3])> {
    const PARTS: usize = 20;
    let step = LENGTH / (points * PARTS) as f64;
    let (mut line, [mut x, mut y, mut angle]) = (vec![(0.0, [0.0; 3])], [0.0; 3]);
    for index in 0..points * PARTS {
        let half = 0.5 * step * CURVATURE.at((index as f64 + 0.5) * step);
        angle += half;
        (x, y) = (x + step * angle.cos(), y + step * angle.sin());
        angle += half;
        if (index + 1) % PARTS == 0 {
            line.push(((index + 1) as f64 * step, [x, y, angle]));
        }
    }
    line
}

/// The point beside the centerline at this length, by interpolation.
fn beside(line: &[(f64, [f64; 3])], place: f64, offset: f64) -> (f64, f64) {
    let spacing = LENGTH / (line.len() - 1) as f64;
    let first = ((place / spacing) as usize).min(line.len() - 2);
    let part = place / spacing - first as f64;
    let [x, y, angle] = std::array::from_fn(|i| line[first].1[i] + part * (line[first + 1].1[i] - line[first].1[i]));
    (x - offset * angle.sin(), y + offset * angle.cos())
}

/// The track from above, the speed, and the accelerations.
fn draw(states: &[State], controls: &[SVector<f64, 2>], params: Params) -> Result<&'static str, Box<dyn Error>> {
    const PATH: &str = "target/race_track/lap.svg";
    const PLAN: u32 = 620;
    if let Some(folder) = Path::new(PATH).parent() {
        std::fs::create_dir_all(folder)?;
    }
    let area = SVGBackend::new(PATH, (WIDTH, PLAN + 2 * HEIGHT)).into_drawing_area();
    area.fill(&WHITE)?;
    let (above, below) = area.split_vertically(PLAN);
    draw_track(&above, states, params)?;
    let places: Vec<f64> = states.iter().map(|x| x.place).collect();
    let used: Vec<(f64, f64)> = states.iter().zip(controls).map(|(x, u)| (u[0], x.speed.powi(2) * u[1])).collect();
    // Lines only where the limit is within the picture: it is infinite on straights.
    let limits: Vec<(f64, f64)> = (0..=400)
        .map(|i| LENGTH * f64::from(i) / 400.0)
        .map(|place| (place, (params.grip / CURVATURE.at(place).abs()).sqrt()))
        .collect();
    let mut series: Vec<Series> = limits
        .split(|(_, most)| *most > 26.0)
        .filter(|part| part.len() > 1)
        .enumerate()
        .map(|(index, part)| {
            Series::line(if index == 0 { "limit on the centerline" } else { "" }, GRAY, part.iter().copied())
        })
        .collect();
    series.push(Series::line("speed", BLUE, states.iter().map(|x| (x.place, x.speed))));
    let speed = Panel {
        title: "Speed along the lap, and the speed at the limit of grip on the centerline",
        axes: ["place [m]", "speed [m/s]"],
        legend: UpperRight,
        headroom: 0.3,
        series,
    };
    let accelerations = Panel {
        title: "Accelerations",
        axes: ["place [m]", "acceleration [m/s²]"],
        legend: UpperRight,
        headroom: 0.25,
        series: vec![
            Series::steps("to the left", RED, &places, &used.iter().map(|own| own.1).collect::<Vec<_>>()),
            Series::steps("along the path", BLUE, &places, &used.iter().map(|own| own.0).collect::<Vec<_>>()),
        ],
    };
    for (area, panel) in below.split_evenly((2, 1)).iter().zip([speed, accelerations]) {
        draw_panel(area, &panel)?;
    }
    area.present()?;
    Ok(PATH)
}

/// The road and the path of the car, from above, with the same scale on both axes.
fn draw_track(
    area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    states: &[State],
    params: Params,
) -> Result<(), Box<dyn Error>> {
    /// Half of a car, which the road has beyond the largest offset [m].
    const CAR: f64 = 1.0;
    let line = centerline(200);
    let mut chart = ChartBuilder::on(area)
        .caption("One lap, counterclockwise from the origin", FONT)
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(60)
        .build_cartesian_2d(-92.0..112.0_f64, -10.0..126.0_f64)?;
    let label = |value: &f64| format!("{value:.0}");
    chart
        .configure_mesh()
        .max_light_lines(1)
        .x_desc("x [m]")
        .y_desc("y [m]")
        .x_label_formatter(&label)
        .y_label_formatter(&label)
        .label_style(FONT)
        .draw()?;
    let edge = |offset: f64| line.iter().map(|&(place, _)| beside(&line, place, offset)).collect::<Vec<_>>();
    let half = params.width + CAR;
    let road: Vec<_> = edge(half).into_iter().chain(edge(-half).into_iter().rev()).collect();
    chart.draw_series(std::iter::once(Polygon::new(road, GRAY.mix(0.3).filled())))?;
    for offset in [half, -half] {
        chart.draw_series(LineSeries::new(edge(offset), BLACK))?;
    }
    chart
        .draw_series(DashedLineSeries::new(edge(0.0), 6, 4, RED.into()))?
        .label("centerline, from the table")
        .legend(|(x, y)| PathElement::new([(x, y), (x + 20, y)], RED));
    let path: Vec<(f64, f64)> = states.iter().map(|x| beside(&line, x.place, x.offset)).collect();
    chart.draw_series(LineSeries::new(path.iter().copied(), BLUE.stroke_width(2)))?;
    chart
        .draw_series(path.iter().map(|&point| Circle::new(point, 2, BLUE.filled())))?
        .label("car, at equal times")
        .legend(|(x, y)| Circle::new((x + 10, y), 2, BLUE.filled()));
    chart
        .configure_series_labels()
        .label_font(FONT)
        .border_style(BLACK)
        .background_style(WHITE)
        .position(UpperRight)
        .draw()?;
    Ok(())
}
