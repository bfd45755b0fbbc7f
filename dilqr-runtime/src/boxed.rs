//! One backward stage with bounds on the control: the stage's quadratic program over a box, and the feedback of what is
//! left free.
//!
//! Control-limited differential dynamic programming (Tassa, Mansard and Todorov 2014): the feed-forward term solves
//!
//! ```text
//! minimise  1/2 k' Quu k + Qu' k   subject to   lower - u <= k <= upper - u
//! ```
//!
//! by projected Newton (Bertsekas 1982), and rows of the gain are zero where a bound holds.

use nalgebra::{SMatrix, SVector};

use crate::dense::{add_product, add_symmetric_product, add_transposed_product, dot, zeros};
use crate::instance::Bounds;
use crate::riccati::{Blocks, Feedforward, NotPositiveDefinite, Pattern, Quadratic, StageFactor};
use crate::scalar::Scalar;

impl<S: Scalar, const NX: usize, const NU: usize> StageFactor<S, NX, NU> {
    /// A backward stage at the control `u` within its bounds. `value` and `gradient` hold those of the next stage's value
    /// function and receive this one's.
    ///
    /// The gradient that is handed on is the closed-loop costate `gx + K' gu + (fx + fu K)' lambda`, as in the stage without
    /// bounds: the slope of the cost along the step then is `sum_t k' Qu` exactly, and not positive.
    ///
    /// # Errors
    /// [`NotPositiveDefinite`] where `Quu` is not, on the controls that stay free.
    pub(crate) fn boxed_where<P: Pattern<NX, NU>>(
        &mut self,
        stage: &Quadratic<'_, S, NX, NU>,
        mu: S,
        gx: &SVector<S, NX>,
        gu: &SVector<S, NU>,
        u: &SVector<S, NU>,
        bounds: &Bounds<S, NU>,
        value: &mut SMatrix<S, NX, NX>,
        gradient: &mut SVector<S, NX>,
    ) -> Result<Feedforward<S, NU, 1>, NotPositiveDefinite> {
        let Blocks { qxx, qux, quu } = Blocks::of::<P>(stage, mu, value);
        let mut qu = *gu;
        add_transposed_product(&mut qu, stage.fu, gradient);

        let (k, free) = self.box_program(&quu, &qu, u, bounds)?;
        self.curvature = quu;
        self.gain = qux;
        for i in 0..NU {
            if !free[i] {
                self.curvature[(i, i)] = S::from_f64(f64::INFINITY);
                self.gain.data.0.iter_mut().for_each(|column| column[i] = S::zero());
            }
        }
        self.quu.solve(&mut self.gain);
        self.gain.data.0.iter_mut().flatten().for_each(|entry| *entry = -*entry);

        // Qux' K sees the free rows only, and there Quu K = -Qux.
        *value = qxx;
        add_symmetric_product(value, &qux, &self.gain);
        let mut next = *gx;
        add_transposed_product(&mut next, stage.fx, gradient);
        add_transposed_product(&mut next, &self.gain, &qu);
        *gradient = next;
        Ok(Feedforward { qu, k })
    }

    /// Solves the program over the box; leaves the factors of the free controls' `Quu` behind, with ones for the others.
    fn box_program(
        &mut self,
        quu: &SMatrix<S, NU, NU>,
        qu: &SVector<S, NU>,
        u: &SVector<S, NU>,
        bounds: &Bounds<S, NU>,
    ) -> Result<(SVector<S, NU>, [bool; NU]), NotPositiveDefinite> {
        let mut k: SVector<S, NU> = zeros();
        let mut free = [true; NU];
        // Whether the last step went all the way to the minimum over the free controls.
        let mut whole = false;
        // Each round settles a set of free controls; a convex program needs few, and one that is not may need any number.
        for _ in 0..20 + 10 * NU {
            let mut at = *u;
            let mut slope = *qu;
            add_product(&mut slope, quu, &k);
            for i in 0..NU {
                at[i] += k[i];
            }
            let held: [bool; NU] = core::array::from_fn(|i| bounds.held(i, &at, &slope).is_some());
            if whole && held.iter().zip(&free).all(|(held, free)| held != free) {
                return Ok((k, free));
            }
            free = held.map(|held| !held);
            let step = self.free_step(quu, &slope, &free)?;
            (k, whole) = project(u, &k, &step, bounds, |k| {
                let mut curved = *qu;
                let mut product = zeros();
                add_product(&mut product, quu, k);
                for i in 0..NU {
                    curved[i] += S::from_f64(0.5) * product[i];
                }
                dot(&curved, k).to_f64()
            });
        }
        Err(NotPositiveDefinite)
    }

    /// The Newton step of the free controls, the others staying.
    fn free_step(
        &mut self,
        quu: &SMatrix<S, NU, NU>,
        slope: &SVector<S, NU>,
        free: &[bool; NU],
    ) -> Result<SVector<S, NU>, NotPositiveDefinite> {
        let mut masked = *quu;
        let mut step: SVector<S, NU> = zeros();
        for i in 0..NU {
            for j in 0..NU {
                if !(free[i] && free[j]) {
                    masked[(i, j)] = if i == j { S::one() } else { S::zero() };
                }
            }
            if free[i] {
                step[i] = -slope[i];
            }
        }
        if !self.quu.factor(&masked) {
            return Err(NotPositiveDefinite);
        }
        self.quu.solve(&mut step);
        Ok(step)
    }
}

/// `k` moved along the step and back into the box, as far along as lowers the objective; and whether that was all of it.
/// (What remains of a step that rounding alone keeps from being whole is no step.)
fn project<S: Scalar, const NU: usize>(
    u: &SVector<S, NU>,
    k: &SVector<S, NU>,
    step: &SVector<S, NU>,
    bounds: &Bounds<S, NU>,
    objective: impl Fn(&SVector<S, NU>) -> f64,
) -> (SVector<S, NU>, bool) {
    let before = objective(k);
    let mut alpha = 1.0;
    let mut moved = *k;
    // Down to a step of 1e-6; a whole step that no bound cuts short is the minimum over the free controls, and is taken.
    for _ in 0..20 {
        let mut cut = false;
        for i in 0..NU {
            let (lower, upper) = (bounds.lower[i] - u[i], bounds.upper[i] - u[i]);
            moved[i] = k[i] + S::from_f64(alpha) * step[i];
            if moved[i].to_f64() < lower.to_f64() {
                moved[i] = lower;
                cut = true;
            } else if moved[i].to_f64() > upper.to_f64() {
                moved[i] = upper;
                cut = true;
            }
        }
        let whole = alpha == 1.0 && !cut;
        if whole || objective(&moved) <= before {
            return (moved, whole || negligible(u, step));
        }
        alpha *= 0.5;
    }
    (moved, negligible(u, step))
}

/// Whether a step is below the rounding of the control.
fn negligible<S: Scalar, const NU: usize>(u: &SVector<S, NU>, step: &SVector<S, NU>) -> bool {
    (0..NU).all(|i| step[i].to_f64().abs() <= 4.0 * f64::EPSILON * u[i].to_f64().abs().max(1e-3))
}

#[cfg(test)]
mod tests {
    use nalgebra::{SMatrix, SVector};

    use super::*;

    /// All ways to hold three controls at a bound or leave them free, tried one by one.
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
            let (k, _) = factor.box_program(&quu, &qu, &SVector::zeros(), &bounds).expect("the program is convex");
            let expected = by_enumeration(&quu, &qu, lower, upper);
            // Condition numbers here stay below 1e3.
            assert!((k - expected).amax() < 1e-10, "{k} against {expected}");
        }
    }
}
