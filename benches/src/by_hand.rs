//! The kernels of `dilqr_models::{pendulum, cartpole}` written by hand, in the manner of C: derived on paper, common
//! terms named, zeros left out. They are independent of the generated ones.
//!
//! None is inlined, because a generated kernel is also a call into another crate.

use dilqr_runtime::Model;
use dilqr_runtime::model::{Stage, StageExpansion};
use dilqr_runtime::nalgebra::SVector;

use crate::point::Point;

const DT: f64 = 0.05;

/// The pendulum's next state.
#[inline(never)]
pub fn pendulum_dynamics(x: &SVector<f64, 2>, u: &SVector<f64, 1>, p: &SVector<f64, 3>, next: &mut SVector<f64, 2>) {
    let (gravity, mass, length) = (p[0], p[1], p[2]);
    let fall = 1.5 * gravity / length * x[0].sin();
    let drive = 3.0 * u[0] / (mass * length * length);
    let omega = x[1] + DT * (fall + drive);
    next[0] = x[0] + DT * omega;
    next[1] = omega;
}

/// The pendulum's `expand_stage`.
#[inline(never)]
pub fn pendulum_expand_stage(
    x: &SVector<f64, 2>,
    u: &SVector<f64, 1>,
    p: &SVector<f64, 3>,
    out: &mut StageExpansion<f64, 2, 1>,
) {
    let (gravity, mass, length) = (p[0], p[1], p[2]);
    let (theta, omega, torque) = (x[0], x[1], u[0]);
    let (sin, cos) = theta.sin_cos();
    let fall = DT * 1.5 * gravity / length;
    let drive = DT * 3.0 / (mass * length * length);

    let next = omega + fall * sin + drive * torque;
    out.f[0] = theta + DT * next;
    out.f[1] = next;
    out.fx[(0, 0)] = 1.0 + DT * fall * cos;
    out.fx[(0, 1)] = DT;
    out.fx[(1, 0)] = fall * cos;
    out.fx[(1, 1)] = 1.0;
    out.fu[(0, 0)] = DT * drive;
    out.fu[(1, 0)] = drive;

    out.l = theta * theta + 0.1 * omega * omega + 0.001 * torque * torque;
    out.lx[0] = 2.0 * theta;
    out.lx[1] = 0.2 * omega;
    out.lu[0] = 0.002 * torque;
    out.lxx[(0, 0)] = 2.0;
    out.lxx[(1, 1)] = 0.2;
    out.luu[(0, 0)] = 0.002;
}

/// The cart-pole's next state.
#[inline(never)]
pub fn cartpole_dynamics(x: &SVector<f64, 4>, u: &SVector<f64, 1>, p: &SVector<f64, 4>, next: &mut SVector<f64, 4>) {
    let (gravity, mass_cart, mass_pole, length) = (p[0], p[1], p[2], p[3]);
    let (sin, cos) = x[2].sin_cos();
    let per_mass = 1.0 / (mass_cart + mass_pole);
    let lever = mass_pole * length * per_mass;
    let push = u[0] * per_mass + lever * x[3] * x[3] * sin;
    let inertia = 4.0 / 3.0 * length - lever * cos * cos;
    let angular = (gravity * sin - cos * push) / inertia;
    next[0] = x[0] + DT * x[1];
    next[1] = x[1] + DT * (push - lever * angular * cos);
    next[2] = x[2] + DT * x[3];
    next[3] = x[3] + DT * angular;
}

