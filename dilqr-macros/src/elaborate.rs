//! From the user's tree to the graph: functions are run on symbolic values.
//!
//! Calls are followed, structs, arrays and tuples are taken apart, names become shared nodes and constants are folded
//! in `f64` exactly as Rust would. What is wrong with an expression shows here, where its value is known: names, types,
//! arities, indices.

use std::collections::HashMap;
use std::rc::Rc;

use proc_macro2::{Ident, Span};

use crate::ast::{BinaryOp, Block, Expr, ExprKind, Function as Fun, Model, Pattern, Struct, Type, TypeKind};
use crate::errors::{Errors, message};
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
    let mut elaborator =
        Elaborator { model, errors, graph: Graph::default(), consts: HashMap::new(), stack: Vec::new(), called: Vec::new() };
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
    fn describe(&self, model: &Model) -> String {
        match self {
            Self::Float => "f64".to_owned(),
            Self::Integer => "an integer".to_owned(),
            Self::Array(element, length) => match element.describe(model).as_str() {
                "an integer" => format!("[usize; {length}]"),
                element => format!("[{}; {length}]", element.trim_matches('`')),
            },
            Self::Tuple(elements) => format!("a tuple of {}", elements.len()),
            Self::Struct(index) => format!("`{}`", model.structs[*index].name),
            Self::Unknown => "_".to_owned(),
        }
    }

    /// Whether a value of this shape may stand where `other` is wanted; what has been reported fits everywhere.
    fn fits(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Unknown, _) | (_, Self::Unknown) => true,
            (Self::Array(a, n), Self::Array(b, m)) => n == m && (*n == 0 || a.fits(b)),
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

