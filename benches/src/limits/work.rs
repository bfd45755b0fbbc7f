//! What is timed: solves one by one and in lanes, gradients, and a controller. All on one thread.

use core::hint::black_box;
use std::collections::BTreeMap;

use dilqr_runtime::model::Stage;
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{Ilqr, LossGradient, Model, Mpc, Problem, Settings, Solution, batch};
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::residual::{Residual, residual};

/// Work that can be repeated, and what came of it.
pub trait Work {
    fn run(&mut self);

    /// Of the last run, or of one more.
    fn outcome(&mut self) -> Outcome;

    /// Optimal costs; NaN where a problem has not converged. None for a controller.
    fn costs(&self) -> Vec<f64>;
}

fn costs<const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    solutions: &[Solution<NX, NU, NP, NS>],
) -> Vec<f64> {
    let cost = |solution: &Solution<NX, NU, NP, NS>| {
        if solution.status.is_converged() { solution.cost } else { f64::NAN }
    };
    solutions.iter().map(cost).collect()
}

/// What came of some problems.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub problems: usize,
    /// Converged problems, or gradients that were given.
    pub good: usize,
    /// Accepted steps of all solves.
    pub iterations: usize,
    /// Active limits of the converged.
    pub active: usize,
    /// The largest residual of the converged.
    pub residual: Residual,
    /// How often each failure came.
    pub failures: BTreeMap<String, usize>,
}

impl Outcome {
    fn new() -> Self {
        Self { problems: 0, good: 0, iterations: 0, active: 0, residual: Residual::NONE, failures: BTreeMap::new() }
    }

    /// Counts a solve.
    fn add<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
        &mut self,
        model: &M,
        solution: &Solution<NX, NU, NP, NS>,
    ) where
        M: Model<NX, NU, NP, NS>,
    {
        self.problems += 1;
        self.iterations += solution.stats.iterations;
        if solution.status.is_converged() {
            self.good += 1;
            self.active += solution.certificate().active.len();
            self.residual = self.residual.or_larger(residual(model, solution));
        } else {
            *self.failures.entry(solution.status.to_string()).or_default() += 1;
        }
    }

    fn of<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
        model: &M,
        solutions: &[Solution<NX, NU, NP, NS>],
    ) -> Self
    where
        M: Model<NX, NU, NP, NS>,
    {
        let mut outcome = Self::new();
        solutions.iter().for_each(|solution| outcome.add(model, solution));
        outcome
    }
}

/// Problems of one model over one horizon, with the parts that solve them.
pub struct Batch<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>
where
    M: Model<NX, NU, NP, NS>,
{
    model: M,
    settings: Settings,
    problems: Vec<Problem<NX, NU, NP, NS>>,
    solver: Ilqr<M, NX, NU, NP, NS>,
    solutions: Vec<Solution<NX, NU, NP, NS>>,
}

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> Batch<M, NX, NU, NP, NS>
where
    M: Model<NX, NU, NP, NS> + Copy + 'static,
{
    /// Solves the problems once.
    pub fn new(model: M, settings: Settings, problems: Vec<Problem<NX, NU, NP, NS>>) -> Self {
        let horizon = problems[0].horizon();
        let mut solver = Ilqr::new(model, horizon, settings).expect("the settings are in range");
        let solutions = problems.iter().map(|problem| solver.solve(problem).expect("a problem")).collect();
        Self { model, settings, problems, solver, solutions }
    }

    /// The gradients of a loss on the solutions that have converged.
    pub fn gradients(self) -> Gradients<M, NX, NU, NP, NS> {
        let Self { model, settings, solver, mut solutions, .. } = self;
        let unsolved = solutions.iter().filter(|solution| !solution.status.is_converged()).count();
        solutions.retain(|solution| solution.status.is_converged());
        let losses = solutions.iter().map(loss).collect();
        Gradients { model, settings, solver, unsolved, solutions, losses, pool: None }
    }

    /// The same solves in lanes.
    pub fn lanes(self) -> Lanes<M, NX, NU, NP, NS> {
        Lanes { batch: self, pool: one_thread() }
    }
}

/// `L = 1/2 sum |x_t|^2 + 1/2 sum |u_t|^2`.
fn loss<const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    solution: &Solution<NX, NU, NP, NS>,
) -> LossGradient<NX, NU> {
    LossGradient::new(solution.states.clone(), solution.controls.clone())
}

fn one_thread() -> ThreadPool {
    ThreadPoolBuilder::new().num_threads(1).build().expect("a thread")
}

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> Work for Batch<M, NX, NU, NP, NS>
where
    M: Model<NX, NU, NP, NS>,
{
    fn run(&mut self) {
        for (problem, solution) in self.problems.iter().zip(&mut self.solutions) {
            self.solver.solve_into(black_box(problem), solution).expect("a problem");
        }
    }

    fn outcome(&mut self) -> Outcome {
        Outcome::of(&self.model, &self.solutions)
    }

    fn costs(&self) -> Vec<f64> {
        costs(&self.solutions)
    }
}

