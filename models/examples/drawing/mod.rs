//! Pictures of quantities over one axis, panel below panel, as SVG.
#![allow(dead_code, reason = "no example draws in every way")]

use std::error::Error;
use std::ops::Range;
use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;

pub(crate) const WIDTH: u32 = 900;
/// Height of a panel.
pub(crate) const HEIGHT: u32 = 320;
pub(crate) const FONT: (&str, i32) = ("sans-serif", 15);

// These can be distinguished in print and with every kind of color vision.
pub(crate) const BLUE: RGBColor = RGBColor(0, 114, 178);
pub(crate) const RED: RGBColor = RGBColor(213, 94, 0);
pub(crate) const GREEN: RGBColor = RGBColor(0, 158, 115);
pub(crate) const GRAY: RGBColor = RGBColor(150, 150, 150);

/// One quantity of a panel. Without a name it is not in the legend.
pub(crate) struct Series {
    name: &'static str,
    color: RGBColor,
    shape: Shape,
}

enum Shape {
    Line(Vec<(f64, f64)>),
    Dots(Vec<(f64, f64)>),
    /// The outline of an area.
    Area(Vec<(f64, f64)>),
}

impl Series {
    pub(crate) fn line(name: &'static str, color: RGBColor, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        Self { name, color, shape: Shape::Line(points.into_iter().collect()) }
    }

    pub(crate) fn dots(name: &'static str, color: RGBColor, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        Self { name, color, shape: Shape::Dots(points.into_iter().collect()) }
    }

    /// A quantity that is held from each place to the next; the places are one more than the values.
    pub(crate) fn steps(name: &'static str, color: RGBColor, places: &[f64], values: &[f64]) -> Self {
        let pairs = places.windows(2).zip(values);
        Self::line(name, color, pairs.flat_map(|(ends, &value)| [(ends[0], value), (ends[1], value)]))
    }

    /// All within a distance of a line: `(place, middle, distance)`.
    pub(crate) fn band(name: &'static str, color: RGBColor, points: &[(f64, f64, f64)]) -> Self {
        let above = points.iter().map(|&(place, middle, distance)| (place, middle + distance));
        let below = points.iter().rev().map(|&(place, middle, distance)| (place, middle - distance));
        Self { name, color, shape: Shape::Area(above.chain(below).collect()) }
    }

    fn points(&self) -> &[(f64, f64)] {
        match &self.shape {
            Shape::Line(points) | Shape::Dots(points) | Shape::Area(points) => points,
        }
    }
}

/// Several quantities with the same unit.
pub(crate) struct Panel {
    pub(crate) title: &'static str,
    /// Names of the axes, with units.
    pub(crate) axes: [&'static str; 2],
    pub(crate) legend: SeriesLabelPosition,
    /// Room for the legend above the quantities, in parts of their range.
    pub(crate) headroom: f64,
    /// What comes first is drawn first.
    pub(crate) series: Vec<Series>,
}

/// Draws the panels and returns the path of the picture. Its folder is created if it is missing.
pub(crate) fn draw(path: &'static str, panels: &[Panel]) -> Result<&'static str, Box<dyn Error>> {
    if let Some(folder) = Path::new(path).parent() {
        std::fs::create_dir_all(folder)?;
    }
    let count = panels.len();
    let area = SVGBackend::new(path, (WIDTH, HEIGHT * u32::try_from(count)?)).into_drawing_area();
    area.fill(&WHITE)?;
    for (area, panel) in area.split_evenly((count, 1)).iter().zip(panels) {
        draw_panel(area, panel)?;
    }
    area.present()?;
    Ok(path)
}

/// From the least to the greatest, with this part of the distance on either side.
fn range(values: impl Iterator<Item = f64>, margin: f64) -> Range<f64> {
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    let margin = margin * (high - low);
    low - margin..high + margin
}

/// Writes the numbers of an axis: all with the same decimals, and zero without a sign.
fn label(range: &Range<f64>) -> impl Fn(&f64) -> String + use<> {
    // The twelfth part or more lies between two labels: 1, 2 or 5 times a power of ten.
    let decimals = (-((range.end - range.start) / 6.0).log10()).ceil().max(0.0) as usize;
    let unit = 10.0_f64.powi(decimals as i32);
    move |value| format!("{:.decimals$}", (value * unit).round() / unit + 0.0)
}

/// Draws one panel on an area.
pub(crate) fn draw_panel(area: &DrawingArea<SVGBackend<'_>, Shift>, panel: &Panel) -> Result<(), Box<dyn Error>> {
    let points = || panel.series.iter().flat_map(|series| series.points().iter().copied());
    let (across, mut up) = (range(points().map(|point| point.0), 0.0), range(points().map(|point| point.1), 0.08));
    up.end += panel.headroom * (up.end - up.start);
    let mut chart = ChartBuilder::on(area)
        .caption(panel.title, FONT)
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(60)
        .build_cartesian_2d(across.clone(), up.clone())?;
    chart
        .configure_mesh()
        .max_light_lines(1)
        .x_desc(panel.axes[0])
        .y_desc(panel.axes[1])
        .x_label_formatter(&label(&across))
        .y_label_formatter(&label(&up))
        .label_style(FONT)
        .draw()?;
    for Series { name, color, shape } in &panel.series {
        let color = *color;
        let drawn = match shape {
            Shape::Line(points) => chart.draw_series(LineSeries::new(points.iter().copied(), color.stroke_width(2)))?,
            Shape::Dots(points) => {
                chart.draw_series(points.iter().map(|&point| Circle::new(point, 2, color.filled())))?
            }
            Shape::Area(points) => {
                chart.draw_series(std::iter::once(Polygon::new(points.clone(), color.mix(0.25).filled())))?
            }
        };
        if name.is_empty() {
            continue;
        }
        drawn.label(*name);
        match shape {
            Shape::Line(_) => {
                drawn.legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], color.stroke_width(2)))
            }
            Shape::Dots(_) => drawn.legend(move |(x, y)| Circle::new((x + 10, y), 2, color.filled())),
            Shape::Area(_) => {
                drawn.legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 20, y + 5)], color.mix(0.25).filled()))
            }
        };
    }
    if panel.series.len() > 1 {
        chart
            .configure_series_labels()
            .label_font(FONT)
            .border_style(BLACK)
            .background_style(WHITE.mix(0.85))
            .position(panel.legend.clone())
            .draw()?;
    }
    Ok(())
}