struct Elaborator<'a> {
    model: &'a Model,
    errors: &'a mut Errors,
    graph: Graph,
    /// Consts evaluated so far; `None` while one is being evaluated.
    consts: HashMap<String, Option<Value>>,
    /// The functions being followed, innermost last.
    stack: Vec<String>,
    /// The functions followed so far.
    called: Vec<String>,
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
            if !self.called.iter().any(|name| function.name == name) {
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
            Shape::Integer => Value::Integer(1),
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
                match self.length(length) {
                    Some(length) => Shape::Array(Box::new(element), length),
                    None => Shape::Unknown,
                }
            }
            TypeKind::Tuple(elements) => Shape::Tuple(elements.iter().map(|element| self.shape(element)).collect()),
            TypeKind::Unknown => Shape::Unknown,
        }
    }

    fn length(&mut self, expr: &Expr) -> Option<usize> {
        let value = self.expr(expr, &mut Scope::new());
        let integer = self.integer(&value, expr.span)?;
        // More entries than this are a slip of the keyboard, and would only exhaust memory.
        match usize::try_from(integer) {
            Ok(length) if length <= 100_000 => Some(length),
            _ => {
                self.errors.on(expr.span, message::INTEGER_OVERFLOW);
                None
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
                self.errors.on(span, message::mismatch("f64", &given));
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
        let mut value = self.expr(&item.value, &mut Scope::new());
        value = self.expect(value, &wanted, item.value.span);
        if !self.is_constant(&value) {
            self.errors.on(item.value.span, message::CONST_EXPRESSION);
            value = Value::Unknown;
        }
        self.consts.insert(item.name.to_string(), Some(value.clone()));
        value
    }

    fn is_constant(&self, value: &Value) -> bool {
        match value {
            Value::Float(node) => self.graph.constant_value(*node).is_some(),
            Value::Integer(_) | Value::Unknown => true,
            Value::Array(elements) | Value::Tuple(elements) | Value::Struct(_, elements) => {
                elements.iter().all(|element| self.is_constant(element))
            }
        }
    }

    /// The value under a name: every number in it computed once.
    fn share(&mut self, value: Value) -> Value {
        match value {
            Value::Float(node) => Value::Float(self.graph.share(node)),
            Value::Array(elements) => Value::Array(elements.iter().map(|element| self.share(element.clone())).collect()),
            Value::Tuple(elements) => Value::Tuple(elements.iter().map(|element| self.share(element.clone())).collect()),
            Value::Struct(index, fields) => {
                Value::Struct(index, fields.iter().map(|field| self.share(field.clone())).collect())
            }
            other => other,
        }
    }

    /// Follows a function on values that fit its arguments.
    fn call(&mut self, function: &Fun, values: Vec<Value>) -> Value {
        let name = function.name.to_string();
        self.called.push(name.clone());
        self.stack.push(name);
        let mut scope = Scope::new();
        for (argument, value) in function.arguments.iter().zip(values) {
            let value = self.share(value);
            scope.push((argument.name.to_string(), value));
        }
        let value = self.block(&function.body, &mut scope);
        let wanted = self.shape(&function.result);
        let value = self.expect(value, &wanted, function.body.value.span);
        self.stack.pop();
        self.share(value)
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
            Pattern::Name(name) => scope.push((name.to_string(), value)),
            Pattern::Ignore => {}
            Pattern::Tuple(patterns, at) => match &value {
                Value::Tuple(elements) if elements.len() == patterns.len() => {
                    for (pattern, element) in patterns.iter().zip(elements.iter()) {
                        self.bind(pattern, element.clone(), span, scope);
                    }
                }
                other => {
                    if !matches!(other, Value::Unknown) {
                        let wanted = format!("a tuple of {}", patterns.len());
                        let given = self.shape_of(other).describe(self.model);
                        self.errors.on(*at, message::mismatch(&given, &wanted));
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
                Value::Integer(value) => Value::Integer(-value),
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
                    self.errors.on(expr.span, message::mismatch(&format!("a tuple with a field {index}"), &given));
                    Value::Unknown
                }
            },
            ExprKind::Index(base, index) => self.index(base, index, scope),
            ExprKind::Array(elements) => {
                let values = self.exprs(elements, scope);
                let Some(first) = values.iter().find(|value| !matches!(value, Value::Unknown)) else {
                    return if values.is_empty() { Value::Array(Rc::from([])) } else { Value::Unknown };
                };
                let shape = self.shape_of(first);
                let values = values.into_iter().zip(elements);
                Value::Array(values.map(|(value, element)| self.expect(value, &shape, element.span)).collect())
            }
            ExprKind::Repeat(value, length) => {
                let value = self.expr(value, scope);
                let value = self.share(value);
                match self.length(length) {
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
                    self.errors.on(span, message::INTEGER_DIVISION);
                    return Value::Unknown;
                }
                BinaryOp::Div => a.checked_div(*b),
            };
            return match result {
                Some(result) if i32::try_from(result).is_ok() => Value::Integer(result),
                _ => {
                    self.errors.on(span, message::INTEGER_OVERFLOW);
                    Value::Unknown
                }
            };
        }
        let (Some(a), Some(b)) = (self.float(&a, left.span), self.float(&b, right.span)) else { return Value::Unknown };
        let folded = match (self.graph.constant_value(a), self.graph.constant_value(b)) {
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
        self.call(function, checked)
    }

    fn method(&mut self, receiver: &Expr, name: &Ident, arguments: &[Expr], span: Span, scope: &mut Scope) -> Value {
        let value = self.expr(receiver, scope);
        let values = self.exprs(arguments, scope);
        let text = name.to_string();
        let Some(&(_, arity, method)) = METHODS.iter().find(|(known, ..)| text == *known) else {
            self.errors.at(name, message::unknown_method(&text, METHODS.iter().map(|(known, ..)| *known)));
            return Value::Unknown;
        };
        if values.len() != arity {
            self.errors.at(name, message::arity(&text, arity, values.len()));
            return Value::Unknown;
        }
        let Some(x) = self.float(&value, receiver.span) else { return Value::Unknown };
        if let Method::Powi = method {
            let Value::Integer(exponent) = values[0] else {
                if !matches!(values[0], Value::Unknown) {
                    self.errors.on(arguments[0].span, message::POWI_EXPONENT);
                }
                return Value::Unknown;
            };
            return self.power(x, exponent as f64, span);
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
                Some(exponent) => self.power(x, exponent, span),
                None => self.function(Function::Pow, nodes, span),
            },
            Method::Recip => self.power(x, -1.0, span),
            Method::MulAdd => {
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

    fn power(&mut self, base: NodeId, exponent: f64, span: Span) -> Value {
        match self.graph.constant_value(base) {
            Some(base) if base < 0.0 && exponent.fract() != 0.0 => {
                self.errors.on(span, message::NEGATIVE_POWF);
                Value::Unknown
            }
            Some(base) => self.folded(base.powf(exponent), span),
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
                self.errors.at(field, message::mismatch(&format!("a struct with a field `{field}`"), &given));
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
                self.errors.on(base.span, message::mismatch("an array", &given));
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
