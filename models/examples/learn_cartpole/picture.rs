//! Pictures of a fit, as SVG.

use std::path::{Path, PathBuf};

use plotters::coord::Shift;
use plotters::prelude::*;

use crate::Losses;
use crate::demonstrations::Demonstration;
use crate::fit::Solution;

const SIZE: (u32, u32) = (800, 480);
const FONT: (&str, i32) = ("sans-serif", 15);
// Blue, vermilion and gray can be distinguished in print and with every kind of color vision.
const BLUE: RGBColor = RGBColor(0, 114, 178);
const RED: RGBColor = RGBColor(213, 94, 0);
const GRAY: RGBColor = RGBColor(150, 150, 150);

/// A picture that could not be drawn.
#[derive(Debug, thiserror::Error)]
#[error("cannot draw {}", .path.display())]
pub(crate) struct DrawError {
    path: PathBuf,
    source: Cause,
}

type Cause = Box<dyn std::error::Error + Send + Sync>;
type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// The losses over the steps, on a logarithmic scale.
pub(crate) fn losses(path: &Path, losses: &[Losses]) -> Result<(), DrawError> {
    draw(path, |area| {
        let values = || losses.iter().flat_map(|losses| [losses.fitted, losses.held_out]);
        // A loss of exactly zero has no logarithm; draw it where rounding would have put it.
        let shown = |loss: f64| loss.max(1e-32);
        let low = values().map(shown).fold(f64::INFINITY, f64::min) / 10.0;
        let high = values().map(shown).fold(0.0, f64::max) * 10.0;
        let last = losses.last().map_or(0, |losses| losses.step).max(1);
        let mut chart = ChartBuilder::on(area)
            .caption("Mean squared error of the forces", FONT)
            .margin(12)
            .x_label_area_size(40)
            .y_label_area_size(70)
            .build_cartesian_2d(0..last, (low..high).log_scale())?;
        chart
            .configure_mesh()
            .max_light_lines(1)
            .x_desc("step")
            .y_desc("N²")
            .label_style(FONT)
            .y_label_formatter(&|loss| format!("{loss:.0e}"))
            .draw()?;
        type Loss = fn(&Losses) -> f64;
        let lines: [(&str, RGBColor, Loss); 2] =
            [("fitted", BLUE, |losses| losses.fitted), ("held out", RED, |losses| losses.held_out)];
        for (name, color, loss) in lines {
            let points = losses.iter().map(|losses| (losses.step, shown(loss(losses))));
            chart
                .draw_series(LineSeries::new(points, color.stroke_width(2)).point_size(3))?
                .label(name)
                .legend(key(color));
        }
        chart
            .configure_series_labels()
            .label_font(FONT)
            .border_style(BLACK)
            .background_style(WHITE)
            .position(SeriesLabelPosition::UpperRight)
            .draw()?;
        Ok(())
    })
}

/// Force and angle of one trajectory: at the parameters before and after learning, and the expert's.
pub(crate) fn trajectory(
    path: &Path,
    expert: &Demonstration,
    before: &Solution,
    after: &Solution,
) -> Result<(), DrawError> {
    draw(path, |area| {
        let (left, right) = area.split_horizontally(SIZE.0 / 2);
        let forces = |solution: &Solution| solution.controls.iter().map(|u| u[0]).collect::<Vec<_>>();
        panel(
            &left,
            &format!("Trajectory {}, held out: force [N]", expert.trajectory),
            [&forces(before), &forces(after), &expert.forces],
        )?;
        let angles = |solution: &Solution| solution.states.iter().map(|x| x[2]).collect::<Vec<_>>();
        let expert: Vec<_> = expert.states.iter().map(|x| x.angle).collect();
        panel(&right, "angle from upright [rad]", [&angles(before), &angles(after), &expert])
    })
}

/// One quantity over the steps: before, after, and the expert's.
fn panel(area: &Area<'_>, title: &str, [before, after, expert]: [&[f64]; 3]) -> Result<(), Cause> {
    let values = || [before, after, expert].into_iter().flatten().copied();
    let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
    let margin = 0.05 * (high - low).max(1e-6);
    let mut chart = ChartBuilder::on(area)
        .caption(title, FONT)
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(50)
        .build_cartesian_2d(0..expert.len(), low - margin..high + margin)?;
    chart.configure_mesh().max_light_lines(1).x_desc("step").label_style(FONT).draw()?;
    let points = |values: &[f64]| values.iter().copied().enumerate().collect::<Vec<_>>();
    chart.draw_series(LineSeries::new(points(before), GRAY.stroke_width(2)))?.label("before").legend(key(GRAY));
    chart.draw_series(LineSeries::new(points(after), BLUE.stroke_width(2)))?.label("after").legend(key(BLUE));
    chart
        .draw_series(points(expert).into_iter().map(|point| Circle::new(point, 3, RED)))?
        .label("expert")
        .legend(|(x, y)| Circle::new((x + 10, y), 3, RED));
    chart
        .configure_series_labels()
        .label_font(FONT)
        .border_style(BLACK)
        .background_style(WHITE)
        .position(SeriesLabelPosition::UpperRight)
        .draw()?;
    Ok(())
}

/// The line beside a name in the legend.
fn key(color: RGBColor) -> impl Fn((i32, i32)) -> PathElement<(i32, i32)> {
    move |(x, y)| PathElement::new(vec![(x, y), (x + 20, y)], color.stroke_width(2))
}

/// Draws on a white sheet and writes the file.
fn draw(path: &Path, content: impl FnOnce(&Area<'_>) -> Result<(), Cause>) -> Result<(), DrawError> {
    let area = SVGBackend::new(path, SIZE).into_drawing_area();
    let result =
        area.fill(&WHITE).map_err(Cause::from).and_then(|()| content(&area)).and_then(|()| Ok(area.present()?));
    result.map_err(|source| DrawError { path: path.to_owned(), source })
}
