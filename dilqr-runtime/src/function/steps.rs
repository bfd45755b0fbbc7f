//! Steps of an explicit Runge-Kutta method as one function, by a loop over the compiled derivative.
//!
//! ```text
//! Y_i = y + h sum_j a_ij K_j,  K_i = f(Y_i, z),  y+ = y + h sum_i b_i K_i
//! ```
//!
//! The function's inputs are the state, `z`, and the step `h` where it is no constant; its values are the state after all
//! substeps and, behind it, the integral of a running cost. First derivatives go forward with the stages. Second ones go
//! backward over the substeps: with the Jacobian `G` of one substep in the inputs and the adjoints `lambda` of its values,
//! `C <- G' C G + sum_i lambda_i d2 y+_i`.

use nalgebra::{SMatrix, SVector};

use crate::function::equations::{Equations, ResidualExpansion};
use crate::function::node::Expansion;
use crate::linalg::products::{add_product, add_transposed_product, zeros};
use crate::scalar::Scalar;

/// The most stages of a method.
pub(super) const STAGES: usize = 4;

/// An explicit Runge-Kutta method.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Method {
    /// Coefficients of the stages before; rows beyond the last stage are not used.
    pub a: [[f64; STAGES]; STAGES],
    /// Weights of the stages.
    pub b: [f64; STAGES],
    /// The number of stages.
    pub stages: usize,
}

impl Method {
    /// Euler's method.
    pub const EULER: Self = Self { a: [[0.0; 4]; 4], b: [1.0, 0.0, 0.0, 0.0], stages: 1 };
    /// The midpoint rule.
    pub const MIDPOINT: Self =
        Self { a: [[0.0; 4], [0.5, 0.0, 0.0, 0.0], [0.0; 4], [0.0; 4]], b: [0.0, 1.0, 0.0, 0.0], stages: 2 };
    /// The classical method of order 4.
    pub const RK4: Self = Self {
        a: [[0.0; 4], [0.5, 0.0, 0.0, 0.0], [0.0, 0.5, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]],
        b: [1.0 / 6.0, 1.0 / 3.0, 1.0 / 3.0, 1.0 / 6.0],
        stages: 4,
    };
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

    /// The derivative, as `r`.
    fn value<S: Scalar>(&self, y: &[S; NY], z: &[S; NZ], out: &mut ResidualExpansion<S, NY, NZ>);
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

/// The inputs of all substeps.
pub(super) struct Inputs<'a, F, S, const NY: usize, const NZ: usize> {
    pub(super) f: &'a F,
    pub(super) z: [S; NZ],
    pub(super) h: S,
}

/// One substep to first order.
struct Substep<S, const NY: usize, const N: usize> {
    /// `Y_i` and `K_i`, with their derivatives in the inputs.
    points: [SVector<S, NY>; STAGES],
    dpoints: [SMatrix<S, NY, N>; STAGES],
    slopes: [SVector<S, NY>; STAGES],
    dslopes: [SMatrix<S, NY, N>; STAGES],
    /// `df/dy` at `Y_i`.
    fy: [SMatrix<S, NY, NY>; STAGES],
    value: SVector<S, NY>,
    dvalue: SMatrix<S, NY, N>,
}

