//! One backward stage with bounds on the control: its quadratic program over a box, and the feedback of the free controls.
//!
//! Control-limited differential dynamic programming (Tassa, Mansard and Todorov 2014): the feed-forward term solves
//!
//! ```text
//! minimize  1/2 k' Quu k + Qu' k   subject to   lower - u <= k <= upper - u
//! ```
//!
//! by projected Newton steps (Bertsekas 1982). Rows of the gain are zero where a bound is active.

use nalgebra::{SMatrix, SVector};

use crate::linalg::products::{add_product, add_symmetric_product, add_transposed_product, dot, zeros};
use crate::lq::bounds::Bounds;
use crate::lq::proximal::Proximal;
use crate::lq::riccati::{Blocks, Feedforward, Pattern, Quadratic, StageFactor, ValueFunction};
use crate::scalar::{Mask, Scalar};

/// The control of a stage and its bounds.
#[derive(Clone, Copy, Debug)]
struct BoundedControl<'a, S, const NU: usize> {
    /// `NU`.
    u: &'a SVector<S, NU>,
    bounds: &'a Bounds<S, NU>,
}

impl<S: Scalar, const NX: usize, const NU: usize> StageFactor<S, NX, NU> {
    /// A backward stage at a control `u` within its bounds.
    ///
    /// The gradient of the value function is the closed-loop costate `gx + K' gu + (fx + fu K)' lambda`, as in the stage
    /// without bounds. Therefore the slope of the cost along the step is exactly `sum_t k' Qu`, and not positive.
    ///
    /// The mask is true where `Quu` is positive definite on the free controls. Elsewhere the results are meaningless.
    pub(crate) fn box_constrained_where<P: Pattern<NX, NU>>(
        &mut self,
        stage: &Quadratic<'_, S, NX, NU>,
        proximal: &Proximal<S, NX, NU>,
        (gx, gu): (&SVector<S, NX>, &SVector<S, NU>),
        (u, bounds): (&SVector<S, NU>, &Bounds<S, NU>),
        value_function: &mut ValueFunction<'_, S, NX>,
    ) -> (Feedforward<S, NU, 1>, S::Mask) {
        let ValueFunction { hessian: value, gradient } = value_function;
        let Blocks { qxx, qux, quu } = Blocks::of::<P>(stage, proximal, value);
        let mut qu = *gu;
        add_transposed_product(&mut qu, stage.fu, gradient);

        let (k, free, definite) = self.box_qp(&quu, &qu, BoundedControl { u, bounds });
        self.curvature = quu;
        self.gain = qux;
        for i in 0..NU {
            self.curvature[(i, i)] = S::select(free[i], quu[(i, i)], S::from_f64(f64::INFINITY));
            self.gain.data.0.iter_mut().for_each(|column| column[i] = S::select(free[i], column[i], S::zero()));
        }
        self.quu.solve(&mut self.gain);
        self.gain.data.0.iter_mut().flatten().for_each(|entry| *entry = -*entry);

        // Only the free rows enter Qux' K, and in those Quu K = -Qux.
        **value = qxx;
        add_symmetric_product(value, &qux, &self.gain);
        let mut next = *gx;
        add_transposed_product(&mut next, stage.fx, gradient);
        add_transposed_product(&mut next, &self.gain, &qu);
        **gradient = next;
        (Feedforward { qu, k }, definite)
    }

    /// Solves the quadratic program over the box. Afterwards `self.quu` holds the factors of `Quu` on the free controls, with
    /// ones for the others.
    ///
    /// The results are the step, the free controls, and a mask that is true where the program is solved.
    fn box_qp(
        &mut self,
        quu: &SMatrix<S, NU, NU>,
        qu: &SVector<S, NU>,
        control: BoundedControl<'_, S, NU>,
    ) -> (SVector<S, NU>, [S::Mask; NU], S::Mask) {
        let BoundedControl { u, bounds } = control;
        let mut k: SVector<S, NU> = zeros();
        let mut free = [S::Mask::splat(true); NU];
        // Whether the last step reached the minimum over the free controls.
        let mut whole = S::Mask::splat(false);
        let mut solved = S::Mask::splat(false);
        let mut definite = S::Mask::splat(true);
        // Each round determines a set of free controls. A convex program needs few rounds; others may need any number.
        for _ in 0..20 + 10 * NU {
            let mut at = *u;
            let mut slope = *qu;
            add_product(&mut slope, quu, &k);
            for i in 0..NU {
                at[i] += k[i];
            }
            let held: [S::Mask; NU] = core::array::from_fn(|i| bounds.holds(i, &at, &slope));
            let mut settled = whole;
            for i in 0..NU {
                settled = settled & ((held[i] & !free[i]) | (!held[i] & free[i]));
            }
            solved = solved | settled;
            if (solved | !definite).all() {
                break;
            }
            // Solved lanes do not change.
            for i in 0..NU {
                free[i] = (solved & free[i]) | !(solved | held[i]);
            }
            let (step, sound) = self.free_step(quu, &slope, &free);
            definite = definite & sound;
            if !definite.any() {
                break;
            }
            let (moved, reached) = project(control, &k, &step, |k| {
                let mut curved = *qu;
                let mut product = zeros();
                add_product(&mut product, quu, k);
                for i in 0..NU {
                    curved[i] += S::from_f64(0.5) * product[i];
                }
                dot(&curved, k)
            });
            for i in 0..NU {
                k[i] = S::select(solved, k[i], moved[i]);
            }
            whole = reached;
        }
        (k, free, solved & definite)
    }

