//! From the user's tree to the graph: functions are run on symbolic values.
//!
//! Calls are inlined, structs, arrays and tuples are taken apart, named values become named nodes, and constants are folded
//! in `f64` exactly as Rust would. Errors in an expression are found where its value is known: names, types, arities,
//! indices. `statements`, `expressions`, `methods` and `types` hold the other methods of [`Elaborator`].

use std::collections::HashMap;

use proc_macro2::Ident;

use super::budget::{Budget, Charge};
use super::graph::{Graph, NodeId};
use super::solution::Implicit;
use super::value::{Shape, SymbolicBool, SymbolicValue};
use crate::syntax::ast::{Argument, Function, Model, TypeKind};
use crate::syntax::entry_points::{EntryPoint, Part, Point};
use crate::syntax::errors::{Errors, Span};
use crate::syntax::messages::message;
use crate::syntax::names::camel_case;

/// The variables in scope, innermost last.
pub(crate) type Scope = Vec<(String, SymbolicValue)>;

/// The values of the functions that the compiler recognizes.
pub(crate) type EntryPointValues = Vec<(EntryPoint, Vec<NodeId>)>;

/// The values of the function with this part, if the model has it.
pub(crate) fn values_of(values: &EntryPointValues, point: Point, part: Part) -> Option<&[NodeId]> {
    let mut all = values.iter();
    all.find(|(entry, _)| (entry.point, entry.part) == (point, part)).map(|(_, values)| values.as_slice())
}

/// The value of the function with this part, if it is a number.
pub(crate) fn cost_of(values: &EntryPointValues, point: Point, part: Part) -> Option<NodeId> {
    match values_of(values, point, part) {
        Some([cost]) => Some(*cost),
        _ => None,
    }
}

pub(crate) struct Elaborator<'a> {
    pub(crate) model: &'a Model,
    pub(crate) errors: &'a mut Errors,
    /// The name of the struct that implements the model.
    pub(crate) model_type: String,
    pub(crate) graph: Graph,
    /// Consts evaluated so far; `None` while one is being evaluated.
    consts: HashMap<String, Option<SymbolicValue>>,
    /// Results of calls by function and arguments: `f(g(x), g(x))` inlines `g` once.
    calls: HashMap<String, HashMap<Vec<CallKey>, SymbolicValue>>,
    /// The functions being inlined, innermost last.
    call_stack: Vec<String>,
    budget: Budget,
    /// The count of numbers in each struct, where it is known.
    pub(super) struct_sizes: Vec<Option<usize>>,
    /// Whether infinities are allowed: in bounds, where they mean an open side, and in consts for bounds.
    pub(crate) infinite: bool,
    /// An argument that an attribute does not read, and the message that says so.
    pub(crate) withheld: Option<(&'static str, &'static str)>,
    /// The step of an implicit integrator.
    pub(crate) step: Option<Implicit>,
    /// The algebraic variables.
    pub(crate) algebraic: Option<Implicit>,
    /// The time step, where it is no constant.
    pub(crate) time_step: Option<NodeId>,
}

/// The arguments of the model's functions.
#[derive(Clone)]
pub(crate) struct Arguments {
    pub(crate) x: SymbolicValue,
    /// Algebraic variables, where they are given: elsewhere they follow from the other arguments.
    pub(crate) z: Option<SymbolicValue>,
    pub(crate) u: SymbolicValue,
    /// Control of the stage before.
    pub(crate) previous: Option<SymbolicValue>,
    pub(crate) p: SymbolicValue,
    /// Design variables.
    pub(crate) d: Option<SymbolicValue>,
    pub(crate) s: Option<SymbolicValue>,
    /// The vector functions, by their structs.
    pub(crate) functions: Vec<(Ident, SymbolicValue)>,
    /// The blocks of a factor, in order.
    pub(crate) blocks: Vec<SymbolicValue>,
}

impl Arguments {
    /// The arguments that attributes may read, as variables.
    pub(crate) fn scope(&self) -> Scope {
        let optional = [("d", &self.d), ("s", &self.s)];
        let optional = optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?)));
        std::iter::once(("p".to_owned(), self.p.clone())).chain(optional).collect()
    }

    /// The arguments of a function that the compiler recognizes, each by its type: its optional ones may be left out.
    fn of(&self, model: &Model, function: &Function) -> Vec<SymbolicValue> {
        let mut controls = [Some(&self.u), self.previous.as_ref()].into_iter();
        let mut blocks = self.blocks.iter();
        let value = |argument: &Argument| match &argument.ty.kind {
            // The structs of blocks have any name.
            TypeKind::Struct(_) if model.is_block(argument) => blocks.next(),
            TypeKind::Struct(name) if name == "State" => Some(&self.x),
            TypeKind::Struct(name) if name == "Algebraic" => self.z.as_ref(),
            TypeKind::Struct(name) if name == "Control" || name == "Unknown" => controls.next().flatten(),
            TypeKind::Struct(name) if name == "Params" => Some(&self.p),
            TypeKind::Struct(name) if name == "Design" => self.d.as_ref(),
            TypeKind::Struct(name) if name == "StageParams" => self.s.as_ref(),
            TypeKind::Struct(name) => self.functions.iter().find(|(own, _)| name == own).map(|(_, value)| value),
            _ => None,
        };
        let values = function.arguments.iter().map(value);
        values.map(|value| value.cloned().unwrap_or(SymbolicValue::Unknown)).collect()
    }
}

