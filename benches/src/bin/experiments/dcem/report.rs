//! Tables and pictures of both tasks.

use crate::chart::{Mark, Panel, Series, draw};
use crate::table::{Markdown, median, number, write as write_file};
use crate::{Context, Failure};

use super::{Check, Fit, Found, Prediction, Tables, surface};

pub(super) const SOLVER: &str = "solver, cheapest of all guesses";
pub(super) const ONE_SOLVE: &str = "solver from zero forces";

/// Mean costs of the validation that the publication reports: of the method over plans, and the best checks of the
/// trainings at the temperature 1 with the least and the greatest cost.
const PUBLISHED: [(&str, f64); 3] = [
    ("published: CEM over plans", -9.05),
    ("published: DCEM, best seed", -9.91),
    ("published: DCEM, worst seed", -9.71),
];

pub(super) fn write(context: &Context, tables: &Tables) -> Result<(), Failure> {
    let (checks, found) = (tables.checks.rows(), tables.found.rows());
    let (fits, predictions) = (tables.fits.rows(), tables.predictions.rows());
    let text = format!(
        "Plans for the starts of the validation. Excess is over the cheapest known plan of a start.\n\n{}\n\
         Trainings of the decoder. Costs are means over the starts of the validation.\n\n{}\n\
         Regression. Errors are mean squared ones over all points, of searches with so many steps; \
         trainings have 10.\n\n{}",
        of_methods(&found),
        of_trainings(&checks),
        of_energies(&fits, &predictions)
    );
    write_file(&context.path("dcem.md"), &text)?;
    draw(&context.path("dcem.svg"), 2, &panels((&checks, &found), (&fits, &predictions)))?;
    surface::draw(&context.path("dcem-surface.svg"), &tables.levels.rows(), &predictions)
}

