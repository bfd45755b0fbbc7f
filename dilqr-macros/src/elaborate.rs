//! From the user's tree to the graph: functions are run on symbolic values.
//!
//! Calls are followed, structs, arrays and tuples are taken apart, names become shared nodes and constants are folded
//! in `f64` exactly as Rust would. What is wrong with an expression shows here, where its value is known: names, types,
//! arities, indices.

use std::collections::HashMap;
use std::rc::Rc;

use proc_macro2::Ident;

use crate::ast::{BinaryOp, Block, Expr, ExprKind, Function as Fun, Model, Pattern, Struct, Type, TypeKind};
use crate::check::camel_case;
use crate::errors::{Errors, Span, message};
use crate::graph::{Function, Graph, Input, Node, NodeId, Vector};

/// The model in scalars.
pub(crate) struct System {
    pub(crate) graph: Graph,
    pub(crate) state: Layout,
    pub(crate) control: Layout,
    pub(crate) params: Layout,
    /// Next state, one node an entry.
    pub(crate) dynamics: Vec<NodeId>,
    pub(crate) stage_cost: NodeId,
    pub(crate) terminal_cost: NodeId,
}

/// How a struct's fields lie in its vector.
#[derive(Default)]
pub(crate) struct Layout {
    /// Each field with its length where it is an array.
    pub(crate) fields: Vec<(Ident, Option<usize>)>,
}

impl Layout {
    /// Entries of the vector.
    pub(crate) fn len(&self) -> usize {
        self.fields.iter().map(|(_, length)| length.unwrap_or(1)).sum()
    }

    /// Names of the entries: `angle`, `position[2]`.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        for (field, length) in &self.fields {
            let field = field.to_string();
            let field = field.strip_prefix("r#").unwrap_or(&field);
            match length {
                None => names.push(field.to_owned()),
                Some(length) => names.extend((0..*length).map(|index| format!("{field}[{index}]"))),
            }
        }
        names
    }
}

/// Elaborates the whole model; `None` after errors.
pub(crate) fn system(model: &Model, errors: &mut Errors) -> Option<System> {
    let mut elaborator = Elaborator {
        model,
        errors,
        own: camel_case(&model.module.to_string()),
        graph: Graph::default(),
        consts: HashMap::new(),
        calls: HashMap::new(),
        stack: Vec::new(),
        too_large: false,
    };
    let system = elaborator.system();
    let clean = elaborator.errors.is_empty();
    let graph = elaborator.graph;
    system.filter(|_| clean).map(|system| System { graph, ..system })
}

/// A symbolic value. Aggregates share their elements, so that passing a long array around costs nothing.
#[derive(Clone)]
enum Value {
    Float(NodeId),
    Integer(i64),
    Array(Rc<[Value]>),
    Tuple(Rc<[Value]>),
    /// The fields in the order of the struct.
    Struct(usize, Rc<[Value]>),
    /// Already reported.
    Unknown,
}

/// The most numbers in one value: more are a slip of the keyboard, and would only exhaust memory.
const ENTRIES: usize = 10_000;

/// The most nodes in the graph of one model: deriving more would take hours.
const NODES: usize = 1_000_000;

#[derive(Clone, PartialEq)]
enum Shape {
    Float,
    Integer,
    Array(Box<Shape>, usize),
    Tuple(Vec<Shape>),
    Struct(usize),
    Unknown,
}

impl Shape {
    /// The type in words, for a message.
    fn describe(&self, model: &Model) -> String {
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
            Self::Array(element, length) => format!("[{}; {length}]", element.name(model)),
            Self::Tuple(elements) => {
                let elements: Vec<String> = elements.iter().map(|element| element.name(model)).collect();
                format!("({})", elements.join(", "))
            }
            Self::Struct(index) => model.structs[*index].name.to_string(),
            Self::Unknown => "_".to_owned(),
        }
    }

    /// Whether a value of this shape may stand where `other` is wanted; what has been reported fits everywhere.
    fn fits(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Unknown, _) | (_, Self::Unknown) => true,
            (Self::Array(a, n), Self::Array(b, m)) => n == m && a.fits(b),
            (Self::Tuple(a), Self::Tuple(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.fits(b)),
            (a, b) => a == b,
        }
    }
}

