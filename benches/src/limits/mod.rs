//! Problems with limits for the bench `limits`: models, random data, the rows of its table, and its peers.
//!
//! They are part of that bench alone, because their kernels would be compiled along with every other one.

pub mod chain;
pub mod crane;
pub mod formulation;
pub mod lq;
pub mod peers;
pub mod quadrotor_lq;
pub mod race;
pub mod race_time;
pub mod random;
pub mod residual;
pub mod rows;
pub mod swing_up;
pub mod work;
