//! Integrators: from `derivative` to the next state.
//!
//! They run on symbolic values like any function of the model, so the chain kind goes through their stages on the graph.

use super::elaborator::{Arguments, Elaborator};
use super::graph::{Node, NodeId};
use super::value::{SymbolicValue, flatten};
use crate::syntax::ast::{BinaryOp, Function, Integration, Integrator};
use crate::syntax::messages::message;

impl Elaborator<'_> {
    /// The state after one time step.
    pub(crate) fn integrate(
        &mut self,
        integration: &Integration,
        derivative: &Function,
        arguments: &Arguments,
    ) -> SymbolicValue {
        let Some(dt) = &integration.dt else { return SymbolicValue::Unknown };
        let value = self.expr(dt, &mut arguments.scope());
        let Some(dt) = self.float(&value, dt.span) else { return SymbolicValue::Unknown };
        let Some(substeps) = self.substeps(integration) else { return SymbolicValue::Unknown };
        let mut entries = Vec::new();
        flatten(&arguments.x, &mut entries);
        if integration.integrator == Integrator::SemiImplicitEuler && !entries.len().is_multiple_of(2) {
            self.errors.on(integration.span, message::HALVES);
            return SymbolicValue::Unknown;
        }
        let h = self.scaled(dt, 1.0 / substeps as f64);
        let mut x = arguments.x.clone();
        for _ in 0..substeps {
            x = self.step(integration.integrator, derivative, arguments, &x, h);
        }
        x
    }

    /// The number of substeps, one by default; `None` after an error.
    fn substeps(&mut self, integration: &Integration) -> Option<i64> {
        let Some(expr) = &integration.substeps else { return Some(1) };
        let value = self.expr(expr, &mut Vec::new());
        let substeps = self.integer(&value, expr.span)?;
        if !(1..=100).contains(&substeps) {
            self.errors.on(expr.span, message::SUBSTEPS);
            return None;
        }
        Some(substeps)
    }

    /// The state after a step of length `h` from `x`; the other arguments stay the same.
    fn step(
        &mut self,
        integrator: Integrator,
        derivative: &Function,
        arguments: &Arguments,
        x: &SymbolicValue,
        h: NodeId,
    ) -> SymbolicValue {
        let slope = |elaborator: &mut Self, x: &SymbolicValue| {
            let arguments = Arguments { x: x.clone(), ..arguments.clone() };
            elaborator.inline_entry_point(derivative, &arguments)
        };
        match integrator {
            Integrator::Euler => {
                let k = slope(self, x);
                self.advanced(x, h, &k)
            }
            Integrator::SemiImplicitEuler => {
                // Velocities first, with the old positions; then positions, with the new velocities.
                let k = slope(self, x);
                let half_new = self.advanced_half(x, h, &k, false);
                let k = slope(self, &half_new);
                self.advanced_half(&half_new, h, &k, true)
            }
            Integrator::Midpoint => {
                let k = slope(self, x);
                let half = self.scaled(h, 0.5);
                let middle = self.advanced(x, half, &k);
                let k = slope(self, &middle);
                self.advanced(x, h, &k)
            }
            Integrator::Rk4 => {
                let half = self.scaled(h, 0.5);
                let k1 = slope(self, x);
                let x2 = self.advanced(x, half, &k1);
                let k2 = slope(self, &x2);
                let x3 = self.advanced(x, half, &k2);
                let k3 = slope(self, &x3);
                let x4 = self.advanced(x, h, &k3);
                let k4 = slope(self, &x4);
                // x + h/6 (k1 + 2 (k2 + k3) + k4)
                let middle = self.combined(&k2, &k3, &mut |elaborator, a, b| {
                    let sum = elaborator.graph.add(Node::Binary(BinaryOp::Add, a, b));
                    elaborator.scaled(sum, 2.0)
                });
                let mut add = |elaborator: &mut Self, a, b| elaborator.graph.add(Node::Binary(BinaryOp::Add, a, b));
                let ends = self.combined(&k1, &k4, &mut add);
                let sum = self.combined(&middle, &ends, &mut add);
                let sixth = self.scaled(h, 1.0 / 6.0);
                self.advanced(x, sixth, &sum)
            }
        }
    }

    pub(crate) fn scaled(&mut self, node: NodeId, factor: f64) -> NodeId {
        if factor == 1.0 {
            return node;
        }
        match self.graph.constant_value(node) {
            Some(value) => self.graph.constant(value * factor),
            None => {
                let factor = self.graph.constant(factor);
                let product = self.graph.add(Node::Binary(BinaryOp::Mul, factor, node));
                self.graph.let_bind(product)
            }
        }
    }

    /// `x + h k`, entry by entry.
    fn advanced(&mut self, x: &SymbolicValue, h: NodeId, k: &SymbolicValue) -> SymbolicValue {
        self.combined(x, k, &mut |elaborator, x, k| {
            let change = elaborator.graph.add(Node::Binary(BinaryOp::Mul, h, k));
            elaborator.graph.add(Node::Binary(BinaryOp::Add, x, change))
        })
    }

    /// As [`advanced`](Self::advanced) for one half of the entries, the first (positions) or the second (velocities).
    fn advanced_half(&mut self, x: &SymbolicValue, h: NodeId, k: &SymbolicValue, first: bool) -> SymbolicValue {
        let mut entries = Vec::new();
        flatten(x, &mut entries);
        let half = entries.len() / 2;
        let mut index = 0;
        self.combined(x, k, &mut |elaborator, x, k| {
            let in_first = index < half;
            index += 1;
            if in_first != first {
                return x;
            }
            let change = elaborator.graph.add(Node::Binary(BinaryOp::Mul, h, k));
            elaborator.graph.add(Node::Binary(BinaryOp::Add, x, change))
        })
    }

    /// Two states, entry by entry; the results are named.
    fn combined(
        &mut self,
        a: &SymbolicValue,
        b: &SymbolicValue,
        combine: &mut impl FnMut(&mut Self, NodeId, NodeId) -> NodeId,
    ) -> SymbolicValue {
        let mut others = Vec::new();
        flatten(b, &mut others);
        let mut others = others.into_iter();
        a.map(&mut |entry| match others.next() {
            Some(other) => {
                let combined = combine(self, entry, other);
                self.graph.let_bind(combined)
            }
            // Only after an error in `derivative`.
            None => entry,
        })
    }
}
