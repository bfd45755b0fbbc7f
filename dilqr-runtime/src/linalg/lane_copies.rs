//! Copies between single problems and the lanes of a scalar.

use nalgebra::SMatrix;

use crate::scalar::lanes::Lanes;

/// Puts a list of matrices into a lane.
pub(crate) fn scatter<L: Lanes, const R: usize, const C: usize>(
    lane: usize,
    from: &[SMatrix<f64, R, C>],
    to: &mut [SMatrix<L, R, C>],
) {
    for (from, to) in from.iter().zip(to) {
        scatter_one(lane, from, to);
    }
}

/// Puts a matrix into a lane.
pub(crate) fn scatter_one<L: Lanes, const R: usize, const C: usize>(
    lane: usize,
    from: &SMatrix<f64, R, C>,
    to: &mut SMatrix<L, R, C>,
) {
    for (from, to) in from.iter().zip(to.iter_mut()) {
        to.set_lane(lane, *from);
    }
}

/// Takes a list of matrices out of a lane.
pub(crate) fn gather<L: Lanes, const R: usize, const C: usize>(
    lane: usize,
    from: &[SMatrix<L, R, C>],
    to: &mut [SMatrix<f64, R, C>],
) {
    for (from, to) in from.iter().zip(to) {
        gather_one(lane, from, to);
    }
}

/// Takes a matrix out of a lane.
pub(crate) fn gather_one<L: Lanes, const R: usize, const C: usize>(
    lane: usize,
    from: &SMatrix<L, R, C>,
    to: &mut SMatrix<f64, R, C>,
) {
    for (from, to) in from.iter().zip(to.iter_mut()) {
        *to = from.lane(lane);
    }
}

/// Copies the lanes where the mask holds.
pub(crate) fn masked_copy<L: Lanes, const R: usize, const C: usize>(
    mask: L::Mask,
    from: &[SMatrix<L, R, C>],
    to: &mut [SMatrix<L, R, C>],
) {
    for (from, to) in from.iter().zip(to) {
        for (from, to) in from.iter().zip(to.iter_mut()) {
            *to = L::select(mask, *from, *to);
        }
    }
}

/// Copies a lane of a matrix into a lane of another.
pub(crate) fn copy_lane<L: Lanes, const R: usize, const C: usize>(
    (from, from_lane): (&SMatrix<L, R, C>, usize),
    (to, lane): (&mut SMatrix<L, R, C>, usize),
) {
    for (from, to) in from.iter().zip(to.iter_mut()) {
        to.set_lane(lane, from.lane(from_lane));
    }
}
