//! Random problems: numbers from usual to absurd.

use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{Hessian, Problem, Regularization, Settings};
use rand::Rng;
use rand::rngs::StdRng;

use crate::system::System;

/// A number whose size lies anywhere between the powers of ten.
fn size(random: &mut StdRng, lowest: f64, highest: f64) -> f64 {
    10f64.powf(random.random_range(lowest..highest))
}

fn sign(random: &mut StdRng) -> f64 {
    if random.random_bool(0.5) { 1.0 } else { -1.0 }
}

/// Mostly short, sometimes long, up to 200.
pub(crate) fn horizon(random: &mut StdRng) -> usize {
    match random.random_range(0..20) {
        0 => 1,
        1..=12 => random.random_range(2..=25),
        13..=18 => random.random_range(26..=80),
        _ => random.random_range(81..=200),
    }
}

pub(crate) fn settings(random: &mut StdRng) -> Settings {
    let pick = |choices: &[f64], random: &mut StdRng| choices[random.random_range(0..choices.len())];
    let relaxed = random.random_bool(0.2);
    Settings {
        hessian: if random.random_bool(0.75) { Hessian::Exact } else { Hessian::GaussNewton },
        tolerance: pick(&[1e-9, 1e-9, 1e-9, 1e-6, 1e-3, 1e-12], random),
        max_iterations: pick(&[60.0, 60.0, 60.0, 20.0, 3.0, 0.0], random) as usize,
        regularization: Regularization {
            initial: pick(&[0.0, 0.0, 0.0, 1e-3, 1.0], random),
            ..Regularization::default()
        },
        relaxation: relaxed.then(|| pick(&[1.0, 1e-2, 1e-4, 1e-8], random)),
        ..Settings::default()
    }
}

fn state<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(random: &mut StdRng) -> SVector<f64, NX>
where
    M: System<NX, NU, NP, NS>,
{
    let usual = SVector::from(M::STATE);
    match random.random_range(0..10) {
        0..=6 => usual.map(|x| x * random.random_range(0.3..1.3)),
        7 => usual * size(random, -12.0, 6.0),
        8 => SVector::from_fn(|_, _| sign(random) * size(random, -12.0, 6.0)),
        _ => SVector::zeros(),
    }
}

fn unusual<const N: usize>(values: &mut SVector<f64, N>, random: &mut StdRng) {
    if N == 0 {
        return;
    }
    values.iter_mut().for_each(|value| *value *= random.random_range(0.85..1.15));
    let one = random.random_range(0..N);
    match random.random_range(0..14) {
        0..=8 => {}
        9 => values[one] *= size(random, -6.0, 6.0),
        10 => values.iter_mut().for_each(|value| *value *= size(random, -6.0, 6.0)),
        11 => values[one] = -values[one],
        12 => values[one] = 0.0,
        _ => values[one] *= size(random, -1.0, 1.0),
    }
}

pub(crate) fn problem<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    horizon: usize,
    random: &mut StdRng,
) -> Problem<NX, NU, NP, NS>
where
    M: System<NX, NU, NP, NS>,
{
    let x0 = state::<M, NX, NU, NP, NS>(random);
    let mut params = SVector::from(M::PARAMS);
    unusual(&mut params, random);
    for &(lower, upper) in M::BOUNDS {
        match random.random_range(0..12) {
            0 => params[lower] = params[upper],
            1 => {
                let factor = size(random, -6.0, 6.0);
                params[lower] *= factor;
                params[upper] *= factor;
            }
            2 => params[upper] = params[lower] + size(random, -12.0, -3.0),
            _ => {}
        }
    }
    let mut problem = Problem::new(x0, params, horizon);
    if NS > 0 {
        let strange = random.random_bool(0.2);
        let stage = |_| {
            let mut s = SVector::from(M::STAGE).map(|s| s * random.random_range(0.5..1.5));
            if strange {
                unusual(&mut s, random);
            }
            s
        };
        problem = problem.with_stage_params(&(0..=horizon).map(stage).collect::<Vec<_>>());
    }
    match random.random_range(0..10) {
        0..=4 => problem,
        guess => {
            // Within bounds or far beyond.
            let most = if guess == 9 { size(random, 0.0, 6.0) } else { size(random, -3.0, 0.5) };
            let control = |_| SVector::from_fn(|_, _| most * random.random_range(-1.0..1.0));
            problem.with_controls(&(0..horizon).map(control).collect::<Vec<SVector<f64, NU>>>())
        }
    }
}

/// The same problem with one entry NaN or infinite.
pub(crate) fn poisoned<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    problem: &Problem<NX, NU, NP, NS>,
    random: &mut StdRng,
) -> Problem<NX, NU, NP, NS>
where
    M: System<NX, NU, NP, NS>,
{
    let bad = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY][random.random_range(0..3)];
    let (mut x0, mut params) = (*problem.x0(), *problem.params());
    let mut stage_params = problem.stage_params().to_vec();
    let mut controls = vec![SVector::zeros(); problem.horizon()];
    match random.random_range(0..if NS > 0 { 4 } else { 3 }) {
        0 => x0[random.random_range(0..NX)] = bad,
        1 => params[random.random_range(0..NP)] = bad,
        2 => controls[random.random_range(0..problem.horizon())][random.random_range(0..NU)] = bad,
        _ => stage_params[random.random_range(0..=problem.horizon())][random.random_range(0..NS)] = bad,
    }
    Problem::new(x0, params, problem.horizon()).with_stage_params(&stage_params).with_controls(&controls)
}
