//! Problems with known answers for the benches, and the other sides of comparisons. Results are checked for equality
//! before anything is timed.

/// The arm of the models, compiled here for the kernel `hamiltonian_hessian`; see `build.rs`.
#[cfg(feature = "large")]
#[path = "../../models/src/arm.rs"]
pub mod arm;
pub mod by_hand;
pub mod casadi;
pub mod learned;
pub mod lq;
pub mod networks;
pub mod operations;
pub mod peers;
pub mod point;
pub mod quadrotor;
pub mod timing;

use core::time::Duration;

use criterion::Criterion;

/// Criterion with times so short that all benches together take a few minutes.
#[must_use]
pub fn criterion(measurement: Duration) -> Criterion {
    Criterion::default()
        .sample_size(30)
        .nresamples(10_000)
        .warm_up_time(measurement / 3)
        .measurement_time(measurement)
        .configure_from_args()
}
