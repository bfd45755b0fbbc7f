//! Pictures: panels of lines or points over a logarithmic axis, as SVG.

use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;

use crate::Failure;

/// Width and height of a panel.
const SIZE: (u32, u32) = (560, 440);

const FONT: (&str, i32) = ("sans-serif", 14);

/// Distinguishable with every kind of color vision (Okabe and Ito).
const COLORS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
    RGBColor(60, 60, 60),
];

/// The style of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    Line,
    /// A line with its points.
    Both,
    Points,
}

/// Values with a name; those on the vertical axis are positive.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
    pub(crate) mark: Mark,
}

/// One pair of axes.
#[derive(Clone, Debug)]
pub(crate) struct Panel {
    pub(crate) title: String,
    /// Name of the horizontal axis.
    pub(crate) x: Option<&'static str>,
    /// Name of the vertical axis, which is logarithmic.
    pub(crate) y: &'static str,
    /// Names in place of numbers 0, 1, .. on the horizontal axis.
    pub(crate) categories: Vec<String>,
    pub(crate) series: Vec<Series>,
}

/// Draws panels, with the given number in a row. Values that are not finite are left out.
pub(crate) fn draw(path: &Path, columns: usize, panels: &[Panel]) -> Result<(), Failure> {
    let panels: Vec<_> =
        panels.iter().filter(|panel| panel.series.iter().any(|series| !series.points.is_empty())).collect();
    if panels.is_empty() {
        return Ok(());
    }
    let columns = columns.min(panels.len());
    let rows = panels.len().div_ceil(columns);
    let area = SVGBackend::new(path, (SIZE.0 * columns as u32, SIZE.1 * rows as u32)).into_drawing_area();
    let result = area.fill(&WHITE).map_err(Failure::from).and_then(|()| {
        for (area, panel) in area.split_evenly((rows, columns)).iter().zip(&panels) {
            plot(area, panel)?;
        }
        area.present().map_err(Failure::from)
    });
    result.map_err(|error| format!("cannot draw {}: {error}", path.display()).into())
}

fn plot(area: &DrawingArea<SVGBackend<'_>, Shift>, panel: &Panel) -> Result<(), Failure> {
    let sound = |&&(x, y): &&(f64, f64)| x.is_finite() && y.is_finite() && y > 0.0;
    let all = || panel.series.iter().flat_map(|series| &series.points).filter(sound);
    let low = all().map(|point| point.1).fold(f64::INFINITY, f64::min);
    let high = all().map(|point| point.1).fold(0.0, f64::max);
    let (mut left, mut right) = (
        all().map(|point| point.0).fold(f64::INFINITY, f64::min),
        all().map(|point| point.0).fold(f64::NEG_INFINITY, f64::max),
    );
    if !panel.categories.is_empty() {
        (left, right) = (-0.6, panel.categories.len() as f64 - 0.4);
    }
    // Room above what is shown for the legend, a line of it being 17 of the axis's 300 pixels.
    let low = low / 2.0;
    let taken = (0.06 * panel.series.len() as f64 + 0.1).min(0.7);
    let top = low * (2.0 * high / low).powf(1.0 / (1.0 - taken));
    let mut chart = ChartBuilder::on(area)
        .caption(&panel.title, FONT)
        .margin(10)
        .margin_right(24)
        .x_label_area_size(if panel.categories.is_empty() { 40 } else { 110 })
        .y_label_area_size(70)
        .build_cartesian_2d(left..right.max(left + 1e-9), (low..top).log_scale())?;
    let exponent = |y: &f64| format!("{y:.0e}");
    let mut mesh = chart.configure_mesh();
    let whole = |x: &f64| format!("{x:.0}");
    mesh.max_light_lines(0)
        .label_style(FONT)
        .x_label_formatter(&whole)
        .y_desc(panel.y)
        .y_label_formatter(&exponent)
        .y_labels(8);
    if let Some(x) = panel.x {
        mesh.x_desc(x);
    }
    if panel.categories.is_empty() {
        mesh.draw()?;
    } else {
        // The names stand upright, below the axis and not where plotters would put numbers.
        mesh.disable_x_mesh().x_labels(0).draw()?;
        let upright = FONT.into_font().transform(FontTransform::Rotate270).into_text_style(area).pos(
            plotters::style::text_anchor::Pos::new(
                plotters::style::text_anchor::HPos::Right,
                plotters::style::text_anchor::VPos::Center,
            ),
        );
        for (place, name) in panel.categories.iter().enumerate() {
            let (x, y) = chart.backend_coord(&(place as f64, low));
            let (left, top) = area.get_base_pixel();
            area.draw(&Text::new(name.clone(), (x - left, y - top + 4), upright.clone()))?;
        }
    }
    for (index, series) in panel.series.iter().enumerate() {
        let color = COLORS[index % COLORS.len()];
        let points: Vec<_> = series.points.iter().filter(sound).copied().collect();
        let dots = points.iter().map(|&point| Circle::new(point, 3, color.filled()));
        match series.mark {
            Mark::Points => {
                chart
                    .draw_series(dots)?
                    .label(&series.name)
                    .legend(move |(x, y)| Circle::new((x + 10, y), 3, color.filled()));
            }
            Mark::Line | Mark::Both => {
                if series.mark == Mark::Both {
                    chart.draw_series(dots)?;
                }
                chart
                    .draw_series(LineSeries::new(points, color.stroke_width(2)))?
                    .label(&series.name)
                    .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 20, y)], color.stroke_width(2)));
            }
        }
    }
    chart
        .configure_series_labels()
        .label_font(FONT)
        .border_style(BLACK.mix(0.3))
        .background_style(WHITE)
        .position(SeriesLabelPosition::UpperRight)
        .draw()?;
    Ok(())
}
