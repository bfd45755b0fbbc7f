//! Functions that are solutions of equations: `y(z)` with `r(y, z) = 0`.
//!
//! Newton's method finds the solution, and the implicit function theorem differentiates it. With `Y = dy/dz` and adjoints `mu` of
//! `y`,
//!
//! ```text
//! r_y Y = -r_z
//! r_y' nu = -mu
//! C = sum_i nu_i (r_i,zz + r_i,zy Y + Y' r_i,yz + Y' r_i,yy Y)
//! ```

use nalgebra::{SMatrix, SVector};

use crate::function::node::{Expansion, Node};
use crate::linalg::products::{add_product, add_transposed_product, transposed, zeros};
use crate::scalar::{Mask, Scalar};

/// The most steps of Newton's method.
const MOST_STEPS: usize = 20;

/// The largest step, over the size of its unknown, after which one more step is exact to rounding: the method converges
/// quadratically.
const LAST_STEP: f64 = 1e-9;

/// Steps after the last one that decides: one for rounding, and one for each order of the derivatives that dual numbers carry.
const FINAL_STEPS: usize = 2;

/// Residuals and their derivatives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ResidualExpansion<S, const NY: usize, const NZ: usize> {
    /// Residuals, `NY`.
    pub r: SVector<S, NY>,
    /// Their derivative in the unknowns, `NY x NY`.
    pub ry: SMatrix<S, NY, NY>,
    /// Their derivative in the inputs, `NY x NZ`.
    pub rz: SMatrix<S, NY, NZ>,
    /// Second derivatives of a weighted sum, `NY x NY`.
    pub hyy: SMatrix<S, NY, NY>,
    /// `NZ x NY`
    pub hzy: SMatrix<S, NZ, NY>,
    /// `NZ x NZ`
    pub hzz: SMatrix<S, NZ, NZ>,
}

impl<S: Scalar, const NY: usize, const NZ: usize> ResidualExpansion<S, NY, NZ> {
    pub(super) fn zeros() -> Self {
        Self { r: zeros(), ry: zeros(), rz: zeros(), hyy: zeros(), hzy: zeros(), hzz: zeros() }
    }
}

/// The equations of an implicit function, by compiled kernels.
pub trait ImplicitFunction<const NY: usize, const NZ: usize> {
    /// The unknowns from which Newton's method starts, `NY`.
    const GUESS: [f64; NY];
    /// Residuals and their first derivatives.
    fn linearize<S: Scalar>(y: &[S; NY], z: &[S; NZ], out: &mut ResidualExpansion<S, NY, NZ>);
    /// Second derivatives of `mu' r`.
    fn hessian<S: Scalar>(y: &[S; NY], z: &[S; NZ], mu: &[S; NY], out: &mut ResidualExpansion<S, NY, NZ>);
}

/// What an expansion keeps: the inverse of `r_y` at the solution, and memory for second derivatives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ImplicitMemory<S, const NY: usize, const NZ: usize> {
    record: ResidualExpansion<S, NY, NZ>,
    inverse: SMatrix<S, NY, NY>,
}

impl<S: Scalar, const NY: usize, const NZ: usize> ImplicitMemory<S, NY, NZ> {
    /// Zeros.
    #[must_use]
    pub fn zeros() -> Self {
        Self { record: ResidualExpansion::zeros(), inverse: zeros() }
    }
}

/// An expansion of an implicit function.
type At<S, const NY: usize, const NZ: usize> = Expansion<S, NZ, NY, ImplicitMemory<S, NY, NZ>>;

/// The solution, from the guess; NaN where the method does not converge. Each lane takes its own steps.
#[must_use]
pub fn value<F, S: Scalar, const NY: usize, const NZ: usize>(z: &[S; NZ]) -> [S; NY]
where
    F: ImplicitFunction<NY, NZ>,
{
    solve::<F, S, NY, NZ>(z, &mut ResidualExpansion::zeros())
}

fn solve<F, S: Scalar, const NY: usize, const NZ: usize>(
    z: &[S; NZ],
    record: &mut ResidualExpansion<S, NY, NZ>,
) -> [S; NY]
where
    F: ImplicitFunction<NY, NZ>,
{
    let mut y = F::GUESS.map(S::from_f64);
    let mut sizes = [S::Real::from_f64(0.0); NY];
    let mut done = S::Mask::splat(false);
    for _ in 0..MOST_STEPS {
        let step = newton_step::<F, S, NY, NZ>(&y, z, record);
        let mut close = S::Mask::splat(true);
        for i in 0..NY {
            y[i] = S::select(done, y[i], y[i] + step[i]);
            let (own, moved) = (y[i].real().abs(), step[i].real().abs());
            // An unknown that ends at zero has the size of its steps.
            for size in [own, moved] {
                sizes[i] = S::Real::select(sizes[i].less(size), size, sizes[i]);
            }
            close = close & moved.less_equal(S::Real::from_f64(LAST_STEP) * sizes[i]);
        }
        done = done | close;
        if done.all() {
            break;
        }
    }
    for _ in 0..FINAL_STEPS {
        let step = newton_step::<F, S, NY, NZ>(&y, z, record);
        for i in 0..NY {
            y[i] += step[i];
        }
    }
    y.map(|y| S::select(done, y, S::from_f64(f64::NAN)))
}

