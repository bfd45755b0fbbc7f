//! Models in other units.

use dilqr_runtime::model::{
    ConstraintExpansion, HamiltonianExpansion, Stage, StageExpansion, Terminal, TerminalExpansion,
};
use dilqr_runtime::nalgebra::{SMatrix, SVector};
use dilqr_runtime::{Limits, Model, Scalar};

/// A factor for each constraint of a stage and then of the terminal state, at most eight.
pub(crate) type Rows = [f64; 8];

/// A model in other units: `x = states x'`, `u = controls u'`, `c = rows c'`, `l = cost l' + offset` with the numbers of
/// the model. The kernels of solves are those of the model, scaled. Derivatives in the parameters are those of dual numbers.
/// Powers of two pass through both without rounding.
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

/// The entries of a matrix times `factor rows_i / columns_j`: a derivative in other units.
fn derivative<S: Scalar, const R: usize, const C: usize>(
    matrix: &SMatrix<S, R, C>,
    factor: f64,
    (rows, columns): ([f64; R], [f64; C]),
) -> SMatrix<S, R, C> {
    SMatrix::from_fn(|i, j| matrix[(i, j)] * S::from_f64(factor * rows[i] / columns[j]))
}

impl<M, const NX: usize, const NU: usize> Units<M, NX, NU> {
    /// State and control of the model.
    fn inner<S: Scalar>(&self, x: &SVector<S, NX>, u: &SVector<S, NU>) -> (SVector<S, NX>, SVector<S, NU>) {
        (times(x, inverse(self.states)), times(u, inverse(self.controls)))
    }

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
    const LINEAR_DYNAMICS: bool = M::LINEAR_DYNAMICS;

    fn dynamics<S: Scalar>(&self, at: Stage<'_, S, NX, NU, NP, NS>, next: &mut SVector<S, NX>) {
        let (x, u) = self.inner(at.x, at.u);
        let mut scaled = SVector::from_fn(|_, _| S::zero());
        self.model.dynamics(Stage::new(&x, &u, at.p, at.s), &mut scaled);
        *next = times(&scaled, self.states);
    }

    fn stage_cost<S: Scalar>(&self, at: Stage<'_, S, NX, NU, NP, NS>) -> S {
        let (x, u) = self.inner(at.x, at.u);
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
        let (x, u) = self.inner(at.x, at.u);
        self.model.stage_constraints(Stage::new(&x, &u, at.p, at.s), c);
        c.iter_mut().zip(&self.rows).for_each(|(c, row)| *c *= S::from_f64(*row));
    }

    fn terminal_constraints<S: Scalar>(&self, at: Terminal<'_, S, NX, NP, NS>, c: &mut [S]) {
        let x = times(at.x, inverse(self.states));
        self.model.terminal_constraints(Terminal::new(&x, at.p, at.s), c);
        c.iter_mut().zip(&self.rows[M::LIMITS.stage()..]).for_each(|(c, row)| *c *= S::from_f64(*row));
    }

    fn expand_stage<S: Scalar>(&self, at: Stage<'_, S, NX, NU, NP, NS>, out: &mut StageExpansion<S, NX, NU>) {
        let (x, u) = self.inner(at.x, at.u);
        let mut inner = StageExpansion::zeros();
        self.model.expand_stage(Stage::new(&x, &u, at.p, at.s), &mut inner);
        let Self { cost, states, controls, .. } = *self;
        let StageExpansion { f, fx, fu, l, lx, lu, lxx, lux, luu } = inner;
        *out = StageExpansion {
            f: times(&f, states),
            fx: derivative(&fx, 1.0, (states, states)),
            fu: derivative(&fu, 1.0, (states, controls)),
            l: S::from_f64(cost) * l + S::from_f64(self.offset),
            lx: derivative(&lx, cost, (inverse(states), [1.0])),
            lu: derivative(&lu, cost, (inverse(controls), [1.0])),
            lxx: derivative(&lxx, cost, (inverse(states), states)),
            lux: derivative(&lux, cost, (inverse(controls), states)),
            luu: derivative(&luu, cost, (inverse(controls), controls)),
        };
    }

