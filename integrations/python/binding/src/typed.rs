//! The solver of one model, behind [`AnySolver`].

use std::sync::{Arc, Mutex};

use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{
    Direction, Formulation, Gradient, GradientError, Ilqr, Jacobian, LossGradient, Problem, Settings, SettingsError,
    Solution, batch,
};
use rayon::prelude::*;

use crate::data::{AnySolver, DataVectors, FlatJacobian, Losses, OneGradient, Problems, Second, Sizes, Solved};
use crate::error::{Failure, check_length};
use crate::trajectory::rows;

/// The batch from which on solves and gradients use lanes, as in the layers of the runtime.
const LANES_FROM: usize = 8;

/// Solves problems of a model over a horizon. Each thread that is in a call has an [`Ilqr`] of its own.
pub(crate) struct TypedSolver<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize>
where
    M: Formulation<NX, NU, NP, NS, ND>,
{
    name: &'static str,
    model: M,
    horizon: usize,
    settings: Settings,
    /// Solvers that no call uses.
    idle: Mutex<Vec<Ilqr<M, NX, NU, NP, NS, ND>>>,
}

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize>
    TypedSolver<M, NX, NU, NP, NS, ND>
where
    M: Formulation<NX, NU, NP, NS, ND> + Clone,
{
    pub(crate) fn new(name: &'static str, model: M, horizon: usize, settings: Settings) -> Result<Self, SettingsError> {
        let first = Ilqr::new(model.clone(), horizon, settings)?;
        Ok(Self { name, model, horizon, settings, idle: Mutex::new(vec![first]) })
    }

    /// Calls a function with a solver that no other call uses.
    ///
    /// Where the list is locked, a solver is made, and dropped: no thread waits. So a process that was forked while another
    /// thread held the lock does not wait forever.
    fn with<R>(&self, call: impl FnOnce(&mut Ilqr<M, NX, NU, NP, NS, ND>) -> R) -> Result<R, Failure> {
        let taken = self.idle.try_lock().ok().and_then(|mut idle| idle.pop());
        let mut solver = match taken {
            Some(solver) => solver,
            None => Ilqr::new(self.model.clone(), self.horizon, self.settings)?,
        };
        let result = call(&mut solver);
        if let Ok(mut idle) = self.idle.try_lock() {
            idle.push(solver);
        }
        Ok(result)
    }

    fn sizes() -> Sizes {
        Sizes { nx: NX, nu: NU, np: NP, ns: NS, nd: ND }
    }

    /// The solution of this model that an argument holds.
    fn typed<'a>(&self, solution: &'a Solved) -> Result<&'a Solution<NX, NU, NP, NS, ND>, Failure> {
        let of = |name: &str, horizon: usize| format!("the model {name} over {horizon} stages");
        let typed = solution.as_any().downcast_ref::<Solution<NX, NU, NP, NS, ND>>();
        match typed {
            Some(typed) if typed.horizon() == self.horizon => Ok(typed),
            Some(typed) => {
                Err(Failure::Foreign { given: of(self.name, typed.horizon()), expected: of(self.name, self.horizon) })
            }
            None => Err(Failure::Foreign {
                given: format!("another model over {} stages", solution.horizon()),
                expected: of(self.name, self.horizon),
            }),
        }
    }

    fn typed_batch(&self, solutions: &[Solved]) -> Result<Vec<Solution<NX, NU, NP, NS, ND>>, Failure> {
        solutions.iter().map(|solution| self.typed(solution).cloned()).collect()
    }

    /// Checks the lengths of all lists.
    fn count(&self, problems: &Problems) -> Result<usize, Failure> {
        let Problems { x0, params, stage_params, controls, states, gain, design, previous, start } = problems;
        let (count, horizon) = (x0.len().checked_div(NX).unwrap_or(0), self.horizon);
        if count == 0 {
            return Err(Failure::Argument("the batch is empty, expected at least one initial state".into()));
        }
        check_length("x0", x0.len(), count * NX)?;
        check_length("params", params.len(), count * NP)?;
        check_length("stage_params", stage_params.len(), count * (horizon + 1) * NS)?;
        let optional = |name: &'static str, list: &Option<Vec<f64>>, expected: usize| {
            list.as_ref().map_or(Ok(()), |list| check_length(name, list.len(), expected))
        };
        optional("controls", controls, count * horizon * NU)?;
        optional("states", states, count * (horizon + 1) * NX)?;
        optional("gain", gain, NU * NX)?;
        optional("design", design, count * ND)?;
        optional("previous", previous, count * NU)?;
        start.as_ref().map_or(Ok(()), |start| check_length("start", start.len(), count))?;
        Ok(count)
    }

    /// Problem `k`.
    fn problem(&self, data: &Problems, k: usize) -> Result<Problem<NX, NU, NP, NS, ND>, Failure> {
        let horizon = self.horizon;
        let mut problem = Problem::new(vector::<NX>(&data.x0, k), vector::<NP>(&data.params, k), horizon);
        if NS > 0 {
            problem = problem.with_stage_params(&vectors::<NS>(&data.stage_params, k, horizon + 1));
        }
        if let Some(start) = &data.start {
            problem = problem.with_warm_start(&self.model, self.typed(&start[k])?);
        }
        let controls = data.controls.as_ref().map(|controls| vectors::<NU>(controls, k, horizon));
        if let Some(gain) = &data.gain {
            let gain = dilqr_runtime::nalgebra::SMatrix::<f64, NU, NX>::from_row_slice(gain);
            let policy = move |t: usize, x: &SVector<f64, NX>| {
                controls.as_ref().map_or_else(SVector::zeros, |controls| controls[t]) + gain * x
            };
            problem = problem.with_policy(&self.model, policy);
        } else if let Some(controls) = controls {
            problem = problem.with_controls(&controls);
        }
        if let Some(states) = &data.states {
            problem = problem.with_states(&vectors::<NX>(states, k, horizon + 1));
        }
        if let Some(design) = &data.design {
            problem = problem.with_design(vector::<ND>(design, k));
        }
        if let Some(previous) = &data.previous {
            problem = problem.with_previous(vector::<NU>(previous, k));
        }
        Ok(problem)
    }

    /// The loss gradients of a batch.
    fn losses(&self, losses: &Losses, count: usize) -> Result<Vec<LossGradient<NX, NU, ND>>, Failure> {
        let horizon = self.horizon;
        check_length("d_states", losses.states.len(), count * (horizon + 1) * NX)?;
        check_length("d_controls", losses.controls.len(), count * horizon * NU)?;
        if !losses.design.is_empty() {
            check_length("d_design", losses.design.len(), count * ND)?;
        }
        if !losses.value.is_empty() {
            check_length("d_value", losses.value.len(), count)?;
        }
        let loss = |k: usize| {
            let (states, controls) = (&losses.states, &losses.controls);
            let mut loss =
                LossGradient::new(vectors::<NX>(states, k, horizon + 1), vectors::<NU>(controls, k, horizon));
            if !losses.design.is_empty() {
                loss.design = vector::<ND>(&losses.design, k);
            }
            loss
        };
        Ok((0..count).map(loss).collect())
    }

    /// Directions of a batch.
    fn directions(&self, directions: &DataVectors, count: usize) -> Result<Vec<Direction<NX, NP, NS>>, Failure> {
        let stages = self.horizon + 1;
        let Sizes { nx, np, ns, .. } = Self::sizes();
        check_length("the direction of x0", directions.x0.len(), count * nx)?;
        check_length("the direction of params", directions.params.len(), count * np)?;
        check_length("the direction of stage_params", directions.stage_params.len(), count * stages * ns)?;
        let direction = |k: usize| {
            let direction = Direction::new(vector::<NP>(&directions.params, k));
            let direction = direction.with_initial_state(vector::<NX>(&directions.x0, k));
            if NS == 0 {
                return direction;
            }
            direction.with_stage_params(&vectors::<NS>(&directions.stage_params, k, stages))
        };
        Ok((0..count).map(direction).collect())
    }
}

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize> AnySolver
    for TypedSolver<M, NX, NU, NP, NS, ND>