impl<'a, F, S: Scalar, const NY: usize, const NZ: usize> Inputs<'a, F, S, NY, NZ>
where
    F: Steps<NY, NZ>,
{
    /// The inputs, and the first value: the state, and a cost of zero.
    pub(super) fn of<const N: usize>(f: &'a F, inputs: &[S; N]) -> (Self, SVector<S, NY>) {
        let z = core::array::from_fn(|i| inputs[F::STATES + i]);
        let h = F::STEP.map_or(inputs[N - 1], S::from_f64);
        let first = SVector::from_fn(|i, _| if i < F::STATES { inputs[i] } else { S::zero() });
        (Self { f, z, h }, first)
    }

    fn step(&self, y: &SVector<S, NY>, record: &mut ResidualExpansion<S, NY, NZ>) -> SVector<S, NY> {
        combined(y, &F::METHOD.b, &self.stages(y, record).1, self.h)
    }

    /// The points `Y_i` and the slopes `K_i` of the substep from `y`.
    pub(super) fn stages(
        &self,
        y: &SVector<S, NY>,
        record: &mut ResidualExpansion<S, NY, NZ>,
    ) -> ([SVector<S, NY>; STAGES], [SVector<S, NY>; STAGES]) {
        let (mut points, mut slopes) = ([zeros(); STAGES], [zeros(); STAGES]);
        for i in 0..F::METHOD.stages {
            points[i] = combined(y, &F::METHOD.a[i], &slopes, self.h);
            self.f.value(&points[i].into(), &self.z, record);
            slopes[i] = record.r;
        }
        (points, slopes)
    }

    /// A substep from `y` with the derivative `dy` in the inputs.
    fn expand<const N: usize>(
        &self,
        y: &SVector<S, NY>,
        dy: &SMatrix<S, NY, N>,
        record: &mut ResidualExpansion<S, NY, NZ>,
    ) -> Substep<S, NY, N> {
        let mut substep = Substep {
            points: [zeros(); STAGES],
            dpoints: [zeros(); STAGES],
            slopes: [zeros(); STAGES],
            dslopes: [zeros(); STAGES],
            fy: [zeros(); STAGES],
            value: zeros(),
            dvalue: zeros(),
        };
        for i in 0..F::METHOD.stages {
            let (point, dpoint) = self.combined_twice(y, dy, &F::METHOD.a[i], &substep);
            self.f.linearize(&point.into(), &self.z, record);
            let mut dslope = zeros();
            add_product(&mut dslope, &record.ry, &dpoint);
            for j in 0..NZ {
                for row in 0..NY {
                    dslope[(row, F::STATES + j)] += record.rz[(row, j)];
                }
            }
            (substep.points[i], substep.dpoints[i]) = (point, dpoint);
            (substep.slopes[i], substep.dslopes[i], substep.fy[i]) = (record.r, dslope, record.ry);
        }
        (substep.value, substep.dvalue) = self.combined_twice(y, dy, &F::METHOD.b, &substep);
        substep
    }

    /// `y + h sum_j weights_j K_j` with its derivative.
    fn combined_twice<const N: usize>(
        &self,
        y: &SVector<S, NY>,
        dy: &SMatrix<S, NY, N>,
        weights: &[f64; STAGES],
        Substep { slopes, dslopes, .. }: &Substep<S, NY, N>,
    ) -> (SVector<S, NY>, SMatrix<S, NY, N>) {
        let mut derivative = *dy;
        for (j, weight) in weights.iter().enumerate().filter(|(_, weight)| **weight != 0.0) {
            let weight = S::from_f64(*weight);
            let scaled = weight * self.h;
            derivative.iter_mut().zip(dslopes[j].iter()).for_each(|(out, entry)| *out = scaled.mul_add(*entry, *out));
            if F::STEP.is_none() {
                for row in 0..NY {
                    derivative[(row, N - 1)] += weight * slopes[j][row];
                }
            }
        }
        (combined(y, weights, slopes, self.h), derivative)
    }

    /// Adds `sum_i lambda_i d2 y+_i` of a substep in its own inputs to `c`.
    fn add_curvature<const N: usize>(
        &self,
        substep: &Substep<S, NY, N>,
        lambda: &SVector<S, NY>,
        record: &mut ResidualExpansion<S, NY, NZ>,
        c: &mut SMatrix<S, N, N>,
    ) {
        let Method { a, b, stages } = F::METHOD;
        // Adjoints of the points.
        let mut etas: [SVector<S, NY>; STAGES] = [zeros(); STAGES];
        for i in (0..stages).rev() {
            // What multiplies `h K_i`, and with `h` the adjoint of `K_i`.
            let mut weight = *lambda * S::from_f64(b[i]);
            for j in i + 1..stages {
                weight += etas[j] * S::from_f64(a[j][i]);
            }
            let kappa = weight * self.h;
            add_transposed_product(&mut etas[i], &substep.fy[i], &kappa);
            self.f.hessian(&substep.points[i].into(), &self.z, &kappa.into(), record);
            self.add_stage(&substep.dpoints[i], record, c);
            if F::STEP.is_none() {
                let mut slope: SVector<S, N> = zeros();
                add_transposed_product(&mut slope, &substep.dslopes[i], &weight);
                for j in 0..N {
                    c[(N - 1, j)] += slope[j];
                    c[(j, N - 1)] += slope[j];
                }
            }
        }
    }

    /// Adds `D' H D` with `D = (dY, dz)` in the inputs.
    fn add_stage<const N: usize>(
        &self,
        dpoint: &SMatrix<S, NY, N>,
        record: &ResidualExpansion<S, NY, NZ>,
        c: &mut SMatrix<S, N, N>,
    ) {
        let mut of_y = zeros();
        add_product(&mut of_y, &record.hyy, dpoint);
        add_transposed_product(c, dpoint, &of_y);
        let mut of_z: SMatrix<S, NZ, N> = zeros();
        add_product(&mut of_z, &record.hzy, dpoint);
        for i in 0..NZ {
            let row = F::STATES + i;
            for j in 0..N {
                c[(row, j)] += of_z[(i, j)];
                c[(j, row)] += of_z[(i, j)];
            }
            for j in 0..NZ {
                c[(row, F::STATES + j)] += record.hzz[(i, j)];
            }
        }
    }
}

