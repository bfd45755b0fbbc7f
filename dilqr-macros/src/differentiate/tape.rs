//! The differentiable form of a model: a list of elementals, each a small expression with its partials from Symbolica.
//!
//! The chain rule runs over the list. Its cost grows with the length of the list, not with the number of paths through it.
//! The terms are those of Griewank and Walther, *Evaluating Derivatives*, 2008.

use super::symbolica::Partials;
use crate::elaborate::elaborated_system::Limits;
use crate::program::functions::Comparison;
use crate::program::term::{Regularity, Term};
use crate::program::vectors::{Input, Vector};
use crate::syntax::vector_functions::{Equations, FunctionId};

pub(crate) struct Tape {
    /// How products were cut into elementals.
    pub(crate) granularity: Granularity,
    /// Each refers to earlier ones only.
    pub(crate) elementals: Vec<Elemental>,
    pub(crate) conditions: Vec<Condition>,
    /// Next state.
    pub(crate) f: Vec<Operand>,
    /// Stage cost.
    pub(crate) l: Operand,
    /// Terminal cost.
    pub(crate) terminal: Operand,
    /// Cost of the initial state; zero without one.
    pub(crate) initial: Operand,
    pub(crate) has_initial_cost: bool,
    pub(crate) limits: Limits<Operand>,
    /// The residuals of a least-squares problem; empty for others.
    pub(crate) least_squares: Vec<Operand>,
    /// The factors of penalties, where they are no constants.
    pub(crate) penalties: Vec<Operand>,
    /// The time step, where it is no constant.
    pub(crate) time_step: Option<Operand>,
    pub(crate) calls: Vec<Call>,
    /// The residuals of an implicit step, those of algebraic variables, and the derivative that a loop integrates.
    pub(crate) residuals: [Vec<Operand>; 3],
}

/// A vector function at a point.
#[derive(PartialEq)]
pub(crate) struct Call {
    pub(crate) function: FunctionId,
    pub(crate) operands: Vec<Operand>,
    /// The elemental of each entry of its value that the model reads.
    pub(crate) outputs: Vec<Option<usize>>,
}

impl Tape {
    /// The residuals of equations.
    pub(crate) fn residual(&self, of: Equations) -> &[Operand] {
        &self.residuals[of as usize]
    }

    /// Whether outputs depend on a function with weights.
    pub(super) fn has_weights(&self, outputs: &[Operand]) -> bool {
        let mut reached = vec![false; self.elementals.len()];
        let mut rest: Vec<Operand> = outputs.to_vec();
        while let Some(operand) = rest.pop() {
            let Operand::Elemental(index) = operand else { continue };
            if std::mem::replace(&mut reached[index], true) {
                continue;
            }
            let Elemental { kind, operands } = &self.elementals[index];
            if matches!(kind, ElementalKind::Entry { call, .. } if self.calls[*call].function.weights > 0) {
                return true;
            }
            rest.extend(operands);
        }
        false
    }

    /// Whether each of some outputs may have no derivative in `variables` where its value is finite. Functions of vectors count as
    /// smooth.
    pub(super) fn are_singular(&self, outputs: &[Operand], variables: &[Vector]) -> Vec<bool> {
        let mut known: Vec<Regularity> = Vec::with_capacity(self.elementals.len());
        let of = |known: &[Regularity], operand: Operand| match operand {
            Operand::Constant(_) => Regularity::default(),
            Operand::Input(input) => Regularity { varies: variables.contains(&input.vector), ..Regularity::default() },
            Operand::Elemental(index) => known[index],
        };
        for Elemental { kind, operands } in &self.elementals {
            known.push(match kind {
                ElementalKind::Smooth { term, .. } => term.regularity(&|atom| of(&known, operands[atom])),
                _ => operands.iter().map(|&operand| of(&known, operand)).fold(Regularity::default(), Regularity::or),
            });
        }
        outputs.iter().map(|&output| of(&known, output).singular).collect()
    }
}

impl Call {
    /// The first of its elementals. Its second derivatives belong to that one.
    pub(crate) fn first(&self) -> Option<usize> {
        self.outputs.iter().flatten().copied().min()
    }
}

/// How finely products are cut. Which one gives the cheaper kernel differs between models and between kernels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Granularity {
    /// A product of powers is one elemental, or part of the sum that reads it.
    Monomials,
    /// An elemental product has two factors, and a sum adds multiples of elementals.
    Products,
}

#[derive(PartialEq)]
pub(crate) struct Elemental {
    /// Inputs and earlier elementals; constants in selects only.
    pub(crate) operands: Vec<Operand>,
    pub(crate) kind: ElementalKind,
}

/// How an elemental follows from its operands.
#[derive(PartialEq)]
pub(crate) enum ElementalKind {
    /// An expression over the operands, with its partials.
    Smooth { term: Term, partials: Partials },
    /// The first operand where the condition (an index into [`Tape::conditions`]) holds, the second elsewhere.
    Select(usize),
    /// Its one operand; see [`Node::StopGradient`](crate::elaborate::graph::Node::StopGradient).
    StopGradient { condition: usize, when: bool },
    /// An entry of the value of a call (an index into [`Tape::calls`]), whose operands it has.
    Entry { call: usize, index: usize },
}

/// What an elemental or an output refers to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Operand {
    Constant(f64),
    Input(Input),
    /// Index into [`Tape::elementals`].
    Elemental(usize),
}

impl Operand {
    /// Its position in the order of operands; constants have none.
    pub(crate) fn order(self) -> Option<OperandOrder> {
        match self {
            Self::Constant(_) => None,
            Self::Input(input) => Some(OperandOrder::Input(input)),
            Self::Elemental(index) => Some(OperandOrder::Elemental(index)),
        }
    }
}

/// Operands in order: the inputs, then the elementals of the tape.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum OperandOrder {
    Input(Input),
    Elemental(usize),
}

impl From<OperandOrder> for Operand {
    fn from(order: OperandOrder) -> Self {
        match order {
            OperandOrder::Input(input) => Self::Input(input),
            OperandOrder::Elemental(index) => Self::Elemental(index),
        }
    }
}

/// Conditions refer to elementals and inputs, and to earlier conditions.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Condition {
    Compare(Comparison, Operand, Operand),
    And(usize, usize),
    Or(usize, usize),
    Not(usize),
}
