//! Gradients, Jacobians and certificates as data.

use alloc::vec::Vec;

use nalgebra::{SMatrix, SVector};
use serde::{Deserialize, Serialize};

use crate::certificate::{ActiveLimit, Certificate};
use crate::error::{Input, InputError, check_length};
use crate::gradient::{Gradient, Jacobian, LossGradient};
use crate::linalg::serde_with;
use crate::model::rows::Limit;
use crate::serial::header::{Header, Kind};
use crate::serial::through;

#[derive(Serialize, Deserialize)]
#[serde(rename = "Gradient", deny_unknown_fields)]
struct GradientData<const NX: usize, const NP: usize, const NS: usize> {
    about: Header<Self>,
    #[serde(with = "serde_with::matrix")]
    params: SVector<f64, NP>,
    #[serde(with = "serde_with::matrix")]
    initial_state: SVector<f64, NX>,
    #[serde(with = "serde_with::matrices")]
    stage_params: Vec<SVector<f64, NS>>,
    #[serde(default)]
    weights: Vec<f64>,
}

impl<const NX: usize, const NP: usize, const NS: usize> Kind for GradientData<NX, NP, NS> {
    const NAME: &'static str = "gradient";
    const SIZES: &'static [(&'static str, usize)] = &[("states", NX), ("parameters", NP), ("stage parameters", NS)];
}

impl<const NX: usize, const NP: usize, const NS: usize> From<&Gradient<NX, NP, NS>> for GradientData<NX, NP, NS> {
    fn from(gradient: &Gradient<NX, NP, NS>) -> Self {
        let Gradient { params, initial_state, stage_params, weights } = gradient.clone();
        Self { about: Header::NEW, params, initial_state, stage_params, weights }
    }
}

impl<const NX: usize, const NP: usize, const NS: usize> From<GradientData<NX, NP, NS>> for Gradient<NX, NP, NS> {
    fn from(data: GradientData<NX, NP, NS>) -> Self {
        let GradientData { about: _, params, initial_state, stage_params, weights } = data;
        Self { params, initial_state, stage_params, weights }
    }
}

through!(Gradient<NX, NP, NS>, GradientData<NX, NP, NS>, [NX, NP, NS]);

#[derive(Serialize, Deserialize)]
#[serde(rename = "LossGradient", deny_unknown_fields)]
struct LossGradientData<const NX: usize, const NU: usize, const ND: usize> {
    about: Header<Self>,
    #[serde(with = "serde_with::matrices")]
    states: Vec<SVector<f64, NX>>,
    #[serde(with = "serde_with::matrices")]
    controls: Vec<SVector<f64, NU>>,
    #[serde(with = "serde_with::matrix")]
    design: SVector<f64, ND>,
}

impl<const NX: usize, const NU: usize, const ND: usize> Kind for LossGradientData<NX, NU, ND> {
    const NAME: &'static str = "loss gradient";
    const SIZES: &'static [(&'static str, usize)] = &[("states", NX), ("controls", NU), ("design variables", ND)];
}

impl<const NX: usize, const NU: usize, const ND: usize> From<&LossGradient<NX, NU, ND>>
    for LossGradientData<NX, NU, ND>
{
    fn from(loss: &LossGradient<NX, NU, ND>) -> Self {
        let LossGradient { states, controls, design } = loss.clone();
        Self { about: Header::NEW, states, controls, design }
    }
}

impl<const NX: usize, const NU: usize, const ND: usize> TryFrom<LossGradientData<NX, NU, ND>>
    for LossGradient<NX, NU, ND>
{
    type Error = InputError;

    fn try_from(data: LossGradientData<NX, NU, ND>) -> Result<Self, InputError> {
        let LossGradientData { about: _, states, controls, design } = data;
        check_length(Input::LossStates, states.len(), controls.len() + 1)?;
        Ok(Self { states, controls, design })
    }
}

