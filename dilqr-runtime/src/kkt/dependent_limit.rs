//! The limit to leave out where the rows that a stage receives from later stages depend on one another.

use crate::kkt::active_set::ActiveSet;
use crate::lq::equality_constrained::ConstraintId;
use crate::scalar::ScalarReal;

impl<S: ScalarReal, const NX: usize, const NU: usize> ActiveSet<S, NX, NU> {
    /// The row with the largest share in the combination of rows that is zero at stage `t`, where the recursion has ended:
    /// its stage and its limit. The rows of later stages have reached `t` as combinations, whose weights are known.
    ///
    /// `None` where the recursion has not ended there because a combination is zero.
    pub(super) fn dependent_limit(&self, t: usize) -> Option<(usize, ConstraintId)> {
        let of_initial = || self.initial.as_ref().filter(|_| t == 0)?.rows.dependence();
        let own = self.stages[t].dependence();
        let is_own = own.is_some();
        let mut weights = own.or_else(of_initial)?;
        let (mut largest, mut found) = (0.0, None);
        for (later, stage) in self.stages.iter().enumerate().skip(t) {
            if later > t || !is_own {
                weights = stage.original_weights(&weights);
            }
            let propagated = weights.split_off(stage.sources.len());
            for (j, (&source, weight)) in stage.sources.iter().zip(&weights).enumerate() {
                let share = weight.abs() * stage.row_size(j);
                if share > largest {
                    (largest, found) = (share, Some((later, source)));
                }
            }
            weights = propagated;
        }
        // Terminal rows are scaled, so their sizes are 1.
        for (&source, weight) in self.terminal.sources.iter().zip(&weights) {
            if weight.abs() > largest {
                (largest, found) = (weight.abs(), Some((self.stages.len(), ConstraintId::Constraint(source))));
            }
        }
        found
    }
}
