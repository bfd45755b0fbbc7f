//! The differentiable form of the model: a list of small expressions, each with its partials from Symbolica.
//!
//! Every shared node is brought into Symbolica's normal form and cut into pieces (`cut`). The chain rule then runs over the
//! list, in `partials`, and its cost grows with the length of the list and not with the number of paths through it.

use std::collections::HashMap;

use crate::ast::BinaryOp;
use crate::cut::{Cut, Cutter};
use crate::graph::{Comparison, Function, Graph, Input, Node, NodeId};
use crate::limits::Limits;
use crate::symbolic::{self, Partials};
use crate::term::Term;

/// What a piece, or an output, refers to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Operand {
    Constant(f64),
    Input(Input),
    /// Index into [`Tape::pieces`].
    Piece(usize),
}

impl Operand {
    /// Where it comes from; a constant comes from nowhere.
    pub(crate) fn place(self) -> Option<Place> {
        match self {
            Self::Constant(_) => None,
            Self::Input(input) => Some(Place::Input(input)),
            Self::Piece(index) => Some(Place::Piece(index)),
        }
    }
}

/// An operand in an order: inputs first, then pieces as they come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    Input(Input),
    Piece(usize),
}

impl From<Place> for Operand {
    fn from(place: Place) -> Self {
        match place {
            Place::Input(input) => Self::Input(input),
            Place::Piece(index) => Self::Piece(index),
        }
    }
}

#[derive(PartialEq)]
pub(crate) struct Piece {
    /// Inputs and earlier pieces; constants only in selects.
    pub(crate) operands: Vec<Operand>,
    pub(crate) rule: Rule,
}

/// How a piece follows from its operands.
#[derive(PartialEq)]
pub(crate) enum Rule {
    /// An expression over the operands, with its partials.
    Smooth { term: Term, partials: Partials },
    /// The first operand where the condition (an index into [`Tape::conditions`]) holds, the second elsewhere.
    Select(usize),
    /// Its one operand; see [`Node::Gate`].
    Gate { condition: usize, when: bool },
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
    pub(crate) pieces: Vec<Piece>,
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
pub(crate) enum Refusal {
    /// One that f64 cannot hold.
    Overflow(NodeId),
    /// One of too many digits.
    Digits(NodeId),
}

/// Derives the tapes of a model, one for each [`Cut`] that makes a difference; to be called inside [`symbolic::session`].
pub(crate) fn tapes(
    graph: &Graph,
    f: &[NodeId],
    l: NodeId,
    terminal: NodeId,
    limits: &Limits<NodeId>,
) -> Result<Vec<Tape>, Refusal> {
    let coarse = tape(graph, Cut::Monomials, f, l, terminal, limits)?;
    let fine = tape(graph, Cut::Products, f, l, terminal, limits)?;
    let differ = fine.pieces != coarse.pieces;
    Ok([coarse].into_iter().chain(differ.then_some(fine)).collect())
}

fn tape(
    graph: &Graph,
    cut: Cut,
    f: &[NodeId],
    l: NodeId,
    terminal: NodeId,
    limits: &Limits<NodeId>,
) -> Result<Tape, Refusal> {
    let mut cutter = Cutter::new(cut);
    let mut values: HashMap<NodeId, Operand> = HashMap::new();
    let mut conditions: Vec<Condition> = Vec::new();
    let mut condition_of: HashMap<NodeId, usize> = HashMap::new();
    let risky = risky(graph);
    let reciprocal = reciprocals(graph);
    for node in graph.needed(f.iter().copied().chain([l, terminal]).chain(limits.values())) {
        let value = match graph.node(node) {
            Node::Input(input) => Operand::Input(*input),
            Node::Constant(value) => Operand::Constant(*value),
            Node::Shared(inner) => {
                let mut operands = Vec::new();
                let term = symbolic::normal_form(graph, *inner, &reciprocal, &mut operands);
                let term = term.map_err(|_| Refusal::Digits(node))?;
                let operands: Vec<Operand> = operands.iter().map(|operand| values[operand]).collect();
                cutter.cut(&term, &operands)
            }
            Node::Select(condition, a, b) => {
                cutter.add(vec![values[a], values[b]], Rule::Select(condition_of[condition]))
            }
            Node::Gate { condition, when, value } => match values[value] {
                Operand::Constant(value) => Operand::Constant(value),
                value if !risky[node.index()] => value,
                value => cutter.add(vec![value], Rule::Gate { condition: condition_of[condition], when: *when }),
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
        if cutter.overflow {
            return Err(Refusal::Overflow(node));
        }
        values.insert(node, value);
    }
    Ok(Tape {
        pieces: cutter.pieces,
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
        let Node::Shared(inner) = graph.node(id) else { continue };
        let below = match graph.node(*inner) {
            Node::Binary(BinaryOp::Div, one, below) if graph.constant_value(*one) == Some(1.0) => *below,
            Node::Power(below, -1.0) => *below,
            _ => continue,
        };
        let named =
            matches!(graph.node(below), Node::Input(_) | Node::Shared(_) | Node::Select(..) | Node::Gate { .. });
        reciprocal[id.index()] = named && !reciprocal[below.index()];
    }
    reciprocal
}

/// For every node, whether something computed from it inside a branch may have derivatives that are not finite though the
/// values outside are: a division, a root, a logarithm, or a product with the value of one of these. Where nothing is, a gate
/// has nothing to hold back.
fn risky(graph: &Graph) -> Vec<bool> {
    let unbounded = unbounded(graph);
    let mut risky = vec![false; graph.len()];
    let ids: Vec<NodeId> = graph.ids().collect();
    for &id in ids.iter().rev() {
        let (operands, mut itself) = source(graph.node(id));
        if let Node::Binary(BinaryOp::Mul, a, b) = graph.node(id) {
            // The derivative of a product in one factor is the other.
            itself = unbounded[a.index()] || unbounded[b.index()];
        }
        if itself || risky[id.index()] {
            operands.iter().for_each(|operand| risky[operand.index()] = true);
        }
    }
    risky
}

/// For every node, whether its value inside a branch may not be finite though the values outside are.
fn unbounded(graph: &Graph) -> Vec<bool> {
    let mut unbounded = vec![false; graph.len()];
    for id in graph.ids() {
        let (operands, itself) = source(graph.node(id));
        unbounded[id.index()] = itself || operands.iter().any(|operand| unbounded[operand.index()]);
    }
    unbounded
}

/// The operands whose values and derivatives a node hands on, and whether its own may be infinite or NaN where theirs are
/// finite. Conditions hand on nothing.
fn source(node: &Node) -> (Vec<NodeId>, bool) {
    match node {
        Node::Input(_) | Node::Constant(_) => (Vec::new(), false),
        Node::Compare(..) | Node::And(..) | Node::Or(..) | Node::Not(_) => (Vec::new(), false),
        // What comes after a select is not inside its branches, but may be inside one around them.
        Node::Select(_, a, b) => (vec![*a, *b], false),
        Node::Negate(a) | Node::Shared(a) => (vec![*a], false),
        Node::Gate { value, .. } => (vec![*value], false),
        Node::Binary(op, a, b) => (vec![*a, *b], *op == BinaryOp::Div),
        Node::Power(a, exponent) => (vec![*a], *exponent < 0.0 || exponent.fract() != 0.0),
        Node::Call(function, arguments) => {
            let bounded =
                [Function::Sin, Function::Cos, Function::Tanh, Function::Atan, Function::Abs, Function::Signum];
            (arguments.clone(), !bounded.contains(function))
        }
    }
}
