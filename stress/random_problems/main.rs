//! Random problems of every model, with and without limits, from a fixed seed. States, parameters, horizons and
//! settings are usual to absurd. Nothing panics or hangs. Converged solutions satisfy the optimality conditions with
//! the author's functions. Gradients of a sample agree with differences. Batches equal single solves to the bit, and an
//! invalid entry spoils only its own result.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::neg_cmp_op_on_partial_ord, reason = "what is not known to be small enough, a NaN for one, fails")]

mod draw;
mod gradient;
mod kkt;
mod same;
mod system;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use dilqr_models::{
    acrobot, cartpole, cartpole_cos_sin, lqr, mass_spring_damper, pendulum, pendulum_cos_sin, planar_quadrotor,
    two_link_arm, unicycle, van_der_pol,
};
use dilqr_runtime::{
    GradientError, Hessian, Ilqr, InputError, LossGradient, Problem, Settings, Solution, SolveError, Status, batch,
};
use dilqr_tests::{cart4, demand, discs, floor, pend2, redundant, root, shared, short_rail, shuttle, weak_pendulum};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rayon::prelude::*;

use crate::gradient::Verdict;
use crate::kkt::Conditions;
use crate::system::System;

/// Groups of problems for each model; the problems of a group share horizon and settings.
fn groups() -> u64 {
    let asked = std::env::var("STRESS_GROUPS").ok().and_then(|groups| groups.parse().ok());
    asked.unwrap_or(10)
}
/// Groups of all models with `STRESS_GROUPS=42`: ten thousand problems.
const LONG: usize = 22 * 42;
const PROBLEMS: usize = 10;

/// Problems that do not satisfy their conditions yet: limits that depend on one another, with costates of 1e-24.
const OPEN: &[&str] = &["redundant group 28039 problem"];

/// A problem that takes longer hangs. The longest take seconds, without optimization and on a busy machine.
const HANG: Duration = Duration::from_secs(120);

/// Outcomes and their counts.
#[derive(Default)]
struct Tally {
    counts: BTreeMap<String, usize>,
    failures: Vec<String>,
    slowest: (Duration, String),
}

impl Tally {
    fn count(&mut self, what: impl Into<String>) {
        *self.counts.entry(what.into()).or_default() += 1;
    }

    fn merge(mut self, other: Self) -> Self {
        for (what, count) in other.counts {
            *self.counts.entry(what).or_default() += count;
        }
        self.failures.extend(other.failures);
        if other.slowest.0 > self.slowest.0 {
            self.slowest = other.slowest;
        }
        self
    }
}

/// One model's solves of a group.
fn group<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: M,
    seed: u64,
    watch: &Watch,
) -> Tally
where
    M: System<NX, NU, NP, NS>,
{
    let mut tally = Tally::default();
    let mut random = StdRng::seed_from_u64(seed);
    let horizon = draw::horizon(&mut random);
    let settings = draw::settings(&mut random);
    let mut solver = Ilqr::new(model, horizon, settings).unwrap();
    let mut problems: Vec<Problem<NX, NU, NP, NS>> =
        (0..PROBLEMS).map(|_| draw::problem::<M, NX, NU, NP, NS>(horizon, &mut random)).collect();
    let poisoned = draw::poisoned::<M, NX, NU, NP, NS>(&problems[0], &mut random);
    let place = random.random_range(0..PROBLEMS);
    problems.insert(place, poisoned);

    let mut results = Vec::new();
    for (index, problem) in problems.iter().enumerate() {
        let name = format!("{} group {seed} problem {index}, T = {horizon}", M::NAME);
        let started = watch.begin(&name);
        let result = catch_unwind(AssertUnwindSafe(|| solver.solve(problem)));
        let took = started.elapsed();
        if took > tally.slowest.0 {
            tally.slowest = (took, name.clone());
        }
        let Ok(result) = result else {
            tally.failures.push(format!("{name}: the solve panics"));
            solver = Ilqr::new(model, horizon, settings).unwrap();
            results.push(None);
            continue;
        };
        let judged = catch_unwind(AssertUnwindSafe(|| {
            judge(&mut solver, problem, &result, index == place, &mut random, &mut tally)
        }));
        match judged {
            Ok(Ok(())) => {}
            Ok(Err(failure)) => tally.failures.push(format!("{name}: {failure}; {}", describe(problem, &settings))),
            Err(_) => tally.failures.push(format!("{name}: panics after the solve; {}", describe(problem, &settings))),
        }
        results.push(Some(result));
        watch.end();
    }

    if seed.is_multiple_of(3) {
        let name = format!("{} group {seed}, T = {horizon}", M::NAME);
        watch.begin(&name);
        if let Err(failure) = batches(model, &mut solver, &problems, &results, &mut random, &mut tally) {
            tally.failures.push(format!("{name}: {failure}"));
        }
        watch.end();
    }
    tally
}

