//! Symbolic values and their shapes.

use std::rc::Rc;

use super::graph::NodeId;
use crate::syntax::ast::Model;

/// A symbolic value. Aggregates share their elements, so that passing a long array around costs nothing.
#[derive(Clone)]
pub(crate) enum SymbolicValue {
    Float(NodeId),
    Integer(i64),
    Bool(SymbolicBool),
    Array(Rc<[SymbolicValue]>),
    Tuple(Rc<[SymbolicValue]>),
    /// The fields in the order of the struct.
    Struct(usize, Rc<[SymbolicValue]>),
    /// A vector function, by its index.
    Function(usize),
    /// An error was reported.
    Unknown,
}

/// A truth value: known during elaboration, or a node of the graph.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum SymbolicBool {
    Known(bool),
    Node(NodeId),
}

impl SymbolicValue {
    /// The value of a block without a final expression.
    pub(crate) fn unit() -> Self {
        Self::Tuple(Rc::from([]))
    }

    pub(crate) fn is_unit(&self) -> bool {
        matches!(self, Self::Tuple(elements) if elements.is_empty())
    }

    /// The same value with every number replaced.
    pub(crate) fn map(&self, number: &mut impl FnMut(NodeId) -> NodeId) -> Self {
        let mut all = |elements: &[Self]| elements.iter().map(|element| element.map(number)).collect();
        match self {
            Self::Float(node) => Self::Float(number(*node)),
            Self::Array(elements) => Self::Array(all(elements)),
            Self::Tuple(elements) => Self::Tuple(all(elements)),
            Self::Struct(index, fields) => Self::Struct(*index, all(fields)),
            Self::Integer(_) | Self::Bool(_) | Self::Function(_) | Self::Unknown => self.clone(),
        }
    }

    /// The same value with the part at `path` replaced: a list of positions, from the outermost aggregate inwards.
    pub(crate) fn with(&self, path: &[usize], part: Self) -> Self {
        let Some((&step, rest)) = path.split_first() else { return part };
        let replace = |elements: &Rc<[Self]>| -> Rc<[Self]> {
            let mut elements = elements.to_vec();
            if let Some(element) = elements.get_mut(step) {
                *element = element.with(rest, part);
            }
            elements.into()
        };
        match self {
            Self::Array(elements) => Self::Array(replace(elements)),
            Self::Tuple(elements) => Self::Tuple(replace(elements)),
            Self::Struct(index, fields) => Self::Struct(*index, replace(fields)),
            other => other.clone(),
        }
    }
}

#[derive(Clone, PartialEq)]
pub(crate) enum Shape {
    Float,
    Integer,
    Bool,
    Array(Box<Shape>, usize),
    Tuple(Vec<Shape>),
    Struct(usize),
    Function(usize),
    Unknown,
}

impl Shape {
    /// The type in words, for a message.
    pub(crate) fn describe(&self, model: &Model) -> String {
        match self {
            Self::Integer => "an integer".to_owned(),
            other => format!("`{}`", other.name(model)),
        }
    }

    /// The type as Rust writes it.
    fn name(&self, model: &Model) -> String {
        match self {
            Self::Float => "f64".to_owned(),
            Self::Integer => "usize".to_owned(),
            Self::Bool => "bool".to_owned(),
            Self::Array(element, length) => format!("[{}; {length}]", element.name(model)),
            Self::Tuple(elements) => {
                let elements: Vec<String> = elements.iter().map(|element| element.name(model)).collect();
                format!("({})", elements.join(", "))
            }
            Self::Struct(index) => model.structs[*index].name.to_string(),
            Self::Function(index) => format!("&{}", model.vector_functions[*index].name),
            Self::Unknown => "_".to_owned(),
        }
    }

    /// Whether a value of this shape fits where `other` is expected. Unknown shapes fit everywhere: their error was reported.
    pub(crate) fn fits(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Unknown, _) | (_, Self::Unknown) => true,
            (Self::Array(a, n), Self::Array(b, m)) => n == m && a.fits(b),
            (Self::Tuple(a), Self::Tuple(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.fits(b)),
            (a, b) => a == b,
        }
    }
}

/// The numbers of a value, in order.
pub(crate) fn flatten(value: &SymbolicValue, entries: &mut Vec<NodeId>) {
    match value {
        SymbolicValue::Float(node) => entries.push(*node),
        SymbolicValue::Array(elements) | SymbolicValue::Tuple(elements) | SymbolicValue::Struct(_, elements) => {
            for element in elements.iter() {
                flatten(element, entries);
            }
        }
        SymbolicValue::Integer(_) | SymbolicValue::Bool(_) => {}
        SymbolicValue::Function(_) | SymbolicValue::Unknown => {}
    }
}
