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

use nalgebra::{SMatrix, SVector};

use crate::function::equations::{Equations, ResidualExpansion, ResidualValues};
use crate::function::node::Expansion;
use crate::linalg::products::{dot, zeros};
use crate::linalg::rows::{Pattern, Rows, add_lower_product, add_multiple, add_sparse_product, zero_rows};
use crate::scalar::Scalar;

/// The most stages of a method.
pub(super) const STAGES: usize = 4;

/// An explicit Runge-Kutta method whose stages each read the slope of the stage before and no other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Method {
    /// Coefficients of the slope before; the first one, and those beyond the last stage, are not used.
    pub a: [f64; STAGES],
    /// Weights of the stages.
    pub b: [f64; STAGES],
    /// The number of stages.
    pub stages: usize,
}

impl Method {
    /// Euler's method.
    pub const EULER: Self = Self { a: [0.0; 4], b: [1.0, 0.0, 0.0, 0.0], stages: 1 };
    /// The midpoint rule.
    pub const MIDPOINT: Self = Self { a: [0.0, 0.5, 0.0, 0.0], b: [0.0, 1.0, 0.0, 0.0], stages: 2 };
    /// The classical method of order 4.
    pub const RK4: Self = Self { a: [0.0, 0.5, 0.5, 1.0], b: [1.0 / 6.0, 1.0 / 3.0, 1.0 / 3.0, 1.0 / 6.0], stages: 4 };
}

/// A compiled derivative and how it is integrated. `NY` counts the state and the integral of the cost, `NZ` what else the
/// derivative reads.
pub trait Steps<const NY: usize, const NZ: usize>: Equations<NY, NZ> {
    /// The number of states.
    const STATES: usize;
    /// The length of a substep; `None` where it is the last input.
    const STEP: Option<f64>;
    /// The method.
    const METHOD: Method;
    /// Where `df/dy` can be other than zero.
    const FY: [[bool; NY]; NY];
    /// Where the derivatives of `df/dy` in `y` can, and those in `z`.
    const FYY: [[bool; NY]; NY];
    /// `NZ x NY`
    const FZY: [[bool; NY]; NZ];

    /// The derivative, as `r`.
    fn value<S: Scalar>(&self, y: &[S; NY], z: &[S; NZ], out: &mut ResidualValues<S, NY>);
}

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

/// The patterns of a derivative as lists.
struct Patterns<const NY: usize, const NZ: usize> {
    fy: Pattern<NY, NY>,
    fyy: Pattern<NY, NY>,
    fzy: Pattern<NZ, NY>,
    /// The values that second derivatives read, as the rows of a matrix with one column.
    curved: Pattern<NY, 1>,
}

impl<const NY: usize, const NZ: usize> Patterns<NY, NZ> {
    const fn of<F>() -> Self
    where
        F: Steps<NY, NZ>,
    {
        let mut curved = [[false]; NY];
        let mut row = 0;
        while row < NY {
            let mut column = 0;
            while column < NY {
                curved[row][0] |= F::FYY[row][column];
                column += 1;
            }
            let mut input = 0;
            while input < NZ {
                curved[row][0] |= F::FZY[input][row];
                input += 1;
            }
            row += 1;
        }
        Self {
            fy: Pattern::of(&F::FY),
            fyy: Pattern::of(&F::FYY),
            fzy: Pattern::of(&F::FZY),
            curved: Pattern::of(&curved),
        }
    }
}

/// The inputs of all substeps.
pub(super) struct Inputs<'a, F, S, const NY: usize, const NZ: usize> {
    pub(super) f: &'a F,
    pub(super) z: [S; NZ],
    pub(super) h: S,
}

/// The stages of one substep, and their derivatives in the `N <= M` inputs.
struct Stages<S, const NY: usize, const NZ: usize, const M: usize> {
    points: [SVector<S, NY>; STAGES],
    dpoints: [Rows<S, NY, M>; STAGES],
    /// `df/dy` and `df/dz` at the points.
    fy: [SMatrix<S, NY, NY>; STAGES],
    fz: [SMatrix<S, NY, NZ>; STAGES],
}

impl<S: Scalar, const NY: usize, const NZ: usize, const M: usize> Stages<S, NY, NZ, M> {
    fn zeros() -> Self {
        Self { points: [zeros(); STAGES], dpoints: [zero_rows(); STAGES], fy: [zeros(); STAGES], fz: [zeros(); STAGES] }
    }
}

