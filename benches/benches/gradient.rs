//! Gradients of a solution. Their cost does not depend on the number of iterations of the solve.

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
    criterion.bench_function(&format!("vjp/{}", case.name), |bencher| {
        bencher.iter(|| solver.vjp(black_box(&solution), black_box(&loss)));
    });
    criterion.bench_function(&format!("jacobian/{}", case.name), |bencher| {
        bencher.iter(|| solver.jacobian(black_box(&solution)));
    });
    criterion.bench_function(&format!("value_gradient/{}", case.name), |bencher| {
        bencher.iter(|| solver.value_gradient(black_box(&solution)));
    });
}

/// The gradient of one solution, reached in few and in many iterations.
fn after_iterations(criterion: &mut Criterion) {
    let case = cartpole(100);
    for settings in [exact(), many_small_steps(0.0035)] {
        let (mut solver, solution, loss) = case.solved(settings);
        let iterations = solution.stats.iterations;
        criterion.bench_function(&format!("vjp/{} after {iterations} iterations", case.name), |bencher| {
            bencher.iter(|| solver.vjp(black_box(&solution), black_box(&loss)));
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
