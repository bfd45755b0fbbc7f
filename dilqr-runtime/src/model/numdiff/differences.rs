//! Central differences of functions of a stage's variables.

use nalgebra::SVector;
use num_traits::{One, Zero};

use crate::linalg::products::larger;
use crate::model::point::StagePoint;
use crate::scalar::{Mask, Scalar, float};

/// The machine epsilon of the scalar.
fn epsilon<S: Scalar>() -> f64 {
    // The real part of a scalar is an `f64` or an `f32`.
    let is_double = S::one().less(S::from_f64(1.0 + f64::EPSILON));
    if is_double.all() { f64::EPSILON } else { f64::from(f32::EPSILON) }
}

/// The step along `direction` that changes the variable with the largest relative change by `relative * max(1, |z|)`,
/// rounded to a power of 2.
fn step<S: Scalar, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    at: &StagePoint<S, NX, NU, NP, NS>,
    direction: &StagePoint<S, NX, NU, NP, NS>,
    relative: f64,
) -> S::Real {
    fn size<S: Scalar, const N: usize>(at: &SVector<S, N>, direction: &SVector<S, N>) -> S::Real {
        let moved = |i: usize| direction[i].real().abs() / larger(S::Real::one(), at[i].real().abs());
        (0..N).map(moved).fold(S::Real::zero(), larger)
    }
    let by_state = larger(size(&at.x, &direction.x), size(&at.u, &direction.u));
    let by_parameters = larger(size(&at.p, &direction.p), size(&at.s, &direction.s));
    larger(by_state, by_parameters).map_real(|size| {
        // For the zero direction any step will do.
        let step = if size > 0.0 { relative / size } else { relative };
        float::f64::exp2(float::f64::round(float::f64::log2(step)))
    })
}

/// The point `at + length * direction`.
fn shifted<S: Scalar, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    at: &StagePoint<S, NX, NU, NP, NS>,
    direction: &StagePoint<S, NX, NU, NP, NS>,
    length: S::Real,
) -> StagePoint<S, NX, NU, NP, NS> {
    fn shifted<S: Scalar, const N: usize>(at: &SVector<S, N>, direction: &SVector<S, N>, length: S) -> SVector<S, N> {
        SVector::from_fn(|i, _| at[i] + length * direction[i])
    }
    let length = S::from_real(length);
    StagePoint {
        x: shifted(&at.x, &direction.x, length),
        u: shifted(&at.u, &direction.u, length),
        p: shifted(&at.p, &direction.p, length),
        s: shifted(&at.s, &direction.s, length),
    }
}

/// The derivative of a vector function along a direction.
pub(super) fn first<S: Scalar, const N: usize, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    at: &StagePoint<S, NX, NU, NP, NS>,
    direction: &StagePoint<S, NX, NU, NP, NS>,
    function: impl Fn(&StagePoint<S, NX, NU, NP, NS>) -> SVector<S, N>,
) -> SVector<S, N> {
    let h = step(at, direction, float::f64::cbrt(epsilon::<S>()));
    let (plus, minus) = (function(&shifted(at, direction, h)), function(&shifted(at, direction, -h)));
    let scale = S::from_real(S::Real::from_f64(0.5) / h);
    SVector::from_fn(|k, _| (plus[k] - minus[k]) * scale)
}

/// The derivative of a scalar function along a direction.
pub(super) fn slope<S: Scalar, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    at: &StagePoint<S, NX, NU, NP, NS>,
    direction: &StagePoint<S, NX, NU, NP, NS>,
    function: impl Fn(&StagePoint<S, NX, NU, NP, NS>) -> S,
) -> S {
    first(at, direction, |z| SVector::<S, 1>::new(function(z)))[0]
}

/// The second derivative of a scalar function along two directions.
pub(super) fn second<S: Scalar, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    at: &StagePoint<S, NX, NU, NP, NS>,
    a: &StagePoint<S, NX, NU, NP, NS>,
    b: &StagePoint<S, NX, NU, NP, NS>,
    function: impl Fn(&StagePoint<S, NX, NU, NP, NS>) -> S,
) -> S {
    let relative = float::f64::sqrt(float::f64::sqrt(epsilon::<S>()));
    let (ha, hb) = (step(at, a, relative), step(at, b, relative));
    let value = |ha, hb| function(&shifted(&shifted(at, a, ha), b, hb));
    let difference = (value(ha, hb) - value(ha, -hb)) - (value(-ha, hb) - value(-ha, -hb));
    difference * S::from_real(S::Real::from_f64(0.25) / (ha * hb))
}
