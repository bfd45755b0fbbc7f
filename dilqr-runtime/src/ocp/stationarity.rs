//! Residuals of the optimality conditions, in measures without units.
//!
//! Three quantities are measured. None is compared with a constant that has a unit:
//!
//! * the residual `Q_u` of stationarity, relative to its terms `l_u` and `f_u' lambda`, which cancel ([`Stationarity`]);
//! * the Newton step, relative to the variables that it changes ([`Magnitudes`]);
//! * a step, relative to the rounding errors of its own terms ([`is_rounding`]): below these it has no correct digit.

use nalgebra::{SMatrix, SVector};

use crate::linalg::products::{larger, zeros};
use crate::lq::bounds::Bounds;
use crate::lq::riccati::Pattern;
use crate::scalar::{Mask, Scalar, ScalarReal};

/// The relative rounding error of a sum of products, beside the sum of their magnitudes. A residual has some tens of terms,
/// each accurate to a few units in the last place.
pub(crate) const ROUNDING: f64 = 64.0 * f64::EPSILON;

/// The largest relative Newton step at a solution, over the settings' tolerance. The step here has the exact Hessian. A
/// solve may have ended on a Gauss-Newton step, which is much shorter than the distance to the solution where such steps
/// contract slowly.
pub(crate) const STEP_MARGIN: f64 = 100.0;

/// The residual of `Q_u = l_u + f_u' lambda` and its terms: the largest of each over the stages, entry by entry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stationarity<R, const NU: usize> {
    residual: SVector<R, NU>,
    terms: SVector<R, NU>,
}

/// `|l_u| + |f_u|' |lambda|`: the terms of `Q_u` before they cancel, `NU`.
#[inline(always)]
pub(crate) fn residual_terms<P: Pattern<NX, NU>, S: Scalar, const NX: usize, const NU: usize>(
    lu: &SVector<S, NU>,
    fu: &SMatrix<S, NX, NU>,
    lambda: &SVector<S, NX>,
) -> SVector<S::Real, NU> {
    let mut terms = zeros::<S::Real, NU, 1>();
    for j in 0..NU {
        terms[j] = lu[j].real().abs();
        for i in 0..NX {
            if P::FU[i][j] {
                terms[j] += fu.data.0[j][i].real().abs() * lambda[i].real().abs();
            }
        }
    }
    terms
}

impl<R: Scalar<Real = R>, const NU: usize> Stationarity<R, NU> {
    /// No stages yet.
    #[inline(always)]
    pub(crate) fn start() -> Self {
        Self { residual: zeros(), terms: zeros() }
    }

    /// Adds a stage.
    #[inline(always)]
    pub(crate) fn add<S: Scalar<Real = R>>(&mut self, qu: &SVector<S, NU>, terms: &SVector<R, NU>) {
        for i in 0..NU {
            self.residual[i] = larger(self.residual[i], qu[i].real().abs());
            self.terms[i] = larger(self.terms[i], terms[i]);
        }
    }

    /// Adds a stage without the entries of `qu` at active bounds.
    #[inline(always)]
    pub(crate) fn add_free<S: Scalar<Real = R, Mask = R::Mask>>(
        &mut self,
        u: &SVector<S, NU>,
        qu: &SVector<S, NU>,
        terms: &SVector<R, NU>,
        bounds: &Bounds<S, NU>,
    ) {
        let mut free = *qu;
        for i in 0..NU {
            free[i] = S::select(bounds.holds(i, u, qu), S::zero(), free[i]);
        }
        self.add(&free, terms);
    }

    /// The largest terms of each entry.
    #[inline(always)]
    pub(crate) fn terms(&self) -> &SVector<R, NU> {
        &self.terms
    }

    /// The largest ratio of residual and terms over the entries; 0 where both are zero.
    pub(crate) fn value(&self) -> R {
        let mut largest = R::zero();
        for i in 0..NU {
            let vanishes = self.residual[i].equal(R::zero());
            let ratio = R::select(vanishes, R::zero(), self.residual[i] / self.terms[i]);
            largest = larger(largest, ratio);
        }
        largest
    }
}

/// Whether the step of each control is a rounding error. It is one if all residuals are below the rounding errors of their
/// terms, or if [`is_rounding_step`].
#[inline(always)]
pub(crate) fn is_rounding<S: Scalar, const NX: usize, const NU: usize>(
    (qu, terms): (&SVector<S, NU>, &SVector<S::Real, NU>),
    (k, gain): (&SVector<S, NU>, &SMatrix<S, NU, NX>),
    at: (&SVector<S, NX>, &SVector<S, NU>),
) -> [S::Mask; NU]
where
    S::Real: Scalar<Real = S::Real, Mask = S::Mask>,
{
    let rounding = S::Real::from_f64(ROUNDING);
    let mut settled = S::Mask::splat(true);
    for j in 0..NU {
        settled = settled & qu[j].real().abs().less_equal(rounding * terms[j]);
    }
    is_rounding_step(k, gain, at).map(|rounding| settled | rounding)
}

/// The value `c` of a row without its rounding error: zero where it is below that of its terms, `|cx|' |x| + |cu|' |u|`.
/// (Dual numbers keep their derivatives.)
pub(crate) fn without_rounding<S: ScalarReal, const NX: usize, const NU: usize>(
    c: S,
    (cx, x): (&SVector<S, NX>, &SVector<S, NX>),
    (cu, u): (&SVector<S, NU>, &SVector<S, NU>),
) -> S {
    let product = |(a, b): (&S, &S)| (a.to_f64() * b.to_f64()).abs();
    let terms: f64 = cx.iter().zip(x.iter()).chain(cu.iter().zip(u.iter())).map(product).sum();
    if c.to_f64().abs() <= ROUNDING * terms { c - S::from_f64(c.to_f64()) } else { c }
}

