//! Tables and pictures.

use crate::chart::{Mark, Panel, Series, draw};
use crate::table::{Markdown, median, number, write as write_file};
use crate::{Context, Failure};

use super::safe::Strategy;
use super::{BarrierRow, PlanRow, Row, TimeRow, published};

const SYSTEMS: [&str; 4] = ["cart-pole", "arm", "quadrotor", "rocket"];

pub(super) fn write(
    context: &Context,
    (rows, barriers): (&[Row], &[BarrierRow]),
    (plans, times): (&[PlanRow], &[TimeRow]),
) -> Result<(), Failure> {
    let parts = [
        ("Inverse optimal control, from the published starts: ours / published", inverse(rows)),
        ("Gauss-Newton from the same starts", gauss_newton(rows, "inverse")),
        ("Identification, medians of the learners", identification(rows)),
        ("Gauss-Newton from the same starts", gauss_newton(rows, "identification")),
        ("Learning with limits, from the published starts: ours / published", limits(rows)),
        ("Barriers beside limits, medians of the points", approach(barriers)),
        ("Plans at the true parameters", planning(plans)),
        ("Times of one gradient [us]", duration(times)),
    ];
    let text: Vec<String> = parts.into_iter().map(|(title, table)| format!("{title}.\n\n{table}")).collect();
    write_file(&context.path("pdp.md"), &text.join("\n"))?;
    let mut panels: Vec<Panel> = SYSTEMS.iter().map(|system| inverse_panel(rows, system)).collect();
    panels.extend(SYSTEMS.iter().map(|system| limits_panel(rows, system)));
    panels.push(approach_panel(barriers));
    panels.extend(["cart-pole", "quadrotor"].map(|system| times_panel(times, system)));
    draw(&context.path("pdp.svg"), 4, &panels)
}

/// The rows of a learner, by steps.
fn curve<'a>(
    rows: &'a [Row],
    (task, system, method): (&'a str, &'a str, &'a str),
    trial: usize,
) -> impl Iterator<Item = &'a Row> + Clone {
    rows.iter().filter(move |row| {
        (row.task.as_str(), row.system.as_str(), row.method.as_str(), row.trial) == (task, system, method, trial)
    })
}

/// The numbers of the learners of a task.
fn trials(rows: &[Row], (task, system, method): (&str, &str, &str)) -> Vec<usize> {
    let of = rows
        .iter()
        .filter(|row| (row.task.as_str(), row.system.as_str(), row.method.as_str()) == (task, system, method));
    let mut trials: Vec<usize> = of.map(|row| row.trial).collect();
    trials.dedup();
    trials
}

/// Ours and the published one, where both exist.
fn pair(row: Option<&Row>) -> String {
    match row {
        Some(Row { loss, published: Some(published), .. }) => format!("{} / {}", number(*loss), number(*published)),
        Some(row) => number(row.loss),
        None => "-".to_owned(),
    }
}

/// The largest of some differences; `-` without one.
fn largest(values: impl Iterator<Item = Option<f64>>) -> String {
    values.flatten().reduce(f64::max).map_or_else(|| "-".to_owned(), number)
}

fn inverse(rows: &[Row]) -> String {
    let steps = [1, 10, 100, 1000];
    let mut table = Markdown::new(&[
        "system",
        "learner",
        "loss at step 1",
        "10",
        "100",
        "1000",
        "last",
        "distance, first",
        "last",
        "largest difference from ours: PDP",
        "IDOC",
        "ms a step, ours / published",
    ]);
    for system in SYSTEMS {
        for trial in trials(rows, ("inverse", system, "gradient descent")) {
            let of = || curve(rows, ("inverse", system, "gradient descent"), trial);
            let (Some(first), Some(last)) = (of().next(), of().last()) else { continue };
            let mut cells = vec![system.to_owned(), trial.to_string()];
            cells.extend(steps.map(|step| pair(of().find(|row| row.step == step))));
            cells.extend([pair(Some(last)), number(first.distance), number(last.distance)]);
            cells.extend([largest(of().map(|row| row.pdp)), largest(of().map(|row| row.idoc))]);
            let published = published::seconds(system, trial).map_or_else(|| "-".to_owned(), |s| number(1e3 * s));
            cells.push(format!("{} / {published}", number(1e3 * last.seconds / last.step as f64)));
            table.row(&cells);
        }
    }
    table.text()
}

