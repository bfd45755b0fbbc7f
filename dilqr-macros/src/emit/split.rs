//! Splits long programs into chunks, and assigns slots of a scratch array to the values that cross from chunk to chunk.

use crate::program::fields::Output;
use crate::program::op::{Op, ValueId};
use crate::program::program::Program;

/// The most statements in one generated function. rustc 1.95 overflows its stack somewhere beyond 2,500 `let`s when debug
/// information is on, and takes minutes over very long functions.
pub(super) const MAX_STATEMENTS: usize = 950;

/// The least statements of a chunk other than the last. Beyond them it ends where the fewest values cross.
const MIN_CHUNK: usize = MAX_STATEMENTS * 3 / 4;

/// The boundaries of the chunks: 0, the splits, and the end. `inlined` operations have no `let` unless a split separates them
/// from their reader. `returned_at_end` values are read after the last chunk.
pub(super) fn chunk_boundaries(
    program: &Program,
    inlined: &[bool],
    outputs: &[Vec<Output>],
    returned_at_end: &[usize],
) -> Vec<usize> {
    let ops = &program.ops;
    let operands = |index: usize| ops[index].operands().into_iter().flatten().map(ValueId::index);
    // The last reader of each value, and the values whose last reader is each operation.
    let mut last_use: Vec<usize> = (0..ops.len()).collect();
    for index in 0..ops.len() {
        operands(index).for_each(|a| last_use[a] = index);
    }
    for &value in returned_at_end {
        last_use[value] = ops.len();
    }
    let mut last_uses = vec![Vec::new(); ops.len() + 1];
    for (index, &reader) in last_use.iter().enumerate() {
        last_uses[reader].push(index);
    }
    // A value that crosses the end of its chunk is spilled, and has a `let`.
    let crossing = |index: usize| if ops[index].is_computed_scalar() { 1 + usize::from(inlined[index]) } else { 0 };
    let mut bounds = vec![0];
    let mut loaded_in = vec![usize::MAX; ops.len()];
    let mut start = 0;
    while start < ops.len() {
        let (mut statements, mut spills, mut fewest) = (0, 0, (usize::MAX, ops.len()));
        let mut end = start;
        while end < ops.len() {
            let has_let = ops[end].computes() && !inlined[end];
            statements += usize::from(has_let) + outputs[end].len();
            for a in operands(end) {
                if (a < start || !ops[a].computes()) && ops[a].is_scalar() && loaded_in[a] != start {
                    loaded_in[a] = start;
                    statements += 1;
                }
            }
            spills += crossing(end);
            spills -= last_uses[end].iter().filter(|&&a| a >= start).map(|&a| crossing(a)).sum::<usize>();
            if statements + spills > MAX_STATEMENTS {
                break;
            }
            end += 1;
            // A list and its call stay together.
            let after_list = matches!(ops[end - 1], Op::List(..));
            if statements + spills >= MIN_CHUNK && spills <= fewest.0 && !after_list {
                fewest = (spills, end);
            }
        }
        let mut next = if end == ops.len() { end } else { fewest.1.min(end).max(start + 1) };
        while next > start + 1 && matches!(ops[next - 1], Op::List(..)) {
            next -= 1;
        }
        start = next;
        bounds.push(start);
    }
    bounds
}

/// The slot of each value that a later chunk reads, and the number of slots. A slot is free again in the chunk after the
/// value's last reader.
pub(super) fn spill_slots(ops: &[Op], chunk_of: &[usize], last_use: &[usize]) -> (Vec<Option<usize>>, usize) {
    let mut free: Vec<usize> = Vec::new();
    let mut busy: Vec<(usize, usize)> = Vec::new();
    let mut slots = 0;
    let mut slot = vec![None; ops.len()];
    for index in 0..ops.len() {
        if !ops[index].is_computed_scalar() || last_use[index] == chunk_of[index] {
            continue;
        }
        busy.retain(|&(until, number)| {
            if until < chunk_of[index] {
                free.push(number);
            }
            until >= chunk_of[index]
        });
        let number = free.pop().unwrap_or_else(|| {
            slots += 1;
            slots - 1
        });
        busy.push((last_use[index], number));
        slot[index] = Some(number);
    }
    (slot, slots)
}
