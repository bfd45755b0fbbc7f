//! Tables and pictures of the learners' results.

use super::{Method, Point, Row, SIZES, WAYS};
use crate::chart::{Mark, Panel, Series, draw};
use crate::optimizer::Choice;
use crate::table::{Markdown, median, number};
use crate::unknowns::Mode;
use crate::{Context, Failure};

/// Rows of one method and mode.
fn of<'a>(
    rows: &'a [Row],
    system: &'a str,
    mode: Mode,
    (method, optimizer): (Method, Choice),
    positive: bool,
    trajectories: usize,
) -> impl Iterator<Item = &'a Row> + Clone {
    rows.iter().filter(move |row| {
        row.system == system
            && row.mode == mode
            && row.method == method
            && row.optimizer == optimizer
            && row.positive == positive
            && row.trajectories == trajectories
    })
}

pub(super) fn report(rows: &[Row], redrawn: usize) -> String {
    let mut text = format!(
        "Medians over seeds (in brackets: how many of them reached a training loss of 1e-12). `+`: the dynamics' \
         parameters kept positive. Losses: mean squared difference of controls, all problems solved from zero controls. \
         Model loss: mean squared error of the learned parameters. Identifiable error: the largest relative error of what \
         the demonstrations determine of the dynamics; where the cost is learned, the error of its direction.\n\n\
         Initial states from which an expert did not converge, replaced by others: {redrawn}.\n"
    );
    for system in ["pendulum", "cartpole"] {
        for mode in Mode::ALL {
            text += &format!("\n### {system}, {}\n\n", mode.name());
            text += &losses_table(rows, system, mode);
        }
    }
    text += "\n### Parameters below zero\n\nShare of runs in which a parameter of the dynamics was not positive at some \
             time, all systems and seeds; dx and dcost+dx.\n\n";
    text += &negatives(rows);
    text += "\n### Solves\n\nEvery solve of every learner, and what did not count.\n\n";
    text += &refusals(rows);
    text
}

fn losses_table(rows: &[Row], system: &str, mode: Mode) -> String {
    let mut table = Markdown::new(&[
        "learner",
        "trajectories",
        "training loss",
        "validation loss",
        "test loss",
        "model loss",
        "identifiable error",
        "epochs",
        "time [s]",
        "time to 1e-6 [s]",
        "not solved from zero",
    ]);
    for way in WAYS {
        for positive in [false, true] {
            for trajectories in SIZES {
                let some = of(rows, system, mode, way, positive, trajectories);
                let count = some.clone().count();
                if count == 0 {
                    continue;
                }
                let middle = |value: fn(&Row) -> f64| number(median(some.clone().map(value)));
                let learned = some.clone().filter(|row| row.end == "learned").count();
                let soon: Vec<f64> = some.clone().filter_map(|row| row.seconds_to_1e6).collect();
                let [unsolved, judged] = [
                    some.clone().map(|row| row.judged_unsolved).sum(),
                    some.clone().map(|row| row.judged).sum::<usize>(),
                ];
                let errors = match mode {
                    Mode::Dynamics => middle(|row| row.dynamics_error),
                    Mode::Cost => middle(|row| row.cost_error),
                    Mode::Both => format!("{}; {}", middle(|row| row.dynamics_error), middle(|row| row.cost_error)),
                };
                table.row(&[
                    format!("{}, {}{}", way.0.name(), way.1.name(), if positive { " +" } else { "" }),
                    trajectories.to_string(),
                    format!("{} ({learned}/{count})", middle(|row| row.train)),
                    middle(|row| row.validation),
                    middle(|row| row.test),
                    middle(|row| row.model_loss),
                    errors,
                    middle(|row| row.epochs as f64),
                    middle(|row| row.seconds),
                    format!("{} ({}/{count})", number(median(soon.iter().copied())), soon.len()),
                    format!("{unsolved}/{judged}"),
                ]);
            }
        }
    }
    table.text()
}

