//! Solutions as data: all of them, so that a solution that was read is differentiated as the one that was written.

use alloc::boxed::Box;
use alloc::vec::Vec;

use nalgebra::{SMatrix, SVector};
use serde::{Deserialize, Serialize};

use crate::augmented_lagrangian::AugmentedLagrangian;
use crate::cause::Cause;
use crate::error::{Input, InputError, check_length};
use crate::lifted_data::LiftedData;
use crate::linalg::serde_with;
use crate::model::rows::Limit;
use crate::multipliers::Multipliers;
use crate::ocp::constraints::Constraint;
use crate::serial::header::{Header, Kind};
use crate::serial::through;
use crate::solution::{CertificateData, Solution};
use crate::stats::Stats;
use crate::status::Status;

#[derive(Serialize, Deserialize)]
#[serde(rename = "Solution", deny_unknown_fields)]
struct SolutionData<const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize> {
    about: Header<Self>,
    status: Status,
    cause: Option<Cause>,
    #[serde(with = "serde_with")]
    cost: f64,
    #[serde(with = "serde_with::matrix")]
    x0: SVector<f64, NX>,
    #[serde(with = "serde_with::matrix")]
    params: SVector<f64, NP>,
    #[serde(with = "serde_with::matrices")]
    stage_params: Vec<SVector<f64, NS>>,
    #[serde(with = "serde_with::matrices")]
    states: Vec<SVector<f64, NX>>,
    #[serde(with = "serde_with::matrices")]
    controls: Vec<SVector<f64, NU>>,
    #[serde(with = "serde_with::matrices")]
    gains: Vec<SMatrix<f64, NU, NX>>,
    #[serde(with = "serde_with::matrices")]
    costates: Vec<SVector<f64, NX>>,
    multipliers: Multipliers,
    #[serde(with = "serde_with::matrices")]
    bound_multipliers: Vec<SVector<f64, NU>>,
    #[serde(with = "serde_with::optional")]
    relaxation: Option<f64>,
    augmented_lagrangian: Option<AugmentedLagrangian>,
    stats: Stats,
    certificate: CertificateFields<NU>,
    #[serde(with = "serde_with::matrix")]
    design: SVector<f64, ND>,
    #[serde(with = "serde_with::matrices")]
    previous: Vec<SVector<f64, NU>>,
    lifted: Option<LiftedData>,
}

/// What the certificate is made from.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CertificateFields<const NU: usize> {
    #[serde(with = "serde_with::matrices")]
    curvatures: Vec<SMatrix<f64, NU, NU>>,
    #[serde(with = "serde_with::matrix")]
    lower: SVector<f64, NU>,
    #[serde(with = "serde_with::matrix")]
    upper: SVector<f64, NU>,
    constraints: Vec<Constraint>,
    #[serde(with = "serde_with::list")]
    rows: Vec<f64>,
    limits: Vec<Limit>,
    #[serde(with = "serde_with::matrix")]
    terms: SVector<f64, NU>,
}

impl<const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize> Kind
    for SolutionData<NX, NU, NP, NS, ND>
{
    const NAME: &'static str = "solution";
    const SIZES: &'static [(&'static str, usize)] =
        &[("states", NX), ("controls", NU), ("parameters", NP), ("stage parameters", NS), ("design variables", ND)];
}

impl<const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize>
    From<&Solution<NX, NU, NP, NS, ND>> for SolutionData<NX, NU, NP, NS, ND>
{
    fn from(solution: &Solution<NX, NU, NP, NS, ND>) -> Self {
        let Solution {
            status,
            cause,
            cost,
            states,
            controls,
            gains,
            costates,
            multipliers,
            bound_multipliers,
            relaxation,
            augmented_lagrangian,
            stats,
            x0,
            params,
            stage_params,
            certificate_data,
            design,
            previous,
            lifted,
        } = solution.clone();
        let CertificateData { curvatures, lower, upper, constraints, rows, limits, terms } = certificate_data;
        let (lower, upper, terms) = (lower.into(), upper.into(), terms.into());
        let certificate = CertificateFields { curvatures, lower, upper, constraints, rows, limits, terms };
        Self {
            about: Header::NEW,
            status,
            cause,
            cost,
            x0,
            params,
            stage_params,
            states,
            controls,
            gains,
            costates,
            multipliers,
            bound_multipliers,
            relaxation,
            augmented_lagrangian,
            stats,
            certificate,
            design,
            previous: previous.into_iter().collect(),
            lifted: lifted.map(|lifted| *lifted),
        }
    }
}

impl<const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize>
    SolutionData<NX, NU, NP, NS, ND>
{
    /// Checks that all lists are of one horizon. Those of limits may be empty.
    fn check(&self) -> Result<(), InputError> {
        let horizon = self.controls.len();
        check_length(Input::States, self.states.len(), horizon + 1)?;
        check_length(Input::Gains, self.gains.len(), horizon)?;
        check_length(Input::Costates, self.costates.len(), horizon + 1)?;
        check_length(Input::StageParams, self.stage_params.len(), horizon + 1)?;
        if !self.bound_multipliers.is_empty() {
            check_length(Input::BoundMultipliers, self.bound_multipliers.len(), horizon)?;
        }
        if let Some(lifted) = &self.lifted {
            lifted.check(horizon, NU)?;
        }
        let multipliers = self.multipliers.stage.len() + self.multipliers.terminal.len();
        check_length(Input::Multipliers, multipliers, self.certificate.constraints.len())
    }
}

impl<const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize>
    TryFrom<SolutionData<NX, NU, NP, NS, ND>> for Solution<NX, NU, NP, NS, ND>
{
    type Error = InputError;

    fn try_from(data: SolutionData<NX, NU, NP, NS, ND>) -> Result<Self, InputError> {
        data.check()?;
        let CertificateFields { curvatures, lower, upper, constraints, rows, limits, terms } = data.certificate;
        Ok(Self {
            status: data.status,
            cause: data.cause,
            cost: data.cost,
            states: data.states,
            controls: data.controls,
            gains: data.gains,
            costates: data.costates,
            multipliers: data.multipliers,
            bound_multipliers: data.bound_multipliers,
            relaxation: data.relaxation,
            augmented_lagrangian: data.augmented_lagrangian,
            stats: data.stats,
            x0: data.x0,
            params: data.params,
            stage_params: data.stage_params,
            design: data.design,
            previous: data.previous.first().copied(),
            lifted: data.lifted.map(Box::new),
            certificate_data: CertificateData {
                curvatures,
                lower: lower.into(),
                upper: upper.into(),
                constraints,
                rows,
                limits,
                terms: terms.into(),
            },
        })
    }
}

through!(Solution<NX, NU, NP, NS, ND>, SolutionData<NX, NU, NP, NS, ND>, [NX, NU, NP, NS, ND]);