type Scope = Vec<(String, Value)>;

/// One of the methods of f64 that the language has.
#[derive(Clone, Copy)]
enum Method {
    Function(Function),
    SinCos,
    Powi,
    Powf,
    Recip,
    MulAdd,
}

const METHODS: [(&str, usize, Method); 20] = [
    ("sin", 0, Method::Function(Function::Sin)),
    ("cos", 0, Method::Function(Function::Cos)),
    ("tan", 0, Method::Function(Function::Tan)),
    ("asin", 0, Method::Function(Function::Asin)),
    ("acos", 0, Method::Function(Function::Acos)),
    ("atan", 0, Method::Function(Function::Atan)),
    ("atan2", 1, Method::Function(Function::Atan2)),
    ("sinh", 0, Method::Function(Function::Sinh)),
    ("cosh", 0, Method::Function(Function::Cosh)),
    ("tanh", 0, Method::Function(Function::Tanh)),
    ("exp", 0, Method::Function(Function::Exp)),
    ("ln", 0, Method::Function(Function::Ln)),
    ("sqrt", 0, Method::Function(Function::Sqrt)),
    ("cbrt", 0, Method::Function(Function::Cbrt)),
    ("powi", 1, Method::Powi),
    ("powf", 1, Method::Powf),
    ("recip", 0, Method::Recip),
    ("hypot", 1, Method::Function(Function::Hypot)),
    ("mul_add", 2, Method::MulAdd),
    ("sin_cos", 0, Method::SinCos),
];

/// Methods of f64 that have no derivative somewhere in the middle of their domain.
const KINKED: [&str; 15] = [
    "abs",
    "ceil",
    "clamp",
    "copysign",
    "div_euclid",
    "floor",
    "fract",
    "max",
    "maximum",
    "min",
    "minimum",
    "rem_euclid",
    "round",
    "signum",
    "trunc",
];

struct Elaborator<'a> {
    model: &'a Model,
    errors: &'a mut Errors,
    /// The name of the struct that will implement the model.
    own: String,
    graph: Graph,
    /// Consts evaluated so far; `None` while one is being evaluated.
    consts: HashMap<String, Option<Value>>,
    /// Results of the functions followed so far, by function and arguments: `f(g(x), g(x))` follows `g` once.
    calls: HashMap<String, HashMap<Vec<Key>, Value>>,
    /// The functions being followed, innermost last.
    stack: Vec<String>,
    /// Whether the model has been found too large.
    too_large: bool,
}

/// A number among the arguments of a call.
#[derive(PartialEq, Eq, Hash)]
enum Key {
    Node(NodeId),
    Constant(u64),
    Integer(i64),
    Unknown,
}

