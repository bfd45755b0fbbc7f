//! One substep of an explicit method: its stages with their derivatives in the inputs, and second derivatives.

use nalgebra::{SMatrix, SVector};

use crate::function::equations::{ResidualExpansion, ResidualValues};
use crate::function::explicit::{Method, STAGES, Steps, advanced};
use crate::function::step_patterns::Patterns;
use crate::linalg::products::{dot, zeros};
use crate::linalg::rows::{Rows, Tiles, add_lower_product, add_multiple, add_row_of_product, zero_rows};
use crate::scalar::Scalar;

/// The inputs of all substeps.
pub(super) struct Inputs<'a, F, S, const NY: usize, const NZ: usize> {
    pub(super) f: &'a F,
    pub(super) z: [S; NZ],
    pub(super) h: S,
}

/// The stages of a substep, and their derivatives in the `N <= M` inputs.
pub(super) struct Stages<S, const NY: usize, const M: usize> {
    points: [SVector<S, NY>; STAGES],
    dpoints: [Rows<S, NY, M>; STAGES],
}

impl<S: Scalar, const NY: usize, const M: usize> Stages<S, NY, M> {
    pub(super) fn zeros() -> Self {
        Self { points: [zeros(); STAGES], dpoints: [zero_rows(); STAGES] }
    }
}

/// What second derivatives of a substep need beside its stages.
pub(super) struct CurvatureMemory<S, const NY: usize, const NZ: usize, const M: usize> {
    /// `df/dy` and `df/dz` at the points; the latter where the step is an input.
    fy: [SMatrix<S, NY, NY>; STAGES],
    fz: [SMatrix<S, NY, NZ>; STAGES],
    /// A factor of products.
    half: Rows<S, NY, M>,
}

impl<S: Scalar, const NY: usize, const NZ: usize, const M: usize> CurvatureMemory<S, NY, NZ, M> {
    pub(super) fn zeros() -> Self {
        Self { fy: [zeros(); STAGES], fz: [zeros(); STAGES], half: zero_rows() }
    }

    /// Keeps the derivatives of `f` at a point.
    pub(super) fn keep<F>(&mut self, stage: usize, record: &ResidualExpansion<S, NY, NZ>)
    where
        F: Steps<NY, NZ>,
    {
        self.fy[stage] = record.ry;
        if F::STEP.is_none() {
            self.fz[stage] = record.rz;
        }
    }
}

/// Which derivatives of a substep are needed.
#[derive(Clone, Copy)]
pub(super) struct Purpose {
    /// The first value is the state among the inputs.
    pub(super) is_own: bool,
    /// The derivative of the value is needed.
    pub(super) of_value: bool,
}