/// The distinct values, in the order of the rows.
fn distinct<R, K: PartialEq>(rows: &[R], key: impl Fn(&R) -> K) -> Vec<K> {
    let mut keys = Vec::new();
    for key in rows.iter().map(key) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

/// The cost of the cheapest known plan of a start.
fn cheapest(found: &[Found], problem: usize) -> f64 {
    let costs = found.iter().filter(|row| row.problem == problem).map(|row| row.cost);
    costs.fold(f64::INFINITY, f64::min)
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let values: Vec<f64> = values.collect();
    values.iter().sum::<f64>() / values.len() as f64
}

fn of_methods(found: &[Found]) -> String {
    let mut table = Markdown::new(&[
        "method",
        "starts",
        "mean cost",
        "mean excess",
        "largest",
        "within 0.01",
        "solves that converged",
        "at the cheapest of them",
        "time of a start, median [ms]",
    ]);
    for method in distinct(found, |row| row.method.clone()) {
        let all: Vec<&Found> = found.iter().filter(|row| row.method == method).collect();
        // No plan is no cost.
        let of: Vec<&Found> = all.iter().copied().filter(|row| row.cost.is_finite()).collect();
        let excesses: Vec<f64> = of.iter().map(|row| row.cost - cheapest(found, row.problem)).collect();
        let sum = |count: fn(&Found) -> usize| all.iter().map(|row| count(row)).sum::<usize>();
        let solves = sum(|row| row.guesses);
        let or_none = |any: bool, text: String| if any { text } else { "-".to_owned() };
        table.row(&[
            method,
            of.len().to_string(),
            format!("{:.3}", mean(of.iter().map(|row| row.cost))),
            number(mean(excesses.iter().copied())),
            number(excesses.iter().copied().fold(0.0, f64::max)),
            excesses.iter().filter(|excess| **excess < 0.01).count().to_string(),
            or_none(solves > 0, format!("{} of {solves}", sum(|row| row.converged))),
            // Of one guess a start it is the same number.
            or_none(solves > all.len(), sum(|row| row.cheapest).to_string()),
            number(1e3 * median(all.iter().map(|row| row.seconds))),
        ]);
    }
    table.text()
}

fn of_trainings(checks: &[Check]) -> String {
    let mut table = Markdown::new(&[
        "temperature",
        "seed",
        "updates",
        "untrained",
        "best",
        "at update",
        "last",
        "training, mean of the last tenth",
        "last rate",
        "time [s]",
    ]);
    for (temperature, seed) in distinct(checks, |row| (row.temperature, row.seed)) {
        let of: Vec<&Check> = checks.iter().filter(|row| (row.temperature, row.seed) == (temperature, seed)).collect();
        let (Some(first), Some(last)) = (of.first(), of.last()) else { continue };
        let best = of.iter().copied().min_by(|a, b| a.validation.total_cmp(&b.validation)).unwrap_or(last);
        let late = of.iter().filter(|row| 10 * row.update > 9 * last.update).map(|row| row.training);
        table.row(&[
            number(temperature),
            seed.to_string(),
            last.update.to_string(),
            format!("{:.3}", first.validation),
            format!("{:.3}", best.validation),
            best.update.to_string(),
            format!("{:.3}", last.validation),
            format!("{:.2}", mean(late)),
            number(last.rate),
            format!("{:.0}", last.seconds),
        ]);
    }
    table.text()
}

/// The steps of the search during the training: those of the first row.
fn trained_steps(fits: &[Fit], learner: &str) -> usize {
    fits.iter().find(|row| row.learner == learner).map_or(0, |row| row.steps)
}

/// Errors of trained energies over the steps of the search. Those with the steps of the training are of the
/// predictions.
fn last_errors(fits: &[Fit], predictions: &[Prediction], (learner, seed): (&str, u64)) -> Vec<(usize, f64)> {
    let of: Vec<&Fit> = fits.iter().filter(|row| row.learner == learner && row.seed == seed).collect();
    let (trained, last) = (trained_steps(fits, learner), of.iter().map(|row| row.update).max());
    let others = of.iter().filter(|row| row.steps != trained && Some(row.update) == last);
    let rows = predictions.iter().filter(|row| row.learner == learner && row.seed == seed);
    let own = mean(rows.map(|row| (row.prediction - row.target).powi(2)));
    let mut errors: Vec<(usize, f64)> = others.map(|row| (row.steps, row.error)).chain([(trained, own)]).collect();
    errors.sort_unstable_by_key(|(steps, _)| *steps);
    errors
}

fn of_energies(fits: &[Fit], predictions: &[Prediction]) -> String {
    let mut steps = distinct(fits, |row| row.steps);
    steps.sort_unstable();
    let mut columns: Vec<String> = ["search", "seed", "updates", "untrained", "best"].map(str::to_owned).into();
    columns.extend(steps.iter().map(|steps| format!("last, {steps} steps")));
    columns.extend(["local minimum found", "of these within 0.1", "median distance", "time [s]"].map(str::to_owned));
    let mut table = Markdown::new(&columns.iter().map(String::as_str).collect::<Vec<_>>());
    for (learner, seed) in distinct(fits, |row| (row.learner.clone(), row.seed)) {
        let of: Vec<&Fit> = fits.iter().filter(|row| row.learner == learner && row.seed == seed).collect();
        let trained = trained_steps(fits, &learner);
        let Some(last) = of.iter().map(|row| row.update).max() else { continue };
        let errors = || of.iter().filter(|row| row.steps == trained);
        let untrained = errors().find(|row| row.update == 0).map_or(f64::NAN, |row| row.error);
        let best = errors().map(|row| row.error).fold(f64::INFINITY, f64::min);
        let mut cells = vec![learner.clone(), seed.to_string(), last.to_string(), number(untrained), number(best)];
        let errors = last_errors(fits, predictions, (&learner, seed));
        for steps in &steps {
            let at = errors.iter().find(|(of, _)| of == steps);
            cells.push(number(at.map_or(f64::NAN, |(_, error)| *error)));
        }
        let rows: Vec<_> = predictions.iter().filter(|row| row.learner == learner && row.seed == seed).collect();
        let distance = |row: &&Prediction| row.minimum.map(|y| (y - row.prediction).abs());
        let distances: Vec<f64> = rows.iter().filter_map(distance).collect();
        cells.push(format!("{} of {}", distances.len(), rows.len()));
        cells.push(distances.iter().filter(|distance| **distance < 0.1).count().to_string());
        cells.push(number(median(distances.iter().copied())));
        cells.push(format!("{:.0}", of.iter().map(|row| row.seconds).fold(0.0, f64::max)));
        table.row(&cells);
    }
    table.text()
}

fn panels(control: (&[Check], &[Found]), (fits, predictions): (&[Fit], &[Prediction])) -> Vec<Panel> {
    vec![decoder_panel(control.0, control.1), error_panel(fits), steps_panel(fits, predictions)]
}

/// The median over seeds at each place.
fn line<'a, R: 'a>(name: &str, rows: &'a [R], point: impl Fn(&'a R) -> Option<(usize, f64)>) -> Series {
    let points: Vec<(usize, f64)> = rows.iter().filter_map(point).collect();
    let mut places = distinct(&points, |point| point.0);
    places.sort_unstable();
    let at = |place: usize| median(points.iter().filter(|point| point.0 == place).map(|point| point.1));
    let points = places.into_iter().map(|place| (place as f64, at(place))).collect();
    Series { name: name.to_owned(), points, mark: Mark::Line }
}

