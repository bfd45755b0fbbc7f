//! The terms of a stage's feedback and feed-forward controls before they cancel: below their rounding errors a control has
//! no correct digit.

use alloc::vec::Vec;

use nalgebra::{SMatrix, SVector};

use crate::linalg::products::{add_product, add_transposed_product, zeros};
use crate::lq::equality_constrained::stage::{ActiveLinear, ActiveStage};

impl<const NX: usize, const NU: usize> ActiveStage<f64, NX, NU> {
    /// The terms of `K`: `|Y| + |Z M^-1 Z'| (|Qux| + |Quu| |Y|)`, `NU x NX`.
    pub(crate) fn gain_terms(&self) -> SMatrix<f64, NU, NX> {
        let mut free: SMatrix<f64, NU, NX> = zeros();
        add_product(&mut free, self.null(), &self.gain);
        self.terms(&(self.gain - free).abs(), self.blocks().qux.abs())
    }

    /// The terms of `y`, `NU x C`, and of the constants of the rows to propagate, from those of the own rows and of the rows
    /// that the next stage propagates.
    pub(crate) fn shift_terms<const C: usize>(
        &self,
        own: &[SVector<f64, C>],
        next: &[SVector<f64, C>],
    ) -> (SMatrix<f64, NU, C>, Vec<SVector<f64, C>>) {
        let (mut shift, mut rest): (SMatrix<f64, NU, C>, _) = (zeros(), Vec::new());
        for i in 0..self.rows().len() {
            let originals = own.iter().chain(next).enumerate();
            let terms: SVector<f64, C> = originals.map(|(j, size)| size * self.rows().weight(i, j).abs()).sum();
            match self.rows().pivot(i) {
                Some(pivot) => shift.set_row(pivot, &terms.transpose()),
                None => rest.push(terms),
            }
        }
        (shift, rest)
    }

    /// The terms of `k`: `|y| + |Z M^-1 Z'| (|gu| + |fu|' |v| + |Quu| |y|)`, `NU x C`, where `shift` are those of `y`. `next` is
    /// `v` of the next stage, moved by the offset.
    pub(crate) fn feedforward_terms<const C: usize>(
        &self,
        (linear, next): (&ActiveLinear<f64, NX, NU, C>, &SMatrix<f64, NX, C>),
        shift: &SMatrix<f64, NU, C>,
    ) -> SMatrix<f64, NU, C> {
        let mut from_next = zeros();
        add_transposed_product(&mut from_next, &self.fu, next);
        let mut force = (linear.force() - from_next).abs();
        add_transposed_product(&mut force, &self.fu.abs(), &next.abs());
        self.terms(shift, force)
    }

    /// `shift + |Z M^-1 Z'| (force + |Quu| shift)`
    fn terms<const C: usize>(
        &self,
        shift: &SMatrix<f64, NU, C>,
        mut force: SMatrix<f64, NU, C>,
    ) -> SMatrix<f64, NU, C> {
        add_product(&mut force, &self.blocks().quu.abs(), shift);
        // `Z M^-1 Z'`, column by column.
        let mut inner: SMatrix<f64, NU, NU> = self.null().transpose();
        self.reduced.solve(&mut inner);
        let mut response: SMatrix<f64, NU, NU> = zeros();
        add_product(&mut response, self.null(), &inner);
        let mut terms = *shift;
        add_product(&mut terms, &response.abs(), &force);
        terms
    }
}
