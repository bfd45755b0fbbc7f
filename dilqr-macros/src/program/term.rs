//! Expressions in Symbolica's normal form: n-ary sums and products, constant exponents, numbered atoms.

use super::functions::ElementaryFunction;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Term {
    Constant(f64),
    /// An operand, by a number that the caller gives it.
    Atom(usize),
    Sum(Vec<Term>),
    Product(Vec<Term>),
    Power(Box<Term>, f64),
    Call(ElementaryFunction, Vec<Term>),
}
