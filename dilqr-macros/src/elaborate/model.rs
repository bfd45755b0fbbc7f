//! Elaboration of a whole model: its vectors, and the functions that every model has.

use super::elaborated_system::{System, Vectors};
use super::elaborator::{Arguments, Elaborator};
use super::graph::{Graph, Node, NodeId};
use super::integrate::Slopes;
use super::layout::{FieldLayout, Layout};
use super::value::{Shape, SymbolicValue, flatten};
use crate::program::vectors::{Input, Vector};
use crate::syntax::ast::{BinaryOp, Model, Struct};
use crate::syntax::errors::Errors;

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

impl Elaborator<'_> {
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

    /// Everything but the graph, which the elaborator still fills.
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
        let arguments = self.arguments()?;
        let (next, running_cost) = match &model.integration {
            Some(integration) => {
                let derivative = model.find_function("derivative")?;
                let slopes = Slopes { derivative, running_cost: model.find_function("running_cost") };
                self.integrate(integration, slopes, &arguments)
            }
            None => (self.inline_entry_point(model.find_function("dynamics")?, &arguments, true), None),
        };
        let stage_cost = self.stage_cost(running_cost, &arguments)?;
        let terminal_cost = self.inline_entry_point(model.find_function("terminal_cost")?, &arguments, false);
        let (limits, bounds_only_helpers) = self.limits(&arguments);
        self.check_uncalled_functions();
        let mut dynamics = Vec::new();
        flatten(&next, &mut dynamics);
        let SymbolicValue::Float(terminal_cost) = terminal_cost else { return None };
        let graph = Graph::default();
        let initial_cost = None;
        Some(System {
            graph,
            vectors,
            dynamics,
            stage_cost,
            running_cost,
            terminal_cost,
            initial_cost,
            limits,
            bounds_only_helpers,
        })
    }

    /// The sum of `stage_cost` and the integral of `running_cost`, either of which may be absent.
    fn stage_cost(&mut self, running_cost: Option<NodeId>, arguments: &Arguments) -> Option<NodeId> {
        let Some(function) = self.model.find_function("stage_cost") else { return running_cost };
        let SymbolicValue::Float(stage_cost) = self.inline_entry_point(function, arguments, true) else { return None };
        match running_cost {
            None => Some(stage_cost),
            Some(running_cost) => {
                let sum = self.graph.add(Node::Binary(BinaryOp::Add, stage_cost, running_cost));
                Some(self.graph.let_bind(sum))
            }
        }
    }

    /// The inputs as the arguments of the model's functions.
    fn arguments(&mut self) -> Option<Arguments> {
        let model = self.model;
        let stage_params = model.find_struct("StageParams");
        Some(Arguments {
            x: self.inputs(Vector::X, model.find_struct("State")?),
            u: self.inputs(Vector::U, model.find_struct("Control")?),
            p: self.inputs(Vector::P, model.find_struct("Params")?),
            s: stage_params.map(|item| self.inputs(Vector::S, item)),
        })
    }

    /// Elaborates the functions that nothing calls, for the errors in them.
    fn check_uncalled_functions(&mut self) {
        for function in &self.model.functions {
            if !self.was_called(function) {
                let shapes: Vec<Shape> = function.arguments.iter().map(|argument| self.shape(&argument.ty)).collect();
                let arguments = shapes.iter().map(|shape| self.example(shape)).collect();
                self.inline_call(function, arguments);
            }
        }
    }

    /// The layout of a struct whose fields hold numbers.
    fn layout(&mut self, item: &Struct) -> Option<Layout> {
        let layout = self.fields(item)?;
        self.check_length(&item.name, layout.len());
        Some(layout)
    }

    fn fields(&mut self, item: &Struct) -> Option<Layout> {
        let mut fields = Vec::new();
        for field in &item.fields {
            let shape = self.shape(&field.ty);
            fields.push((field.name.clone(), self.field_layout(&shape)?));
        }
        Some(Layout { fields })
    }

    fn field_layout(&mut self, shape: &Shape) -> Option<FieldLayout> {
        match shape {
            Shape::Float => Some(FieldLayout::Number),
            Shape::Array(element, length) => Some(FieldLayout::Array(Box::new(self.field_layout(element)?), *length)),
            Shape::Struct(index) => {
                let item = &self.model.structs[*index];
                Some(FieldLayout::Struct(item.name.clone(), self.fields(item)?))
            }
            Shape::Integer | Shape::Bool | Shape::Tuple(_) | Shape::Unknown => None,
        }
    }

    /// The struct whose numbers are the entries of an input vector.
    fn inputs(&mut self, vector: Vector, item: &Struct) -> SymbolicValue {
        let shape = self.struct_shape(&item.name);
        let mut next = 0;
        self.fill(&shape, &mut |graph| {
            next += 1;
            graph.input(Input::new(vector, next - 1))
        })
    }

    /// A value of a shape, for functions that are only checked.
    fn example(&mut self, shape: &Shape) -> SymbolicValue {
        self.fill(shape, &mut |graph| graph.input(Input::new(Vector::X, 0)))
    }

    fn fill(&mut self, shape: &Shape, next: &mut impl FnMut(&mut Graph) -> NodeId) -> SymbolicValue {
        match shape {
            Shape::Float => SymbolicValue::Float(next(&mut self.graph)),
            // Any integer is valid as an exponent, but not as an index.
            Shape::Integer | Shape::Bool => SymbolicValue::Unknown,
            Shape::Array(element, length) => {
                SymbolicValue::Array((0..*length).map(|_| self.fill(element, next)).collect())
            }
            Shape::Tuple(elements) => {
                SymbolicValue::Tuple(elements.iter().map(|element| self.fill(element, next)).collect())
            }
            Shape::Struct(index) => {
                let fields = &self.model.structs[*index].fields;
                let mut filled = Vec::new();
                for field in fields {
                    let shape = self.shape(&field.ty);
                    filled.push(self.fill(&shape, next));
                }
                SymbolicValue::Struct(*index, filled.into())
            }
            Shape::Unknown => SymbolicValue::Unknown,
        }
    }
}
