//! Pictures of learned energies over `x` and `y`.

use std::path::Path;

use plotters::prelude::*;

use super::energy::energies;
use super::{Level, Prediction};
use crate::Failure;

/// The largest `y` that is shown; the least is minus this.
const REACH: f64 = 7.0;

/// Shades of a picture.
const SHADES: usize = 12;

/// Energies on a grid of `count` numbers in each direction, scaled to those of each `x`.
pub(super) fn levels(learner: &str, weights: &[f64], count: usize) -> Vec<Level> {
    let part = |k: usize| k as f64 / (count - 1) as f64;
    let ys: Vec<f64> = (0..count).map(|k| REACH * (2.0 * part(k) - 1.0)).collect();
    let mut rows = Vec::new();
    for x in (0..count).map(|k| std::f64::consts::TAU * part(k)) {
        let energies = energies(weights, x, &ys);
        let least = energies.iter().copied().fold(f64::INFINITY, f64::min);
        let most = energies.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let row = |(y, energy): (&f64, f64)| {
            // Five digits are enough for a picture.
            let energy = ((energy - least) / (most - least) * 1e5).round() / 1e5;
            Level { learner: learner.to_owned(), x, y: *y, energy }
        };
        rows.extend(ys.iter().zip(energies).map(row));
    }
    rows
}

/// The shade of an energy: logarithmic, so that the ground of a valley can be seen, as published.
fn shade(energy: f64) -> usize {
    let depth = (energy + 1e-4).log10() / -4.0;
    ((1.0 - depth).clamp(0.0, 1.0) * (SHADES - 1) as f64).round() as usize
}

/// Draws the energies of the learners with the predictions and the function that is learned.
pub(super) fn draw(path: &Path, levels: &[Level], predictions: &[Prediction]) -> Result<(), Failure> {
    let mut learners: Vec<&str> = levels.iter().map(|level| level.learner.as_str()).collect();
    learners.dedup();
    if learners.is_empty() {
        return Ok(());
    }
    let area = SVGBackend::new(path, (560 * learners.len() as u32, 440)).into_drawing_area();
    let result = area.fill(&WHITE).map_err(Failure::from).and_then(|()| {
        for (area, learner) in area.split_evenly((1, learners.len())).iter().zip(&learners) {
            let levels: Vec<&Level> = levels.iter().filter(|level| level.learner == *learner).collect();
            let of = predictions.iter().filter(|row| row.learner == *learner && row.seed == 0);
            panel(area, learner, &levels, &of.collect::<Vec<_>>())?;
        }
        area.present().map_err(Failure::from)
    });
    result.map_err(|error| format!("cannot draw {}: {error}", path.display()).into())
}

fn panel(
    area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    title: &str,
    levels: &[&Level],
    predictions: &[&Prediction],
) -> Result<(), Failure> {
    let font = ("sans-serif", 14);
    let mut chart = ChartBuilder::on(area)
        .caption(format!("Energy, {title}"), font)
        .margin(10)
        .margin_right(24)
        .x_label_area_size(40)
        .y_label_area_size(50)
        .build_cartesian_2d(0.0..std::f64::consts::TAU, -REACH..REACH)?;
    let side = (levels.len() as f64).sqrt() - 1.0;
    let (half_x, half_y) = (std::f64::consts::PI / side, REACH / side);
    // One rectangle for neighbors of one shade keeps the file small.
    let same = |a: &&Level, b: &&Level| a.x == b.x && shade(a.energy) == shade(b.energy);
    let cells = levels.chunk_by(same).filter_map(|cells| {
        let (first, last) = (cells.first()?, cells.last()?);
        let gray = 1.0 - shade(first.energy) as f64 / (SHADES - 1) as f64;
        let color = RGBColor(255 - (200.0 * (1.0 - gray)) as u8, 255 - (150.0 * (1.0 - gray)) as u8, 255);
        let corners = [(first.x - half_x, first.y - half_y), (last.x + half_x, last.y + half_y)];
        Some(Rectangle::new(corners, color.filled()))
    });
    chart.draw_series(cells)?;
    let x = |y: &f64| format!("{y:.0}");
    chart.configure_mesh().disable_mesh().label_style(font).x_desc("x").y_desc("y").x_label_formatter(&x).draw()?;
    let target = predictions.iter().map(|row| (row.x, row.target));
    chart
        .draw_series(LineSeries::new(target, BLACK.stroke_width(2)))?
        .label("x sin x")
        .legend(|(x, y)| PathElement::new(vec![(x, y), (x + 20, y)], BLACK.stroke_width(2)));
    let orange = RGBColor(213, 94, 0);
    let predicted = predictions.iter().map(|row| Circle::new((row.x, row.prediction), 2, orange.filled()));
    chart
        .draw_series(predicted)?
        .label("prediction")
        .legend(move |(x, y)| Circle::new((x + 10, y), 3, orange.filled()));
    let green = RGBColor(0, 120, 60);
    let minimum = |row: &&Prediction| {
        let y = row.minimum.filter(|y| y.abs() <= REACH)?;
        Some(Cross::new((row.x, y), 2, green.stroke_width(1)))
    };
    chart
        .draw_series(predictions.iter().filter_map(minimum))?
        .label("local minimum beside it")
        .legend(move |(x, y)| Cross::new((x + 10, y), 3, green.stroke_width(1)));
    chart
        .configure_series_labels()
        .label_font(font)
        .border_style(BLACK.mix(0.3))
        .background_style(WHITE)
        .position(SeriesLabelPosition::LowerLeft)
        .draw()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dcem::energy::initial_weights;

    /// Every `x` has an energy of 0 and one of 1, and these have the lightest and the darkest shade.
    #[test]
    fn scaled_levels() {
        let levels = levels("one", &initial_weights(1), 6);
        assert_eq!(levels.len(), 36);
        for of_x in levels.chunks(6) {
            assert!(of_x.iter().all(|level| level.x == of_x[0].x && (0.0..=1.0).contains(&level.energy)));
            let mut shades: Vec<usize> = of_x.iter().map(|level| shade(level.energy)).collect();
            shades.sort_unstable();
            assert_eq!((shades[0], shades[5]), (0, SHADES - 1));
        }
        assert_eq!((levels[0].y, levels[5].y), (-REACH, REACH));
    }
}
