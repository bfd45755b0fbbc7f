//! From the graph to kernels: normal forms and partials by Symbolica, the chain rule, and the cheapest of several
//! strategies for each kernel.

pub(crate) mod build_kernels;
mod calls;
pub(crate) mod chain_rule;
mod edge_pushing;
mod hessian;
mod kernel_writer;
pub(crate) mod lower;
pub(crate) mod outline;
mod singular_rows;
pub(crate) mod symbolica;
pub(crate) mod symbolica_lock;
pub(crate) mod tape;
