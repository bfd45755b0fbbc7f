//! The linear-quadratic problem about a trajectory as it is, before any elimination: what residuals are measured with.

use alloc::vec::Vec;

use nalgebra::{SMatrix, SVector};

use crate::kkt::linear::LinearTerms;
use crate::kkt::units::ratio;
use crate::linalg::products::{add_product, add_transposed_product, larger, zeros};
use crate::lq::equality_constrained::Row;
use crate::lq::riccati::{Quadratic, next_state};
use crate::scalar::ScalarReal;

/// One stage; at the horizon only `hxx` and `rows` count.
#[derive(Clone, Debug)]
pub(super) struct LqStage<S, const NX: usize, const NU: usize> {
    pub(super) fx: SMatrix<S, NX, NX>,
    pub(super) fu: SMatrix<S, NX, NU>,
    hxx: SMatrix<S, NX, NX>,
    hux: SMatrix<S, NU, NX>,
    huu: SMatrix<S, NU, NU>,
    /// Those of the limits that are active.
    pub(super) rows: Vec<Row<S, NX, NU>>,
}

/// The problem, `T + 1` stages.
#[derive(Clone, Debug)]
pub(super) struct LqRecord<S, const NX: usize, const NU: usize> {
    pub(super) stages: Vec<LqStage<S, NX, NU>>,
}

/// A stage of a solution. `dlambda` is that of the same stage.
#[derive(Clone, Debug)]
pub(super) struct LqPart<S, const NX: usize, const NU: usize, const C: usize> {
    pub(super) dx: SMatrix<S, NX, C>,
    pub(super) du: SMatrix<S, NU, C>,
    pub(super) dlambda: SMatrix<S, NX, C>,
    /// Multipliers of the rows.
    pub(super) rows: Vec<SVector<S, C>>,
}

impl<S: ScalarReal, const NX: usize, const NU: usize, const C: usize> LqPart<S, NX, NU, C> {
    pub(super) fn zeros() -> Self {
        Self { dx: zeros(), du: zeros(), dlambda: zeros(), rows: Vec::new() }
    }

    pub(super) fn clear(&mut self, rows: usize) {
        (self.dx, self.du, self.dlambda) = (zeros(), zeros(), zeros());
        self.rows.clear();
        self.rows.resize(rows, zeros());
    }

    /// Makes all parts of its numbers NaN.
    pub(super) fn spoil(&mut self) {
        let nan = S::from_f64(f64::NAN);
        self.dx *= nan;
        self.du *= nan;
        self.dlambda *= nan;
        for row in &mut self.rows {
            *row *= nan;
        }
    }

    pub(super) fn add(&mut self, change: &Self) {
        self.dx += change.dx;
        self.du += change.du;
        self.dlambda += change.dlambda;
        for (own, change) in self.rows.iter_mut().zip(&change.rows) {
            *own += change;
        }
    }
}

/// The largest absolute terms of the equations of stationarity along the stages, in the state and in the control.
type Terms<const NX: usize, const NU: usize> = (SVector<f64, NX>, SVector<f64, NU>);

impl<S: ScalarReal, const NX: usize, const NU: usize> LqRecord<S, NX, NU> {
    /// Of nothing.
    pub(super) const NONE: Self = Self { stages: Vec::new() };

    pub(super) fn new(horizon: usize, rows: usize) -> Self {
        let stage = || LqStage {
            fx: zeros(),
            fu: zeros(),
            hxx: zeros(),
            hux: zeros(),
            huu: zeros(),
            rows: Vec::with_capacity(rows),
        };
        Self { stages: core::iter::repeat_with(stage).take(horizon + 1).collect() }
    }

    /// Stores the terminal state.
    pub(super) fn set_terminal(&mut self, hxx: &SMatrix<S, NX, NX>, rows: &[SVector<S, NX>]) {
        if let Some(end) = self.stages.last_mut() {
            end.hxx = *hxx;
            end.rows.clear();
            end.rows.extend(rows.iter().map(|x| Row { x: *x, u: zeros() }));
        }
    }

    /// Leaves out a row of stage `t`.
    pub(super) fn remove_row(&mut self, t: usize, place: usize) {
        if let Some(stage) = self.stages.get_mut(t) {
            stage.rows.remove(place);
        }
    }

    /// Those of the terminal state.
    pub(super) fn terminal_rows(&self) -> &[Row<S, NX, NU>] {
        self.stages.last().map_or(&[], |end| &end.rows)
    }

    /// Stores stage `t`.
    pub(super) fn set(&mut self, t: usize, quadratic: &Quadratic<'_, S, NX, NU>, rows: &[Row<S, NX, NU>]) {
        let stage = &mut self.stages[t];
        (stage.fx, stage.fu) = (*quadratic.fx, *quadratic.fu);
        (stage.hxx, stage.hux, stage.huu) = (*quadratic.hxx, *quadratic.hux, *quadratic.huu);
        stage.rows.clear();
        stage.rows.extend_from_slice(rows);
    }

