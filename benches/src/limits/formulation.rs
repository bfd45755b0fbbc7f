//! Solves and gradients of models of every kind, among them those with design variables and bounds of states.

use core::hint::black_box;
use std::collections::BTreeMap;

use dilqr_runtime::{Certificate, Formulation, Ilqr, LossGradient, Problem, Settings, Solution};

use super::residual::Residual;
use super::work::{Outcome, Work};

/// One problem with its solver.
pub struct Single<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize>
where
    M: Formulation<NX, NU, NP, NS, ND>,
{
    problem: Problem<NX, NU, NP, NS, ND>,
    solver: Ilqr<M, NX, NU, NP, NS, ND>,
    solution: Solution<NX, NU, NP, NS, ND>,
    /// For gradients of the solution in place of solves.
    loss: Option<LossGradient<NX, NU, ND>>,
}

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize>
    Single<M, NX, NU, NP, NS, ND>
where
    M: Formulation<NX, NU, NP, NS, ND>,
{
    /// Solves the problem once.
    pub fn new(model: M, settings: Settings, problem: Problem<NX, NU, NP, NS, ND>) -> Self {
        let mut solver = Ilqr::new(model, problem.horizon(), settings).expect("the settings are in range");
        let solution = solver.solve(&problem).expect("a problem");
        Self { problem, solver, solution, loss: None }
    }

    /// The gradient of a loss on states and controls, with a factorization of its own.
    pub fn gradient(mut self) -> Self {
        self.loss = Some(LossGradient::new(self.solution.states.clone(), self.solution.controls.clone()));
        self
    }
}

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize> Work
    for Single<M, NX, NU, NP, NS, ND>
where
    M: Formulation<NX, NU, NP, NS, ND>,
{
    fn run(&mut self) {
        match &self.loss {
            None => self.solver.solve_into(black_box(&self.problem), &mut self.solution).expect("a problem"),
            Some(loss) => {
                // A refusal takes its time, too.
                let _ = black_box(self.solver.vjp(black_box(&self.solution), loss));
            }
        }
    }

    fn outcome(&mut self) -> Outcome {
        let Solution { status, stats, .. } = &self.solution;
        let failure = match &self.loss {
            _ if !status.is_converged() => Some(status.to_string()),
            None => None,
            Some(loss) => self.solver.vjp(&self.solution, loss).err().map(|error| error.to_string()),
        };
        // Multipliers of the form with more states and controls are the solver's own, so the certificate measures them.
        let Certificate { stationarity, violation, active, .. } = self.solution.certificate();
        let parts = [("gradient", stationarity), ("violation", violation)];
        Outcome {
            problems: 1,
            good: usize::from(failure.is_none()),
            iterations: stats.iterations,
            active: active.len(),
            residual: parts
                .into_iter()
                .map(|(part, value)| Residual { value, part })
                .fold(Residual::NONE, Residual::or_larger),
            failures: failure.into_iter().map(|failure| (failure, 1)).collect::<BTreeMap<_, _>>(),
        }
    }

    fn costs(&self) -> Vec<f64> {
        vec![if self.solution.status.is_converged() { self.solution.cost } else { f64::NAN }]
    }
}
