//! Whether a cost falls without a bound.
//!
//! No number of falling costs proves it. Three signs together are taken for it: the cost has fallen by [`RUNAWAY`] times its
//! first predicted decrease, it falls as fast as before, and it goes on to fall along a step that is many times as long.

/// The fall that counts as unbounded, over the first predicted decrease.
const RUNAWAY: f64 = 1e10;

/// The lengths of extrapolated steps; the second one is taken where the numbers of the first are not finite. The first is
/// the square of [`RUNAWAY`]: so a guess that is beside a saddle by a rounding error does not look unbounded.
pub(crate) const EXTRAPOLATIONS: [f64; 2] = [RUNAWAY * RUNAWAY, RUNAWAY];

/// Steps before the first extrapolation.
const FIRST_EXTRAPOLATION: usize = 8;

/// The fall of a merit function over a solve: a cost, with its penalties or barriers.
///
/// All comparisons are between differences of the merit, so its unit and a constant in it have no influence. A constant has
/// one only where its rounding error is above the first predicted decrease.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Fall {
    /// The merit at the first iterate, and at the current one.
    first: f64,
    current: f64,
    /// The larger of the first predicted decrease and the rounding error of the first merit. Zero before it is known.
    unit: f64,
    /// The decrease of the last step.
    last: f64,
    /// Steps so far.
    steps: usize,
}

impl Fall {
    pub(crate) fn new(merit: f64) -> Self {
        Self { first: merit, current: merit, unit: 0.0, last: 0.0, steps: 0 }
    }

    /// Receives the decrease that an iterate's step predicts, and the rounding error of its merit. The first ones are kept.
    pub(crate) fn predict(&mut self, decrease: f64, noise: f64) {
        if self.unit == 0.0 {
            self.unit = decrease.max(noise);
        }
    }

    /// Receives the merit after a step.
    pub(crate) fn step_to(&mut self, merit: f64) {
        self.last = self.current - merit;
        self.current = merit;
        self.steps += 1;
    }

    /// Whether the last step lowered the merit by half the mean decrease or more. Steps of a solve that converges soon do
    /// less.
    pub(crate) fn is_growing(&self) -> bool {
        self.steps > 0 && self.last * self.steps as f64 >= 0.5 * (self.first - self.current)
    }

    /// Whether an extrapolation is worth a rollout: while the merit falls as before, after 8 steps, 16, 32, and so on.
    pub(crate) fn is_suspect(&self) -> bool {
        self.steps >= FIRST_EXTRAPOLATION && self.steps.is_power_of_two() && self.is_growing()
    }

    /// Whether the iterates themselves show that the merit has no bound.
    pub(crate) fn is_unbounded(&self) -> bool {
        self.is_growing() && self.reaches(self.current)
    }

    /// Whether a `merit` along the current step, extrapolated, shows that there is no bound. `demand` is the sufficient
    /// decrease of a step of that length, not positive. The merit must fall by that, and from here on by more than so far.
    pub(crate) fn is_unbounded_along(&self, merit: f64, demand: f64) -> bool {
        let change = merit - self.current;
        change <= demand && change <= self.current - self.first && self.reaches(merit)
    }

    fn reaches(&self, merit: f64) -> bool {
        self.unit > 0.0 && self.first - merit >= RUNAWAY * self.unit
    }
}
