//! Small matrices of fixed size, for any scalar: products, a factorization, eigenvalues.

pub(crate) mod ldl;
pub(crate) mod products;
pub(crate) mod symmetric_eigen;