fn gauss_newton(rows: &[Row], task: &str) -> String {
    let mut table =
        Markdown::new(&["system", "learner", "tried steps", "first loss", "last loss", "distance, last", "seconds"]);
    for system in SYSTEMS {
        for trial in trials(rows, (task, system, "Gauss-Newton")) {
            let of = || curve(rows, (task, system, "Gauss-Newton"), trial);
            let (Some(first), Some(last)) = (of().next(), of().last()) else { continue };
            let mut cells = vec![system.to_owned(), trial.to_string(), (last.step - first.step).to_string()];
            cells.extend([first.loss, last.loss, last.distance, last.seconds].map(number));
            table.row(&cells);
        }
    }
    table.text()
}

fn identification(rows: &[Row]) -> String {
    let mut table = Markdown::new(&[
        "system",
        "learners",
        "lost",
        "loss at step 0",
        "100",
        "1000",
        "last",
        "least and most",
        "distance, first",
        "last",
        "largest difference of PDP's gradient from the adjoint's",
    ]);
    for system in SYSTEMS {
        let key = ("identification", system, "gradient descent");
        let trials = trials(rows, key);
        let lost = trials.iter().filter(|&&trial| curve(rows, key, trial).any(|row| row.unsolved > 0)).count();
        let at = |step: usize| {
            let of = trials.iter().filter_map(|&trial| curve(rows, key, trial).find(|row| row.step == step));
            number(median(of.map(|row| row.loss)))
        };
        let last = || trials.iter().filter_map(|&trial| curve(rows, key, trial).last()).filter(|row| row.unsolved == 0);
        let first = || trials.iter().filter_map(|&trial| curve(rows, key, trial).next());
        let losses = || last().map(|row| row.loss);
        let spread = (losses().fold(f64::INFINITY, f64::min), losses().fold(0.0, f64::max));
        let all = trials.iter().flat_map(|&trial| curve(rows, key, trial)).filter(|row| row.unsolved == 0);
        table.row(&[
            system.to_owned(),
            trials.len().to_string(),
            lost.to_string(),
            at(0),
            at(100),
            at(1000),
            number(median(losses())),
            format!("{} to {}", number(spread.0), number(spread.1)),
            number(median(first().map(|row| row.distance))),
            number(median(last().map(|row| row.distance))),
            largest(all.map(|row| row.pdp)),
        ]);
    }
    table.text()
}

fn limits(rows: &[Row]) -> String {
    let mut table = Markdown::new(&[
        "system",
        "trajectory and derivative",
        "loss at step 0",
        "5",
        "20",
        "last",
        "distance, first",
        "last",
        "steps without a gradient",
        "largest difference from ours: PDP",
        "IDOC",
        "median difference of central differences",
        "ms a step",
    ]);
    for system in SYSTEMS {
        for strategy in Strategy::ALL {
            let of = || curve(rows, ("limits", system, strategy.name()), 0);
            let (Some(first), Some(last)) = (of().next(), of().last()) else { continue };
            let mut cells = vec![system.to_owned(), strategy.name().to_owned()];
            cells.extend([0, 5, 20].map(|step| pair(of().find(|row| row.step == step))));
            cells.extend([pair(Some(last)), number(first.distance), number(last.distance), last.unsolved.to_string()]);
            cells.extend([largest(of().map(|row| row.pdp)), largest(of().map(|row| row.idoc))]);
            cells.push(number(median(of().filter_map(|row| row.central))));
            cells.push(number(1e3 * last.seconds / (last.step + 1) as f64));
            table.row(&cells);
        }
    }
    table.text()
}

/// Weights of barriers that occur, largest first.
fn weights(rows: &[BarrierRow]) -> Vec<f64> {
    let mut weights: Vec<f64> = rows.iter().map(|row| row.relaxation).filter(|weight| weight.is_finite()).collect();
    weights.sort_unstable_by(|a, b| b.total_cmp(a));
    weights.dedup();
    weights
}

fn approach(rows: &[BarrierRow]) -> String {
    let mut table = Markdown::new(&[
        "system",
        "weight",
        "points",
        "cosine with the exact gradient",
        "least",
        "relative difference",
        "largest",
        "largest difference of PDP's gradient from ours, with barriers",
        "of IDOC's, through limits",
        "of central differences, median",
        "active limits",
    ]);
    for system in SYSTEMS {
        for weight in weights(rows) {
            let of = || rows.iter().filter(|row| row.system == system && row.relaxation == weight);
            if of().next().is_none() {
                continue;
            }
            let cosines = || of().filter_map(|row| row.cosine);
            let differences = || of().filter_map(|row| row.difference);
            table.row(&[
                system.to_owned(),
                number(weight),
                cosines().count().to_string(),
                format!("{:.6}", median(cosines())),
                cosines().reduce(f64::min).map_or_else(|| "-".to_owned(), |least| format!("{least:.6}")),
                number(median(differences())),
                largest(of().map(|row| row.difference)),
                largest(of().map(|row| row.pdp)),
                largest(of().map(|row| row.idoc)),
                number(median(of().filter_map(|row| row.central))),
                number(median(of().map(|row| row.active as f64))),
            ]);
        }
    }
    table.text()
}

