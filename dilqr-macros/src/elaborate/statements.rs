//! Statements: `let`, assignment, loops and branches.
//!
//! A loop is unrolled. A branch whose condition is known (it depends on constants and loop variables) is taken or left out
//! altogether. Under any other condition both sides are followed, on copies of the variables, and every variable that
//! they leave different becomes a select.

use crate::elaborate::budget::MAX_NUMBERS;
use crate::elaborate::elaborator::{Elaborator, Scope};
use crate::elaborate::graph::NodeId;
use crate::elaborate::value::{Shape, SymbolicBool, SymbolicValue};
use crate::syntax::ast::{BinaryOp, Block, Expr, ExprKind, Pattern, Range, Statement};
use crate::syntax::errors::{Span, message};

impl Elaborator<'_> {
    /// Runs a block; what it declares ends with it, what it assigns stays.
    pub(crate) fn block(&mut self, block: &Block, scope: &mut Scope) -> SymbolicValue {
        let outside = scope.len();
        for statement in &block.statements {
            match statement {
                Statement::Let(item) => {
                    let mut value = self.expr(&item.value, scope);
                    if value.is_unit() {
                        let span = self.end_of_value(&item.value);
                        self.errors.on(span, message::EMPTY_BLOCK);
                        value = SymbolicValue::Unknown;
                    }
                    if let Some(ty) = &item.ty {
                        let wanted = self.shape(ty);
                        value = self.expect(value, &wanted, item.value.span);
                    }
                    let value = self.let_bind(&value, item.value.span);
                    self.bind(&item.pattern, value, item.value.span, scope);
                }
                Statement::Assign { place, op, value } => self.assign(place, *op, value, scope),
                Statement::Run(expr) => {
                    let value = self.expr(expr, scope);
                    if !value.is_unit() && !matches!(value, SymbolicValue::Unknown) {
                        self.errors.on(expr.span, message::STATEMENT);
                    }
                }
            }
        }
        let value = match &block.value {
            Some(value) => self.expr(value, scope),
            None => SymbolicValue::unit(),
        };
        scope.truncate(outside);
        value
    }

    /// Where a block that lacks its value would have it.
    fn end_of_value(&self, expr: &Expr) -> Span {
        match &expr.kind {
            ExprKind::Block(block) => match &block.value {
                Some(value) => self.end_of_value(value),
                None => block.end,
            },
            _ => expr.span,
        }
    }

    fn name_binding(&mut self, name: &proc_macro2::Ident, value: SymbolicValue, scope: &mut Scope) {
        // The model is a unit struct, and Rust would match a pattern of its name against it.
        if *name == self.model_type {
            self.errors.at(name, message::reserved(&self.model_type));
        }
        scope.push((name.to_string(), value));
    }

    pub(crate) fn bind(&mut self, pattern: &Pattern, value: SymbolicValue, span: Span, scope: &mut Scope) {
        let (patterns, at, wanted) = match pattern {
            Pattern::Name(name) => return self.name_binding(name, value, scope),
            Pattern::Ignore => return,
            Pattern::Struct(name, fields) => return self.bind_struct(name, fields, value, span, scope),
            Pattern::Tuple(patterns, at) => (patterns, at, format!("a tuple of {}", patterns.len())),
            Pattern::Array(patterns, at) => (patterns, at, format!("an array of {}", patterns.len())),
        };
        let elements = match (&value, pattern) {
            (SymbolicValue::Tuple(elements), Pattern::Tuple(..))
            | (SymbolicValue::Array(elements), Pattern::Array(..))
                if elements.len() == patterns.len() =>
            {
                Some(elements.clone())
            }
            (SymbolicValue::Unknown, _) => None,
            (other, _) => {
                let given = self.shape_of(other).describe(self.model);
                self.errors.on(*at, message::pattern(&wanted, &given));
                None
            }
        };
        // After an error the names exist all the same, so that their uses are not reported on top.
        for (index, pattern) in patterns.iter().enumerate() {
            let element = elements.as_ref().map_or(SymbolicValue::Unknown, |elements| elements[index].clone());
            self.bind(pattern, element, span, scope);
        }
    }

    fn bind_struct(
        &mut self,
        name: &proc_macro2::Ident,
        patterns: &[(proc_macro2::Ident, Pattern)],
        value: SymbolicValue,
        span: Span,
        scope: &mut Scope,
    ) {
        let wanted = self.struct_shape(name);
        let value = self.expect(value, &wanted, span);
        for (field, pattern) in patterns {
            let element = self.field_of(&value, field);
            self.bind(pattern, element, span, scope);
        }
    }

    /// `place = value` or `place op= value`.
    fn assign(&mut self, place: &Expr, op: Option<BinaryOp>, value: &Expr, scope: &mut Scope) {
        let assigned = match op {
            None => self.expr(value, scope),
            Some(op) => self.binary(op, place, value, place.span.to(value.span), scope),
        };
        let mut path = Vec::new();
        let Some(variable) = self.place(place, &mut path, scope) else {
            // Read as a value, it tells what is wrong with it.
            self.expr(place, scope);
            return;
        };
        path.reverse();
        let old = self.expr(place, scope);
        let wanted = self.shape_of(&old);
        let assigned = self.expect(assigned, &wanted, value.span);
        let assigned = self.let_bind(&assigned, value.span);
        // Aggregates share their elements until one is assigned to.
        let whole = self.shape_of(&scope[variable].1);
        let copied = self.number_count(&whole);
        self.charge(copied, place.span);
        scope[variable].1 = scope[variable].1.with(&path, assigned);
    }

    /// The variable that a place is part of, and the steps from it to the part, last first.
    fn place(&mut self, place: &Expr, path: &mut Vec<usize>, scope: &mut Scope) -> Option<usize> {
        match &place.kind {
            ExprKind::Name(name) => {
                let variable = scope.iter().rposition(|(known, _)| name == known);
                if variable.is_none() {
                    // Says that the name is unknown, or else that it is a const.
                    if !matches!(self.name(name, scope), SymbolicValue::Unknown) {
                        self.errors.on(place.span, message::ASSIGN_TO);
                    }
                }
                variable
            }
            ExprKind::Field(base, field) => {
                let position = match self.expr(base, scope) {
                    SymbolicValue::Struct(index, _) => {
                        self.model.structs[index].fields.iter().position(|known| known.name == *field)
                    }
                    _ => None,
                };
                path.push(position?);
                self.place(base, path, scope)
            }
            ExprKind::TupleField(base, index) => {
                path.push(*index);
                self.place(base, path, scope)
            }
            ExprKind::Index(base, index) => {
                let SymbolicValue::Integer(index) = self.expr(index, scope) else { return None };
                path.push(usize::try_from(index).ok()?);
                self.place(base, path, scope)
            }
            ExprKind::Unknown => None,
            _ => {
                self.errors.on(place.span, message::ASSIGN_TO);
                None
            }
        }
    }

    /// Unrolls a loop.
    pub(crate) fn for_loop(
        &mut self,
        pattern: &Pattern,
        range: &Range,
        body: &Block,
        scope: &mut Scope,
    ) -> SymbolicValue {
        let (start, end) = (self.expr(&range.start, scope), self.expr(&range.end, scope));
        let (start, end) = (self.integer(&start, range.start.span), self.integer(&end, range.end.span));
        let (Some(start), Some(end)) = (start, end) else { return SymbolicValue::Unknown };
        let end = if range.inclusive { end + 1 } else { end };
        let span = range.start.span.to(range.end.span);
        if end - start > MAX_NUMBERS as i64 {
            self.errors.on(span, message::too_many_steps(end - start));
            return SymbolicValue::Unknown;
        }
        for step in 0..(end - start).max(0) {
            if !self.charge(10, span) {
                return SymbolicValue::Unknown;
            }
            let index = if range.reversed { end - 1 - step } else { start + step };
            let outside = scope.len();
            self.bind(pattern, SymbolicValue::Integer(index), range.start.span, scope);
            let value = self.block(body, scope);
            scope.truncate(outside);
            if !value.is_unit() && !matches!(value, SymbolicValue::Unknown) {
                let span = body.value.as_ref().map_or(body.end, |value| value.span);
                self.errors.on(span, message::STATEMENT);
            }
        }
        SymbolicValue::unit()
    }

    pub(crate) fn branch(
        &mut self,
        condition: &Expr,
        then: &Block,
        otherwise: Option<&Expr>,
        span: Span,
        scope: &mut Scope,
    ) -> SymbolicValue {
        let value = self.expr(condition, scope);
        let Some(decision) = self.condition(&value, condition.span) else {
            // Both sides are looked at for mistakes of their own.
            let mut copy = scope.clone();
            self.block(then, &mut copy);
            if let Some(otherwise) = otherwise {
                self.expr(otherwise, &mut scope.clone());
            }
            return SymbolicValue::Unknown;
        };
        match decision {
            SymbolicBool::Known(true) => self.block(then, scope),
            SymbolicBool::Known(false) => {
                otherwise.map_or_else(SymbolicValue::unit, |otherwise| self.expr(otherwise, scope))
            }
            SymbolicBool::Node(condition) => {
                let mut first = self.stop_gradients(scope, condition, true, span);
                let first_before = first.clone();
                let first_value = self.block(then, &mut first);
                let mut second = self.stop_gradients(scope, condition, false, span);
                let second_before = second.clone();
                let second_value = match otherwise {
                    Some(otherwise) => self.expr(otherwise, &mut second),
                    None => SymbolicValue::unit(),
                };
                for index in 0..scope.len() {
                    // What neither side has touched stays what it is.
                    let (a, b) = (&first[index].1, &second[index].1);
                    let a = self.restore_unchanged(a, &first_before[index].1, &scope[index].1);
                    let b = self.restore_unchanged(b, &second_before[index].1, &scope[index].1);
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
        }
    }

    /// The variables as a branch sees them.
    fn stop_gradients(&mut self, scope: &Scope, condition: NodeId, when: bool, span: Span) -> Scope {
        let mut numbers = scope.len();
        let mut gate = |node| {
            numbers += 1;
            self.graph.stop_gradient(condition, when, node)
        };
        let gated = scope.iter().map(|(name, value)| (name.clone(), value.map(&mut gate))).collect();
        self.charge(numbers, span);
        gated
    }

    /// `now`, with every number that still is what it was at the branch's beginning as it is outside.
    fn restore_unchanged(&self, now: &SymbolicValue, before: &SymbolicValue, outside: &SymbolicValue) -> SymbolicValue {
        let all = |now: &[SymbolicValue], before: &[SymbolicValue], outside: &[SymbolicValue]| {
            now.iter()
                .zip(before)
                .zip(outside)
                .map(|((now, before), outside)| self.restore_unchanged(now, before, outside))
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
            (
                SymbolicValue::Struct(index, now),
                SymbolicValue::Struct(_, before),
                SymbolicValue::Struct(_, outside),
            ) => SymbolicValue::Struct(*index, all(now, before, outside)),
            _ => now.clone(),
        }
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

    /// The truth value, or an error that this is none.
    pub(crate) fn condition(&mut self, value: &SymbolicValue, span: Span) -> Option<SymbolicBool> {
        match value {
            SymbolicValue::Bool(condition) => Some(*condition),
            SymbolicValue::Unknown => None,
            other => {
                let given = self.shape_of(other).describe(self.model);
                let wanted = Shape::Bool.describe(self.model);
                self.errors.on(span, message::mismatch(&wanted, &given));
                None
            }
        }
    }

    pub(crate) fn and(&mut self, a: SymbolicBool, b: SymbolicBool) -> SymbolicBool {
        match (a, b) {
            (SymbolicBool::Known(false), _) | (_, SymbolicBool::Known(false)) => SymbolicBool::Known(false),
            (SymbolicBool::Known(true), other) | (other, SymbolicBool::Known(true)) => other,
            (SymbolicBool::Node(a), SymbolicBool::Node(b)) => SymbolicBool::Node(self.graph.and(a, b)),
        }
    }

    pub(crate) fn or(&mut self, a: SymbolicBool, b: SymbolicBool) -> SymbolicBool {
        match (a, b) {
            (SymbolicBool::Known(true), _) | (_, SymbolicBool::Known(true)) => SymbolicBool::Known(true),
            (SymbolicBool::Known(false), other) | (other, SymbolicBool::Known(false)) => other,
            (SymbolicBool::Node(a), SymbolicBool::Node(b)) => SymbolicBool::Node(self.graph.or(a, b)),
        }
    }

    pub(crate) fn not(&mut self, a: SymbolicBool) -> SymbolicBool {
        match a {
            SymbolicBool::Known(known) => SymbolicBool::Known(!known),
            SymbolicBool::Node(node) => SymbolicBool::Node(self.graph.not(node)),
        }
    }
}
