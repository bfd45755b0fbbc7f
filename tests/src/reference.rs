//! The reference data: optimal trajectories and their derivatives, computed independently of this project.

use std::collections::HashMap;
use std::path::PathBuf;

use dilqr_runtime::nalgebra::{SMatrix, SVector};
use dilqr_runtime::{LossGradient, Problem};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// One reference case: Newton on the controls in float64 to 1e-11, derivatives by the implicit function theorem on the
/// dense reduced problem, confirmed by solving again at perturbed parameters.
#[derive(Debug, Deserialize)]
pub struct Reference {
    pub horizon: usize,
    pub params: Vec<f64>,
    pub initial_state: Vec<f64>,
    /// The initial guess. Other guesses can lead to other local minima.
    pub initial_controls: Vec<Vec<f64>>,
    pub cost: f64,
    pub controls: Vec<Vec<f64>>,
    pub states: Vec<Vec<f64>>,
    pub loss_gradient_states: Vec<Vec<f64>>,
    pub loss_gradient_controls: Vec<Vec<f64>>,
    pub grad_params: Vec<f64>,
    pub grad_initial_state: Vec<f64>,
    pub jacobian_controls_params: Vec<Vec<Vec<f64>>>,
    pub jacobian_states_params: Vec<Vec<Vec<f64>>>,
}

/// A case with stage parameters and limits, made by `reference/make_limits.py`. There the problem is one nonlinear
/// program. It is solved by Newton's method on its active set in float64, and differentiated by the implicit function
/// theorem on that dense matrix. Solutions at perturbed parameters and Ipopt confirm it.
#[derive(Debug, Deserialize)]
pub struct Limited {
    #[serde(flatten)]
    pub case: Reference,
    pub stage_params: Vec<Vec<f64>>,
    /// `dJ/dx_t` of the optimal cost-to-go.
    pub costates: Vec<Vec<f64>>,
    /// Of each stage's inequalities.
    pub stage_multipliers: Vec<Vec<f64>>,
    /// Of the terminal equalities.
    pub terminal_multipliers: Vec<f64>,
    /// `Q_u`: positive at a lower, negative at an upper bound.
    pub bound_multipliers: Vec<Vec<f64>>,
    pub grad_stage_params: Vec<Vec<f64>>,
    /// Gradient of the optimal cost.
    pub value_grad_params: Vec<f64>,
    pub value_grad_initial_state: Vec<f64>,
    pub value_grad_stage_params: Vec<Vec<f64>>,
}

/// One case of the comparison with other solvers, from its full KKT system solved to 4e-15. The loss is
/// `1/2 sum u^2 + 1/2 sum_{t >= 1} omega^2`.
#[derive(Debug, Deserialize)]
pub struct Peer {
    pub cost: f64,
    pub controls: Vec<f64>,
    pub last_state: Vec<f64>,
    pub loss: f64,
    pub grad_params: Vec<f64>,
    /// Derivative of the first control with respect to the parameters.
    pub jacobian_first_control: Vec<f64>,
}

impl Reference {
    #[must_use]
    pub fn read(name: &str) -> Self {
        read(name)
    }

    #[must_use]
    pub fn problem<const NX: usize, const NU: usize, const NP: usize>(&self) -> Problem<NX, NU, NP> {
        let controls: Vec<SVector<f64, NU>> = vectors(&self.initial_controls);
        Problem::new(vector(&self.initial_state), vector(&self.params), self.horizon).with_controls(&controls)
    }

    #[must_use]
    pub fn loss<const NX: usize, const NU: usize>(&self) -> LossGradient<NX, NU> {
        LossGradient::new(vectors(&self.loss_gradient_states), vectors(&self.loss_gradient_controls))
    }
}

impl Limited {
    #[must_use]
    pub fn read(name: &str) -> Self {
        read(name)
    }

    #[must_use]
    pub fn problem<const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
        &self,
    ) -> Problem<NX, NU, NP, NS> {
        let case = &self.case;
        Problem::new(vector(&case.initial_state), vector(&case.params), case.horizon)
            .with_stage_params::<SVector<f64, NS>>(&vectors(&self.stage_params))
            .with_controls::<SVector<f64, NU>>(&vectors(&case.initial_controls))
    }
}

impl Peer {
    #[must_use]
    pub fn read(case: &str) -> Self {
        let mut cases: HashMap<String, Self> = read("peers");
        cases.remove(case).unwrap_or_else(|| panic!("no case {case}"))
    }
}

fn read<T: DeserializeOwned>(name: &str) -> T {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("reference").join(name).with_extension("json");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[must_use]
pub fn vector<const N: usize>(entries: &[f64]) -> SVector<f64, N> {
    assert_eq!(entries.len(), N);
    SVector::from_column_slice(entries)
}

#[must_use]
pub fn vectors<const N: usize>(rows: &[Vec<f64>]) -> Vec<SVector<f64, N>> {
    rows.iter().map(|row| vector(row)).collect()
}

#[must_use]
pub fn matrices<const R: usize, const C: usize>(stages: &[Vec<Vec<f64>>]) -> Vec<SMatrix<f64, R, C>> {
    let matrix = |rows: &Vec<Vec<f64>>| {
        assert!(rows.len() == R && rows.iter().all(|row| row.len() == C));
        SMatrix::from_fn(|i, j| rows[i][j])
    };
    stages.iter().map(matrix).collect()
}
