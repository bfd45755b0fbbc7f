//! Tables and the picture.

use crate::chart::{Mark, Panel, Series, draw};
use crate::table::{Markdown, median, number};
use crate::{Context, Failure};

use super::flow::Method;
use super::stiffness::TimeRow;
use super::{AHEAD, DOPRI5, Row, System};

pub(super) fn report(rows: &[Row], times: &[TimeRow]) -> String {
    let mut text = format!(
        "Mean squared errors, medians over seeds (least to largest): of predictions over {AHEAD} points of the training data, and of \
         the validation and the test trajectories, each predicted as a whole from its first point. Times are microseconds a step of \
         the training.\n\n"
    );
    let mut table = Markdown::new(&[
        "flow",
        "method",
        "seeds",
        "epochs",
        "training",
        "validation",
        "test",
        "refused steps",
        "forward [us]",
        "backward [us]",
        "training time [s]",
    ]);
    for system in [System::Spiral, System::SmallVanDerPol, System::VanDerPol] {
        for method in Method::ALL.map(Method::name).into_iter().chain([DOPRI5]) {
            let of: Vec<&Row> = rows.iter().filter(|row| row.system == system && row.method == method).collect();
            let Some(first) = of.first() else { continue };
            let middle = |value: fn(&Row) -> f64| median(of.iter().map(|row| value(row)));
            let range = |value: fn(&Row) -> f64| {
                let least = of.iter().map(|row| value(row)).fold(f64::INFINITY, f64::min);
                let most = of.iter().map(|row| value(row)).fold(0.0, f64::max);
                format!("{} ({} to {})", number(middle(value)), number(least), number(most))
            };
            let refused: usize = of.iter().map(|row| row.refused).sum();
            table.row(&[
                system.name().to_owned(),
                method.to_owned(),
                of.len().to_string(),
                first.epochs.to_string(),
                range(|row| row.train),
                range(|row| row.validation),
                range(|row| row.test),
                refused.to_string(),
                number(middle(|row| row.forward)),
                number(middle(|row| row.backward)),
                number(middle(|row| row.seconds)),
            ]);
        }
    }
    text += &table.text();
    text + &stiffness(times)
}

fn stiffness(times: &[TimeRow]) -> String {
    let mut table = Markdown::new(&[
        "stiffness",
        "Newton steps",
        "forward [us]",
        "backward, dense [us]",
        "conjugate gradients [us]",
        "adjoint equation [us]",
        "difference, conjugate gradients",
        "difference, adjoint equation",
        "explicit, forward [us]",
    ]);
    for row in times {
        let mut cells = vec![number(row.stiffness), number(row.iterations)];
        cells.extend([row.forward, row.dense, row.conjugate_gradients, row.adjoint].map(number));
        cells.push(number(row.of_conjugate_gradients));
        cells.push(row.of_adjoint.map_or_else(|| "no solution".to_owned(), number));
        cells.push(row.explicit.map_or_else(|| "diverges".to_owned(), number));
        table.row(&cells);
    }
    format!(
        "\nVan der Pol's oscillator itself, without a network: times a step of 0.1, over a hundred steps, and the relative difference \
         of the gradient of the last position in the stiffness from that by a factorization.\n\n{}",
        table.text()
    )
}

pub(super) fn picture(context: &Context, times: &[TimeRow]) -> Result<(), Failure> {
    let series = |name: &str, value: fn(&TimeRow) -> f64| Series {
        name: name.to_owned(),
        points: times.iter().enumerate().map(|(place, row)| (place as f64, value(row))).collect(),
        mark: Mark::Both,
    };
    let panel = Panel {
        title: "Van der Pol's oscillator: time of a step of 0.1".to_owned(),
        x: Some("stiffness"),
        y: "us",
        categories: times.iter().map(|row| number(row.stiffness)).collect(),
        series: vec![
            series("forward", |row| row.forward),
            series("backward, dense", |row| row.dense),
            series("backward, conjugate gradients", |row| row.conjugate_gradients),
            series("backward, adjoint equation", |row| row.adjoint),
        ],
    };
    draw(&context.path("neural-ode.svg"), 1, &[panel])
}
