//! Compares every block of every model's derivatives with dual numbers and with central differences through the value
//! kernels. Also tests the items that the macro adds to a module.

use dilqr_models::{
    acrobot, bioreactor, cannonball, cartpole, cartpole_cos_sin, cartpole_estimator, goddard, lqr, mass_spring_damper,
    pendulum, pendulum_cos_sin, pendulum_limited, planar_quadrotor, race_car, race_track, two_link_arm, unicycle,
    unicycle_obstacles, van_der_pol, waypoint,
};
#[cfg(feature = "large")]
use dilqr_models::{arm, quadrotor, quadrotor_euler, quadrotor_pole, rocket};
use dilqr_runtime::model::{HamiltonianHessian, ParameterTerms, Stage, StageExpansion};
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{Formulation, Model};
use dilqr_tests::{Functions, Points, assert_derivatives, underneath};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

macro_rules! models {
    ($($name:ident: $module:ident::$model:ident at $points:expr;)*) => {$(
        #[test]
        fn $name() {
            assert_derivatives!($module::$model at $points);
        }
    )*};
}

models! {
    pendulum: pendulum::Pendulum at Points::new([10.0, 1.0, 1.0]);
    cartpole: cartpole::Cartpole at Points::new([9.8, 1.0, 0.1, 0.5]);
    lqr: lqr::Lqr at Points::new([0.9; 25]);
    van_der_pol: van_der_pol::VanDerPol at Points::new([1.0]);
    mass_spring_damper: mass_spring_damper::MassSpringDamper
        at Points::new([1.0, 0.8, 0.6, 10.0, 8.0, 12.0, 0.5, 0.6, 0.7]);
    unicycle: unicycle::Unicycle at Points::new([1.0, 0.5, 0.3, 0.4, 0.6]);
    pendulum_limited: pendulum_limited::PendulumLimited at Points::new([10.0, 1.0, 1.0, 2.0]);
    unicycle_obstacles: unicycle_obstacles::UnicycleObstacles at Points::new([1.0; 14]);
    planar_quadrotor: planar_quadrotor::PlanarQuadrotor at Points::new([9.81, 0.8, 0.9, 0.7]);
    acrobot: acrobot::Acrobot at Points::new([9.81, 1.0, 1.0, 1.0, 0.5, 0.5, 1.0, 1.0]);
    two_link_arm: two_link_arm::TwoLinkArm at Points::new([1.0, 1.2, 1.0, 0.9, 1.1, 0.5, 0.5, 0.3, 0.2, 0.4]);
    // Near the unit circle. The angle is undefined at the origin.
    pendulum_cos_sin: pendulum_cos_sin::PendulumCosSin
        at Points::new([10.0, 1.0, 1.0]).about([-0.6, 0.8, 0.0], 0.4);
    cartpole_cos_sin: cartpole_cos_sin::CartpoleCosSin
        at Points::new([9.8, 1.0, 0.1, 0.5]).about([0.0, 0.0, 0.8, 0.6, 0.0], 0.4);
}

#[cfg(feature = "large")]
models! {
    // Away from the singularity at a pitch of a quarter turn.
    quadrotor_euler: quadrotor_euler::QuadrotorEuler
        at Points::new([0.5, 0.8, 0.9, 1.0, 0.7, 0.6]).about([0.0; 12], 0.8);
    quadrotor: quadrotor::Quadrotor
        at Points::new([9.81, 1.0, 0.8, 0.9, 1.0, 0.2, 0.7, 0.2, 0.5, 0.05]).about([0.0; 12], 0.8);
    // The displacement of the pole is less than its length.
    quadrotor_pole: quadrotor_pole::QuadrotorPole at Points::new([9.81, 1.0, 0.5, 1.5]).about([0.0; 14], 0.5);
    rocket: rocket::Rocket at Points::new([10.0, 0.5, 1.0, 1.0, 1.0, 1.0]);
    // Kernels of ten thousand operations, and central differences in 28 variables, take long.
    arm: arm::Arm at Points::new([1.2, 1.1, 1.0, 0.9, 0.8, 0.7, 0.6]).count(2);
}

