//! Gradients of the methods beside each other and beside central differences.

use dilqr_runtime::Model;
use dilqr_runtime::nalgebra::{SMatrix, SVector};
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::conditions::Conditions;
use super::gradients::{Method, gradient, relative};
use super::identification::{self, Plant};
use super::inverse::Learner;
use super::limited::{self, LimitedSystem};
use super::systems::{System, arm, cart_pole, quadrotor, rocket};
use super::{safe, schur};
use crate::Failure;

/// Away from the true parameters, over a short horizon: the three gradients are equal to rounding errors, and near to
/// differences.
fn compare<M, const NX: usize, const NU: usize, const NP: usize>(
    system: System<M, NX, NU, NP>,
    horizon: usize,
) -> Result<(), Failure>
where
    M: Model<NX, NU, NP> + Copy,
{
    let system = System { horizon, ..system };
    let mut learner = Learner::new(&system)?;
    let params = SVector::from_fn(|i, _| system.truth[i] * (1.1 + 0.03 * i as f64));
    let outcome = learner.outcome(&params)?.ok_or("a solve did not converge")?;
    let ours = learner.gradient(Method::Implicit, &outcome).ok_or("there is no gradient")?;
    for method in [Method::AuxiliaryLqr, Method::Schur] {
        let other = learner.gradient(method, &outcome).ok_or("a matrix is singular")?;
        // Rounding errors. Along the curves of the learners they are 2e-9 at most, but for one of IDOC's.
        assert!(relative(&other, &ours) < 1e-9, "{} by {method:?}: {other} and {ours}", system.name);
    }
    for i in 0..NP {
        let mut at = |h: f64| -> Result<f64, Failure> {
            let mut moved = params;
            moved[i] += h;
            Ok(learner.outcome(&moved)?.ok_or("a solve did not converge")?.loss)
        };
        let difference = (at(1e-5)? - at(-1e-5)?) / 2e-5;
        // 1e-10 times third derivatives, and the solves' 1e-9 over 1e-5 in the loss's small derivative there.
        assert!((difference - ours[i]).abs() < 1e-5 * ours.norm(), "{} {i}: {difference} and {ours}", system.name);
    }
    Ok(())
}

#[test]
fn gradients_of_the_cart_pole_agree() -> Result<(), Failure> {
    compare(cart_pole(), 30)
}

#[test]
fn gradients_of_the_arm_agree() -> Result<(), Failure> {
    compare(arm(), 35)
}

#[test]
fn gradients_of_the_quadrotor_agree() -> Result<(), Failure> {
    compare(quadrotor(), 8)
}

#[test]
fn gradients_of_the_rocket_agree() -> Result<(), Failure> {
    compare(rocket(), 8)
}

/// Adds `delta` to the diagonal of every Hessian, as IDOC's code offers where one is singular.
fn damped<const NX: usize, const NU: usize, const NP: usize>(
    mut conditions: Conditions<NX, NU, NP>,
    delta: f64,
) -> Conditions<NX, NU, NP> {
    for stage in &mut conditions.stages {
        stage.hxx += SMatrix::identity() * delta;
        stage.huu += SMatrix::identity() * delta;
    }
    conditions.hxx += SMatrix::identity() * delta;
    conditions
}

/// The quadrotor's terminal Hessian is singular: IDOC's formula has no value without a shift, and a weight on the
/// diagonals, which its code offers, changes the gradient in proportion.
#[test]
fn damping_changes_the_gradient() -> Result<(), Failure> {
    let system = System { horizon: 8, ..quadrotor() };
    let mut learner = Learner::new(&system)?;
    let params = system.truth.map(|entry| 1.1 * entry);
    let outcome = learner.outcome(&params)?.ok_or("a solve did not converge")?;
    let ours = learner.gradient(Method::Implicit, &outcome).ok_or("there is no gradient")?;
    let mut solver = system.solver(system.horizon)?;
    let of_damped = |delta: f64| {
        let pairs = outcome.solutions.iter().zip(&outcome.slopes);
        let gradients = pairs.map(|(solution, slope)| {
            schur::gradient(&damped(Conditions::about(&system.model, solution), delta), slope)
        });
        let sum: Option<SVector<f64, 9>> = gradients.sum();
        sum.map(|sum| relative(&(sum / outcome.solutions.len() as f64), &ours))
    };
    assert!(of_damped(0.0).is_none());
    let (large, small) = (of_damped(1e-2).ok_or("singular")?, of_damped(1e-4).ok_or("singular")?);
    assert!(large > 1e-4 && small > 1e-6 && small < 0.02 * large, "{large} and {small}");
    // Without it the gradient of one trajectory is that of the solver.
    let (solution, slope) = (&outcome.solutions[0], &outcome.slopes[0]);
    let shifted = gradient(Method::Schur, &mut solver, solution, slope).ok_or("singular")?;
    let exact = gradient(Method::Implicit, &mut solver, solution, slope).ok_or("no gradient")?;
    assert!(relative(&shifted, &exact) < 1e-9, "{shifted} and {exact}");
    Ok(())
}