/// The description of a problem in a failure.
fn describe<const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    problem: &Problem<NX, NU, NP, NS>,
    settings: &Settings,
) -> String {
    let Settings { tolerance, max_iterations, hessian, relaxation, .. } = settings;
    let (x0, params) = (problem.x0().as_slice(), problem.params().as_slice());
    format!("x0 {x0:?}, params {params:?}, {tolerance:e} {max_iterations} {hessian:?} {relaxation:?}")
}

/// All conditions on one solve.
fn judge<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    solver: &mut Ilqr<M, NX, NU, NP, NS>,
    problem: &Problem<NX, NU, NP, NS>,
    result: &Result<Solution<NX, NU, NP, NS>, SolveError>,
    poisoned: bool,
    random: &mut StdRng,
    tally: &mut Tally,
) -> Result<(), String>
where
    M: System<NX, NU, NP, NS>,
{
    let (model, settings) = (*solver.model(), *solver.settings());
    tally.count("cases");
    let (lower, upper) = M::interval(problem.params());
    let reversed = (0..NU).any(|i| lower[i] > upper[i]);
    let open = poisoned && opened::<M, NX, NU, NP, NS>(problem);
    let solution = match result {
        Ok(_) if poisoned && !open => return Err("a problem with a non-finite number was solved".into()),
        Ok(_) if reversed => return Err("reversed bounds were solved".into()),
        Ok(solution) => solution,
        Err(SolveError::Input(InputError::NonFinite { .. })) if poisoned && !open => {
            tally.count("error: non-finite");
            return Ok(());
        }
        Err(SolveError::UndefinedBound { .. }) if open => {
            tally.count("error: bound infinite on the wrong side");
            return Ok(());
        }
        Err(SolveError::BoundsReversed { .. }) if reversed => {
            tally.count("error: bounds reversed");
            return Ok(());
        }
        Err(error) => return Err(format!("unexpected error: {error}")),
    };
    tally.count(format!("status: {}", solution.status));
    bounded_work(solution, &settings)?;

    let loss = gradient::loss(solution.horizon(), random);
    let derivative = solver.vjp(solution, &loss);
    if solution.status != Status::Converged {
        if solution.status != Status::Diverged {
            sound(solution, model)?;
        }
        if solution.status == Status::Infeasible && !M::LIMITS.constrained() {
            return Err("infeasible without constraints".into());
        }
        return match derivative {
            Err(GradientError::NotConverged { .. }) => Ok(()),
            other => Err(format!("{} was differentiated: {other:?}", solution.status)),
        };
    }
    let kind = match (solution.relaxation, M::LIMITS.constrained(), M::LIMITS.bounded) {
        (Some(_), _, _) => "relaxed",
        (None, true, _) => "constrained",
        (None, false, true) => "bounded",
        (None, false, false) => "free",
    };
    tally.count(format!("converged: {kind}"));
    sound(solution, model)?;
    // The rows of one model always depend on one another, also where there is a derivative.
    let degenerate = derivative.is_err() || M::NAME == "redundant";
    let conditions = Conditions::of(model, solution, &settings, degenerate);
    conditions.first_order()?;
    let curvature = conditions.curvature();
    let exact = settings.hessian == Hessian::Exact || matches!(kind, "constrained" | "relaxed");
    // Smaller curvatures are rounding.
    if exact && curvature <= -1e-9 {
        return Err(format!("not a minimum: curvature {curvature:e}"));
    }
    tally.count(match curvature {
        _ if curvature > 0.0 => "second order: satisfied",
        _ if exact => "second order: within rounding",
        _ => "second order: violated (Gauss-Newton)",
    });
    match &derivative {
        Ok(_) if curvature <= -1e-9 => return Err(format!("differentiated, curvature {curvature:e}")),
        Ok(_) => tally.count("vjp: given"),
        // The stationarity of a Gauss-Newton solve uses other gains.
        Err(error @ GradientError::NotConverged { .. }) if exact => return Err(error.to_string()),
        Err(error) => tally.count(format!("vjp: {}", name(error))),
    }
    // Differences take up to fourteen solves.
    if random.random_bool(if kind == "free" { 0.1 } else { 0.3 }) && solution.horizon() <= 100 {
        match gradient::compare(model, &settings, solution, random) {
            Verdict::Agrees => tally.count(format!("gradient agrees: {kind}")),
            Verdict::Refused => tally.count("gradient: refused"),
            Verdict::Unmeasurable(reason) => tally.count(format!("gradient: unmeasurable, {reason}")),
            Verdict::Wrong(why) => return Err(format!("gradient: {why}")),
        }
    }
    Ok(())
}

