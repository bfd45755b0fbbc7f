//! A controller with a receding horizon, without the sizes of its model in its type.

use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{Cause, Formulation, Mpc, Solution, Stats, Status};

use crate::data::Solved;
use crate::error::{Failure, check_length};
use crate::trajectory::rows;

/// What a step returns.
pub(crate) struct Step {
    /// `NU`.
    pub(crate) control: Vec<f64>,
    /// `NU NX`.
    pub(crate) gain: Vec<f64>,
    pub(crate) status: Status,
    pub(crate) cause: Option<Cause>,
    pub(crate) replanned: bool,
    pub(crate) cost: f64,
    pub(crate) stats: Stats,
}

/// The controller of any model.
pub(crate) trait AnyController: Send {
    fn step(&mut self, x: &[f64]) -> Result<Step, Failure>;
    fn advance(&mut self);
    fn reset(&mut self);
    fn set_params(&mut self, params: &[f64]) -> Result<(), Failure>;
    fn set_stage_params(&mut self, stage_params: &[f64]) -> Result<(), Failure>;
    fn set_previous(&mut self, previous: &[f64]) -> Result<(), Failure>;
    fn params(&self) -> Vec<f64>;
    fn start_from(&mut self, solution: &Solved) -> Result<(), Failure>;
    fn plan(&self) -> Option<Solved>;
}

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize> AnyController
    for Mpc<M, NX, NU, NP, NS, ND>
where
    M: Formulation<NX, NU, NP, NS, ND>,
    Self: Send,
{
    fn step(&mut self, x: &[f64]) -> Result<Step, Failure> {
        check_length("x", x.len(), NX)?;
        let step = Self::step(self, &SVector::from_column_slice(x))?;
        Ok(Step {
            control: step.control.as_slice().to_vec(),
            gain: rows(std::slice::from_ref(&step.gain)),
            status: step.status,
            cause: step.cause,
            replanned: step.replanned,
            cost: step.cost,
            stats: step.stats,
        })
    }

    fn advance(&mut self) {
        Self::advance(self);
    }

    fn reset(&mut self) {
        Self::reset(self);
    }

    fn set_params(&mut self, params: &[f64]) -> Result<(), Failure> {
        check_length("params", params.len(), NP)?;
        Self::set_params(self, SVector::from_column_slice(params));
        Ok(())
    }

    fn set_stage_params(&mut self, stage_params: &[f64]) -> Result<(), Failure> {
        check_length("stage_params", stage_params.len(), (self.horizon() + 1) * NS)?;
        if NS > 0 {
            let stages: Vec<SVector<f64, NS>> = stage_params.chunks_exact(NS).map(SVector::from_column_slice).collect();
            Self::set_stage_params(self, &stages);
        }
        Ok(())
    }

    fn set_previous(&mut self, previous: &[f64]) -> Result<(), Failure> {
        check_length("previous", previous.len(), NU)?;
        Self::set_previous(self, SVector::from_column_slice(previous));
        Ok(())
    }

    fn params(&self) -> Vec<f64> {
        Self::params(self).as_slice().to_vec()
    }

    fn start_from(&mut self, solution: &Solved) -> Result<(), Failure> {
        match solution.as_any().downcast_ref::<Solution<NX, NU, NP, NS, ND>>() {
            Some(solution) => Ok(Self::start_from(self, solution)?),
            None => {
                let given = format!("another model over {} stages", solution.horizon());
                Err(Failure::Foreign { given, expected: "the controller's model".into() })
            }
        }
    }

    fn plan(&self) -> Option<Solved> {
        Self::plan(self).map(|plan| std::sync::Arc::new(plan.clone()) as Solved)
    }
}
