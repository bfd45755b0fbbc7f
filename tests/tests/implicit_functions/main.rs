//! Implicit functions compiled by the attribute: solves, derivatives by each way, what is refused, lanes and certificates.

pub mod bounds;
pub mod certificates;
pub mod differentiation;
pub mod iterations;
pub mod lanes;
pub mod models;
pub mod refusals;
pub mod solves;
