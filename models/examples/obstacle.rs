//! Drives a unicycle between three discs. Prints the statistics and the derivative in the radius of the middle disc,
//! exact and by a central difference. Draws the path to `target/obstacle/way.svg`.

use std::error::Error;
use std::path::Path;

use dilqr_models::unicycle_obstacles::{OBSTACLES, Params, Problem, State, UnicycleObstacles};
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{Ilqr, LossGradient, Settings, Status};
use plotters::prelude::*;

const HORIZON: usize = 60;
const FONT: (&str, i32) = ("sans-serif", 15);
const BLUE: RGBColor = RGBColor(0, 114, 178);
const RED: RGBColor = RGBColor(213, 94, 0);

fn main() -> Result<(), Box<dyn Error>> {
    let settings = Settings { tolerance: 1e-11, ..Settings::default() };
    let mut solver = Ilqr::new(UnicycleObstacles, HORIZON, settings)?;
    // Start with a left bend: a local method does not choose the side of an obstacle.
    let guess: Vec<[f64; 2]> = (0..HORIZON).map(|t| [0.7, if t < 8 { 0.8 } else { -0.15 }]).collect();
    let problem = |params: Params| Problem::new([0.0, 0.0, 0.0], params, HORIZON).with_controls(&guess);
    let params = Params::default();
    let solution = solver.solve(&problem(params))?;
    if solution.status != Status::Converged {
        return Err(format!("not solved: {}", solution.status).into());
    }
    let certificate = solution.certificate();
    println!(
        "status={} iterations={} newton_steps={} violation={:.1e} stationarity={:.1e}",
        solution.status,
        solution.stats.iterations,
        solution.stats.newton_steps,
        certificate.violation,
        certificate.stationarity,
    );
    println!("active_limits={} margin={:.1e}", certificate.active.len(), certificate.margin);

    // Derivative of the final position along the first axis in the radius of the middle disc.
    let mut loss = LossGradient::zeros(HORIZON);
    loss.states[HORIZON][0] = 1.0;
    let gradient = Params::from(solver.vjp(&solution, &loss)?.params);
    let h = 1e-5;
    let mut end = |radius: f64| -> Result<f64, Box<dyn Error>> {
        let mut params = params;
        params.radius[1] = radius;
        let moved = solver.solve(&problem(params).with_warm_start(&UnicycleObstacles, &solution))?;
        Ok(moved.states[HORIZON][0])
    };
    let difference = (end(params.radius[1] + h)? - end(params.radius[1] - h)?) / (2.0 * h);
    println!("d end / d radius={:.9} by_difference={difference:.9}", gradient.radius[1]);

    let folder = Path::new("target/obstacle");
    std::fs::create_dir_all(folder)?;
    draw(&folder.join("way.svg"), &params, &solution.states)?;
    println!("picture={}", folder.join("way.svg").display());
    Ok(())
}

/// The path of the vehicle's center between the obstacles, and the vehicle at every sixth stage.
fn draw(path: &Path, params: &Params, states: &[SVector<f64, 3>]) -> Result<(), Box<dyn Error>> {
    let area = SVGBackend::new(path, (900, 460)).into_drawing_area();
    area.fill(&WHITE)?;
    // The same scale on both axes.
    let mut chart = ChartBuilder::on(&area)
        .caption("Between the discs", FONT)
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(50)
        .build_cartesian_2d(-0.4..4.4_f64, -0.75..1.42_f64)?;
    chart.configure_mesh().max_light_lines(1).x_desc("x [m]").y_desc("y [m]").label_style(FONT).draw()?;
    let circle = |x: f64, y: f64, radius: f64| {
        (0..=90).map(move |i| {
            let angle = f64::from(i) / 90.0 * std::f64::consts::TAU;
            (x + radius * angle.cos(), y + radius * angle.sin())
        })
    };
    for i in 0..OBSTACLES {
        let disc: Vec<_> = circle(params.center_x[i], params.center_y[i], params.radius[i]).collect();
        let series = chart.draw_series(std::iter::once(Polygon::new(disc, RED.mix(0.35).filled())))?;
        if i == 0 {
            series
                .label("obstacle")
                .legend(|(x, y)| Rectangle::new([(x, y - 5), (x + 20, y + 5)], RED.mix(0.35).filled()));
        }
    }
    for x in states.iter().step_by(6).map(|&x| State::from(x)) {
        chart.draw_series(LineSeries::new(circle(x.x, x.y, params.vehicle), BLUE.mix(0.5)))?;
    }
    chart
        .draw_series(LineSeries::new(states.iter().map(|x| (x[0], x[1])), BLUE.stroke_width(2)))?
        .label("vehicle, every 0.6 s")
        .legend(|(x, y)| PathElement::new([(x, y), (x + 20, y)], BLUE.stroke_width(2)));
    chart
        .draw_series(std::iter::once(Cross::new((params.goal[0], params.goal[1]), 6, BLACK.stroke_width(2))))?
        .label("goal")
        .legend(|(x, y)| Cross::new((x + 10, y), 6, BLACK.stroke_width(2)));
    chart
        .configure_series_labels()
        .label_font(FONT)
        .border_style(BLACK)
        .background_style(WHITE)
        .position(SeriesLabelPosition::UpperRight)
        .draw()?;
    area.present()?;
    Ok(())
}