/// `y + h sum_j weights_j slopes_j`
pub(super) fn combined<S: Scalar, const NY: usize>(
    y: &SVector<S, NY>,
    weights: &[f64; STAGES],
    slopes: &[SVector<S, NY>; STAGES],
    h: S,
) -> SVector<S, NY> {
    let mut sum = *y;
    for (weight, slope) in weights.iter().zip(slopes).filter(|(weight, _)| **weight != 0.0) {
        let scaled = S::from_f64(*weight) * h;
        sum.iter_mut().zip(slope.iter()).for_each(|(out, entry)| *out = scaled.mul_add(*entry, *out));
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
    let mut record = ResidualExpansion::zeros();
    for _ in 0..K {
        y = inputs.step(&y, &mut record);
    }
    y.into()
}

/// An expansion of steps.
pub type At<S, const NY: usize, const N: usize, const K: usize> = Expansion<S, N, NY, StepsMemory<S, NY, K>, NY>;

/// Value, Jacobian, and what second derivatives need.
pub fn expand<F, S: Scalar, const NY: usize, const NZ: usize, const N: usize, const K: usize>(
    f: &F,
    at: &mut At<S, NY, N, K>,
) where
    F: Steps<NY, NZ>,
{
    let (inputs, mut y) = Inputs::of(f, &at.z);
    let mut record = ResidualExpansion::zeros();
    let mut dy = own_inputs::<S, NY, N>(F::STATES);
    for before in &mut at.memory.values {
        *before = y;
        let substep = inputs.expand(&y, &dy, &mut record);
        (y, dy) = (substep.value, substep.dvalue);
    }
    at.value = y.into();
    for (i, row) in at.jacobian.iter_mut().enumerate() {
        *row = core::array::from_fn(|j| dy[(i, j)]);
    }
}

/// The second derivatives contracted with the adjoints `mu` of the values.
#[must_use]
pub fn contract<F, S: Scalar, const NY: usize, const NZ: usize, const N: usize, const K: usize>(
    f: &F,
    at: &At<S, NY, N, K>,
    mu: &[S; NY],
) -> [[S; N]; N]
where
    F: Steps<NY, NZ>,
{
    let (inputs, _) = Inputs::of(f, &at.z);
    let mut record = ResidualExpansion::zeros();
    let own = own_inputs::<S, NY, N>(F::STATES);
    let mut lambda = SVector::from(*mu);
    let mut c: SMatrix<S, N, N> = zeros();
    for before in at.memory.values.iter().rev() {
        let substep = inputs.expand(before, &own, &mut record);
        // G: the new state in the rows of the state, the other inputs as they are.
        let mut g: SMatrix<S, N, N> = zeros();
        for i in 0..N {
            if i < F::STATES {
                g.set_row(i, &substep.dvalue.row(i));
            } else {
                g[(i, i)] = S::one();
            }
        }
        let mut half = zeros();
        add_product(&mut half, &c, &g);
        c = zeros();
        add_transposed_product(&mut c, &g, &half);
        inputs.add_curvature(&substep, &lambda, &mut record, &mut c);
        let mut before = zeros();
        add_transposed_product(&mut before, &substep.dvalue, &lambda);
        let before: SVector<S, N> = before;
        // The adjoint of the cost stays.
        (0..F::STATES).for_each(|i| lambda[i] = before[i]);
    }
    core::array::from_fn(|i| core::array::from_fn(|j| c[(i, j)]))
}

/// The derivative of the first value in the inputs.
fn own_inputs<S: Scalar, const NY: usize, const N: usize>(states: usize) -> SMatrix<S, NY, N> {
    SMatrix::from_fn(|i, j| if i == j && i < states { S::one() } else { S::zero() })
}
