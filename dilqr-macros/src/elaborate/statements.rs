//! Statements: `let`, patterns, assignment and loops, which are unrolled.

use super::budget::MAX_NUMBERS;
use super::elaborator::{Elaborator, Scope};
use super::value::SymbolicValue;
use crate::syntax::ast::{BinaryOp, Block, Expr, ExprKind, Pattern, Range, Statement};
use crate::syntax::errors::Span;
use crate::syntax::messages::message;

impl Elaborator<'_> {
    /// Runs a block. Its variables end with it; its assignments to outer variables stay.
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
                Statement::Effect(expr) => {
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

    /// Where the value of a block without one would be.
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
        // After an error the names exist, so that their uses are not reported, too.
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
            Some(op) => self.binary(op, [place, value], place.span.to(value.span), scope),
        };
        let mut path = Vec::new();
        let Some(variable) = self.place(place, &mut path, scope) else {
            // Reading it as a value reports its errors.
            self.expr(place, scope);
            return;
        };
        path.reverse();
        let old = self.expr(place, scope);
        let wanted = self.shape_of(&old);
        let assigned = self.expect(assigned, &wanted, value.span);
        let assigned = self.let_bind(&assigned, value.span);
        // Aggregates share their elements until one is assigned to: the assignment copies.
        let whole = self.shape_of(&scope[variable].1);
        let copied = self.number_count(&whole);
        self.charge(copied, place.span);
        scope[variable].1 = scope[variable].1.with(&path, assigned);
    }

    /// The variable that a place is part of. `path` receives the positions from the variable to the part, last first.
    fn place(&mut self, place: &Expr, path: &mut Vec<usize>, scope: &mut Scope) -> Option<usize> {
        match &place.kind {
            ExprKind::Name(name) => {
                let variable = scope.iter().rposition(|(known, _)| name == known);
                if variable.is_none() {
                    // Reports an unknown name; a known one is a const.
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
}
