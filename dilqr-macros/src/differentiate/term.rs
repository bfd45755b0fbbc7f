//! Expressions as they come back from Symbolica: n-ary, with constant exponents, over numbered atoms.

use crate::elaborate::graph::ElementaryFunction;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Term {
    Constant(f64),
    /// An operand: what the number stands for is the caller's business.
    Atom(usize),
    Sum(Vec<Term>),
    Product(Vec<Term>),
    Power(Box<Term>, f64),
    Call(ElementaryFunction, Vec<Term>),
}
