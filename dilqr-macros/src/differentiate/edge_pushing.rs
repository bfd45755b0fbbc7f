//! Second derivatives in reverse: each elemental hands its second derivatives with all live values on to its operands.
//!
//! Reference: Gower and Mello, *A new framework for the computation of Hessians*, Optimization Methods and Software, 2012.

use std::collections::BTreeMap;

use super::chain_rule::{ChainRule, WeightedOutputs};
use super::hessian::Entries;
use super::tape::{Operand, OperandOrder, Tape};
use crate::program::builder::Builder;
use crate::program::op::ValueId;
use crate::program::vectors::{Input, Vector};

impl ChainRule<'_> {
    pub(super) fn edge_pushing(&mut self, weighted: &WeightedOutputs, left: &[Vector], right: &[Vector]) -> Entries {
        let adjoints = self.reverse(weighted);
        let dependence = Dependence::new(self.tape, left, right);
        let mut live = Interactions::default();
        for index in (0..self.tape.elementals.len()).rev() {
            if self.builder.is_full() {
                return Entries::new();
            }
            if !dependence.depends(Operand::Elemental(index)) {
                continue;
            }
            self.push_edges(index, &dependence, &mut live);
            let Some((adjoint, second_partials)) = self.weighted_second_partials(index, &adjoints) else { continue };
            let operands = self.operands(index);
            for (row, column, partial) in second_partials {
                if dependence.interact(operands[row], operands[column]) {
                    let term = self.builder.mul(adjoint, partial);
                    // A call may have one operand in two places: both orders of the pair count.
                    let twice = row != column && operands[row] == operands[column];
                    for _ in 0..1 + usize::from(twice) {
                        live.add(operands[row], operands[column], term);
                    }
                }
            }
        }
        let sums = live.inputs().into_iter().map(|((a, b), terms)| {
            // The pair is unordered: the row is the one in the left set, and within one set the later input.
            let (in_left, in_right) = (left.contains(&a.vector), right.contains(&b.vector));
            let a_is_row = in_left && in_right && (!left.contains(&b.vector) || a >= b);
            (if a_is_row { (a, b) } else { (b, a) }, terms)
        });
        let sums: Vec<_> = sums.collect();
        self.sum_entries(sums)
    }

    /// Moves the second derivatives of an elemental with all live values to its operands.
    fn push_edges(&mut self, index: usize, dependence: &Dependence<'_>, live: &mut Interactions) {
        let this = Operand::Elemental(index);
        let (mut neighbors, mut values) = (Vec::new(), Vec::new());
        for (neighbor, value) in live.take(this, &mut self.builder) {
            if neighbor == this {
                self.push_diagonal(index, value, dependence, live);
            } else {
                neighbors.push(neighbor);
                values.push(value);
            }
        }
        for (neighbor, terms) in neighbors.into_iter().zip(self.vjp_all(index, &values)) {
            for (operand, term) in terms {
                if dependence.interact(operand, neighbor) {
                    live.add(operand, neighbor, term);
                    if operand == neighbor {
                        live.add(operand, neighbor, term);
                    }
                }
            }
        }
    }

    /// Moves the second derivative of an elemental with itself to its operands.
    fn push_diagonal(&mut self, index: usize, value: ValueId, dependence: &Dependence<'_>, live: &mut Interactions) {
        let operands = self.operands(index);
        if !self.is_smooth(index) {
            // One operand at a time is selected: there are no mixed terms.
            for (operand, term) in self.vjp(index, value) {
                if dependence.interact(operand, operand) {
                    live.add(operand, operand, term);
                }
            }
            return;
        }
        let first = self.first_partials(index);
        for (position, &operand) in operands.iter().enumerate() {
            let scaled = self.builder.mul(first[position], value);
            for (other_position, &other) in operands.iter().enumerate().take(position + 1) {
                if dependence.interact(operand, other) {
                    let term = self.builder.mul(scaled, first[other_position]);
                    let twice = position != other_position && operand == other;
                    for _ in 0..1 + usize::from(twice) {
                        live.add(operand, other, term);
                    }
                }
            }
        }
    }
}

/// Which operands depend on an input of the left set, and on one of the right set. Others are constants here.
struct Dependence<'a> {
    left: &'a [Vector],
    right: &'a [Vector],
    elementals: Vec<(bool, bool)>,
}

impl<'a> Dependence<'a> {
    fn new(tape: &Tape, left: &'a [Vector], right: &'a [Vector]) -> Self {
        let mut dependence = Self { left, right, elementals: Vec::new() };
        for elemental in &tape.elementals {
            let operands = elemental.operands.iter().map(|&operand| dependence.of(operand));
            let all = operands.fold((false, false), |a, b| (a.0 || b.0, a.1 || b.1));
            dependence.elementals.push(all);
        }
        dependence
    }

    fn of(&self, operand: Operand) -> (bool, bool) {
        match operand {
            Operand::Constant(_) => (false, false),
            Operand::Input(input) => (self.left.contains(&input.vector), self.right.contains(&input.vector)),
            Operand::Elemental(index) => self.elementals[index],
        }
    }

    fn depends(&self, operand: Operand) -> bool {
        self.of(operand) != (false, false)
    }

    /// Whether a second derivative in the two operands contributes to an entry.
    fn interact(&self, a: Operand, b: Operand) -> bool {
        let (a, b) = (self.of(a), self.of(b));
        (a.0 && b.1) || (a.1 && b.0)
    }
}

/// Terms of the second derivatives in pairs of live operands.
#[derive(Default)]
struct Interactions {
    terms: BTreeMap<OperandOrder, BTreeMap<OperandOrder, Vec<ValueId>>>,
}

impl Interactions {
    /// Adds to the entry of an unordered pair; it is kept under the later of the two, which is eliminated first.
    fn add(&mut self, a: Operand, b: Operand, term: ValueId) {
        if let (Some(a), Some(b)) = (a.order(), b.order()) {
            self.terms.entry(a.max(b)).or_default().entry(a.min(b)).or_default().push(term);
        }
    }

    /// The non-zero entries of the latest live elemental with every live operand, itself included.
    fn take(&mut self, operand: Operand, builder: &mut Builder) -> Vec<(Operand, ValueId)> {
        let Some(row) = operand.order().and_then(|order| self.terms.remove(&order)) else { return Vec::new() };
        let mut entries = Vec::new();
        for (order, terms) in row {
            let value = builder.factored_sum(&terms);
            if !builder.is_zero(value) {
                entries.push((order.into(), value));
            }
        }
        entries
    }

    /// The entries that are left at the end: pairs of inputs.
    fn inputs(self) -> Vec<((Input, Input), Vec<ValueId>)> {
        let mut pairs = Vec::new();
        for (later, row) in self.terms {
            for (earlier, terms) in row {
                if let (OperandOrder::Input(a), OperandOrder::Input(b)) = (later, earlier) {
                    pairs.push(((a, b), terms));
                }
            }
        }
        pairs
    }
}
