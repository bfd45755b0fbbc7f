//! Expressions: arithmetic, comparisons, methods, calls and access to parts.

use proc_macro2::Ident;

use crate::elaborate::elaborator::{Elaborator, Scope};
use crate::elaborate::graph::{Comparison, ElementaryFunction, Node, NodeId};
use crate::elaborate::value::{Shape, SymbolicBool, SymbolicValue, flatten};
use crate::syntax::ast::{BinaryOp, CompareOp, Expr, ExprKind, Type};
use crate::syntax::errors::{Span, message};
use crate::syntax::parse;

/// One of the methods of f64 that the language has.
#[derive(Clone, Copy)]
enum Method {
    Elementary(ElementaryFunction),
    SinCos,
    Powi,
    Powf,
    Recip,
    MulAdd,
    Max,
    Min,
    Clamp,
}

const METHODS: [(&str, usize, Method); 25] = [
    ("sin", 0, Method::Elementary(ElementaryFunction::Sin)),
    ("cos", 0, Method::Elementary(ElementaryFunction::Cos)),
    ("tan", 0, Method::Elementary(ElementaryFunction::Tan)),
    ("asin", 0, Method::Elementary(ElementaryFunction::Asin)),
    ("acos", 0, Method::Elementary(ElementaryFunction::Acos)),
    ("atan", 0, Method::Elementary(ElementaryFunction::Atan)),
    ("atan2", 1, Method::Elementary(ElementaryFunction::Atan2)),
    ("sinh", 0, Method::Elementary(ElementaryFunction::Sinh)),
    ("cosh", 0, Method::Elementary(ElementaryFunction::Cosh)),
    ("tanh", 0, Method::Elementary(ElementaryFunction::Tanh)),
    ("exp", 0, Method::Elementary(ElementaryFunction::Exp)),
    ("ln", 0, Method::Elementary(ElementaryFunction::Ln)),
    ("sqrt", 0, Method::Elementary(ElementaryFunction::Sqrt)),
    ("cbrt", 0, Method::Elementary(ElementaryFunction::Cbrt)),
    ("powi", 1, Method::Powi),
    ("powf", 1, Method::Powf),
    ("recip", 0, Method::Recip),
    ("hypot", 1, Method::Elementary(ElementaryFunction::Hypot)),
    ("mul_add", 2, Method::MulAdd),
    ("sin_cos", 0, Method::SinCos),
    ("abs", 0, Method::Elementary(ElementaryFunction::Abs)),
    ("signum", 0, Method::Elementary(ElementaryFunction::Signum)),
    ("min", 1, Method::Min),
    ("max", 1, Method::Max),
    ("clamp", 2, Method::Clamp),
];

/// Methods of f64 that jump, or that are not the stable spelling of one the language has.
const KINKED: [&str; 10] =
    ["ceil", "copysign", "div_euclid", "floor", "fract", "maximum", "minimum", "rem_euclid", "round", "trunc"];