impl Elaborator<'_> {
    fn system(&mut self) -> Option<System> {
        let model = self.model;
        for item in &model.structs {
            for field in &item.fields {
                self.shape(&field.ty);
            }
        }
        for item in &model.consts {
            self.constant(&item.name);
        }
        let state = self.layout(model.find_struct("State")?);
        let control = self.layout(model.find_struct("Control")?);
        let params = self.layout(model.find_struct("Params")?);
        let x = self.inputs(Vector::X, model.find_struct("State")?);
        let u = self.inputs(Vector::U, model.find_struct("Control")?);
        let p = self.inputs(Vector::P, model.find_struct("Params")?);
        let dynamics = self.call(model.find_function("dynamics")?, vec![x.clone(), u.clone(), p.clone()]);
        let stage_cost = self.call(model.find_function("stage_cost")?, vec![x.clone(), u, p.clone()]);
        let terminal_cost = self.call(model.find_function("terminal_cost")?, vec![x, p]);
        // A helper that nothing calls is looked at as well: its mistakes are as real.
        for function in &model.functions {
            if !self.calls.contains_key(&function.name.to_string()) {
                let shapes: Vec<Shape> = function.arguments.iter().map(|argument| self.shape(&argument.ty)).collect();
                let arguments = shapes.iter().map(|shape| self.example(shape)).collect();
                self.call(function, arguments);
            }
        }
        let mut entries = Vec::new();
        flatten(&dynamics, &mut entries);
        let (Value::Float(stage_cost), Value::Float(terminal_cost)) = (stage_cost, terminal_cost) else { return None };
        Some(System { graph: Graph::default(), state, control, params, dynamics: entries, stage_cost, terminal_cost })
    }

    fn layout(&mut self, item: &Struct) -> Layout {
        let fields = item.fields.iter().map(|field| {
            let length = match self.shape(&field.ty) {
                Shape::Array(_, length) => Some(length),
                _ => None,
            };
            (field.name.clone(), length)
        });
        Layout { fields: fields.collect() }
    }

    /// The struct as the entries of an input vector.
    fn inputs(&mut self, vector: Vector, item: &Struct) -> Value {
        let shape = self.struct_shape(&item.name);
        let mut next = 0;
        self.fill(&shape, &mut |graph| {
            next += 1;
            graph.input(Input::new(vector, next - 1))
        })
    }

    /// Some value of a shape, for functions that are only checked.
    fn example(&mut self, shape: &Shape) -> Value {
        self.fill(shape, &mut |graph| graph.input(Input::new(Vector::X, 0)))
    }

    fn fill(&mut self, shape: &Shape, next: &mut impl FnMut(&mut Graph) -> NodeId) -> Value {
        match shape {
            Shape::Float => Value::Float(next(&mut self.graph)),
            // Any integer would do as an exponent, but not as an index.
            Shape::Integer => Value::Unknown,
            Shape::Array(element, length) => Value::Array((0..*length).map(|_| self.fill(element, next)).collect()),
            Shape::Tuple(elements) => Value::Tuple(elements.iter().map(|element| self.fill(element, next)).collect()),
            Shape::Struct(index) => {
                let fields = &self.model.structs[*index].fields;
                Value::Struct(
                    *index,
                    fields
                        .iter()
                        .map(|field| {
                            let shape = self.shape(&field.ty);
                            self.fill(&shape, next)
                        })
                        .collect(),
                )
            }
            Shape::Unknown => Value::Unknown,
        }
    }

    fn struct_shape(&mut self, name: &Ident) -> Shape {
        match self.model.structs.iter().position(|item| item.name == *name) {
            Some(index) => Shape::Struct(index),
            None => {
                let known: Vec<String> = self.model.structs.iter().map(|item| item.name.to_string()).collect();
                let message = message::unknown_type(&name.to_string(), known.iter().map(String::as_str));
                self.errors.at(name, message);
                Shape::Unknown
            }
        }
    }

    fn shape(&mut self, ty: &Type) -> Shape {
        match &ty.kind {
            TypeKind::Float => Shape::Float,
            TypeKind::Integer => Shape::Integer,
            TypeKind::Struct(name) => self.struct_shape(name),
            TypeKind::Array(element, length) => {
                let element = self.shape(element);
                let entries = self.entries(&element);
                match self.length(length, entries) {
                    Some(length) => Shape::Array(Box::new(element), length),
                    None => Shape::Unknown,
                }
            }
            TypeKind::Tuple(elements) => Shape::Tuple(elements.iter().map(|element| self.shape(element)).collect()),
            TypeKind::Unknown => Shape::Unknown,
        }
    }

    /// The length of an array whose elements hold `entries` numbers each.
    fn length(&mut self, expr: &Expr, entries: usize) -> Option<usize> {
        let value = self.expr(expr, &mut Scope::new());
        let integer = self.integer(&value, expr.span)?;
        match usize::try_from(integer) {
            Ok(length) if (1..=ENTRIES).contains(&length.saturating_mul(entries.max(1))) => Some(length),
            _ => {
                self.errors.on(expr.span, message::ARRAY_LENGTH);
                None
            }
        }
    }

    /// The numbers in a value of a shape.
    fn entries(&mut self, shape: &Shape) -> usize {
        match shape {
            Shape::Float | Shape::Integer | Shape::Unknown => 1,
            Shape::Array(element, length) => self.entries(element).saturating_mul(*length),
            Shape::Tuple(elements) => elements.iter().map(|element| self.entries(element)).sum(),
            Shape::Struct(index) => {
                let shapes: Vec<Shape> =
                    self.model.structs[*index].fields.iter().map(|field| self.shape(&field.ty)).collect();
                shapes.iter().map(|shape| self.entries(shape)).sum()
            }
        }
    }

    fn shape_of(&self, value: &Value) -> Shape {
        match value {
            Value::Float(_) => Shape::Float,
            Value::Integer(_) => Shape::Integer,
            Value::Array(elements) => {
                let element = elements.first().map_or(Shape::Unknown, |element| self.shape_of(element));
                Shape::Array(Box::new(element), elements.len())
            }
            Value::Tuple(elements) => Shape::Tuple(elements.iter().map(|element| self.shape_of(element)).collect()),
            Value::Struct(index, _) => Shape::Struct(*index),
            Value::Unknown => Shape::Unknown,
        }
    }

    /// `value` if it has the shape `wanted`; otherwise an error on `span`.
    fn expect(&mut self, value: Value, wanted: &Shape, span: Span) -> Value {
        let given = self.shape_of(&value);
        if given.fits(wanted) {
            return value;
        }
        self.errors.on(span, message::mismatch(&wanted.describe(self.model), &given.describe(self.model)));
        Value::Unknown
    }

    fn float(&mut self, value: &Value, span: Span) -> Option<NodeId> {
        match value {
            Value::Float(node) => Some(*node),
            Value::Unknown => None,
            other => {
                let given = self.shape_of(other).describe(self.model);
                self.errors.on(span, message::mismatch("`f64`", &given));
                None
            }
        }
    }

    fn integer(&mut self, value: &Value, span: Span) -> Option<i64> {
        match value {
            Value::Integer(integer) => Some(*integer),
            Value::Unknown => None,
            other => {
                let given = self.shape_of(other).describe(self.model);
                self.errors.on(span, message::mismatch("a constant integer", &given));
                None
            }
        }
    }

    fn constant(&mut self, name: &Ident) -> Value {
        let Some(item) = self.model.find_const(&name.to_string()) else { return Value::Unknown };
        match self.consts.get(&item.name.to_string()) {
            Some(Some(value)) => return value.clone(),
            Some(None) => {
                self.errors.at(&item.name, message::CONST_CYCLE);
                return Value::Unknown;
            }
            None => {}
        }
        self.consts.insert(item.name.to_string(), None);
        let wanted = self.shape(&item.ty);
        // Everything in scope is constant here, and constants are folded.
        let value = self.expr(&item.value, &mut Scope::new());
        let value = self.expect(value, &wanted, item.value.span);
        self.consts.insert(item.name.to_string(), Some(value.clone()));
        value
    }

    /// The value under a name: every number in it computed once.
    fn share(&mut self, value: Value) -> Value {
        match value {
            Value::Float(node) => Value::Float(self.graph.share(node)),
            Value::Array(elements) => {
                Value::Array(elements.iter().map(|element| self.share(element.clone())).collect())
            }
            Value::Tuple(elements) => {
                Value::Tuple(elements.iter().map(|element| self.share(element.clone())).collect())
            }
            Value::Struct(index, fields) => {
                Value::Struct(index, fields.iter().map(|field| self.share(field.clone())).collect())
            }
            other => other,
        }
    }

    /// Follows a function on values that fit its arguments.
    fn call(&mut self, function: &Fun, values: Vec<Value>) -> Value {
        let name = function.name.to_string();
        let values: Vec<Value> = values.into_iter().map(|value| self.share(value)).collect();
        let mut keys = Vec::new();
        values.iter().for_each(|value| self.keys(value, &mut keys));
        if let Some(known) = self.calls.get(&name).and_then(|calls| calls.get(&keys)) {
            return known.clone();
        }
        self.stack.push(name.clone());
        let mut scope = Scope::new();
        for (argument, value) in function.arguments.iter().zip(values) {
            self.name_binding(&argument.name, value, &mut scope);
        }
        let value = self.block(&function.body, &mut scope);
        let wanted = self.shape(&function.result);
        let value = self.expect(value, &wanted, function.body.value.span);
        self.stack.pop();
        let value = self.share(value);
        self.calls.entry(name).or_default().insert(keys, value.clone());
        value
    }

    /// The numbers of a value as the key of a call.
    fn keys(&self, value: &Value, keys: &mut Vec<Key>) {
        match value {
            Value::Float(node) => keys.push(match self.graph.constant_value(*node) {
                Some(constant) => Key::Constant(constant.to_bits()),
                None => Key::Node(*node),
            }),
            Value::Integer(integer) => keys.push(Key::Integer(*integer)),
            Value::Array(elements) | Value::Tuple(elements) | Value::Struct(_, elements) => {
                elements.iter().for_each(|element| self.keys(element, keys));
            }
            Value::Unknown => keys.push(Key::Unknown),
        }
    }

    fn name_binding(&mut self, name: &Ident, value: Value, scope: &mut Scope) {
        // The model is a unit struct, and Rust would match a pattern of its name against it.
        if *name == self.own {
            self.errors.at(name, message::reserved(&self.own));
        }
        scope.push((name.to_string(), value));
    }

    fn block(&mut self, block: &Block, scope: &mut Scope) -> Value {
        let outside = scope.len();
        for item in &block.lets {
            let mut value = self.expr(&item.value, scope);
            if let Some(ty) = &item.ty {
                let wanted = self.shape(ty);
                value = self.expect(value, &wanted, item.value.span);
            }
            let value = self.share(value);
            self.bind(&item.pattern, value, item.value.span, scope);
        }
        let value = self.expr(&block.value, scope);
        scope.truncate(outside);
        value
    }

    fn bind(&mut self, pattern: &Pattern, value: Value, span: Span, scope: &mut Scope) {
        match pattern {
            Pattern::Name(name) => self.name_binding(name, value, scope),
            Pattern::Ignore => {}
            Pattern::Tuple(patterns, at) => match &value {
                Value::Tuple(elements) if elements.len() == patterns.len() => {
                    for (pattern, element) in patterns.iter().zip(elements.iter()) {
                        self.bind(pattern, element.clone(), span, scope);
                    }
                }
                other => {
                    if !matches!(other, Value::Unknown) {
                        let given = self.shape_of(other).describe(self.model);
                        self.errors.on(*at, message::pattern(patterns.len(), &given));
                    }
                    // The names exist all the same, so that their uses are not reported on top.
                    for pattern in patterns {
                        self.bind(pattern, Value::Unknown, span, scope);
                    }
                }
            },
        }
    }

    fn exprs(&mut self, exprs: &[Expr], scope: &mut Scope) -> Vec<Value> {
        exprs.iter().map(|expr| self.expr(expr, scope)).collect()
    }

    fn expr(&mut self, expr: &Expr, scope: &mut Scope) -> Value {
        match &expr.kind {
            ExprKind::Float(value) => Value::Float(self.graph.constant(*value)),
            ExprKind::Integer(value) => Value::Integer(*value),
            ExprKind::Name(name) => self.name(name, scope),
            ExprKind::Negate(operand) => match self.expr(operand, scope) {
                Value::Integer(value) => self.folded_integer(value.checked_neg(), expr.span),
                value => match self.float(&value, operand.span) {
                    Some(node) => Value::Float(match self.graph.constant_value(node) {
                        Some(constant) => self.graph.constant(-constant),
                        None => self.graph.add(Node::Negate(node)),
                    }),
                    None => Value::Unknown,
                },
            },
            ExprKind::Binary(op, left, right) => self.binary(*op, left, right, expr.span, scope),
            ExprKind::Call(name, arguments) => self.helper(name, arguments, scope),
            ExprKind::Method(receiver, method, arguments) => self.method(receiver, method, arguments, expr.span, scope),
            ExprKind::Field(base, field) => self.field(base, field, scope),
            ExprKind::TupleField(base, index) => match self.expr(base, scope) {
                Value::Tuple(elements) if *index < elements.len() => elements[*index].clone(),
                Value::Unknown => Value::Unknown,
                other => {
                    let given = self.shape_of(&other).describe(self.model);
                    self.errors.on(expr.span, message::no_such_field(&given, &index.to_string()));
                    Value::Unknown
                }
            },
            ExprKind::Index(base, index) => self.index(base, index, scope),
            ExprKind::Array(elements) => {
                let values = self.exprs(elements, scope);
                let Some(first) = values.iter().find(|value| !matches!(value, Value::Unknown)) else {
                    if values.is_empty() {
                        self.errors.on(expr.span, message::ARRAY_LENGTH);
                    }
                    return Value::Unknown;
                };
                let shape = self.shape_of(first);
                let values = values.into_iter().zip(elements);
                Value::Array(values.map(|(value, element)| self.expect(value, &shape, element.span)).collect())
            }
            ExprKind::Repeat(value, length) => {
                let value = self.expr(value, scope);
                let value = self.share(value);
                let shape = self.shape_of(&value);
                let entries = self.entries(&shape);
                match self.length(length, entries) {
                    Some(length) => Value::Array(vec![value; length].into()),
                    None => Value::Unknown,
                }
            }
            ExprKind::Struct(name, fields) => self.struct_literal(name, fields, scope),
            ExprKind::Tuple(elements) => Value::Tuple(self.exprs(elements, scope).into()),
            ExprKind::Block(block) => self.block(block, scope),
            ExprKind::Unknown => Value::Unknown,
        }
    }

    fn name(&mut self, name: &Ident, scope: &Scope) -> Value {
        let text = name.to_string();
        if let Some((_, value)) = scope.iter().rev().find(|(known, _)| *known == text) {
            return value.clone();
        }
        if self.model.find_const(&text).is_some() {
            return self.constant(name);
        }
        let consts: Vec<String> = self.model.consts.iter().map(|item| item.name.to_string()).collect();
        let known = scope.iter().map(|(known, _)| known.as_str()).chain(consts.iter().map(String::as_str));
        self.errors.at(name, message::unknown_name(&text, known));
        Value::Unknown
    }

    fn binary(&mut self, op: BinaryOp, left: &Expr, right: &Expr, span: Span, scope: &mut Scope) -> Value {
        let (a, b) = (self.expr(left, scope), self.expr(right, scope));
        if let (Value::Integer(a), Value::Integer(b)) = (&a, &b) {
            let result = match op {
                BinaryOp::Add => a.checked_add(*b),
                BinaryOp::Sub => a.checked_sub(*b),
                BinaryOp::Mul => a.checked_mul(*b),
                BinaryOp::Div if *b == 0 => {
                    self.errors.on(span, message::DIVISION_BY_ZERO);
                    return Value::Unknown;
                }
                BinaryOp::Div => a.checked_div(*b),
            };
            return self.folded_integer(result, span);
        }
        let (Some(a), Some(b)) = (self.float(&a, left.span), self.float(&b, right.span)) else { return Value::Unknown };
        let constants = (self.graph.constant_value(a), self.graph.constant_value(b));
        if op == BinaryOp::Div && constants.1 == Some(0.0) {
            self.errors.on(span, message::DIVISION_BY_ZERO);
            return Value::Unknown;
        }
        let folded = match constants {
            (Some(a), Some(b)) => Some(match op {
                BinaryOp::Add => a + b,
                BinaryOp::Sub => a - b,
                BinaryOp::Mul => a * b,
                BinaryOp::Div => a / b,
            }),
            _ => None,
        };
        match folded {
            Some(value) => self.folded(value, span),
            None => Value::Float(self.graph.add(Node::Binary(op, a, b))),
        }
    }

    /// A constant that was computed here; one that is not finite is a mistake in the model, wherever it is used.
    fn folded(&mut self, value: f64, span: Span) -> Value {
        if value.is_finite() {
            return Value::Float(self.graph.constant(value));
        }
        self.errors.on(span, message::NOT_FINITE);
        Value::Unknown
    }

    fn folded_integer(&mut self, value: Option<i64>, span: Span) -> Value {
        match value {
            Some(value) if i32::try_from(value).is_ok() => Value::Integer(value),
            _ => {
                self.errors.on(span, message::INTEGER_OVERFLOW);
                Value::Unknown
            }
        }
    }

    fn helper(&mut self, name: &Ident, arguments: &[Expr], scope: &mut Scope) -> Value {
        let values = self.exprs(arguments, scope);
        let text = name.to_string();
        let Some(function) = self.model.find_function(&text) else {
            let known: Vec<String> = self.model.functions.iter().map(|item| item.name.to_string()).collect();
            self.errors.at(name, message::unknown_function(&text, known.iter().map(String::as_str)));
            return Value::Unknown;
        };
        if self.stack.contains(&text) {
            self.errors.at(name, message::recursion(&text));
            return Value::Unknown;
        }
        if values.len() != function.arguments.len() {
            self.errors.at(name, message::arity(&text, function.arguments.len(), values.len()));
            return Value::Unknown;
        }
        let mut checked = Vec::new();
        for ((value, argument), expr) in values.into_iter().zip(&function.arguments).zip(arguments) {
            let wanted = self.shape(&argument.ty);
            checked.push(self.expect(value, &wanted, expr.span));
        }
        if self.graph.len() > NODES {
            // Once is enough: every call from here on would say the same.
            if !self.too_large {
                self.too_large = true;
                self.errors.at(name, message::TOO_LARGE);
            }
            return Value::Unknown;
        }
        self.call(function, checked)
    }

    fn method(&mut self, receiver: &Expr, name: &Ident, arguments: &[Expr], span: Span, scope: &mut Scope) -> Value {
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
            return Value::Unknown;
        };
        if values.len() != arity {
            self.errors.at(name, message::method_arity(&text, arity, values.len()));
            return Value::Unknown;
        }
        let x = self.float(&value, receiver.span);
        if let Method::Powi = method
            && !matches!(values[0], Value::Integer(_) | Value::Unknown)
        {
            self.errors.on(arguments[0].span, message::POWI_EXPONENT);
        }
        let Some(x) = x else { return Value::Unknown };
        if let Method::Powi = method {
            let Value::Integer(exponent) = values[0] else { return Value::Unknown };
            // `integer` has kept it within i32.
            return self.power(x, exponent as f64, |x| x.powi(exponent as i32), span);
        }
        let mut nodes = vec![x];
        for (value, argument) in values.iter().zip(arguments) {
            match self.float(value, argument.span) {
                Some(node) => nodes.push(node),
                None => return Value::Unknown,
            }
        }
        match method {
            Method::Function(function) => self.function(function, nodes, span),
            Method::SinCos => {
                let x = self.graph.share(x);
                let sin = self.function(Function::Sin, vec![x], span);
                Value::Tuple([sin, self.function(Function::Cos, vec![x], span)].into())
            }
            Method::Powf => match self.graph.constant_value(nodes[1]) {
                Some(exponent) => self.power(x, exponent, |x| x.powf(exponent), span),
                None if self.graph.constant_value(x).is_some_and(|x| x < 0.0) => {
                    self.errors.on(span, message::NEGATIVE_POWF);
                    Value::Unknown
                }
                None => self.function(Function::Pow, nodes, span),
            },
            Method::Recip => self.power(x, -1.0, f64::recip, span),
            Method::MulAdd => {
                let constants: Option<Vec<f64>> = nodes.iter().map(|&node| self.graph.constant_value(node)).collect();
                if let Some(&[x, a, b]) = constants.as_deref() {
                    return self.folded(x.mul_add(a, b), span);
                }
                let product = self.graph.add(Node::Binary(BinaryOp::Mul, x, nodes[1]));
                Value::Float(self.graph.add(Node::Binary(BinaryOp::Add, product, nodes[2])))
            }
            Method::Powi => Value::Unknown,
        }
    }

    fn function(&mut self, function: Function, nodes: Vec<NodeId>, span: Span) -> Value {
        let constants: Option<Vec<f64>> = nodes.iter().map(|&node| self.graph.constant_value(node)).collect();
        match constants {
            Some(constants) => self.folded(function.evaluate(&constants), span),
            None => Value::Float(self.graph.add(Node::Call(function, nodes))),
        }
    }

    fn power(&mut self, base: NodeId, exponent: f64, of: impl Fn(f64) -> f64, span: Span) -> Value {
        match self.graph.constant_value(base) {
            Some(base) if base < 0.0 && exponent.fract() != 0.0 => {
                self.errors.on(span, message::NEGATIVE_POWF);
                Value::Unknown
            }
            Some(base) => self.folded(of(base), span),
            None => Value::Float(self.graph.add(Node::Power(base, exponent))),
        }
    }

    fn field(&mut self, base: &Expr, field: &Ident, scope: &mut Scope) -> Value {
        match self.expr(base, scope) {
            Value::Struct(index, fields) => {
                let item = &self.model.structs[index];
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
                        Value::Unknown
                    }
                }
            }
            Value::Unknown => Value::Unknown,
            other => {
                let given = self.shape_of(&other).describe(self.model);
                self.errors.at(field, message::no_such_field(&given, &field.to_string()));
                Value::Unknown
            }
        }
    }

    fn index(&mut self, base: &Expr, index: &Expr, scope: &mut Scope) -> Value {
        let (value, at) = (self.expr(base, scope), self.expr(index, scope));
        let Some(at) = self.integer(&at, index.span) else { return Value::Unknown };
        match value {
            Value::Array(elements) => match usize::try_from(at).ok().and_then(|at| elements.get(at)) {
                Some(element) => element.clone(),
                None => {
                    self.errors.on(index.span, message::index(at, elements.len()));
                    Value::Unknown
                }
            },
            Value::Unknown => Value::Unknown,
            other => {
                let given = self.shape_of(&other).describe(self.model);
                self.errors.on(base.span, message::not_an_array(&given));
                Value::Unknown
            }
        }
    }

    fn struct_literal(&mut self, name: &Ident, fields: &[(Ident, Expr)], scope: &mut Scope) -> Value {
        let mut values: Vec<(&Ident, Value, Span)> = Vec::new();
        for (field, expr) in fields {
            values.push((field, self.expr(expr, scope), expr.span));
        }
        let Shape::Struct(index) = self.struct_shape(name) else { return Value::Unknown };
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
                    ordered.push(Value::Unknown);
                }
            }
        }
        Value::Struct(index, ordered.into())
    }
}

/// The numbers of a value, in order.
fn flatten(value: &Value, entries: &mut Vec<NodeId>) {
    match value {
        Value::Float(node) => entries.push(*node),
        Value::Array(elements) | Value::Tuple(elements) | Value::Struct(_, elements) => {
            for element in elements.iter() {
                flatten(element, entries);
            }
        }
        Value::Integer(_) | Value::Unknown => {}
    }
}
