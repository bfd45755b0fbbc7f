//! Small matrices of fixed size: products, the factorization `L D L'`, eigenvalues, copies between lanes, and random
//! numbers.

pub(crate) mod inverse;
#[cfg(feature = "lanes")]
pub(crate) mod lane_copies;
pub(crate) mod ldl;
pub(crate) mod products;
pub(crate) mod random;
pub(crate) mod rows;
#[cfg(feature = "serde")]
pub(crate) mod serde_with;
pub(crate) mod symmetric_eigen;
