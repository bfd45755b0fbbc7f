//! DEQ-MPC (Nguyen et al. 2024): imitation by a controller of five stages whose targets a network plans, once or between the rounds
//! of its augmented Lagrangian. On the pendulum and the cart-pole of its demonstrations; the expert is our own controller of fifty
//! stages, or the published data (`--data`).

mod network;
mod policy;
mod report;
mod systems;

use std::path::Path;
use std::time::Instant;

use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{Formulation, Model};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::adam::Adam;
use crate::table::Table;
use crate::{Context, Failure};
use policy::{Method, Policy, Variant, Window, shifted};
use systems::{HORIZON, System, Trajectory, cartpole, pendulum};

/// Steps of a training, and what it is judged by.
#[derive(Clone, Copy, Debug)]
struct Effort {
    seeds: u64,
    steps: usize,
    /// Pairs of successive windows in a step of the training.
    batch: usize,
    /// Trajectories of the expert, of the training and of the validation, and their length.
    demonstrations: usize,
    held_out: usize,
    length: usize,
    /// Windows of the validation, closed loops and their length.
    windows: usize,
    loops: usize,
    loop_length: usize,
}

const FULL: Effort = Effort {
    seeds: 3,
    steps: 3000,
    batch: 16,
    demonstrations: 100,
    held_out: 30,
    length: 70,
    windows: 500,
    loops: 200,
    loop_length: 200,
};

const QUICK: Effort = Effort {
    seeds: 1,
    steps: 1,
    batch: 1,
    demonstrations: 2,
    held_out: 1,
    length: 7,
    windows: 1,
    loops: 1,
    loop_length: 2,
};

/// The step length of Adam, which falls to a tenth.
const RATE: f64 = 2e-3;

/// One training.
#[derive(Clone, Copy, Debug)]
struct Case {
    method: Method,
    variant: Variant,
    demonstrations: usize,
    seed: u64,
}

/// What came of a training.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Row {
    system: String,
    expert: String,
    method: String,
    variant: String,
    demonstrations: usize,
    seed: u64,
    steps: usize,
    /// The mean absolute error of the validation over the sizes of the variables, before and after the training.
    untrained: f64,
    validation: f64,
    /// Windows of the validation without a plan.
    unplanned: usize,
    /// The mean reward of closed loops, and that of our expert on the same; the shares of loops that end upright.
    reward: f64,
    expert_reward: f64,
    upright: f64,
    expert_upright: f64,
    /// States of the closed loops without a plan.
    lost: usize,
    /// Accepted steps of the controller for a control.
    iterations: f64,
    /// Of the training: windows, those without a plan, and plans without a gradient.
    samples: usize,
    unsolved: usize,
    undifferentiable: usize,
    seconds: f64,
}

pub(crate) fn run(context: &Context) -> Result<(), Failure> {
    let rows = Table::open(context.path("deq-mpc.csv"))?;
    let effort = if context.quick { QUICK } else { FULL };
    let expert = if context.data.is_some() { "published" } else { "ours" };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(context.threads).build()?;
    let (mut first, mut second) = (Study::new(pendulum(), effort), Study::new(cartpole(), effort));
    // One seed after another, so that a run that is stopped has seen all cases.
    for seed in 0..effort.seeds {
        let cases = cases(&effort, seed);
        pool.install(|| first.run(context, (&rows, expert), &cases))?;
        pool.install(|| second.run(context, (&rows, expert), &cases))?;
        report::write(context, &rows.rows())?;
    }
    Ok(())
}

/// All cases of a seed: the methods, the losses and gradients of those that iterate, and fewer demonstrations.
fn cases(effort: &Effort, seed: u64) -> Vec<Case> {
    let all = effort.demonstrations;
    let case = |method, variant| Case { method, variant, demonstrations: all, seed };
    let mut cases: Vec<_> = Method::ALL.map(|method| case(method, Variant::Published)).into();
    cases.push(case(Method::DeqDeq, Variant::LastIterate));
    cases.push(case(Method::DeqNn, Variant::LastIterate));
    cases.push(case(Method::DeqNn, Variant::JointFixedPoint));
    for part in [10, 3] {
        let demonstrations = (all / part).max(1);
        let fewer = [Method::DiffNn, Method::DeqDeq];
        if !cases.iter().any(|case| case.demonstrations == demonstrations) {
            cases.extend(fewer.map(|method| Case { demonstrations, ..case(method, Variant::Published) }));
        }
    }
    cases
}

/// A system with its expert's trajectories and reward, from the first case that needs them on.
struct Study<M, E, const NX: usize> {
    system: System<M, E, NX>,
    effort: Effort,
    prepared: Option<(Sets<NX>, (f64, f64))>,
}

