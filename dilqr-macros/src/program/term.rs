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

#[cfg(feature = "symbolica")]
impl Term {
    /// Its regularity, from that of its atoms.
    pub(crate) fn regularity(&self, atom: &impl Fn(usize) -> Regularity) -> Regularity {
        let all =
            |terms: &[Self]| terms.iter().map(|term| term.regularity(atom)).fold(Regularity::default(), Regularity::or);
        match self {
            Self::Constant(_) => Regularity::default(),
            Self::Atom(index) => atom(*index),
            Self::Sum(terms) | Self::Product(terms) => all(terms),
            Self::Power(base, exponent) => base.regularity(atom).inside(exponent.fract() != 0.0, *exponent < 0.0),
            Self::Call(function, arguments) => {
                all(arguments).inside(function.has_singular_derivative(), !function.is_regular())
            }
        }
    }
}

/// Where an expression of variables may lack a finite value or a derivative. One without variables is regular.
#[cfg(feature = "symbolica")]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Regularity {
    /// It depends on a variable.
    pub(crate) varies: bool,
    /// Its value may be infinite.
    pub(crate) infinite: bool,
    /// Its value may be finite where it has no derivative. Roots are examples, and bounded functions whose argument may be infinite.
    pub(crate) singular: bool,
}

#[cfg(feature = "symbolica")]
impl Regularity {
    pub(crate) fn or(self, other: Self) -> Self {
        let Self { varies, infinite, singular } = other;
        Self { varies: self.varies || varies, infinite: self.infinite || infinite, singular: self.singular || singular }
    }

    /// That of a function whose argument has this one. The function itself may have a singular derivative, or be infinite.
    fn inside(self, singular: bool, infinite: bool) -> Self {
        let Self { varies, .. } = self;
        Self {
            varies,
            infinite: self.infinite || varies && infinite,
            singular: self.singular || varies && (singular || self.infinite),
        }
    }
}
