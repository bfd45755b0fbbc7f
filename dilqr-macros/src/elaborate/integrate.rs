//! Integrators: from `derivative` to the next state, and from `running_cost` to its integral over the step.
//!
//! They run on symbolic values like any function of the model, so the chain rule goes through their stages on the graph.
//! The integral is one more entry of the integrated value, whose slope is the running cost. So it has the stages of the
//! dynamics, and shares their expressions.

use super::elaborator::{Arguments, Elaborator};
use super::graph::{Node, NodeId};
use super::value::{SymbolicValue, flatten};
use crate::program::functions::Comparison;
use crate::syntax::ast::{BinaryOp, Expr, Function, Integration, Integrator};
use crate::syntax::messages::message;

/// What is integrated over a step.
#[derive(Clone, Copy)]
pub(crate) struct Slopes<'a> {
    pub(crate) derivative: &'a Function,
    pub(crate) running_cost: Option<&'a Function>,
}

impl Elaborator<'_> {
    /// The state after one time step, and the integral of the running cost.
    pub(crate) fn integrate(
        &mut self,
        integration: &Integration,
        slopes: Slopes<'_>,
        arguments: &Arguments,
    ) -> (SymbolicValue, Option<NodeId>) {
        const FAILED: (SymbolicValue, Option<NodeId>) = (SymbolicValue::Unknown, None);
        let Some(dt) = &integration.dt else { return FAILED };
        let Some(dt) = self.time_step(dt, arguments) else { return FAILED };
        let Some(substeps) = self.substeps(integration) else { return FAILED };
        let mut entries = Vec::new();
        flatten(&arguments.x, &mut entries);
        if integration.integrator == Integrator::SemiImplicitEuler && !entries.len().is_multiple_of(2) {
            self.errors.on(integration.span, message::HALVES);
            return FAILED;
        }
        let h = self.scaled(dt, 1.0 / substeps as f64);
        if let Some(found) = self.implicit_steps(integration, slopes, arguments, (h, substeps)) {
            return found;
        }
        let mut y = match slopes.running_cost {
            None => arguments.x.clone(),
            Some(_) => {
                let zero = SymbolicValue::Float(self.graph.constant(0.0));
                SymbolicValue::Tuple([arguments.x.clone(), zero].into())
            }
        };
        let before = self.graph.len();
        for index in 0..substeps {
            y = self.step(integration.integrator, slopes, arguments, &y, h);
            if index == 0 {
                let size = (h, substeps as usize, self.graph.len() - before);
                if let Some(found) = self.steps(integration, slopes, arguments, size) {
                    return found;
                }
            }
        }
        match (&y, slopes.running_cost) {
            (SymbolicValue::Tuple(parts), Some(_)) => match &parts[1] {
                SymbolicValue::Float(cost) => (parts[0].clone(), Some(*cost)),
                _ => FAILED,
            },
            _ => (y, None),
        }
    }

    /// All substeps of an implicit integrator; `None` for an explicit one.
    fn implicit_steps(
        &mut self,
        integration: &Integration,
        slopes: Slopes<'_>,
        arguments: &Arguments,
        (h, substeps): (NodeId, i64),
    ) -> Option<(SymbolicValue, Option<NodeId>)> {
        let mut at = arguments.clone();
        let mut total = None;
        for _ in 0..substeps {
            let (next, cost) = self.implicit_step(integration, slopes, &at, h)?;
            at.x = next;
            total = match (total, cost) {
                (Some(sum), Some(cost)) => Some(self.graph.add(Node::Binary(BinaryOp::Add, sum, cost))),
                (_, cost) => cost,
            };
        }
        let total = total.map(|total| self.graph.let_bind(total));
        Some((at.x, total))
    }

    /// The time step, over consts, `p`, `d` and `s`. If it depends on these, it is NaN where it is not positive: a solve ends at
    /// that stage then, instead of going back in time.
    fn time_step(&mut self, dt: &Expr, arguments: &Arguments) -> Option<NodeId> {
        let value = self.expr(dt, &mut arguments.scope());
        let step = self.float(&value, dt.span)?;
        match self.graph.constant_value(step) {
            None => {
                let step = self.graph.let_bind(step);
                self.time_step = Some(step);
                Some(self.positive(step))
            }
            Some(constant) if constant > 0.0 => Some(step),
            Some(_) => {
                self.errors.on(dt.span, message::STEP_NOT_POSITIVE);
                None
            }
        }
    }

    /// `value`, which has a name, where it is positive, NaN elsewhere. The check is a term of its own, 0 or NaN, so that the derivative in
    /// `value` is 1, without a select.
    fn positive(&mut self, value: NodeId) -> NodeId {
        let (zero, nan) = (self.graph.constant(0.0), self.graph.constant(f64::NAN));
        let condition = self.graph.compare(Comparison::Less, zero, value);
        let check = self.graph.select(condition, zero, nan);
        let checked = self.graph.add(Node::Binary(BinaryOp::Add, value, check));
        self.graph.let_bind(checked)
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

    /// The integrated value after a step of length `h` from `y`: a state, or a state and a cost. The other arguments stay the
    /// same.
    fn step(
        &mut self,
        integrator: Integrator,
        slopes: Slopes<'_>,
        arguments: &Arguments,
        y: &SymbolicValue,
        h: NodeId,
    ) -> SymbolicValue {
        let slope = |elaborator: &mut Self, y: &SymbolicValue| elaborator.slope(slopes, arguments, y);
        match integrator {
            Integrator::Euler => {
                let k = slope(self, y);
                self.advanced(y, h, &k)
            }
            Integrator::SemiImplicitEuler => {
                // Velocities first, with the old positions; then positions, with the new velocities. A cost comes last, and
                // advances with the velocities.
                let k = slope(self, y);
                let half_new = self.advanced_half(y, h, &k, false);
                let k = slope(self, &half_new);
                self.advanced_half(&half_new, h, &k, true)
            }
            Integrator::Midpoint => {
                let k = slope(self, y);
                let half = self.scaled(h, 0.5);
                let middle = self.advanced(y, half, &k);
                let k = slope(self, &middle);
                self.advanced(y, h, &k)
            }
            Integrator::Rk4 => {
                let half = self.scaled(h, 0.5);
                let k1 = slope(self, y);
                let y2 = self.advanced(y, half, &k1);
                let k2 = slope(self, &y2);
                let y3 = self.advanced(y, half, &k2);
                let k3 = slope(self, &y3);
                let y4 = self.advanced(y, h, &k3);
                let k4 = slope(self, &y4);
                // y + h/6 (k1 + 2 (k2 + k3) + k4)
                let middle = self.combined(&k2, &k3, &mut |elaborator, a, b| {
                    let sum = elaborator.graph.add(Node::Binary(BinaryOp::Add, a, b));
                    elaborator.scaled(sum, 2.0)
                });
                let mut add = |elaborator: &mut Self, a, b| elaborator.graph.add(Node::Binary(BinaryOp::Add, a, b));
                let ends = self.combined(&k1, &k4, &mut add);
                let sum = self.combined(&middle, &ends, &mut add);
                let sixth = self.scaled(h, 1.0 / 6.0);
                self.advanced(y, sixth, &sum)
            }
            // These are steps of their own kind; see `implicit`.
            Integrator::ImplicitEuler
            | Integrator::ImplicitMidpoint
            | Integrator::Trapezoid
            | Integrator::GaussLegendre
            | Integrator::Radau => y.clone(),
        }
    }

    /// The slope of the integrated value.
    fn slope(&mut self, slopes: Slopes<'_>, arguments: &Arguments, y: &SymbolicValue) -> SymbolicValue {
        let x = match y {
            SymbolicValue::Tuple(parts) => &parts[0],
            state => state,
        };
        let arguments = Arguments { x: x.clone(), ..arguments.clone() };
        let rate = self.inline_entry_point(slopes.derivative, &arguments);
        match slopes.running_cost {
            None => rate,
            Some(cost) => {
                let cost = self.inline_entry_point(cost, &arguments);
                SymbolicValue::Tuple([rate, cost].into())
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
    pub(super) fn advanced(&mut self, x: &SymbolicValue, h: NodeId, k: &SymbolicValue) -> SymbolicValue {
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
