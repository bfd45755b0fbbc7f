//! Repeats one operation, for profilers and instruction counters:
//!
//! ```text
//! cargo run --release -p dilqr-benches --bin repeat -- OPERATION HORIZON TIMES
//! ```
//!
//! on the cart-pole of [`peers`](dilqr_benches::peers). Operations: `exact`, `gauss-newton` (whole solves), `vjp`, `jacobian`,
//! `value-gradient`. The instructions of one are the difference between two runs, divided by the difference in TIMES.

use core::hint::black_box;
use std::process::ExitCode;

use dilqr_benches::peers::{HORIZONS, cartpole, exact, gauss_newton};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [operation, horizon, times] = arguments.as_slice() else { return usage() };
    let (Ok(horizon), Ok(times)) = (horizon.parse(), times.parse::<usize>()) else { return usage() };
    if !HORIZONS.contains(&horizon) {
        return usage();
    }
    let settings = if operation == "gauss-newton" { gauss_newton() } else { exact() };
    let case = cartpole(horizon);
    let (mut solver, solution, loss) = case.solved(settings);
    let mut other = solution.clone();
    for _ in 0..times {
        match operation.as_str() {
            "exact" | "gauss-newton" => {
                let _ = black_box(solver.solve_into(black_box(&case.problem), &mut other));
            }
            "vjp" => drop(black_box(solver.vjp(black_box(&solution), &loss))),
            "jacobian" => drop(black_box(solver.jacobian(black_box(&solution)))),
            "value-gradient" => drop(black_box(solver.value_gradient(black_box(&solution)))),
            _ => return usage(),
        }
    }
    println!("{operation}, T = {horizon}: {} iterations a solve", solution.stats.iterations);
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("repeat (exact | gauss-newton | vjp | jacobian | value-gradient) (10 | 30 | 100) TIMES");
    ExitCode::FAILURE
}
