//! Swings a rod up with a weak motor and holds it upright: a receding horizon of 500 steps with noise. Prints solves
//! per second and the largest violation of the torque limit, and draws `target/mpc/swing_up.svg`.

use std::error::Error;
use std::ops::Range;
use std::path::Path;
use std::time::Instant;

use dilqr_models::pendulum_limited::{self, Control, DT, Params, PendulumLimited, State};
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{Mpc, Settings, Status};
use plotters::coord::Shift;
use plotters::prelude::*;

const STEPS: usize = 500;
const HORIZON: usize = 40;
const FONT: (&str, i32) = ("sans-serif", 15);
const BLUE: RGBColor = RGBColor(0, 114, 178);
const RED: RGBColor = RGBColor(213, 94, 0);

fn main() -> Result<(), Box<dyn Error>> {
    let params = Params::default();
    // The plant is a tenth heavier than the model, and noise acts on it.
    let plant = Params { mass: 1.1 * params.mass, ..params };
    let mut noise = Noise(1);
    let settings = Settings { max_iterations: 10, ..Settings::default() };
    let mut mpc = Mpc::new(PendulumLimited, params, HORIZON, settings)?;

    let mut x = State { theta: std::f64::consts::PI, omega: 0.0 };
    let (mut angles, mut torques) = (vec![x.theta], Vec::new());
    let (mut converged, mut seconds, mut worst) = (0, 0.0, 0.0_f64);
    for _ in 0..STEPS {
        let measured = SVector::from([x.theta + 0.002 * noise.draw(), x.omega + 0.01 * noise.draw()]);
        let begin = Instant::now();
        let step = mpc.step(&measured)?;
        seconds += begin.elapsed().as_secs_f64();
        let u = Control::from(step.control);
        converged += usize::from(step.status == Status::Converged);
        worst = worst.max(u.torque.abs() - params.limit);
        x = pendulum_limited::dynamics(x, u, plant);
        x.omega += 0.02 * noise.draw();
        angles.push(x.theta);
        torques.push(u.torque);
    }
    let turns = (x.theta / std::f64::consts::TAU).round() * std::f64::consts::TAU;
    println!("steps={STEPS} converged={converged} solves_per_second={:.0}", STEPS as f64 / seconds);
    println!("worst_violation={:.1e}", worst.max(0.0));
    println!("final angle_from_upright={:.3} rate={:.3}", x.theta - turns, x.omega);

    let folder = Path::new("target/mpc");
    std::fs::create_dir_all(folder)?;
    draw(&folder.join("swing_up.svg"), &angles, &torques, params.limit)?;
    println!("picture={}", folder.join("swing_up.svg").display());
    Ok(())
}

/// Uniform numbers between -1 and 1, the same in every run: a multiplicative congruential generator (Park and Miller
/// 1988).
struct Noise(u64);

impl Noise {
    fn draw(&mut self) -> f64 {
        self.0 = self.0 * 48_271 % 2_147_483_647;
        self.0 as f64 / 1_073_741_823.5 - 1.0
    }
}

fn draw(path: &Path, angles: &[f64], torques: &[f64], limit: f64) -> Result<(), Box<dyn Error>> {
    let area = SVGBackend::new(path, (900, 640)).into_drawing_area();
    area.fill(&WHITE)?;
    let (above, below) = area.split_vertically(320);
    let (low, high) = angles.iter().fold((0.0_f64, 0.0_f64), |(low, high), &a| (low.min(a), high.max(a)));
    panel(&above, "Angle from upright [rad]", angles, low - 0.5..high + 0.5, &[0.0])?;
    panel(&below, "Torque [N m], and its limits", torques, -1.3 * limit..1.3 * limit, &[-limit, limit])?;
    area.present()?;
    Ok(())
}

/// One quantity over time, with horizontal lines at the values in `marks`.
fn panel(
    area: &DrawingArea<SVGBackend<'_>, Shift>,
    title: &str,
    values: &[f64],
    range: Range<f64>,
    marks: &[f64],
) -> Result<(), Box<dyn Error>> {
    let end = values.len() as f64 * DT;
    let mut chart = ChartBuilder::on(area)
        .caption(title, FONT)
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(50)
        .build_cartesian_2d(0.0..end, range)?;
    chart.configure_mesh().max_light_lines(1).x_desc("time [s]").label_style(FONT).draw()?;
    for &mark in marks {
        chart.draw_series(LineSeries::new([(0.0, mark), (end, mark)], RED.stroke_width(1)))?;
    }
    let points = values.iter().enumerate().map(|(t, &value)| (t as f64 * DT, value));
    chart.draw_series(LineSeries::new(points, BLUE.stroke_width(2)))?;
    Ok(())
}
