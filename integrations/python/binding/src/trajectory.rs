//! A solution of any model, as flat lists.

use std::any::Any;

use dilqr_runtime::nalgebra::SMatrix;
use dilqr_runtime::{Cause, Certificate, Solution, Stats, Status};

/// A list of a solution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    States,
    Controls,
    Gains,
    Costates,
    Design,
    InitialState,
    Params,
    StageParams,
    BoundMultipliers,
    StageMultipliers,
    TerminalMultipliers,
}

impl Part {
    /// The list with this name in Python.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "states" => Self::States,
            "controls" => Self::Controls,
            "gains" => Self::Gains,
            "costates" => Self::Costates,
            "design" => Self::Design,
            "x0" => Self::InitialState,
            "params" => Self::Params,
            "stage_params" => Self::StageParams,
            "bound_multipliers" => Self::BoundMultipliers,
            "stage_multipliers" => Self::StageMultipliers,
            "terminal_multipliers" => Self::TerminalMultipliers,
            _ => return None,
        })
    }
}

/// A solution without the sizes of its model in its type.
pub(crate) trait Trajectory: Any + Send + Sync {
    fn horizon(&self) -> usize;
    fn status(&self) -> Status;
    fn cause(&self) -> Option<Cause>;
    fn cost(&self) -> f64;
    fn relaxation(&self) -> Option<f64>;
    fn stats(&self) -> Stats;
    fn certificate(&self) -> Certificate;
    /// The numbers of a list, row-major. Where the model has none, or no pass wrote them, it is empty.
    fn list(&self, part: Part) -> Vec<f64>;
    fn as_any(&self) -> &dyn Any;
}

impl<const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize> Trajectory
    for Solution<NX, NU, NP, NS, ND>
{
    fn horizon(&self) -> usize {
        self.controls.len()
    }

    fn status(&self) -> Status {
        self.status
    }

    fn cause(&self) -> Option<Cause> {
        self.cause
    }

    fn cost(&self) -> f64 {
        self.cost
    }

    fn relaxation(&self) -> Option<f64> {
        self.relaxation
    }

    fn stats(&self) -> Stats {
        self.stats
    }

    fn certificate(&self) -> Certificate {
        self.certificate()
    }

    fn list(&self, part: Part) -> Vec<f64> {
        match part {
            Part::States => rows(&self.states),
            Part::Controls => rows(&self.controls),
            Part::Gains => rows(&self.gains),
            Part::Costates => rows(&self.costates),
            Part::Design => self.design.as_slice().to_vec(),
            Part::InitialState => self.x0.as_slice().to_vec(),
            Part::Params => self.params.as_slice().to_vec(),
            Part::StageParams => rows(&self.stage_params),
            Part::BoundMultipliers => rows(&self.bound_multipliers),
            Part::StageMultipliers => self.multipliers.stage.clone(),
            Part::TerminalMultipliers => self.multipliers.terminal.clone(),
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// The entries of matrices one after another, each row by row.
pub(crate) fn rows<const R: usize, const C: usize>(matrices: &[SMatrix<f64, R, C>]) -> Vec<f64> {
    let mut list = Vec::with_capacity(matrices.len() * R * C);
    for matrix in matrices {
        list.extend((0..R).flat_map(|r| (0..C).map(move |c| matrix[(r, c)])));
    }
    list
}