    /// The Newton step of the free controls, with zeros for the others, and where their `Quu` is positive definite.
    fn free_step(
        &mut self,
        quu: &SMatrix<S, NU, NU>,
        slope: &SVector<S, NU>,
        free: &[S::Mask; NU],
    ) -> (SVector<S, NU>, S::Mask) {
        let mut masked = *quu;
        let mut step: SVector<S, NU> = zeros();
        for i in 0..NU {
            for j in 0..NU {
                let identity = if i == j { S::one() } else { S::zero() };
                masked[(i, j)] = S::select(free[i] & free[j], quu[(i, j)], identity);
            }
            step[i] = S::select(free[i], -slope[i], S::zero());
        }
        let definite = self.quu.factor(&masked);
        self.quu.solve(&mut step);
        (step, definite)
    }
}

/// `k` moved along the step and projected onto the box, by the largest step length that lowers the objective. The mask is
/// true for a whole step; a step below the rounding of the control counts as whole.
fn project<S: Scalar, const NU: usize>(
    BoundedControl { u, bounds }: BoundedControl<'_, S, NU>,
    k: &SVector<S, NU>,
    step: &SVector<S, NU>,
    objective: impl Fn(&SVector<S, NU>) -> S,
) -> (SVector<S, NU>, S::Mask) {
    let before = objective(k);
    let mut alpha = 1.0;
    let mut moved = *k;
    let mut whole = negligible(u, step);
    let mut searching = S::Mask::splat(true);
    // Down to a step length of 1e-6. A whole step without projection is the minimum over the free controls.
    for _ in 0..20 {
        let mut trial = *k;
        let mut cut = S::Mask::splat(false);
        for i in 0..NU {
            let (lower, upper) = (bounds.lower[i] - u[i], bounds.upper[i] - u[i]);
            trial[i] += S::from_f64(alpha) * step[i];
            let (below, above) = (trial[i].less(lower), upper.less(trial[i]));
            trial[i] = S::select(below, lower, S::select(above, upper, trial[i]));
            cut = cut | below | above;
            moved[i] = S::select(searching, trial[i], moved[i]);
        }
        let uncut = S::Mask::splat(alpha == 1.0) & !cut;
        whole = whole | (searching & uncut);
        searching = searching & !uncut;
        if searching.any() {
            searching = searching & !objective(&trial).less_equal(before);
        }
        if !searching.any() {
            break;
        }
        alpha *= 0.5;
    }
    (moved, whole)
}

/// Whether a step is below the rounding errors of the control.
fn negligible<S: Scalar, const NU: usize>(u: &SVector<S, NU>, step: &SVector<S, NU>) -> S::Mask {
    let floor = S::from_f64(1e-3);
    (0..NU).fold(S::Mask::splat(true), |negligible, i| {
        let size = S::select(u[i].abs().less(floor), floor, u[i].abs());
        negligible & step[i].abs().less_equal(S::from_f64(4.0 * f64::EPSILON) * size)
    })
}

#[cfg(test)]
mod tests {
    use nalgebra::{SMatrix, SVector};

    use super::*;

    /// The solution by enumeration: each of three controls at its lower bound, at its upper bound or free.
    fn by_enumeration(quu: &SMatrix<f64, 3, 3>, qu: &SVector<f64, 3>, lower: f64, upper: f64) -> SVector<f64, 3> {
        let mut best = (f64::INFINITY, SVector::zeros());
        for choice in 0..27_usize {
            let states = [choice % 3, choice / 3 % 3, choice / 9];
            let mut matrix = *quu;
            let mut right = -qu;
            for i in 0..3 {
                if states[i] > 0 {
                    matrix.set_row(i, &SMatrix::zeros());
                    matrix[(i, i)] = 1.0;
                    right[i] = if states[i] == 1 { lower } else { upper };
                }
            }
            let Some(k) = matrix.lu().solve(&right) else { continue };
            let inside = k.iter().all(|k| *k >= lower - 1e-12 && *k <= upper + 1e-12);
            let value = 0.5 * k.dot(&(quu * k)) + qu.dot(&k);
            if inside && value < best.0 {
                best = (value, k);
            }
        }
        best.1
    }

    #[test]
    fn the_program_over_the_box_is_solved() {
        let mut state = 1_u64;
        let mut random = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 53) as f64 * 2.0 - 1.0
        };
        for _ in 0..500 {
            let root = SMatrix::<f64, 3, 3>::from_fn(|_, _| random());
            let quu = root.transpose() * root + SMatrix::identity() * 0.05;
            let qu = SVector::from_fn(|_, _| random());
            let (lower, upper) = (-0.4 * random().abs(), 0.4 * random().abs());
            let bounds = Bounds { lower: SVector::repeat(lower), upper: SVector::repeat(upper) };
            let mut factor = StageFactor::<f64, 1, 3>::zeros();
            let (k, _, solved) = factor.box_qp(&quu, &qu, BoundedControl { u: &SVector::zeros(), bounds: &bounds });
            assert!(solved);
            let expected = by_enumeration(&quu, &qu, lower, upper);
            // Condition numbers here stay below 1e3.
            assert!((k - expected).amax() < 1e-10, "{k} against {expected}");
        }
    }
}