impl<M, E, const NX: usize> Study<M, E, NX>
where
    M: Model<NX, 1, 1, NX> + Formulation<NX, 1, 1, NX, 0> + Copy + Send + Sync,
    E: Model<NX, 1, 1> + Formulation<NX, 1, 1, 0, 0> + Copy + Send + Sync,
{
    fn new(system: System<M, E, NX>, effort: Effort) -> Self {
        Self { system, effort, prepared: None }
    }

    /// Runs the cases that are not in the table.
    fn run(&mut self, context: &Context, (rows, expert): (&Table<Row>, &str), cases: &[Case]) -> Result<(), Failure> {
        let Self { system, effort, prepared } = self;
        let is = |row: &Row, case: &Case| {
            (row.system.as_str(), row.expert.as_str(), row.demonstrations, row.seed)
                == (system.name, expert, case.demonstrations, case.seed)
                && (row.method.as_str(), row.variant.as_str()) == (case.method.name(), case.variant.name())
                && row.steps == effort.steps
        };
        let missing: Vec<_> = cases.iter().filter(|case| !rows.contains(|row: &Row| is(row, case))).collect();
        if missing.is_empty() {
            return Ok(());
        }
        if prepared.is_none() {
            let sets = demonstrations(context.data.as_deref(), system, *effort)?;
            *prepared = Some((sets, expert_reward(system, *effort)?));
        }
        let Some(((train, held_out), best)) = &*prepared else { return Ok(()) };
        let bar = context.bar("DEQ-MPC", missing.len());
        let one = |case: &&Case| -> Result<(), Failure> {
            // Each seed has trajectories of its own, where not all are taken.
            let mut drawn = train.clone();
            drawn.shuffle(&mut StdRng::seed_from_u64(case.seed));
            let row = train_and_judge(*system, case, (&drawn[..case.demonstrations], held_out), *effort)?;
            let (expert_reward, expert_upright) = *best;
            rows.append(&[Row { expert: expert.to_owned(), expert_reward, expert_upright, ..row }])?;
            bar.inc(1);
            Ok(())
        };
        missing.par_iter().map(one).collect::<Result<Vec<()>, Failure>>()?;
        bar.finish_and_clear();
        Ok(())
    }
}

type Sets<const NX: usize> = (Vec<Trajectory<NX>>, Vec<Trajectory<NX>>);

/// Trajectories to learn from, and others.
fn demonstrations<M, E, const NX: usize>(
    data: Option<&Path>,
    system: &System<M, E, NX>,
    effort: Effort,
) -> Result<Sets<NX>, Failure>
where
    M: Model<NX, 1, 1, NX> + Copy,
    E: Model<NX, 1, 1> + Formulation<NX, 1, 1, 0, 0> + Copy,
{
    let count = effort.demonstrations + effort.held_out;
    let mut all = match data {
        Some(folder) => {
            let read = system.read(folder)?;
            let mismatch = system.mismatch(&read);
            // The published data have seven digits.
            if mismatch > 1e-4 {
                return Err(format!("the data of the {} differ from its model by {mismatch:.1e}", system.name).into());
            }
            read
        }
        None => system.demonstrations(count, effort.length, 17)?,
    };
    all.retain(|trajectory| trajectory.controls.len() > HORIZON);
    if all.len() < count {
        return Err(format!(
            "{} has {} trajectories of more than {HORIZON} stages, expected {count}",
            system.name,
            all.len()
        )
        .into());
    }
    let held_out = all.split_off(all.len() - effort.held_out);
    Ok((all, held_out))
}

/// The window that begins at stage `t`.
fn window<const NX: usize>(trajectory: &Trajectory<NX>, t: usize) -> Window<NX> {
    let Trajectory { states, controls } = trajectory;
    Window { states: std::array::from_fn(|k| states[t + k]), controls: std::array::from_fn(|k| controls[t + k]) }
}

fn train_and_judge<M, E, const NX: usize>(
    system: System<M, E, NX>,
    case: &Case,
    (train, held_out): (&[Trajectory<NX>], &[Trajectory<NX>]),
    effort: Effort,
) -> Result<Row, Failure>
where
    M: Model<NX, 1, 1, NX> + Formulation<NX, 1, 1, NX, 0> + Copy,
    E: Model<NX, 1, 1> + Formulation<NX, 1, 1, 0, 0> + Copy,
{
    let mut policy = Policy::new(system, (case.method, case.variant), case.seed)?;
    let (untrained, _) = validate(&mut policy, held_out, effort)?;
    let begin = Instant::now();
    let mut adam = Adam::with_epsilon(policy.network.weights.len(), 1e-8);
    let mut random = StdRng::seed_from_u64(100 + case.seed);
    for step in 0..effort.steps {
        let mut gradient = vec![0.0; policy.network.weights.len()];
        let mut used = 0;
        for _ in 0..effort.batch {
            let trajectory = &train[random.random_range(0..train.len())];
            // Two windows in a row, the second from the plan of the first, as in a closed loop.
            let t = random.random_range(0..trajectory.controls.len() - HORIZON);
            let mut first = vec![trajectory.states[t]; HORIZON + 1];
            for t in [t, t + 1] {
                let Some(states) = policy.learn(&window(trajectory, t), &first, &mut gradient)? else { break };
                used += 1;
                first = shifted(&states);
            }
        }
        if used > 0 {
            gradient.iter_mut().for_each(|g| *g /= used as f64);
            clip(&mut gradient);
            let rate = RATE * 0.1_f64.powf(step as f64 / effort.steps as f64);
            adam.step(&mut policy.network.weights, &gradient, rate);
            policy.network.contract();
        }
    }
    let seconds = begin.elapsed().as_secs_f64();
    let refusals = policy.refusals;
    let (validation, unplanned) = validate(&mut policy, held_out, effort)?;
    let (reward, upright, iterations) = close_loops(&system, &mut policy, effort)?;
    Ok(Row {
        system: system.name.to_owned(),
        expert: String::new(),
        method: case.method.name().to_owned(),
        variant: case.variant.name().to_owned(),
        demonstrations: case.demonstrations,
        seed: case.seed,
        steps: effort.steps,
        untrained,
        validation,
        unplanned,
        reward,
        expert_reward: f64::NAN,
        upright,
        expert_upright: f64::NAN,
        lost: policy.unplanned,
        iterations,
        samples: refusals.samples,
        unsolved: refusals.unsolved,
        undifferentiable: refusals.undifferentiable,
        seconds,
    })
}

