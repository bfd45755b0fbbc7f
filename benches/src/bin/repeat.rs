//! Repeats one operation, for profilers and instruction counters:
//!
//! ```text
//! cargo run --release -p dilqr-benches --bin repeat -- OPERATION HORIZON TIMES [SYSTEM]
//! ```
//!
//! on a problem of [`peers`](dilqr_benches::peers), by default the cart-pole. [`operations`](dilqr_benches::operations)
//! lists operations and systems. Kernels ignore the horizon. The instructions of one operation are the difference of
//! two runs, divided by the difference in TIMES; `--bin instructions` does that for all of them.

use std::process::ExitCode;

use dilqr_benches::operations::{OPERATIONS, SYSTEMS, repeat};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (operation, horizon, times, system) = match arguments.as_slice() {
        [operation, horizon, times] => (operation, horizon, times, "cartpole"),
        [operation, horizon, times, system] => (operation, horizon, times, system.as_str()),
        _ => return usage(),
    };
    let (Ok(horizon), Ok(times)) = (horizon.parse(), times.parse()) else { return usage() };
    let Some(parts) = repeat(system, operation, horizon, times) else { return usage() };
    println!("{system} {operation} T={horizon}: parts {parts}");
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("repeat OPERATION (10 | 30 | 100) TIMES [SYSTEM]\noperations: {OPERATIONS:?}\nsystems: {SYSTEMS:?}");
    ExitCode::FAILURE
}