    fn expand_terminal<S: Scalar>(&self, at: Terminal<'_, S, NX, NP, NS>, out: &mut TerminalExpansion<S, NX>) {
        let x = times(at.x, inverse(self.states));
        let mut inner = TerminalExpansion::zeros();
        self.model.expand_terminal(Terminal::new(&x, at.p, at.s), &mut inner);
        let Self { cost, states, .. } = *self;
        out.l = S::from_f64(cost) * inner.l;
        out.lx = derivative(&inner.lx, cost, (inverse(states), [1.0]));
        out.lxx = derivative(&inner.lxx, cost, (inverse(states), states));
    }

    fn expand_hamiltonian<S: Scalar>(
        &self,
        at: Stage<'_, S, NX, NU, NP, NS>,
        lambda: &SVector<S, NX>,
        out: &mut HamiltonianExpansion<S, NX, NU>,
    ) {
        let Self { cost, states, controls, .. } = *self;
        let (x, u) = self.inner(at.x, at.u);
        let lambda = times(lambda, states.map(|factor| factor / cost));
        let mut inner = HamiltonianExpansion::zeros();
        self.model.expand_hamiltonian(Stage::new(&x, &u, at.p, at.s), &lambda, &mut inner);
        let HamiltonianExpansion { fx, fu, lx, lu, hxx, hux, huu } = inner;
        *out = HamiltonianExpansion {
            fx: derivative(&fx, 1.0, (states, states)),
            fu: derivative(&fu, 1.0, (states, controls)),
            lx: derivative(&lx, cost, (inverse(states), [1.0])),
            lu: derivative(&lu, cost, (inverse(controls), [1.0])),
            hxx: derivative(&hxx, cost, (inverse(states), states)),
            hux: derivative(&hux, cost, (inverse(controls), states)),
            huu: derivative(&huu, cost, (inverse(controls), controls)),
        };
    }

    fn expand_stage_constraints<S: Scalar>(
        &self,
        at: Stage<'_, S, NX, NU, NP, NS>,
        mu: &[S],
        out: &mut ConstraintExpansion<S, NX, NU>,
    ) {
        let (x, u) = self.inner(at.x, at.u);
        let mut inner = ConstraintExpansion::zeros(mu.len());
        let mu: Vec<S> = mu.iter().zip(&self.rows).map(|(mu, row)| *mu * S::from_f64(*row)).collect();
        self.model.expand_stage_constraints(Stage::new(&x, &u, at.p, at.s), &mu, &mut inner);
        self.scale_constraints(&inner, (&self.rows, self.controls), out);
    }

    fn expand_terminal_constraints<S: Scalar>(
        &self,
        at: Terminal<'_, S, NX, NP, NS>,
        mu: &[S],
        out: &mut ConstraintExpansion<S, NX, 0>,
    ) {
        let x = times(at.x, inverse(self.states));
        let rows = &self.rows[M::LIMITS.stage()..];
        let mut inner = ConstraintExpansion::zeros(mu.len());
        let mu: Vec<S> = mu.iter().zip(rows).map(|(mu, row)| *mu * S::from_f64(*row)).collect();
        self.model.expand_terminal_constraints(Terminal::new(&x, at.p, at.s), &mu, &mut inner);
        self.scale_constraints(&inner, (rows, []), out);
    }
}

impl<M, const NX: usize, const NU: usize> Units<M, NX, NU> {
    fn scale_constraints<S: Scalar, const N: usize>(
        &self,
        inner: &ConstraintExpansion<S, NX, N>,
        (rows, controls): (&[f64], [f64; N]),
        out: &mut ConstraintExpansion<S, NX, N>,
    ) {
        let states = self.states;
        for (i, row) in rows.iter().enumerate().take(inner.c.len()) {
            out.c[i] = inner.c[i] * S::from_f64(*row);
            out.cx[i] = derivative(&inner.cx[i], *row, (inverse(states), [1.0]));
            out.cu[i] = derivative(&inner.cu[i], *row, (inverse(controls), [1.0]));
        }
        out.hxx = derivative(&inner.hxx, 1.0, (inverse(states), states));
        out.hux = derivative(&inner.hux, 1.0, (inverse(controls), states));
        out.huu = derivative(&inner.huu, 1.0, (inverse(controls), controls));
    }
}
