//! Models in other units.

use dilqr_runtime::model::{Stage, Terminal};
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{Limits, Model, Scalar};

/// A factor for each constraint of a stage and then of the terminal state, at most eight.
pub(crate) type Rows = [f64; 8];

/// A model in other units: `x = states x'`, `u = controls u'`, `c = rows c'`, `l = cost l' + offset` with the numbers of
/// the model. Its derivatives are those of dual numbers, so powers of two pass through all of them without rounding.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Units<M, const NX: usize, const NU: usize> {
    pub(crate) model: M,
    pub(crate) cost: f64,
    pub(crate) offset: f64,
    pub(crate) states: [f64; NX],
    pub(crate) controls: [f64; NU],
    /// Of the constraints of a stage, then of the terminal state.
    pub(crate) rows: Rows,
}

/// The entries of a vector times factors.
pub(crate) fn times<S: Scalar, const N: usize>(vector: &SVector<S, N>, factors: [f64; N]) -> SVector<S, N> {
    SVector::from_fn(|i, _| vector[i] * S::from_f64(factors[i]))
}

#[must_use]
pub(crate) fn inverse<const N: usize>(factors: [f64; N]) -> [f64; N] {
    factors.map(|factor| 1.0 / factor)
}

impl<M, const NX: usize, const NU: usize> Units<M, NX, NU> {
    /// The model's own units.
    pub(crate) fn own(model: M) -> Self {
        Self { model, cost: 1.0, offset: 0.0, states: [1.0; NX], controls: [1.0; NU], rows: [1.0; 8] }
    }
}

impl<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> Model<NX, NU, NP, NS> for Units<M, NX, NU>
where
    M: Model<NX, NU, NP, NS>,
{
    const LIMITS: Limits = M::LIMITS;
    const HAS_KINKS: bool = M::HAS_KINKS;

    fn dynamics<S: Scalar>(&self, at: Stage<'_, S, NX, NU, NP, NS>, next: &mut SVector<S, NX>) {
        let (x, u) = (times(at.x, inverse(self.states)), times(at.u, inverse(self.controls)));
        let mut scaled = SVector::from_fn(|_, _| S::zero());
        self.model.dynamics(Stage::new(&x, &u, at.p, at.s), &mut scaled);
        *next = times(&scaled, self.states);
    }

    fn stage_cost<S: Scalar>(&self, at: Stage<'_, S, NX, NU, NP, NS>) -> S {
        let (x, u) = (times(at.x, inverse(self.states)), times(at.u, inverse(self.controls)));
        S::from_f64(self.cost) * self.model.stage_cost(Stage::new(&x, &u, at.p, at.s)) + S::from_f64(self.offset)
    }

    fn terminal_cost<S: Scalar>(&self, at: Terminal<'_, S, NX, NP, NS>) -> S {
        let x = times(at.x, inverse(self.states));
        S::from_f64(self.cost) * self.model.terminal_cost(Terminal::new(&x, at.p, at.s))
    }

    fn bounds<S: Scalar>(&self, p: &SVector<S, NP>, lower: &mut SVector<S, NU>, upper: &mut SVector<S, NU>) {
        self.model.bounds(p, lower, upper);
        // The derivative of a product with an open side would be no number.
        let scale = |bound: S, i: usize| {
            let open = S::from_f64(f64::INFINITY).equal(bound.abs());
            S::select(open, bound, bound * S::from_f64(self.controls[i]))
        };
        for i in 0..NU {
            (lower[i], upper[i]) = (scale(lower[i], i), scale(upper[i], i));
        }
    }

    fn stage_constraints<S: Scalar>(&self, at: Stage<'_, S, NX, NU, NP, NS>, c: &mut [S]) {
        let (x, u) = (times(at.x, inverse(self.states)), times(at.u, inverse(self.controls)));
        self.model.stage_constraints(Stage::new(&x, &u, at.p, at.s), c);
        c.iter_mut().zip(&self.rows).for_each(|(c, row)| *c *= S::from_f64(*row));
    }

    fn terminal_constraints<S: Scalar>(&self, at: Terminal<'_, S, NX, NP, NS>, c: &mut [S]) {
        let x = times(at.x, inverse(self.states));
        self.model.terminal_constraints(Terminal::new(&x, at.p, at.s), c);
        c.iter_mut().zip(&self.rows[M::LIMITS.stage()..]).for_each(|(c, row)| *c *= S::from_f64(*row));
    }
}