/// Whether the number that is not finite is an infinite side of a bound, which a problem may have.
fn opened<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    problem: &Problem<NX, NU, NP, NS>,
) -> bool
where
    M: System<NX, NU, NP, NS>,
{
    M::LIMITS.open_params.iter().any(|&index| problem.params()[index].is_infinite())
}

fn name(error: &GradientError) -> String {
    let text = format!("{error:?}");
    text.split([' ', '{', '(']).next().unwrap_or_default().to_owned()
}

/// A solve does no more work than its settings allow.
fn bounded_work<const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    solution: &Solution<NX, NU, NP, NS>,
    settings: &Settings,
) -> Result<(), String> {
    let stats = solution.stats;
    // From the smallest to the largest weight by factors of 4, twenty-seven increases; and the rounds.
    let increases = 28 * (stats.iterations + 1 + stats.multiplier_updates) + 12 * 28 * (stats.multiplier_updates + 1);
    let trials = settings.line_search.max_trials * increases;
    let within = stats.iterations <= settings.max_iterations
        && stats.multiplier_updates <= 50
        && stats.newton_steps <= 20 * 51
        && stats.line_search_steps <= trials;
    if within { Ok(()) } else { Err(format!("too much work: {stats:?}")) }
}

/// Conditions on every returned trajectory that was finite at the start.
fn sound<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    solution: &Solution<NX, NU, NP, NS>,
    _: M,
) -> Result<(), String>
where
    M: System<NX, NU, NP, NS>,
{
    let numbers = solution.states.iter().flat_map(|x| x.iter()).chain(solution.controls.iter().flat_map(|u| u.iter()));
    if !numbers.chain([&solution.cost]).all(|number| number.is_finite()) {
        return Err(format!("{}: the trajectory is not finite", solution.status));
    }
    let (lower, upper) = M::interval(&solution.params);
    let within = |u: &f64, i: usize| *u >= lower[i] && *u <= upper[i];
    let kept = solution.controls.iter().all(|u| u.iter().enumerate().all(|(i, u)| within(u, i)));
    if !kept {
        return Err(format!("{}: a control is out of bounds", solution.status));
    }
    let certificate = solution.certificate();
    let of = (certificate.stationarity.to_bits(), certificate.violation.to_bits());
    match of == (solution.stats.stationarity.to_bits(), solution.stats.violation.to_bits()) {
        true => Ok(()),
        false => Err("the certificate belongs to another solution".into()),
    }
}

type Solved<const NX: usize, const NU: usize, const NP: usize, const NS: usize> =
    Result<Solution<NX, NU, NP, NS>, SolveError>;

/// A batch gives the results of single solves.
fn batches<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: M,
    solver: &mut Ilqr<M, NX, NU, NP, NS>,
    problems: &[Problem<NX, NU, NP, NS>],
    results: &[Option<Solved<NX, NU, NP, NS>>],
    random: &mut StdRng,
    tally: &mut Tally,
) -> Result<(), String>
where
    M: System<NX, NU, NP, NS>,
{
    let settings = *solver.settings();
    let together = batch::solve(&model, solver.horizon(), &settings, problems);
    let mut solutions = Vec::new();
    for (index, (alone, together)) in results.iter().zip(together).enumerate() {
        match (alone, together) {
            (Some(Ok(alone)), Ok(together)) => {
                same::solutions(alone, &together).map_err(|what| format!("batch entry {index}: {what}"))?;
                solutions.push(together);
            }
            (Some(Err(alone)), Err(together)) if format!("{alone:?}") == format!("{together:?}") => {}
            (None, _) => {}
            (_, together) => return Err(format!("batch entry {index}: {together:?}")),
        }
        tally.count("batch: solved");
    }
    let horizon = solver.horizon();
    let mut losses: Vec<LossGradient<NX, NU>> = solutions.iter().map(|_| gradient::loss(horizon, random)).collect();
    let place = random.random_range(0..losses.len().max(1));
    if let Some(loss) = losses.get_mut(place) {
        loss.states[random.random_range(0..=horizon)][0] = f64::NAN;
    }
    let together = batch::vjp(&model, &settings, &solutions, &losses);
    for (index, ((solution, loss), together)) in solutions.iter().zip(&losses).zip(together).enumerate() {
        let alone = solver.vjp(solution, loss);
        let equal = match (&alone, &together) {
            (Ok(alone), Ok(together)) => same::gradients(alone, together),
            (Err(alone), Err(together)) => format!("{alone:?}") == format!("{together:?}"),
            _ => false,
        };
        let refused = !matches!(together, Err(GradientError::Input(InputError::NonFinite { .. }))) && index == place;
        if !equal || refused {
            return Err(format!("batch gradient {index}: {together:?}, alone {alone:?}"));
        }
        tally.count("batch: differentiated");
    }
    Ok(())
}

