//! Gradients of a solution, with the factorization of its solve unless the name says otherwise. Their cost does not depend on
//! the number of iterations of the solve.

use core::hint::black_box;
use core::time::Duration;

use criterion::Criterion;
use dilqr_benches::peers::{Case, HORIZONS, cartpole, exact, many_small_steps, pendulum};
use dilqr_runtime::Model;

fn gradients<M, const NX: usize, const NU: usize, const NP: usize>(
    criterion: &mut Criterion,
    case: &Case<M, NX, NU, NP>,
) where
    M: Model<NX, NU, NP> + Clone,
{
    let (mut solver, solution, loss) = case.solved(exact());
    criterion.bench_function(&format!("vjp with a factorization/{}", case.name), |bencher| {
        bencher.iter(|| solver.vjp(black_box(&solution), black_box(&loss)));
    });
    let (_, sensitivities) = solver.solve_and_differentiate(&case.problem).expect("the problem is one");
    let mut sensitivities = sensitivities.expect("the solution is a strict minimum");
    criterion.bench_function(&format!("vjp/{}", case.name), |bencher| {
        bencher.iter(|| sensitivities.vjp(black_box(&loss)));
    });
    criterion.bench_function(&format!("jacobian/{}", case.name), |bencher| {
        bencher.iter(|| black_box(&mut sensitivities).jacobian());
    });
    criterion.bench_function(&format!("value_gradient/{}", case.name), |bencher| {
        bencher.iter(|| black_box(&mut sensitivities).value_gradient());
    });
}

/// The gradient of one solution, reached in few and in many iterations.
fn after_iterations(criterion: &mut Criterion) {
    let case = cartpole(100);
    for settings in [exact(), many_small_steps(0.0035)] {
        let (mut solver, solution, loss) = case.solved(settings);
        let iterations = solution.stats.iterations;
        let mut sensitivities = solver.differentiate(&solution).expect("the solution is a strict minimum");
        criterion.bench_function(&format!("vjp/{} after {iterations} iterations", case.name), |bencher| {
            bencher.iter(|| sensitivities.vjp(black_box(&loss)));
        });
    }
}

fn main() {
    let mut criterion = dilqr_benches::criterion(Duration::from_millis(600));
    for horizon in HORIZONS {
        gradients(&mut criterion, &pendulum(horizon));
        gradients(&mut criterion, &cartpole(horizon));
    }
    after_iterations(&mut criterion);
    criterion.final_summary();
}
