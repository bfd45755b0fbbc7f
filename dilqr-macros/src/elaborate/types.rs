//! Types and shapes: the shapes of types, the numbers in a value, and checks that values have the expected shapes.

use proc_macro2::Ident;

use super::budget::{MAX_NUMBERS, MAX_VECTOR_LENGTH};
use super::elaborator::{Elaborator, Scope};
use super::graph::NodeId;
use super::value::{Shape, SymbolicBool, SymbolicValue};
use crate::syntax::ast::{Expr, Type, TypeKind};
use crate::syntax::errors::Span;
use crate::syntax::messages::message;

impl Elaborator<'_> {
    pub(crate) fn struct_shape(&mut self, name: &Ident) -> Shape {
        if let Some(function) = self.model.find_vector_function(name) {
            return Shape::Function(usize::from(function.id.index));
        }
        match self.model.structs.iter().position(|item| item.name == *name) {
            Some(index) => Shape::Struct(index),
            None => {
                let known: Vec<String> = self.model.structs.iter().map(|item| item.name.to_string()).collect();
                let known = known.iter().map(String::as_str).chain(["f64", "usize", "i32", "bool"]);
                let message = message::unknown_type(&name.to_string(), known);
                self.errors.at(name, message);
                Shape::Unknown
            }
        }
    }

    /// The shape of the values of a type.
    pub(crate) fn shape(&mut self, ty: &Type) -> Shape {
        match &ty.kind {
            TypeKind::Float => Shape::Float,
            TypeKind::Integer => Shape::Integer,
            TypeKind::Bool => Shape::Bool,
            TypeKind::Struct(name) => self.struct_shape(name),
            TypeKind::Array(element, length) => {
                let element = self.shape(element);
                let numbers = self.number_count(&element);
                match self.array_length(length, numbers) {
                    Some(length) => Shape::Array(Box::new(element), length),
                    None => Shape::Unknown,
                }
            }
            TypeKind::Tuple(elements) => {
                let elements = elements.iter().map(|element| self.shape(element)).collect();
                self.bounded_shape(Shape::Tuple(elements), ty.span)
            }
            TypeKind::Unknown => Shape::Unknown,
        }
    }

    /// The length of an array whose elements hold `numbers` numbers each.
    pub(crate) fn array_length(&mut self, expr: &Expr, numbers: usize) -> Option<usize> {
        let value = self.expr(expr, &mut Scope::new());
        let integer = self.integer(&value, expr.span)?;
        match usize::try_from(integer) {
            Ok(length) if (1..=MAX_NUMBERS).contains(&length.saturating_mul(numbers.max(1))) => Some(length),
            _ => {
                self.errors.on(expr.span, message::ARRAY_LENGTH);
                None
            }
        }
    }

    pub(crate) fn shape_of(&self, value: &SymbolicValue) -> Shape {
        match value {
            SymbolicValue::Float(_) => Shape::Float,
            SymbolicValue::Integer(_) => Shape::Integer,
            SymbolicValue::Bool(_) => Shape::Bool,
            SymbolicValue::Array(elements) => {
                let element = elements.first().map_or(Shape::Unknown, |element| self.shape_of(element));
                Shape::Array(Box::new(element), elements.len())
            }
            SymbolicValue::Tuple(elements) => {
                Shape::Tuple(elements.iter().map(|element| self.shape_of(element)).collect())
            }
            SymbolicValue::Struct(index, _) => Shape::Struct(*index),
            SymbolicValue::Function(index) => Shape::Function(*index),
            SymbolicValue::Unknown => Shape::Unknown,
        }
    }

    /// `value` if it has the shape `wanted`; otherwise an error on `span`.
    pub(crate) fn expect(&mut self, value: SymbolicValue, wanted: &Shape, span: Span) -> SymbolicValue {
        let given = self.shape_of(&value);
        if given.fits(wanted) {
            return value;
        }
        self.errors.on(span, message::mismatch(&wanted.describe(self.model), &given.describe(self.model)));
        SymbolicValue::Unknown
    }

    /// The node of an `f64`, or an error on `span`.
    pub(crate) fn float(&mut self, value: &SymbolicValue, span: Span) -> Option<NodeId> {
        match value {
            SymbolicValue::Float(node) => Some(*node),
            other => self.mismatch("`f64`", other, span),
        }
    }

    /// A constant integer, or an error on `span`.
    pub(crate) fn integer(&mut self, value: &SymbolicValue, span: Span) -> Option<i64> {
        match value {
            SymbolicValue::Integer(integer) => Some(*integer),
            other => self.mismatch("a constant integer", other, span),
        }
    }

    /// A truth value, or an error on `span`.
    pub(crate) fn condition(&mut self, value: &SymbolicValue, span: Span) -> Option<SymbolicBool> {
        match value {
            SymbolicValue::Bool(condition) => Some(*condition),
            other => self.mismatch(&Shape::Bool.describe(self.model), other, span),
        }
    }

    /// Reports a value of another shape; an unknown value was reported before.
    fn mismatch<T>(&mut self, wanted: &str, given: &SymbolicValue, span: Span) -> Option<T> {
        if !matches!(given, SymbolicValue::Unknown) {
            let given = self.shape_of(given).describe(self.model);
            self.errors.on(span, message::mismatch(wanted, &given));
        }
        None
    }

    /// The count of numbers in a value of a shape.
    pub(crate) fn number_count(&mut self, shape: &Shape) -> usize {
        match shape {
            Shape::Float | Shape::Integer | Shape::Bool | Shape::Function(_) | Shape::Unknown => 1,
            Shape::Array(element, length) => self.number_count(element).saturating_mul(*length),
            Shape::Tuple(elements) => {
                elements.iter().map(|element| self.number_count(element)).fold(0, usize::saturating_add)
            }
            Shape::Struct(index) => {
                if let Some(Some(known)) = self.struct_sizes.get(*index) {
                    return *known;
                }
                let fields = &self.model.structs[*index].fields;
                let shapes: Vec<Shape> = fields.iter().map(|field| self.shape(&field.ty)).collect();
                let numbers = shapes.iter().map(|shape| self.number_count(shape)).fold(0, usize::saturating_add);
                self.struct_sizes.resize(self.model.structs.len(), None);
                self.struct_sizes[*index] = Some(numbers);
                numbers
            }
        }
    }

    /// `shape`, unless it holds too many numbers.
    fn bounded_shape(&mut self, shape: Shape, span: Span) -> Shape {
        if self.number_count(&shape) <= MAX_NUMBERS {
            return shape;
        }
        self.errors.on(span, message::TOO_MANY_NUMBERS);
        Shape::Unknown
    }

    /// `value`, unless it holds too many numbers.
    pub(crate) fn bounded(&mut self, value: SymbolicValue, span: Span) -> SymbolicValue {
        let shape = self.shape_of(&value);
        match self.bounded_shape(shape, span) {
            Shape::Unknown => SymbolicValue::Unknown,
            _ => value,
        }
    }

    /// Whether no struct holds too many numbers; reports those that do.
    pub(crate) fn structs_are_bounded(&mut self) -> bool {
        let mut bounded = true;
        for (index, item) in self.model.structs.iter().enumerate() {
            if self.number_count(&Shape::Struct(index)) > MAX_NUMBERS {
                self.errors.at(&item.name, message::TOO_MANY_NUMBERS);
                bounded = false;
            }
        }
        bounded
    }

    /// Reports a vector, or a list of constraints, that is too long.
    pub(crate) fn check_length(&mut self, name: &Ident, length: usize) {
        if length > MAX_VECTOR_LENGTH {
            self.errors.at(name, message::long_vector(&name.to_string(), length, MAX_VECTOR_LENGTH));
        }
    }
}