/// The current problem of each thread, and its start.
#[derive(Default)]
struct Watch {
    running: Mutex<BTreeMap<String, (Instant, String)>>,
}

impl Watch {
    fn thread() -> String {
        format!("{:?}", std::thread::current().id())
    }

    fn begin(&self, what: &str) -> Instant {
        let now = Instant::now();
        self.running.lock().unwrap().insert(Self::thread(), (now, what.to_owned()));
        now
    }

    fn end(&self) {
        self.running.lock().unwrap().remove(&Self::thread());
    }

    /// Ends the process where something hangs: a thread cannot be ended.
    fn check(&self) {
        for (since, what) in self.running.lock().unwrap().values() {
            if since.elapsed() > HANG {
                eprintln!("{what} has not ended after {HANG:?}");
                std::process::abort();
            }
        }
    }
}

type Job = Box<dyn Fn(&Watch) -> Tally + Send + Sync>;

fn jobs<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(model: M, seed: u64, list: &mut Vec<Job>)
where
    M: System<NX, NU, NP, NS>,
{
    list.extend(
        (0..groups())
            .map(|group_index| Box::new(move |watch: &Watch| group(model, 1000 * seed + group_index, watch)) as Job),
    );
}

#[test]
fn stress() {
    let mut list = Vec::new();
    macro_rules! each {
        ($($seed:literal $model:expr;)*) => { $(jobs($model, $seed, &mut list);)* };
    }
    each! {
        2 cartpole::Cartpole; 6 pendulum::Pendulum; 9 unicycle::Unicycle; 14 root::Root;
        21 weak_pendulum::WeakPendulum; 22 short_rail::ShortRail; 23 discs::Discs; 25 shuttle::Shuttle; 27 demand::Demand;
        1 acrobot::Acrobot; 3 cartpole_cos_sin::CartpoleCosSin; 4 lqr::Lqr; 5 mass_spring_damper::MassSpringDamper;
        7 pendulum_cos_sin::PendulumCosSin; 8 planar_quadrotor::PlanarQuadrotor; 10 van_der_pol::VanDerPol;
        11 two_link_arm::TwoLinkArm; 12 pend2::Pend2; 13 cart4::Cart4;
        24 floor::Floor; 26 shared::Shared; 28 redundant::Redundant;
    }
    let jobs = list.len();
    let watch = Watch::default();
    let done = Mutex::new(false);
    let started = Instant::now();
    // Panics are caught and reported with the problem they came from.
    let tally = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !*done.lock().unwrap() {
                watch.check();
                std::thread::sleep(Duration::from_millis(200));
            }
        });
        let tally = list.par_iter().map(|job| job(&watch)).reduce(Tally::default, Tally::merge);
        *done.lock().unwrap() = true;
        tally
    });
    for (what, count) in &tally.counts {
        println!("{count:6} {what}");
    }
    println!("slowest: {:?}, {}; all: {:?}", tally.slowest.0, tally.slowest.1, started.elapsed());
    let is_open = |failure: &&String| OPEN.iter().any(|open| failure.starts_with(open));
    tally.failures.iter().filter(is_open).for_each(|failure| println!("open: {failure}"));
    let failures: Vec<&String> = tally.failures.iter().filter(|failure| !is_open(failure)).collect();
    assert!(failures.is_empty(), "{} failures:\n{failures:#?}", failures.len());
    // Every outcome occurs often enough. Counts are for ten thousand problems; fewer need half of their share.
    let share = |least: usize| if jobs == LONG { least } else { least * jobs / (2 * LONG) };
    let least = [
        ("converged: free", 2000),
        ("converged: bounded", 100),
        ("converged: constrained", 500),
        ("converged: relaxed", 200),
        ("status: diverged", 100),
        ("status: infeasible", 100),
        ("status: iteration limit", 100),
        ("status: line search failed", 20),
        ("status: regularization limit", 20),
        ("error: bounds reversed", 10),
        ("error: non-finite", 500),
        ("vjp: ConstraintsDependent", 20),
        ("vjp: WeaklyActive", 10),
        ("gradient agrees: free", 200),
        ("gradient agrees: bounded", 10),
        ("gradient agrees: constrained", 100),
        ("gradient agrees: relaxed", 40),
        ("batch: solved", 1000),
        ("batch: differentiated", 1000),
    ];
    for (what, least) in least {
        let (count, least) = (tally.counts.get(what).copied().unwrap_or(0), share(least));
        assert!(count >= least, "{count} times `{what}`, expected at least {least}");
    }
}
