//! Single operations by name, on the problems of [`peers`](crate::peers), for repetition under an instruction counter.

use core::hint::black_box;

use dilqr_runtime::Model;
use dilqr_runtime::model::{
    HamiltonianExpansion, HamiltonianHessian, ParameterGradient, Stage, StageExpansion, Variation,
};
use dilqr_runtime::nalgebra::SVector;

use crate::lq::{Policy, backward, random};
use crate::peers::{Case, HORIZONS, cartpole, exact, gauss_newton, pendulum, quadrotor_euler};
use crate::point::points;

/// The systems.
pub const SYSTEMS: [&str; 3] = ["pendulum", "cartpole", "quadrotor"];

/// Kernels, each time at another point; one stage of the backward recursion on dense data of the system's size; whole
/// solves; derivatives with the factorization of their solve, and gradients (`vjp-anew`) with one of their own.
pub const OPERATIONS: [&str; 11] = [
    "step",
    "expand-stage",
    "expand-hamiltonian",
    "hamiltonian-hessian",
    "parameter-contraction",
    "riccati",
    "gauss-newton",
    "exact",
    "vjp",
    "vjp-anew",
    "jacobian",
];

/// Runs an operation the given number of times. Returns the number of its parts: stages of the Riccati recursion,
/// accepted iterations of a solve. `None` if the operation is unknown.
#[must_use]
pub fn repeat(system: &str, operation: &str, horizon: usize, times: usize) -> Option<usize> {
    if !HORIZONS.contains(&horizon) {
        return None;
    }
    match system {
        "pendulum" => on(&pendulum(horizon), operation, times),
        "cartpole" => on(&cartpole(horizon), operation, times),
        "quadrotor" => on(&quadrotor_euler(horizon), operation, times),
        _ => None,
    }
}

fn on<M, const NX: usize, const NU: usize, const NP: usize>(
    case: &Case<M, NX, NU, NP>,
    operation: &str,
    times: usize,
) -> Option<usize>
where
    M: Model<NX, NU, NP> + Clone,
{
    match operation {
        "riccati" => {
            let horizon = case.problem.horizon();
            let problem = random::<NX, NU>(horizon);
            let mut policy = Policy::zeros(horizon);
            for _ in 0..times {
                assert!(backward(black_box(&problem), black_box(&mut policy)));
            }
            return Some(horizon);
        }
        "exact" | "gauss-newton" | "vjp" | "vjp-anew" | "jacobian" | "value-gradient" => {}
        _ => return kernel(case, operation, times).then_some(1),
    }
    let (mut solver, solution, loss) = case.solved(if operation == "gauss-newton" { gauss_newton() } else { exact() });
    if let "vjp" | "jacobian" | "value-gradient" = operation {
        let (_, sensitivities) = solver.solve_and_differentiate(&case.problem).expect("the problem is one");
        let mut sensitivities = sensitivities.expect("the solution is a strict minimum");
        for _ in 0..times {
            match operation {
                "vjp" => drop(black_box(sensitivities.vjp(black_box(&loss)))),
                "jacobian" => drop(black_box(black_box(&mut sensitivities).jacobian())),
                _ => drop(black_box(black_box(&mut sensitivities).value_gradient())),
            }
        }
        return Some(1);
    }
    let mut other = solution.clone();
    for _ in 0..times {
        match operation {
            "vjp-anew" => drop(black_box(solver.vjp(black_box(&solution), &loss))),
            _ => drop(black_box(solver.solve_into(black_box(&case.problem), &mut other))),
        }
    }
    Some(if matches!(operation, "exact" | "gauss-newton") { solution.stats.iterations } else { 1 })
}

/// Whether the kernel exists.
fn kernel<M, const NX: usize, const NU: usize, const NP: usize>(
    case: &Case<M, NX, NU, NP>,
    name: &str,
    times: usize,
) -> bool
where
    M: Model<NX, NU, NP>,
{
    let model = &case.model;
    let points = points(*case.problem.params(), 64);
    let s = SVector::zeros();
    let (mut next, mut stage) = (SVector::zeros(), StageExpansion::zeros());
    let (mut expansion, mut hessian) = (HamiltonianExpansion::zeros(), HamiltonianHessian::zeros());
    let (mut gp, mut gs) = (SVector::zeros(), SVector::zeros());
    for point in points.iter().cycle().take(times) {
        let point = black_box(point);
        let (x, u, p, lambda) = (&point.x, &point.u, &point.p, &point.lambda);
        match name {
            "step" => drop(black_box(model.step(Stage::new(x, u, p, &s), black_box(&mut next)))),
            "expand-stage" => model.expand_stage(Stage::new(x, u, p, &s), black_box(&mut stage)),
            "expand-hamiltonian" => {
                model.expand_hamiltonian(Stage::new(x, u, p, &s), lambda, black_box(&mut expansion))
            }
            "hamiltonian-hessian" => {
                model.hamiltonian_hessian(Stage::new(x, u, p, &s), lambda, black_box(&mut hessian))
            }
            "parameter-contraction" => {
                let (dx, du, dlambda) = (&point.dx, &point.du, &point.dlambda);
                model.add_parameter_contraction(
                    Stage::new(x, u, p, &s),
                    lambda,
                    Variation { dx, du },
                    dlambda,
                    ParameterGradient::new(black_box(&mut gp), &mut gs),
                );
            }
            _ => return false,
        }
    }
    true
}