#[test]
fn waypoint() {
    let functions = Functions {
        dynamics: |x: [f64; 2], u: [f64; 1], p: [f64; 1], s: [f64; 2]| {
            <[f64; 2]>::from(waypoint::dynamics(x.into(), u.into(), p.into(), s.into())).to_vec()
        },
        stage_cost: |x: [f64; 2], u: [f64; 1], p: [f64; 1], _: [f64; 2]| {
            waypoint::stage_cost(x.into(), u.into(), p.into())
        },
        terminal_cost: |x: [f64; 2], p: [f64; 1], _: [f64; 2]| waypoint::terminal_cost(x.into(), p.into()),
    };
    assert_derivatives("waypoint", waypoint::Waypoint, Points::new([0.5]).with_stage([-1.0, 1.0]), functions);
}

#[test]
fn cartpole_estimator() {
    use cartpole_estimator::{CartpoleEstimator, Params, dynamics, stage_cost, terminal_cost};
    let mut params: [f64; 28] = Params { process: [0.8, 1.2], sensors: [0.9, 1.1], ..Params::default() }.into();
    for (i, entry) in params.iter_mut().enumerate().skip(8) {
        // The cost is a quadratic form in any matrix.
        *entry = 0.3 + 0.1 * (i as f64).sin();
    }
    let functions = Functions {
        dynamics: |x: [f64; 4], u: [f64; 2], p: [f64; 28], s: [f64; 3]| {
            <[f64; 4]>::from(dynamics(x.into(), u.into(), p.into(), s.into())).to_vec()
        },
        stage_cost: |x: [f64; 4], u: [f64; 2], p: [f64; 28], s: [f64; 3]| {
            stage_cost(x.into(), u.into(), p.into(), s.into())
        },
        terminal_cost: |x: [f64; 4], p: [f64; 28], s: [f64; 3]| terminal_cost(x.into(), p.into(), s.into()),
    };
    let points = Points::new(params).with_stage([0.7, 0.4, -0.3]).count(10);
    assert_derivatives("cartpole_estimator", CartpoleEstimator, points, functions);
}

/// Models with design variables: those underneath, whose states hold the design behind the user's own.
#[test]
fn race_car() {
    let model = underneath(&race_car::RaceCar.engine(1), race_car::RaceCar);
    let functions = Functions {
        dynamics: |z: [f64; 3], u: [f64; 1], p: [f64; 3], _: [f64; 0]| {
            let next = race_car::dynamics([z[0], z[1]].into(), u.into(), p.into(), [z[2]].into());
            <[f64; 2]>::from(next).to_vec()
        },
        stage_cost: |_: [f64; 3], _: [f64; 1], _: [f64; 3], _: [f64; 0]| 0.0,
        terminal_cost: |z: [f64; 3], p: [f64; 3], _: [f64; 0]| {
            race_car::terminal_cost([z[0], z[1]].into(), p.into(), [z[2]].into())
        },
    };
    // A time that is not positive is none.
    let points = Points::new([1.0, 0.8, 0.5]).about([0.0, 0.0, 1.5], 1.4);
    assert_derivatives("race_car", model, points, functions);
}