impl Elaborator<'_> {
    fn exprs(&mut self, exprs: &[Expr], scope: &mut Scope) -> Vec<SymbolicValue> {
        exprs.iter().map(|expr| self.expr(expr, scope)).collect()
    }

    pub(crate) fn expr(&mut self, expr: &Expr, scope: &mut Scope) -> SymbolicValue {
        if self.is_too_large() {
            return SymbolicValue::Unknown;
        }
        self.with_depth(expr.span, |deeper| deeper.evaluate(expr, scope)).unwrap_or(SymbolicValue::Unknown)
    }

    fn evaluate(&mut self, expr: &Expr, scope: &mut Scope) -> SymbolicValue {
        match &expr.kind {
            ExprKind::Float(value) if value.is_finite() || self.infinite => {
                SymbolicValue::Float(self.graph.constant(*value))
            }
            ExprKind::Float(_) => {
                self.errors.on(expr.span, message::INFINITY);
                SymbolicValue::Unknown
            }
            ExprKind::Integer(value) => SymbolicValue::Integer(*value),
            ExprKind::Bool(value) => SymbolicValue::Bool(SymbolicBool::Known(*value)),
            ExprKind::Compare(op, left, right) => self.compare(*op, left, right, expr.span, scope),
            ExprKind::And(left, right) => self.logic(left, right, false, scope),
            ExprKind::Or(left, right) => self.logic(left, right, true, scope),
            ExprKind::Not(operand) => {
                let value = self.expr(operand, scope);
                match (&value, self.condition(&value, operand.span)) {
                    (_, Some(condition)) => SymbolicValue::Bool(self.not(condition)),
                    _ => SymbolicValue::Unknown,
                }
            }
            ExprKind::Cast(operand, ty) => self.cast(operand, ty, expr.span, scope),
            ExprKind::If { condition, then, otherwise } => {
                self.branch(condition, then, otherwise.as_deref(), expr.span, scope)
            }
            ExprKind::For { pattern, range, body } => self.for_loop(pattern, range, body, scope),
            ExprKind::Name(name) => self.name(name, scope),
            ExprKind::Negate(operand) => match self.expr(operand, scope) {
                SymbolicValue::Integer(value) => self.fold_integer(value.checked_neg(), expr.span),
                value => match self.float(&value, operand.span) {
                    Some(node) => SymbolicValue::Float(match self.graph.constant_value(node) {
                        Some(constant) => self.graph.constant(-constant),
                        None => self.graph.add(Node::Negate(node)),
                    }),
                    None => SymbolicValue::Unknown,
                },
            },
            ExprKind::Binary(op, left, right) => self.binary(*op, left, right, expr.span, scope),
            ExprKind::Call(name, arguments) => self.helper(name, arguments, scope),
            ExprKind::Method(receiver, method, arguments) => self.method(receiver, method, arguments, expr.span, scope),
            ExprKind::Field(base, field) => self.field(base, field, scope),
            ExprKind::TupleField(base, index) => match self.expr(base, scope) {
                SymbolicValue::Tuple(elements) if *index < elements.len() => elements[*index].clone(),
                SymbolicValue::Unknown => SymbolicValue::Unknown,
                other => {
                    let elements = if let SymbolicValue::Tuple(elements) = &other { elements.len() } else { 0 };
                    let given = self.shape_of(&other).describe(self.model);
                    self.errors.on(expr.span.end(), message::no_such_field(&given, &index.to_string(), elements));
                    SymbolicValue::Unknown
                }
            },
            ExprKind::Index(base, index) => self.index(base, index, scope),
            ExprKind::Array(elements) => {
                let values = self.exprs(elements, scope);
                let Some(first) = values.iter().find(|value| !matches!(value, SymbolicValue::Unknown)) else {
                    if values.is_empty() {
                        self.errors.on(expr.span, message::ARRAY_LENGTH);
                    }
                    return SymbolicValue::Unknown;
                };
                let shape = self.shape_of(first);
                let values = values.into_iter().zip(elements);
                let values = values.map(|(value, element)| self.expect(value, &shape, element.span)).collect();
                self.bounded(SymbolicValue::Array(values), expr.span)
            }
            ExprKind::Repeat(value, length) => {
                let value = self.expr(value, scope);
                let value = self.let_bind(&value, expr.span);
                let shape = self.shape_of(&value);
                let entries = self.number_count(&shape);
                match self.length(length, entries) {
                    Some(length) => SymbolicValue::Array(vec![value; length].into()),
                    None => SymbolicValue::Unknown,
                }
            }
            ExprKind::Struct(name, fields) => self.struct_literal(name, fields, scope),
            ExprKind::Tuple(elements) => {
                let elements = self.exprs(elements, scope);
                self.bounded(SymbolicValue::Tuple(elements.into()), expr.span)
            }
            ExprKind::Block(block) => self.block(block, scope),
            ExprKind::Unknown => SymbolicValue::Unknown,
        }
    }

    pub(crate) fn name(&mut self, name: &Ident, scope: &Scope) -> SymbolicValue {
        let text = name.to_string();
        if let Some((_, value)) = scope.iter().rev().find(|(known, _)| *known == text) {
            return value.clone();
        }
        if self.model.find_const(&text).is_some() {
            let value = self.constant(name);
            let mut entries = Vec::new();
            flatten(&value, &mut entries);
            let constants = entries.into_iter().filter_map(|entry| self.graph.constant_value(entry));
            if !self.infinite && constants.into_iter().any(f64::is_infinite) {
                self.errors.at(name, message::INFINITY);
                return SymbolicValue::Unknown;
            }
            return value;
        }
        if parse::standard_constant(&text).is_some() {
            self.errors.at(name, message::standard_constant(&text));
            return SymbolicValue::Unknown;
        }
        let consts: Vec<String> = self.model.consts.iter().map(|item| item.name.to_string()).collect();
        let known = scope.iter().map(|(known, _)| known.as_str()).chain(consts.iter().map(String::as_str));
        self.errors.at(name, message::unknown_name(&text, known));
        SymbolicValue::Unknown
    }

    pub(crate) fn binary(
        &mut self,
        op: BinaryOp,
        left: &Expr,
        right: &Expr,
        span: Span,
        scope: &mut Scope,
    ) -> SymbolicValue {
        let (a, b) = (self.expr(left, scope), self.expr(right, scope));
        if let (SymbolicValue::Integer(a), SymbolicValue::Integer(b)) = (&a, &b) {
            let result = match op {
                BinaryOp::Add => a.checked_add(*b),
                BinaryOp::Sub => a.checked_sub(*b),
                BinaryOp::Mul => a.checked_mul(*b),
                BinaryOp::Div if *b == 0 => {
                    self.errors.on(span, message::DIVISION_BY_ZERO);
                    return SymbolicValue::Unknown;
                }
                BinaryOp::Div => a.checked_div(*b),
                BinaryOp::Rem if *b == 0 => {
                    self.errors.on(span, message::DIVISION_BY_ZERO);
                    return SymbolicValue::Unknown;
                }
                BinaryOp::Rem => a.checked_rem(*b),
            };
            return self.fold_integer(result, span);
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
        let folded = match constants {
            (Some(a), Some(b)) => Some(match op {
                BinaryOp::Add => a + b,
                BinaryOp::Sub => a - b,
                BinaryOp::Mul => a * b,
                BinaryOp::Div | BinaryOp::Rem => a / b,
            }),
            _ => None,
        };
        match folded {
            Some(value) => self.fold_constant(value, span),
            None => SymbolicValue::Float(self.graph.add(Node::Binary(op, a, b))),
        }
    }

    fn compare(&mut self, op: CompareOp, left: &Expr, right: &Expr, span: Span, scope: &mut Scope) -> SymbolicValue {
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
            let both = self.and(*a, *b);
            let (not_a, not_b) = (self.not(*a), self.not(*b));
            let neither = self.and(not_a, not_b);
            let equal = self.or(both, neither);
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
        let _ = span;
        SymbolicValue::Bool(if negated { self.not(condition) } else { condition })
    }

    fn comparison(&mut self, comparison: Comparison, a: NodeId, b: NodeId) -> SymbolicBool {
        match (self.graph.constant_value(a), self.graph.constant_value(b)) {
            (Some(a), Some(b)) => SymbolicBool::Known(comparison.evaluate(a, b)),
            _ => SymbolicBool::Node(self.graph.compare(comparison, a, b)),
        }
    }

    /// `&&`, or `||` where `decisive` is what decides it. The right side is not looked at where the left one decides.
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

    /// The larger, or the smaller, of two numbers.
    fn extremum(&mut self, a: NodeId, b: NodeId, larger: bool) -> NodeId {
        let (a, b) = (self.graph.let_bind(a), self.graph.let_bind(b));
        let b_wins =
            if larger { self.comparison(Comparison::Less, a, b) } else { self.comparison(Comparison::Less, b, a) };
        match b_wins {
            SymbolicBool::Known(true) => b,
            SymbolicBool::Known(false) => a,
            SymbolicBool::Node(condition) => self.graph.select(condition, b, a),
        }
    }

    /// A constant that was computed here; one that is not finite is a mistake in the model, wherever it is used.
    fn fold_constant(&mut self, value: f64, span: Span) -> SymbolicValue {
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

    fn helper(&mut self, name: &Ident, arguments: &[Expr], scope: &mut Scope) -> SymbolicValue {
        let values = self.exprs(arguments, scope);
        let text = name.to_string();
        let Some(function) = self.model.find_function(&text) else {
            let known: Vec<String> = self.model.functions.iter().map(|item| item.name.to_string()).collect();
            self.errors.at(name, message::unknown_function(&text, known.iter().map(String::as_str)));
            return SymbolicValue::Unknown;
        };
        if self.stack.contains(&text) {
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

    fn method(
        &mut self,
        receiver: &Expr,
        name: &Ident,
        arguments: &[Expr],
        span: Span,
        scope: &mut Scope,
    ) -> SymbolicValue {
        let value = self.expr(receiver, scope);
        let values = self.exprs(arguments, scope);
        let text = name.to_string();
        let Some(&(_, arity, method)) = METHODS.iter().find(|(known, ..)| text == *known) else {
            let known = METHODS.iter().map(|(known, ..)| *known);
            let message = if KINKED.contains(&text.as_str()) {
                message::method_with_kinks(&text)
            } else {
                message::unknown_method(&text, known)
            };
            self.errors.at(name, message);
            return SymbolicValue::Unknown;
        };
        if values.len() != arity {
            self.errors.at(name, message::method_arity(&text, arity, values.len()));
            return SymbolicValue::Unknown;
        }
        let x = self.float(&value, receiver.span);
        if let Method::Powi = method
            && !matches!(values[0], SymbolicValue::Integer(_) | SymbolicValue::Unknown)
        {
            self.errors.on(arguments[0].span, message::POWI_EXPONENT);
        }
        let Some(x) = x else { return SymbolicValue::Unknown };
        if let Method::Powi = method {
            let SymbolicValue::Integer(exponent) = values[0] else { return SymbolicValue::Unknown };
            // `integer` has kept it within i32.
            return self.power(x, exponent as f64, |x| x.powi(exponent as i32), span);
        }
        let mut nodes = vec![x];
        for (value, argument) in values.iter().zip(arguments) {
            match self.float(value, argument.span) {
                Some(node) => nodes.push(node),
                None => return SymbolicValue::Unknown,
            }
        }
        match method {
            Method::Elementary(function) => self.function(function, nodes, span),
            Method::SinCos => {
                let x = self.graph.let_bind(x);
                let sin = self.function(ElementaryFunction::Sin, vec![x], span);
                SymbolicValue::Tuple([sin, self.function(ElementaryFunction::Cos, vec![x], span)].into())
            }
            Method::Powf => match self.graph.constant_value(nodes[1]) {
                Some(exponent) => self.power(x, exponent, |x| x.powf(exponent), span),
                None if self.graph.constant_value(x).is_some_and(|x| x < 0.0) => {
                    self.errors.on(span, message::NEGATIVE_POWF);
                    SymbolicValue::Unknown
                }
                None => self.function(ElementaryFunction::Pow, nodes, span),
            },
            Method::Recip => self.power(x, -1.0, f64::recip, span),
            Method::MulAdd => {
                let constants: Option<Vec<f64>> = nodes.iter().map(|&node| self.graph.constant_value(node)).collect();
                if let Some(&[x, a, b]) = constants.as_deref() {
                    return self.fold_constant(x.mul_add(a, b), span);
                }
                let product = self.graph.add(Node::Binary(BinaryOp::Mul, x, nodes[1]));
                SymbolicValue::Float(self.graph.add(Node::Binary(BinaryOp::Add, product, nodes[2])))
            }
            Method::Max => SymbolicValue::Float(self.extremum(x, nodes[1], true)),
            Method::Min => SymbolicValue::Float(self.extremum(x, nodes[1], false)),
            Method::Clamp => {
                let constants = (self.graph.constant_value(nodes[1]), self.graph.constant_value(nodes[2]));
                if let (Some(low), Some(high)) = constants
                    && low > high
                {
                    self.errors.on(span, message::CLAMP);
                    return SymbolicValue::Unknown;
                }
                let raised = self.extremum(x, nodes[1], true);
                SymbolicValue::Float(self.extremum(raised, nodes[2], false))
            }
            Method::Powi => SymbolicValue::Unknown,
        }
    }

    fn function(&mut self, function: ElementaryFunction, nodes: Vec<NodeId>, span: Span) -> SymbolicValue {
        let constants: Option<Vec<f64>> = nodes.iter().map(|&node| self.graph.constant_value(node)).collect();
        match constants {
            Some(constants) => self.fold_constant(function.evaluate(&constants), span),
            None => SymbolicValue::Float(self.graph.add(Node::Call(function, nodes))),
        }
    }

    fn power(&mut self, base: NodeId, exponent: f64, of: impl Fn(f64) -> f64, span: Span) -> SymbolicValue {
        match self.graph.constant_value(base) {
            Some(base) if base < 0.0 && exponent.fract() != 0.0 => {
                self.errors.on(span, message::NEGATIVE_POWF);
                SymbolicValue::Unknown
            }
            Some(base) => self.fold_constant(of(base), span),
            // Of anything, as in Rust: of what turns out to be 0, too.
            None if exponent == 0.0 => self.fold_constant(1.0, span),
            None => SymbolicValue::Float(self.graph.add(Node::Power(base, exponent))),
        }
    }

    fn field(&mut self, base: &Expr, field: &Ident, scope: &mut Scope) -> SymbolicValue {
        let value = self.expr(base, scope);
        self.field_of(&value, field)
    }

    pub(crate) fn field_of(&mut self, value: &SymbolicValue, field: &Ident) -> SymbolicValue {
        match value {
            SymbolicValue::Struct(index, fields) => {
                let item = &self.model.structs[*index];
                match item.fields.iter().position(|known| known.name == *field) {
                    Some(position) => fields[position].clone(),
                    None => {
                        let known: Vec<String> = item.fields.iter().map(|known| known.name.to_string()).collect();
                        let message = message::unknown_field(
                            &item.name.to_string(),
                            &field.to_string(),
                            known.iter().map(String::as_str),
                        );
                        self.errors.at(field, message);
                        SymbolicValue::Unknown
                    }
                }
            }
            SymbolicValue::Unknown => SymbolicValue::Unknown,
            other => {
                let given = self.shape_of(other).describe(self.model);
                let elements = if let SymbolicValue::Tuple(elements) = other { elements.len() } else { 0 };
                self.errors.at(field, message::no_such_field(&given, &field.to_string(), elements));
                SymbolicValue::Unknown
            }
        }
    }

    fn index(&mut self, base: &Expr, index: &Expr, scope: &mut Scope) -> SymbolicValue {
        let (value, at) = (self.expr(base, scope), self.expr(index, scope));
        let Some(at) = self.integer(&at, index.span) else { return SymbolicValue::Unknown };
        match value {
            SymbolicValue::Array(elements) => match usize::try_from(at).ok().and_then(|at| elements.get(at)) {
                Some(element) => element.clone(),
                None => {
                    self.errors.on(index.span, message::index(at, elements.len()));
                    SymbolicValue::Unknown
                }
            },
            SymbolicValue::Unknown => SymbolicValue::Unknown,
            other => {
                let given = self.shape_of(&other).describe(self.model);
                self.errors.on(base.span, message::not_an_array(&given));
                SymbolicValue::Unknown
            }
        }
    }

    fn struct_literal(&mut self, name: &Ident, fields: &[(Ident, Expr)], scope: &mut Scope) -> SymbolicValue {
        let mut values: Vec<(&Ident, SymbolicValue, Span)> = Vec::new();
        for (field, expr) in fields {
            values.push((field, self.expr(expr, scope), expr.span));
        }
        let Shape::Struct(index) = self.struct_shape(name) else { return SymbolicValue::Unknown };
        let item = &self.model.structs[index];
        let known: Vec<String> = item.fields.iter().map(|field| field.name.to_string()).collect();
        for (field, ..) in &values {
            if !known.iter().any(|known| *field == known) {
                let known = known.iter().map(String::as_str);
                self.errors.at(*field, message::unknown_field(&name.to_string(), &field.to_string(), known));
            }
        }
        let mut ordered = Vec::new();
        for field in &item.fields {
            let wanted = self.shape(&field.ty);
            match values.iter().find(|(given, ..)| **given == field.name) {
                Some((_, value, span)) => ordered.push(self.expect(value.clone(), &wanted, *span)),
                None => {
                    self.errors.at(name, message::missing_field(&name.to_string(), &field.name.to_string()));
                    ordered.push(SymbolicValue::Unknown);
                }
            }
        }
        SymbolicValue::Struct(index, ordered.into())
    }
}