/// A number among the arguments of a call.
#[derive(PartialEq, Eq, Hash)]
enum CallKey {
    Node(NodeId),
    Constant(u64),
    Integer(i64),
    Bool(SymbolicBool),
    Unknown,
}

impl<'a> Elaborator<'a> {
    pub(crate) fn new(model: &'a Model, errors: &'a mut Errors) -> Self {
        Self {
            model,
            errors,
            model_type: camel_case(&model.module.to_string()),
            graph: Graph::default(),
            consts: HashMap::new(),
            calls: HashMap::new(),
            call_stack: Vec::new(),
            budget: Budget::default(),
            struct_sizes: Vec::new(),
            infinite: false,
            withheld: None,
            step: None,
            algebraic: None,
            time_step: None,
        }
    }

    /// Uses elaboration steps. False where a limit is passed, which is reported on `span` once.
    pub(crate) fn charge(&mut self, steps: usize, span: impl Into<Span>) -> bool {
        let charge = self.budget.charge(steps, self.graph.len());
        if charge == Charge::JustExhausted {
            self.errors.on(span, message::TOO_LARGE);
        }
        charge == Charge::Paid
    }

    pub(crate) fn is_too_large(&self) -> bool {
        self.budget.is_exhausted()
    }

    /// Runs `work` one expression deeper; `None`, and an error on `span`, where that is too deep.
    pub(crate) fn with_depth<R>(&mut self, span: Span, work: impl FnOnce(&mut Self) -> R) -> Option<R> {
        if !self.budget.enter() {
            self.errors.on(span, message::TOO_DEEP);
            return None;
        }
        let result = work(self);
        self.budget.leave();
        Some(result)
    }

    /// The value of a const, evaluated once.
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

    /// The value under a name: every number in it is computed once.
    pub(crate) fn let_bind(&mut self, value: &SymbolicValue, span: Span) -> SymbolicValue {
        let mut numbers = 0;
        let named = value.map(&mut |node| {
            numbers += 1;
            self.graph.let_bind(node)
        });
        self.charge(numbers, span);
        named
    }

    /// Inlines one of the functions that every model has, on the inputs.
    pub(crate) fn inline_entry_point(&mut self, function: &Function, arguments: &Arguments) -> SymbolicValue {
        if function.takes("Algebraic") && arguments.z.is_none() {
            let arguments = self.with_algebraic(arguments);
            return self.inline_call(function, arguments.of(self.model, function));
        }
        self.inline_call(function, arguments.of(self.model, function))
    }

    /// Inlines a call whose arguments have the right shapes.
    pub(crate) fn inline_call(&mut self, function: &Function, values: Vec<SymbolicValue>) -> SymbolicValue {
        let name = function.name.to_string();
        let span = Span::from(function.name.span());
        let values: Vec<SymbolicValue> = values.iter().map(|value| self.let_bind(value, span)).collect();
        let mut keys = Vec::new();
        values.iter().for_each(|value| self.push_call_keys(value, &mut keys));
        if let Some(known) = self.calls.get(&name).and_then(|calls| calls.get(&keys)) {
            return known.clone();
        }
        self.call_stack.push(name.clone());
        // The result is kept for later calls, which may be outside of bounds.
        let infinite = std::mem::replace(&mut self.infinite, false);
        let mut scope = Scope::new();
        for (argument, value) in function.arguments.iter().zip(values) {
            self.bind(&argument.pattern, value, argument.ty.span, &mut scope);
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
        self.call_stack.pop();
        self.infinite = infinite;
        let value = self.let_bind(&value, span);
        self.calls.entry(name).or_default().insert(keys, value.clone());
        value
    }

    /// Whether a function is being inlined.
    pub(crate) fn is_active(&self, function: &str) -> bool {
        self.call_stack.iter().any(|active| active == function)
    }

    /// Whether any function is being inlined.
    pub(crate) fn is_in_function(&self) -> bool {
        !self.call_stack.is_empty()
    }

    /// Whether a function has been inlined.
    pub(crate) fn was_called(&self, function: &Function) -> bool {
        self.calls.contains_key(&function.name.to_string())
    }

    /// The numbers of a value as the key of a call.
    fn push_call_keys(&self, value: &SymbolicValue, keys: &mut Vec<CallKey>) {
        match value {
            SymbolicValue::Float(node) => keys.push(match self.graph.constant_value(*node) {
                Some(constant) => CallKey::Constant(constant.to_bits()),
                None => CallKey::Node(*node),
            }),
            SymbolicValue::Integer(integer) => keys.push(CallKey::Integer(*integer)),
            SymbolicValue::Bool(condition) => keys.push(CallKey::Bool(*condition)),
            SymbolicValue::Array(elements) | SymbolicValue::Tuple(elements) | SymbolicValue::Struct(_, elements) => {
                elements.iter().for_each(|element| self.push_call_keys(element, keys));
            }
            SymbolicValue::Function(index) => keys.push(CallKey::Integer(*index as i64)),
            SymbolicValue::Unknown => keys.push(CallKey::Unknown),
        }
    }
}