impl<'a, F, S: Scalar, const NY: usize, const NZ: usize> Inputs<'a, F, S, NY, NZ>
where
    F: Steps<NY, NZ>,
{
    pub(super) const PATTERNS: Patterns<NY, NZ> = Patterns::of::<F>();

    /// The inputs, and the first value: the state, and a cost of zero.
    pub(super) fn of<const N: usize>(f: &'a F, inputs: &[S; N]) -> (Self, SVector<S, NY>) {
        let z = core::array::from_fn(|i| inputs[F::STATES + i]);
        let h = F::STEP.map_or(inputs[N - 1], S::from_f64);
        let first = SVector::from_fn(|i, _| if i < F::STATES { inputs[i] } else { S::zero() });
        (Self { f, z, h }, first)
    }

    pub(super) fn step(&self, y: &SVector<S, NY>, record: &mut ResidualValues<S, NY>) -> SVector<S, NY> {
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

    /// The value after the substep from `y`. `dvalue` is the derivative of `y` in the inputs before, and that of the value after.
    /// The closure gets the number of each stage, and the derivatives of `f` at its point.
    #[inline(always)]
    pub(super) fn expand<const N: usize, const M: usize>(
        &self,
        (y, dvalue): (&SVector<S, NY>, &mut Rows<S, NY, M>),
        stages: &mut Stages<S, NY, M>,
        record: &mut ResidualExpansion<S, NY, NZ>,
        Purpose { is_own, of_value }: Purpose,
        mut keep: impl FnMut(usize, &ResidualExpansion<S, NY, NZ>),
    ) -> SVector<S, NY> {
        let Method { a, b, stages: count } = F::METHOD;
        let mut value = *y;
        (stages.points[0], stages.dpoints[0]) = (*y, *dvalue);
        for i in 0..count {
            self.f.linearize(&stages.points[i].data.0[0], &self.z, record);
            keep(i, record);
            value = advanced(&value, b[i], &record.r, self.h);
            let has_next = i + 1 < count;
            if has_next {
                stages.points[i + 1] = advanced(y, a[i + 1], &record.r, self.h);
            } else if !of_value {
                break;
            }
            // Without a product where the derivative of the point is that of the state.
            let is_own = is_own && i == 0;
            for row in 0..NY {
                let mut product = [S::zero(); M];
                if !is_own {
                    add_row_of_product(&mut product, row, (&record.ry, &Self::PATTERNS.fy), &stages.dpoints[i]);
                }
                let slope = (&product, &*record);
                if has_next {
                    stages.dpoints[i + 1][row] = stages.dpoints[0][row];
                    self.add_slope::<N, M>(&mut stages.dpoints[i + 1][row], (row, is_own), a[i + 1], slope);
                }
                if of_value && b[i] != 0.0 {
                    self.add_slope::<N, M>(&mut dvalue[row], (row, is_own), b[i], slope);
                }
            }
        }
        value
    }

    /// Adds the derivative of `weight h K` in one entry of `K`: the product of `df/dy` with the derivative of the point, the
    /// derivatives in the other inputs, and that in the step.
    #[inline(always)]
    fn add_slope<const N: usize, const M: usize>(
        &self,
        derivative: &mut [S; M],
        (row, is_own): (usize, bool),
        weight: f64,
        (product, record): (&[S; M], &ResidualExpansion<S, NY, NZ>),
    ) {
        let weight = S::from_f64(weight);
        let scaled = weight * self.h;
        if is_own {
            for column in Self::PATTERNS.fy.columns(row) {
                derivative[column] = scaled.mul_add(record.ry.data.0[column][row], derivative[column]);
            }
        } else {
            add_multiple(derivative, scaled, product);
        }
        for column in Self::PATTERNS.fz.columns(row) {
            let entry = &mut derivative[F::STATES + column];
            *entry = scaled.mul_add(record.rz.data.0[column][row], *entry);
        }
        if F::STEP.is_none() {
            derivative[N - 1] += weight * record.r[row];
        }
    }

    /// Adds the lower half of `sum_i lambda_i d2 y+_i` of a substep in its own inputs to `c`, and takes `lambda` to the value before it.
    pub(super) fn add_curvature<const N: usize, const M: usize>(
        &self,
        (stages, memory): (&Stages<S, NY, M>, &mut CurvatureMemory<S, NY, NZ, M>),
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
                    of_slope[column] = memory.fy[i][(row, column)].mul_add(weight[row], of_slope[column]);
                }
            }
            self.f.hessian(&stages.points[i].data.0[0], &self.z, &(weight * self.h).data.0[0], record);
            if i == 0 {
                Self::add_first_stage(record, c);
            } else {
                Self::add_stage((&stages.dpoints[i], &Self::PATTERNS.points[i]), record, &mut memory.half, c);
            }
            if F::STEP.is_none() {
                // The derivative of `weight' K_i`.
                let mut slope = [S::zero(); M];
                for row in 0..NY {
                    add_multiple(&mut slope, of_slope[row], &stages.dpoints[i][row]);
                }
                for j in 0..NZ {
                    slope[F::STATES + j] += dot(&memory.fz[i].column(j).into(), &weight);
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
        (dpoint, tiles): (&Rows<S, NY, M>, &[Tiles; NY]),
        record: &ResidualExpansion<S, NY, NZ>,
        half: &mut Rows<S, NY, M>,
        c: &mut Rows<S, M, M>,
    ) {
        let Patterns { fyy, fzy, curved, .. } = &Self::PATTERNS;
        for row in curved.rows() {
            let mut of_y = [S::zero(); M];
            add_row_of_product(&mut of_y, row, (&record.hyy, fyy), dpoint);
            half[row] = of_y;
            for j in 0..NZ {
                half[row][F::STATES + j] += record.hzy.data.0[row][j];
            }
        }
        add_lower_product(c, (dpoint, tiles), half, curved.row_list());
        for row in 0..NZ {
            let mut of_z = c[F::STATES + row];
            add_row_of_product(&mut of_z, row, (&record.hzy, fzy), dpoint);
            c[F::STATES + row] = of_z;
            for j in 0..NZ {
                c[F::STATES + row][F::STATES + j] += record.hzz[(row, j)];
            }
        }
    }

    /// The same at the first point, which is the state among the inputs.
    fn add_first_stage<const M: usize>(record: &ResidualExpansion<S, NY, NZ>, c: &mut Rows<S, M, M>) {
        let Patterns { fyy, fzy, .. } = &Self::PATTERNS;
        for row in fyy.rows() {
            for column in fyy.columns(row) {
                c[row][column] += record.hyy.data.0[column][row];
            }
        }
        for row in 0..NZ {
            for column in fzy.columns(row) {
                c[F::STATES + row][column] += record.hzy.data.0[column][row];
            }
            for j in 0..NZ {
                c[F::STATES + row][F::STATES + j] += record.hzz[(row, j)];
            }
        }
    }
}
