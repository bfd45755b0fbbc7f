//! From the graph to tapes: every named node is brought into Symbolica's normal form and cut into elementals (`outline`).

use std::collections::HashMap;

use super::outline::Outliner;
use super::symbolica;
use super::tape::{Call, Condition, ElementalKind, Granularity, Operand, Tape};
use crate::elaborate::elaborated_system::Outputs;
use crate::elaborate::graph::{Graph, Node, NodeId};
use crate::syntax::ast::BinaryOp;
use crate::syntax::vector_functions::FunctionId;

/// Why a model has no tape: the constants in the value of a node.
pub(crate) enum DeriveError {
    /// A constant is beyond the range of f64.
    Overflow(NodeId),
    /// A constant has too many digits.
    Digits(NodeId),
}

/// The tapes of a model, one for each [`Granularity`] that makes a difference. Symbolica must be locked
/// ([`symbolica_lock`](super::symbolica_lock)).
pub(crate) fn tapes(graph: &Graph, outputs: Outputs<'_>) -> Result<Vec<Tape>, DeriveError> {
    let coarse = Lowering::new(graph, Granularity::Monomials).tape(outputs)?;
    let fine = Lowering::new(graph, Granularity::Products).tape(outputs)?;
    let differ = fine.elementals != coarse.elementals;
    Ok([coarse].into_iter().chain(differ.then_some(fine)).collect())
}

/// A tape in the making.
struct Lowering<'a> {
    graph: &'a Graph,
    outliner: Outliner,
    values: HashMap<NodeId, Operand>,
    conditions: Vec<Condition>,
    condition_of: HashMap<NodeId, usize>,
    calls: Vec<Call>,
    /// See [`may_have_infinite_derivative`].
    singular: Vec<bool>,
    /// See [`reciprocals`].
    reciprocals: Vec<bool>,
}

impl<'a> Lowering<'a> {
    fn new(graph: &'a Graph, granularity: Granularity) -> Self {
        Self {
            graph,
            outliner: Outliner::new(granularity),
            values: HashMap::new(),
            conditions: Vec::new(),
            condition_of: HashMap::new(),
            calls: Vec::new(),
            singular: may_have_infinite_derivative(graph),
            reciprocals: reciprocals(graph),
        }
    }

    fn tape(mut self, outputs: Outputs<'_>) -> Result<Tape, DeriveError> {
        let Outputs { dynamics, stage_cost, terminal_cost, initial_cost, limits, .. } = outputs;
        let Outputs { least_squares, penalties, time_step, residuals, .. } = outputs;
        let costs = [stage_cost, terminal_cost].into_iter().chain(initial_cost).chain(time_step);
        let lists = dynamics.iter().chain(least_squares).chain(penalties).chain(residuals.iter().flatten());
        let roots = lists.copied().chain(costs).chain(limits.values());
        for node in self.graph.reachable(roots) {
            self.lower(node)?;
        }
        let value = |node: NodeId| self.values[&node];
        Ok(Tape {
            granularity: self.outliner.granularity(),
            f: dynamics.iter().map(|&node| value(node)).collect(),
            l: value(stage_cost),
            terminal: value(terminal_cost),
            initial: initial_cost.map_or(Operand::Constant(0.0), value),
            has_initial_cost: initial_cost.is_some(),
            limits: limits.map(value),
            least_squares: least_squares.iter().map(|&node| value(node)).collect(),
            penalties: penalties.iter().map(|&node| value(node)).collect(),
            time_step: time_step.map(value),
            calls: self.calls,
            residuals: [0, 1, 2].map(|of| residuals[of].iter().map(|&node| value(node)).collect()),
            elementals: self.outliner.elementals,
            conditions: self.conditions,
        })
    }

    /// Gives a node its operand or its condition. Nodes inside of named expressions get none.
    fn lower(&mut self, node: NodeId) -> Result<(), DeriveError> {
        let value = match self.graph.node(node) {
            Node::Input(input) => Operand::Input(*input),
            Node::Constant(value) => Operand::Constant(*value),
            Node::Named(inner) => {
                let mut operands = Vec::new();
                let term = symbolica::normal_form(self.graph, *inner, &self.reciprocals, &mut operands);
                let term = term.map_err(|_| DeriveError::Digits(node))?;
                let operands: Vec<Operand> = operands.iter().map(|operand| self.values[operand]).collect();
                self.outliner.outline(&term, &operands)
            }
            Node::Select(condition, a, b) => {
                let kind = ElementalKind::Select(self.condition_of[condition]);
                self.outliner.add(vec![self.values[a], self.values[b]], kind)
            }
            Node::StopGradient { condition, when, value } => match self.values[value] {
                Operand::Constant(value) => Operand::Constant(value),
                value if !self.singular[node.index()] => value,
                value => {
                    let condition = self.condition_of[condition];
                    self.outliner.add(vec![value], ElementalKind::StopGradient { condition, when: *when })
                }
            },
            Node::Entry { function, index, arguments } => self.lower_entry(*function, *index, arguments),
            Node::Compare(..) | Node::And(..) | Node::Or(..) | Node::Not(_) => {
                self.lower_condition(node);
                return Ok(());
            }
            _ => return Ok(()),
        };
        if self.outliner.overflow {
            return Err(DeriveError::Overflow(node));
        }
        self.values.insert(node, value);
        Ok(())
    }

