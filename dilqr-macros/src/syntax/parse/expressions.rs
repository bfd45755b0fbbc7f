//! Expressions.

use super::blocks::compound;
use super::parser::Parser;
use super::types::segments;
use crate::syntax::ast::{BinaryOp, CompareOp, Expr, ExprKind};
use crate::syntax::errors::Span;
use crate::syntax::messages::message;
use crate::syntax::names::standard_constant;

impl Parser<'_> {
    pub(super) fn expr(&mut self, expr: &syn::Expr) -> Expr {
        // Spans are put together from those of the operands: to collect the tokens at every level would take quadratic time.
        let (kind, span) = match expr {
            syn::Expr::Paren(inner) => {
                let value = self.expr(&inner.expr);
                return Expr { span: inner.paren_token.span.join().into(), ..value };
            }
            syn::Expr::Group(inner) => return self.expr(&inner.expr),
            syn::Expr::Reference(inner) => return self.reference(inner),
            syn::Expr::Unary(unary) => self.unary(unary),
            syn::Expr::Binary(binary) => self.binary(binary),
            syn::Expr::Call(call) => {
                let span = Span::of(&call.func).to(call.paren_token.span.close());
                (self.call(call, span), span)
            }
            syn::Expr::MethodCall(call) => self.method_call(call),
            syn::Expr::Field(field) => self.field(field),
            syn::Expr::Index(index) => self.index(index),
            syn::Expr::Array(array) => {
                let elements = array.elems.iter().map(|element| self.expr(element)).collect();
                (ExprKind::Array(elements), array.bracket_token.span.join().into())
            }
            syn::Expr::Repeat(repeat) => {
                let value = Box::new(self.expr(&repeat.expr));
                let length = Box::new(self.expr(&repeat.len));
                (ExprKind::Repeat(value, length), repeat.bracket_token.span.join().into())
            }
            syn::Expr::Tuple(tuple) if !tuple.elems.is_empty() => {
                let elements = tuple.elems.iter().map(|element| self.expr(element)).collect();
                (ExprKind::Tuple(elements), tuple.paren_token.span.join().into())
            }
            syn::Expr::Struct(literal) => {
                (self.struct_literal(literal), Span::of(&literal.path).to(literal.brace_token.span.close()))
            }
            syn::Expr::Block(block) => {
                self.check_label(block.label.as_ref());
                (ExprKind::Block(self.block(&block.block)), block.block.brace_token.span.join().into())
            }
            syn::Expr::If(item) => (self.branch(item), Span::of(&item.if_token)),
            syn::Expr::ForLoop(item) => {
                self.check_label(item.label.as_ref());
                (self.for_loop(item), Span::of(&item.for_token))
            }
            syn::Expr::Cast(item) => {
                let value = Box::new(self.expr(&item.expr));
                let span = value.span.to(Span::of(&item.ty));
                (ExprKind::Cast(value, self.ty(&item.ty)), span)
            }
            syn::Expr::Lit(literal) => (self.literal(&literal.lit), Span::of(literal)),
            syn::Expr::Path(path) => (self.path(path), Span::of(path)),
            other => (self.outside_language(other), Span::of(other)),
        };
        Expr { kind, span }
    }

    /// A reference stands for its value: models read only.
    fn reference(&mut self, reference: &syn::ExprReference) -> Expr {
        if let Some(token) = &reference.mutability {
            self.errors.at(token, message::MUT_REFERENCE);
        }
        let value = self.expr(&reference.expr);
        Expr { span: Span::of(&reference.and_token).to(value.span), ..value }
    }

    fn unary(&mut self, unary: &syn::ExprUnary) -> (ExprKind, Span) {
        let value = self.expr(&unary.expr);
        let span = Span::of(&unary.op).to(value.span);
        let kind = match &unary.op {
            syn::UnOp::Neg(_) => ExprKind::Negate(Box::new(value)),
            syn::UnOp::Deref(_) => value.kind,
            syn::UnOp::Not(_) => ExprKind::Not(Box::new(value)),
            other => self.unknown(other, message::OPERATOR),
        };
        (kind, span)
    }

    fn method_call(&mut self, call: &syn::ExprMethodCall) -> (ExprKind, Span) {
        if let Some(turbofish) = &call.turbofish {
            self.errors.at(turbofish, message::TURBOFISH);
        }
        let receiver = Box::new(self.expr(&call.receiver));
        let span = receiver.span.to(call.paren_token.span.close());
        let arguments = call.args.iter().map(|argument| self.expr(argument)).collect();
        (ExprKind::Method(receiver, call.method.clone(), arguments), span)
    }

    fn field(&mut self, field: &syn::ExprField) -> (ExprKind, Span) {
        let base = Box::new(self.expr(&field.base));
        let span = base.span.to(Span::of(&field.member));
        match &field.member {
            syn::Member::Named(name) => (ExprKind::Field(base, name.clone()), span),
            syn::Member::Unnamed(index) => (ExprKind::TupleField(base, index.index as usize), span),
        }
    }

    fn index(&mut self, index: &syn::ExprIndex) -> (ExprKind, Span) {
        let base = Box::new(self.expr(&index.expr));
        let span = base.span.to(index.bracket_token.span.close());
        if matches!(&*index.index, syn::Expr::Range(_)) {
            return (self.unknown(&index.index, message::SLICE), span);
        }
        (ExprKind::Index(base, Box::new(self.expr(&index.index))), span)
    }

    fn binary(&mut self, binary: &syn::ExprBinary) -> (ExprKind, Span) {
        use syn::BinOp as Op;
        // Both sides are parsed whatever the operator is, for the errors in them.
        let left = Box::new(self.expr(&binary.left));
        let right = Box::new(self.expr(&binary.right));
        let span = left.span.to(right.span);
        let kind = match &binary.op {
            Op::Add(_) => ExprKind::Binary(BinaryOp::Add, left, right),
            Op::Sub(_) => ExprKind::Binary(BinaryOp::Sub, left, right),
            Op::Mul(_) => ExprKind::Binary(BinaryOp::Mul, left, right),
            Op::Div(_) => ExprKind::Binary(BinaryOp::Div, left, right),
            Op::Rem(_) => ExprKind::Binary(BinaryOp::Rem, left, right),
            Op::Lt(_) => ExprKind::Compare(CompareOp::Less, left, right),
            Op::Le(_) => ExprKind::Compare(CompareOp::LessEqual, left, right),
            Op::Gt(_) => ExprKind::Compare(CompareOp::Greater, left, right),
            Op::Ge(_) => ExprKind::Compare(CompareOp::GreaterEqual, left, right),
            Op::Eq(_) => ExprKind::Compare(CompareOp::Equal, left, right),
            Op::Ne(_) => ExprKind::Compare(CompareOp::NotEqual, left, right),
            Op::And(_) => ExprKind::And(left, right),
            Op::Or(_) => ExprKind::Or(left, right),
            op if compound(op).is_some() => self.unknown(binary.op, message::ASSIGN),
            _ => self.unknown(binary.op, message::OPERATOR),
        };
        (kind, span)
    }

    /// A path as an expression: a name of the module or the function, or a constant of the standard library.
    fn path(&mut self, expr: &syn::ExprPath) -> ExprKind {
        let names = segments(&expr.path);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        match names.as_slice() {
            [_] | ["self", _] if expr.qself.is_none() => match expr.path.segments.last() {
                Some(segment) => ExprKind::Name(segment.ident.clone()),
                None => ExprKind::Unknown,
            },
            ["std" | "core", "f64", "consts", name] => match standard_constant(name) {
                Some(value) => ExprKind::Float(value),
                None => self.unknown(&expr.path, &message::unknown_path(&names.join("::"))),
            },
            // Elaboration allows infinities in bounds, where they mean an open side.
            ["f64", "INFINITY"]
            | ["std" | "core", "f64", "INFINITY"]
            | ["std" | "core", "primitive", "f64", "INFINITY"] => ExprKind::Float(f64::INFINITY),
            ["f64", "NEG_INFINITY"]
            | ["std" | "core", "f64", "NEG_INFINITY"]
            | ["std" | "core", "primitive", "f64", "NEG_INFINITY"] => ExprKind::Float(f64::NEG_INFINITY),
            _ => self.unknown(&expr.path, &message::unknown_path(&names.join("::"))),
        }
    }

    /// `helper(..)`, `self::helper(..)` or `f64::sin(x)`.
    fn call(&mut self, call: &syn::ExprCall, span: Span) -> ExprKind {
        let mut arguments: Vec<Expr> = call.args.iter().map(|argument| self.expr(argument)).collect();
        let syn::Expr::Path(function) = &*call.func else {
            return self.unknown(&call.func, message::CALLEE);
        };
        let Some(name) = function.path.segments.last().map(|segment| segment.ident.clone()) else {
            return ExprKind::Unknown;
        };
        let names = segments(&function.path);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        match names.as_slice() {
            [_] | ["self", _] if function.qself.is_none() => ExprKind::Call(name, arguments),
            ["f64", _] | ["std" | "core", "primitive", "f64", _] if !arguments.is_empty() => {
                let receiver = Box::new(arguments.remove(0));
                ExprKind::Method(receiver, name, arguments)
            }
            ["f64", _] | ["std" | "core", "primitive", "f64", _] => {
                self.errors.on(span, message::arity(&names.join("::"), 1, 0));
                ExprKind::Unknown
            }
            _ => self.unknown(function, &message::unknown_function(&names.join("::"), [])),
        }
    }

    fn struct_literal(&mut self, literal: &syn::ExprStruct) -> ExprKind {
        if let Some(token) = &literal.dot2_token {
            self.errors.at(token, message::STRUCT_REST);
        }
        let names = segments(&literal.path);
        let name = match (names.iter().map(String::as_str).collect::<Vec<_>>().as_slice(), literal.path.segments.last())
        {
            ([_] | ["self", _], Some(segment)) => segment.ident.clone(),
            _ => return self.unknown(&literal.path, &message::unknown_type(&names.join("::"), [])),
        };
        let mut fields = Vec::new();
        for field in &literal.fields {
            let value = self.expr(&field.expr);
            match &field.member {
                syn::Member::Named(name) => fields.push((name.clone(), value)),
                syn::Member::Unnamed(index) => self.errors.at(index, message::NOT_NAMED_FIELDS),
            }
        }
        ExprKind::Struct(name, fields)
    }

    fn literal(&mut self, literal: &syn::Lit) -> ExprKind {
        match literal {
            syn::Lit::Float(number) => match number.suffix() {
                "" | "f64" => match number.base10_parse::<f64>() {
                    Ok(value) if value.is_finite() => ExprKind::Float(value),
                    _ => self.unknown(number, message::LITERAL_RANGE),
                },
                _ => self.unknown(number, message::F32),
            },
            syn::Lit::Int(number) => match number.suffix() {
                "" | "usize" | "i32" => match number.base10_parse::<i64>() {
                    Ok(value) if value <= i64::from(i32::MAX) => ExprKind::Integer(value),
                    _ => self.unknown(number, message::INTEGER_OVERFLOW),
                },
                "f64" => number
                    .base10_digits()
                    .parse()
                    .map_or_else(|_| self.unknown(number, message::LITERAL_RANGE), ExprKind::Float),
                "f32" => self.unknown(number, message::F32),
                _ => self.unknown(number, message::INTEGER_TYPE),
            },
            syn::Lit::Bool(literal) => ExprKind::Bool(literal.value),
            other => self.unknown(other, message::LITERAL),
        }
    }

    /// Reports a construct of Rust that the language lacks, with what to write instead.
    fn outside_language(&mut self, expr: &syn::Expr) -> ExprKind {
        match expr {
            syn::Expr::Break(item) => self.unknown(item.break_token, message::BREAK),
            syn::Expr::Continue(item) => self.unknown(item.continue_token, message::BREAK),
            syn::Expr::Let(item) => self.unknown(item.let_token, message::IF_LET),
            syn::Expr::While(item) => self.unknown(item.while_token, message::WHILE),
            syn::Expr::Loop(item) => self.unknown(item.loop_token, message::LOOP),
            syn::Expr::Match(item) => self.unknown(item.match_token, message::MATCH),
            syn::Expr::Closure(item) => {
                self.errors.on(Span::of(&item.inputs_begin).to(Span::of(&item.inputs_end)), message::CLOSURE);
                ExprKind::Unknown
            }
            syn::Expr::Return(item) => self.unknown(item.return_token, message::RETURN),
            syn::Expr::Assign(item) => self.unknown(item.eq_token, message::ASSIGN),
            syn::Expr::Macro(item) => self.unknown(&item.mac.path, message::MACRO),
            syn::Expr::Unsafe(item) => self.unknown(item.unsafe_token, message::UNSAFE),
            syn::Expr::Async(item) => self.unknown(item.async_token, message::AWAIT),
            syn::Expr::Await(item) => self.unknown(item.await_token, message::AWAIT),
            syn::Expr::Try(item) => self.unknown(item.question_token, message::TRY),
            syn::Expr::Range(item) => self.unknown(item, message::RANGE),
            other => self.unknown(other, message::EXPRESSION),
        }
    }
}
