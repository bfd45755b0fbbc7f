//! Settings from the keywords of a Python call.

use dilqr_runtime::{Hessian, LineSearch, Method, PenaltySchedule, Regularization, Settings};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

/// The names of all settings.
const NAMES: &str =
    "tolerance, max_iterations, hessian, method, regularization, line_search, activity, penalty, relaxation";

/// Settings with these values in place of the default ones. The solver checks their ranges.
///
/// # Errors
/// `TypeError` for another name and for a value of another type, `ValueError` for a word that is no choice.
pub(crate) fn settings(keywords: &Bound<'_, PyDict>) -> PyResult<Settings> {
    let mut settings = Settings::default();
    for (name, value) in keywords {
        let name: String = name.extract()?;
        match name.as_str() {
            "tolerance" => settings.tolerance = number(&name, &value)?,
            "max_iterations" => settings.max_iterations = count(&name, &value)?,
            "activity" => settings.activity = number(&name, &value)?,
            "relaxation" => {
                settings.relaxation = if value.is_none() { None } else { Some(number(&name, &value)?) };
            }
            "hessian" => {
                settings.hessian =
                    choice(&name, &value, &[("exact", Hessian::Exact), ("gauss_newton", Hessian::GaussNewton)])?;
            }
            "method" => {
                let methods = [
                    ("auto", Method::Auto),
                    ("ddp", Method::Ddp),
                    ("interior_point", Method::InteriorPoint),
                    ("augmented_lagrangian", Method::AugmentedLagrangian),
                ];
                settings.method = choice(&name, &value, &methods)?;
            }
            "regularization" => settings.regularization = regularization(&value)?,
            "line_search" => settings.line_search = line_search(&value)?,
            "penalty" => settings.penalty = penalty(&value)?,
            _ => return Err(PyTypeError::new_err(format!("there is no setting `{name}`, expected one of {NAMES}"))),
        }
    }
    Ok(settings)
}

/// The settings as a dict, with all their names.
pub(crate) fn to_dict<'py>(python: Python<'py>, settings: &Settings) -> PyResult<Bound<'py, PyDict>> {
    let Settings { tolerance, max_iterations, hessian, method, activity, relaxation, .. } = *settings;
    let dict = PyDict::new(python);
    dict.set_item("tolerance", tolerance)?;
    dict.set_item("max_iterations", max_iterations)?;
    dict.set_item("hessian", if hessian == Hessian::GaussNewton { "gauss_newton" } else { "exact" })?;
    dict.set_item(
        "method",
        match method {
            Method::Ddp => "ddp",
            Method::InteriorPoint => "interior_point",
            Method::AugmentedLagrangian => "augmented_lagrangian",
            _ => "auto",
        },
    )?;
    let Regularization { initial, minimum, maximum, increase, decrease } = settings.regularization;
    let values = [initial, minimum, maximum, increase, decrease];
    dict.set_item(
        "regularization",
        part(python, &["initial", "minimum", "maximum", "increase", "decrease"], &values)?,
    )?;
    let LineSearch { sufficient_decrease, backtracking_factor, max_trials } = settings.line_search;
    let search =
        part(python, &["sufficient_decrease", "backtracking_factor"], &[sufficient_decrease, backtracking_factor])?;
    search.set_item("max_trials", max_trials)?;
    dict.set_item("line_search", search)?;
    dict.set_item("activity", activity)?;
    let PenaltySchedule { initial, increase, maximum } = settings.penalty;
    dict.set_item("penalty", part(python, &["initial", "increase", "maximum"], &[initial, increase, maximum])?)?;
    dict.set_item("relaxation", relaxation)?;
    Ok(dict)
}

fn part<'py>(python: Python<'py>, names: &[&str], values: &[f64]) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(python);
    for (name, value) in names.iter().zip(values) {
        dict.set_item(name, value)?;
    }
    Ok(dict)
}

