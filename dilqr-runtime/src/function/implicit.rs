//! Functions that are solutions of equations: `y(z)` with `r(y, z) = 0`.
//!
//! Newton's method finds the solution, and the implicit function theorem differentiates it. With `Y = dy/dz` and adjoints `mu` of
//! `y`,
//!
//! ```text
//! r_y Y = -r_z
//! r_y' nu = -mu
//! C = sum_i nu_i (r_i,zz + r_i,zy Y + Y' r_i,yz + Y' r_i,yy Y)
//! mu' dy/dW = nu' r_W
//! ```
//!
//! for the weights `W` of functions that the equations call. Along `dz` and `dmu`, `dy = Y dz` and
//! `r_y' dnu = -dmu - (nu' r)_yy dy - (nu' r)_yz dz`.

use nalgebra::{SMatrix, SVector};
use num_traits::Zero;

use crate::function::equations::{Equations, ResidualExpansion};
use crate::function::node::Expansion;
use crate::linalg::inverse::inverse;
use crate::linalg::products::{add_product, add_transposed_product, transposed, zeros};
use crate::scalar::{Mask, Scalar};

/// The most steps of Newton's method.
const MOST_STEPS: usize = 20;

/// Steps after the last one that decides: a Newton step doubles the number of right digits, and the order up to which derivatives
/// that dual numbers carry are right.
const FINAL_STEPS: usize = 2;

/// A step counts as zero below this many rounding errors of the terms of its equations.
const ROUNDING: f64 = 64.0;

/// A function that solves equations.
pub trait ImplicitFunction<const NY: usize, const NZ: usize>: Equations<NY, NZ> {
    /// The unknowns from which Newton's method starts, `NY`.
    const GUESS: [f64; NY];
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

    /// `nu` for adjoints `mu` of the solution.
    fn adjoints(&self, mu: &[S; NY]) -> SVector<S, NY> {
        let mut nu = zeros();
        add_transposed_product(&mut nu, &self.inverse, &SVector::from(*mu));
        -nu
    }
}

/// An expansion of an implicit function.
type At<S, const NY: usize, const NZ: usize> = Expansion<S, NZ, NY, ImplicitMemory<S, NY, NZ>, NY>;

/// The solution, from the guess; NaN where the method does not converge. Each lane takes its own steps.
#[must_use]
pub fn value<F, S: Scalar, const NY: usize, const NZ: usize>(f: &F, z: &[S; NZ]) -> [S; NY]
where
    F: ImplicitFunction<NY, NZ>,
{
    solve(f, z, &mut ResidualExpansion::zeros())
}

fn solve<F, S: Scalar, const NY: usize, const NZ: usize>(
    f: &F,
    z: &[S; NZ],
    record: &mut ResidualExpansion<S, NY, NZ>,
) -> [S; NY]
where
    F: ImplicitFunction<NY, NZ>,
{
    let mut y = F::GUESS.map(S::from_f64);
    let mut done = S::Mask::splat(false);
    let epsilon = epsilon::<S>();
    // Quadratic convergence: after a smaller relative step the next one is below rounding.
    let last = S::Real::from_f64(0.1) * epsilon.sqrt();
    for _ in 0..MOST_STEPS {
        let (step, noise) = newton_step(f, &y, z, record);
        let mut close = S::Mask::splat(true);
        for i in 0..NY {
            y[i] = S::select(done, y[i], y[i] + step[i]);
            let moved = step[i].real().abs();
            let zero = moved.less_equal(S::Real::from_f64(ROUNDING) * epsilon * noise[i]);
            close = close & (zero | moved.less_equal(last * y[i].real().abs()));
        }
        done = done | close;
        if done.all() {
            break;
        }
    }
    for _ in 0..FINAL_STEPS {
        let (step, _) = newton_step(f, &y, z, record);
        for i in 0..NY {
            y[i] += step[i];
        }
    }
    y.map(|y| S::select(done, y, S::from_f64(f64::NAN)))
}

/// The relative rounding error of a scalar.
fn epsilon<S: Scalar>() -> S::Real {
    let number = S::Real::from_f64;
    ((number(4.0) / number(3.0) - number(1.0)) * number(3.0) - number(1.0)).abs()
}

