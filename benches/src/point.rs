//! Points at which kernels are timed.

use dilqr_runtime::nalgebra::SVector;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// A point `(x, u, p)` of a stage, a costate, and a direction as the gradient's contraction takes it.
#[derive(Clone, Copy, Debug)]
pub struct Point<const NX: usize, const NU: usize, const NP: usize> {
    pub x: SVector<f64, NX>,
    pub u: SVector<f64, NU>,
    pub p: SVector<f64, NP>,
    pub lambda: SVector<f64, NX>,
    pub dx: SVector<f64, NX>,
    pub du: SVector<f64, NU>,
    pub dlambda: SVector<f64, NX>,
}

/// Seeded points, the parameters within a tenth of `params`, everything else between -1 and 1. A kernel gets other
/// numbers in each call, as in a backward pass.
#[must_use]
pub fn points<const NX: usize, const NU: usize, const NP: usize>(
    params: SVector<f64, NP>,
    count: usize,
) -> Vec<Point<NX, NU, NP>> {
    let mut rng = StdRng::seed_from_u64(2);
    let mut point = || Point {
        x: vector(&mut rng),
        u: vector(&mut rng),
        p: params.map(|value| value * rng.random_range(0.9..1.1)),
        lambda: vector(&mut rng),
        dx: vector(&mut rng),
        du: vector(&mut rng),
        dlambda: vector(&mut rng),
    };
    (0..count).map(|_| point()).collect()
}

fn vector<const N: usize>(rng: &mut StdRng) -> SVector<f64, N> {
    SVector::from_fn(|_, _| rng.random_range(-1.0..1.0))
}
