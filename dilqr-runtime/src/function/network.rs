//! Networks of dense layers.
//!
//! With `h_0 = z`, `a_l = W_l h_(l-1) + b_l` and `h_l = sigma(a_l)` (the last layer is linear), the derivatives are
//!
//! ```text
//! T_1 = W_1                             tangents of a_1, a column for each input
//! T_l = W_l diag(sigma'(a_(l-1))) T_(l-1)
//! J   = T_L
//! g_L = mu, g_l = sigma'(a_l) (W_(l+1)' g_(l+1))        adjoints of a_l
//! C   = sum_(l<L) T_l' diag(sigma''(a_l) W_(l+1)' g_(l+1)) T_l
//! ```
//!
//! With scaling, `h_0 = (z - mean) / scale` and `y = mean + scale a_L`: then `T_1 = W_1 diag(1 / scale)`, the rows of `J` have the
//! scales of the outputs, and so has `mu`.

use alloc::boxed::Box;

use crate::error::{Input, InputError, check_length, check_vector};
use crate::function::activation::Activation;
use crate::function::buffer::{Buffer, Columns};
use crate::function::initializer::Initializer;
use crate::function::layers::{LayerRef, dot, layer_mut, weight_count};
use crate::function::node::Expansion;
use crate::function::scaling::Scaling;
use crate::scalar::Scalar;

/// The weights of a network with `N` inputs and `M` outputs. The macro makes a type of its own around it for each `#[network(..)]` of
/// a model. `H` of its methods is the number of its hidden units, or 0: then lists of hidden units are on the heap.
#[derive(Clone, Debug, PartialEq)]
pub struct Network<const N: usize, const M: usize> {
    /// The inputs, the units of each hidden layer, the outputs.
    pub(super) sizes: &'static [usize],
    pub(super) activation: Activation,
    /// `W_1` row by row, `b_1`, `W_2`, ..
    pub(super) weights: Box<[f64]>,
    pub(super) inputs: Scaling<N>,
    pub(super) outputs: Scaling<M>,
}

/// What an expansion of a network keeps for second derivatives.
#[derive(Debug)]
pub struct NetworkMemory<S: Scalar, const N: usize, const H: usize> {
    /// `h_l` of all hidden layers.
    values: Buffer<S, H>,
    /// `sigma'(a_l)`
    slopes: Buffer<S, H>,
    /// `sigma''(a_l)`
    curvatures: Buffer<S, H>,
    /// `T_l`, column by column.
    tangents: Columns<S, N, H>,
}

impl<S: Scalar, const N: usize, const H: usize> NetworkMemory<S, N, H> {
    /// Zeros, for a network with this many hidden units.
    #[must_use]
    pub fn zeros(hidden: usize) -> Self {
        let units = || Buffer::filled(hidden, S::zero());
        Self { values: units(), slopes: units(), curvatures: units(), tangents: Columns::zeros(hidden) }
    }
}

/// An expansion of a network.
type At<S, const N: usize, const M: usize, const H: usize, const K: usize> =
    Expansion<S, N, M, NetworkMemory<S, N, H>, K>;

impl<const N: usize, const M: usize> Network<N, M> {
    /// A network from its weights: `W_1` row by row, `b_1`, `W_2`, .. .
    ///
    /// # Errors
    /// [`InputError`] for another number of weights, and for one that is not finite.
    pub fn from_weights(sizes: &'static [usize], activation: Activation, weights: &[f64]) -> Result<Self, InputError> {
        check_length(Input::Weights, weights.len(), weight_count(sizes))?;
        check_vector(Input::Weights, weights)?;
        Ok(Self { sizes, activation, weights: weights.into(), inputs: Scaling::NONE, outputs: Scaling::NONE })
    }

    /// The network with normalized inputs: `(z - mean) / scale` is the argument of the first layer.
    ///
    /// # Errors
    /// [`InputError`] for means that are not finite and scales that are not positive.
    pub fn with_input_scaling(self, mean: [f64; N], scale: [f64; N]) -> Result<Self, InputError> {
        let inputs = Scaling::new((mean, scale), [Input::InputMean, Input::InputScale])?;
        Ok(Self { inputs, ..self })
    }

