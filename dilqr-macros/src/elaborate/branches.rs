//! Branches.
//!
//! If the condition depends on constants and loop variables only, one side is elaborated. Otherwise both sides are, on copies
//! of the variables, and every variable that they leave different becomes a select.

use super::elaborator::{Elaborator, Scope};
use super::graph::NodeId;
use super::value::{SymbolicBool, SymbolicValue};
use crate::syntax::ast::Branch;
use crate::syntax::errors::Span;
use crate::syntax::messages::message;

impl Elaborator<'_> {
    pub(super) fn branch(&mut self, branch: &Branch, span: Span, scope: &mut Scope) -> SymbolicValue {
        let Branch { condition, then, otherwise } = branch;
        let value = self.expr(condition, scope);
        let Some(decision) = self.condition(&value, condition.span) else {
            // Both sides are elaborated for the errors in them.
            self.block(then, &mut scope.clone());
            if let Some(otherwise) = otherwise {
                self.expr(otherwise, &mut scope.clone());
            }
            return SymbolicValue::Unknown;
        };
        match decision {
            SymbolicBool::Known(true) => self.block(then, scope),
            SymbolicBool::Known(false) => match otherwise {
                Some(otherwise) => self.expr(otherwise, scope),
                None => SymbolicValue::unit(),
            },
            SymbolicBool::Node(condition) => self.both_sides(branch, condition, span, scope),
        }
    }

    /// A branch whose condition depends on quantities: both sides, and selects of the variables that they leave different.
    fn both_sides(&mut self, branch: &Branch, condition: NodeId, span: Span, scope: &mut Scope) -> SymbolicValue {
        let mut first = self.stop_gradients(scope, condition, true, span);
        let first_before = first.clone();
        let first_value = self.block(&branch.then, &mut first);
        let mut second = self.stop_gradients(scope, condition, false, span);
        let second_before = second.clone();
        let second_value = match &branch.otherwise {
            Some(otherwise) => self.expr(otherwise, &mut second),
            None => SymbolicValue::unit(),
        };
        for index in 0..scope.len() {
            // Numbers that neither side assigns are not selected.
            let (a, b) = (&first[index].1, &second[index].1);
            let a = restore_unchanged(a, &first_before[index].1, &scope[index].1);
            let b = restore_unchanged(b, &second_before[index].1, &scope[index].1);
            scope[index].1 = self.merge(condition, &a, &b, span);
        }
        let (a, b) = (self.shape_of(&first_value), self.shape_of(&second_value));
        if !a.fits(&b) {
            let (a, b) = (a.describe(self.model), b.describe(self.model));
            self.errors.on(span, message::unequal_branches(&a, &b));
            return SymbolicValue::Unknown;
        }
        self.merge(condition, &first_value, &second_value, span)
    }

    /// The variables inside a branch: their gradients stop where the branch does not run.
    fn stop_gradients(&mut self, scope: &Scope, condition: NodeId, when: bool, span: Span) -> Scope {
        let mut numbers = scope.len();
        let mut stop = |node| {
            numbers += 1;
            self.graph.stop_gradient(condition, when, node)
        };
        let stopped = scope.iter().map(|(name, value)| (name.clone(), value.map(&mut stop))).collect();
        self.charge(numbers, span);
        stopped
    }

    /// The first value where the condition holds, the second elsewhere; they are of one shape.
    pub(crate) fn merge(
        &mut self,
        condition: NodeId,
        a: &SymbolicValue,
        b: &SymbolicValue,
        span: Span,
    ) -> SymbolicValue {
        let mut all = |a: &[SymbolicValue], b: &[SymbolicValue]| {
            a.iter().zip(b).map(|(a, b)| self.merge(condition, a, b, span)).collect()
        };
        match (a, b) {
            (SymbolicValue::Array(a), SymbolicValue::Array(b)) => SymbolicValue::Array(all(a, b)),
            (SymbolicValue::Tuple(a), SymbolicValue::Tuple(b)) => SymbolicValue::Tuple(all(a, b)),
            (SymbolicValue::Struct(index, a), SymbolicValue::Struct(_, b)) => SymbolicValue::Struct(*index, all(a, b)),
            (SymbolicValue::Float(a), SymbolicValue::Float(b)) => {
                SymbolicValue::Float(self.graph.select(condition, *a, *b))
            }
            (SymbolicValue::Integer(a), SymbolicValue::Integer(b)) if a == b => SymbolicValue::Integer(*a),
            (SymbolicValue::Integer(_), SymbolicValue::Integer(_)) => {
                self.errors.on(span, message::INTEGER_CONDITION);
                SymbolicValue::Unknown
            }
            (SymbolicValue::Bool(a), SymbolicValue::Bool(b)) => {
                let not = SymbolicBool::Node(self.graph.not(condition));
                let held = self.and(SymbolicBool::Node(condition), *a);
                let failed = self.and(not, *b);
                SymbolicValue::Bool(self.or(held, failed))
            }
            _ => SymbolicValue::Unknown,
        }
    }
}

/// `now`, with the outer value of every number that is unchanged since the beginning of the branch.
fn restore_unchanged(now: &SymbolicValue, before: &SymbolicValue, outside: &SymbolicValue) -> SymbolicValue {
    let all = |now: &[SymbolicValue], before: &[SymbolicValue], outside: &[SymbolicValue]| {
        now.iter()
            .zip(before)
            .zip(outside)
            .map(|((now, before), outside)| restore_unchanged(now, before, outside))
            .collect()
    };
    match (now, before, outside) {
        (SymbolicValue::Float(now), SymbolicValue::Float(before), SymbolicValue::Float(outside)) => {
            SymbolicValue::Float(if now == before { *outside } else { *now })
        }
        (SymbolicValue::Array(now), SymbolicValue::Array(before), SymbolicValue::Array(outside)) => {
            SymbolicValue::Array(all(now, before, outside))
        }
        (SymbolicValue::Tuple(now), SymbolicValue::Tuple(before), SymbolicValue::Tuple(outside)) => {
            SymbolicValue::Tuple(all(now, before, outside))
        }
        (SymbolicValue::Struct(index, now), SymbolicValue::Struct(_, before), SymbolicValue::Struct(_, outside)) => {
            SymbolicValue::Struct(*index, all(now, before, outside))
        }
        _ => now.clone(),
    }
}
