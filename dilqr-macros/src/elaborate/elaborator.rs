//! From the user's tree to the graph: functions are run on symbolic values.
//!
//! Calls are followed, structs, arrays and tuples are taken apart, names become shared nodes and constants are folded
//! in `f64` exactly as Rust would. What is wrong with an expression shows here, where its value is known: names, types,
//! arities, indices. Statements are in `statements`, expressions in `expressions`.

use std::collections::HashMap;

use proc_macro2::Ident;

use crate::elaborate::budget::{Budget, MAX_NUMBERS};
use crate::elaborate::graph::{Graph, Input, NodeId, Vector};
use crate::elaborate::limits::Limits;
use crate::elaborate::value::{Shape, SymbolicBool, SymbolicValue, flatten};
use crate::program::kernels::Sizes;
use crate::syntax::ast::{Expr, Function, Model, Struct, Type, TypeKind};
use crate::syntax::check::camel_case;
use crate::syntax::errors::{Errors, Span, message};

/// The model in scalars.
pub(crate) struct System {
    pub(crate) graph: Graph,
    pub(crate) vectors: Vectors,
    /// Next state, one node an entry.
    pub(crate) dynamics: Vec<NodeId>,
    pub(crate) stage_cost: NodeId,
    pub(crate) terminal_cost: NodeId,
    pub(crate) limits: Limits<NodeId>,
    /// The functions that nothing but bounds calls: these are gone from the module when rustc looks for uses.
    pub(crate) bounds_only_helpers: Vec<Ident>,
}

impl System {
    /// The function of the model whose value depends on `node`, the first of several.
    pub(crate) fn function_of<'a>(&self, node: NodeId, model: &'a Model) -> Option<&'a Function> {
        let next = if model.integration.is_some() { "derivative" } else { "dynamics" };
        let (stage, terminal) = (&self.limits.stage, &self.limits.terminal);
        let (stage_constraints, stage_equalities) = stage.values.split_at(stage.inequalities);
        let (terminal_constraints, terminal_equalities) = terminal.values.split_at(terminal.inequalities);
        let values: [(&str, &[NodeId]); 7] = [
            (next, &self.dynamics),
            ("stage_cost", &[self.stage_cost]),
            ("terminal_cost", &[self.terminal_cost]),
            ("stage_constraints", stage_constraints),
            ("stage_equalities", stage_equalities),
            ("terminal_constraints", terminal_constraints),
            ("terminal_equalities", terminal_equalities),
        ];
        let mut reading =
            values.into_iter().filter(|(_, roots)| self.graph.reachable(roots.iter().copied()).contains(&node));
        reading.next().and_then(|(name, _)| model.find_function(name))
    }
}

/// The vectors that a model reads.
pub(crate) struct Vectors {
    pub(crate) state: Layout,
    pub(crate) control: Layout,
    pub(crate) params: Layout,
    pub(crate) stage_params: Option<Layout>,
}

impl Vectors {
    pub(crate) fn sizes(&self) -> Sizes {
        Sizes {
            nx: self.state.len(),
            nu: self.control.len(),
            np: self.params.len(),
            ns: self.stage_params.as_ref().map_or(0, Layout::len),
        }
    }
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
    let mut elaborator = Elaborator::new(model, errors);
    let system = elaborator.system();
    let clean = elaborator.errors.is_empty();
    let graph = elaborator.graph;
    system.filter(|_| clean).map(|system| System { graph, ..system })
}

/// The layouts of the vectors alone; `None` after errors in their types.
pub(crate) fn vectors(model: &Model, errors: &mut Errors) -> Option<Vectors> {
    let mut elaborator = Elaborator::new(model, errors);
    let vectors = elaborator.vectors()?;
    elaborator.errors.is_empty().then_some(vectors)
}

/// The variables in sight, innermost last.
pub(crate) type Scope = Vec<(String, SymbolicValue)>;

