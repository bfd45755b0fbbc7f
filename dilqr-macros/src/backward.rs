//! The whole backward stage of a sweep as one program: derivatives, the blocks of the Q-function, feedback, and the next
//! value function.
//!
//! The equations are those of `dilqr_runtime::riccati`. As straight-line code over what can be other than zero they gain
//! from the entries of `fx` that are one or constant as well, symmetric blocks are computed once, and nothing goes through
//! a record in between. That pays for small systems; for larger ones, whose programs would be long, the runtime's loops over
//! the columns of `fx` and `fu` do it.

use std::collections::BTreeMap;

use crate::builder::Builder;
use crate::chain::Roots;
use crate::graph::{Input, Vector};
use crate::kernels::LONGEST_STAGE;
use crate::partials::Sweep;
use crate::program::{Field, Program, Value};

/// States and controls up to which the stage is built, to be counted.
pub(crate) const LARGEST: usize = 12;

/// Whether the programs with the exact Hessian and with Gauss-Newton's are both short enough.
pub(crate) fn are_short((exact, gauss_newton): &(Program, Program)) -> bool {
    exact.count().total().max(gauss_newton.count().total()) <= LONGEST_STAGE
}

/// A matrix of what can be other than zero.
type Sparse = Vec<Vec<Option<Value>>>;

/// The derivatives of a stage in `z = (x, u)`.
struct Stage {
    /// `nx x (nx + nu)`.
    fz: Sparse,
    lz: Vec<Option<Value>>,
    /// The lower half.
    hzz: BTreeMap<(usize, usize), Value>,
}

impl Stage {
    /// The rows and values of a column of `fz`.
    fn column(&self, z: usize) -> Vec<(usize, Value)> {
        self.fz.iter().enumerate().filter_map(|(k, row)| Some((k, row[z]?))).collect()
    }
}

impl Sweep<'_> {
    /// The stage whose Hessian is that of the roots' weighted sum.
    pub(crate) fn write_backward(&mut self, roots: &Roots) {
        let (nx, nu) = (self.sizes.nx, self.sizes.nu);
        let n = nx + nu;
        let stage = self.stage_derivatives(roots);
        let builder = &mut self.chain.builder;
        let value = |builder: &mut Builder, i: usize, j: usize| {
            builder.input(Input::new(Vector::ValueHessian, i.min(j) * nx + i.max(j)))
        };
        let mu = builder.input(Input::new(Vector::Proximal, 0));

        // V fz.
        let mut value_fz = vec![Vec::new(); n];
        for (z, column) in value_fz.iter_mut().enumerate() {
            for i in 0..nx {
                let terms: Vec<Value> = stage
                    .column(z)
                    .into_iter()
                    .map(|(k, f)| {
                        let v = value(builder, i, k);
                        builder.mul(v, f)
                    })
                    .collect();
                column.push(builder.sum(&terms));
            }
        }
        // The Q-function: the lower half of its Hessian, and its gradient.
        let mut hessian = BTreeMap::new();
        let mut slope = Vec::new();
        for i in 0..n {
            let column = stage.column(i);
            for j in 0..=i {
                let mut terms: Vec<Value> = stage.hzz.get(&(i, j)).copied().into_iter().collect();
                terms.extend((i == j).then_some(mu));
                terms.extend(column.iter().map(|&(k, f)| builder.mul(f, value_fz[j][k])));
                hessian.insert((i, j), builder.sum(&terms));
            }
            let mut terms: Vec<Value> = stage.lz[i].into_iter().collect();
            for &(k, f) in &column {
                let lambda = builder.input(Input::new(Vector::Lambda, k));
                terms.push(builder.mul(f, lambda));
            }
            slope.push(builder.sum(&terms));
        }
        // Feedback.
        let quu = Factor::of(builder, nu, |i, j| hessian[&(nx + i, nx + j)]);
        let gains: Vec<Vec<Value>> =
            (0..nx).map(|j| quu.step(builder, (0..nu).map(|a| hessian[&(nx + a, j)]).collect())).collect();
        let feedforward = quu.step(builder, slope[nx..].to_vec());
        // The next value function.
        let mut outputs = Vec::new();
        for i in 0..nx {
            for j in 0..=i {
                let mut terms = vec![hessian[&(i, j)]];
                terms.extend((0..nu).map(|a| builder.mul(hessian[&(nx + a, i)], gains[j][a])));
                outputs.push((Field::ValueHessian, i, j, builder.sum(&terms)));
            }
            let mut terms = vec![slope[i]];
            terms.extend((0..nu).map(|a| builder.mul(gains[i][a], slope[nx + a])));
            outputs.push((Field::ValueGradient, i, 0, builder.sum(&terms)));
            outputs.extend((0..nu).map(|a| (Field::Gain, a, i, gains[i][a])));
        }
        for a in 0..nu {
            outputs.push((Field::Feedforward, a, 0, feedforward[a]));
            outputs.push((Field::Qu, a, 0, slope[nx + a]));
            outputs.push((Field::Pivots, a, 0, quu.pivots[a]));
            outputs.extend(stage.lz[nx + a].map(|lu| (Field::Lu, a, 0, lu)));
            for b in 0..nu {
                outputs.push((Field::Quu, a, b, hessian[&(nx + a.max(b), nx + a.min(b))]));
            }
        }
        for (field, row, column, value) in outputs {
            if !self.chain.builder.is_zero(value) {
                self.write(field, row, column, value);
            }
        }
    }

    fn stage_derivatives(&mut self, roots: &Roots) -> Stage {
        let (nx, nu) = (self.sizes.nx, self.sizes.nu);
        let place = |input: Input| match input.vector {
            Vector::X => Some(input.index as usize),
            Vector::U => Some(nx + input.index as usize),
            _ => None,
        };
        let mut fz = vec![vec![None; nx + nu]; nx];
        let rows = self.chain.jacobian(&self.tape.f, &[Vector::X, Vector::U]);
        for (row, entries) in fz.iter_mut().zip(rows) {
            for (input, value) in entries {
                if let Some(column) = place(input) {
                    row[column] = Some(value);
                }
            }
        }
        let mut lz = vec![None; nx + nu];
        let one = self.one();
        for (input, value) in self.chain.reverse(&vec![(self.tape.l, one)]).inputs {
            if let Some(entry) = place(input) {
                lz[entry] = Some(value);
            }
        }
        let entries = self.chain.hessian(roots, &[Vector::X, Vector::U]);
        let hzz = entries.into_iter().filter_map(|((i, j), value)| Some(((place(i)?, place(j)?), value))).collect();
        Stage { fz, lz, hzz }
    }
}