fn newton_step<F, S: Scalar, const NY: usize, const NZ: usize>(
    y: &[S; NY],
    z: &[S; NZ],
    record: &mut ResidualExpansion<S, NY, NZ>,
) -> SVector<S, NY>
where
    F: ImplicitFunction<NY, NZ>,
{
    F::linearize(y, z, record);
    let mut step = zeros();
    add_product(&mut step, &inverse(&record.ry), &record.r);
    -step
}

/// Value, Jacobian, and what second derivatives need.
pub fn expand<F, S: Scalar, const NY: usize, const NZ: usize>(at: &mut At<S, NY, NZ>)
where
    F: ImplicitFunction<NY, NZ>,
{
    let Expansion { z, value, jacobian, memory: ImplicitMemory { record, inverse: of_ry } } = at;
    *value = solve::<F, S, NY, NZ>(z, record);
    F::linearize(value, z, record);
    *of_ry = inverse(&record.ry);
    let mut y = zeros();
    add_product(&mut y, of_ry, &record.rz);
    for (i, row) in jacobian.iter_mut().enumerate() {
        *row = core::array::from_fn(|j| -y[(i, j)]);
    }
}

/// A new expansion at a point.
#[must_use]
pub fn expand_at<F, S: Scalar, const NY: usize, const NZ: usize>(_function: &F, z: &[S; NZ]) -> At<S, NY, NZ>
where
    F: ImplicitFunction<NY, NZ> + Node<NZ, NY>,
{
    let zero = S::zero();
    let memory = ImplicitMemory::zeros();
    let mut at = Expansion { z: *z, value: [zero; NY], jacobian: [[zero; NZ]; NY], memory };
    expand::<F, S, NY, NZ>(&mut at);
    at
}

/// `C` for the adjoints `mu` of the solution.
#[must_use]
pub fn contract<F, S: Scalar, const NY: usize, const NZ: usize>(at: &At<S, NY, NZ>, mu: &[S; NY]) -> [[S; NZ]; NZ]
where
    F: ImplicitFunction<NY, NZ>,
{
    let mut record = at.memory.record;
    let mut nu: SVector<S, NY> = zeros();
    add_transposed_product(&mut nu, &at.memory.inverse, &SVector::from(*mu));
    F::hessian(&at.value, &at.z, &(-nu).into(), &mut record);
    let slope: SMatrix<S, NY, NZ> = SMatrix::from_fn(|i, j| at.jacobian[i][j]);
    // hzy Y + 1/2 Y' hyy Y, and its transpose.
    let mut half = zeros();
    add_product(&mut half, &record.hyy, &slope);
    half *= S::from_f64(0.5);
    half += transposed(&record.hzy);
    let mut c = zeros();
    add_transposed_product(&mut c, &slope, &half);
    let c: SMatrix<S, NZ, NZ> = c + transposed(&c) + record.hzz;
    core::array::from_fn(|i| core::array::from_fn(|j| c[(i, j)]))
}

/// The inverse by elimination. Rows are exchanged where the pivot is larger, lane by lane. A singular matrix gives numbers that are
/// not finite.
fn inverse<S: Scalar, const N: usize>(matrix: &SMatrix<S, N, N>) -> SMatrix<S, N, N> {
    let mut a = *matrix;
    let mut inverse: SMatrix<S, N, N> = zeros();
    for i in 0..N {
        inverse[(i, i)] = S::one();
    }
    for k in 0..N {
        for i in k + 1..N {
            let larger = a[(k, k)].real().abs().less(a[(i, k)].real().abs());
            if larger.any() {
                for rows in [&mut a, &mut inverse] {
                    for j in 0..N {
                        let (upper, lower) = (rows[(k, j)], rows[(i, j)]);
                        rows[(k, j)] = S::select(larger, lower, upper);
                        rows[(i, j)] = S::select(larger, upper, lower);
                    }
                }
            }
        }
        let pivot = S::one() / a[(k, k)];
        for rows in [&mut a, &mut inverse] {
            for j in 0..N {
                rows[(k, j)] *= pivot;
            }
        }
        for i in (0..N).filter(|&i| i != k) {
            let factor = a[(i, k)];
            for rows in [&mut a, &mut inverse] {
                for j in 0..N {
                    let entry = rows[(k, j)];
                    rows[(i, j)] = factor.neg_mul_add(entry, rows[(i, j)]);
                }
            }
        }
    }
    inverse
}
