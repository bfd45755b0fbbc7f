//! Settings as data. Their parts are written as they are.

use serde::{Deserialize, Serialize};

use crate::linalg::serde_with;
use crate::serial::header::{Header, Kind};
use crate::serial::through;
use crate::settings::{Hessian, LineSearch, Method, PenaltySchedule, Regularization, Settings};

#[derive(Serialize, Deserialize)]
#[serde(rename = "Settings", deny_unknown_fields)]
struct SettingsData {
    about: Header<Self>,
    #[serde(with = "serde_with")]
    tolerance: f64,
    max_iterations: usize,
    hessian: Hessian,
    method: Method,
    regularization: Regularization,
    line_search: LineSearch,
    #[serde(with = "serde_with")]
    activity: f64,
    penalty: PenaltySchedule,
    #[serde(with = "serde_with::optional")]
    relaxation: Option<f64>,
}

impl Kind for SettingsData {
    const NAME: &'static str = "settings record";
    const SIZES: &'static [(&'static str, usize)] = &[];
}

impl From<&Settings> for SettingsData {
    fn from(settings: &Settings) -> Self {
        let Settings {
            tolerance,
            max_iterations,
            hessian,
            method,
            regularization,
            line_search,
            activity,
            penalty,
            relaxation,
        } = *settings;
        Self {
            about: Header::NEW,
            tolerance,
            max_iterations,
            hessian,
            method,
            regularization,
            line_search,
            activity,
            penalty,
            relaxation,
        }
    }
}

impl From<SettingsData> for Settings {
    fn from(data: SettingsData) -> Self {
        let SettingsData {
            about: _,
            tolerance,
            max_iterations,
            hessian,
            method,
            regularization,
            line_search,
            activity,
            penalty,
            relaxation,
        } = data;
        Self { tolerance, max_iterations, hessian, method, regularization, line_search, activity, penalty, relaxation }
    }
}

through!(Settings, SettingsData, []);