/// `L D L'` of `Quu`.
struct Factor {
    /// `L` below its diagonal of ones.
    lower: Vec<Vec<Value>>,
    /// `D`.
    pivots: Vec<Value>,
    inverse_pivots: Vec<Value>,
}

impl Factor {
    fn of(builder: &mut Builder, n: usize, quu: impl Fn(usize, usize) -> Value) -> Self {
        let mut factor = Self { lower: vec![Vec::new(); n], pivots: Vec::new(), inverse_pivots: Vec::new() };
        for j in 0..n {
            let mut pivot = quu(j, j);
            let mut scaled = Vec::new();
            for k in 0..j {
                let entry = factor.lower[j][k];
                scaled.push(builder.mul(entry, factor.pivots[k]));
                let term = builder.mul(entry, scaled[k]);
                pivot = builder.sub(pivot, term);
            }
            let inverse = builder.power(pivot, -1.0);
            factor.pivots.push(pivot);
            factor.inverse_pivots.push(inverse);
            for i in j + 1..n {
                let mut entry = quu(i, j);
                for k in 0..j {
                    let term = builder.mul(factor.lower[i][k], scaled[k]);
                    entry = builder.sub(entry, term);
                }
                let entry = builder.mul(entry, inverse);
                factor.lower[i].push(entry);
            }
        }
        factor
    }

    /// `-Quu^-1 b`.
    fn step(&self, builder: &mut Builder, mut b: Vec<Value>) -> Vec<Value> {
        let n = b.len();
        for j in 0..n {
            for i in j + 1..n {
                let term = builder.mul(self.lower[i][j], b[j]);
                b[i] = builder.sub(b[i], term);
            }
        }
        for j in (0..n).rev() {
            let mut entry = builder.mul(b[j], self.inverse_pivots[j]);
            for i in j + 1..n {
                let term = builder.mul(self.lower[i][j], b[i]);
                entry = builder.sub(entry, term);
            }
            b[j] = entry;
        }
        b.into_iter().map(|entry| builder.negate(entry)).collect()
    }
}
