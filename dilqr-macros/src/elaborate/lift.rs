//! The lift of a model: its state and its control with what a solve chooses beside them.
//!
//! ```text
//! z = [ x | control of the stage before | design variables | slacks of terminal soft constraints ]
//! w = [ u | slacks of stage soft constraints ]
//! ```
//!
//! The control of the stage before follows from `w`; design variables and slacks stay as they are, and a solve chooses them
//! with the initial state. All stages behind see one model with the state `z` and the control `w`.

use proc_macro2::Ident;

use super::elaborated_system::{Limits, Vectors};
use super::elaborator::{Arguments, Elaborator};
use super::graph::{Node, NodeId};
use super::layout::Layout;
use super::value::{SymbolicValue, flatten};
use crate::program::vectors::{Input, Vector};
use crate::syntax::ast::Function;
use crate::syntax::messages::message;
use crate::syntax::module_kind::ModuleKind;
use crate::syntax::vector_functions::FunctionId;

impl Elaborator<'_> {
    /// The inputs as the arguments of the model's functions.
    pub(crate) fn arguments(&mut self, vectors: &Vectors) -> Option<Arguments> {
        let model = self.model;
        let control = model.control()?;
        let (previous, design) = (vectors.previous(), vectors.design());
        let functions = model.vector_functions.iter().filter(|item| item.is_argument());
        let functions = functions.map(|item| (item.name.clone(), SymbolicValue::Function(usize::from(item.id.index))));
        let u = self.inputs(Vector::U, 0, control);
        let blocks = match &u {
            SymbolicValue::Struct(_, blocks) if model.kind == ModuleKind::Factor => blocks.to_vec(),
            _ => Vec::new(),
        };
        Some(Arguments {
            x: match model.vector("State") {
                Some(state) => self.inputs(Vector::X, 0, state),
                // An implicit function.
                None => SymbolicValue::unit(),
            },
            z: None,
            u,
            previous: vectors.lift.previous.then(|| self.inputs(Vector::X, previous.start, control)),
            p: self.inputs(Vector::P, 0, model.find_struct("Params")?),
            d: model.vector("Design").map(|item| self.inputs(Vector::X, design.start, item)),
            s: model.vector("StageParams").map(|item| self.inputs(Vector::S, 0, item)),
            functions: functions.collect(),
            blocks,
        })
    }

    /// The next values of what is added to the state.
    pub(crate) fn lifted_dynamics(&mut self, arguments: &Arguments, vectors: &Vectors) -> Vec<NodeId> {
        let mut next = Vec::new();
        if vectors.lift.previous {
            flatten(&arguments.u, &mut next);
        }
        let constant = vectors.design().start..vectors.sizes().nx;
        next.extend(constant.map(|index| self.graph.input(Input::new(Vector::X, index))));
        next
    }

    /// Whether the function of the next state takes the control before and the design variables. Design variables may reach
    /// the next state by the time step, too.
    pub(crate) fn next_arguments(&self, next: &[NodeId], vectors: &Vectors) -> [bool; 2] {
        let Some(function) = self.next_function() else { return [false; 2] };
        let controls = function.arguments.iter().filter(|argument| argument.is("Control")).count();
        let design = function.takes("Design") || self.read_design(next, vectors).contains(&true);
        [controls > 1, design]
    }

    /// The vector functions that the function of the next state takes, and with algebraic variables their equations.
    pub(crate) fn next_functions(&self) -> Vec<FunctionId> {
        let next = self.next_function();
        let reads = next.is_some_and(|function| function.takes("Algebraic"));
        let equations = self.model.find_function("algebraic").filter(|_| reads);
        let taken = |name: &Ident| next.into_iter().chain(equations).any(|function| function.takes(&name.to_string()));
        let functions = self.model.vector_functions.iter().filter(|function| function.is_argument());
        functions.filter(|function| taken(&function.name)).map(|function| function.id).collect()
    }

    fn next_function(&self) -> Option<&'_ Function> {
        self.model.find_function(if self.model.integration.is_some() { "derivative" } else { "dynamics" })
    }

    /// Which design variables the values depend on.
    fn read_design(&self, values: &[NodeId], vectors: &Vectors) -> Vec<bool> {
        let design = vectors.design();
        let mut read = vec![false; design.len()];
        for node in self.graph.reachable(values.iter().copied()) {
            if let Node::Input(Input { vector: Vector::X, index }) = *self.graph.node(node)
                && design.contains(&(index as usize))
            {
                read[index as usize - design.start] = true;
            }
        }
        read
    }

    /// Reports design variables on which neither a function of the model, with the values `own`, nor a limit of a stage or of
    /// the terminal state depends.
    pub(crate) fn check_design(&mut self, own: &[NodeId], limits: &Limits<NodeId>, vectors: &Vectors) {
        let Some(item) = self.model.vector("Design") else { return };
        let rows = limits.stage.values.iter().chain(&limits.terminal.values);
        let values: Vec<NodeId> = own.iter().chain(rows).copied().collect();
        let read = self.read_design(&values, vectors);
        let names = vectors.lift.design.as_ref().map_or_else(Vec::new, Layout::names);
        let mut next = 0;
        for field in &item.fields {
            let shape = self.shape(&field.ty);
            let count = self.number_count(&shape);
            let unread = (next..next + count).filter(|&entry| !read[entry]);
            let mut unread: Vec<String> = unread.map(|entry| format!("`{}`", names[entry])).collect();
            next += count;
            if !unread.is_empty() {
                // If no entry is read, the message has no list of entries.
                if unread.len() == count {
                    unread.clear();
                }
                self.errors.at(&field.name, message::unused_design(&unread));
            }
        }
    }
}
