//! A program as the bodies of functions: chunks of bounded length, and what each reads, writes, spills and reloads.
//!
//! An operation that is read once has no `let`: it is inlined where it is read. A product that one sum reads becomes a
//! multiply-add, which the runtime rounds once where the target can.

use std::collections::BTreeMap;

use super::split::{self, MAX_STATEMENTS};
use crate::program::fields::{Field, Output};
use crate::program::functions::ElementaryFunction;
use crate::program::op::{Op, ValueId};
use crate::program::program::Program;

/// The most operations of an inlined expression, so that a statement has a line or two. Products in sums are exempt, and add
/// a few.
const MAX_INLINED: usize = 6;

/// A program, split into chunks.
pub(super) struct KernelBody<'a> {
    pub(super) chunks: Vec<FunctionChunk<'a>>,
    /// Length of the scratch array for values that cross from chunk to chunk.
    pub(super) slots: usize,
}

/// One function of a kernel.
pub(super) struct FunctionChunk<'a> {
    pub(super) program: &'a Program,
    /// The chunk has the operations `start..end`.
    pub(super) start: usize,
    pub(super) end: usize,
    /// The outputs to write after each operation.
    pub(super) outputs: Vec<(usize, Output)>,
    /// The operations among them that are inlined.
    pub(super) inlined: Vec<bool>,
    /// The values that its operations read from elsewhere: inputs, constants, and values spilled by earlier chunks.
    pub(super) loads: BTreeMap<usize, Load>,
    /// The values it spills, with their slots.
    pub(super) spills: Vec<(usize, usize)>,
    /// The value that the last chunk returns.
    pub(super) result: Option<usize>,
    /// Whether the chunk returns the cost, which is zero without a `result`.
    pub(super) returns: bool,
}

#[derive(Clone, Copy)]
pub(super) struct Load {
    /// The slot, for values of earlier chunks.
    pub(super) slot: Option<usize>,
    /// How often the chunk reads it.
    pub(super) reads: usize,
}

/// The outputs of a program by the operation that computes them.
struct Outputs {
    by_operation: Vec<Vec<Output>>,
    /// The value that is returned and not written.
    result: Option<usize>,
    /// Outputs of values that are written to very many entries: these are written at the end, in chunks of their own.
    deferred: Vec<(usize, Output)>,
}

impl Outputs {
    fn of(program: &Program, returns: bool) -> Self {
        let mut outputs =
            Self { by_operation: vec![Vec::new(); program.ops.len()], result: None, deferred: Vec::new() };
        for &(output, value) in &program.outputs {
            if returns && output.field == Field::L {
                outputs.result = Some(value.index());
            } else {
                outputs.by_operation[value.index()].push(output);
            }
        }
        for (index, of_value) in outputs.by_operation.iter_mut().enumerate() {
            if of_value.len() > MAX_STATEMENTS / 4 {
                outputs.deferred.extend(of_value.drain(MAX_STATEMENTS / 4..).map(|output| (index, output)));
            }
        }
        outputs
    }

    /// The values that the last chunks read.
    fn returned_at_end(&self) -> Vec<usize> {
        self.deferred.iter().map(|&(index, _)| index).chain(self.result).collect()
    }
}