fn negatives(rows: &[Row]) -> String {
    let mut table = Markdown::new(&["learner", "10", "50", "100", "kept positive, any number"]);
    for way in WAYS {
        let share = |positive: bool, sizes: &[usize]| {
            let mut some = (0, 0);
            for row in rows.iter().filter(|row| (row.method, row.optimizer) == way && row.mode.learns_dynamics()) {
                if row.positive == positive && sizes.contains(&row.trajectories) {
                    some = (some.0 + usize::from(row.negative), some.1 + 1);
                }
            }
            match some {
                (_, 0) => "-".to_owned(),
                (negative, all) => format!("{:.1} % ({negative}/{all})", 100.0 * negative as f64 / all as f64),
            }
        };
        table.row(&[
            format!("{}, {}", way.0.name(), way.1.name()),
            share(false, &[10]),
            share(false, &[50]),
            share(false, &[100]),
            share(true, &SIZES),
        ]);
    }
    table.text()
}

fn refusals(rows: &[Row]) -> String {
    let mut table =
        Markdown::new(&["learner", "runs", "solves", "not converged", "without a gradient", "runs that got stuck"]);
    for way in WAYS {
        let some = rows.iter().filter(|row| (row.method, row.optimizer) == way && row.method != Method::SysId);
        let count = some.clone().count();
        if count == 0 {
            continue;
        }
        let sum = |value: fn(&Row) -> usize| some.clone().map(value).sum::<usize>().to_string();
        table.row(&[
            format!("{}, {}", way.0.name(), way.1.name()),
            count.to_string(),
            sum(|row| row.solves),
            sum(|row| row.unsolved),
            sum(|row| row.undifferentiable),
            sum(|row| usize::from(row.end == "stuck")),
        ]);
    }
    table.text()
}

/// Test losses of every run, side by side.
pub(super) fn losses(context: &Context, rows: &[Row]) -> Result<(), Failure> {
    let mut panels = Vec::new();
    for system in ["pendulum", "cartpole"] {
        for mode in Mode::ALL {
            let ways: Vec<_> = WAYS.into_iter().filter(|way| of_any(rows, system, mode, *way)).collect();
            let labels = ways.iter().map(|(method, choice)| format!("{} {}", method.name(), short(*choice))).collect();
            let mut series = Vec::new();
            for trajectories in SIZES {
                let mut points = Vec::new();
                for (place, &way) in ways.iter().enumerate() {
                    let aside = SIZES.iter().position(|&size| size == trajectories).unwrap_or(0) as f64 - 1.0;
                    for row in of(rows, system, mode, way, false, trajectories) {
                        points.push((place as f64 + 0.22 * aside, row.test.max(1e-20)));
                    }
                }
                if !points.is_empty() {
                    series.push(Series { name: format!("{trajectories} trajectories"), points, mark: Mark::Points });
                }
            }
            panels.push(Panel {
                title: format!("{system}, {}: test loss of each run", mode.name()),
                x: None,
                y: "mean squared control error",
                categories: labels,
                series,
            });
        }
    }
    draw(&context.path("imitation.svg"), 3, &panels)
}

fn of_any(rows: &[Row], system: &str, mode: Mode, way: (Method, Choice)) -> bool {
    rows.iter().any(|row| row.system == system && row.mode == mode && (row.method, row.optimizer) == way)
}

fn short(choice: Choice) -> &'static str {
    match choice {
        Choice::Rmsprop => "RMS",
        Choice::Adam => "Adam",
        Choice::GaussNewton => "GN",
        Choice::RelaxedGaussNewton => "rGN",
        Choice::AdamGaussNewton => "Adam+GN",
    }
}

/// Training loss by epochs.
pub(super) fn learning_curves(context: &Context, points: &[Point]) -> Result<(), Failure> {
    let mut panels = Vec::new();
    for system in ["pendulum", "cartpole"] {
        for mode in Mode::ALL {
            let mut series = Vec::new();
            for way in WAYS.into_iter().filter(|(method, _)| *method != Method::SysId) {
                let some = points.iter().filter(|point| {
                    point.system == system && point.mode == mode && (point.method, point.optimizer) == way
                });
                let points: Vec<_> = some.map(|point| (point.epoch as f64, point.loss.max(1e-20))).collect();
                if !points.is_empty() {
                    series.push(Series {
                        name: format!("{} {}", way.0.name(), short(way.1)),
                        points,
                        mark: Mark::Line,
                    });
                }
            }
            panels.push(Panel {
                title: format!("{system}, {}: training loss, first seed", mode.name()),
                x: Some("epoch"),
                y: "mean squared control error",
                categories: Vec::new(),
                series,
            });
        }
    }
    draw(&context.path("imitation-curves.svg"), 3, &panels)
}