/// Solves in lanes.
pub struct Lanes<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>
where
    M: Model<NX, NU, NP, NS>,
{
    batch: Batch<M, NX, NU, NP, NS>,
    pool: ThreadPool,
}

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> Work for Lanes<M, NX, NU, NP, NS>
where
    M: Model<NX, NU, NP, NS> + Send + Sync,
{
    fn run(&mut self) {
        let Batch { model, settings, problems, solver, solutions } = &mut self.batch;
        let (model, horizon) = (&*model, solver.horizon());
        let solved = self.pool.install(|| batch::solve_lanes(model, horizon, settings, black_box(problems)));
        *solutions = solved.into_iter().map(|solution| solution.expect("a problem")).collect();
    }

    fn outcome(&mut self) -> Outcome {
        self.batch.outcome()
    }

    fn costs(&self) -> Vec<f64> {
        self.batch.costs()
    }
}

/// Gradients of solutions at hand, with a factorization each.
pub struct Gradients<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>
where
    M: Model<NX, NU, NP, NS>,
{
    model: M,
    settings: Settings,
    solver: Ilqr<M, NX, NU, NP, NS>,
    /// Problems that have not converged.
    unsolved: usize,
    solutions: Vec<Solution<NX, NU, NP, NS>>,
    losses: Vec<LossGradient<NX, NU>>,
    /// For gradients in lanes.
    pool: Option<ThreadPool>,
}

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> Gradients<M, NX, NU, NP, NS>
where
    M: Model<NX, NU, NP, NS>,
{
    pub fn in_lanes(mut self) -> Self {
        self.pool = Some(one_thread());
        self
    }
}

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> Work for Gradients<M, NX, NU, NP, NS>
where
    M: Model<NX, NU, NP, NS> + Send + Sync,
{
    fn run(&mut self) {
        let Self { model, settings, solver, solutions, losses, pool, .. } = self;
        let model = &*model;
        match pool {
            Some(pool) => {
                black_box(pool.install(|| batch::vjp_lanes(model, settings, black_box(solutions), losses)));
            }
            None => solutions.iter().zip(losses).for_each(|(solution, loss)| {
                // A refusal takes its time, too.
                let _ = black_box(solver.vjp(black_box(solution), loss));
            }),
        }
    }

    fn outcome(&mut self) -> Outcome {
        let mut outcome = Outcome::of(&self.model, &self.solutions);
        outcome.problems += self.unsolved;
        for (solution, loss) in self.solutions.iter().zip(&self.losses) {
            if let Err(error) = self.solver.vjp(solution, loss) {
                outcome.good -= 1;
                *outcome.failures.entry(error.to_string()).or_default() += 1;
            }
        }
        outcome
    }

    fn costs(&self) -> Vec<f64> {
        costs(&self.solutions)
    }
}

/// A controller in a closed loop with its own model, from a start and with references that move along.
pub struct ClosedLoop<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>
where
    M: Model<NX, NU, NP, NS>,
{
    mpc: Mpc<M, NX, NU, NP, NS>,
    start: SVector<f64, NX>,
    /// Stage parameters for a measured state.
    references: fn(&SVector<f64, NX>) -> Vec<[f64; NS]>,
    steps: usize,
}

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> ClosedLoop<M, NX, NU, NP, NS>
where
    M: Model<NX, NU, NP, NS>,
{
    pub fn new(
        mpc: Mpc<M, NX, NU, NP, NS>,
        start: [f64; NX],
        references: fn(&SVector<f64, NX>) -> Vec<[f64; NS]>,
        steps: usize,
    ) -> Self {
        Self { mpc, start: start.into(), references, steps }
    }
}

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> ClosedLoop<M, NX, NU, NP, NS>
where
    M: Model<NX, NU, NP, NS>,
{
    /// Runs the loop. The observer gets the plan after each step.
    fn simulate(&mut self, mut observe: impl FnMut(&M, &Solution<NX, NU, NP, NS>)) {
        let Self { mpc, start, references, steps } = self;
        mpc.reset();
        let mut x = *start;
        for _ in 0..*steps {
            let stage_params = references(&x);
            mpc.set_stage_params(&stage_params);
            let control = mpc.step(&x).expect("a measured state").control;
            observe(mpc.model(), mpc.plan().expect("a step was made"));
            let (params, s) = (mpc.params(), stage_params[0].into());
            let mut next = SVector::zeros();
            mpc.model().dynamics(Stage::new(&x, &control, params, &s), &mut next);
            x = next;
        }
    }
}

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> Work for ClosedLoop<M, NX, NU, NP, NS>
where
    M: Model<NX, NU, NP, NS>,
{
    fn run(&mut self) {
        self.simulate(|_, _| ());
    }

    fn outcome(&mut self) -> Outcome {
        let mut outcome = Outcome::new();
        self.simulate(|model, plan| outcome.add(model, plan));
        outcome
    }

    fn costs(&self) -> Vec<f64> {
        Vec::new()
    }
}