impl<'a, F, S: Scalar, const NY: usize, const NZ: usize> Inputs<'a, F, S, NY, NZ>
where
    F: Steps<NY, NZ>,
{
    const PATTERNS: Patterns<NY, NZ> = Patterns::of::<F>();

    /// The inputs, and the first value: the state, and a cost of zero.
    pub(super) fn of<const N: usize>(f: &'a F, inputs: &[S; N]) -> (Self, SVector<S, NY>) {
        let z = core::array::from_fn(|i| inputs[F::STATES + i]);
        let h = F::STEP.map_or(inputs[N - 1], S::from_f64);
        let first = SVector::from_fn(|i, _| if i < F::STATES { inputs[i] } else { S::zero() });
        (Self { f, z, h }, first)
    }

    fn step(&self, y: &SVector<S, NY>, record: &mut ResidualValues<S, NY>) -> SVector<S, NY> {
        let mut value = *y;
        self.points(y, record, |i, _, slope| value = advanced(&value, F::METHOD.b[i], slope, self.h));
        value
    }

    /// Passes the number, the point `Y_i` and the slope `K_i` of each stage of the substep from `y`.
    #[inline(always)]
    pub(super) fn points(
        &self,
        y: &SVector<S, NY>,
        record: &mut ResidualValues<S, NY>,
        mut keep: impl FnMut(usize, &SVector<S, NY>, &SVector<S, NY>),
    ) {
        let mut point = *y;
        for i in 0..F::METHOD.stages {
            self.f.value(&point.data.0[0], &self.z, record);
            keep(i, &point, &record.r);
            if i + 1 < F::METHOD.stages {
                point = advanced(y, F::METHOD.a[i + 1], &record.r, self.h);
            }
        }
    }

    /// The value after the substep from `y`, with the derivative `dy` in the inputs. The closure gets each stage: its number, its
    /// point, the derivative of this, and the derivatives of `f` there.
    #[inline(always)]
    fn expand<const N: usize, const M: usize>(
        &self,
        (y, dy): (&SVector<S, NY>, &Rows<S, NY, M>),
        record: &mut ResidualExpansion<S, NY, NZ>,
        mut keep: impl FnMut(usize, &SVector<S, NY>, &Rows<S, NY, M>, &ResidualExpansion<S, NY, NZ>),
    ) -> (SVector<S, NY>, Rows<S, NY, M>) {
        let Method { a, b, stages } = F::METHOD;
        let (mut value, mut dvalue) = (*y, *dy);
        let (mut point, mut dpoint) = (*y, *dy);
        for i in 0..stages {
            self.f.linearize(&point.data.0[0], &self.z, record);
            keep(i, &point, &dpoint, record);
            let mut dslope = zero_rows();
            for (row, entries) in dslope.iter_mut().enumerate() {
                for j in 0..NZ {
                    entries[F::STATES + j] = record.rz[(row, j)];
                }
            }
            add_sparse_product(&mut dslope, (&record.ry, &Self::PATTERNS.fy), &dpoint);
            let slope = (&record.r, &dslope);
            if i + 1 < stages {
                point = advanced(y, a[i + 1], slope.0, self.h);
                dpoint = *dy;
                self.add_slope::<N, M>(&mut dpoint, a[i + 1], slope);
            }
            value = advanced(&value, b[i], slope.0, self.h);
            self.add_slope::<N, M>(&mut dvalue, b[i], slope);
        }
        (value, dvalue)
    }

    /// Adds the derivative of `weight h K`.
    #[inline(always)]
    fn add_slope<const N: usize, const M: usize>(
        &self,
        derivative: &mut Rows<S, NY, M>,
        weight: f64,
        (slope, dslope): (&SVector<S, NY>, &Rows<S, NY, M>),
    ) {
        if weight == 0.0 {
            return;
        }
        let weight = S::from_f64(weight);
        for row in 0..NY {
            add_multiple(&mut derivative[row], weight * self.h, &dslope[row]);
            if F::STEP.is_none() {
                derivative[row][N - 1] += weight * slope[row];
            }
        }
    }

    /// Adds the lower half of `sum_i lambda_i d2 y+_i` of a substep in its own inputs to `c`, and takes `lambda` to the value before it.
    fn add_curvature<const N: usize, const M: usize>(
        &self,
        stages: &Stages<S, NY, NZ, M>,
        lambda: &mut SVector<S, NY>,
        record: &mut ResidualExpansion<S, NY, NZ>,
        c: &mut Rows<S, M, M>,
    ) {
        let Method { a, b, stages: count } = F::METHOD;
        // The adjoint of the point of the stage after this one, and the sum of all.
        let (mut eta, mut sum): (SVector<S, NY>, _) = (zeros(), *lambda);
        for i in (0..count).rev() {
            // What multiplies `h K_i`, and with `h` the adjoint of `K_i`.
            let mut weight = *lambda * S::from_f64(b[i]);
            if i + 1 < count {
                weight += eta * S::from_f64(a[i + 1]);
            }
            let mut of_slope: SVector<S, NY> = zeros();
            for row in Self::PATTERNS.fy.rows() {
                for column in Self::PATTERNS.fy.columns(row) {
                    of_slope[column] = stages.fy[i][(row, column)].mul_add(weight[row], of_slope[column]);
                }
            }
            self.f.hessian(&stages.points[i].data.0[0], &self.z, &(weight * self.h).data.0[0], record);
            self.add_stage(&stages.dpoints[i], record, c);
            if F::STEP.is_none() {
                // The derivative of `weight' K_i`.
                let mut slope = [S::zero(); M];
                for row in 0..NY {
                    add_multiple(&mut slope, of_slope[row], &stages.dpoints[i][row]);
                }
                for j in 0..NZ {
                    slope[F::STATES + j] += dot(&stages.fz[i].column(j).into(), &weight);
                }
                slope[N - 1] += slope[N - 1];
                add_multiple(&mut c[N - 1], S::one(), &slope);
            }
            eta = of_slope * self.h;
            sum += eta;
        }
        *lambda = sum;
    }

    /// Adds the lower half of `D' H D` with `D = (dY, dz)` in the inputs.
    #[inline(always)]
    fn add_stage<const M: usize>(
        &self,
        dpoint: &Rows<S, NY, M>,
        record: &ResidualExpansion<S, NY, NZ>,
        c: &mut Rows<S, M, M>,
    ) {
        let Patterns { fyy, fzy, curved, .. } = &Self::PATTERNS;
        let mut half: Rows<S, NY, M> = zero_rows();
        let mut of_z: Rows<S, NZ, M> = zero_rows();
        for row in fzy.rows() {
            for column in fzy.columns(row) {
                half[column][F::STATES + row] = record.hzy[(row, column)];
            }
        }
        add_sparse_product(&mut half, (&record.hyy, fyy), dpoint);
        add_lower_product(c, dpoint, &half, curved.row_list());
        add_sparse_product(&mut of_z, (&record.hzy, fzy), dpoint);
        for i in 0..NZ {
            let row = &mut c[F::STATES + i];
            add_multiple(row, S::one(), &of_z[i]);
            for j in 0..NZ {
                row[F::STATES + j] += record.hzz[(i, j)];
            }
        }
    }
}

