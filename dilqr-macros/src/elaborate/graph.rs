//! The model as a graph of scalar expressions: what elaboration makes and differentiation reads.
//!
//! A `let` or a helper's argument or result is a [`Node::Named`] node: it is computed and differentiated once, however
//! often it is used. Between two shared nodes an expression is a tree.

use crate::syntax::ast::BinaryOp;

/// Index of a node in its [`Graph`]. Operands have smaller indices than their users.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NodeId(u32);

impl NodeId {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// The vectors a model reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Vector {
    /// Parameters come first in every order: what depends on them alone is shared best.
    P,
    S,
    X,
    U,
    /// Costate of the next stage.
    Lambda,
    /// Directions of the adjoint parameter contraction.
    Dx,
    Du,
    DLambda,
    /// Multipliers of constraints, and their direction.
    Mu,
    DMu,
    /// Weights of the bounds.
    Lower,
    Upper,
}

/// One entry of a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Input {
    pub(crate) vector: Vector,
    pub(crate) index: u32,
}

impl Input {
    pub(crate) fn new(vector: Vector, index: usize) -> Self {
        Self { vector, index: index as u32 }
    }
}

/// The functions of the language that are not arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum ElementaryFunction {
    Sin,
    Cos,
    Tan,
    Asin,
    Acos,
    Atan,
    Sinh,
    Cosh,
    Tanh,
    Exp,
    Ln,
    Sqrt,
    Cbrt,
    Abs,
    Signum,
    Atan2,
    Hypot,
    /// A base to an exponent that is not constant.
    Pow,
}

impl ElementaryFunction {
    pub(crate) const ALL: [Self; 18] = [
        Self::Sin,
        Self::Cos,
        Self::Tan,
        Self::Asin,
        Self::Acos,
        Self::Atan,
        Self::Sinh,
        Self::Cosh,
        Self::Tanh,
        Self::Exp,
        Self::Ln,
        Self::Sqrt,
        Self::Cbrt,
        Self::Abs,
        Self::Signum,
        Self::Atan2,
        Self::Hypot,
        Self::Pow,
    ];

    /// The method's name in the language and on `Scalar`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sin => "sin",
            Self::Cos => "cos",
            Self::Tan => "tan",
            Self::Asin => "asin",
            Self::Acos => "acos",
            Self::Atan => "atan",
            Self::Sinh => "sinh",
            Self::Cosh => "cosh",
            Self::Tanh => "tanh",
            Self::Exp => "exp",
            Self::Ln => "ln",
            Self::Sqrt => "sqrt",
            Self::Cbrt => "cbrt",
            Self::Abs => "abs",
            Self::Signum => "signum",
            Self::Atan2 => "atan2",
            Self::Hypot => "hypot",
            Self::Pow => "pow",
        }
    }

    /// The value for constant arguments.
    pub(crate) fn evaluate(self, arguments: &[f64]) -> f64 {
        let x = arguments[0];
        let y = arguments.get(1).copied().unwrap_or(0.0);
        match self {
            Self::Sin => x.sin(),
            Self::Cos => x.cos(),
            Self::Tan => x.tan(),
            Self::Asin => x.asin(),
            Self::Acos => x.acos(),
            Self::Atan => x.atan(),
            Self::Sinh => x.sinh(),
            Self::Cosh => x.cosh(),
            Self::Tanh => x.tanh(),
            Self::Exp => x.exp(),
            Self::Ln => x.ln(),
            Self::Sqrt => x.sqrt(),
            Self::Cbrt => x.cbrt(),
            Self::Abs => x.abs(),
            Self::Signum => x.signum(),
            Self::Atan2 => x.atan2(y),
            Self::Hypot => x.hypot(y),
            Self::Pow => x.powf(y),
        }
    }
}

/// Comparisons; the others are these with the sides exchanged, or their negation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Comparison {
    Less,
    LessEqual,
    Equal,
}

impl Comparison {
    pub(crate) fn evaluate(self, a: f64, b: f64) -> bool {
        match self {
            Self::Less => a < b,
            Self::LessEqual => a <= b,
            Self::Equal => a == b,
        }
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
    /// Conditions: their values are true and false, and only conditions, selects and gates read them.
    Compare(Comparison, NodeId, NodeId),
    And(NodeId, NodeId),
    Or(NodeId, NodeId),
    Not(NodeId),
    /// The second where the first holds, the third elsewhere. Both are computed.
    Select(NodeId, NodeId, NodeId),
    /// The value of a node of outside, inside a branch that runs where the condition is as given. What flows back through
    /// it is cut off elsewhere, so that a branch that does not run cannot spoil derivatives (infinity times zero).
    StopGradient {
        condition: NodeId,
        when: bool,
        value: NodeId,
    },
}

#[derive(Default)]
pub(crate) struct Graph {
    nodes: Vec<Node>,
    /// The shared node of a node that has one.
    named: std::collections::HashMap<NodeId, NodeId>,
    inputs: std::collections::HashMap<Input, NodeId>,
    /// Conditions, selects and gates that exist already, under what makes them.
    conditionals: std::collections::HashMap<ConditionalKey, NodeId>,
}

/// A node that two branches may both ask for.
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

    pub(crate) fn constant(&mut self, value: f64) -> NodeId {
        self.add(Node::Constant(value))
    }

    pub(crate) fn constant_value(&self, id: NodeId) -> Option<f64> {
        match *self.node(id) {
            Node::Constant(value) => Some(value),
            _ => None,
        }
    }

    /// The node that stands for `id` wherever its name is used: itself where there is nothing to compute.
    pub(crate) fn let_bind(&mut self, id: NodeId) -> NodeId {
        match self.node(id) {
            Node::Input(_) | Node::Constant(_) | Node::Named(_) | Node::Select(..) | Node::StopGradient { .. } => id,
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

    /// `value` as a branch sees it that runs where the condition is `when`.
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

    /// The nodes under `roots`, operands first.
    pub(crate) fn reachable(&self, roots: impl Iterator<Item = NodeId>) -> Vec<NodeId> {
        let mut wanted = vec![false; self.len()];
        for root in roots {
            wanted[root.index()] = true;
        }
        let ids: Vec<NodeId> = self.ids().collect();
        for &id in ids.iter().rev() {
            if wanted[id.index()] {
                match self.node(id) {
                    Node::Input(_) | Node::Constant(_) => {}
                    Node::Negate(a) | Node::Power(a, _) | Node::Named(a) => wanted[a.index()] = true,
                    Node::Binary(_, a, b) => {
                        wanted[a.index()] = true;
                        wanted[b.index()] = true;
                    }
                    Node::Call(_, arguments) => arguments.iter().for_each(|a| wanted[a.index()] = true),
                    Node::Compare(_, a, b) | Node::And(a, b) | Node::Or(a, b) => {
                        wanted[a.index()] = true;
                        wanted[b.index()] = true;
                    }
                    Node::Not(a) => wanted[a.index()] = true,
                    Node::Select(condition, a, b) => {
                        [condition, a, b].iter().for_each(|a| wanted[a.index()] = true);
                    }
                    Node::StopGradient { condition, value, .. } => {
                        wanted[condition.index()] = true;
                        wanted[value.index()] = true;
                    }
                }
            }
        }
        ids.into_iter().filter(|id| wanted[id.index()]).collect()
    }
}