/// Whether the step `k` of each control is below the rounding errors of the control and of the feedback from the state.
#[inline(always)]
pub(crate) fn is_rounding_step<S: Scalar, const NX: usize, const NU: usize>(
    k: &SVector<S, NU>,
    gain: &SMatrix<S, NU, NX>,
    (x, u): (&SVector<S, NX>, &SVector<S, NU>),
) -> [S::Mask; NU]
where
    S::Real: Scalar<Real = S::Real, Mask = S::Mask>,
{
    core::array::from_fn(|j| {
        let mut size = u[j].real().abs();
        for i in 0..NX {
            size += gain[(j, i)].real().abs() * x[i].real().abs();
        }
        k[j].real().abs().less_equal(S::Real::from_f64(ROUNDING) * size)
    })
}

/// Sets the entries of `next - f` to zero that are rounding errors of their terms `f`, `fx x` and `fu u`.
pub(crate) fn clear_rounding<S: Scalar, const NX: usize, const NU: usize>(
    residual: &mut SVector<S, NX>,
    f: &SVector<S, NX>,
    (fx, x): (&SMatrix<S, NX, NX>, &SVector<S, NX>),
    (fu, u): (&SMatrix<S, NX, NU>, &SVector<S, NU>),
) {
    for i in 0..NX {
        let mut terms = f[i].abs();
        for j in 0..NX {
            terms += fx[(i, j)].abs() * x[j].abs();
        }
        for j in 0..NU {
            terms += fu[(i, j)].abs() * u[j].abs();
        }
        let rounding = residual[i].abs().less_equal(S::from_f64(ROUNDING) * terms);
        residual[i] = S::select(rounding, S::zero(), residual[i]);
    }
}

/// The largest magnitude of each variable along a trajectory: the scale of its changes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Magnitudes<S, const NX: usize, const NU: usize> {
    pub(crate) states: SVector<S, NX>,
    pub(crate) controls: SVector<S, NU>,
}

impl<S: Scalar, const NX: usize, const NU: usize> Magnitudes<S, NX, NU> {
    /// The magnitudes of a trajectory.
    pub(crate) fn of(states: &[SVector<S, NX>], controls: &[SVector<S, NU>]) -> Self {
        let mut magnitudes = Self { states: zeros(), controls: zeros() };
        for x in states {
            for i in 0..NX {
                magnitudes.states[i] = larger(magnitudes.states[i], x[i].abs());
            }
        }
        for u in controls {
            for i in 0..NU {
                magnitudes.controls[i] = larger(magnitudes.controls[i], u[i].abs());
            }
        }
        magnitudes
    }

    /// The largest relative change of a stage; infinite if a variable changes that is zero along the whole trajectory.
    #[inline]
    pub(crate) fn relative(&self, dx: &SVector<S, NX>, du: &SVector<S, NU>) -> S {
        larger(self.relative_state(dx), self.relative_control(du))
    }

    /// [`relative`](Self::relative) of the state alone.
    #[inline]
    pub(crate) fn relative_state(&self, dx: &SVector<S, NX>) -> S {
        largest_ratio(dx, &self.states)
    }

    /// [`relative`](Self::relative) of the control alone.
    #[inline]
    pub(crate) fn relative_control(&self, du: &SVector<S, NU>) -> S {
        largest_ratio(du, &self.controls)
    }
}

/// The largest [`ratio`] of the entries.
#[inline]
fn largest_ratio<S: Scalar, const N: usize>(changes: &SVector<S, N>, sizes: &SVector<S, N>) -> S {
    let mut largest = S::zero();
    for i in 0..N {
        largest = larger(largest, ratio(changes[i], sizes[i]));
    }
    largest
}

/// `|change| / size`, and 0 for a zero change.
#[inline]
fn ratio<S: Scalar>(change: S, size: S) -> S {
    let change = change.abs();
    S::select(change.equal(S::zero()), S::zero(), change / size)
}

/// The largest relative change from one trajectory to another, whose numbers are finite.
pub(crate) fn relative_change<S: Scalar, const NX: usize, const NU: usize>(
    (states, controls): (&[SVector<S, NX>], &[SVector<S, NU>]),
    (new_states, new_controls): (&[SVector<S, NX>], &[SVector<S, NU>]),
) -> S {
    let state = relative_change_of(states, new_states);
    let control = relative_change_of(controls, new_controls);
    larger(state, control)
}

/// The largest change of each entry over its largest magnitude; of these, the largest.
fn relative_change_of<S: Scalar, const N: usize>(from: &[SVector<S, N>], to: &[SVector<S, N>]) -> S {
    let (mut sizes, mut changes) = (zeros::<S, N, 1>(), zeros::<S, N, 1>());
    for (from, to) in from.iter().zip(to) {
        for i in 0..N {
            let (size, change) = (from[i].abs(), (to[i] - from[i]).abs());
            sizes[i] = S::select(size.less_equal(sizes[i]), sizes[i], size);
            changes[i] = S::select(change.less_equal(changes[i]), changes[i], change);
        }
    }
    largest_ratio(&changes, &sizes)
}
