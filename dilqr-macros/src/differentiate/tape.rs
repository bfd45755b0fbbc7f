//! The differentiable form of the model: a list of small expressions, each with its partials from Symbolica.
//!
//! Every shared node is brought into Symbolica's normal form and cut into pieces (`cut`). The chain kind then runs over the
//! list, in `partials`, and its cost grows with the length of the list and not with the number of paths through it.

use std::collections::HashMap;

use crate::differentiate::outline::{Granularity, Outliner};
use crate::differentiate::symbolica::{self, Partials};
use crate::differentiate::term::Term;
use crate::elaborate::graph::{Comparison, ElementaryFunction, Graph, Input, Node, NodeId};
use crate::elaborate::limits::Limits;
use crate::syntax::ast::BinaryOp;

/// What a piece, or an output, refers to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Operand {
    Constant(f64),
    Input(Input),
    /// Index into [`Tape::pieces`].
    Elemental(usize),
}

impl Operand {
    /// Where it comes from; a constant comes from nowhere.
    pub(crate) fn order(self) -> Option<OperandOrder> {
        match self {
            Self::Constant(_) => None,
            Self::Input(input) => Some(OperandOrder::Input(input)),
            Self::Elemental(index) => Some(OperandOrder::Elemental(index)),
        }
    }
}

/// An operand in an order: inputs first, then pieces as they come.
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

#[derive(PartialEq)]
pub(crate) struct Elemental {
    /// Inputs and earlier pieces; constants only in selects.
    pub(crate) operands: Vec<Operand>,
    pub(crate) kind: ElementalKind,
}

/// How a piece follows from its operands.
#[derive(PartialEq)]
pub(crate) enum ElementalKind {
    /// An expression over the operands, with its partials.
    Smooth { term: Term, partials: Partials },
    /// The first operand where the condition (an index into [`Tape::conditions`]) holds, the second elsewhere.
    Select(usize),
    /// Its one operand; see [`Node::StopGradient`].
    StopGradient { condition: usize, when: bool },
}

/// Conditions refer to pieces and inputs, and to earlier conditions.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Condition {
    Compare(Comparison, Operand, Operand),
    And(usize, usize),
    Or(usize, usize),
    Not(usize),
}

pub(crate) struct Tape {
    /// Each refers to earlier ones only.
    pub(crate) elementals: Vec<Elemental>,
    pub(crate) conditions: Vec<Condition>,
    /// Next state.
    pub(crate) f: Vec<Operand>,
    /// Stage cost.
    pub(crate) l: Operand,
    /// Terminal cost.
    pub(crate) terminal: Operand,
    pub(crate) limits: Limits<Operand>,
}

/// What is wrong with a model's constants, in the value of a node.
pub(crate) enum DeriveError {
    /// One that f64 cannot hold.
    Overflow(NodeId),
    /// One of too many digits.
    Digits(NodeId),
}

/// Derives the tapes of a model, one for each [`Granularity`] that makes a difference; to be called inside [`symbolica::session`].
pub(crate) fn tapes(
    graph: &Graph,
    f: &[NodeId],
    l: NodeId,
    terminal: NodeId,
    limits: &Limits<NodeId>,
) -> Result<Vec<Tape>, DeriveError> {
    let coarse = tape(graph, Granularity::Monomials, f, l, terminal, limits)?;
    let fine = tape(graph, Granularity::Products, f, l, terminal, limits)?;
    let differ = fine.elementals != coarse.elementals;
    Ok([coarse].into_iter().chain(differ.then_some(fine)).collect())
}

fn tape(
    graph: &Graph,
    granularity: Granularity,
    f: &[NodeId],
    l: NodeId,
    terminal: NodeId,
    limits: &Limits<NodeId>,
) -> Result<Tape, DeriveError> {
    let mut outliner = Outliner::new(granularity);
    let mut values: HashMap<NodeId, Operand> = HashMap::new();
    let mut conditions: Vec<Condition> = Vec::new();
    let mut condition_of: HashMap<NodeId, usize> = HashMap::new();
    let may_have_infinite_derivative = may_have_infinite_derivative(graph);
    let reciprocal = reciprocals(graph);
    for node in graph.reachable(f.iter().copied().chain([l, terminal]).chain(limits.values())) {
        let value = match graph.node(node) {
            Node::Input(input) => Operand::Input(*input),
            Node::Constant(value) => Operand::Constant(*value),
            Node::Named(inner) => {
                let mut operands = Vec::new();
                let term = symbolica::normal_form(graph, *inner, &reciprocal, &mut operands);
                let term = term.map_err(|_| DeriveError::Digits(node))?;
                let operands: Vec<Operand> = operands.iter().map(|operand| values[operand]).collect();
                outliner.outline(&term, &operands)
            }
            Node::Select(condition, a, b) => {
                outliner.add(vec![values[a], values[b]], ElementalKind::Select(condition_of[condition]))
            }
            Node::StopGradient { condition, when, value } => match values[value] {
                Operand::Constant(value) => Operand::Constant(value),
                value if !may_have_infinite_derivative[node.index()] => value,
                value => outliner
                    .add(vec![value], ElementalKind::StopGradient { condition: condition_of[condition], when: *when }),
            },
            Node::Compare(..) | Node::And(..) | Node::Or(..) | Node::Not(_) => {
                conditions.push(match graph.node(node) {
                    Node::And(a, b) => Condition::And(condition_of[a], condition_of[b]),
                    Node::Or(a, b) => Condition::Or(condition_of[a], condition_of[b]),
                    Node::Not(a) => Condition::Not(condition_of[a]),
                    Node::Compare(comparison, a, b) => Condition::Compare(*comparison, values[a], values[b]),
                    _ => unreachable!("the outer match"),
                });
                condition_of.insert(node, conditions.len() - 1);
                continue;
            }
            _ => continue,
        };
        if outliner.overflow {
            return Err(DeriveError::Overflow(node));
        }
        values.insert(node, value);
    }
    Ok(Tape {
        elementals: outliner.elementals,
        conditions,
        f: f.iter().map(|node| values[node]).collect(),
        l: values[&l],
        terminal: values[&terminal],
        limits: limits.map(|node| values[&node]),
    })
}

