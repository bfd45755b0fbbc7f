//! Cuts expressions in normal form into elementals: a function call, a power, a product, or a sum of products, each over
//! inputs and earlier elementals. Equal expressions share one elemental, so an expression that the model has twice (both
//! halves of a symmetric matrix) is differentiated once.

use std::collections::HashMap;

use super::symbolica;
use super::tape::{Elemental, ElementalKind, Granularity, Operand};
use crate::program::builder::Builder;
use crate::program::term::Term;

pub(crate) struct Outliner {
    granularity: Granularity,
    pub(crate) elementals: Vec<Elemental>,
    /// Elementals by their text over the order of their operands.
    known: HashMap<String, usize>,
    /// Whether a constant was beyond the range of f64.
    pub(crate) overflow: bool,
}

impl Outliner {
    pub(crate) fn new(granularity: Granularity) -> Self {
        Self { granularity, elementals: Vec::new(), known: HashMap::new(), overflow: false }
    }

    pub(crate) fn granularity(&self) -> Granularity {
        self.granularity
    }

    /// The value of `term` over `operands`; adds the elementals that it needs.
    pub(crate) fn outline(&mut self, term: &Term, operands: &[Operand]) -> Operand {
        let mut local = Vec::new();
        let term = match term {
            Term::Atom(atom) => return operands[*atom],
            Term::Constant(_) => term.clone(),
            Term::Sum(terms) => Term::Sum(terms.iter().map(|term| self.monomial(term, operands, &mut local)).collect()),
            Term::Call(function, arguments) => {
                Term::Call(*function, arguments.iter().map(|term| self.whole(term, operands, &mut local)).collect())
            }
            other => self.monomial(other, operands, &mut local),
        };
        self.elemental(&term, local)
    }

    pub(crate) fn add(&mut self, operands: Vec<Operand>, kind: ElementalKind) -> Operand {
        self.elementals.push(Elemental { operands, kind });
        Operand::Elemental(self.elementals.len() - 1)
    }

    /// The elemental that is `term` over `operands`, all of which it reads; adds it where there is none yet.
    fn elemental(&mut self, term: &Term, operands: Vec<Operand>) -> Operand {
        if operands.is_empty() {
            // The builder folds constants.
            let mut builder = Builder::default();
            let value = builder.term(term, &[]);
            return self.constant(builder.constant_value(value).unwrap_or(f64::NAN));
        }
        // Operands in one order give one normal form: `x y` and `y x` are one elemental.
        let mut order: Vec<usize> = (0..operands.len()).collect();
        order.sort_by_key(|&atom| operands[atom].order());
        let mut positions = vec![0; order.len()];
        order.iter().enumerate().for_each(|(position, &atom)| positions[atom] = position);
        let operands: Vec<Operand> = order.iter().map(|&atom| operands[atom]).collect();
        let term = match symbolica::rename_atoms(term, &positions) {
            // Equal elementals may cancel, and a product may be one elemental already.
            Term::Atom(atom) => return operands[atom],
            Term::Constant(value) => return self.constant(value),
            term => term,
        };
        let key = format!("{term:?} over {operands:?}");
        if let Some(&elemental) = self.known.get(&key) {
            return Operand::Elemental(elemental);
        }
        let partials = symbolica::partials(&term, operands.len());
        self.known.insert(key, self.elementals.len());
        self.add(operands, ElementalKind::Smooth { term, partials })
    }

    fn constant(&mut self, value: f64) -> Operand {
        self.overflow |= !value.is_finite();
        Operand::Constant(value)
    }

    /// A product of powers, as a term over `local`.
    fn monomial(&mut self, term: &Term, operands: &[Operand], local: &mut Vec<Operand>) -> Term {
        match (term, self.granularity) {
            (Term::Product(factors), Granularity::Monomials) => {
                Term::Product(factors.iter().map(|factor| self.factor(factor, operands, local)).collect())
            }
            (Term::Product(factors), Granularity::Products) => self.product(factors, operands, local),
            (other, _) => self.factor(other, operands, local),
        }
    }

    fn factor(&mut self, term: &Term, operands: &[Operand], local: &mut Vec<Operand>) -> Term {
        match term {
            Term::Power(base, exponent) => Term::Power(Box::new(self.whole(base, operands, local)), *exponent),
            other => self.whole(other, operands, local),
        }
    }

    /// A product of constants and of one factor after another, the earliest first, so that products with the same early
    /// factors share elementals.
    fn product(&mut self, factors: &[Term], operands: &[Operand], local: &mut Vec<Operand>) -> Term {
        let (mut product, mut rest) = (Vec::new(), Vec::new());
        for factor in factors {
            match self.outline(factor, operands) {
                Operand::Constant(value) => product.push(Term::Constant(value)),
                operand => rest.push(operand),
            }
        }
        rest.sort_by_key(|factor| factor.order());
        let rest = rest.into_iter().reduce(|a, b| {
            let mut factors = Vec::new();
            let term = Term::Product(vec![atom(a, &mut factors), atom(b, &mut factors)]);
            self.elemental(&term, factors)
        });
        product.extend(rest.map(|operand| atom(operand, local)));
        Term::Product(product)
    }

    /// `term` as one operand.
    fn whole(&mut self, term: &Term, operands: &[Operand], local: &mut Vec<Operand>) -> Term {
        match self.outline(term, operands) {
            Operand::Constant(value) => Term::Constant(value),
            operand => atom(operand, local),
        }
    }
}

/// The atom of an operand, which is added to `local` where it is new.
fn atom(operand: Operand, local: &mut Vec<Operand>) -> Term {
    let index = local.iter().position(|known| *known == operand).unwrap_or_else(|| {
        local.push(operand);
        local.len() - 1
    });
    Term::Atom(index)
}
