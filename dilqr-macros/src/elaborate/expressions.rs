//! Expressions: names, arithmetic, comparisons, logic, casts, aggregates and calls.

use proc_macro2::Ident;

use super::elaborator::{Elaborator, Scope};
use super::graph::{Node, NodeId};
use super::value::{Shape, SymbolicBool, SymbolicValue, flatten};
use crate::program::functions::Comparison;
use crate::syntax::ast::{BinaryOp, CompareOp, Expr, ExprKind, Type};
use crate::syntax::errors::Span;
use crate::syntax::messages::message;
use crate::syntax::names::standard_constant;

impl Elaborator<'_> {
    pub(super) fn exprs(&mut self, exprs: &[Expr], scope: &mut Scope) -> Vec<SymbolicValue> {
        exprs.iter().map(|expr| self.expr(expr, scope)).collect()
    }

    pub(crate) fn expr(&mut self, expr: &Expr, scope: &mut Scope) -> SymbolicValue {
        if self.is_too_large() {
            return SymbolicValue::Unknown;
        }
        self.with_depth(expr.span, |deeper| deeper.evaluate(expr, scope)).unwrap_or(SymbolicValue::Unknown)
    }

    fn evaluate(&mut self, expr: &Expr, scope: &mut Scope) -> SymbolicValue {
        let span = expr.span;
        match &expr.kind {
            ExprKind::Float(value) => self.literal(*value, span),
            ExprKind::Integer(value) => SymbolicValue::Integer(*value),
            ExprKind::Bool(value) => SymbolicValue::Bool(SymbolicBool::Known(*value)),
            ExprKind::Name(name) => self.name(name, scope),
            ExprKind::Negate(operand) => self.negate(operand, span, scope),
            ExprKind::Binary(op, left, right) => self.binary(*op, [left, right], span, scope),
            ExprKind::Compare(op, left, right) => self.compare(*op, left, right, scope),
            ExprKind::And(left, right) => self.logic(left, right, false, scope),
            ExprKind::Or(left, right) => self.logic(left, right, true, scope),
            ExprKind::Not(operand) => {
                let value = self.expr(operand, scope);
                match self.condition(&value, operand.span) {
                    Some(condition) => SymbolicValue::Bool(self.not(condition)),
                    None => SymbolicValue::Unknown,
                }
            }
            ExprKind::Cast(operand, ty) => self.cast(operand, ty, span, scope),
            ExprKind::If(branch) => self.branch(branch, span, scope),
            ExprKind::For { pattern, range, body } => self.for_loop(pattern, range, body, scope),
            ExprKind::Call(name, arguments) => self.call(name, arguments, scope),
            ExprKind::Method(receiver, method, arguments) => self.method(receiver, method, arguments, span, scope),
            ExprKind::Field(base, field) => {
                let value = self.expr(base, scope);
                self.field_of(&value, field)
            }
            ExprKind::TupleField(base, index) => self.tuple_field(base, *index, span, scope),
            ExprKind::Index(base, index) => self.index(base, index, scope),
            ExprKind::Array(elements) => self.array(elements, span, scope),
            ExprKind::Repeat(value, length) => self.repeat(value, length, span, scope),
            ExprKind::Struct(name, fields) => self.struct_literal(name, fields, scope),
            ExprKind::Tuple(elements) => {
                let elements = self.exprs(elements, scope);
                self.bounded(SymbolicValue::Tuple(elements.into()), span)
            }
            ExprKind::Block(block) => self.block(block, scope),
            ExprKind::Unknown => SymbolicValue::Unknown,
        }
    }

    fn literal(&mut self, value: f64, span: Span) -> SymbolicValue {
        if value.is_finite() || self.infinite {
            return SymbolicValue::Float(self.graph.constant(value));
        }
        self.errors.on(span, message::INFINITY);
        SymbolicValue::Unknown
    }

    /// The value of a variable or a const.
    pub(crate) fn name(&mut self, name: &Ident, scope: &Scope) -> SymbolicValue {
        let text = name.to_string();
        if let Some((_, value)) = scope.iter().rev().find(|(known, _)| *known == text) {
            return value.clone();
        }
        if self.model.find_const(&text).is_some() {
            let value = self.constant(name);
            let mut entries = Vec::new();
            flatten(&value, &mut entries);
            let mut constants = entries.into_iter().filter_map(|entry| self.graph.constant_value(entry));
            if !self.infinite && constants.any(f64::is_infinite) {
                self.errors.at(name, message::INFINITY);
                return SymbolicValue::Unknown;
            }
            return value;
        }
        if let Some(table) = self.model.find_table(name) {
            return SymbolicValue::Function(usize::from(table.id.index));
        }
        if standard_constant(&text).is_some() {
            self.errors.at(name, message::standard_constant(&text));
            return SymbolicValue::Unknown;
        }
        if let Some(message) = self.unread_argument(&text) {
            self.errors.at(name, message);
            return SymbolicValue::Unknown;
        }
        let consts: Vec<String> = self.model.consts.iter().map(|item| item.name.to_string()).collect();
        let known = scope.iter().map(|(known, _)| known.as_str()).chain(consts.iter().map(String::as_str));
        self.errors.at(name, message::unknown_name(&text, known));
        SymbolicValue::Unknown
    }

    /// The message about an argument that the model has, and that is not read here.
    fn unread_argument(&self, name: &str) -> Option<String> {
        let ty = match name {
            "d" => "Design",
            "s" => "StageParams",
            _ => return None,
        };
        self.model.find_struct(ty)?;
        match self.withheld {
            Some((withheld, message)) if withheld == name => Some(message.to_owned()),
            _ => self.is_in_function().then(|| message::not_taken(name, ty)),
        }
    }

    fn negate(&mut self, operand: &Expr, span: Span, scope: &mut Scope) -> SymbolicValue {
        match self.expr(operand, scope) {
            SymbolicValue::Integer(value) => self.fold_integer(value.checked_neg(), span),
            value => match self.float(&value, operand.span) {
                Some(node) => SymbolicValue::Float(match self.graph.constant_value(node) {
                    Some(constant) => self.graph.constant(-constant),
                    None => self.graph.add(Node::Negate(node)),
                }),
                None => SymbolicValue::Unknown,
            },
        }
    }

    pub(crate) fn binary(
        &mut self,
        op: BinaryOp,
        [left, right]: [&Expr; 2],
        span: Span,
        scope: &mut Scope,
    ) -> SymbolicValue {
        let (a, b) = (self.expr(left, scope), self.expr(right, scope));
        if let (SymbolicValue::Integer(a), SymbolicValue::Integer(b)) = (&a, &b) {
            return self.binary_of_integers(op, *a, *b, span);
        }
        let (Some(a), Some(b)) = (self.float(&a, left.span), self.float(&b, right.span)) else {
            return SymbolicValue::Unknown;
        };
        if op == BinaryOp::Rem {
            self.errors.on(span, message::REMAINDER);
            return SymbolicValue::Unknown;
        }
        let constants = (self.graph.constant_value(a), self.graph.constant_value(b));
        if op == BinaryOp::Div && constants.1 == Some(0.0) {
            self.errors.on(span, message::DIVISION_BY_ZERO);
            return SymbolicValue::Unknown;
        }
        let (Some(x), Some(y)) = constants else { return SymbolicValue::Float(self.graph.add(Node::Binary(op, a, b))) };
        let folded = match op {
            BinaryOp::Add => x + y,
            BinaryOp::Sub => x - y,
            BinaryOp::Mul => x * y,
            BinaryOp::Div | BinaryOp::Rem => x / y,
        };
        self.fold_constant(folded, span)
    }

    fn binary_of_integers(&mut self, op: BinaryOp, a: i64, b: i64, span: Span) -> SymbolicValue {
        if matches!(op, BinaryOp::Div | BinaryOp::Rem) && b == 0 {
            self.errors.on(span, message::DIVISION_BY_ZERO);
            return SymbolicValue::Unknown;
        }
        let result = match op {
            BinaryOp::Add => a.checked_add(b),
            BinaryOp::Sub => a.checked_sub(b),
            BinaryOp::Mul => a.checked_mul(b),
            BinaryOp::Div => a.checked_div(b),
            BinaryOp::Rem => a.checked_rem(b),
        };
        self.fold_integer(result, span)
    }

    /// A constant computed by the compiler. If it is not finite, the model has an error, wherever it is used.
    pub(super) fn fold_constant(&mut self, value: f64, span: Span) -> SymbolicValue {
        if value.is_finite() {
            return SymbolicValue::Float(self.graph.constant(value));
        }
        self.errors.on(span, message::not_finite(value));
        SymbolicValue::Unknown
    }

    fn fold_integer(&mut self, value: Option<i64>, span: Span) -> SymbolicValue {
        match value {
            Some(value) if i32::try_from(value).is_ok() => SymbolicValue::Integer(value),
            _ => {
                self.errors.on(span, message::INTEGER_OVERFLOW);
                SymbolicValue::Unknown
            }
        }
    }

    fn compare(&mut self, op: CompareOp, left: &Expr, right: &Expr, scope: &mut Scope) -> SymbolicValue {
        let (a, b) = (self.expr(left, scope), self.expr(right, scope));
        if let (SymbolicValue::Integer(a), SymbolicValue::Integer(b)) = (&a, &b) {
            return SymbolicValue::Bool(SymbolicBool::Known(match op {
                CompareOp::Less => a < b,
                CompareOp::LessEqual => a <= b,
                CompareOp::Greater => a > b,
                CompareOp::GreaterEqual => a >= b,
                CompareOp::Equal => a == b,
                CompareOp::NotEqual => a != b,
            }));
        }
        if let (SymbolicValue::Bool(a), SymbolicValue::Bool(b), CompareOp::Equal | CompareOp::NotEqual) = (&a, &b, op) {
            let equal = self.equal(*a, *b);
            return SymbolicValue::Bool(if op == CompareOp::Equal { equal } else { self.not(equal) });
        }
        let (Some(a), Some(b)) = (self.float(&a, left.span), self.float(&b, right.span)) else {
            return SymbolicValue::Unknown;
        };
        let (comparison, a, b, negated) = match op {
            CompareOp::Less => (Comparison::Less, a, b, false),
            CompareOp::LessEqual => (Comparison::LessEqual, a, b, false),
            CompareOp::Greater => (Comparison::Less, b, a, false),
            CompareOp::GreaterEqual => (Comparison::LessEqual, b, a, false),
            CompareOp::Equal => (Comparison::Equal, a, b, false),
            CompareOp::NotEqual => (Comparison::Equal, a, b, true),
        };
        let condition = self.comparison(comparison, a, b);
        SymbolicValue::Bool(if negated { self.not(condition) } else { condition })
    }

    pub(super) fn comparison(&mut self, comparison: Comparison, a: NodeId, b: NodeId) -> SymbolicBool {
        match (self.graph.constant_value(a), self.graph.constant_value(b)) {
            (Some(a), Some(b)) => SymbolicBool::Known(comparison.evaluate(a, b)),
            _ => SymbolicBool::Node(self.graph.compare(comparison, a, b)),
        }
    }

    /// `&&`, or `||` where `decisive` is true. The right side is not elaborated where the left one has the decisive value.
    fn logic(&mut self, left: &Expr, right: &Expr, decisive: bool, scope: &mut Scope) -> SymbolicValue {
        let a = self.expr(left, scope);
        let a = self.condition(&a, left.span);
        if a == Some(SymbolicBool::Known(decisive)) {
            return SymbolicValue::Bool(SymbolicBool::Known(decisive));
        }
        let b = self.expr(right, scope);
        match (a, self.condition(&b, right.span)) {
            (Some(a), Some(b)) => SymbolicValue::Bool(if decisive { self.or(a, b) } else { self.and(a, b) }),
            _ => SymbolicValue::Unknown,
        }
    }

    pub(super) fn and(&mut self, a: SymbolicBool, b: SymbolicBool) -> SymbolicBool {
        match (a, b) {
            (SymbolicBool::Known(false), _) | (_, SymbolicBool::Known(false)) => SymbolicBool::Known(false),
            (SymbolicBool::Known(true), other) | (other, SymbolicBool::Known(true)) => other,
            (SymbolicBool::Node(a), SymbolicBool::Node(b)) => SymbolicBool::Node(self.graph.and(a, b)),
        }
    }

    pub(super) fn or(&mut self, a: SymbolicBool, b: SymbolicBool) -> SymbolicBool {
        match (a, b) {
            (SymbolicBool::Known(true), _) | (_, SymbolicBool::Known(true)) => SymbolicBool::Known(true),
            (SymbolicBool::Known(false), other) | (other, SymbolicBool::Known(false)) => other,
            (SymbolicBool::Node(a), SymbolicBool::Node(b)) => SymbolicBool::Node(self.graph.or(a, b)),
        }
    }

    pub(super) fn not(&mut self, a: SymbolicBool) -> SymbolicBool {
        match a {
            SymbolicBool::Known(known) => SymbolicBool::Known(!known),
            SymbolicBool::Node(node) => SymbolicBool::Node(self.graph.not(node)),
        }
    }

    fn equal(&mut self, a: SymbolicBool, b: SymbolicBool) -> SymbolicBool {
        let both = self.and(a, b);
        let (not_a, not_b) = (self.not(a), self.not(b));
        let neither = self.and(not_a, not_b);
        self.or(both, neither)
    }

    fn cast(&mut self, operand: &Expr, ty: &Type, span: Span, scope: &mut Scope) -> SymbolicValue {
        match (self.expr(operand, scope), self.shape(ty)) {
            (SymbolicValue::Integer(value), Shape::Float) => SymbolicValue::Float(self.graph.constant(value as f64)),
            (value @ SymbolicValue::Integer(_), Shape::Integer) => value,
            (value @ SymbolicValue::Float(_), Shape::Float) => value,
            (SymbolicValue::Unknown, _) | (_, Shape::Unknown) => SymbolicValue::Unknown,
            _ => {
                self.errors.on(span, message::CAST);
                SymbolicValue::Unknown
            }
        }
    }

    /// A call of a function of the module.
    fn call(&mut self, name: &Ident, arguments: &[Expr], scope: &mut Scope) -> SymbolicValue {
        let values = self.exprs(arguments, scope);
        let text = name.to_string();
        let Some(function) = self.model.find_function(&text) else {
            let known: Vec<String> = self.model.functions.iter().map(|item| item.name.to_string()).collect();
            self.errors.at(name, message::unknown_function(&text, known.iter().map(String::as_str)));
            return SymbolicValue::Unknown;
        };
        if self.is_active(&text) {
            self.errors.at(name, message::recursion(&text));
            return SymbolicValue::Unknown;
        }
        if values.len() != function.arguments.len() {
            self.errors.at(name, message::arity(&text, function.arguments.len(), values.len()));
            return SymbolicValue::Unknown;
        }
        let mut checked = Vec::new();
        for ((value, argument), expr) in values.into_iter().zip(&function.arguments).zip(arguments) {
            let wanted = self.shape(&argument.ty);
            checked.push(self.expect(value, &wanted, expr.span));
        }
        if !self.charge(10, name.span()) {
            return SymbolicValue::Unknown;
        }
        self.inline_call(function, checked)
    }
}
