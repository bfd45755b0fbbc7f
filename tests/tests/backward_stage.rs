//! Compares the programs of whole backward stages with the textbook's equations in dense matrices.

use dilqr_models::{
    acrobot, cartpole, cartpole_cos_sin, lqr, mass_spring_damper, pendulum, pendulum_cos_sin, pendulum_limited,
    planar_quadrotor, two_link_arm, unicycle, van_der_pol,
};
use dilqr_runtime::Model;
use dilqr_runtime::model::{BackwardStage, HamiltonianExpansion, StageExpansion};
use dilqr_runtime::nalgebra::{SMatrix, SVector};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// A stage from its blocks.
struct Blocks<const NX: usize, const NU: usize> {
    fx: SMatrix<f64, NX, NX>,
    fu: SMatrix<f64, NX, NU>,
    lx: SVector<f64, NX>,
    lu: SVector<f64, NU>,
    hxx: SMatrix<f64, NX, NX>,
    hux: SMatrix<f64, NU, NX>,
    huu: SMatrix<f64, NU, NU>,
}

impl<const NX: usize, const NU: usize> Blocks<NX, NU> {
    fn check(
        &self,
        name: &str,
        found: &BackwardStage<f64, NX, NU>,
        value: &SMatrix<f64, NX, NX>,
        lambda: &SVector<f64, NX>,
        mu: f64,
    ) {
        let Self { fx, fu, lx, lu, hxx, hux, huu } = self;
        let qxx = hxx + SMatrix::identity() * mu + fx.transpose() * value * fx;
        let qux = hux + fu.transpose() * value * fx;
        let quu = huu + SMatrix::identity() * mu + fu.transpose() * value * fu;
        let (qx, qu) = (lx + fx.transpose() * lambda, lu + fu.transpose() * lambda);
        let inverse = quu.try_inverse().expect("the weight makes it regular");
        let (gain, feedforward) = (-inverse * qux, -inverse * qu);
        let hessian = qxx + qux.transpose() * gain;
        let gradient = qx + gain.transpose() * qu;

        let lower =
            |matrix: &SMatrix<f64, NX, NX>| SMatrix::<f64, NX, NX>::from_fn(|i, j| matrix[(i.max(j), i.min(j))]);
        // Rounding of some hundred operations on numbers up to the largest of a block, in another order; and half the digits of a
        // condition number of up to a hundred.
        let near = |what: &str, found: &[f64], expected: &[f64]| {
            let scale = expected.iter().chain([&1.0]).fold(0.0, |scale: f64, entry| scale.max(entry.abs()));
            let error = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(error <= 1e-12 * scale, "{name}: {what} is off by {error:e} of {scale:e}");
        };
        near("the Hessian", lower(&found.value_hessian).as_slice(), hessian.as_slice());
        near("the gradient", found.value_gradient.as_slice(), gradient.as_slice());
        near("K", found.gain.as_slice(), gain.as_slice());
        near("k", found.feedforward.as_slice(), feedforward.as_slice());
        near("Qu", found.qu.as_slice(), qu.as_slice());
        near("lu", found.lu.as_slice(), lu.as_slice());
        near("Quu", found.quu.as_slice(), quu.as_slice());
        // The leading minors are the products of the first pivots.
        let mut minor = 1.0;
        for j in 0..NU {
            minor *= found.pivots[j];
            let leading = quu.view((0, 0), (j + 1, j + 1)).into_owned().determinant();
            near("a pivot", &[minor], &[leading]);
        }
    }
}

fn check<M, const NX: usize, const NU: usize, const NP: usize>(name: &str, model: M, center: [f64; NP], fused: bool)
where
    M: Model<NX, NU, NP>,
{
    assert_eq!(M::BACKWARD_STAGES, fused, "{name}");
    let mut random = StdRng::seed_from_u64(21);
    let s = SVector::zeros();
    // The records hold results of another point: nothing of them may remain.
    let (mut exact, mut gauss_newton) = (BackwardStage::zeros(), BackwardStage::zeros());
    for _ in 0..20 {
        let mut vector = |width: f64| SVector::from_fn(|_, _| random.random_range(-width..width));
        let (x, lambda) = (vector(1.2), vector(2.0));
        let half: SMatrix<f64, NX, NX> = SMatrix::from_fn(|_, _| random.random_range(-1.0..1.0));
        let value = half * half.transpose();
        let u = SVector::from_fn(|_, _| random.random_range(-2.0..2.0));
        let p = SVector::from_fn(|i, _| center[i] * random.random_range(0.8..1.2));
        // Only the lower half may be read.
        let given = SMatrix::from_fn(|i, j| if i >= j { value[(i, j)] } else { f64::NAN });

        let mut stage = HamiltonianExpansion::zeros();
        model.expand_hamiltonian(&x, &u, &p, &s, &lambda, &mut stage);
        let HamiltonianExpansion { fx, fu, lx, lu, hxx, hux, huu } = stage;
        let blocks = Blocks { fx, fu, lx, lu, hxx, hux, huu };
        let mu = 2.0 + blocks.huu.norm();
        model.backward_exact(&x, &u, &p, &s, &lambda, &given, &mu, &mut exact);
        blocks.check(name, &exact, &value, &lambda, mu);

        let mut stage = StageExpansion::zeros();
        model.expand_stage(&x, &u, &p, &s, &mut stage);
        let StageExpansion { fx, fu, lx, lu, lxx, lux, luu, .. } = stage;
        let blocks = Blocks { fx, fu, lx, lu, hxx: lxx, hux: lux, huu: luu };
        model.backward_gauss_newton(&x, &u, &p, &s, &lambda, &given, &mu, &mut gauss_newton);
        blocks.check(name, &gauss_newton, &value, &lambda, mu);
    }
}

#[test]
fn small_models_have_programs_for_whole_stages() {
    check("pendulum", pendulum::Pendulum, [10.0, 1.0, 1.0], true);
    check("pendulum_cos_sin", pendulum_cos_sin::PendulumCosSin, [10.0, 1.0, 1.0], true);
    check("cartpole", cartpole::Cartpole, [9.8, 1.0, 0.1, 0.5], true);
    check("cartpole_cos_sin", cartpole_cos_sin::CartpoleCosSin, [9.8, 1.0, 0.1, 0.5], true);
    check("van_der_pol", van_der_pol::VanDerPol, [1.0], true);
    check("unicycle", unicycle::Unicycle, [1.0, 0.5, 0.3, 0.4, 0.6], true);
    check("lqr", lqr::Lqr, [0.9; 25], true);
}

/// These models use the loops of the runtime.
#[test]
fn models_that_are_large_or_limited_have_none() {
    let springs = [1.0, 0.8, 0.6, 10.0, 8.0, 12.0, 0.5, 0.6, 0.7];
    check("mass_spring_damper", mass_spring_damper::MassSpringDamper, springs, false);
    check("acrobot", acrobot::Acrobot, [9.81, 1.0, 1.0, 1.0, 0.5, 0.5, 1.0, 1.0], false);
    let arm = [1.0, 1.2, 1.0, 0.9, 1.1, 0.5, 0.5, 0.3, 0.2, 0.4];
    check("two_link_arm", two_link_arm::TwoLinkArm, arm, false);
    check("planar_quadrotor", planar_quadrotor::PlanarQuadrotor, [9.81, 0.8, 0.9, 0.7], false);
    check("pendulum_limited", pendulum_limited::PendulumLimited, [10.0, 1.0, 1.0, 2.0], false);
}