through!(LossGradient<NX, NU, ND>, LossGradientData<NX, NU, ND>, [NX, NU, ND]);

#[derive(Serialize, Deserialize)]
#[serde(rename = "Jacobian", deny_unknown_fields)]
struct JacobianData<const NX: usize, const NU: usize, const NP: usize, const ND: usize> {
    about: Header<Self>,
    #[serde(with = "serde_with::matrices")]
    states: Vec<SMatrix<f64, NX, NP>>,
    #[serde(with = "serde_with::matrices")]
    controls: Vec<SMatrix<f64, NU, NP>>,
    #[serde(with = "serde_with::matrix")]
    design: SMatrix<f64, ND, NP>,
}

impl<const NX: usize, const NU: usize, const NP: usize, const ND: usize> Kind for JacobianData<NX, NU, NP, ND> {
    const NAME: &'static str = "Jacobian";
    const SIZES: &'static [(&'static str, usize)] =
        &[("states", NX), ("controls", NU), ("parameters", NP), ("design variables", ND)];
}

impl<const NX: usize, const NU: usize, const NP: usize, const ND: usize> From<&Jacobian<NX, NU, NP, ND>>
    for JacobianData<NX, NU, NP, ND>
{
    fn from(jacobian: &Jacobian<NX, NU, NP, ND>) -> Self {
        let Jacobian { states, controls, design } = jacobian.clone();
        Self { about: Header::NEW, states, controls, design }
    }
}

impl<const NX: usize, const NU: usize, const NP: usize, const ND: usize> TryFrom<JacobianData<NX, NU, NP, ND>>
    for Jacobian<NX, NU, NP, ND>
{
    type Error = InputError;

    fn try_from(data: JacobianData<NX, NU, NP, ND>) -> Result<Self, InputError> {
        let JacobianData { about: _, states, controls, design } = data;
        check_length(Input::States, states.len(), controls.len() + 1)?;
        Ok(Self { states, controls, design })
    }
}

through!(Jacobian<NX, NU, NP, ND>, JacobianData<NX, NU, NP, ND>, [NX, NU, NP, ND]);

#[derive(Serialize, Deserialize)]
#[serde(rename = "Certificate", deny_unknown_fields)]
struct CertificateFields {
    about: Header<Self>,
    #[serde(with = "serde_with")]
    stationarity: f64,
    #[serde(with = "serde_with")]
    step: f64,
    #[serde(with = "serde_with")]
    violation: f64,
    violation_stage: Option<usize>,
    #[serde(with = "serde_with")]
    smallest_eigenvalue: f64,
    #[serde(with = "serde_with")]
    condition: f64,
    active: Vec<ActiveLimit>,
    #[serde(with = "serde_with")]
    margin: f64,
    weakest: Option<(usize, Limit)>,
}

impl Kind for CertificateFields {
    const NAME: &'static str = "certificate";
    const SIZES: &'static [(&'static str, usize)] = &[];
}

impl From<&Certificate> for CertificateFields {
    fn from(certificate: &Certificate) -> Self {
        let Certificate {
            stationarity,
            step,
            violation,
            violation_stage,
            smallest_eigenvalue,
            condition,
            active,
            margin,
            weakest,
        } = certificate.clone();
        Self {
            about: Header::NEW,
            stationarity,
            step,
            violation,
            violation_stage,
            smallest_eigenvalue,
            condition,
            active,
            margin,
            weakest,
        }
    }
}

impl From<CertificateFields> for Certificate {
    fn from(data: CertificateFields) -> Self {
        let CertificateFields {
            about: _,
            stationarity,
            step,
            violation,
            violation_stage,
            smallest_eigenvalue,
            condition,
            active,
            margin,
            weakest,
        } = data;
        Self { stationarity, step, violation, violation_stage, smallest_eigenvalue, condition, active, margin, weakest }
    }
}

through!(Certificate, CertificateFields, []);
