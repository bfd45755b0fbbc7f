//! Small matrices of fixed size: products, the factorization `L D L'`, and eigenvalues.

pub(crate) mod ldl;
pub(crate) mod products;
#[cfg(feature = "serde")]
pub(crate) mod serde_with;
pub(crate) mod symmetric_eigen;
