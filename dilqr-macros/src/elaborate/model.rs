//! Elaboration of a whole model: its vectors, and the functions that every model has.

use super::elaborated_system::{Lift, System, Vectors};
use super::elaborator::{Arguments, Elaborator, EntryPointValues, cost_of, values_of};
use super::graph::{Graph, Node, NodeId};
use super::integrate::Slopes;
use super::layout::{FieldLayout, Layout};
use super::solution::Implicit;
use super::unknowns::StageValues;
use super::value::{Shape, SymbolicValue, flatten};
use crate::program::vectors::{Input, Sizes, Vector};
use crate::syntax::ast::{BinaryOp, Model, Struct};
use crate::syntax::entry_points::{ENTRY_POINTS, Part, Point, Sought};
use crate::syntax::errors::Errors;
use crate::syntax::manifold::Manifold;
use crate::syntax::messages::{factor, message};
use crate::syntax::module_kind::ModuleKind;
use crate::syntax::names::nearest;

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
        let implicit = model.kind != ModuleKind::ControlProblem;
        // One without a definition was reported.
        let sought = implicit.then(|| model.sought().unwrap_or(Sought::Minimum));
        let state = match sought {
            None => layout("State")?,
            Some(Sought::Minimum) => Layout::default(),
            Some(_) => layout("Unknown")?,
        };
        let (control, params) = (layout(model.kind.control())?, layout("Params")?);
        let stage_params = if model.has_stage_params() { Some(layout("StageParams")?) } else { None };
        let design = if model.has_design() { Some(layout("Design")?) } else { None };
        let (stage_slacks, terminal_slacks) = (self.slacks(Point::Stage), self.slacks(Point::Terminal));
        let (previous, free_start) = (model.uses_previous(), model.free_start);
        let lift = Lift { previous, design, terminal_slacks, stage_slacks, free_start, next_takes: [false; 2] };
        let (functions, next_functions) = (model.vector_functions.clone(), self.next_functions());
        let (kind, manifolds) = (model.kind, self.manifolds(&control));
        let mut vectors =
            Vectors { kind, sought, state, control, manifolds, params, stage_params, lift, functions, next_functions };
        vectors.lift.next_takes = self.next_arguments(&[], &vectors);
        if vectors.are_lifted() {
            let Sizes { nx, nu, .. } = vectors.sizes();
            [nx, nu].iter().for_each(|&length| self.check_length(&model.module, length));
        }
        Some(vectors)
    }

    /// The manifolds of a factor's blocks. Reports blocks whose numbers are not those of their manifold.
    fn manifolds(&mut self, blocks: &Layout) -> Vec<Option<Manifold>> {
        if self.model.kind != ModuleKind::Factor {
            return Vec::new();
        }
        let mut manifolds = Vec::new();
        for (_, block) in &blocks.fields {
            let FieldLayout::Struct(name, layout) = block else { continue };
            let declared = self.model.find_struct(&name.to_string()).and_then(|item| item.manifold);
            if let Some((manifold, span)) = declared.filter(|(manifold, _)| manifold.numbers() != layout.len()) {
                self.errors.on(span, factor::manifold_numbers(manifold, layout.len()));
            }
            manifolds.push(declared.map(|(manifold, _)| manifold));
        }
        manifolds
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
        let mut vectors = self.vectors()?;
        let arguments = self.arguments(&vectors)?;
        let values = self.values(&arguments);
        let own: Vec<NodeId> = values.iter().flat_map(|(_, values)| values.clone()).collect();
        let called: Vec<bool> = model.functions.iter().map(|function| self.was_called(function)).collect();
        let soft = self.soft_constraints(&values, &arguments, &vectors);
        let limits = self.limits(&values, &soft, &arguments, &vectors);
        let alone =
            model.functions.iter().zip(called).filter(|(function, called)| !called && self.was_called(function));
        let attributes_only_helpers = alone.map(|(function, _)| function.name.clone()).collect();
        self.check_uncalled_functions();

        let StageValues { mut dynamics, cost, terminal_cost, least_squares } = match vectors.sought {
            None => self.stage_values(&values)?,
            Some(_) => {
                self.check_equation_count(&values, vectors.control.len());
                self.implicit_values(&values, &arguments)?
            }
        };
        vectors.lift.next_takes = self.next_arguments(&dynamics, &vectors);
        dynamics.extend(self.lifted_dynamics(&arguments, &vectors));
        let (step, algebraic) = (self.step.take(), self.algebraic.take());
        // In the order of their indices.
        vectors.functions.extend(algebraic.iter().chain(&step).map(Implicit::vector_function));
        let mut residuals = [const { Vec::new() }; 3];
        step.into_iter().chain(algebraic).for_each(|found| residuals[found.of as usize] = found.residual);
        let stage_cost = self.with_penalties(cost, soft.stage.as_ref());
        let terminal_cost = self.with_penalties(terminal_cost, soft.terminal.as_ref());
        self.check_design(&own, &limits, &vectors);
        Some(System {
            graph: Graph::default(),
            vectors,
            dynamics,
            stage_cost,
            terminal_cost,
            initial_cost: cost_of(&values, Point::Initial, Part::Cost),
            limits,
            least_squares,
            penalties: self.variable_factors(&soft),
            time_step: self.time_step,
            residuals,
            attributes_only_helpers,
            values: values.into_iter().map(|(entry, values)| (entry.name, values)).collect(),
        })
    }

    /// The next state and the costs of a control problem.
    fn stage_values(&mut self, values: &EntryPointValues) -> Option<StageValues> {
        let costs = [Part::Cost, Part::RunningCost].map(|part| cost_of(values, Point::Stage, part));
        Some(StageValues {
            dynamics: values_of(values, Point::Stage, Part::Next)?.to_vec(),
            cost: self.sum(costs)?,
            terminal_cost: cost_of(values, Point::Terminal, Part::Cost)?,
            least_squares: Vec::new(),
        })
    }

    /// The values of the functions that the compiler recognizes. A derivative and a running cost are integrated.
    fn values(&mut self, arguments: &Arguments) -> EntryPointValues {
        let model = self.model;
        let mut all = Vec::new();
        for (entry, function) in model.recognized() {
            let value = match (&model.integration, entry.part) {
                (Some(integration), Part::Next) => {
                    let running_cost = model.find_function("running_cost");
                    let slopes = Slopes { derivative: function, running_cost };
                    let (next, cost) = self.integrate(integration, slopes, arguments);
                    let running =
                        model.recognized().map(|(entry, _)| entry).find(|entry| entry.part == Part::RunningCost);
                    all.extend(running.zip(cost).map(|(entry, cost)| (entry, vec![cost])));
                    next
                }
                (_, Part::Algebraic) => {
                    self.with_algebraic(arguments);
                    continue;
                }
                (_, Part::RunningCost) => continue,
                _ => self.inline_entry_point(function, arguments),
            };
            let mut values = Vec::new();
            flatten(&value, &mut values);
            if entry.is_list() {
                self.check_length(&function.name, values.len());
            }
            all.push((entry, values));
        }
        all
    }

    /// The sum of the costs of a stage, either of which may be absent.
    fn sum(&mut self, costs: [Option<NodeId>; 2]) -> Option<NodeId> {
        let [Some(a), Some(b)] = costs else { return costs.into_iter().flatten().next() };
        let sum = self.graph.add(Node::Binary(BinaryOp::Add, a, b));
        Some(self.graph.let_bind(sum))
    }

    /// Elaborates the functions that nothing calls, for the errors in them. Those with nearly the name of a function that the model
    /// may have would change nothing without a word.
    fn check_uncalled_functions(&mut self) {
        let lacking = self.lacking_functions();
        for function in &self.model.functions {
            if !self.was_called(function) {
                self.check_name(&function.name, &lacking);
                let shapes: Vec<Shape> = function.arguments.iter().map(|argument| self.shape(&argument.ty)).collect();
                let arguments = shapes.iter().map(|shape| self.example(shape)).collect();
                self.inline_call(function, arguments);
            }
        }
    }

    /// The names that the compiler recognizes, of functions that the model does not have. An implicit function has one of its
    /// functions, and does not lack the others.
    fn lacking_functions(&self) -> Vec<&'static str> {
        if self.model.kind != ModuleKind::ControlProblem {
            return Vec::new();
        }
        ENTRY_POINTS.iter().map(|entry| entry.name).filter(|name| self.model.find_function(name).is_none()).collect()
    }

    /// Reports the name of a function that nothing calls, where the model lacks a function with nearly that name.
    fn check_name(&mut self, found: &proc_macro2::Ident, lacking: &[&'static str]) {
        let name = found.to_string();
        if ENTRY_POINTS.iter().any(|entry| entry.name == name) {
            return;
        }
        if let Some(meant) = nearest(&name, lacking.iter().copied()) {
            self.errors.at(found, message::near_miss(&name, meant));
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
            Shape::Integer | Shape::Bool | Shape::Tuple(_) | Shape::Function(_) | Shape::Unknown => None,
        }
    }

    /// The struct whose numbers are the entries of an input vector, beginning with `first`.
    pub(crate) fn inputs(&mut self, vector: Vector, first: usize, item: &Struct) -> SymbolicValue {
        let shape = self.struct_shape(&item.name);
        let mut next = first;
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
            Shape::Function(index) => SymbolicValue::Function(*index),
            Shape::Unknown => SymbolicValue::Unknown,
        }
    }
}