/// Shortens a gradient to a length of one.
fn clip(gradient: &mut [f64]) {
    let length = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
    if length > 1.0 {
        gradient.iter_mut().for_each(|g| *g /= length);
    }
}

/// The mean error of windows of other trajectories, and the number of those without a plan.
fn validate<M, E, const NX: usize>(
    policy: &mut Policy<M, E, NX>,
    held_out: &[Trajectory<NX>],
    effort: Effort,
) -> Result<(f64, usize), Failure>
where
    M: Model<NX, 1, 1, NX> + Formulation<NX, 1, 1, NX, 0> + Copy,
    E: Copy,
{
    let mut random = StdRng::seed_from_u64(3);
    let (mut sum, mut unplanned) = (0.0, 0);
    for _ in 0..effort.windows {
        let trajectory = &held_out[random.random_range(0..held_out.len())];
        let t = random.random_range(0..=trajectory.controls.len() - HORIZON);
        match policy.error(&window(trajectory, t))? {
            Some(error) => sum += error,
            None => unplanned += 1,
        }
    }
    let planned = effort.windows - unplanned;
    Ok((if planned > 0 { sum / planned as f64 } else { f64::NAN }, unplanned))
}

/// The mean reward of the policy in closed loops, the share of those that end upright, and accepted steps of the controller for a
/// control.
fn close_loops<M, E, const NX: usize>(
    system: &System<M, E, NX>,
    policy: &mut Policy<M, E, NX>,
    effort: Effort,
) -> Result<(f64, f64, f64), Failure>
where
    M: Model<NX, 1, 1, NX> + Formulation<NX, 1, 1, NX, 0> + Copy,
    E: Model<NX, 1, 1> + Formulation<NX, 1, 1, 0, 0> + Copy,
{
    policy.iterations = 0;
    let mut outcomes = Vec::new();
    for start in starts(system, effort) {
        policy.forget();
        outcomes.push(system.reward(start, effort.loop_length, |x| policy.control(x))?);
    }
    let (reward, upright) = means(&outcomes);
    Ok((reward, upright, policy.iterations as f64 / (effort.loops * effort.loop_length) as f64))
}

/// The mean reward, and the share of loops that end upright.
fn means(outcomes: &[(f64, bool)]) -> (f64, f64) {
    let count = outcomes.len() as f64;
    let upright = outcomes.iter().filter(|(_, upright)| *upright).count();
    (outcomes.iter().map(|(reward, _)| reward).sum::<f64>() / count, upright as f64 / count)
}

/// The same of the expert, from the same states.
fn expert_reward<M, E, const NX: usize>(system: &System<M, E, NX>, effort: Effort) -> Result<(f64, f64), Failure>
where
    M: Model<NX, 1, 1, NX> + Copy + Send + Sync,
    E: Model<NX, 1, 1> + Formulation<NX, 1, 1, 0, 0> + Copy + Send + Sync,
{
    let loops = starts(system, effort).into_par_iter().map(|start| {
        let mut expert = system.expert()?;
        system.reward(start, effort.loop_length, |x| expert.control(x))
    });
    Ok(means(&loops.collect::<Result<Vec<_>, Failure>>()?))
}

/// The first states of the closed loops.
fn starts<M, E, const NX: usize>(system: &System<M, E, NX>, effort: Effort) -> Vec<SVector<f64, NX>>
where
    M: Model<NX, 1, 1, NX> + Copy,
    E: Model<NX, 1, 1> + Formulation<NX, 1, 1, 0, 0> + Copy,
{
    let mut random = StdRng::seed_from_u64(5);
    (0..effort.loops).map(|_| system.start(&mut random)).collect()
}