/// For every node, whether it is a name for the reciprocal of something that has a name itself. Symbolica sees through it, so
/// that `a * b * pivot` is `b` where `pivot` stands for `1 / a`. (It sees through one such name and not through a chain.)
fn reciprocals(graph: &Graph) -> Vec<bool> {
    let mut reciprocal = vec![false; graph.len()];
    for id in graph.ids() {
        let Node::Named(inner) = graph.node(id) else { continue };
        let below = match graph.node(*inner) {
            Node::Binary(BinaryOp::Div, one, below) if graph.constant_value(*one) == Some(1.0) => *below,
            Node::Power(below, -1.0) => *below,
            _ => continue,
        };
        let named =
            matches!(graph.node(below), Node::Input(_) | Node::Named(_) | Node::Select(..) | Node::StopGradient { .. });
        reciprocal[id.index()] = named && !reciprocal[below.index()];
    }
    reciprocal
}

/// For every node, whether something computed from it inside a branch may have derivatives that are not finite though the
/// values outside are: a division, a root, a logarithm, or a product with the value of one of these. Where nothing is, a gate
/// has nothing to hold back.
fn may_have_infinite_derivative(graph: &Graph) -> Vec<bool> {
    let may_be_infinite = may_be_infinite(graph);
    let mut may_have_infinite_derivative = vec![false; graph.len()];
    let ids: Vec<NodeId> = graph.ids().collect();
    for &id in ids.iter().rev() {
        let (operands, mut itself) = propagation(graph.node(id));
        if let Node::Binary(BinaryOp::Mul, a, b) = graph.node(id) {
            // The derivative of a product in one factor is the other.
            itself = may_be_infinite[a.index()] || may_be_infinite[b.index()];
        }
        if itself || may_have_infinite_derivative[id.index()] {
            operands.iter().for_each(|operand| may_have_infinite_derivative[operand.index()] = true);
        }
    }
    may_have_infinite_derivative
}

/// For every node, whether its value inside a branch may not be finite though the values outside are.
fn may_be_infinite(graph: &Graph) -> Vec<bool> {
    let mut may_be_infinite = vec![false; graph.len()];
    for id in graph.ids() {
        let (operands, itself) = propagation(graph.node(id));
        may_be_infinite[id.index()] = itself || operands.iter().any(|operand| may_be_infinite[operand.index()]);
    }
    may_be_infinite
}

/// The operands whose values and derivatives a node hands on, and whether its own may be infinite or NaN where theirs are
/// finite. Conditions hand on nothing.
fn propagation(node: &Node) -> (Vec<NodeId>, bool) {
    match node {
        Node::Input(_) | Node::Constant(_) => (Vec::new(), false),
        Node::Compare(..) | Node::And(..) | Node::Or(..) | Node::Not(_) => (Vec::new(), false),
        // What comes after a select is not inside its branches, but may be inside one around them.
        Node::Select(_, a, b) => (vec![*a, *b], false),
        Node::Negate(a) | Node::Named(a) => (vec![*a], false),
        Node::StopGradient { value, .. } => (vec![*value], false),
        Node::Binary(op, a, b) => (vec![*a, *b], *op == BinaryOp::Div),
        Node::Power(a, exponent) => (vec![*a], *exponent < 0.0 || exponent.fract() != 0.0),
        Node::Call(function, arguments) => {
            let bounded = [
                ElementaryFunction::Sin,
                ElementaryFunction::Cos,
                ElementaryFunction::Tanh,
                ElementaryFunction::Atan,
                ElementaryFunction::Abs,
                ElementaryFunction::Signum,
            ];
            (arguments.clone(), !bounded.contains(function))
        }
    }
}
