//! Curves over logarithmic axes, as SVG.

use std::path::Path;

use plotters::prelude::*;

const SIZE: (u32, u32) = (640, 440);
const FONT: (&str, i32) = ("sans-serif", 15);
// Blue, vermilion, green, gray and mauve can be distinguished in print and with every kind of color vision.
const COLORS: [RGBColor; 5] =
    [RGBColor(0, 114, 178), RGBColor(213, 94, 0), RGBColor(0, 158, 115), RGBColor(90, 90, 90), RGBColor(204, 121, 167)];
const GRAY: RGBColor = RGBColor(170, 170, 170);

/// The contents of a picture.
pub(crate) struct Picture<'a> {
    pub(crate) title: &'a str,
    pub(crate) across: &'a str,
    pub(crate) up: &'a str,
    pub(crate) curves: Vec<Curve>,
    /// Exponent of a reference line through the middle of the first curve. `None` for no line.
    pub(crate) power: Option<f64>,
}

/// Points with a name.
pub(crate) struct Curve {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
}

impl Picture<'_> {
    /// The lower of two measurements, point by point: other programs only add time.
    #[must_use]
    pub(crate) fn least(mut self, other: &Self) -> Self {
        for (curve, other) in self.curves.iter_mut().zip(&other.curves) {
            for ((_, y), (_, other)) in curve.points.iter_mut().zip(&other.points) {
                *y = y.min(*other);
            }
        }
        self
    }

    /// Draws it.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub(crate) fn draw(&self, path: &Path) -> Result<(), Box<dyn std::error::Error>> {
        let points = || self.curves.iter().flat_map(|curve| curve.points.iter().copied());
        let range = |values: &mut dyn Iterator<Item = f64>| {
            values.fold((f64::INFINITY, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)))
        };
        let (left, right) = range(&mut points().map(|(x, _)| x));
        let (low, high) = range(&mut points().map(|(_, y)| y));
        // Room for the names of the curves.
        let room = 0.1 * (self.curves.len() + 1) as f64;
        let (low, high) = (low / 1.5, high * (high / low).powf(room).max(3.0));
        let area = SVGBackend::new(path, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&area)
            .caption(self.title, FONT)
            .margin(12)
            .margin_right(36)
            .x_label_area_size(45)
            .y_label_area_size(70)
            .build_cartesian_2d((left..right).log_scale(), (low..high).log_scale())?;
        let number = |value: &f64| {
            let rounded = (value * 1e3).round() / 1e3;
            format!("{rounded}")
        };
        chart
            .configure_mesh()
            .max_light_lines(1)
            .x_desc(self.across)
            .y_desc(self.up)
            .label_style(FONT)
            .x_label_formatter(&number)
            .y_label_formatter(&number)
            .draw()?;
        let middle = self.curves.first().and_then(|curve| curve.points.get(curve.points.len() / 2).copied());
        if let (Some(power), Some((x, y))) = (self.power, middle) {
            // From edge to edge of the frame.
            let [first, last] = [(low, left), (high, right)].map(|(level, side)| {
                let meets = x * (level / y).powf(1.0 / power);
                if side < x { meets.max(side) } else { meets.min(side) }
            });
            let line = [first, last].map(|end| (end, y * (end / x).powf(power)));
            let name = if power == 1.0 { "linear".to_owned() } else { format!("power {power}") };
            chart
                .draw_series(LineSeries::new(line, GRAY.stroke_width(1)))?
                .label(name)
                .legend(|(x, y)| PathElement::new(vec![(x, y), (x + 20, y)], GRAY.stroke_width(1)));
        }
        for (curve, color) in self.curves.iter().zip(COLORS) {
            chart
                .draw_series(LineSeries::new(curve.points.iter().copied(), color.stroke_width(2)).point_size(3))?
                .label(&curve.name)
                .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 20, y)], color.stroke_width(2)));
        }
        chart
            .configure_series_labels()
            .label_font(FONT)
            .border_style(BLACK)
            .background_style(WHITE)
            .position(SeriesLabelPosition::UpperLeft)
            .draw()?;
        area.present()?;
        Ok(())
    }
}
