//! Anderson acceleration of a fixed-point iteration (Anderson 1965; Walker and Ni 2011, *Anderson acceleration for fixed-point
//! iterations*, SIAM J. Numer. Anal. 49).

use alloc::vec::Vec;

use nalgebra::SVector;

use crate::implicit::damped_newton::Outcome;
use crate::implicit::function::ImplicitFunction;
use crate::implicit::root::RootFinder;
use crate::implicit::settings::MOST_MEMORY;

/// Newton's method takes over where a step changes every unknown by less than this part of it.
const NEAR: f64 = 1e-4;

/// The weight of the combined steps against one another, relative to their squares: dependent ones share their part.
const DAMPING: f64 = 1e-12;

/// The iteration until its steps are short, for so many steps at most. It goes back to the guess if it does not get there.
pub(super) fn approach<F, const NX: usize, const NY: usize, const NP: usize>(
    finder: &RootFinder<F, NX, NY, NP>,
    params: &SVector<f64, NP>,
    (memory, steps): (usize, usize),
    outcome: &mut Outcome<NY>,
) where
    F: ImplicitFunction<NX, NY, NP>,
{
    // The residual is `y - map(y)`.
    let mut y = outcome.unknown;
    let mut g = -finder.residual(&y, params);
    let mut changes: Vec<(SVector<f64, NY>, SVector<f64, NY>)> = Vec::with_capacity(memory + 1);
    for _ in 0..steps {
        if !g.iter().all(|value| value.is_finite()) {
            return;
        }
        if (0..NY).all(|i| g[i].abs() <= NEAR * y[i].abs()) {
            outcome.unknown = y;
            return;
        }
        let next = y + combined_step(&y, &g, &changes);
        let next_g = -finder.residual(&next, params);
        if changes.len() == memory && memory > 0 {
            changes.remove(0);
        }
        if memory > 0 {
            changes.push((next - y, next_g - g));
        }
        (y, g) = (next, next_g);
        outcome.stats.iterations += 1;
    }
}

/// `g - (dY + dG) gamma` with the `gamma` that makes `g - dG gamma` least, in units of the unknowns.
fn combined_step<const NY: usize>(
    y: &SVector<f64, NY>,
    g: &SVector<f64, NY>,
    changes: &[(SVector<f64, NY>, SVector<f64, NY>)],
) -> SVector<f64, NY> {
    let count = changes.len();
    let scale = SVector::<f64, NY>::from_fn(|i, _| match y[i].abs().max(g[i].abs()) {
        0.0 => 1.0,
        scale => 1.0 / scale,
    });
    let product = |a: &SVector<f64, NY>, b: &SVector<f64, NY>| a.component_mul(&scale).dot(&b.component_mul(&scale));
    let mut normal = [[0.0; MOST_MEMORY]; MOST_MEMORY];
    let mut gamma = [0.0; MOST_MEMORY];
    for (i, (_, dg)) in changes.iter().enumerate() {
        for (j, (_, other)) in changes.iter().enumerate() {
            normal[i][j] = product(dg, other);
        }
        normal[i][i] *= 1.0 + DAMPING;
        gamma[i] = product(dg, g);
    }
    if !eliminate(&mut normal, &mut gamma, count) {
        return *g;
    }
    let mut step = *g;
    for (k, (dy, dg)) in changes.iter().enumerate() {
        step -= (dy + dg) * gamma[k];
    }
    step
}

/// Solves a positive definite system in place; false where it is not.
fn eliminate(a: &mut [[f64; MOST_MEMORY]; MOST_MEMORY], b: &mut [f64; MOST_MEMORY], count: usize) -> bool {
    for k in 0..count {
        if a[k][k].is_nan() || a[k][k] <= 0.0 {
            return false;
        }
        for i in k + 1..count {
            let factor = a[i][k] / a[k][k];
            for j in k..count {
                a[i][j] -= factor * a[k][j];
            }
            b[i] -= factor * b[k];
        }
    }
    for k in (0..count).rev() {
        let known: f64 = (k + 1..count).map(|j| a[k][j] * b[j]).sum();
        b[k] = (b[k] - known) / a[k][k];
    }
    true
}
