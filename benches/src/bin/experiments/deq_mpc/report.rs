//! Table and pictures of the trainings.

use crate::chart::{Mark, Panel, Series, draw};
use crate::table::{Markdown, median, number, write as write_file};
use crate::{Context, Failure};

use super::Row;
use super::policy::{Method, Variant};

pub(super) fn write(context: &Context, rows: &[Row]) -> Result<(), Failure> {
    write_file(&context.path("deq-mpc.md"), &table(rows))?;
    let panels: Vec<_> = systems(rows).into_iter().flat_map(|system| panels(rows, &system)).collect();
    draw(&context.path("deq-mpc.svg"), 2, &panels)
}

fn systems(rows: &[Row]) -> Vec<(String, String)> {
    let mut systems: Vec<(String, String)> = Vec::new();
    for row in rows {
        let system = (row.system.clone(), row.expert.clone());
        if !systems.contains(&system) {
            systems.push(system);
        }
    }
    systems
}

/// Of one group of seeds.
fn group<'a>(
    rows: &'a [Row],
    (system, expert): &(String, String),
    (method, variant): (Method, Variant),
    demonstrations: usize,
) -> Vec<&'a Row> {
    let is = |row: &&Row| {
        &row.system == system
            && &row.expert == expert
            && row.method == method.name()
            && row.variant == variant.name()
            && row.demonstrations == demonstrations
    };
    rows.iter().filter(is).collect()
}

fn most_demonstrations(rows: &[Row]) -> usize {
    rows.iter().map(|row| row.demonstrations).max().unwrap_or(0)
}

fn table(rows: &[Row]) -> String {
    let mut table = Markdown::new(&[
        "system",
        "expert",
        "method",
        "loss and gradient",
        "demonstrations",
        "seeds",
        "error untrained",
        "validation error",
        "least and most",
        "cost over our expert's",
        "least and most",
        "ends upright",
        "iterations a control",
        "without a plan: validation, loops",
        "training windows without plan or gradient",
        "training [s]",
    ]);
    let all = most_demonstrations(rows);
    let mut amounts: Vec<usize> = rows.iter().map(|row| row.demonstrations).collect();
    amounts.sort_unstable_by(|a, b| b.cmp(a));
    amounts.dedup();
    for system in systems(rows) {
        for demonstrations in amounts.iter().copied() {
            for method in Method::ALL {
                for variant in [Variant::Published, Variant::LastIterate, Variant::JointFixedPoint] {
                    let of = group(rows, &system, (method, variant), demonstrations);
                    if of.is_empty() || demonstrations < all && variant != Variant::Published {
                        continue;
                    }
                    let spread = |value: &dyn Fn(&Row) -> f64| {
                        let values = || of.iter().map(|row| value(row));
                        let (least, most) = (values().fold(f64::INFINITY, f64::min), values().fold(0.0, f64::max));
                        format!("{} to {}", number(least), number(most))
                    };
                    let middle = |value: &dyn Fn(&Row) -> f64| number(median(of.iter().map(|row| value(row))));
                    let sum = |value: &dyn Fn(&Row) -> usize| of.iter().map(|row| value(row)).sum::<usize>();
                    let lost: usize = of.iter().map(|row| row.unsolved + row.undifferentiable).sum();
                    let samples: usize = of.iter().map(|row| row.samples).sum();
                    let gradient = if method.iterates() { variant.name() } else { "the one solution" };
                    table.row(&[
                        system.0.clone(),
                        system.1.clone(),
                        method.name().to_owned(),
                        gradient.to_owned(),
                        demonstrations.to_string(),
                        of.len().to_string(),
                        middle(&|row| row.untrained),
                        middle(&|row| row.validation),
                        spread(&|row| row.validation),
                        middle(&cost),
                        spread(&cost),
                        middle(&|row| row.upright),
                        middle(&|row| row.iterations),
                        format!("{}, {}", sum(&|row| row.unplanned), sum(&|row| row.lost)),
                        format!("{lost} of {samples}"),
                        middle(&|row| row.seconds),
                    ]);
                }
            }
        }
    }
    let systems = systems(rows);
    let uprights: Vec<String> = systems
        .iter()
        .filter_map(|(system, expert)| {
            let row = rows.iter().find(|row| &row.system == system && &row.expert == expert)?;
            Some(format!("{} ({system})", number(row.expert_upright)))
        })
        .collect();
    format!(
        "Errors are mean absolute ones over the sizes of the variables; costs are minus the rewards of closed loops, so one is our \
         expert's, of whose loops {} end upright. Medians over seeds.\n\n{}",
        uprights.join(" and "),
        table.text()
    )
}

/// The cost of closed loops over the expert's.
fn cost(row: &Row) -> f64 {
    row.reward / row.expert_reward
}

/// Validation errors over the number of demonstrations, and those of the losses and gradients.
fn panels(rows: &[Row], system: &(String, String)) -> Vec<Panel> {
    let mut amounts: Vec<usize> = rows.iter().map(|row| row.demonstrations).collect();
    amounts.sort_unstable();
    amounts.dedup();
    let middle = |case: (Method, Variant), amount: usize| {
        median(group(rows, system, case, amount).iter().map(|row| row.validation))
    };
    let over_data = [Method::DiffNn, Method::DeqDeq].map(|method| Series {
        name: method.name().to_owned(),
        points: amounts.iter().map(|&amount| (amount as f64, middle((method, Variant::Published), amount))).collect(),
        mark: Mark::Both,
    });
    let all = most_demonstrations(rows);
    let categories = [
        (Method::DiffNn, Variant::Published),
        (Method::DiffDeq, Variant::Published),
        (Method::DeqNn, Variant::Published),
        (Method::DeqDeq, Variant::Published),
        (Method::DeqNn, Variant::LastIterate),
        (Method::DeqDeq, Variant::LastIterate),
        (Method::DeqNn, Variant::JointFixedPoint),
    ];
    let name = |(method, variant): &(Method, Variant)| match variant {
        Variant::Published => method.name().to_owned(),
        Variant::LastIterate => format!("{}, last", method.name()),
        Variant::JointFixedPoint => format!("{}, joint", method.name()),
    };
    let points = |value: &dyn Fn(&Row) -> f64| {
        let each = categories.iter().enumerate();
        each.flat_map(|(place, &case)| {
            group(rows, system, case, all).iter().map(|row| (place as f64, value(row))).collect::<Vec<_>>()
        })
        .collect::<Vec<_>>()
    };
    let title = |what: &str| format!("{} ({} expert): {what}", system.0, system.1);
    vec![
        Panel {
            title: title("validation error over the data"),
            x: Some("demonstrations"),
            y: "mean absolute error",
            categories: Vec::new(),
            series: over_data.into(),
        },
        Panel {
            title: title("methods"),
            x: None,
            y: "error, and cost over the expert's",
            categories: categories.iter().map(name).collect(),
            series: vec![
                Series {
                    name: "validation error".to_owned(),
                    points: points(&|row| row.validation),
                    mark: Mark::Points,
                },
                Series { name: "cost over the expert's".to_owned(), points: points(&cost), mark: Mark::Points },
            ],
        },
    ]
}