/// A step of Newton's method, and the size of the terms that make it: an unknown that ends at zero is their rounding error.
fn newton_step<F, S: Scalar, const NY: usize, const NZ: usize>(
    f: &F,
    y: &[S; NY],
    z: &[S; NZ],
    record: &mut ResidualExpansion<S, NY, NZ>,
) -> (SVector<S, NY>, [S::Real; NY])
where
    F: Equations<NY, NZ>,
{
    f.linearize(y, z, record);
    let inverse = inverse(&record.ry);
    let mut step = zeros();
    add_product(&mut step, &inverse, &record.r);
    let size = |a: S, b: S| a.real().abs() * b.real().abs();
    let terms: [S::Real; NY] = core::array::from_fn(|i| {
        let own = (0..NY).fold(S::Real::zero(), |sum, j| sum + size(record.ry[(i, j)], y[j]));
        (0..NZ).fold(own, |sum, j| sum + size(record.rz[(i, j)], z[j]))
    });
    let noise =
        core::array::from_fn(|i| (0..NY).fold(S::Real::zero(), |sum, j| sum + inverse[(i, j)].real().abs() * terms[j]));
    (-step, noise)
}

/// Value, Jacobian, and what second derivatives need.
pub fn expand<F, S: Scalar, const NY: usize, const NZ: usize>(f: &F, at: &mut At<S, NY, NZ>)
where
    F: ImplicitFunction<NY, NZ>,
{
    let Expansion { z, value, jacobian, memory: ImplicitMemory { record, inverse: of_ry } } = at;
    *value = solve(f, z, record);
    f.linearize(value, z, record);
    *of_ry = inverse(&record.ry);
    let mut y = zeros();
    add_product(&mut y, of_ry, &record.rz);
    for (i, row) in jacobian.iter_mut().enumerate() {
        *row = core::array::from_fn(|j| -y[(i, j)]);
    }
}

/// Writes `C` for the adjoints `mu` of the solution, `NZ` rows.
pub fn contract<F, S: Scalar, const NY: usize, const NZ: usize>(
    f: &F,
    at: &At<S, NY, NZ>,
    mu: &[S; NY],
    out: &mut [[S; NZ]],
) where
    F: Equations<NY, NZ>,
{
    let mut record = at.memory.record;
    f.hessian(&at.value, &at.z, &at.memory.adjoints(mu).into(), &mut record);
    let slope: SMatrix<S, NY, NZ> = SMatrix::from_fn(|i, j| at.jacobian[i][j]);
    // hzy Y + 1/2 Y' hyy Y, and its transpose.
    let mut half = zeros();
    add_product(&mut half, &record.hyy, &slope);
    half *= S::from_f64(0.5);
    half += transposed(&record.hzy);
    let mut c = zeros();
    add_transposed_product(&mut c, &slope, &half);
    let c: SMatrix<S, NZ, NZ> = c + transposed(&c) + record.hzz;
    for (i, row) in out.iter_mut().enumerate() {
        *row = core::array::from_fn(|j| c[(i, j)]);
    }
}

/// Adds `mu' dy/dW`.
pub fn add_weight_gradient<F, S: Scalar, const NY: usize, const NZ: usize>(
    f: &F,
    at: &At<S, NY, NZ>,
    mu: &[S; NY],
    out: &mut [S],
) where
    F: Equations<NY, NZ>,
{
    f.add_weight_gradient(&at.value, &at.z, &at.memory.adjoints(mu).into(), out);
}

/// Adds the change of `mu' dy/dW` along `dz` and `dmu`.
pub fn add_weight_contraction<F, S: Scalar, const NY: usize, const NZ: usize>(
    f: &F,
    at: &At<S, NY, NZ>,
    (dz, mu, dmu): (&[S; NZ], &[S; NY], &[S; NY]),
    out: &mut [S],
) where
    F: Equations<NY, NZ>,
{
    let mut record = at.memory.record;
    let nu = at.memory.adjoints(mu).into();
    f.hessian(&at.value, &at.z, &nu, &mut record);
    let dy = SVector::from_fn(|i, _| (0..NZ).fold(S::zero(), |sum, j| at.jacobian[i][j].mul_add(dz[j], sum)));
    let mut change = SVector::from(*dmu);
    add_product(&mut change, &record.hyy, &dy);
    add_transposed_product(&mut change, &record.hzy, &SVector::from(*dz));
    let dnu = at.memory.adjoints(&change.into());
    f.add_weight_contraction((&at.value, &at.z, &nu), (&dy.into(), dz, &dnu.into()), out);
}
