//! From the graph to kernels: normal forms and partials by Symbolica, the chain kind, and the cheapest of several strategies.

pub(crate) mod build_kernels;
pub(crate) mod chain_rule;
pub(crate) mod outline;
pub(crate) mod session;
pub(crate) mod symbolica;
pub(crate) mod tape;
pub(crate) mod term;