pub(crate) struct Elaborator<'a> {
    pub(crate) model: &'a Model,
    pub(crate) errors: &'a mut Errors,
    /// The name of the struct that will implement the model.
    pub(crate) model_type: String,
    pub(crate) graph: Graph,
    /// Consts evaluated so far; `None` while one is being evaluated.
    pub(crate) consts: HashMap<String, Option<SymbolicValue>>,
    /// Results of the functions followed so far, by function and arguments: `f(g(x), g(x))` follows `g` once.
    pub(crate) calls: HashMap<String, HashMap<Vec<CallKey>, SymbolicValue>>,
    /// The functions being followed, innermost last.
    pub(crate) stack: Vec<String>,
    /// How much has been used up of what a model may be.
    pub(crate) budget: Budget,
    /// Whether an infinity may stand here: in bounds, where it says that a side is open, and in consts for these.
    pub(crate) infinite: bool,
}

/// What the model's functions are called with.
pub(crate) struct Arguments {
    pub(crate) x: SymbolicValue,
    pub(crate) u: SymbolicValue,
    pub(crate) p: SymbolicValue,
    pub(crate) s: Option<SymbolicValue>,
}

/// A number among the arguments of a call.
#[derive(PartialEq, Eq, Hash)]
pub(crate) enum CallKey {
    Node(NodeId),
    Constant(u64),
    Integer(i64),
    Bool(SymbolicBool),
    Unknown,
}

impl<'a> Elaborator<'a> {
    fn new(model: &'a Model, errors: &'a mut Errors) -> Self {
        Self {
            model,
            errors,
            model_type: camel_case(&model.module.to_string()),
            graph: Graph::default(),
            consts: HashMap::new(),
            calls: HashMap::new(),
            stack: Vec::new(),
            budget: Budget::default(),
            infinite: false,
        }
    }

