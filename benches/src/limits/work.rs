//! What is timed: solves one by one and in lanes, gradients, and a controller. All on one thread.

use core::hint::black_box;

use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{Ilqr, LossGradient, Model, Mpc, Problem, Settings, Solution, batch};
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::residual::residual;

/// Work that can be repeated, and what came of it.
pub trait Work {
    fn run(&mut self);

    /// Of the last run.
    fn outcome(&self) -> Outcome;

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
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    pub problems: usize,
    /// Converged problems, or gradients that were given.
    pub good: usize,
    /// Accepted steps of all solves.
    pub iterations: usize,
    /// The largest residual among the converged; NaN where nothing is solved.
    pub residual: f64,
}

impl Outcome {
    fn of<'a, M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
        model: &M,
        solutions: impl Iterator<Item = &'a Solution<NX, NU, NP, NS>>,
    ) -> Self
    where
        M: Model<NX, NU, NP, NS>,
    {
        let mut outcome = Self { problems: 0, good: 0, iterations: 0, residual: f64::NAN };
        for solution in solutions {
            outcome.problems += 1;
            outcome.iterations += solution.stats.iterations;
            if solution.status.is_converged() {
                outcome.good += 1;
                outcome.residual = outcome.residual.max(residual(model, solution));
            }
        }
        outcome
    }
}

/// Problems of one model over one horizon, with the parts that solve them.
pub struct Batch<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> {
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
        let problems = solutions.len();
        solutions.retain(|solution| solution.status.is_converged());
        let losses = solutions.iter().map(loss).collect();
        Gradients { model, settings, solver, problems, solutions, losses, given: 0, pool: None }
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

    fn outcome(&self) -> Outcome {
        Outcome::of(&self.model, self.solutions.iter())
    }

    fn costs(&self) -> Vec<f64> {
        costs(&self.solutions)
    }
}

/// Solves in lanes.
pub struct Lanes<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> {
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

    fn outcome(&self) -> Outcome {
        self.batch.outcome()
    }

    fn costs(&self) -> Vec<f64> {
        self.batch.costs()
    }
}

/// Gradients of solutions at hand, with a factorization each.
pub struct Gradients<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> {
    model: M,
    settings: Settings,
    solver: Ilqr<M, NX, NU, NP, NS>,
    /// Converged or not.
    problems: usize,
    solutions: Vec<Solution<NX, NU, NP, NS>>,
    losses: Vec<LossGradient<NX, NU>>,
    given: usize,
    /// For gradients in lanes.
    pool: Option<ThreadPool>,
}

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> Gradients<M, NX, NU, NP, NS> {
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
        let Self { model, settings, solver, solutions, losses, given, pool, .. } = self;
        let model = &*model;
        *given = match pool {
            Some(pool) => {
                let all = pool.install(|| batch::vjp_lanes(model, settings, black_box(solutions), losses));
                all.into_iter().filter(Result::is_ok).count()
            }
            None => {
                let all = solutions.iter().zip(losses.iter());
                all.filter(|(solution, loss)| black_box(solver.vjp(black_box(solution), loss)).is_ok()).count()
            }
        };
    }

    fn outcome(&self) -> Outcome {
        let solved = Outcome::of(&self.model, self.solutions.iter());
        Outcome { problems: self.problems, good: self.given, iterations: 0, ..solved }
    }

    fn costs(&self) -> Vec<f64> {
        costs(&self.solutions)
    }
}

/// A controller in a closed loop with its own model, from a start and with references that move along.
pub struct ClosedLoop<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> {
    mpc: Mpc<M, NX, NU, NP, NS>,
    start: SVector<f64, NX>,
    /// Stage parameters for a measured state.
    references: fn(&SVector<f64, NX>) -> Vec<[f64; NS]>,
    steps: usize,
    outcome: Outcome,
}

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> ClosedLoop<M, NX, NU, NP, NS> {
    pub fn new(
        mpc: Mpc<M, NX, NU, NP, NS>,
        start: [f64; NX],
        references: fn(&SVector<f64, NX>) -> Vec<[f64; NS]>,
        steps: usize,
    ) -> Self {
        let outcome = Outcome { problems: steps, good: 0, iterations: 0, residual: f64::NAN };
        Self { mpc, start: start.into(), references, steps, outcome }
    }
}

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> Work for ClosedLoop<M, NX, NU, NP, NS>
where
    M: Model<NX, NU, NP, NS>,
{
    fn run(&mut self) {
        let Self { mpc, start, references, steps, outcome } = self;
        (outcome.good, outcome.iterations, outcome.residual) = (0, 0, f64::NAN);
        mpc.reset();
        let mut x = *start;
        for _ in 0..*steps {
            let stage_params = references(&x);
            mpc.set_stage_params(&stage_params);
            let step = mpc.step(&x).expect("a measured state");
            outcome.iterations += step.stats.iterations;
            if let (true, Some(plan)) = (step.status.is_converged(), mpc.plan()) {
                outcome.good += 1;
                // A small part of the time of a step.
                outcome.residual = outcome.residual.max(residual(mpc.model(), plan));
            }
            let mut next = SVector::zeros();
            let (params, s) = (mpc.params(), stage_params[0].into());
            let at = dilqr_runtime::model::Stage::new(&x, &step.control, params, &s);
            mpc.model().dynamics(at, &mut next);
            x = next;
        }
    }

    fn outcome(&self) -> Outcome {
        self.outcome
    }

    fn costs(&self) -> Vec<f64> {
        Vec::new()
    }
}
