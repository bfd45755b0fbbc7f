//! Aggregates: array, tuple and struct literals, and access to their parts.

use proc_macro2::Ident;

use super::elaborator::{Elaborator, Scope};
use super::value::{Shape, SymbolicValue};
use crate::syntax::ast::Expr;
use crate::syntax::errors::Span;
use crate::syntax::messages::message;

impl Elaborator<'_> {
    pub(super) fn array(&mut self, elements: &[Expr], span: Span, scope: &mut Scope) -> SymbolicValue {
        let values = self.exprs(elements, scope);
        let Some(first) = values.iter().find(|value| !matches!(value, SymbolicValue::Unknown)) else {
            if values.is_empty() {
                self.errors.on(span, message::ARRAY_LENGTH);
            }
            return SymbolicValue::Unknown;
        };
        let shape = self.shape_of(first);
        let values = values.into_iter().zip(elements);
        let values = values.map(|(value, element)| self.expect(value, &shape, element.span)).collect();
        self.bounded(SymbolicValue::Array(values), span)
    }

    pub(super) fn repeat(&mut self, value: &Expr, length: &Expr, span: Span, scope: &mut Scope) -> SymbolicValue {
        let value = self.expr(value, scope);
        let value = self.let_bind(&value, span);
        let shape = self.shape_of(&value);
        let numbers = self.number_count(&shape);
        match self.array_length(length, numbers) {
            Some(length) => SymbolicValue::Array(vec![value; length].into()),
            None => SymbolicValue::Unknown,
        }
    }

    pub(super) fn struct_literal(
        &mut self,
        name: &Ident,
        fields: &[(Ident, Expr)],
        scope: &mut Scope,
    ) -> SymbolicValue {
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

    pub(super) fn field_of(&mut self, value: &SymbolicValue, field: &Ident) -> SymbolicValue {
        match value {
            SymbolicValue::Struct(index, fields) => {
                let item = &self.model.structs[*index];
                match item.fields.iter().position(|known| known.name == *field) {
                    Some(position) => fields[position].clone(),
                    None => {
                        let known: Vec<String> = item.fields.iter().map(|known| known.name.to_string()).collect();
                        let known = known.iter().map(String::as_str);
                        let message = message::unknown_field(&item.name.to_string(), &field.to_string(), known);
                        self.errors.at(field, message);
                        SymbolicValue::Unknown
                    }
                }
            }
            SymbolicValue::Unknown => SymbolicValue::Unknown,
            other => {
                let message = self.no_such_field(other, &field.to_string());
                self.errors.at(field, message);
                SymbolicValue::Unknown
            }
        }
    }

    pub(super) fn tuple_field(&mut self, base: &Expr, index: usize, span: Span, scope: &mut Scope) -> SymbolicValue {
        match self.expr(base, scope) {
            SymbolicValue::Tuple(elements) if index < elements.len() => elements[index].clone(),
            SymbolicValue::Unknown => SymbolicValue::Unknown,
            other => {
                let message = self.no_such_field(&other, &index.to_string());
                self.errors.on(span.end(), message);
                SymbolicValue::Unknown
            }
        }
    }

    fn no_such_field(&self, value: &SymbolicValue, field: &str) -> String {
        let given = self.shape_of(value).describe(self.model);
        let elements = if let SymbolicValue::Tuple(elements) = value { elements.len() } else { 0 };
        message::no_such_field(&given, field, elements)
    }

    pub(super) fn index(&mut self, base: &Expr, index: &Expr, scope: &mut Scope) -> SymbolicValue {
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
}