/// A table in the derivative of a model with a design variable.
#[test]
fn race_track() {
    let model = underneath(&race_track::RaceTrack.engine(1), race_track::RaceTrack);
    let functions = Functions {
        dynamics: |z: [f64; 5], u: [f64; 2], p: [f64; 4], _: [f64; 0]| {
            let x = [z[0], z[1], z[2], z[3]];
            <[f64; 4]>::from(race_track::dynamics(x.into(), u.into(), p.into(), [z[4]].into())).to_vec()
        },
        stage_cost: |z: [f64; 5], u: [f64; 2], p: [f64; 4], _: [f64; 0]| {
            race_track::stage_cost([z[0], z[1], z[2], z[3]].into(), u.into(), p.into(), [z[4]].into())
        },
        terminal_cost: |z: [f64; 5], p: [f64; 4], _: [f64; 0]| {
            race_track::terminal_cost([z[0], z[1], z[2], z[3]].into(), p.into(), [z[4]].into())
        },
    };
    // In a bend, within 3 m of the centerline.
    let points = Points::new([8.0, 4.0, 4.0, 0.02]).about([70.0, 0.0, 0.0, 5.0, 12.0], 3.0);
    assert_derivatives("race_track", model, points, functions);
}

#[test]
fn goddard() {
    let model = underneath(&goddard::Goddard.engine(1), goddard::Goddard);
    let functions = Functions {
        dynamics: |z: [f64; 4], u: [f64; 1], p: [f64; 4], _: [f64; 0]| {
            let next = goddard::dynamics([z[0], z[1], z[2]].into(), u.into(), p.into(), [z[3]].into());
            <[f64; 3]>::from(next).to_vec()
        },
        stage_cost: |_: [f64; 4], _: [f64; 1], _: [f64; 4], _: [f64; 0]| 0.0,
        terminal_cost: |z: [f64; 4], p: [f64; 4], _: [f64; 0]| {
            goddard::terminal_cost([z[0], z[1], z[2]].into(), p.into())
        },
    };
    // The density of the air changes over 1/500: differences lose three digits.
    let points = Points::new([3.5, 1.0, 0.5, 0.6]).about([1.003, 0.1, 0.8, 0.2], 0.003).steep(1e3);
    assert_derivatives("goddard", model, points, functions);
}

#[test]
fn cannonball() {
    let model = underneath(&cannonball::Cannonball.engine(1), cannonball::Cannonball);
    let functions = Functions {
        dynamics: |z: [f64; 6], u: [f64; 1], p: [f64; 3], _: [f64; 0]| {
            let (x, d) = ([z[0], z[1], z[2], z[3]], [z[4], z[5]]);
            <[f64; 4]>::from(cannonball::dynamics(x.into(), u.into(), p.into(), d.into())).to_vec()
        },
        stage_cost: |_: [f64; 6], _: [f64; 1], _: [f64; 3], _: [f64; 0]| 0.0,
        terminal_cost: |z: [f64; 6], p: [f64; 3], _: [f64; 0]| {
            cannonball::terminal_cost([z[0], z[1], z[2], z[3]].into(), p.into())
        },
    };
    // A slow ball as large as heavy air lets it be, so that every term has a size near 1.
    let points = Points::new([2.0, 1.0, 0.8]).about([1.0, 1.0, 0.6, 3.0, 1.0, 2.0], 0.4);
    assert_derivatives("cannonball", model, points, functions);
}

