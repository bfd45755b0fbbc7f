//! The shipped models without limits.

use dilqr_models::{
    acrobot, cartpole, cartpole_cos_sin, lqr, mass_spring_damper, pendulum, pendulum_cos_sin, planar_quadrotor,
    two_link_arm, unicycle, van_der_pol,
};
use dilqr_runtime::{Model, Settings};

use super::case::Case;

const HORIZON: usize = 30;

fn check<M, const NX: usize, const NU: usize, const NP: usize>(
    name: &'static str,
    model: M,
    x0: [f64; NX],
    params: [f64; NP],
    guess: [f64; NU],
) where
    M: Model<NX, NU, NP> + Copy,
{
    let (stage_params, guess) = (vec![[]; HORIZON + 1], vec![guess; HORIZON]);
    Case { name, model, x0, params, stage_params, guess, settings: Settings::default(), differentiable: true }.check();
}

#[test]
fn pendulums() {
    check("pendulum", pendulum::Pendulum, [2.0, 1.0], [10.0, 1.0, 1.0], [0.0]);
    check("pendulum, near", pendulum::Pendulum, [0.5, -0.2], [10.0, 1.0, 1.0], [0.1]);
    check("pendulum of cosine and sine", pendulum_cos_sin::PendulumCosSin, [0.88, 0.48, -0.2], [10.0, 1.0, 1.0], [0.0]);
    check("van der Pol", van_der_pol::VanDerPol, [0.0, 1.0], [1.0], [0.0]);
}

/// From zero controls the pole falls: these solves meet indefinite Hessians and are regularized.
#[test]
fn carts_and_poles() {
    check("cart-pole", cartpole::Cartpole, [0.1, -0.5, 0.3, 0.3], [9.8, 1.0, 0.1, 0.5], [0.0]);
    check("cart-pole, far", cartpole::Cartpole, [0.1, -0.5, -2.4, 0.3], [9.8, 1.0, 0.1, 0.5], [0.0]);
    check(
        "cart-pole of cosine and sine",
        cartpole_cos_sin::CartpoleCosSin,
        [0.2, 0.0, 0.95, 0.3, -0.1],
        [9.8, 1.0, 0.1, 0.5],
        [0.0],
    );
}

#[test]
fn others_of_few_states() {
    let a = [1.1, 0.2, 0.0, -0.1, 0.0, 0.9, 0.3, 0.0, 0.1, 0.0, 1.05, 0.2, -0.2, 0.1, 0.0, 1.0];
    let rest = [1.0, 0.0, 0.2, 0.5, 0.0, 1.0, 0.3, -0.4, 0.5];
    let params: [f64; 25] = core::array::from_fn(|i| if i < 16 { a[i] } else { rest[i - 16] });
    check("linear", lqr::Lqr, [1.0, -0.5, 0.3, 0.8], params, [0.0; 2]);
    check("unicycle", unicycle::Unicycle, [0.0, 0.1, 0.3], [1.0, 0.5, 0.0, 0.05, 0.05], [0.0; 2]);
    check(
        "masses and springs",
        mass_spring_damper::MassSpringDamper,
        [0.3, -0.2, 0.5, 0.0, 0.4, -0.1],
        [1.0, 0.8, 0.6, 10.0, 10.0, 10.0, 0.5, 0.5, 0.5],
        [0.0],
    );
}

#[test]
fn arms_and_quadrotors() {
    check("acrobot", acrobot::Acrobot, [0.3, -0.2, 0.0, 0.1], [9.81, 1.0, 1.0, 1.0, 0.5, 0.5, 0.08, 0.08], [0.0]);
    check(
        "planar quadrotor",
        planar_quadrotor::PlanarQuadrotor,
        [0.5, 0.3, 0.2, 0.0, -0.1, 0.1],
        [9.81, 0.486, 0.00383, 0.25],
        [2.4; 2],
    );
    check(
        "two-link arm",
        two_link_arm::TwoLinkArm,
        [0.3, 0.4, 0.0, 0.1],
        [0.025, 0.045, 1.0, 0.3, 0.33, 0.16, 0.05, 0.025, 0.2, 0.4],
        [0.0; 2],
    );
}
