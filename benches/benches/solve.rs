//! The forward solve, and one iteration (the solve divided by its accepted steps).

use core::hint::black_box;
use core::time::Duration;
use std::time::Instant;

use criterion::Criterion;
use dilqr_benches::peers::{Case, HORIZONS, cartpole, exact, gauss_newton, pendulum};
use dilqr_runtime::Model;

fn solves<M, const NX: usize, const NU: usize, const NP: usize>(criterion: &mut Criterion, case: &Case<M, NX, NU, NP>)
where
    M: Model<NX, NU, NP> + Clone,
{
    for (steps, settings) in [("exact", exact()), ("gauss-newton", gauss_newton())] {
        let (mut solver, mut solution, _) = case.solved(settings);
        let stats = solution.stats;
        eprintln!(
            "{} {steps}: {} iterations, {} rollouts, {} regularizations",
            case.name, stats.iterations, stats.line_search_steps, stats.regularizations
        );
        criterion.bench_function(&format!("solve/{} {steps}", case.name), |bencher| {
            bencher.iter(|| solver.solve_into(black_box(&case.problem), black_box(&mut solution)));
        });
        criterion.bench_function(&format!("iteration/{} {steps}", case.name), |bencher| {
            bencher.iter_custom(|solves| {
                let start = Instant::now();
                for _ in 0..solves {
                    let _ = black_box(solver.solve_into(black_box(&case.problem), black_box(&mut solution)));
                }
                start.elapsed().div_f64(stats.iterations as f64)
            });
        });
    }
}

fn main() {
    let mut criterion = dilqr_benches::criterion(Duration::from_millis(600));
    for horizon in HORIZONS {
        solves(&mut criterion, &pendulum(horizon));
        solves(&mut criterion, &cartpole(horizon));
    }
    criterion.final_summary();
}