#[test]
fn bioreactor() {
    let model = underneath(&bioreactor::Bioreactor.engine(1), bioreactor::Bioreactor);
    let functions = Functions {
        dynamics: |z: [f64; 7], u: [f64; 1], p: [f64; 5], _: [f64; 0]| {
            <[f64; 4]>::from(bioreactor::dynamics([z[0], z[1], z[2], z[3]].into(), u.into(), p.into())).to_vec()
        },
        // The integral of the running cost, by the same two steps of the Runge-Kutta method.
        stage_cost: |z: [f64; 7], u: [f64; 1], p: [f64; 5], _: [f64; 0]| {
            let h = 0.5 * bioreactor::DT;
            let (mut x, mut cost) = ([z[0], z[1], z[2], z[3]], 0.0);
            for _ in 0..2 {
                let slope = |x: [f64; 4]| <[f64; 4]>::from(bioreactor::derivative(x.into(), u.into(), p.into()));
                let moved = |k: [f64; 4], h: f64| std::array::from_fn(|i| x[i] + h * k[i]);
                let k1 = slope(x);
                let k2 = slope(moved(k1, 0.5 * h));
                let k3 = slope(moved(k2, 0.5 * h));
                let k4 = slope(moved(k3, h));
                let rate = |x: [f64; 4]| bioreactor::running_cost(x.into(), u.into(), p.into());
                let rates = [x, moved(k1, 0.5 * h), moved(k2, 0.5 * h), moved(k3, h)].map(rate);
                cost += h / 6.0 * (rates[0] + 2.0 * rates[1] + 2.0 * rates[2] + rates[3]);
                x = std::array::from_fn(|i| x[i] + h / 6.0 * (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i]));
            }
            cost
        },
        terminal_cost: |z: [f64; 7], p: [f64; 5], _: [f64; 0]| {
            bioreactor::terminal_cost([z[0], z[1], z[2], z[3]].into(), p.into())
        },
    };
    // Contents of an orbit: without substrate nothing grows. Rates are differences of numbers of some tens, so differences lose
    // a digit.
    let points =
        Points::new([28.7, 40.0, 32.9, 30.0, 0.48]).about([5.7, 18.7, 20.1, 1.0, 5.7, 18.7, 20.1], 0.8).steep(10.0);
    assert_derivatives("bioreactor", model, points, functions);
}

/// Items that the macro adds beside the `f64` kernels: conversions, names, `linearize`, sparsity patterns, kernels for
/// other scalars.
fn check_surface<M, const NX: usize, const NU: usize, const NP: usize>(
    name: &str,
    model: M,
    center: [f64; NP],
    linearize: impl Fn([f64; NX], [f64; NU], [f64; NP]) -> (SVector<f64, NX>, [Vec<f64>; 3]),
) where
    M: Model<NX, NU, NP> + Copy,
{
    let mut random = StdRng::seed_from_u64(8);
    let none = SVector::<f64, 0>::zeros();
    // Entries that were not zero at some point, in the order of the fields of `Sparsity`.
    let mut seen: Vec<Vec<bool>> = Vec::new();
    let mut stage = StageExpansion::zeros();
    let mut hessian = HamiltonianHessian::zeros();
    let mut terms = ParameterTerms::zeros();
    for _ in 0..20 {
        let (x, lambda) = (SVector::from_fn(|_, _| random.random_range(-1.5..1.5)), SVector::repeat(1.0));
        let u = SVector::from_fn(|_, _| random.random_range(-2.0..2.0));
        let p = SVector::from_fn(|i, _| center[i] * random.random_range(0.7..1.3));
        // The records hold results of another point: nothing of them may remain.
        model.expand_stage(Stage::new(&x, &u, &p, &none), &mut stage);
        model.hamiltonian_hessian(Stage::new(&x, &u, &p, &none), &lambda, &mut hessian);
        model.parameter_terms(Stage::new(&x, &u, &p, &none), &lambda, &mut terms);
        let mut fresh = StageExpansion::zeros();
        model.expand_stage(Stage::new(&x, &u, &p, &none), &mut fresh);
        assert_eq!(fresh, stage, "{name}");

        let (f, jacobians) = linearize(x.into(), u.into(), p.into());
        let kernels = [stage.fx.as_slice(), stage.fu.as_slice(), terms.fp.as_slice()];
        // The kernels share different subexpressions: some units in the last place of a sum of terms up to 1e2.
        assert!((f - stage.f).amax() <= 1e-13 * f.amax().max(1.0), "{name}");
        for (given, kernel) in jacobians.iter().zip(kernels) {
            assert!(given.iter().zip(kernel).all(|(a, b)| (a - b).abs() <= 1e-12 * b.abs().max(1.0)), "{name}");
        }

        let blocks: [&[f64]; 8] = [
            stage.fx.as_slice(),
            stage.fu.as_slice(),
            terms.fp.as_slice(),
            hessian.hxx.as_slice(),
            hessian.hux.as_slice(),
            hessian.huu.as_slice(),
            terms.hxp.as_slice(),
            terms.hup.as_slice(),
        ];
        seen.resize(8, Vec::new());
        for (seen, block) in seen.iter_mut().zip(blocks) {
            seen.resize(block.len(), false);
            seen.iter_mut().zip(block).for_each(|(seen, entry)| *seen |= *entry != 0.0);
        }

        // The digits of single precision, less two for some hundred operations.
        let (xs, us, ps) = (x.map(|v| v as f32), u.map(|v| v as f32), p.map(|v| v as f32));
        let mut single = StageExpansion::<f32, NX, NU>::zeros();
        model.expand_stage(Stage::new(&xs, &us, &ps, &SVector::zeros()), &mut single);
        let error = (single.fx.map(f64::from) - stage.fx).amax() / stage.fx.amax();
        assert!(error <= 1e-5, "{name}: fx in single precision is off by {error:e}");
    }
    // Column by column, as nalgebra stores its matrices.
    fn pattern<const R: usize, const C: usize>(rows: [[bool; C]; R]) -> Vec<bool> {
        (0..C).flat_map(|j| rows.map(|row| row[j])).collect()
    }
    let zeros = M::SPARSITY;
    let patterns = [
        pattern(zeros.fx),
        pattern(zeros.fu),
        pattern(zeros.fp),
        pattern(zeros.hxx),
        pattern(zeros.hux),
        pattern(zeros.huu),
        pattern(zeros.hxp),
        pattern(zeros.hup),
    ];
    // Exact: an entry that is zero at all points is a structural zero.
    assert_eq!(patterns.to_vec(), seen, "{name}");
}

