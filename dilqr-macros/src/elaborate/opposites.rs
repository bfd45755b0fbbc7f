//! Values of which one is a negative multiple of the other, by the way they are written.

use std::cell::Cell;

use super::graph::{Graph, Node, NodeId};
use crate::syntax::ast::BinaryOp;

/// Nodes that the comparisons of a function's values visit. Shared nodes are visited once for each path, so their number may be
/// large.
const VISITS: usize = 100_000;

/// Operands of operands that a comparison follows, so that it needs little of the stack.
const DEPTH: usize = 100;

/// A term of a sum: a factor, and the node times it. A constant has no node.
type Term = (f64, Option<NodeId>);

/// Compares the values of one function.
pub(super) struct Opposites<'a> {
    graph: &'a Graph,
    visits: Cell<usize>,
}

impl<'a> Opposites<'a> {
    pub(super) fn new(graph: &'a Graph) -> Self {
        Self { graph, visits: Cell::new(VISITS) }
    }

    /// Whether `b = -k a` with a constant `k > 0`, at all inputs. False where the text does not show it.
    pub(super) fn are_opposite(&self, a: NodeId, b: NodeId) -> bool {
        let (Some(left), Some(mut right)) = (self.terms(a), self.terms(b)) else { return false };
        let variable = left.iter().any(|(_, node)| node.is_some());
        let mut ratio = None;
        let matched = left.iter().all(|&(factor, node)| {
            let same = |&(_, other): &Term| match (node, other) {
                (Some(node), Some(other)) => self.equal((node, other), DEPTH),
                (None, None) => true,
                _ => false,
            };
            let Some(found) = right.iter().position(same) else { return false };
            let (other, _) = right.swap_remove(found);
            other / factor == *ratio.get_or_insert(other / factor)
        });
        variable && matched && right.is_empty() && ratio.is_some_and(|ratio| ratio < 0.0 && ratio.is_finite())
    }

    /// The node without its names. `None` where too many have been visited.
    fn node(&self, mut id: NodeId) -> Option<(NodeId, &'a Node)> {
        self.visits.set(self.visits.get().checked_sub(1)?);
        while let Node::Named(inner) = *self.graph.node(id) {
            id = inner;
        }
        Some((id, self.graph.node(id)))
    }

    /// The terms of a value as a sum.
    fn terms(&self, id: NodeId) -> Option<Vec<Term>> {
        let mut terms = Vec::new();
        let mut open = vec![(1.0, id)];
        while let Some((factor, id)) = open.pop() {
            let (id, node) = self.node(id)?;
            match *node {
                Node::Negate(a) => open.push((-factor, a)),
                Node::Binary(BinaryOp::Add, a, b) => open.extend([(factor, a), (factor, b)]),
                Node::Binary(BinaryOp::Sub, a, b) => open.extend([(factor, a), (-factor, b)]),
                Node::Binary(BinaryOp::Mul, a, b) => match (self.constant(a), self.constant(b)) {
                    (Some(constant), _) => open.push((factor * constant, b)),
                    (_, Some(constant)) => open.push((factor * constant, a)),
                    _ => terms.push((factor, Some(id))),
                },
                Node::Constant(constant) => terms.push((factor * constant, None)),
                _ => terms.push((factor, Some(id))),
            }
        }
        Some(terms)
    }

    fn constant(&self, id: NodeId) -> Option<f64> {
        match *self.node(id)?.1 {
            Node::Constant(constant) => Some(constant),
            Node::Negate(inner) => self.constant(inner).map(|constant| -constant),
            _ => None,
        }
    }

    fn equal(&self, (a, b): (NodeId, NodeId), depth: usize) -> bool {
        let (Some((a, left)), Some((b, right))) = (self.node(a), self.node(b)) else { return false };
        if a == b {
            return true;
        }
        let Some(depth) = depth.checked_sub(1) else { return false };
        let equal = |pair: (NodeId, NodeId)| self.equal(pair, depth);
        match (left, right) {
            (Node::Constant(a), Node::Constant(b)) => a == b,
            (&Node::Binary(BinaryOp::Add, a, b), &Node::Binary(BinaryOp::Add, c, d))
            | (&Node::Binary(BinaryOp::Mul, a, b), &Node::Binary(BinaryOp::Mul, c, d)) => {
                equal((a, c)) && equal((b, d)) || equal((a, d)) && equal((b, c))
            }
            _ => {
                let operands = (left.operands(), right.operands());
                !operands.0.is_empty()
                    && operands.0.len() == operands.1.len()
                    && same_operation(left, right)
                    && operands.0.into_iter().zip(operands.1).all(equal)
            }
        }
    }
}

/// Whether two nodes are equal where their operands are.
fn same_operation(left: &Node, right: &Node) -> bool {
    match (left, right) {
        (Node::Binary(a, ..), Node::Binary(b, ..)) => a == b,
        (Node::Power(_, a), Node::Power(_, b)) => a == b,
        (Node::Call(a, _), Node::Call(b, _)) => a == b,
        (Node::Entry { function: a, index: i, .. }, Node::Entry { function: b, index: j, .. }) => (a, i) == (b, j),
        (Node::Negate(_), Node::Negate(_)) | (Node::Select(..), Node::Select(..)) => true,
        (Node::Compare(a, ..), Node::Compare(b, ..)) => a == b,
        (Node::And(..), Node::And(..)) | (Node::Or(..), Node::Or(..)) | (Node::Not(_), Node::Not(_)) => true,
        _ => false,
    }
}
