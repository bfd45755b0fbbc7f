//! 64 cart-poles at once: one by one, and in a batch on one thread and on all.

use core::hint::black_box;
use core::time::Duration;

use criterion::Throughput;
use dilqr_benches::peers::{assert_same, batch_of_poles, cartpole, exact};
use dilqr_runtime::{LossGradient, Solution, batch};
use rayon::ThreadPoolBuilder;

const PROBLEMS: usize = 64;
const HORIZON: usize = 30;

fn main() {
    let mut criterion = dilqr_benches::criterion(Duration::from_millis(1000));
    let case = cartpole(HORIZON);
    let _ = case.solved(exact());
    let (model, settings) = (&case.model, exact());
    let mut solver = case.solver(settings);

    let problems = batch_of_poles(model, PROBLEMS, HORIZON);
    let solutions: Vec<_> = problems.iter().map(|problem| solver.solve(problem).expect("a problem")).collect();
    let losses: Vec<_> = solutions
        .iter()
        .map(|solution| LossGradient::new(solution.states.clone(), solution.controls.clone()))
        .collect();
    // One thread, and one for each processor if there are several.
    let mut threads: Vec<_> =
        [1, 0].map(|threads| ThreadPoolBuilder::new().num_threads(threads).build().expect("threads")).into();
    threads.dedup_by_key(|pool| pool.current_num_threads());

    // Both sides must give the same bits.
    let batched = batch::solve(model, HORIZON, &settings, &problems);
    assert!(batched.iter().zip(&solutions).all(|(batched, alone)| batched.as_ref() == Ok(alone)));
    let batched = batch::vjp(model, &settings, &solutions, &losses);
    let alone = solutions.iter().zip(&losses).map(|(solution, loss)| solver.vjp(solution, loss));
    assert!(batched.into_iter().zip(alone).all(|(batched, alone)| batched.is_ok() && batched == alone));

    for (lanes, alone) in batch::solve_lanes(model, HORIZON, &settings, &problems).into_iter().zip(&solutions) {
        assert_same(&lanes.expect("a problem"), alone, &settings);
    }

    let singles = batch::vjp(model, &settings, &solutions, &losses);
    for (lanes, alone) in batch::vjp_lanes(model, &settings, &solutions, &losses).into_iter().zip(singles) {
        let (lanes, alone) = (lanes.expect("a solution").params, alone.expect("a solution").params);
        // Two units in the last place of a sine, in problems whose condition is some thousands.
        assert!((lanes - alone).amax() <= 1e-10 * alone.amax());
    }

    let mut group = criterion.benchmark_group("batch");
    group.throughput(Throughput::Elements(PROBLEMS as u64));
    group.bench_function("solve one by one", |bencher| {
        bencher.iter(|| -> Vec<_> { black_box(&problems).iter().map(|problem| solver.solve(problem)).collect() });
    });
    for pool in &threads {
        group.bench_function(format!("solve on {} threads", pool.current_num_threads()), |bencher| {
            pool.install(|| bencher.iter(|| batch::solve(model, HORIZON, &settings, black_box(&problems))));
        });
    }
    for pool in &threads {
        group.bench_function(format!("solve in lanes on {} threads", pool.current_num_threads()), |bencher| {
            pool.install(|| bencher.iter(|| batch::solve_lanes(model, HORIZON, &settings, black_box(&problems))));
        });
    }
    group.bench_function("vjp one by one", |bencher| {
        bencher.iter(|| -> Vec<_> {
            black_box(&solutions).iter().zip(&losses).map(|(solution, loss)| solver.vjp(solution, loss)).collect()
        });
    });
    for pool in &threads {
        group.bench_function(format!("vjp on {} threads", pool.current_num_threads()), |bencher| {
            pool.install(|| bencher.iter(|| batch::vjp(model, &settings, black_box(&solutions), &losses)));
        });
    }
    for pool in &threads {
        group.bench_function(format!("vjp in lanes on {} threads", pool.current_num_threads()), |bencher| {
            pool.install(|| bencher.iter(|| batch::vjp_lanes(model, &settings, black_box(&solutions), &losses)));
        });
    }
    let loss =
        |_: usize, solution: &Solution<4, 1, 4>| LossGradient::new(solution.states.clone(), solution.controls.clone());
    for pool in &threads {
        group.bench_function(format!("solve and vjp on {} threads", pool.current_num_threads()), |bencher| {
            pool.install(|| {
                bencher.iter(|| batch::solve_and_vjp(model, HORIZON, &settings, black_box(&problems), loss))
            });
        });
    }
    group.finish();
    criterion.final_summary();
}