impl<'a> KernelBody<'a> {
    pub(super) fn new(program: &'a Program, returns: bool) -> Self {
        let ops = &program.ops;
        let outputs = Outputs::of(program, returns);
        let reads = reads(program);
        let returned_at_end = outputs.returned_at_end();
        let inlined_in_one = inlined(program, &reads, |_| false);
        let boundaries = split::chunk_boundaries(program, &inlined_in_one, &outputs.by_operation, &returned_at_end);
        let computing = boundaries.len().saturating_sub(1).max(1);
        let deferred: Vec<&[(usize, Output)]> = outputs.deferred.chunks(MAX_STATEMENTS / 2).collect();
        let count = computing + deferred.len();
        let chunk_of: Vec<usize> =
            (0..ops.len()).map(|index| boundaries.partition_point(|&bound| bound <= index) - 1).collect();
        let last_use = last_uses(program, &chunk_of, &returned_at_end, count - 1);
        let (slot, slots) = split::spill_slots(ops, &chunk_of, &last_use);
        let start_of = |number: usize| boundaries.get(number).copied().unwrap_or(ops.len());
        let mut chunks: Vec<FunctionChunk<'a>> = (0..count)
            .map(|number| FunctionChunk {
                result: outputs.result.filter(|_| number + 1 == count),
                returns: returns && number + 1 == count,
                ..FunctionChunk::empty(program, start_of(number), start_of(number + 1))
            })
            .collect();
        let inlined = inlined(program, &reads, |index| slot[index].is_some());
        for (index, op) in ops.iter().enumerate() {
            let chunk = &mut chunks[chunk_of[index]];
            chunk.inlined.push(inlined[index]);
            chunk.outputs.extend(outputs.by_operation[index].iter().map(|output| (index, *output)));
            chunk.spills.extend(slot[index].map(|slot| (index, slot)));
            for operand in op.operands().into_iter().flatten().map(ValueId::index) {
                let elsewhere = chunk_of[operand] != chunk_of[index] || !ops[operand].computes();
                if elsewhere && ops[operand].is_scalar() {
                    chunk.load(operand, slot[operand]);
                }
            }
        }
        for (chunk, outputs) in chunks[computing..].iter_mut().zip(deferred) {
            chunk.outputs = outputs.to_vec();
            outputs.iter().for_each(|&(index, _)| chunk.load(index, slot[index]));
        }
        if let (Some(result), Some(chunk)) = (outputs.result, chunks.last_mut())
            && chunk_of[result] + 1 != count
        {
            chunk.load(result, slot[result]);
        }
        Self { chunks, slots }
    }
}

impl<'a> FunctionChunk<'a> {
    fn empty(program: &'a Program, start: usize, end: usize) -> Self {
        Self {
            program,
            start,
            end,
            outputs: Vec::new(),
            inlined: Vec::new(),
            loads: BTreeMap::new(),
            spills: Vec::new(),
            result: None,
            returns: false,
        }
    }

    fn load(&mut self, index: usize, slot: Option<usize>) {
        self.loads.entry(index).or_insert(Load { slot, reads: 0 }).reads += 1;
    }

    pub(super) fn is_inlined(&self, index: usize) -> bool {
        index >= self.start && self.inlined[index - self.start]
    }
}

/// The last chunk that reads each value; the values of `returned_at_end` are read by the last of all.
fn last_uses(program: &Program, chunk_of: &[usize], returned_at_end: &[usize], last: usize) -> Vec<usize> {
    let mut last_use = chunk_of.to_vec();
    for (index, op) in program.ops.iter().enumerate() {
        for operand in op.operands().into_iter().flatten() {
            last_use[operand.index()] = last_use[operand.index()].max(chunk_of[index]);
        }
    }
    for &value in returned_at_end {
        last_use[value] = last;
    }
    last_use
}

/// How often operations and outputs read each value.
fn reads(program: &Program) -> Vec<usize> {
    let mut reads = vec![0; program.ops.len()];
    let operands = program.ops.iter().flat_map(|op| op.operands().into_iter().flatten());
    for value in operands.chain(program.outputs.iter().map(|&(_, value)| value)) {
        reads[value.index()] += 1;
    }
    reads
}

/// The operations to inline: those that are read once, within their chunk.
fn inlined(program: &Program, reads: &[usize], is_spilled: impl Fn(usize) -> bool) -> Vec<bool> {
    let ops = &program.ops;
    // Whether a sum reads the value.
    let mut summed = vec![false; ops.len()];
    for op in ops {
        for operand in op.operands().into_iter().flatten() {
            summed[operand.index()] = matches!(op, Op::Add(..) | Op::Sub(..));
        }
    }
    let mut inlined = vec![false; ops.len()];
    let mut sizes = vec![0_usize; ops.len()];
    for (index, op) in ops.iter().enumerate() {
        let operands = op.operands().into_iter().flatten().map(ValueId::index);
        sizes[index] = 1 + operands.filter(|&operand| inlined[operand]).map(|operand| sizes[operand]).sum::<usize>();
        let fits = sizes[index] <= MAX_INLINED || (matches!(op, Op::Mul(..)) && summed[index]);
        // The sine and the cosine of one angle are computed together.
        let in_pair = matches!(op, Op::Unary(ElementaryFunction::Sin | ElementaryFunction::Cos, _));
        let once = op.is_computed_scalar() && reads[index] == 1 && !is_spilled(index) && fits && !in_pair;
        inlined[index] = once || matches!(op, Op::List(..));
    }
    inlined
}
