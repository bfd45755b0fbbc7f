//! How large a model may be.
//!
//! A slip of the keyboard (a zero too many in a size, a loop over a loop over a loop) must not keep rustc busy for hours or
//! exhaust its memory. Every limit is far beyond what a person would write, and is reported where it is passed.

use proc_macro2::Ident;

use crate::elaborate::elaborator::Elaborator;
use crate::elaborate::value::{Shape, SymbolicValue};
use crate::syntax::errors::{Span, message};

/// The most numbers in one value.
pub(crate) const MAX_NUMBERS: usize = 10_000;

/// The longest state, control or parameters: matrices are dense, and their patterns are written out.
const MAX_VECTOR_LENGTH: usize = 500;

/// The most nodes in the graph of one model: deriving more would take hours.
const MAX_NODES: usize = 1_000_000;

/// The most steps of elaboration: of loops, and numbers that are passed to functions, assigned or copied for a branch. A
/// few seconds' worth.
const MAX_STEPS: usize = 5_000_000;

/// The most expressions within one another, through calls and consts. Each takes some kilobytes of rustc's stack, which
/// has 8 MiB.
const MAX_DEPTH: usize = 800;

/// What has been used up.
#[derive(Default)]
pub(crate) struct Budget {
    steps: usize,
    depth: usize,
    /// Reported once: everything from here on would be too large as well.
    too_large: bool,
    /// The numbers in each struct, as far as counted.
    structs: Vec<Option<usize>>,
}

impl Elaborator<'_> {
    /// Whether there is room for `steps` more; reports on `span` where there is not, once.
    pub(crate) fn charge(&mut self, steps: usize, span: impl Into<Span>) -> bool {
        self.budget.steps = self.budget.steps.saturating_add(steps);
        let full = self.budget.steps > MAX_STEPS || self.graph.len() > MAX_NODES;
        if full && !self.budget.too_large {
            self.budget.too_large = true;
            self.errors.on(span, message::TOO_LARGE);
        }
        !full
    }

    pub(crate) fn is_too_large(&self) -> bool {
        self.budget.too_large
    }

    /// Runs `work` one expression deeper; `None`, and an error on `span`, where that is too deep.
    pub(crate) fn with_depth<R>(&mut self, span: Span, work: impl FnOnce(&mut Self) -> R) -> Option<R> {
        if self.budget.depth == MAX_DEPTH {
            self.errors.on(span, message::TOO_DEEP);
            return None;
        }
        self.budget.depth += 1;
        let result = work(self);
        self.budget.depth -= 1;
        Some(result)
    }

    /// The numbers in a value of a shape.
    pub(crate) fn number_count(&mut self, shape: &Shape) -> usize {
        match shape {
            Shape::Float | Shape::Integer | Shape::Bool | Shape::Unknown => 1,
            Shape::Array(element, length) => self.number_count(element).saturating_mul(*length),
            Shape::Tuple(elements) => {
                elements.iter().map(|element| self.number_count(element)).fold(0, usize::saturating_add)
            }
            Shape::Struct(index) => {
                if let Some(Some(known)) = self.budget.structs.get(*index) {
                    return *known;
                }
                let fields = &self.model.structs[*index].fields;
                let shapes: Vec<Shape> = fields.iter().map(|field| self.shape(&field.ty)).collect();
                let entries = shapes.iter().map(|shape| self.number_count(shape)).fold(0, usize::saturating_add);
                self.budget.structs.resize(self.model.structs.len(), None);
                self.budget.structs[*index] = Some(entries);
                entries
            }
        }
    }

    /// `shape`, unless it holds too many numbers.
    pub(crate) fn bounded_shape(&mut self, shape: Shape, span: Span) -> Shape {
        if self.number_count(&shape) <= MAX_NUMBERS {
            return shape;
        }
        self.errors.on(span, message::TOO_MANY_NUMBERS);
        Shape::Unknown
    }

    /// `value`, unless it holds too many numbers.
    pub(crate) fn bounded(&mut self, value: SymbolicValue, span: Span) -> SymbolicValue {
        let shape = self.shape_of(&value);
        if self.number_count(&shape) <= MAX_NUMBERS {
            return value;
        }
        self.errors.on(span, message::TOO_MANY_NUMBERS);
        SymbolicValue::Unknown
    }

    /// Whether no struct holds too many numbers.
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

    /// Reports a vector, or the values of constraints, of a length that is too large.
    pub(crate) fn bounded_length(&mut self, name: &Ident, length: usize) {
        if length > MAX_VECTOR_LENGTH {
            self.errors.at(name, message::long_vector(&name.to_string(), length, MAX_VECTOR_LENGTH));
        }
    }
}
