//! The picture of a gradient field: arrows of its direction over a map of its size.

use std::path::Path;

use plotters::prelude::*;

use crate::Failure;

const SIZE: (u32, u32) = (760, 520);

const FONT: (&str, i32) = ("sans-serif", 14);

/// Cells of the map, and arrows, along each axis.
const CELLS: [usize; 2] = [48, 32];
const ARROWS: [usize; 2] = [18, 12];

/// The gradient of a function of two numbers over a rectangle.
pub(crate) struct Field<'a> {
    pub(crate) title: &'a str,
    pub(crate) names: [&'a str; 2],
    pub(crate) low: [f64; 2],
    pub(crate) high: [f64; 2],
    /// `None` where there is no gradient; such places stay white.
    pub(crate) gradient: &'a mut dyn FnMut([f64; 2]) -> Option<[f64; 2]>,
}

impl Field<'_> {
    /// The center of a cell of a grid.
    fn place(&self, grid: [usize; 2], cell: [usize; 2]) -> [f64; 2] {
        core::array::from_fn(|k| self.low[k] + (self.high[k] - self.low[k]) * (cell[k] as f64 + 0.5) / grid[k] as f64)
    }

    /// The gradients at all cells of a grid.
    fn sample(&mut self, grid: [usize; 2]) -> Vec<([f64; 2], [f64; 2])> {
        let cells = (0..grid[0]).flat_map(|i| (0..grid[1]).map(move |j| [i, j]));
        cells
            .filter_map(|cell| {
                let place = self.place(grid, cell);
                (self.gradient)(place).map(|gradient| (place, gradient))
            })
            .collect()
    }
}

/// From dark blue over green to yellow; lightness grows with `part`, which is between 0 and 1.
fn color(part: f64) -> RGBColor {
    const STOPS: [[f64; 3]; 4] = [[68.0, 1.0, 84.0], [49.0, 104.0, 142.0], [53.0, 183.0, 121.0], [253.0, 231.0, 37.0]];
    let at = part.clamp(0.0, 1.0) * 3.0;
    let index = (at.floor() as usize).min(2);
    let mix = |k: usize| STOPS[index][k] + (at - index as f64) * (STOPS[index + 1][k] - STOPS[index][k]);
    RGBColor(mix(0) as u8, mix(1) as u8, mix(2) as u8)
}

/// Draws a field. Arrows point along the gradient, in units of the axes; colors are those of the logarithm of its norm.
pub(crate) fn draw(path: &Path, mut field: Field<'_>) -> Result<(), Failure> {
    let size = |gradient: &[f64; 2]| gradient[0].hypot(gradient[1]).log10();
    let (map, arrows) = (field.sample(CELLS), field.sample(ARROWS));
    let sizes = || map.iter().map(|(_, gradient)| size(gradient)).filter(|size| size.is_finite());
    let (least, most) = (sizes().fold(f64::INFINITY, f64::min), sizes().fold(f64::NEG_INFINITY, f64::max));
    let area = SVGBackend::new(path, SIZE).into_drawing_area();
    let result = area.fill(&WHITE).map_err(Failure::from).and_then(|()| {
        let (plot, legend) = area.split_horizontally(SIZE.0 - 110);
        plot_field(&plot, &field, (&map, &arrows), |gradient| color((size(gradient) - least) / (most - least)))?;
        draw_legend(&legend, (least, most))?;
        area.present().map_err(Failure::from)
    });
    result.map_err(|error| format!("cannot draw {}: {error}", path.display()).into())
}

type Area<'a, 'b> = DrawingArea<SVGBackend<'b>, plotters::coord::Shift>;

type Samples<'a> = &'a [([f64; 2], [f64; 2])];

fn plot_field(
    area: &Area<'_, '_>,
    field: &Field<'_>,
    (map, arrows): (Samples<'_>, Samples<'_>),
    color: impl Fn(&[f64; 2]) -> RGBColor,
) -> Result<(), Failure> {
    let (low, high) = (field.low, field.high);
    let mut chart = ChartBuilder::on(area)
        .caption(field.title, FONT)
        .margin(10)
        .x_label_area_size(40)
        .y_label_area_size(60)
        .build_cartesian_2d(low[0]..high[0], low[1]..high[1])?;
    chart.configure_mesh().disable_mesh().label_style(FONT).x_desc(field.names[0]).y_desc(field.names[1]).draw()?;
    let half = |k: usize, grid: [usize; 2]| 0.5 * (high[k] - low[k]) / grid[k] as f64;
    chart.draw_series(map.iter().map(|(at, gradient)| {
        let corner = |sign: f64| (at[0] + sign * half(0, CELLS), at[1] + sign * half(1, CELLS));
        Rectangle::new([corner(-1.0), corner(1.0)], color(gradient).filled())
    }))?;
    for (at, gradient) in arrows {
        let size = gradient[0].hypot(gradient[1]);
        // In pixels, so that heads are as wide on both axes.
        let (x, y) = chart.backend_coord(&(at[0], at[1]));
        let (left, top) = area.get_base_pixel();
        let (x, y) = (f64::from(x - left), f64::from(y - top));
        let (dx, dy) = (11.0 * gradient[0] / size, -11.0 * gradient[1] / size);
        let point = |along: f64, across: f64| {
            ((x + along * dx - across * dy).round() as i32, (y + along * dy + across * dx).round() as i32)
        };
        let line = vec![point(-1.0, 0.0), point(1.0, 0.0), point(0.4, 0.35), point(1.0, 0.0), point(0.4, -0.35)];
        area.draw(&PathElement::new(line, WHITE.stroke_width(1)))?;
    }
    Ok(())
}

/// A bar of the colors, with norms beside it.
fn draw_legend(area: &Area<'_, '_>, (least, most): (f64, f64)) -> Result<(), Failure> {
    const STEPS: i32 = 40;
    let (top, height) = (40, SIZE.1 as i32 - 100);
    for step in 0..STEPS {
        let edge = |step: i32| top + height - height * step / STEPS;
        let part = f64::from(step) / f64::from(STEPS - 1);
        area.draw(&Rectangle::new([(10, edge(step + 1)), (28, edge(step))], color(part).filled()))?;
        if step % 13 == 0 {
            let norm = 10.0_f64.powf(least + part * (most - least));
            area.draw(&Text::new(format!("{norm:.2}"), (34, edge(step) - 12), FONT.into_font()))?;
        }
    }
    area.draw(&Text::new("norm", (10, top - 20), FONT.into_font())).map_err(Failure::from)
}
