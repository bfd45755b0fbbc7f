//! Steps of an explicit Runge-Kutta method as one function, by a loop over the compiled derivative.
//!
//! ```text
//! Y_i = y + h a_i K_(i-1),  K_i = f(Y_i, z),  y+ = y + h sum_i b_i K_i
//! ```
//!
//! The function's inputs are the state, `z`, and the step `h` where it is no constant; its values are the state after all
//! substeps and, behind it, the integral of a running cost. First derivatives go forward with the stages. Second ones go
//! backward over the substeps: with the Jacobian `G` of one substep in the inputs and the adjoints `lambda` of its values,
//! `C <- G' C G + sum_i lambda_i d2 y+_i`. With the derivatives `D_i = (dY_i, dz)` of a substep's stages, and the Hessians `H_i` of
//! the derivative along the adjoints of the slopes, the sum is that of `D_i' H_i D_i`. Products skip the structural zeros of
//! the derivative's Jacobian and Hessian, and compute half of what is symmetric.

use nalgebra::{ArrayStorage, SVector};

use crate::function::equations::{ResidualExpansion, ResidualValues};
use crate::function::explicit::Steps;
use crate::function::node::Expansion;
use crate::function::substep::{CurvatureMemory, Inputs, Purpose, Stages};
use crate::linalg::products::zeros;
use crate::linalg::rows::{Rows, Tiles, add_lower_product, add_multiple, zero_rows};
use crate::scalar::Scalar;

/// What an expansion keeps: the value before each of `K` substeps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepsMemory<S, const NY: usize, const K: usize> {
    pub(super) values: [SVector<S, NY>; K],
}

impl<S: Scalar, const NY: usize, const K: usize> StepsMemory<S, NY, K> {
    /// Zeros.
    #[must_use]
    pub fn zeros() -> Self {
        Self { values: [zeros(); K] }
    }
}

/// The value after `K` substeps.
#[must_use]
pub fn value<F, S: Scalar, const NY: usize, const NZ: usize, const N: usize, const K: usize>(
    f: &F,
    inputs: &[S; N],
) -> [S; NY]
where
    F: Steps<NY, NZ>,
{
    let (inputs, mut y) = Inputs::of(f, inputs);
    let mut record = ResidualValues::zeros();
    for _ in 0..K {
        y = inputs.step(&y, &mut record);
    }
    y.into()
}

/// An expansion of steps.
pub type At<S, const NY: usize, const N: usize, const K: usize> = Expansion<S, N, NY, StepsMemory<S, NY, K>, NY>;

/// Value, Jacobian, and what second derivatives need. `M` is the number of inputs, rounded up to the length of rows.
pub fn expand<F, S: Scalar, const NY: usize, const NZ: usize, const N: usize, const K: usize, const M: usize>(
    f: &F,
    at: &mut At<S, NY, N, K>,
) where
    F: Steps<NY, NZ>,
{
    let (inputs, mut y) = Inputs::of(f, &at.z);
    let mut record = ResidualExpansion::zeros();
    let mut dy = own_inputs::<S, NY, M>(F::STATES);
    let mut stages = Stages::<S, NY, M>::zeros();
    for (index, before) in at.memory.values.iter_mut().enumerate() {
        *before = y;
        let purpose = Purpose { is_own: index == 0, of_value: true };
        y = inputs.expand::<N, M>((before, &mut dy), &mut stages, &mut record, purpose, |_, _| {});
    }
    at.value = y.into();
    for (out, row) in at.jacobian.iter_mut().zip(&dy) {
        out.copy_from_slice(&row[..N]);
    }
}

/// Writes the second derivatives contracted with the adjoints `mu` of the values, `N` rows.
pub fn contract<F, S: Scalar, const NY: usize, const NZ: usize, const N: usize, const K: usize, const M: usize>(
    f: &F,
    at: &At<S, NY, N, K>,
    mu: &[S; NY],
    out: &mut [[S; N]],
) where
    F: Steps<NY, NZ>,
{
    let (inputs, _) = Inputs::of(f, &at.z);
    let mut record = ResidualExpansion::zeros();
    let (mut stages, mut memory) = (Stages::<S, NY, M>::zeros(), CurvatureMemory::zeros());
    let mut lambda = SVector::from_array_storage(ArrayStorage([*mu]));
    let mut c: Rows<S, M, M> = zero_rows();
    for (index, before) in at.memory.values.iter().enumerate().rev() {
        let is_last = index + 1 == K;
        let mut g = own_inputs::<S, NY, M>(F::STATES);
        let purpose = Purpose { is_own: true, of_value: !is_last };
        inputs.expand::<N, M>((before, &mut g), &mut stages, &mut record, purpose, |stage, record| {
            memory.keep::<F>(stage, record);
        });
        if !is_last {
            let tiles = &Inputs::<F, S, NY, NZ>::PATTERNS.value;
            c = congruent::<S, NY, N, M>(c, (&g, tiles), F::STATES);
        }
        inputs.add_curvature::<N, M>((&stages, &mut memory), &mut lambda, &mut record, &mut c);
    }
    for i in 0..N {
        for j in 0..=i {
            (out[i][j], out[j][i]) = (c[i][j], c[i][j]);
        }
    }
}

/// The derivative of the first value in the inputs.
fn own_inputs<S: Scalar, const NY: usize, const M: usize>(states: usize) -> Rows<S, NY, M> {
    let mut rows = zero_rows();
    (0..states).for_each(|i| rows[i][i] = S::one());
    rows
}

/// The lower half of `G' C G`: rows of `G` that belong to the state are given, other inputs remain as they are. Of `C` the lower half
/// is read.
fn congruent<S: Scalar, const NY: usize, const N: usize, const M: usize>(
    mut c: Rows<S, M, M>,
    (g, tiles): (&Rows<S, NY, M>, &[Tiles; NY]),
    states: usize,
) -> Rows<S, M, M> {
    for i in 0..N {
        for j in i + 1..N {
            c[i][j] = c[j][i];
        }
    }
    let (mut half, mut out): (Rows<S, M, M>, _) = (zero_rows(), zero_rows());
    for i in 0..N {
        let mut row = [S::zero(); M];
        for k in 0..states {
            add_multiple(&mut row, c[i][k], &g[k]);
        }
        half[i] = row;
        for j in states..N {
            half[i][j] += c[i][j];
        }
    }
    out[states..].copy_from_slice(&half[states..]);
    let rows: [u16; NY] = core::array::from_fn(|row| row as u16);
    add_lower_product(&mut out, (g, tiles), &half, &rows[..states]);
    out
}
