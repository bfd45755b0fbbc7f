//! The Newton step of the optimality conditions with rows for active limits.

use nalgebra::SVector;

use crate::kkt::active_set::ActiveSet;
use crate::kkt::active_set_linear::ActiveSetLinear;
use crate::kkt::linear::{KktSystem, largest_relative_step};
use crate::model::limits::Limits;
use crate::ocp::stationarity::{Magnitudes, is_rounding_step};
use crate::scalar::ScalarReal;

impl<S: ScalarReal, const NX: usize, const NU: usize> ActiveSet<S, NX, NU> {
    /// The Newton step of the optimality conditions, from the trajectory and its data alone: `multipliers` receives the new
    /// multipliers of the constraints, those of a stage after those of another, then the terminal ones. The feed-forward
    /// terms stay in `memory`. Returns the largest relative change of the trajectory.
    pub(crate) fn newton_step(
        &self,
        memory: &mut ActiveSetLinear<S, NX, NU, 1>,
        limits: &Limits,
        multipliers: &mut [S],
        (states, controls): (&[SVector<S, NX>], &[SVector<S, NU>]),
    ) -> S {
        let (newton, horizon) = (&self.newton, self.horizon());
        let end = self.backward(memory, |t, terms| {
            terms.gx = newton.gx[t];
            if t < horizon {
                terms.gu = newton.gu[t];
            }
            terms.rows.extend_from_slice(&newton.rows[t]);
        });
        multipliers.fill(S::zero());
        self.forward(memory, &end, |t, step| self.store_multipliers(t, step.rows, limits, multipliers));
        self.relative_step(memory, states, controls)
    }

    /// The largest relative change of the step whose feed-forward terms are in `memory`. Those that are rounding errors
    /// count as zero.
    fn relative_step(
        &self,
        memory: &ActiveSetLinear<S, NX, NU, 1>,
        states: &[SVector<S, NX>],
        controls: &[SVector<S, NU>],
    ) -> S {
        let magnitudes = Magnitudes::of(states, controls);
        let stages = self.stages.iter().zip(&memory.stages).enumerate().map(|(t, (stage, linear))| {
            let mut k = linear.k;
            let rounding = is_rounding_step(&k, &stage.gain, (&states[t], &controls[t]));
            for j in (0..NU).filter(|&j| rounding[j]) {
                k[j] = S::zero();
            }
            (&stage.fx, &stage.fu, &stage.gain, k)
        });
        largest_relative_step(stages, &magnitudes)
    }
}