    /// The network with outputs `mean + scale a`, where `a` is the value of the last layer.
    ///
    /// # Errors
    /// [`InputError`] for means that are not finite and scales that are not positive.
    pub fn with_output_scaling(self, mean: [f64; M], scale: [f64; M]) -> Result<Self, InputError> {
        let outputs = Scaling::new((mean, scale), [Input::OutputMean, Input::OutputScale])?;
        Ok(Self { outputs, ..self })
    }

    /// Random weights.
    #[must_use]
    pub fn initialized(sizes: &'static [usize], activation: Activation, initializer: Initializer, seed: u64) -> Self {
        let weights = initializer.weights(sizes, seed);
        Self { sizes, activation, weights, inputs: Scaling::NONE, outputs: Scaling::NONE }
    }

    /// The network whose last layer has these biases and a matrix of zeros.
    ///
    /// # Errors
    /// [`InputError`] for values that are not finite.
    pub fn with_constant_output(mut self, values: [f64; M]) -> Result<Self, InputError> {
        check_vector(Input::ConstantOutput, &values)?;
        let (matrix, biases) = layer_mut(self.sizes, &mut self.weights, self.sizes.len() - 2);
        matrix.fill(0.0);
        biases.copy_from_slice(&values);
        Ok(self)
    }

    /// The weights.
    #[must_use]
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// The weights, to be changed.
    pub fn weights_mut(&mut self) -> &mut [f64] {
        &mut self.weights
    }

