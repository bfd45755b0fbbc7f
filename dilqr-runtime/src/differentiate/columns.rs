//! How the active limits that are no rows of the LQ problem change with the problem's data.
//!
//! Such a limit holds along the solution path of the others if its total derivative is zero, in every parameter, in every
//! parameter of a stage, in every initial state and along random directions in the weights of networks:
//!
//! ```text
//! dc/dd = c_d + c_x dx/dd + c_u du/dd
//! ```
//!
//! The derivatives of the trajectory are those of the problem without the limit. A sum is zero beside the largest changes of
//! its variables up to its stage, or beside the terms that cancel in them (`tangents`).

use alloc::vec::Vec;

use nalgebra::SVector;

use crate::differentiate::active_row::{ActiveRow, Explicit};
use crate::differentiate::candidate::Candidate;
use crate::differentiate::tangents::{EnforcedRows, Size, Tangents};
use crate::kkt::active_set::ActiveSet;
use crate::model::Model;

/// Whether the limit does not change in any of the data whose derivatives are given, at a solution with the relative
/// Newton step `step`.
fn is_still<const NX: usize, const NU: usize, const C: usize>(
    row: &ActiveRow<NX, NU>,
    tangents: &Tangents<NX, NU, C>,
    (explicit, explicit_size): &(SVector<f64, C>, SVector<f64, C>),
    step: f64,
) -> bool {
    (0..C).all(|k| {
        let mut change = explicit[k];
        let mut size = Size { value: explicit_size[k], terms: explicit_size[k] };
        for i in 0..NX {
            change += row.cx[i] * tangents.jacobian.states[row.stage][(i, k)];
            size.add(row.cx[i], tangents.state(row.stage, i, k));
        }
        if let Some(du) = tangents.jacobian.controls.get(row.stage) {
            for j in 0..NU {
                change += row.cu[j] * du[(j, k)];
                size.add(row.cu[j], tangents.control(row.stage, j, k));
            }
        }
        size.dwarfs(change, step)
    })
}

/// The first of the limits that changes with the data along the solution path of the factorized problem. `step` is the
/// relative Newton step of the solution.
pub(super) fn first_moving<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    system: &ActiveSet<f64, NX, NU>,
    candidate: &Candidate<'_, M, NX, NU, NP, NS>,
    rows: &[ActiveRow<NX, NU>],
    step: f64,
) -> Option<usize>
where
    M: Model<NX, NU, NP, NS>,
{
    let enforced = EnforcedRows::of(system, candidate);
    let explicit: Vec<Explicit<NP, NS>> = rows.iter().map(|row| row.explicit(candidate)).collect();
    let both = || rows.iter().zip(&explicit);
    let tangents = Tangents::in_params(system, candidate, &enforced);
    if let Some(moving) = both().position(|(row, explicit)| !is_still(row, &tangents, &explicit.params, step)) {
        return Some(moving);
    }
    let (tangents, none) = (Tangents::in_initial_state(system), (SVector::zeros(), SVector::zeros()));
    if let Some(moving) = rows.iter().position(|row| !is_still(row, &tangents, &none, step)) {
        return Some(moving);
    }
    if candidate.model.weight_count() > 0 {
        let tangents = Tangents::in_weights(system, candidate, &enforced);
        if let Some(moving) = both().position(|(row, explicit)| !is_still(row, &tangents, &explicit.weights, step)) {
            return Some(moving);
        }
    }
    let stages = if NS == 0 { 0 } else { system.stages.len() + 1 };
    (0..stages).find_map(|stage| {
        let (tangents, none) =
            (Tangents::in_stage_params(system, candidate, (&enforced, stage)), (SVector::zeros(), SVector::zeros()));
        both().position(|(row, explicit)| {
            !is_still(row, &tangents, if row.stage == stage { &explicit.stage } else { &none }, step)
        })
    })
}
