//! Small matrices of fixed size: products, the factorization `L D L'`, and eigenvalues.

#[cfg(feature = "serde")]
pub(crate) mod data;
pub(crate) mod ldl;
pub(crate) mod products;
pub(crate) mod symmetric_eigen;
