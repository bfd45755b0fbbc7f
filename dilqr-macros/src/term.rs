//! Expressions as they come back from Symbolica: n-ary, with constant exponents, over numbered atoms.

use crate::graph::Function;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Term {
    Constant(f64),
    /// An operand: what the number stands for is the caller's business.
    Atom(usize),
    Sum(Vec<Term>),
    Product(Vec<Term>),
    Power(Box<Term>, f64),
    Call(Function, Vec<Term>),
}

impl Term {
    /// The same expression over other atoms.
    pub(crate) fn rename(&self, rename: &mut impl FnMut(usize) -> usize) -> Self {
        match self {
            Self::Constant(value) => Self::Constant(*value),
            Self::Atom(atom) => Self::Atom(rename(*atom)),
            Self::Sum(terms) => Self::Sum(terms.iter().map(|term| term.rename(rename)).collect()),
            Self::Product(factors) => Self::Product(factors.iter().map(|factor| factor.rename(rename)).collect()),
            Self::Power(base, exponent) => Self::Power(Box::new(base.rename(rename)), *exponent),
            Self::Call(function, arguments) => {
                Self::Call(*function, arguments.iter().map(|argument| argument.rename(rename)).collect())
            }
        }
    }
}