    fn vectors(&mut self) -> Option<Vectors> {
        let model = self.model;
        if !self.structs_are_bounded() {
            return None;
        }
        let mut layout = |name| self.layout(model.find_struct(name)?);
        let (state, control, params) = (layout("State")?, layout("Control")?, layout("Params")?);
        let stage_params = if model.has_stage_params() { Some(layout("StageParams")?) } else { None };
        Some(Vectors { state, control, params, stage_params })
    }

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
        let vectors = self.vectors()?;
        let (state, control, params) =
            (model.find_struct("State")?, model.find_struct("Control")?, model.find_struct("Params")?);
        let stage_params = model.find_struct("StageParams");
        let arguments = Arguments {
            x: self.inputs(Vector::X, state),
            u: self.inputs(Vector::U, control),
            p: self.inputs(Vector::P, params),
            s: stage_params.map(|item| self.inputs(Vector::S, item)),
        };
        let dynamics = match &model.integration {
            Some(integration) => self.integrate(integration, model.find_function("derivative")?, &arguments),
            None => self.inline_entry_point(model.find_function("dynamics")?, &arguments, true),
        };
        let stage_cost = self.inline_entry_point(model.find_function("stage_cost")?, &arguments, true);
        let terminal_cost = self.inline_entry_point(model.find_function("terminal_cost")?, &arguments, false);
        let (limits, bounds_only_helpers) = self.limits(&arguments);
        // A helper that nothing calls is looked at as well: its mistakes are as real.
        for function in &model.functions {
            if !self.calls.contains_key(&function.name.to_string()) {
                let shapes: Vec<Shape> = function.arguments.iter().map(|argument| self.shape(&argument.ty)).collect();
                let arguments = shapes.iter().map(|shape| self.example(shape)).collect();
                self.inline_call(function, arguments);
            }
        }
        let mut entries = Vec::new();
        flatten(&dynamics, &mut entries);
        let (SymbolicValue::Float(stage_cost), SymbolicValue::Float(terminal_cost)) = (stage_cost, terminal_cost)
        else {
            return None;
        };
        Some(System {
            graph: Graph::default(),
            vectors,
            dynamics: entries,
            stage_cost,
            terminal_cost,
            limits,
            bounds_only_helpers,
        })
    }

    /// One of the model's own functions on the inputs.
    pub(crate) fn inline_entry_point(
        &mut self,
        function: &Function,
        arguments: &Arguments,
        depends_on_control: bool,
    ) -> SymbolicValue {
        let mut values = vec![arguments.x.clone()];
        if depends_on_control {
            values.push(arguments.u.clone());
        }
        values.push(arguments.p.clone());
        values.extend(arguments.s.clone());
        // The parameters of the stage come last, and a function need not take them.
        values.truncate(function.arguments.len());
        self.inline_call(function, values)
    }

    /// The layout of a struct whose fields are numbers and arrays of numbers.
    fn layout(&mut self, item: &Struct) -> Option<Layout> {
        let mut fields = Vec::new();
        for field in &item.fields {
            let length = match self.shape(&field.ty) {
                Shape::Float => None,
                Shape::Array(_, length) => Some(length),
                _ => return None,
            };
            fields.push((field.name.clone(), length));
        }
        let layout = Layout { fields };
        self.bounded_length(&item.name, layout.len());
        Some(layout)
    }

    /// The struct as the entries of an input vector.
    fn inputs(&mut self, vector: Vector, item: &Struct) -> SymbolicValue {
        let shape = self.struct_shape(&item.name);
        let mut next = 0;
        self.fill(&shape, &mut |graph| {
            next += 1;
            graph.input(Input::new(vector, next - 1))
        })
    }

    /// Some value of a shape, for functions that are only checked.
    fn example(&mut self, shape: &Shape) -> SymbolicValue {
        self.fill(shape, &mut |graph| graph.input(Input::new(Vector::X, 0)))
    }

    fn fill(&mut self, shape: &Shape, next: &mut impl FnMut(&mut Graph) -> NodeId) -> SymbolicValue {
        match shape {
            Shape::Float => SymbolicValue::Float(next(&mut self.graph)),
            // Any integer would do as an exponent, but not as an index.
            Shape::Integer | Shape::Bool => SymbolicValue::Unknown,
            Shape::Array(element, length) => {
                SymbolicValue::Array((0..*length).map(|_| self.fill(element, next)).collect())
            }
            Shape::Tuple(elements) => {
                SymbolicValue::Tuple(elements.iter().map(|element| self.fill(element, next)).collect())
            }
            Shape::Struct(index) => {
                let fields = &self.model.structs[*index].fields;
                SymbolicValue::Struct(
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
            Shape::Unknown => SymbolicValue::Unknown,
        }
    }

    pub(crate) fn struct_shape(&mut self, name: &Ident) -> Shape {
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

    pub(crate) fn shape(&mut self, ty: &Type) -> Shape {
        match &ty.kind {
            TypeKind::Float => Shape::Float,
            TypeKind::Integer => Shape::Integer,
            TypeKind::Bool => Shape::Bool,
            TypeKind::Struct(name) => self.struct_shape(name),
            TypeKind::Array(element, length) => {
                let element = self.shape(element);
                let entries = self.number_count(&element);
                match self.length(length, entries) {
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

    /// The length of an array whose elements hold `entries` numbers each.
    pub(crate) fn length(&mut self, expr: &Expr, entries: usize) -> Option<usize> {
        let value = self.expr(expr, &mut Scope::new());
        let integer = self.integer(&value, expr.span)?;
        match usize::try_from(integer) {
            Ok(length) if (1..=MAX_NUMBERS).contains(&length.saturating_mul(entries.max(1))) => Some(length),
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

    pub(crate) fn float(&mut self, value: &SymbolicValue, span: Span) -> Option<NodeId> {
        match value {
            SymbolicValue::Float(node) => Some(*node),
            SymbolicValue::Unknown => None,
            other => {
                let given = self.shape_of(other).describe(self.model);
                self.errors.on(span, message::mismatch("`f64`", &given));
                None
            }
        }
    }

    pub(crate) fn integer(&mut self, value: &SymbolicValue, span: Span) -> Option<i64> {
        match value {
            SymbolicValue::Integer(integer) => Some(*integer),
            SymbolicValue::Unknown => None,
            other => {
                let given = self.shape_of(other).describe(self.model);
                self.errors.on(span, message::mismatch("a constant integer", &given));
                None
            }
        }
    }

    pub(crate) fn constant(&mut self, name: &Ident) -> SymbolicValue {
        let Some(item) = self.model.find_const(&name.to_string()) else { return SymbolicValue::Unknown };
        match self.consts.get(&item.name.to_string()) {
            Some(Some(value)) => return value.clone(),
            Some(None) => {
                self.errors.at(&item.name, message::CONST_CYCLE);
                return SymbolicValue::Unknown;
            }
            None => {}
        }
        self.consts.insert(item.name.to_string(), None);
        let wanted = self.shape(&item.ty);
        // Everything in scope is constant here, and constants are folded.
        let infinite = std::mem::replace(&mut self.infinite, true);
        let value = self.expr(&item.value, &mut Scope::new());
        self.infinite = infinite;
        let value = self.expect(value, &wanted, item.value.span);
        self.consts.insert(item.name.to_string(), Some(value.clone()));
        value
    }

    /// The value under a name: every number in it computed once.
    pub(crate) fn let_bind(&mut self, value: &SymbolicValue, span: Span) -> SymbolicValue {
        let mut numbers = 0;
        let shared = value.map(&mut |node| {
            numbers += 1;
            self.graph.let_bind(node)
        });
        self.charge(numbers, span);
        shared
    }

    /// Follows a function on values that fit its arguments.
    pub(crate) fn inline_call(&mut self, function: &Function, values: Vec<SymbolicValue>) -> SymbolicValue {
        let name = function.name.to_string();
        let span = Span::from(function.name.span());
        let values: Vec<SymbolicValue> = values.iter().map(|value| self.let_bind(value, span)).collect();
        let mut keys = Vec::new();
        values.iter().for_each(|value| self.keys(value, &mut keys));
        if let Some(known) = self.calls.get(&name).and_then(|calls| calls.get(&keys)) {
            return known.clone();
        }
        self.stack.push(name.clone());
        // Results are kept for calls from anywhere.
        let infinite = std::mem::replace(&mut self.infinite, false);
        let mut scope = Scope::new();
        for (argument, value) in function.arguments.iter().zip(values) {
            let at = argument.ty.span;
            self.bind(&argument.pattern, value, at, &mut scope);
        }
        let value = self.block(&function.body, &mut scope);
        let wanted = self.shape(&function.result);
        let span = function.body.value.as_ref().map_or(function.body.end, |value| value.span);
        let value = if value.is_unit() && !matches!(wanted, Shape::Unknown) {
            self.errors.on(function.body.end, message::EMPTY_BLOCK);
            SymbolicValue::Unknown
        } else {
            self.expect(value, &wanted, span)
        };
        self.stack.pop();
        self.infinite = infinite;
        let value = self.let_bind(&value, span);
        self.calls.entry(name).or_default().insert(keys, value.clone());
        value
    }

    /// The numbers of a value as the key of a call.
    fn keys(&self, value: &SymbolicValue, keys: &mut Vec<CallKey>) {
        match value {
            SymbolicValue::Float(node) => keys.push(match self.graph.constant_value(*node) {
                Some(constant) => CallKey::Constant(constant.to_bits()),
                None => CallKey::Node(*node),
            }),
            SymbolicValue::Integer(integer) => keys.push(CallKey::Integer(*integer)),
            SymbolicValue::Bool(condition) => keys.push(CallKey::Bool(*condition)),
            SymbolicValue::Array(elements) | SymbolicValue::Tuple(elements) | SymbolicValue::Struct(_, elements) => {
                elements.iter().for_each(|element| self.keys(element, keys));
            }
            SymbolicValue::Unknown => keys.push(CallKey::Unknown),
        }
    }
}
