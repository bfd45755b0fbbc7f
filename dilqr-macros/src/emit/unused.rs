//! What a model declares and does not use, for the warnings.
//!
//! It is judged by dependence: by what is left in the kernels once Symbolica has cancelled what cancels, not by what is
//! written.

use std::collections::HashSet;

use proc_macro2::Ident;

use crate::elaborate::elaborator::{Layout, Vectors};
use crate::elaborate::graph::{Input, Vector};
use crate::program::kernels::Kernels;
use crate::syntax::errors::message;

/// A field to warn of.
pub(crate) struct Unused<'a> {
    /// The struct it belongs to.
    pub(crate) owner: &'static str,
    pub(crate) field: &'a Ident,
    pub(crate) message: String,
}

/// Parameters that nothing depends on; states and controls that no cost and no constraint sees, however many stages later.
pub(crate) fn fields<'a>(vectors: &'a Vectors, kernels: &Kernels) -> Vec<Unused<'a>> {
    let Reach { seen, used } = reach(kernels);
    let mut unused = Vec::new();
    for (owner, vector, layout) in [("State", Vector::X, &vectors.state), ("Control", Vector::U, &vectors.control)] {
        unreached(owner, vector, layout, &seen, message::unseen, &mut unused);
    }
    let stage_params = vectors.stage_params.as_ref().map(|layout| ("StageParams", Vector::S, layout));
    for (owner, vector, layout) in [("Params", Vector::P, &vectors.params)].into_iter().chain(stage_params) {
        unreached(owner, vector, layout, &used, message::unused, &mut unused);
    }
    unused
}

/// The inputs that matter.
pub(crate) struct Reach {
    /// To a cost or a constraint, at some later stage.
    pub(crate) seen: HashSet<Input>,
    /// To anything, be it a state that no cost sees: its parameters are not reported beside it.
    pub(crate) used: HashSet<Input>,
}

pub(crate) fn reach(kernels: &Kernels) -> Reach {
    let Kernels { dynamics, stage_cost, terminal_cost, bounds, stage_constraints, terminal_constraints, .. } = kernels;
    let limits = [bounds, stage_constraints, terminal_constraints].into_iter().flatten();
    let judges = [stage_cost, terminal_cost].into_iter().chain(limits);
    let mut seen: HashSet<Input> = judges.flat_map(|program| program.inputs(|_| true)).collect();
    let used = &seen | &dynamics.inputs(|_| true);
    // With an entry of the state, all that the dynamics make it from.
    let mut states: Vec<Input> = seen.iter().copied().filter(|input| input.vector == Vector::X).collect();
    while let Some(state) = states.pop() {
        for input in dynamics.inputs(|output| output.row == state.index) {
            if seen.insert(input) && input.vector == Vector::X {
                states.push(input);
            }
        }
    }
    Reach { seen, used }
}

/// Adds the fields that have entries outside `reached`, except those whose names say that this is meant.
fn unreached<'a>(
    owner: &'static str,
    vector: Vector,
    layout: &'a Layout,
    reached: &HashSet<Input>,
    message: fn(&[usize]) -> String,
    unused: &mut Vec<Unused<'a>>,
) {
    let mut next = 0;
    for (field, length) in &layout.fields {
        let first = next;
        next += length.unwrap_or(1);
        let missing = (first..next).filter(|&index| !reached.contains(&Input::new(vector, index)));
        let missing: Vec<usize> = missing.map(|index| index - first).collect();
        if missing.is_empty() || field.to_string().starts_with('_') {
            continue;
        }
        // Of an array none of whose entries is used, the field is named and not the entries.
        let entries = if missing.len() == next - first { &[][..] } else { &missing };
        unused.push(Unused { owner, field, message: message(entries) });
    }
}