/// Trajectories at the true parameters have the costs of the published ones, so the equations, costs and local minima
/// are theirs.
#[test]
fn demonstrations_have_the_published_costs() -> Result<(), Failure> {
    fn costs<M, const NX: usize, const NU: usize, const NP: usize>(
        system: &System<M, NX, NU, NP>,
    ) -> Result<Vec<f64>, Failure>
    where
        M: Model<NX, NU, NP> + Copy,
    {
        Ok(system.demonstrations()?.iter().map(|solution| solution.cost).collect())
    }
    let ours = [
        costs(&cart_pole())?,
        costs(&arm())?,
        costs(&quadrotor())?,
        costs(&rocket())?,
        vec![limited::cart_pole().demonstration()?.cost, limited::arm().demonstration()?.cost],
        vec![limited::quadrotor().demonstration()?.cost, limited::rocket().demonstration()?.cost],
    ];
    let published: [&[f64]; 6] = [
        &[619.56730967, 725.84558356, 665.51001115, 617.1366693, 678.12386924],
        &[110.49825923, 187.27187648, 76.43577175, 180.16976201],
        &[3171.82430236, 3171.82430236],
        &[4578.27866671],
        &[180.18670401, 14.17115282],
        &[1819.91325391, 26223.49495279],
    ];
    for (ours, published) in ours.iter().flatten().zip(published.into_iter().flatten()) {
        // The published solves violate limits by 1e-8, whose multipliers are of the size of the cost.
        assert!((ours / published - 1.0).abs() < 1e-7, "{ours} and {published}");
    }
    Ok(())
}

/// Through limits IDOC's rows give our gradient, and PDP's recursion does with barriers.
#[test]
fn gradients_with_limits_agree() -> Result<(), Failure> {
    fn check<M, const NX: usize, const NU: usize, const NP: usize>(
        system: &LimitedSystem<M, NX, NU, NP>,
    ) -> Result<(), Failure>
    where
        M: Model<NX, NU, NP> + Copy,
    {
        let rows = safe::approach(system, (1, 3))?;
        assert!(rows.len() == 3 && rows[0].active > 3, "{rows:?}");
        for row in &rows {
            let (idoc, pdp) = (row.idoc.ok_or("there is no exact gradient")?, row.pdp.ok_or("no relaxed one")?);
            // Rounding errors: 2e-11 at most in the table of these systems, for weights of 1e-2 and more.
            assert!(idoc < 1e-7 && pdp < 1e-7, "{rows:?}");
        }
        Ok(())
    }
    check(&limited::cart_pole())?;
    check(&limited::arm())
}

/// Forward propagation and the adjoint, and central differences.
#[test]
fn gradients_of_rollouts_agree() -> Result<(), Failure> {
    fn check<M, const NX: usize, const NU: usize, const NP: usize>(plant: &Plant<M, NX, NU, NP>)
    where
        M: Model<NX, NU, NP>,
    {
        let mut random = StdRng::seed_from_u64(3);
        let recordings = plant.record(&mut random);
        let params = plant.truth.map(|entry| 1.1 * entry);
        let (loss, adjoint) = plant.by_adjoint(&recordings, &params);
        let (same, forward) = plant.by_forward(&recordings, &params);
        // Sums of some hundred terms in two orders.
        assert!((loss / same - 1.0).abs() < 1e-12 && relative(&forward, &adjoint) < 1e-11, "{forward} and {adjoint}");
        for i in 0..plant.unknown {
            let at = |h: f64| {
                let mut moved = params;
                moved[i] += h;
                plant.by_forward(&recordings, &moved).0
            };
            let difference = (at(1e-6) - at(-1e-6)) / 2e-6;
            // 1e-12 times third derivatives, and 1e-15 of the loss over 1e-6.
            assert!((difference - adjoint[i]).abs() < 1e-6 * adjoint.norm(), "{i}: {difference} and {adjoint}");
        }
    }
    check(&identification::cart_pole());
    check(&identification::arm());
    check(&identification::quadrotor());
    check(&identification::rocket());
    Ok(())
}
