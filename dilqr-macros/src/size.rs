//! How large a model may be.
//!
//! A slip of the keyboard (a zero too many in a size, a loop over a loop over a loop) must not keep rustc busy for hours or
//! exhaust its memory. Every limit is far beyond what a person would write, and is reported where it is passed.

use proc_macro2::Ident;

use crate::elaborate::Elaborator;
use crate::errors::{Span, message};
use crate::value::{Shape, Value};

/// The most numbers in one value.
pub(crate) const ENTRIES: usize = 10_000;

/// The longest state, control or parameters: matrices are dense, and their patterns are written out.
const LONGEST: usize = 500;

/// The most nodes in the graph of one model: deriving more would take hours.
const NODES: usize = 1_000_000;

/// The most steps of elaboration: of loops, and numbers that are passed to functions, assigned or copied for a branch. A
/// few seconds' worth.
const STEPS: usize = 5_000_000;

/// The most expressions within one another, through calls and consts. Each takes some kilobytes of rustc's stack, which
/// has 8 MiB.
const DEPTH: usize = 800;

/// What has been used up.
#[derive(Default)]
pub(crate) struct Size {
    steps: usize,
    depth: usize,
    /// Reported once: everything from here on would be too large as well.
    too_large: bool,
    /// The numbers in each struct, as far as counted.
    structs: Vec<Option<usize>>,
}

impl Elaborator<'_> {
    /// Whether there is room for `steps` more; reports on `span` where there is not, once.
    pub(crate) fn spend(&mut self, steps: usize, span: impl Into<Span>) -> bool {
        self.size.steps = self.size.steps.saturating_add(steps);
        let full = self.size.steps > STEPS || self.graph.len() > NODES;
        if full && !self.size.too_large {
            self.size.too_large = true;
            self.errors.on(span, message::TOO_LARGE);
        }
        !full
    }

    pub(crate) fn is_too_large(&self) -> bool {
        self.size.too_large
    }

    /// Runs `work` one expression deeper; `None`, and an error on `span`, where that is too deep.
    pub(crate) fn deeper<R>(&mut self, span: Span, work: impl FnOnce(&mut Self) -> R) -> Option<R> {
        if self.size.depth == DEPTH {
            self.errors.on(span, message::TOO_DEEP);
            return None;
        }
        self.size.depth += 1;
        let result = work(self);
        self.size.depth -= 1;
        Some(result)
    }

    /// The numbers in a value of a shape.
    pub(crate) fn entries(&mut self, shape: &Shape) -> usize {
        match shape {
            Shape::Float | Shape::Integer | Shape::Bool | Shape::Unknown => 1,
            Shape::Array(element, length) => self.entries(element).saturating_mul(*length),
            Shape::Tuple(elements) => {
                elements.iter().map(|element| self.entries(element)).fold(0, usize::saturating_add)
            }
            Shape::Struct(index) => {
                if let Some(Some(known)) = self.size.structs.get(*index) {
                    return *known;
                }
                let fields = &self.model.structs[*index].fields;
                let shapes: Vec<Shape> = fields.iter().map(|field| self.shape(&field.ty)).collect();
                let entries = shapes.iter().map(|shape| self.entries(shape)).fold(0, usize::saturating_add);
                self.size.structs.resize(self.model.structs.len(), None);
                self.size.structs[*index] = Some(entries);
                entries
            }
        }
    }

    /// `shape`, unless it holds too many numbers.
    pub(crate) fn bounded_shape(&mut self, shape: Shape, span: Span) -> Shape {
        if self.entries(&shape) <= ENTRIES {
            return shape;
        }
        self.errors.on(span, message::TOO_MANY_NUMBERS);
        Shape::Unknown
    }

    /// `value`, unless it holds too many numbers.
    pub(crate) fn bounded(&mut self, value: Value, span: Span) -> Value {
        let shape = self.shape_of(&value);
        if self.entries(&shape) <= ENTRIES {
            return value;
        }
        self.errors.on(span, message::TOO_MANY_NUMBERS);
        Value::Unknown
    }

    /// Whether no struct holds too many numbers.
    pub(crate) fn structs_are_bounded(&mut self) -> bool {
        let mut bounded = true;
        for (index, item) in self.model.structs.iter().enumerate() {
            if self.entries(&Shape::Struct(index)) > ENTRIES {
                self.errors.at(&item.name, message::TOO_MANY_NUMBERS);
                bounded = false;
            }
        }
        bounded
    }

    /// Reports a vector, or the values of constraints, of a length that is too large.
    pub(crate) fn bounded_length(&mut self, name: &Ident, length: usize) {
        if length > LONGEST {
            self.errors.at(name, message::long_vector(&name.to_string(), length, LONGEST));
        }
    }
}
