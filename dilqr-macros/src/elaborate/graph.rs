//! The model as a graph of scalar expressions, from elaboration to differentiation.
//!
//! The value of a `let`, and an argument or the result of a call, is a [`Node::Named`] node: it is computed and differentiated
//! once, however often it is used. Between named nodes an expression is a tree.

use crate::program::functions::{Comparison, ElementaryFunction};
use crate::program::vectors::Input;
use crate::syntax::ast::BinaryOp;
use crate::syntax::vector_functions::FunctionId;

/// Index of a node in its [`Graph`]. Operands have smaller indices than their users.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NodeId(u32);

impl NodeId {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    Input(Input),
    Constant(f64),
    Binary(BinaryOp, NodeId, NodeId),
    Negate(NodeId),
    /// A constant power.
    Power(NodeId, f64),
    Call(ElementaryFunction, Vec<NodeId>),
    /// A named value.
    Named(NodeId),
    /// Conditions: they have truth values, and only conditions, selects and stopped gradients read them.
    Compare(Comparison, NodeId, NodeId),
    And(NodeId, NodeId),
    Or(NodeId, NodeId),
    Not(NodeId),
    /// The second where the first holds, the third elsewhere. Both are computed.
    Select(NodeId, NodeId, NodeId),
    /// An outer value inside a branch that runs where the condition has the value `when`. Elsewhere its adjoint is zero, so
    /// that a branch that does not run cannot make derivatives NaN (infinity times zero).
    StopGradient {
        condition: NodeId,
        when: bool,
        value: NodeId,
    },
    /// An entry of the value of a vector function at arguments that have names.
    Entry {
        function: FunctionId,
        index: usize,
        arguments: Vec<NodeId>,
    },
}

impl Node {
    pub(crate) fn operands(&self) -> Vec<NodeId> {
        match *self {
            Self::Input(_) | Self::Constant(_) => Vec::new(),
            Self::Negate(a) | Self::Power(a, _) | Self::Named(a) | Self::Not(a) => vec![a],
            Self::Binary(_, a, b) | Self::Compare(_, a, b) | Self::And(a, b) | Self::Or(a, b) => vec![a, b],
            Self::Call(_, ref arguments) | Self::Entry { ref arguments, .. } => arguments.clone(),
            Self::Select(condition, a, b) => vec![condition, a, b],
            Self::StopGradient { condition, value, .. } => vec![condition, value],
        }
    }
}

#[derive(Default)]
pub(crate) struct Graph {
    nodes: Vec<Node>,
    /// The named node of a node that has one.
    named: std::collections::HashMap<NodeId, NodeId>,
    inputs: std::collections::HashMap<Input, NodeId>,
    /// Conditions, selects and stopped gradients by their operands.
    conditionals: std::collections::HashMap<ConditionalKey, NodeId>,
}

/// The operands of a node that several branches may make.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum ConditionalKey {
    Compare(Comparison, NodeId, NodeId),
    And(NodeId, NodeId),
    Or(NodeId, NodeId),
    Not(NodeId),
    Select(NodeId, NodeId, NodeId),
    StopGradient(NodeId, bool, NodeId),
}

impl Graph {
    pub(crate) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..self.nodes.len() as u32).map(NodeId)
    }

    pub(crate) fn add(&mut self, node: Node) -> NodeId {
        let id = NodeId(self.nodes.len() as u32);
        self.nodes.push(node);
        id
    }

    pub(crate) fn input(&mut self, input: Input) -> NodeId {
        if let Some(&id) = self.inputs.get(&input) {
            return id;
        }
        let id = self.add(Node::Input(input));
        self.inputs.insert(input, id);
        id
    }

    /// Makes an input another one, wherever it is read.
    pub(crate) fn replace_input(&mut self, id: NodeId, input: Input) {
        self.nodes[id.index()] = Node::Input(input);
    }

    pub(crate) fn constant(&mut self, value: f64) -> NodeId {
        self.add(Node::Constant(value))
    }

    pub(crate) fn constant_value(&self, id: NodeId) -> Option<f64> {
        match *self.node(id) {
            Node::Constant(value) => Some(value),
            _ => None,
        }
    }

    /// The node of the name that `id` is bound to: `id` itself where nothing is computed.
    pub(crate) fn let_bind(&mut self, id: NodeId) -> NodeId {
        match self.node(id) {
            Node::Input(_) | Node::Constant(_) | Node::Named(_) | Node::Select(..) => id,
            Node::StopGradient { .. } | Node::Entry { .. } => id,
            _ => match self.named.get(&id) {
                Some(&shared) => shared,
                None => {
                    let shared = self.add(Node::Named(id));
                    self.named.insert(id, shared);
                    shared
                }
            },
        }
    }

    fn interned(&mut self, choice: ConditionalKey, node: Node) -> NodeId {
        if let Some(&id) = self.conditionals.get(&choice) {
            return id;
        }
        let id = self.add(node);
        self.conditionals.insert(choice, id);
        id
    }

    pub(crate) fn compare(&mut self, comparison: Comparison, a: NodeId, b: NodeId) -> NodeId {
        let (a, b) = (self.let_bind(a), self.let_bind(b));
        self.interned(ConditionalKey::Compare(comparison, a, b), Node::Compare(comparison, a, b))
    }

    pub(crate) fn and(&mut self, a: NodeId, b: NodeId) -> NodeId {
        self.interned(ConditionalKey::And(a, b), Node::And(a, b))
    }

    pub(crate) fn or(&mut self, a: NodeId, b: NodeId) -> NodeId {
        self.interned(ConditionalKey::Or(a, b), Node::Or(a, b))
    }

    pub(crate) fn not(&mut self, a: NodeId) -> NodeId {
        match *self.node(a) {
            Node::Not(inner) => inner,
            _ => self.interned(ConditionalKey::Not(a), Node::Not(a)),
        }
    }

    /// `a` where the condition holds, `b` elsewhere.
    pub(crate) fn select(&mut self, condition: NodeId, a: NodeId, b: NodeId) -> NodeId {
        let (a, b) = (self.let_bind(a), self.let_bind(b));
        let same = match (self.constant_value(a), self.constant_value(b)) {
            (Some(a), Some(b)) => a.to_bits() == b.to_bits(),
            _ => a == b,
        };
        if same { a } else { self.interned(ConditionalKey::Select(condition, a, b), Node::Select(condition, a, b)) }
    }

    /// `value` inside a branch that runs where the condition is `when`.
    pub(crate) fn stop_gradient(&mut self, condition: NodeId, when: bool, value: NodeId) -> NodeId {
        let value = self.let_bind(value);
        match self.node(value) {
            Node::Constant(_) => value,
            _ => self.interned(
                ConditionalKey::StopGradient(condition, when, value),
                Node::StopGradient { condition, when, value },
            ),
        }
    }

    /// The nodes that `roots` depend on, operands first.
    pub(crate) fn reachable(&self, roots: impl Iterator<Item = NodeId>) -> Vec<NodeId> {
        let mut reached = vec![false; self.len()];
        for root in roots {
            reached[root.index()] = true;
        }
        let ids: Vec<NodeId> = self.ids().collect();
        for &id in ids.iter().rev() {
            if reached[id.index()] {
                self.node(id).operands().iter().for_each(|operand| reached[operand.index()] = true);
            }
        }
        ids.into_iter().filter(|id| reached[id.index()]).collect()
    }
}