    fn lower_entry(&mut self, function: FunctionId, index: usize, arguments: &[NodeId]) -> Operand {
        let operands: Vec<Operand> = arguments.iter().map(|argument| self.values[argument]).collect();
        let known = self.calls.iter().position(|call| call.function == function && call.operands == operands);
        let call = known.unwrap_or_else(|| {
            let outputs = vec![None; function.outputs()];
            self.calls.push(Call { function, operands: operands.clone(), outputs });
            self.calls.len() - 1
        });
        if let Some(known) = self.calls[call].outputs[index] {
            return Operand::Elemental(known);
        }
        let operand = self.outliner.add(operands, ElementalKind::Entry { call, index });
        if let Operand::Elemental(elemental) = operand {
            self.calls[call].outputs[index] = Some(elemental);
        }
        operand
    }

    fn lower_condition(&mut self, node: NodeId) {
        self.conditions.push(match self.graph.node(node) {
            Node::And(a, b) => Condition::And(self.condition_of[a], self.condition_of[b]),
            Node::Or(a, b) => Condition::Or(self.condition_of[a], self.condition_of[b]),
            Node::Not(a) => Condition::Not(self.condition_of[a]),
            Node::Compare(comparison, a, b) => Condition::Compare(*comparison, self.values[a], self.values[b]),
            _ => unreachable!("only conditions are lowered here"),
        });
        self.condition_of.insert(node, self.conditions.len() - 1);
    }
}

/// For every node, whether it names the reciprocal of an expression that has a name itself. The normal form sees through
/// such a name, so that `a * b * pivot` is `b` where `pivot` stands for `1 / a`. (It sees through one name, not a chain.)
fn reciprocals(graph: &Graph) -> Vec<bool> {
    let mut reciprocal = vec![false; graph.len()];
    for id in graph.ids() {
        let Node::Named(inner) = graph.node(id) else { continue };
        let denominator = match graph.node(*inner) {
            Node::Binary(BinaryOp::Div, one, denominator) if graph.constant_value(*one) == Some(1.0) => *denominator,
            Node::Power(base, -1.0) => *base,
            _ => continue,
        };
        let node = graph.node(denominator);
        let named = matches!(
            node,
            Node::Input(_) | Node::Named(_) | Node::Select(..) | Node::StopGradient { .. } | Node::Entry { .. }
        );
        reciprocal[id.index()] = named && !reciprocal[denominator.index()];
    }
    reciprocal
}

/// For every node, whether an expression of it inside a branch may have derivatives that are not finite while the values
/// outside are: a division, a root, a logarithm, or a product with the value of one of these. Elsewhere no gradient needs
/// to be stopped.
fn may_have_infinite_derivative(graph: &Graph) -> Vec<bool> {
    let may_be_infinite = may_be_infinite(graph);
    let mut singular = vec![false; graph.len()];
    let ids: Vec<NodeId> = graph.ids().collect();
    for &id in ids.iter().rev() {
        let (operands, mut itself) = propagation(graph.node(id));
        if let Node::Binary(BinaryOp::Mul, a, b) = graph.node(id) {
            // The derivative of a product in one factor is the other.
            itself = may_be_infinite[a.index()] || may_be_infinite[b.index()];
        }
        if itself || singular[id.index()] {
            operands.iter().for_each(|operand| singular[operand.index()] = true);
        }
    }
    singular
}

/// For every node, whether its value inside a branch may not be finite while the values outside are.
fn may_be_infinite(graph: &Graph) -> Vec<bool> {
    let mut infinite = vec![false; graph.len()];
    for id in graph.ids() {
        let (operands, itself) = propagation(graph.node(id));
        infinite[id.index()] = itself || operands.iter().any(|operand| infinite[operand.index()]);
    }
    infinite
}

/// The operands whose values and derivatives enter those of a node, and whether the node's may be infinite or NaN where
/// the operands' are finite. Conditions have no derivatives.
fn propagation(node: &Node) -> (Vec<NodeId>, bool) {
    match node {
        Node::Input(_) | Node::Constant(_) => (Vec::new(), false),
        Node::Compare(..) | Node::And(..) | Node::Or(..) | Node::Not(_) => (Vec::new(), false),
        // What follows a select is outside of its branches, but may be inside an enclosing branch.
        Node::Select(_, a, b) => (vec![*a, *b], false),
        Node::Negate(a) | Node::Named(a) => (vec![*a], false),
        Node::StopGradient { value, .. } => (vec![*value], false),
        Node::Binary(op, a, b) => (vec![*a, *b], *op == BinaryOp::Div),
        Node::Power(a, exponent) => (vec![*a], *exponent < 0.0 || exponent.fract() != 0.0),
        Node::Call(function, arguments) => (arguments.clone(), !function.is_regular()),
        // Nothing is known of a function of the user's own.
        Node::Entry { arguments, .. } => (arguments.clone(), true),
    }
}
