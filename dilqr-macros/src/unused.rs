//! What a model declares and does not use, for the warnings.
//!
//! It is judged by dependence: by what is left on the tape once Symbolica has cancelled what cancels, not by what is
//! written.

use std::collections::HashSet;

use proc_macro2::Ident;

use crate::elaborate::{Layout, System};
use crate::errors::message;
use crate::graph::{Input, Vector};
use crate::tape::{Condition, Operand, Rule, Tape};

/// A field to warn of.
pub(crate) struct Unused<'a> {
    /// The struct it belongs to.
    pub(crate) owner: &'static str,
    pub(crate) field: &'a Ident,
    pub(crate) message: String,
}

/// Parameters that nothing depends on; states and controls that no cost and no constraint sees, however many stages later.
pub(crate) fn fields<'a>(system: &'a System, tape: &Tape) -> Vec<Unused<'a>> {
    let Reach { seen, used } = reach(tape);
    let vectors = &system.vectors;
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

pub(crate) fn reach(tape: &Tape) -> Reach {
    let judges: Vec<Operand> = tape.limits.values().chain([tape.l, tape.terminal]).collect();
    Reach { seen: reached(tape, judges.clone()), used: reached(tape, [judges, tape.f.clone()].concat()) }
}

/// The inputs that `roots` depend on; with an entry of the state, all that the dynamics make it from.
fn reached(tape: &Tape, roots: Vec<Operand>) -> HashSet<Input> {
    let mut inputs = HashSet::new();
    let mut pieces = vec![false; tape.pieces.len()];
    let mut conditions = vec![false; tape.conditions.len()];
    // A stack of our own: chains of pieces are as long as the model.
    let mut operands = roots;
    let mut tests = Vec::new();
    loop {
        if let Some(operand) = operands.pop() {
            match operand {
                Operand::Constant(_) => {}
                Operand::Input(input) => {
                    if inputs.insert(input) && input.vector == Vector::X {
                        operands.push(tape.f[input.index as usize]);
                    }
                }
                Operand::Piece(index) => {
                    if std::mem::replace(&mut pieces[index], true) {
                        continue;
                    }
                    let piece = &tape.pieces[index];
                    operands.extend(&piece.operands);
                    match piece.rule {
                        Rule::Select(condition) => tests.push(condition),
                        // The value is its operand's, whatever the condition.
                        Rule::Gate { .. } | Rule::Smooth { .. } => {}
                    }
                }
            }
        } else if let Some(condition) = tests.pop() {
            if std::mem::replace(&mut conditions[condition], true) {
                continue;
            }
            match tape.conditions[condition] {
                Condition::Compare(_, a, b) => operands.extend([a, b]),
                Condition::And(a, b) | Condition::Or(a, b) => tests.extend([a, b]),
                Condition::Not(a) => tests.push(a),
            }
        } else {
            return inputs;
        }
    }
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