fn planning(rows: &[PlanRow]) -> String {
    let mut table = Markdown::new(&[
        "system",
        "weight of barriers",
        "cost",
        "above the optimum",
        "Safe-PDP's plan, above the optimum",
        "solve [ms]",
    ]);
    for row in rows {
        let best = rows.iter().find(|best| best.system == row.system && best.relaxation.is_none());
        let above = |cost: f64| best.map_or(f64::NAN, |best| cost / best.cost - 1.0);
        table.row(&[
            row.system.clone(),
            row.relaxation.map_or_else(|| "limits".to_owned(), number),
            format!("{:.5}", row.cost),
            number(above(row.cost)),
            row.published.map_or_else(|| "-".to_owned(), |cost| number(above(cost))),
            number(1e3 * row.seconds),
        ]);
    }
    table.text()
}

fn duration(rows: &[TimeRow]) -> String {
    let mut table = Markdown::new(&["system", "problem", "stages", "times"]);
    let mut last = None;
    for first in rows {
        let key = (&first.system, &first.problem, first.horizon);
        if last.replace(key) == Some(key) {
            continue;
        }
        let of = rows.iter().filter(|row| (&row.system, &row.problem, row.horizon) == key);
        let times: Vec<String> = of.map(|row| format!("{} {}", row.operation, number(1e6 * row.seconds))).collect();
        table.row(&[&first.system, &first.problem, &first.horizon.to_string(), &times.join("; ")]);
    }
    table.text()
}

/// A line of ours and points of the published ones, with the steps on the horizontal axis.
fn both<'a>(name: &str, of: impl Iterator<Item = &'a Row> + Clone, place: fn(usize) -> f64) -> [Series; 2] {
    let published = of.clone().filter_map(|row| Some((place(row.step), row.published?)));
    let series = |name: String, points, mark| Series { name, points, mark };
    [
        series(format!("{name}, published"), published.collect(), Mark::Points),
        series(name.to_owned(), of.map(|row| (place(row.step), row.loss)).collect(), Mark::Line),
    ]
}

fn inverse_panel(rows: &[Row], system: &str) -> Panel {
    let key = ("inverse", system, "gradient descent");
    let learners = trials(rows, key).into_iter().take(3);
    let place = |step: usize| (step as f64).log10();
    let series = learners.flat_map(|trial| both(&format!("learner {trial}"), curve(rows, key, trial), place));
    Panel {
        title: format!("{system}: inverse optimal control"),
        x: Some("power of ten of the step"),
        y: "loss",
        categories: Vec::new(),
        series: series.collect(),
    }
}

fn limits_panel(rows: &[Row], system: &str) -> Panel {
    let series = Strategy::ALL.into_iter().flat_map(|strategy| {
        both(strategy.name(), curve(rows, ("limits", system, strategy.name()), 0), |step| step as f64)
    });
    Panel {
        title: format!("{system}: learning with limits"),
        x: Some("step"),
        y: "loss",
        categories: Vec::new(),
        series: series.collect(),
    }
}

fn approach_panel(rows: &[BarrierRow]) -> Panel {
    let series = SYSTEMS.map(|system| {
        let at = |&weight: &f64| {
            let of = rows.iter().filter(|row| row.system == system && row.relaxation == weight);
            (weight.log10(), median(of.filter_map(|row| row.difference)))
        };
        Series { name: system.to_owned(), points: weights(rows).iter().map(at).collect(), mark: Mark::Both }
    });
    Panel {
        title: "gradient with barriers, from the exact one".to_owned(),
        x: Some("power of ten of the barriers' weight"),
        y: "median relative difference",
        categories: Vec::new(),
        series: series.into(),
    }
}

fn times_panel(rows: &[TimeRow], system: &str) -> Panel {
    let series = ["warm solve", "ours", "PDP", "IDOC"].map(|operation| {
        let of = rows.iter().filter(|row| row.system == system && row.problem == "free" && row.operation == operation);
        let points = of.map(|row| (row.horizon as f64, 1e6 * row.seconds)).collect();
        Series { name: operation.to_owned(), points, mark: Mark::Both }
    });
    Panel {
        title: format!("{system}: time of a gradient"),
        x: Some("stages"),
        y: "microseconds",
        categories: Vec::new(),
        series: series.into(),
    }
}
