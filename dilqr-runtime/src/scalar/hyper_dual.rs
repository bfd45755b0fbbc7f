//! The parts of a hyper-dual number.

/// The parts of a hyper-dual number over `T`: `value + first e1 + second e2 + mixed e1 e2`.
pub trait HyperDualParts<T> {
    /// The number `value + first e1 + second e2`.
    fn from_parts(value: T, first: T, second: T) -> Self;
    /// The value.
    fn value(&self) -> T;
    /// The derivative in the first direction.
    fn first(&self) -> T;
    /// The derivative in the second direction.
    fn second(&self) -> T;
    /// The second derivative in both directions.
    fn mixed(&self) -> T;
}
