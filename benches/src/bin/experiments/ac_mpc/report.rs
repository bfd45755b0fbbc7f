//! The tables and the picture of AC-MPC.

use super::{Found, HORIZONS, Row};
use crate::chart::{Mark, Panel, Series, draw};
use crate::table::{Markdown, number, write};
use crate::{Context, Failure};

/// A line about the problems of a horizon.
pub(super) fn problems(horizon: usize, known: &Found) -> String {
    let count = known.costs.len();
    format!(
        "{horizon} stages, {count} problems: {} with an active bound, {:.1} iterations in the mean, {} without a \
         solution or gradient\n",
        known.bounded,
        known.iterations as f64 / count as f64,
        known.failed
    )
}

pub(super) fn write_all(context: &Context, rows: &[Row]) -> Result<(), Failure> {
    let mut text = String::from("Problems a second, with the network; in brackets the controllers alone.\n\n");
    for horizon in HORIZONS {
        let own: Vec<&Row> = rows.iter().filter(|row| row.horizon == horizon).collect();
        if !own.is_empty() {
            text += &format!("\n{horizon} stages\n\n{}", table(&own));
        }
    }
    write(&context.path("ac-mpc.md"), &text)?;
    draw(&context.path("ac-mpc.svg"), 3, &HORIZONS.map(|horizon| panel(horizon, rows)))
}

/// Ways and threads in the order of their rows.
fn ways(rows: &[&Row]) -> Vec<(String, usize)> {
    let mut ways = Vec::new();
    for row in rows {
        let way = (row.way.clone(), row.threads);
        if !ways.contains(&way) {
            ways.push(way);
        }
    }
    ways
}

fn batches(rows: &[&Row]) -> Vec<usize> {
    let mut batches: Vec<usize> = rows.iter().map(|row| row.batch).collect();
    batches.sort_unstable();
    batches.dedup();
    batches
}

fn title((way, threads): &(String, usize)) -> String {
    format!("{way}, {threads} thread{}", if *threads == 1 { "" } else { "s" })
}

fn of<'a>(rows: &[&'a Row], way: &(String, usize), batch: usize) -> Option<&'a Row> {
    rows.iter().find(|row| (row.way == way.0 && row.threads == way.1) && row.batch == batch).copied()
}

fn table(rows: &[&Row]) -> String {
    let batches = batches(rows);
    let mut columns = vec!["batch".to_owned()];
    columns.extend(batches.iter().map(usize::to_string));
    columns.extend(["cost", "control", "gradient", "failed"].map(str::to_owned));
    let mut table = Markdown::new(&columns.iter().map(String::as_str).collect::<Vec<_>>());
    for way in ways(rows) {
        let mut cells = vec![title(&way)];
        cells.extend(batches.iter().map(|&batch| {
            of(rows, &way, batch).map_or("-".to_owned(), |row| {
                let a_second = |seconds: f64| number(row.batch as f64 / seconds);
                format!("{} ({})", a_second(row.whole), a_second(row.controllers))
            })
        }));
        let own = || batches.iter().filter_map(|&batch| of(rows, &way, batch));
        let most = |value: fn(&Row) -> f64| number(own().map(value).fold(0.0, f64::max));
        cells.extend([most(|row| row.cost), most(|row| row.control), most(|row| row.gradient)]);
        cells.push(own().map(|row| row.failed).max().unwrap_or(0).to_string());
        table.row(&cells);
    }
    table.text()
}

fn panel(horizon: usize, rows: &[Row]) -> Panel {
    let own: Vec<&Row> = rows.iter().filter(|row| row.horizon == horizon).collect();
    let batches = batches(&own);
    let series = |way: (String, usize)| {
        let points = batches.iter().enumerate();
        let point = |(place, &batch): (usize, &usize)| {
            of(&own, &way, batch).map(|row| (place as f64, row.batch as f64 / row.whole))
        };
        // More series than colors: those of the peer's short solves, the last ones, are points.
        let mark = if way.0.ends_with("one iteration") { Mark::Points } else { Mark::Both };
        Series { name: title(&way), points: points.filter_map(point).collect(), mark }
    };
    Panel {
        title: format!("{horizon} stages"),
        x: Some("problems of a batch"),
        y: "problems a second, with the network",
        categories: batches.iter().map(usize::to_string).collect(),
        series: ways(&own).into_iter().map(series).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rates of two batches by two ways, one of them without a row.
    #[test]
    fn rates() {
        let row = |way: &str, batch: usize, whole: f64| Row {
            way: way.to_owned(),
            threads: 2,
            horizon: 2,
            batch,
            controllers: 0.5 * whole,
            whole,
            cost: 1e-12,
            control: 1e-9,
            gradient: 0.5,
            failed: 0,
        };
        let rows = [row("lanes", 1, 0.25), row("lanes", 8, 0.5), row("other", 8, 4.0)];
        let text = table(&rows.iter().collect::<Vec<_>>());
        assert!(text.contains("| batch | 1 | 8 | cost | control | gradient | failed |"), "{text}");
        assert!(
            text.contains("| lanes, 2 threads | 4.00 (8.00) | 16.0 (32.0) | 1.0e-12 | 1.0e-9 | 0.500 | 0 |"),
            "{text}"
        );
        assert!(text.contains("| other, 2 threads | - | 2.00 (4.00) |"), "{text}");
        assert_eq!(panel(2, &rows).series.len(), 2);
    }
}
