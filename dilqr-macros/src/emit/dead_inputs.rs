//! Fields that a model declares and does not use, for the warnings.
//!
//! A field is used if a kernel depends on it. Terms that cancel in Symbolica's normal form do not count.

use std::collections::HashSet;

use proc_macro2::Ident;

use crate::elaborate::elaborated_system::Vectors;
use crate::elaborate::layout::{FieldLayout, Layout};
use crate::program::kernels::{Kernel, Kernels};
use crate::program::vectors::{Input, Vector};
use crate::syntax::messages::message;
use crate::syntax::module_kind::ModuleKind;

/// A field to warn of.
pub(crate) struct Unused<'a> {
    /// The struct it belongs to.
    pub(crate) owner: &'static str,
    pub(crate) field: &'a Ident,
    pub(crate) message: String,
}

/// Parameters that nothing depends on; states and controls that no cost and no constraint depends on, at any later stage.
pub(crate) fn fields<'a>(vectors: &'a Vectors, kernels: &Kernels) -> Vec<Unused<'a>> {
    let Reach { observed, used } = reach(kernels);
    let mut unused = Vec::new();
    if vectors.kind != ModuleKind::ControlProblem {
        // What an implicit function reads is seen.
        let unknowns = (vectors.control_name(), Vector::U, &vectors.control);
        // A factor need not read all of a block, which belongs to the graph.
        let unknowns = (vectors.kind != ModuleKind::Factor).then_some(unknowns);
        for (owner, vector, layout) in unknowns.into_iter().chain([("Params", Vector::P, &vectors.params)]) {
            let fields = unreached(vector, layout, &used).into_iter();
            unused.extend(fields.map(|(field, entries)| Unused { owner, field, message: message::unused(&entries) }));
        }
        return unused;
    }
    for (owner, vector, layout) in [("State", Vector::X, &vectors.state), ("Control", Vector::U, &vectors.control)] {
        let fields = unreached(vector, layout, &observed).into_iter();
        unused.extend(fields.map(|(field, entries)| Unused { owner, field, message: message::unseen(&entries) }));
    }
    let stage_params = vectors.stage_params.as_ref().map(|layout| ("StageParams", Vector::S, layout));
    for (owner, vector, layout) in [("Params", Vector::P, &vectors.params)].into_iter().chain(stage_params) {
        let fields = unreached(vector, layout, &used).into_iter();
        unused.extend(fields.map(|(field, entries)| Unused { owner, field, message: message::unused(&entries) }));
    }
    unused
}

/// The inputs that kernels depend on.
pub(crate) struct Reach {
    /// Inputs that a cost or a constraint depends on, at this or a later stage.
    pub(crate) observed: HashSet<Input>,
    /// Inputs that any kernel reads. (The parameters of an unused state are not reported again.)
    pub(crate) used: HashSet<Input>,
}

pub(crate) fn reach(kernels: &Kernels) -> Reach {
    use Kernel::{
        Bounds, InitialConstraints, InitialCost, StageConstraints, StageCost, TerminalConstraints, TerminalCost,
    };
    let dynamics = &kernels[Kernel::Dynamics];
    let costs = [StageCost, TerminalCost, InitialCost];
    let limits = [Bounds, StageConstraints, TerminalConstraints, InitialConstraints];
    let observers = costs.into_iter().chain(limits).filter_map(|kernel| kernels.get(kernel));
    let mut observed: HashSet<Input> = observers.flat_map(|program| program.inputs(|_| true)).collect();
    let used = &observed | &dynamics.inputs(|_| true);
    // With an entry of the state, all that the dynamics make it from.
    let mut states: Vec<Input> = observed.iter().copied().filter(|input| input.vector == Vector::X).collect();
    while let Some(state) = states.pop() {
        for input in dynamics.inputs(|output| output.row == state.index) {
            if observed.insert(input) && input.vector == Vector::X {
                states.push(input);
            }
        }
    }
    Reach { observed, used }
}

/// The fields with entries outside of `reached`, and these entries; an underscore before a field's name suppresses it.
fn unreached<'a>(vector: Vector, layout: &'a Layout, reached: &HashSet<Input>) -> Vec<(&'a Ident, Vec<String>)> {
    let mut unreached = Vec::new();
    let names = layout.names();
    let mut next = 0;
    for (field, numbers) in &layout.fields {
        let first = next;
        next += numbers.len();
        let missing: Vec<usize> =
            (first..next).filter(|&index| !reached.contains(&Input::new(vector, index))).collect();
        let reported = missing.iter().filter(|&&index| !names[index].split('.').any(|name| name.starts_with('_')));
        let mut entries: Vec<String> = reported.map(|&index| entry(numbers, index - first, &names[index])).collect();
        if entries.is_empty() {
            continue;
        }
        // If no entry of a field is used, the message has no list of entries.
        if missing.len() == next - first {
            entries.clear();
        }
        unreached.push((field, entries));
    }
    unreached
}

/// An entry of a field in a message: by its index in an array of numbers, else by its name.
fn entry(field: &FieldLayout, index: usize, name: &str) -> String {
    match field {
        FieldLayout::Array(element, _) if matches!(**element, FieldLayout::Number) => index.to_string(),
        _ => format!("`{name}`"),
    }
}