macro_rules! surfaces {
    ($($name:ident: $module:ident::$model:ident at $center:expr, $names:expr;)*) => {$(
        #[test]
        fn $name() {
            let record = core::cell::RefCell::new($module::Linearization::zeros());
            check_surface(stringify!($module), $module::$model, $center, |x, u, p| {
                let (x, u, p) = (x.into(), u.into(), p.into());
                let here = $module::linearize(&x, &u, &p);
                // The same record again, after another point.
                record.borrow_mut().update(&x, &u, &p);
                assert_eq!(*record.borrow(), here);
                let $module::Linearization { f, fx, fu, fp } = here;
                (f, [fx.as_slice().to_vec(), fu.as_slice().to_vec(), fp.as_slice().to_vec()])
            });
            let names = [
                $module::State::NAMES.as_slice(),
                $module::Control::NAMES.as_slice(),
                $module::Params::NAMES.as_slice(),
            ];
            assert_eq!(names.concat().join(" "), $names);
            // There and back again, by array and by vector.
            let params = $module::Params::default();
            let array: [f64; $module::Params::NAMES.len()] = params.into();
            assert_eq!($module::Params::from(array), params);
            let vector: SVector<f64, { $module::Params::NAMES.len() }> = params.into();
            assert_eq!(<[f64; $module::Params::NAMES.len()]>::from(vector), array);
            assert_eq!($module::Params::from(vector), params);
        }
    )*};
}

surfaces! {
    pendulum_surface: pendulum::Pendulum at [10.0, 1.0, 1.0], "theta omega torque gravity mass length";
    cartpole_surface: cartpole::Cartpole at [9.8, 1.0, 0.1, 0.5],
        "position velocity angle angular_velocity force gravity mass_cart mass_pole length";
    lqr_surface: lqr::Lqr at [0.9; 25],
        "x[0] x[1] x[2] x[3] u[0] u[1] a[0] a[1] a[2] a[3] a[4] a[5] a[6] a[7] a[8] a[9] a[10] a[11] a[12] a[13] a[14] \
         a[15] b[0] b[1] b[2] b[3] b[4] b[5] b[6] b[7] r";
}