where
    M: Formulation<NX, NU, NP, NS, ND> + Clone + Send,
    Ilqr<M, NX, NU, NP, NS, ND>: Send,
{
    fn horizon(&self) -> usize {
        self.horizon
    }

    fn settings(&self) -> &Settings {
        &self.settings
    }

    fn solve(&self, problem: &Problems) -> Result<Solved, Failure> {
        self.count(problem).and_then(|count| check_length("the batch", count, 1))?;
        let problem = self.problem(problem, 0)?;
        Ok(Arc::new(self.with(|solver| solver.solve(&problem))??))
    }

    fn solve_batch(&self, problems: &Problems) -> Result<Vec<Solved>, Failure> {
        let count = self.count(problems)?;
        let problems: Vec<_> = (0..count).map(|k| self.problem(problems, k)).collect::<Result<_, _>>()?;
        let solve = if count < LANES_FROM { batch::solve } else { batch::solve_lanes };
        let solved = solve(&self.model, self.horizon, &self.settings, &problems).into_iter().enumerate();
        let solved = solved.map(|(problem, solved)| match solved {
            Ok(solution) => Ok(Arc::new(solution) as Solved),
            Err(error) => Err(Failure::Problem { problem, error }),
        });
        solved.collect()
    }

    fn vjp(&self, solutions: &[Solved], losses: &Losses) -> Result<Vec<OneGradient>, Failure> {
        let all = self.losses(losses, solutions.len())?;
        if losses.value.is_empty() && solutions.len() > 1 {
            let solutions = self.typed_batch(solutions)?;
            let differentiate = if solutions.len() < LANES_FROM { batch::vjp } else { batch::vjp_lanes };
            let gradients = differentiate(&self.model, &self.settings, &solutions, &all);
            return Ok(gradients.into_iter().map(|gradient| gradient.map(flat)).collect());
        }
        // With the gradient of the optimal cost, from the same factorization.
        let one = |k: usize| {
            let solution = self.typed(&solutions[k])?;
            self.with(|solver| {
                let mut sensitivities = solver.differentiate(solution)?;
                let gradient = sensitivities.vjp(&all[k])?;
                match losses.value.get(k) {
                    Some(&factor) if factor != 0.0 => Ok(gradient + sensitivities.value_gradient()? * factor),
                    _ => Ok(gradient),
                }
            })
        };
        let gradients: Result<Vec<Result<_, _>>, _> = if solutions.len() == 1 {
            one(0).map(|gradient| vec![gradient])
        } else {
            (0..solutions.len()).into_par_iter().map(one).collect()
        };
        Ok(gradients?.into_iter().map(|gradient| gradient.map(flat)).collect())
    }

    fn hvp(
        &self,
        solutions: &[Solved],
        losses: &Losses,
        directions: &DataVectors,
    ) -> Result<Vec<Result<Second, GradientError>>, Failure> {
        let all = self.losses(losses, solutions.len())?;
        let directions = self.directions(directions, solutions.len())?;
        let one = |k: usize| {
            let solution = self.typed(&solutions[k])?;
            let (mut states, mut controls) = (Vec::new(), Vec::new());
            let product = self.with(|solver| {
                solver.hvp(solution, &all[k], &directions[k], |dx, du| {
                    (states, controls) = (rows(dx), rows(du));
                    LossGradient::zeros(self.horizon)
                })
            })?;
            Ok(product.map(|gradient| Second { gradient: flat(gradient), states, controls }))
        };
        if solutions.len() == 1 {
            return one(0).map(|product| vec![product]);
        }
        (0..solutions.len()).into_par_iter().map(one).collect()
    }

    fn jacobian(&self, solution: &Solved, stage: Option<usize>) -> Result<FlatJacobian, Failure> {
        let solution = self.typed(solution)?;
        self.with(|solver| match stage {
            None => Ok(flat_jacobian(&solver.jacobian(solution)?)),
            Some(stage) => Ok(flat_jacobian(&solver.stage_jacobian(solution, stage)?)),
        })?
    }

    fn value_gradient(&self, solution: &Solved) -> Result<DataVectors, Failure> {
        let solution = self.typed(solution)?;
        Ok(flat(self.with(|solver| solver.value_gradient(solution))??))
    }
}

/// Vector `k` of a list of vectors.
fn vector<const N: usize>(list: &[f64], k: usize) -> SVector<f64, N> {
    SVector::from_column_slice(&list[k * N..][..N])
}

/// The vectors of problem `k`, `count` of them.
fn vectors<const N: usize>(list: &[f64], k: usize, count: usize) -> Vec<SVector<f64, N>> {
    (k * count..(k + 1) * count).map(|t| vector(list, t)).collect()
}

fn flat<const NX: usize, const NP: usize, const NS: usize>(gradient: Gradient<NX, NP, NS>) -> DataVectors {
    DataVectors {
        x0: gradient.initial_state.as_slice().to_vec(),
        params: gradient.params.as_slice().to_vec(),
        stage_params: rows(&gradient.stage_params),
    }
}

fn flat_jacobian<const NX: usize, const NU: usize, const N: usize, const ND: usize>(
    jacobian: &Jacobian<NX, NU, N, ND>,
) -> FlatJacobian {
    FlatJacobian {
        states: rows(&jacobian.states),
        controls: rows(&jacobian.controls),
        design: rows(std::slice::from_ref(&jacobian.design)),
    }
}