/// Costs of the validation over the mean of the cheapest known ones.
fn decoder_panel(checks: &[Check], found: &[Found]) -> Panel {
    let optimum = mean(distinct(found, |row| row.problem).into_iter().map(|problem| cheapest(found, problem)));
    let mut series: Vec<Series> = distinct(checks, |row| row.temperature)
        .into_iter()
        .map(|temperature| {
            line(&format!("temperature {temperature}"), checks, |row| {
                (row.temperature == temperature).then_some((row.update, row.validation - optimum))
            })
        })
        .collect();
    let last = checks.iter().map(|row| row.update).max().unwrap_or(0) as f64;
    series.extend(PUBLISHED.map(|(name, cost)| Series {
        name: name.to_owned(),
        points: vec![(0.0, cost - optimum), (last, cost - optimum)],
        mark: Mark::Line,
    }));
    Panel {
        title: "Cart-pole, plans through a decoder".to_owned(),
        x: Some("updates"),
        y: "mean cost of the validation over the optimum",
        categories: Vec::new(),
        series,
    }
}

fn error_panel(fits: &[Fit]) -> Panel {
    let series = distinct(fits, |row| row.learner.clone()).into_iter().map(|learner| {
        let steps = trained_steps(fits, &learner);
        line(&learner, fits, |row| (row.learner == learner && row.steps == steps).then_some((row.update, row.error)))
    });
    Panel {
        title: "Regression of x sin x".to_owned(),
        x: Some("updates"),
        y: "mean squared error",
        categories: Vec::new(),
        series: series.collect(),
    }
}

/// Errors at the end over the steps of the search.
fn steps_panel(fits: &[Fit], predictions: &[Prediction]) -> Panel {
    let series = distinct(fits, |row| row.learner.clone()).into_iter().map(|learner| {
        let of =
            distinct(fits, |row| (row.learner.clone(), row.seed)).into_iter().filter(|(other, _)| *other == learner);
        let errors: Vec<(usize, f64)> =
            of.flat_map(|(_, seed)| last_errors(fits, predictions, (&learner, seed))).collect();
        Series { mark: Mark::Both, ..line(&learner, &errors, |error| Some(*error)) }
    });
    Panel {
        title: "Regression, other numbers of steps than in training".to_owned(),
        x: Some("steps of the search"),
        y: "mean squared error",
        categories: Vec::new(),
        series: series.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The last error with the steps of the training is that of the predictions; earlier checks and other learners do
    /// not count.
    #[test]
    fn errors_at_the_end() {
        let fit = |learner: &str, update: usize, steps: usize, error: f64| Fit {
            learner: learner.to_owned(),
            seed: 0,
            update,
            steps,
            error,
            rate: 1e-3,
            seconds: 1.0,
        };
        let fits = [fit("a", 0, 10, 9.0), fit("a", 60, 10, 8.0), fit("b", 70, 5, 7.0), fit("a", 70, 2, 3.0)];
        let prediction = |learner: &str, prediction: f64| {
            let learner = learner.to_owned();
            Prediction { learner, seed: 0, x: 0.5, target: 1.0, prediction, minimum: None }
        };
        let predictions = [prediction("a", 1.5), prediction("b", 9.0), prediction("a", 0.0)];
        // (0.25 + 1) / 2
        assert_eq!(last_errors(&fits, &predictions, ("a", 0)), [(2, 3.0), (10, 0.625)]);
    }

    /// The excess is over the cheapest plan of the same start, and a method without a plan for a start has no part of
    /// its cost there.
    #[test]
    fn excesses() {
        let row = |problem: usize, method: &str, cost: f64| {
            let (guesses, converged, cheapest) = (0, 0, 0);
            Found { problem, method: method.to_owned(), cost, guesses, converged, cheapest, seconds: 0.001 }
        };
        let found =
            [row(0, "a", -5.0), row(1, "a", f64::INFINITY), row(0, "b", -7.0), row(1, "b", -1.0), row(1, "c", -1.5)];
        let text = of_methods(&found);
        assert!(text.contains("| a | 1 | -5.000 | 2.00 | 2.00 | 0 | - | - | 1.00 |"), "{text}");
        assert!(text.contains("| b | 2 | -4.000 | 0.250 | 0.500 | 1 | - | - | 1.00 |"), "{text}");
    }
}