/// `y + weight h slope`
pub(super) fn advanced<S: Scalar, const NY: usize>(
    y: &SVector<S, NY>,
    weight: f64,
    slope: &SVector<S, NY>,
    h: S,
) -> SVector<S, NY> {
    let mut sum = *y;
    if weight != 0.0 {
        add_multiple(&mut sum.data.0[0], S::from_f64(weight) * h, &slope.data.0[0]);
    }
    sum
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
    for before in &mut at.memory.values {
        *before = y;
        (y, dy) = inputs.expand::<N, M>((&y, &dy), &mut record, |_, _, _, _| {});
    }
    at.value = y.into();
    for (out, row) in at.jacobian.iter_mut().zip(&dy) {
        out.copy_from_slice(&row[..N]);
    }
}

/// The second derivatives contracted with the adjoints `mu` of the values.
#[must_use]
pub fn contract<F, S: Scalar, const NY: usize, const NZ: usize, const N: usize, const K: usize, const M: usize>(
    f: &F,
    at: &At<S, NY, N, K>,
    mu: &[S; NY],
) -> [[S; N]; N]
where
    F: Steps<NY, NZ>,
{
    let (inputs, _) = Inputs::of(f, &at.z);
    let mut record = ResidualExpansion::zeros();
    let own = own_inputs::<S, NY, M>(F::STATES);
    let mut stages = Stages::<S, NY, NZ, M>::zeros();
    let mut lambda = SVector::from(*mu);
    let mut c: Rows<S, M, M> = zero_rows();
    for (index, before) in at.memory.values.iter().enumerate().rev() {
        let (_, dvalue) = inputs.expand::<N, M>((before, &own), &mut record, |i, point, dpoint, record| {
            (stages.points[i], stages.dpoints[i]) = (*point, *dpoint);
            (stages.fy[i], stages.fz[i]) = (record.ry, record.rz);
        });
        if index + 1 < K {
            c = congruent::<S, NY, N, M>(c, &dvalue, F::STATES);
        }
        inputs.add_curvature::<N, M>(&stages, &mut lambda, &mut record, &mut c);
    }
    core::array::from_fn(|i| core::array::from_fn(|j| c[i.max(j)][i.min(j)]))
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
    g: &Rows<S, NY, M>,
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
        row[states..].copy_from_slice(&c[i][states..]);
        for k in 0..states {
            add_multiple(&mut row, c[i][k], &g[k]);
        }
        half[i] = row;
    }
    out[states..].copy_from_slice(&half[states..]);
    let rows: [u16; NY] = core::array::from_fn(|row| row as u16);
    add_lower_product(&mut out, g, &half, &rows[..states]);
    out
}