/// The cart-pole's `expand_stage`.
#[inline(never)]
pub fn cartpole_expand_stage(
    x: &SVector<f64, 4>,
    u: &SVector<f64, 1>,
    p: &SVector<f64, 4>,
    out: &mut StageExpansion<f64, 4, 1>,
) {
    let (gravity, mass_cart, mass_pole, length) = (p[0], p[1], p[2], p[3]);
    let (position, velocity, angle, rate, force) = (x[0], x[1], x[2], x[3], u[0]);
    let (sin, cos) = angle.sin_cos();
    let per_mass = 1.0 / (mass_cart + mass_pole);
    let lever = mass_pole * length * per_mass;

    // Acceleration of the cart without the pole's inertia, and its derivatives in angle, rate and force.
    let push = force * per_mass + lever * rate * rate * sin;
    let push_angle = lever * rate * rate * cos;
    let push_rate = 2.0 * lever * rate * sin;
    // Angular acceleration, moment over inertia.
    let per_inertia = 1.0 / (4.0 / 3.0 * length - lever * cos * cos);
    let angular = (gravity * sin - cos * push) * per_inertia;
    let angular_angle =
        (gravity * cos + sin * push - cos * push_angle - 2.0 * lever * sin * cos * angular) * per_inertia;
    let angular_rate = -cos * push_rate * per_inertia;
    let angular_force = -cos * per_mass * per_inertia;

    out.f[0] = position + DT * velocity;
    out.f[1] = velocity + DT * (push - lever * angular * cos);
    out.f[2] = angle + DT * rate;
    out.f[3] = rate + DT * angular;
    out.fx[(0, 0)] = 1.0;
    out.fx[(0, 1)] = DT;
    out.fx[(1, 1)] = 1.0;
    out.fx[(1, 2)] = DT * (push_angle - lever * (angular_angle * cos - angular * sin));
    out.fx[(1, 3)] = DT * (push_rate - lever * angular_rate * cos);
    out.fx[(2, 2)] = 1.0;
    out.fx[(2, 3)] = DT;
    out.fx[(3, 2)] = DT * angular_angle;
    out.fx[(3, 3)] = 1.0 + DT * angular_rate;
    out.fu[(1, 0)] = DT * (per_mass - lever * angular_force * cos);
    out.fu[(3, 0)] = DT * angular_force;

    out.l = 0.1 * (position * position + velocity * velocity + rate * rate) + 2.0 * (1.0 - cos) + 0.001 * force * force;
    out.lx[0] = 0.2 * position;
    out.lx[1] = 0.2 * velocity;
    out.lx[2] = 2.0 * sin;
    out.lx[3] = 0.2 * rate;
    out.lu[0] = 0.002 * force;
    out.lxx[(0, 0)] = 0.2;
    out.lxx[(1, 1)] = 0.2;
    out.lxx[(2, 2)] = 2.0 * cos;
    out.lxx[(3, 3)] = 0.2;
    out.luu[(0, 0)] = 0.002;
}

/// Asserts that kernels by hand equal the model's, to a few units in the last place.
pub fn check<M, const NX: usize, const NU: usize, const NP: usize>(
    model: &M,
    points: &[Point<NX, NU, NP>],
    dynamics: impl Fn(&SVector<f64, NX>, &SVector<f64, NU>, &SVector<f64, NP>, &mut SVector<f64, NX>),
    expand: impl Fn(&SVector<f64, NX>, &SVector<f64, NU>, &SVector<f64, NP>, &mut StageExpansion<f64, NX, NU>),
) where
    M: Model<NX, NU, NP>,
{
    let near = |ours: &[f64], theirs: &[f64]| {
        for (a, b) in ours.iter().zip(theirs) {
            assert!((a - b).abs() <= 1e-13 * b.abs().max(1.0), "{a} is not {b}");
        }
    };
    let s = SVector::zeros();
    for Point { x, u, p, .. } in points {
        let (mut by_hand, mut generated) = (SVector::zeros(), SVector::zeros());
        dynamics(x, u, p, &mut by_hand);
        model.dynamics(Stage::new(x, u, p, &s), &mut generated);
        near(by_hand.as_slice(), generated.as_slice());

        let (mut by_hand, mut generated) = (StageExpansion::zeros(), StageExpansion::zeros());
        expand(x, u, p, &mut by_hand);
        model.expand_stage(Stage::new(x, u, p, &s), &mut generated);
        near(by_hand.f.as_slice(), generated.f.as_slice());
        near(by_hand.fx.as_slice(), generated.fx.as_slice());
        near(by_hand.fu.as_slice(), generated.fu.as_slice());
        near(&[by_hand.l], &[generated.l]);
        near(by_hand.lx.as_slice(), generated.lx.as_slice());
        near(by_hand.lu.as_slice(), generated.lu.as_slice());
        near(by_hand.lxx.as_slice(), generated.lxx.as_slice());
        near(by_hand.lux.as_slice(), generated.lux.as_slice());
        near(by_hand.luu.as_slice(), generated.luu.as_slice());
    }
}

#[cfg(test)]
mod tests {
    use dilqr_models::{cartpole, pendulum};

    use super::{cartpole_dynamics, cartpole_expand_stage, check, pendulum_dynamics, pendulum_expand_stage};
    use crate::point::points;

    #[test]
    fn pendulum_by_hand_is_the_pendulum() {
        let points = points(pendulum::Params::default().into(), 64);
        check(&pendulum::Pendulum, &points, pendulum_dynamics, pendulum_expand_stage);
    }

    #[test]
    fn cartpole_by_hand_is_the_cartpole() {
        let points = points(cartpole::Params::default().into(), 64);
        check(&cartpole::Cartpole, &points, cartpole_dynamics, cartpole_expand_stage);
    }
}
