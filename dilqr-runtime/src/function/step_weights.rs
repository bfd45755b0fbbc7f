//! Gradients of steps in the weights `W` of functions that the derivative calls.
//!
//! With adjoints `lambda` of the value after a substep, stages go backward:
//!
//! ```text
//! w_i = b_i lambda + a_(i+1) eta_(i+1),  kappa_i = h w_i,  eta_i = f_y(Y_i)' kappa_i
//! gradient += kappa_i' f_W(Y_i),  lambda <- lambda + sum_i eta_i
//! ```
//!
//! The change of the gradient along a direction is the derivative of each line along it.

use nalgebra::SVector;

use crate::function::equations::{ResidualExpansion, ResidualValues};
use crate::function::explicit::{Method, STAGES, Steps, advanced};
use crate::function::steps::At;
use crate::function::substep::Inputs;
use crate::linalg::products::{add_product, add_transposed_product, zeros};
use crate::scalar::Scalar;

/// Adds `mu' dy/dW`.
pub fn add_weight_gradient<F, S: Scalar, const NY: usize, const NZ: usize, const N: usize, const K: usize>(
    f: &F,
    at: &At<S, NY, N, K>,
    mu: &[S; NY],
    out: &mut [S],
) where
    F: Steps<NY, NZ>,
{
    let (inputs, _) = Inputs::of(f, &at.z);
    let (mut record, mut values) = (ResidualExpansion::zeros(), ResidualValues::zeros());
    let mut lambda = SVector::from(*mu);
    let mut points: [SVector<S, NY>; STAGES] = [zeros(); STAGES];
    for before in at.memory.values.iter().rev() {
        inputs.points(before, &mut values, |i, point, _| points[i] = *point);
        let mut etas: [SVector<S, NY>; STAGES] = [zeros(); STAGES];
        for i in (0..F::METHOD.stages).rev() {
            let kappa = weight::<F, S, NY, NZ>(i, &lambda, &etas) * inputs.h;
            f.add_weight_gradient(&points[i].into(), &inputs.z, &kappa.into(), out);
            f.linearize(&points[i].into(), &inputs.z, &mut record);
            add_transposed_product(&mut etas[i], &record.ry, &kappa);
        }
        etas.iter().for_each(|eta| lambda += *eta);
    }
}

/// Adds the change of `mu' dy/dW` along `dz` and `dmu`.
pub fn add_weight_contraction<F, S: Scalar, const NY: usize, const NZ: usize, const N: usize, const K: usize>(
    f: &F,
    at: &At<S, NY, N, K>,
    (dz, mu, dmu): (&[S; N], &[S; NY], &[S; NY]),
    out: &mut [S],
) where
    F: Steps<NY, NZ>,
{
    let (inputs, _) = Inputs::of(f, &at.z);
    let mut record = ResidualExpansion::zeros();
    let mut directions = [Direction::of::<F, N>(dz); K];
    for index in 1..K {
        let before = directions[index - 1];
        let stages = inputs.stages_along(&at.memory.values[index - 1], &before, &mut record);
        directions[index].y = (0..F::METHOD.stages)
            .fold(before.y, |sum, i| stages.advanced_direction(i, &sum, F::METHOD.b[i], (&before, inputs.h)));
    }
    let (mut lambda, mut dlambda) = (SVector::from(*mu), SVector::from(*dmu));
    for (before, along) in at.memory.values.iter().zip(&directions).rev() {
        let stages = inputs.stages_along(before, along, &mut record);
        let (etas, detas) = inputs.contract_stages(&stages, along, [&lambda, &dlambda], out);
        etas.iter().for_each(|eta| lambda += *eta);
        detas.iter().for_each(|deta| dlambda += *deta);
    }
}

/// A direction of the value before a substep and of the other inputs.
#[derive(Clone, Copy)]
struct Direction<S, const NY: usize, const NZ: usize> {
    y: SVector<S, NY>,
    z: SVector<S, NZ>,
    h: S,
}

impl<S: Scalar, const NY: usize, const NZ: usize> Direction<S, NY, NZ> {
    /// A direction of the inputs of all substeps.
    fn of<F, const N: usize>(dz: &[S; N]) -> Self
    where
        F: Steps<NY, NZ>,
    {
        Self {
            y: SVector::from_fn(|i, _| if i < F::STATES { dz[i] } else { S::zero() }),
            z: SVector::from_fn(|i, _| dz[F::STATES + i]),
            h: if F::STEP.is_none() { dz[N - 1] } else { S::zero() },
        }
    }
}

