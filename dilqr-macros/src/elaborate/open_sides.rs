//! Parameters that may be infinite, for an open side of bounds.
//!
//! An infinite number is no number to compute with: `0 * inf` is NaN. So these parameters are sides of bounds as they are, up to
//! a sign or a constant factor, and nothing else depends on them.

use std::collections::BTreeSet;

use super::elaborated_system::OpenSides;
use super::elaborator::Elaborator;
use super::graph::{Node, NodeId};
use crate::program::vectors::{Input, Vector};
use crate::syntax::ast::BinaryOp;

impl Elaborator<'_> {
    /// The parameters that may be infinite: those among the `sides` of bounds that none of the `others` depends on.
    pub(crate) fn open_sides(&self, sides: &[NodeId], others: &[NodeId]) -> OpenSides {
        let (mut plain, mut roots) = (BTreeSet::new(), others.to_vec());
        for &side in sides {
            match self.plain_side(side) {
                Some(input) => drop(plain.insert(input)),
                None => roots.push(side),
            }
        }
        for node in self.graph.reachable(roots.into_iter()) {
            if let Node::Input(input) = self.graph.node(node) {
                plain.remove(input);
            }
        }
        let of = |vector: Vector| {
            let entries = plain.iter().filter(|input| input.vector == vector);
            entries.map(|input| input.index as usize).collect()
        };
        OpenSides { params: of(Vector::P), stage_params: of(Vector::S) }
    }

    /// The parameter that is a side, up to a constant factor other than zero.
    fn plain_side(&self, side: NodeId) -> Option<Input> {
        let factor =
            |node: NodeId| self.graph.constant_value(node).is_some_and(|value| value.is_finite() && value != 0.0);
        match *self.graph.node(side) {
            Node::Input(input) => matches!(input.vector, Vector::P | Vector::S).then_some(input),
            Node::Named(inner) | Node::Negate(inner) => self.plain_side(inner),
            Node::Binary(BinaryOp::Mul, a, b) if factor(a) => self.plain_side(b),
            Node::Binary(BinaryOp::Mul | BinaryOp::Div, a, b) if factor(b) => self.plain_side(a),
            _ => None,
        }
    }
}
