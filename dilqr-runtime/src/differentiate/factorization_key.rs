//! Which solution a factorization belongs to: several gradients of one solution share it, and the first takes it over from
//! the solve, where that left one.

use alloc::vec::Vec;
use core::iter::once;
use nalgebra::SVector;

use crate::settings::Differentiation;
use crate::solution::Solution;

/// A copy of everything that a factorization depends on, as numbers in a row.
#[derive(Clone, Debug)]
pub(crate) struct Owner {
    data: Vec<f64>,
    /// `None`: the factorization belongs to nothing.
    method: Option<Differentiation>,
}

impl Owner {
    /// Nobody, with room for as many numbers.
    pub(crate) fn none(numbers: usize) -> Self {
        Self { data: Vec::with_capacity(numbers), method: None }
    }

    pub(crate) fn clear(&mut self) {
        self.method = None;
    }

    /// The factorization now is that of `solution`.
    pub(crate) fn set<const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
        &mut self,
        solution: &Solution<NX, NU, NP, NS>,
        method: Differentiation,
    ) {
        // A relaxed problem's factorization depends on the barriers, too.
        self.method = solution.relaxation.is_none().then_some(method);
        self.data.clear();
        parts(solution).for_each(|part| self.data.extend_from_slice(part));
    }

    /// Whether the factorization is that of `solution`, to the bit.
    pub(crate) fn is<const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
        &self,
        solution: &Solution<NX, NU, NP, NS>,
        method: Differentiation,
    ) -> bool {
        let same = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits());
        let mut rest = self.data.as_slice();
        self.method == Some(method)
            && solution.relaxation.is_none()
            && parts(solution).all(|part| {
                rest.split_at_checked(part.len()).is_some_and(|(head, tail)| {
                    rest = tail;
                    same(head, part)
                })
            })
            && rest.is_empty()
    }
}

fn parts<const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    solution: &Solution<NX, NU, NP, NS>,
) -> impl Iterator<Item = &[f64]> {
    let Solution { x0, params, states, controls, stage_params, multipliers, .. } = solution;
    once(x0.as_slice())
        .chain(once(params.as_slice()))
        .chain(states.iter().map(SVector::as_slice))
        .chain(controls.iter().map(SVector::as_slice))
        .chain(stage_params.iter().map(SVector::as_slice))
        .chain([multipliers.stage.as_slice(), multipliers.terminal.as_slice()])
}