fn regularization(value: &Bound<'_, PyAny>) -> PyResult<Regularization> {
    let mut of = Regularization::default();
    for (name, path, value) in entries("regularization", value)? {
        match name.as_str() {
            "initial" => of.initial = number(&path, &value)?,
            "minimum" => of.minimum = number(&path, &value)?,
            "maximum" => of.maximum = number(&path, &value)?,
            "increase" => of.increase = number(&path, &value)?,
            "decrease" => of.decrease = number(&path, &value)?,
            _ => return Err(unknown(&path, "initial, minimum, maximum, increase, decrease")),
        }
    }
    Ok(of)
}

fn line_search(value: &Bound<'_, PyAny>) -> PyResult<LineSearch> {
    let mut of = LineSearch::default();
    for (name, path, value) in entries("line_search", value)? {
        match name.as_str() {
            "sufficient_decrease" => of.sufficient_decrease = number(&path, &value)?,
            "backtracking_factor" => of.backtracking_factor = number(&path, &value)?,
            "max_trials" => of.max_trials = count(&path, &value)?,
            _ => return Err(unknown(&path, "sufficient_decrease, backtracking_factor, max_trials")),
        }
    }
    Ok(of)
}

fn penalty(value: &Bound<'_, PyAny>) -> PyResult<PenaltySchedule> {
    let mut of = PenaltySchedule::default();
    for (name, path, value) in entries("penalty", value)? {
        match name.as_str() {
            "initial" => of.initial = number(&path, &value)?,
            "increase" => of.increase = number(&path, &value)?,
            "maximum" => of.maximum = number(&path, &value)?,
            _ => return Err(unknown(&path, "initial, increase, maximum")),
        }
    }
    Ok(of)
}

/// The entries of a setting that is a dict: name, path for messages, and value.
fn entries<'py>(setting: &str, value: &Bound<'py, PyAny>) -> PyResult<Vec<(String, String, Bound<'py, PyAny>)>> {
    let dict = value.cast::<PyDict>().map_err(|_| wrong_type(setting, value, "a dict"))?;
    let entry = |(name, value): (Bound<'py, PyAny>, Bound<'py, PyAny>)| {
        let name: String = name.extract()?;
        let path = format!("{setting}.{name}");
        Ok((name, path, value))
    };
    dict.iter().map(entry).collect()
}

fn number(name: &str, value: &Bound<'_, PyAny>) -> PyResult<f64> {
    scalar(name, value, "a number")
}

fn count(name: &str, value: &Bound<'_, PyAny>) -> PyResult<usize> {
    scalar(name, value, "an integer of at least 0")
}

/// A number. Python converts `True` to 1, but a truth value is no setting.
fn scalar<'py, T: FromPyObjectOwned<'py>>(name: &str, value: &Bound<'py, PyAny>, expected: &str) -> PyResult<T> {
    let kind = value.get_type().name()?;
    // The second name is that of numpy before version 2.
    if ["bool", "bool_"].iter().any(|boolean| kind == *boolean) {
        return Err(wrong_type(name, value, expected));
    }
    value.extract().map_err(|_| wrong_type(name, value, expected))
}

fn choice<T: Copy>(name: &str, value: &Bound<'_, PyAny>, choices: &[(&str, T)]) -> PyResult<T> {
    let given = value.cast::<PyString>().map_err(|_| wrong_type(name, value, "a str"))?.to_string();
    if let Some(&(_, choice)) = choices.iter().find(|(word, _)| *word == given) {
        return Ok(choice);
    }
    let words: Vec<String> = choices.iter().map(|(word, _)| format!("{word:?}")).collect();
    Err(PyValueError::new_err(format!("setting `{name}` is {given:?}, expected one of {}", words.join(", "))))
}

fn wrong_type(name: &str, value: &Bound<'_, PyAny>, expected: &str) -> PyErr {
    let given = value.repr().map_or_else(|_| "an object".into(), |repr| repr.to_string());
    PyTypeError::new_err(format!("setting `{name}` is {given}, expected {expected}"))
}

fn unknown(path: &str, expected: &str) -> PyErr {
    PyTypeError::new_err(format!("there is no setting `{path}`, expected one of {expected}"))
}
