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
    /// What may happen to it where its atoms do what they may. A term that does not vary has no derivative at all.
    pub(crate) fn reach(&self, atom: &impl Fn(usize) -> Reach) -> Reach {
        let all = |terms: &[Self]| terms.iter().map(|term| term.reach(atom)).fold(Reach::default(), Reach::or);
        match self {
            Self::Constant(_) => Reach::default(),
            Self::Atom(index) => atom(*index),
            Self::Sum(terms) | Self::Product(terms) => all(terms),
            Self::Power(base, exponent) => base.reach(atom).inside(exponent.fract() != 0.0, *exponent < 0.0),
            Self::Call(function, arguments) => all(arguments).inside(function.is_steep(), !function.is_regular()),
        }
    }
}

/// What may happen to an expression.
#[cfg(feature = "symbolica")]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reach {
    /// It depends on a variable.
    pub(crate) varies: bool,
    /// Its value may be infinite.
    pub(crate) infinite: bool,
    /// Its value may be finite where it has no derivative: a root, or a bounded function of what may be infinite.
    pub(crate) steep: bool,
}

#[cfg(feature = "symbolica")]
impl Reach {
    pub(crate) fn or(self, other: Self) -> Self {
        let Self { varies, infinite, steep } = other;
        Self { varies: self.varies || varies, infinite: self.infinite || infinite, steep: self.steep || steep }
    }

    /// That of a function of it.
    fn inside(self, steep: bool, infinite: bool) -> Self {
        let Self { varies, .. } = self;
        let steep = varies && (steep || self.infinite);
        Self { varies, infinite: self.infinite || varies && infinite, steep: self.steep || steep }
    }
}
