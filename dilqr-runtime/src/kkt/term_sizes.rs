//! The largest terms of each variable's change along the solution of a linear solve. A change that is zero along the whole
//! trajectory is so in rounding errors only, and these are to be compared with the terms that cancel.

use alloc::vec::Vec;

use nalgebra::{SMatrix, SVector};

use crate::kkt::active_set::ActiveSet;
use crate::kkt::active_set_linear::ActiveSetLinear;
use crate::linalg::products::{add_product, add_transposed_product, zeros};

/// The largest terms of each variable's change, in `C` linear parts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TermSizes<const NX: usize, const NU: usize, const C: usize> {
    pub(crate) states: SMatrix<f64, NX, C>,
    pub(crate) controls: SMatrix<f64, NU, C>,
}

impl<const NX: usize, const NU: usize> ActiveSet<f64, NX, NU> {
    /// Those of the solution with the linear part that is in `memory` and the states `states`: `|K| |dx| + |k|` of a
    /// control, each with its own terms, and `|fx| |dx| + |fu| |du| + |offset|` of a state. `end` is the linear part of the
    /// terminal state; `row_sizes` are the magnitudes of the rows' constants, stage by stage.
    pub(crate) fn term_sizes<const C: usize>(
        &self,
        memory: &ActiveSetLinear<f64, NX, NU, C>,
        (end, row_sizes): (&SMatrix<f64, NX, C>, &[Vec<SVector<f64, C>>]),
        states: &[SMatrix<f64, NX, C>],
    ) -> TermSizes<NX, NU, C> {
        let mut sizes = TermSizes { states: states[0].abs(), controls: zeros() };
        let mut propagated = Vec::new();
        self.terminal.constants(&row_sizes[self.stages.len()], &mut propagated);
        for (t, linear) in memory.stages.iter().enumerate().rev() {
            let offset = &memory.offsets[t];
            let mut next = memory.stages.get(t + 1).map_or(*end, |next| next.v);
            add_product(&mut next, &self.value_hessians[t + 1], offset);
            for (row, size) in self.propagated_rows(t + 1).zip(&mut propagated) {
                add_transposed_product(size, &offset.abs(), &row.abs());
            }
            let (shift, rest) = self.stages[t].shift_terms(&row_sizes[t], &propagated);
            let feedforward = self.stages[t].feedforward_terms((linear, &next), &shift);
            self.add_terms(t, (&states[t], feedforward, offset.abs()), &mut sizes);
            propagated = rest;
        }
        if let (Some(initial), Some(chosen)) = (&self.initial, &memory.initial) {
            let next = memory.stages.first().map_or(*end, |first| first.v);
            let (shift, _) = initial.rows.shift_terms(&[], &propagated);
            let chosen = initial.rows.feedforward_terms((&chosen.linear, &next), &shift);
            sizes.states = sizes.states.sup(&(initial.stage.fu * chosen));
        }
        self.spread(&mut sizes);
        sizes
    }

    /// Those of a change of the initial state, without any other linear part.
    pub(crate) fn closed_loop_sizes(&self, states: &[SMatrix<f64, NX, NX>]) -> TermSizes<NX, NU, NX> {
        let mut sizes = TermSizes { states: states[0].abs(), controls: zeros() };
        for (t, state) in states.iter().enumerate().take(self.stages.len()) {
            self.add_terms(t, (state, zeros(), zeros()), &mut sizes);
        }
        self.spread(&mut sizes);
        sizes
    }

    /// Adds what rounding errors of one variable are in others: through the dynamics, then through the feedback.
    fn spread<const C: usize>(&self, sizes: &mut TermSizes<NX, NU, C>) {
        let before = *sizes;
        for stage in &self.stages {
            let mut state = zeros();
            add_product(&mut state, &stage.fx.abs(), &before.states);
            add_product(&mut state, &stage.fu.abs(), &before.controls);
            sizes.states = sizes.states.sup(&state);
        }
        let states = sizes.states;
        for stage in &self.stages {
            let mut control = zeros();
            add_product(&mut control, &stage.gain.abs(), &states);
            sizes.controls = sizes.controls.sup(&control);
        }
    }

    /// Adds stage `t`, with the terms of its feed-forward controls and its offset.
    fn add_terms<const C: usize>(
        &self,
        t: usize,
        (dx, feedforward, offset): (&SMatrix<f64, NX, C>, SMatrix<f64, NU, C>, SMatrix<f64, NX, C>),
        sizes: &mut TermSizes<NX, NU, C>,
    ) {
        let stage = &self.stages[t];
        let (mut control, mut state) = (feedforward, offset);
        add_product(&mut control, &stage.gain_terms(), &dx.abs());
        add_product(&mut state, &stage.fx.abs(), &dx.abs());
        // Rounding errors of the control move the state.
        add_product(&mut state, &stage.fu.abs(), &control);
        sizes.controls = sizes.controls.sup(&control);
        sizes.states = sizes.states.sup(&state);
    }
}