    /// The residuals of all equations at a solution for the `given` linear part.
    pub(super) fn measure_residuals<const C: usize>(
        &self,
        given: &[LinearTerms<S, NX, NU, C>],
        solution: &[LqPart<S, NX, NU, C>],
        residuals: &mut [LinearTerms<S, NX, NU, C>],
    ) {
        let horizon = self.stages.len() - 1;
        for (t, stage) in self.stages.iter().enumerate() {
            let (given, out) = (&given[t], &mut residuals[t]);
            let LqPart { dx, du, dlambda, rows: multipliers } = &solution[t];
            (out.gx, out.gu, out.offset) = (given.gx - dlambda, given.gu, given.offset);
            add_product(&mut out.gx, &stage.hxx, dx);
            out.rows.clear();
            for ((row, multiplier), c) in stage.rows.iter().zip(multipliers).zip(&given.rows) {
                out.rows.push(row.value(c, (dx, du)));
                row.add_times(multiplier, (&mut out.gx, &mut out.gu));
            }
            if t < horizon {
                let next = &solution[t + 1];
                add_transposed_product(&mut out.gx, &stage.hux, du);
                add_transposed_product(&mut out.gx, &stage.fx, &next.dlambda);
                add_product(&mut out.gu, &stage.hux, dx);
                add_product(&mut out.gu, &stage.huu, du);
                add_transposed_product(&mut out.gu, &stage.fu, &next.dlambda);
                out.offset = next_state(&stage.fx, &stage.fu, &out.offset, dx, du) - next.dx;
            }
        }
    }

    /// The largest terms of stationarity in a column of a solution, with those `given`, if any.
    fn largest_terms<const C: usize>(
        &self,
        given: Option<&[LinearTerms<S, NX, NU, C>]>,
        solution: &[LqPart<S, NX, NU, C>],
        column: usize,
    ) -> Terms<NX, NU> {
        let size = |entry: S| entry.to_f64().abs();
        let mut largest: Terms<NX, NU> = (zeros(), zeros());
        for (t, (stage, part)) in self.stages.iter().zip(solution).enumerate() {
            let (dx, du) = (part.dx.column(column).map(size), part.du.column(column).map(size));
            let own = part.dlambda.column(column).map(size);
            let mut x = stage.hxx.map(size) * dx + stage.hux.map(size).transpose() * du + own;
            let mut u = stage.hux.map(size) * dx + stage.huu.map(size) * du;
            if let Some(next) = solution.get(t + 1) {
                let dlambda = next.dlambda.column(column).map(size);
                x += stage.fx.map(size).transpose() * dlambda;
                u += stage.fu.map(size).transpose() * dlambda;
            }
            for (row, multiplier) in stage.rows.iter().zip(&part.rows) {
                x += row.x.map(size) * size(multiplier[column]);
                u += row.u.map(size) * size(multiplier[column]);
            }
            if let Some(given) = given {
                x += given[t].gx.column(column).map(size);
                u += given[t].gu.column(column).map(size);
            }
            largest = (larger_of(&largest.0, &x), larger_of(&largest.1, &u));
        }
        largest
    }

    /// How much a change of a solution changes its equations of stationarity: the largest changed terms over the largest
    /// terms, of an entry along the stages and in any column. A variable that is zero has no other measure.
    pub(super) fn relative_change<const C: usize>(
        &self,
        given: &[LinearTerms<S, NX, NU, C>],
        solution: &[LqPart<S, NX, NU, C>],
        change: &[LqPart<S, NX, NU, C>],
    ) -> f64 {
        let ratios = |column: usize| {
            let sizes = self.largest_terms(Some(given), solution, column);
            let changes = self.largest_terms(None, change, column);
            largest_ratio(&changes, &sizes)
        };
        (0..C).map(ratios).fold(0.0, larger)
    }

    /// The residual of stationarity at a solution in one column, over the largest terms of its entry.
    pub(super) fn relative_residual(
        &self,
        given: &[LinearTerms<S, NX, NU, 1>],
        solution: &[LqPart<S, NX, NU, 1>],
        residuals: &[LinearTerms<S, NX, NU, 1>],
    ) -> f64 {
        let size = |entry: S| entry.to_f64().abs();
        let largest = residuals.iter().fold((zeros(), zeros()), |largest: Terms<NX, NU>, residual| {
            (larger_of(&largest.0, &residual.gx.map(size)), larger_of(&largest.1, &residual.gu.map(size)))
        });
        largest_ratio(&largest, &self.largest_terms(Some(given), solution, 0))
    }
}

/// The largest ratio of two entries.
fn largest_ratio<const NX: usize, const NU: usize>(values: &Terms<NX, NU>, sizes: &Terms<NX, NU>) -> f64 {
    let of_states = values.0.iter().zip(&sizes.0);
    of_states.chain(values.1.iter().zip(&sizes.1)).map(|(value, size)| ratio(*value, *size)).fold(0.0, larger)
}

/// The larger of two numbers, entry by entry; NaN where one is.
pub(super) fn larger_of<const N: usize>(a: &SVector<f64, N>, b: &SVector<f64, N>) -> SVector<f64, N> {
    a.zip_map(b, larger)
}
