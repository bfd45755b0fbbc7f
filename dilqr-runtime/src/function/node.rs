//! What generated code calls on a function: its derivatives at a point, kept together.

use crate::function::VectorFunction;
use crate::function::buffer::Buffer;
use crate::scalar::Scalar;

/// A function at a point, with its first derivatives and what its second ones need. `K` rows of the Jacobian are on the stack, all
/// of them or none.
#[derive(Debug)]
pub struct Expansion<S: Scalar, const N: usize, const M: usize, Memory, const K: usize> {
    /// The point, `N`.
    pub z: [S; N],
    /// `y`, `M`.
    pub value: [S; M],
    /// `dy/dz`, `M` rows of `N`.
    pub jacobian: Buffer<[S; N], K>,
    /// What the function keeps for its second derivatives.
    pub memory: Memory,
}

/// A [`VectorFunction`] whose evaluations at one point share work. The macro implements it for networks and for functions of
/// the user's own; generated code calls it.
pub trait Node<const N: usize, const M: usize, const K: usize>: VectorFunction<N, M> {
    /// What an expansion keeps for second derivatives.
    type Memory<S: Scalar>;

    /// Memory of zeros.
    fn memory<S: Scalar>() -> Self::Memory<S>;

    /// The memory for an expansion.
    #[must_use]
    fn zeros<S: Scalar>() -> Expansion<S, N, M, Self::Memory<S>, K> {
        let zero = S::zero();
        let jacobian = Buffer::filled(M, [zero; N]);
        Expansion { z: [zero; N], value: [zero; M], jacobian, memory: Self::memory() }
    }

    /// Value and Jacobian at `at.z`.
    fn expand<S: Scalar>(&self, at: &mut Expansion<S, N, M, Self::Memory<S>, K>) {
        at.value = self.value(&at.z);
        at.jacobian.copy_from_slice(&self.jacobian(&at.z));
    }

    /// A new expansion at a point.
    #[must_use]
    fn expand_at<S: Scalar>(&self, z: &[S; N]) -> Expansion<S, N, M, Self::Memory<S>, K> {
        let mut at = Self::zeros();
        at.z = *z;
        self.expand(&mut at);
        at
    }

    /// Writes `sum_k mu_k d2 y_k/dz2` at an expansion, `N` rows.
    fn contract<S: Scalar>(&self, at: &Expansion<S, N, M, Self::Memory<S>, K>, mu: &[S; M], out: &mut [[S; N]]) {
        out.copy_from_slice(&self.contraction(&at.z, mu));
    }

    /// Adds `mu' dy/dW` in the weights `W`.
    fn add_weight_gradient<S: Scalar>(
        &self,
        _at: &Expansion<S, N, M, Self::Memory<S>, K>,
        _mu: &[S; M],
        _out: &mut [S],
    ) {
    }

    /// Adds the change of `mu' dy/dW` along `dz` and `dmu`.
    fn add_weight_contraction<S: Scalar>(
        &self,
        _at: &Expansion<S, N, M, Self::Memory<S>, K>,
        _directions: (&[S; N], &[S; M], &[S; M]),
        _out: &mut [S],
    ) {
    }
}
