//! Kinks of a factor with branches: its derivatives change by a jump within the rounding errors of its blocks.
//!
//! A smooth function changes in proportion to the distance, while the jump at a kink is the same at any distance; as for implicit
//! functions (`implicit/kink.rs`), of which a factor is one term.

use nalgebra::{SMatrix, SVector};

use crate::implicit::kink::{DIRECTIONS, FARTHER, entry_jumps, jumps, weight};
use crate::ocp::stationarity::ROUNDING;

/// Whether the gradient or the Hessian jumps beside `y`, where numbers have these sizes.
pub(super) fn is_at_kink<const N: usize>(
    mut at: impl FnMut(&SVector<f64, N>) -> (SVector<f64, N>, SMatrix<f64, N, N>),
    y: &SVector<f64, N>,
    sizes: &SVector<f64, N>,
) -> bool {
    let (slope, here) = at(y);
    for direction in 0..DIRECTIONS {
        for sign in [1.0, -1.0] {
            let by = SVector::<f64, N>::from_fn(|i, _| sign * weight(direction, i) * ROUNDING * sizes[i]);
            let ((near_slope, near), (far_slope, far)) = (at(&(y + by)), at(&(y + by * FARTHER)));
            for i in 0..N {
                // The terms that a slope is the sum of.
                let terms: f64 = (0..N).map(|j| (here[(i, j)] * sizes[j]).abs()).sum::<f64>() + slope[i].abs();
                let of_entry = |j: usize| entry_jumps(here[(i, j)], near[(i, j)], far[(i, j)]);
                if jumps(slope[i], (near_slope[i], far_slope[i]), terms) || (0..N).any(of_entry) {
                    return true;
                }
            }
        }
    }
    false
}
