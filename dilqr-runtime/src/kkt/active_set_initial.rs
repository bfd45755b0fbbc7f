//! The initial state of a problem that chooses entries of it: the end of the recursion with active limits.

use nalgebra::{SMatrix, SVector};

use crate::kkt::active_set::ActiveSet;
use crate::kkt::initial_rows::ActiveInitial;
use crate::kkt::linear::KktSystem;
use crate::kkt::report::ActiveSetReport;
use crate::linalg::products::{add_product, larger};
use crate::lq::equality_constrained::{ActiveStage, Singular, Units};
use crate::lq::riccati::Dense;
use crate::ocp::trajectory::TrajectoryRef;
use crate::scalar::ScalarReal;

impl<S: ScalarReal, const NX: usize, const NU: usize> ActiveSet<S, NX, NU> {
    /// The terms that cancel in the terminal costate: `|l_x| + |c_x|' |mu|`. The derivatives are those of the terminal state
    /// that was factorized.
    pub(super) fn terminal_costate_terms<const NP: usize, const NS: usize>(
        &self,
        point: TrajectoryRef<'_, S, NX, NU, NP, NS>,
    ) -> SVector<S, NX> {
        let mut terms = self.newton.gx[self.horizon()].map(S::abs);
        let rows = self.terminal_expansion.cx.iter().zip(point.multipliers.terminal);
        for (row, &mu) in rows.filter(|(_, mu)| !mu.vanishes()) {
            for j in 0..NX {
                terms[j] += (row[j] * mu).abs();
            }
        }
        terms
    }

    /// Adds the stationarity of the chosen entries of the initial state, whose costate is zero at a solution. `terms` are the
    /// largest terms of each costate along the trajectory: an entry that stays the same has those of all stages.
    pub(super) fn add_initial_stationarity(
        &self,
        lambda: &SVector<S, NX>,
        terms: &SVector<S, NX>,
        report: &mut ActiveSetReport,
    ) {
        let Some(initial) = &self.initial else { return };
        for i in (0..NX).filter(|&i| initial.free[i]) {
            let (residual, terms) = (lambda[i].to_f64().abs(), terms[i].to_f64());
            let relative = if residual == 0.0 { 0.0 } else { residual / terms };
            report.stationarity = larger(report.stationarity, relative);
        }
    }

    /// Whether the problem chooses entries of the initial state.
    pub(crate) fn chooses_start(&self) -> bool {
        self.initial.is_some()
    }

    /// The derivative of the initial state in the given one: chosen entries follow the others.
    pub(crate) fn initial_response(&self) -> SMatrix<S, NX, NX> {
        let Some(initial) = &self.initial else { return SMatrix::from_diagonal_element(S::one()) };
        let mut response = initial.stage.fx;
        add_product(&mut response, &initial.stage.fu, &initial.rows.gain);
        response
    }

    /// Minimizes the value function of the initial state over its chosen entries, subject to the rows that are left over.
    ///
    /// # Errors
    /// Where there is no minimum, or where rows are left over for given entries.
    pub(super) fn eliminate_initial_state(&mut self, value: &mut SMatrix<S, NX, NX>) -> Result<(), (usize, Singular)> {
        let Self { stages, terminal, initial, proximal, .. } = self;
        let Some(initial) = initial else {
            let left_over = |stage: &ActiveStage<S, NX, NU>| stage.propagated_rows().next().is_some();
            let dependent = !self.in_proximal_form && stages.first().is_some_and(left_over);
            return if dependent { Err((0, Singular::Dependent(None))) } else { Ok(()) };
        };
        let ActiveInitial { stage, rows, free } = &mut **initial;
        if self.in_proximal_form {
            let definite = proximal.as_mut().is_some_and(|rows| rows.set_initial(free, value));
            return if definite { Ok(()) } else { Err((0, Singular::Indefinite)) };
        }
        rows.clear();
        let units = Units { states: self.pivot_units.states, controls: self.pivot_units.states };
        let how = (&units, false);
        let eliminated = match stages.first() {
            Some(first) => rows.eliminate::<Dense>(&stage.quadratic(), first.propagated_rows(), value, how),
            None => rows.eliminate::<Dense>(&stage.quadratic(), terminal.rows.iter(), value, how),
        };
        eliminated.map_err(|singular| (0, singular))?;
        // Rows on given entries alone.
        if rows.propagated_rows().next().is_some() { Err((0, Singular::Dependent(None))) } else { Ok(()) }
    }
}
