//! Compares the settings of `Hessian`: solves every model from many initial states with each.
//!
//! ```text
//! cargo run --release -p dilqr-benches --bin methods
//! ```
//!
//! prints for each model and method the number of converged problems and, over those, the accepted steps, the rollouts,
//! the backward passes with an indefinite Hessian, the mean cost, and the mean time of a problem (in the fastest of
//! five runs). The defaults of `Settings` were chosen by this table.

use std::time::{Duration, Instant};

use dilqr_benches::{peers, quadrotor};
use dilqr_models::{
    acrobot, cartpole, mass_spring_damper, pendulum, planar_quadrotor, two_link_arm, unicycle, van_der_pol,
};
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{Hessian, Ilqr, Model, Problem, Settings, Status};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

const PROBLEMS: usize = 40;
const RUNS: usize = 5;

/// Initial states about `state`, each entry scaled by a factor from -1.5 to 1.5.
fn compare<M, const NX: usize, const NU: usize, const NP: usize>(
    name: &str,
    model: M,
    horizon: usize,
    state: [f64; NX],
    params: [f64; NP],
    control: [f64; NU],
) where
    M: Model<NX, NU, NP> + Clone,
{
    let mut random = StdRng::seed_from_u64(11);
    let guess = vec![SVector::from(control); horizon];
    let problems: Vec<_> = (0..PROBLEMS)
        .map(|_| {
            let x0 = SVector::from(state).map(|x: f64| x * random.random_range(-1.5..1.5));
            Problem::new(x0, params, horizon).with_controls(&guess)
        })
        .collect();
    for hessian in [Hessian::Exact, Hessian::GaussNewton] {
        let settings = Settings { hessian, ..Settings::default() };
        let mut solver = Ilqr::new(model.clone(), horizon, settings).expect("the settings are in range");
        let (mut converged, mut steps, mut rollouts, mut failed, mut cost) = (0, 0, 0, 0, 0.0);
        for problem in &problems {
            let solution = solver.solve(problem).expect("the problem is one");
            if solution.status == Status::Converged {
                converged += 1;
                steps += solution.stats.iterations;
                rollouts += solution.stats.line_search_steps;
                failed += solution.stats.regularizations;
                cost += solution.cost;
            }
        }
        let mut solution = solver.solve(&problems[0]).expect("the problem is one");
        let mut shortest = Duration::MAX;
        for _ in 0..RUNS {
            let start = Instant::now();
            for problem in &problems {
                solver.solve_into(problem, &mut solution).expect("the problem is one");
            }
            shortest = shortest.min(start.elapsed());
        }
        println!(
            "{name:22} T={horizon:<4} {:12} {converged:3} of {PROBLEMS}  {steps:6} steps  {rollouts:6} rollouts  {failed:5} failed  {:10.1} us  mean cost {:.6}",
            format!("{hessian:?}"),
            1e6 * shortest.as_secs_f64() / PROBLEMS as f64,
            cost / f64::from(converged.max(1)),
        );
    }
}

fn main() {
    for horizon in [30, 100] {
        compare("pendulum, peers'", peers::pendulum::Pendulum, horizon, [2.0, 1.0], [10.0, 1.0, 1.0], [0.0]);
        compare(
            "cart-pole, peers'",
            peers::cartpole::Cartpole,
            horizon,
            [0.5, 0.5, 1.0, 0.5],
            [9.8, 1.0, 0.1, 0.5],
            [0.0],
        );
        compare("pendulum", pendulum::Pendulum, horizon, [2.0, 1.0], [10.0, 1.0, 1.0], [0.0]);
        compare("cart-pole", cartpole::Cartpole, horizon, [0.5, 0.5, 1.0, 0.5], [9.8, 1.0, 0.1, 0.5], [0.0]);
        compare(
            "acrobot",
            acrobot::Acrobot,
            horizon,
            [1.0, 0.5, 0.5, 0.5],
            [9.81, 1.0, 1.0, 1.0, 0.5, 0.5, 0.08, 0.08],
            [0.0],
        );
        compare(
            "masses and springs",
            mass_spring_damper::MassSpringDamper,
            horizon,
            [0.5, 0.2, -0.3, 0.2, 0.1, 0.3],
            [1.0, 0.8, 0.6, 10.0, 10.0, 10.0, 0.5, 0.5, 0.5],
            [0.0],
        );
        compare(
            "planar quadrotor",
            planar_quadrotor::PlanarQuadrotor,
            horizon,
            [1.0, 1.0, 0.5, 0.5, 0.5, 0.5],
            [9.81, 0.486, 0.00383, 0.25],
            [0.0; 2],
        );
        compare("unicycle", unicycle::Unicycle, horizon, [0.5, 0.5, 1.0], [1.0, 0.5, 0.0, 0.05, 0.05], [0.0; 2]);
        compare("van der Pol", van_der_pol::VanDerPol, horizon, [2.0, 1.0], [1.0], [0.0]);
        compare(
            "two-link arm",
            two_link_arm::TwoLinkArm,
            horizon,
            [0.8, 0.8, 0.5, 0.5],
            [0.025, 0.045, 1.0, 0.3, 0.33, 0.16, 0.05, 0.025, 0.2, 0.4],
            [0.0; 2],
        );
        compare(
            "quadrotor",
            quadrotor::quadrotor_rk4::QuadrotorRk4,
            horizon,
            [0.5, -0.4, 0.6, 0.2, -0.2, 0.3, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2],
            [0.5, 0.0023, 0.0023, 0.004, 0.175, 0.0245],
            [0.5 * 9.81 / 4.0; 4],
        );
    }
}