    fn layer(&self, index: usize) -> LayerRef<'_> {
        LayerRef::of(self.sizes, &self.weights, index)
    }

    /// The number of hidden layers.
    fn hidden(&self) -> usize {
        self.sizes.len() - 2
    }

    /// A zero for each hidden unit.
    #[inline(always)]
    fn zeros<S: Scalar, const H: usize>(&self) -> Buffer<S, H> {
        Buffer::filled(self.sizes[1..=self.hidden()].iter().sum(), S::zero())
    }

    /// The first unit of hidden layer `index`, and the unit after its last.
    fn units(&self, index: usize) -> core::ops::Range<usize> {
        let start: usize = self.sizes[1..=index].iter().sum();
        start..start + self.sizes[index + 1]
    }

    /// `y`
    pub fn value<S: Scalar, const H: usize>(&self, z: &[S; N]) -> [S; M] {
        let z = &self.inputs.normalized(z);
        let mut values = self.zeros::<S, H>();
        for index in 0..self.hidden() {
            let (before, own) = values.split_at_mut(self.units(index).start);
            let own = &mut own[..self.sizes[index + 1]];
            self.layer(index).apply(self.inputs_of(index, z, before), own);
            self.activation.apply_all(own);
        }
        let mut y = [S::zero(); M];
        self.layer(self.hidden()).apply(self.inputs_of(self.hidden(), z, &values), &mut y);
        self.outputs.denormalize(&mut y);
        y
    }

    /// The inputs of a layer: those of the network, or the values of the hidden layer before.
    fn inputs_of<'a, S>(&self, index: usize, z: &'a [S; N], values: &'a [S]) -> &'a [S] {
        match index.checked_sub(1) {
            None => z,
            Some(before) => &values[self.units(before)],
        }
    }

    /// Value, Jacobian, and what second derivatives need.
    pub fn expand<S: Scalar, const H: usize, const K: usize>(&self, at: &mut At<S, N, M, H, K>) {
        let Expansion { z, value, jacobian, memory } = at;
        let NetworkMemory { values, slopes, curvatures, tangents } = memory;
        let z = &self.inputs.normalized(z);
        // The tangents of h_l, column by column.
        let mut pushed = Columns::<S, N, H>::zeros(values.len());
        for index in 0..self.hidden() {
            let units = self.units(index);
            let (before, own) = values.split_at_mut(units.start);
            let own = &mut own[..units.len()];
            let mut write = |column: usize, row: usize, entry: S| match column.checked_sub(1) {
                None => own[row] = entry,
                Some(column) => tangents.column_mut(column)[units.start + row] = entry,
            };
            self.push(index, (z, before, &pushed), &mut write);
            self.activation.expand_all(own, &mut slopes[units.clone()], &mut curvatures[units.clone()]);
            for column in 0..N {
                let pushed = pushed.column_mut(column)[units.clone()].iter_mut();
                let entries = slopes[units.clone()].iter().zip(&tangents.column(column)[units.clone()]);
                pushed.zip(entries).for_each(|(pushed, (slope, tangent))| *pushed = *slope * *tangent);
            }
        }
        self.push(self.hidden(), (z, values, &pushed), &mut |column: usize, row: usize, entry: S| match column
            .checked_sub(1)
        {
            None => value[row] = entry,
            Some(column) => jacobian[row][column] = entry,
        });
        self.outputs.denormalize(value);
        self.outputs.stretch_rows(jacobian);
    }

    /// A layer's values (column 0) and tangents (from column 1 on), from those of its inputs.
    #[inline(always)]
    fn push<S: Scalar, const H: usize>(
        &self,
        index: usize,
        (z, values, pushed): (&[S; N], &[S], &Columns<S, N, H>),
        write: &mut impl FnMut(usize, usize, S),
    ) {
        let layer = self.layer(index);
        let Some(before) = index.checked_sub(1) else {
            layer.apply_with(z, |row, value| write(0, row, value));
            layer.matrix(|column, row, weight| write(column + 1, row, self.inputs.shrink_weight(column, weight)));
            return;
        };
        let units = self.units(before);
        let inputs = |column: usize| match column.checked_sub(1) {
            None => &values[units.clone()],
            Some(column) => &pushed.column(column)[units.clone()],
        };
        layer.apply_columns(N + 1, inputs, write);
    }

    /// Writes `C` for the adjoints `mu` of the outputs, `N` rows.
    pub fn contract<S: Scalar, const H: usize, const K: usize>(
        &self,
        at: &At<S, N, M, H, K>,
        mu: &[S; M],
        c: &mut [[S; N]],
    ) {
        let NetworkMemory { slopes, curvatures, tangents, .. } = &at.memory;
        let mu = &self.outputs.stretched(mu);
        c.fill([S::zero(); N]);
        let mut scaled = self.zeros::<S, H>();
        self.pull_back::<S, H>(mu, slopes, |index, adjoints| {
            let units = self.units(index);
            let scaled = &mut scaled[units.clone()];
            for i in 0..N {
                let own = adjoints.iter().zip(&curvatures[units.clone()]).zip(&tangents.column(i)[units.clone()]);
                scaled.iter_mut().zip(own).for_each(|(out, ((g, curvature), t))| *out = *g * *curvature * *t);
                for j in 0..=i {
                    c[i][j] += dot(scaled, &tangents.column(j)[units.clone()]);
                }
            }
        });
        for i in 0..N {
            for j in 0..i {
                c[j][i] = c[i][j];
            }
        }
    }

    /// Calls `visit` with the adjoints of `h_l` of each hidden layer, from the last to the first. Returns those of `a_l`.
    fn pull_back<S: Scalar, const H: usize>(
        &self,
        mu: &[S; M],
        slopes: &[S],
        mut visit: impl FnMut(usize, &[S]),
    ) -> Buffer<S, H> {
        let mut adjoints = self.zeros();
        for index in (0..self.hidden()).rev() {
            let units = self.units(index);
            let (own, after) = adjoints.split_at_mut(units.end);
            let own = &mut own[units.start..];
            let g = if index + 1 == self.hidden() { &mu[..] } else { &after[..self.sizes[index + 2]] };
            self.layer(index + 1).apply_transposed(g, own);
            visit(index, own);
            own.iter_mut().zip(&slopes[units]).for_each(|(adjoint, slope)| *adjoint *= *slope);
        }
        adjoints
    }

    /// Adds `mu' dy/dW`.
    pub fn add_weight_gradient<S: Scalar, const H: usize, const K: usize>(
        &self,
        at: &At<S, N, M, H, K>,
        mu: &[S; M],
        out: &mut [S],
    ) {
        let NetworkMemory { values, slopes, .. } = &at.memory;
        let (z, mu) = (&self.inputs.normalized(&at.z), &self.outputs.stretched(mu));
        let adjoints = self.pull_back::<S, H>(mu, slopes, |_, _| {});
        for index in 0..=self.hidden() {
            let g = if index == self.hidden() { &mu[..] } else { &adjoints[self.units(index)] };
            let h = self.inputs_of(index, z, values);
            let (matrix, biases) = layer_mut(self.sizes, out, index);
            add_outer_product(matrix, g, h);
            biases.iter_mut().zip(g).for_each(|(out, g)| *out += *g);
        }
    }

    /// Adds the change of `mu' dy/dW` along the directions `dz` of the point and `dmu` of the adjoints.
    pub fn add_weight_contraction<S: Scalar, const H: usize, const K: usize>(
        &self,
        at: &At<S, N, M, H, K>,
        (dz, mu, dmu): (&[S; N], &[S; M], &[S; M]),
        out: &mut [S],
    ) {
        let NetworkMemory { values, slopes, curvatures, tangents } = &at.memory;
        // Changes of a_l and h_l.
        let mut da = self.zeros::<S, H>();
        for (column, dz) in dz.iter().enumerate() {
            da.iter_mut().zip(tangents.column(column)).for_each(|(da, entry)| *da = entry.mul_add(*dz, *da));
        }
        let (z, dz) = (&self.inputs.normalized(&at.z), &self.inputs.shrunk(dz));
        let (mu, dmu) = (&self.outputs.stretched(mu), &self.outputs.stretched(dmu));
        let mut dh = self.zeros::<S, H>();
        dh.iter_mut().zip(da.iter().zip(&**slopes)).for_each(|(dh, (da, slope))| *dh = *da * *slope);
        // The adjoints of a_l and their changes.
        let mut of_values = self.zeros::<S, H>();
        let g = self
            .pull_back::<S, H>(mu, slopes, |index, adjoints| of_values[self.units(index)].copy_from_slice(adjoints));
        let mut dg = self.zeros::<S, H>();
        for index in (0..self.hidden()).rev() {
            let units = self.units(index);
            let (own, after) = dg.split_at_mut(units.end);
            let own = &mut own[units.start..];
            let dg_after = if index + 1 == self.hidden() { &dmu[..] } else { &after[..self.sizes[index + 2]] };
            self.layer(index + 1).apply_transposed(dg_after, own);
            for (own, unit) in own.iter_mut().zip(units) {
                *own = *own * slopes[unit] + of_values[unit] * curvatures[unit] * da[unit];
            }
        }
        for index in 0..=self.hidden() {
            let last = index == self.hidden();
            let (g, dg) = if last { (&mu[..], &dmu[..]) } else { (&g[self.units(index)], &dg[self.units(index)]) };
            let (h, dh) = (self.inputs_of(index, z, values), self.inputs_of(index, dz, &dh));
            let (matrix, biases) = layer_mut(self.sizes, out, index);
            add_outer_product(matrix, dg, h);
            add_outer_product(matrix, g, dh);
            biases.iter_mut().zip(dg).for_each(|(out, dg)| *out += *dg);
        }
    }
}

/// `out += g h'`, row by row.
fn add_outer_product<S: Scalar>(out: &mut [S], g: &[S], h: &[S]) {
    for (row, g) in out.chunks_exact_mut(h.len()).zip(g) {
        for (out, h) in row.iter_mut().zip(h) {
            *out = g.mul_add(*h, *out);
        }
    }
}