/// The stages of a substep, and how they change along a direction.
struct Stages<S, const NY: usize> {
    points: [SVector<S, NY>; STAGES],
    dpoints: [SVector<S, NY>; STAGES],
    slopes: [SVector<S, NY>; STAGES],
    dslopes: [SVector<S, NY>; STAGES],
}

impl<S: Scalar, const NY: usize> Stages<S, NY> {
    /// The change of `y + weight h K_i`, where that of `y` is `dy`.
    fn advanced_direction<const NZ: usize>(
        &self,
        i: usize,
        dy: &SVector<S, NY>,
        weight: f64,
        (along, h): (&Direction<S, NY, NZ>, S),
    ) -> SVector<S, NY> {
        advanced(&advanced(dy, weight, &self.dslopes[i], h), weight, &self.slopes[i], along.h)
    }
}

/// What multiplies `h K_i`.
fn weight<F, S: Scalar, const NY: usize, const NZ: usize>(
    i: usize,
    lambda: &SVector<S, NY>,
    etas: &[SVector<S, NY>; STAGES],
) -> SVector<S, NY>
where
    F: Steps<NY, NZ>,
{
    let Method { a, b, stages } = F::METHOD;
    let own = *lambda * S::from_f64(b[i]);
    if i + 1 < stages { own + etas[i + 1] * S::from_f64(a[i + 1]) } else { own }
}

impl<F, S: Scalar, const NY: usize, const NZ: usize> Inputs<'_, F, S, NY, NZ>
where
    F: Steps<NY, NZ>,
{
    /// The stages of the substep from `y`, and their changes.
    fn stages_along(
        &self,
        y: &SVector<S, NY>,
        along: &Direction<S, NY, NZ>,
        record: &mut ResidualExpansion<S, NY, NZ>,
    ) -> Stages<S, NY> {
        let none = [zeros(); STAGES];
        let mut stages = Stages { points: none, dpoints: none, slopes: none, dslopes: none };
        for i in 0..F::METHOD.stages {
            (stages.points[i], stages.dpoints[i]) = (*y, along.y);
            if i > 0 {
                let weight = F::METHOD.a[i];
                stages.points[i] = advanced(y, weight, &stages.slopes[i - 1], self.h);
                stages.dpoints[i] = stages.advanced_direction(i - 1, &along.y, weight, (along, self.h));
            }
            self.f.linearize(&stages.points[i].into(), &self.z, record);
            stages.slopes[i] = record.r;
            add_product(&mut stages.dslopes[i], &record.ry, &stages.dpoints[i]);
            add_product(&mut stages.dslopes[i], &record.rz, &along.z);
        }
        stages
    }

    /// Adds the change of a substep's part of the gradient. Gives the adjoints of its points, and their changes.
    fn contract_stages(
        &self,
        stages: &Stages<S, NY>,
        along: &Direction<S, NY, NZ>,
        [lambda, dlambda]: [&SVector<S, NY>; 2],
        out: &mut [S],
    ) -> ([SVector<S, NY>; STAGES], [SVector<S, NY>; STAGES]) {
        let mut record = ResidualExpansion::zeros();
        let (mut etas, mut detas) = ([zeros(); STAGES], [zeros(); STAGES]);
        for i in (0..F::METHOD.stages).rev() {
            let own = weight::<F, S, NY, NZ>(i, lambda, &etas);
            let kappa = own * self.h;
            let dkappa = weight::<F, S, NY, NZ>(i, dlambda, &detas) * self.h + own * along.h;
            let (point, dpoint) = (stages.points[i].into(), &stages.dpoints[i]);
            self.f.add_weight_contraction(
                (&point, &self.z, &kappa.into()),
                (&(*dpoint).into(), &along.z.into(), &dkappa.into()),
                out,
            );
            self.f.linearize(&point, &self.z, &mut record);
            self.f.hessian(&point, &self.z, &kappa.into(), &mut record);
            add_transposed_product(&mut etas[i], &record.ry, &kappa);
            add_transposed_product(&mut detas[i], &record.ry, &dkappa);
            add_product(&mut detas[i], &record.hyy, dpoint);
            add_transposed_product(&mut detas[i], &record.hzy, &along.z);
        }
        (etas, detas)
    }
}
