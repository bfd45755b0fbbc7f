//! Second derivatives of a scalar on the tape, by columns or elemental by elemental.

use std::collections::{BTreeMap, BTreeSet};

use super::chain_rule::{ChainRule, HessianStrategy, Row, SecondPartials, WeightedOutputs, tangent_along};
use super::tape::{ElementalKind, Operand};
use crate::program::op::ValueId;
use crate::program::vectors::{Input, Vector};

/// Second derivatives by row and column.
pub(crate) type Entries = BTreeMap<(Input, Input), ValueId>;

/// The entries to compute: rows in the inputs of `left`, columns in those of `right`, as far as `wanted` holds.
#[derive(Clone, Copy)]
pub(super) struct Block<'a> {
    pub(super) left: &'a [Vector],
    pub(super) right: &'a [Vector],
    pub(super) wanted: &'a dyn Fn(Input, Input) -> bool,
}

impl ChainRule<'_> {
    /// The lower triangle of the Hessian in the inputs of `vectors`.
    pub(crate) fn hessian(&mut self, weighted: &WeightedOutputs, vectors: &[Vector]) -> Entries {
        self.second_derivatives(weighted, Block { left: vectors, right: vectors, wanted: &|row, column| row >= column })
    }

    /// The second derivatives with rows in the inputs of `left` and columns in those of `right`, a disjoint set.
    pub(crate) fn cross(&mut self, weighted: &WeightedOutputs, left: &[Vector], right: &[Vector]) -> Entries {
        self.second_derivatives(weighted, Block { left, right, wanted: &|_, _| true })
    }

    fn second_derivatives(&mut self, weighted: &WeightedOutputs, block: Block<'_>) -> Entries {
        self.used.1.set(true);
        let mut elementals = self.tape.elementals.iter();
        let stops = elementals.any(|elemental| matches!(elemental.kind, ElementalKind::StopGradient { .. }));
        match self.strategy.hessian {
            HessianStrategy::EdgePushing => self.edge_pushing(weighted, block.left, block.right),
            // Elemental by elemental no gradient is stopped: a branch that does not run could give infinity times zero.
            HessianStrategy::Elementals if !stops => self.by_elementals(weighted, block),
            HessianStrategy::Rows => {
                let Block { left, right, wanted } = block;
                let transposed = Block { left: right, right: left, wanted: &|row, column| wanted(column, row) };
                let entries = self.by_columns(weighted, transposed);
                entries.into_iter().map(|((row, column), value)| ((column, row), value)).collect()
            }
            HessianStrategy::Elementals | HessianStrategy::Columns => self.by_columns(weighted, block),
        }
    }

    fn by_columns(&mut self, weighted: &WeightedOutputs, Block { left, right, wanted }: Block<'_>) -> Entries {
        let rows = self.forward(right);
        let adjoints = self.reverse(weighted);
        let mut columns: BTreeSet<Input> = rows.iter().flat_map(|row| row.keys().copied()).collect();
        columns.retain(|column| right.contains(&column.vector));
        let one = self.builder.constant(1.0);
        let mut entries = Entries::new();
        for column in columns {
            if self.builder.is_full() {
                return Entries::new();
            }
            let tangent = |operand: Operand| tangent_along(column, operand, &rows, one);
            for (row, value) in self.reverse_in_direction(&adjoints, &tangent, &[]).inputs {
                if left.contains(&row.vector) && wanted(row, column) {
                    entries.insert((row, column), value);
                }
            }
        }
        entries
    }

    /// `sum_k w_k A_k' (d2 phi_k) B_k` with the Jacobians `A` and `B` of the operands in the two groups of inputs.
    fn by_elementals(&mut self, weighted: &WeightedOutputs, block: Block<'_>) -> Entries {
        let Block { left, right, wanted } = block;
        let left_rows = self.forward(left);
        let right_rows = if left == right { left_rows.clone() } else { self.forward(right) };
        let adjoints = self.reverse(weighted);
        let mut sums: BTreeMap<(Input, Input), Vec<ValueId>> = BTreeMap::new();
        for index in 0..self.tape.elementals.len() {
            if self.builder.is_full() {
                return Entries::new();
            }
            let Some(weighted) = self.weighted_second_partials(index, &adjoints) else { continue };
            let operands = self.operands(index);
            let a: Vec<Row> = operands.iter().map(|&operand| self.row(&left_rows, operand, left)).collect();
            let b: Vec<Row> = operands.iter().map(|&operand| self.row(&right_rows, operand, right)).collect();
            // First w (d2 phi) B, operand by operand; then A' times it.
            let hessian_terms = self.weighted_hessian_times(weighted, [&a, &b]);
            for (rows, columns) in a.iter().zip(hessian_terms) {
                for (column, terms) in columns {
                    if !rows.keys().any(|&row| wanted(row, column)) {
                        continue;
                    }
                    let sum = self.builder.sum(&terms);
                    for (&row, &value) in rows {
                        if wanted(row, column) {
                            sums.entry((row, column)).or_default().push(self.builder.mul(value, sum));
                        }
                    }
                }
            }
        }
        self.sum_entries(sums)
    }

    /// The terms of `w (d2 phi) B` for each operand, by columns of `B`; only what `A` or `B` make non-zero.
    fn weighted_hessian_times(
        &mut self,
        (adjoint, second_partials): (ValueId, SecondPartials),
        [a, b]: [&[Row]; 2],
    ) -> Vec<BTreeMap<Input, Vec<ValueId>>> {
        let mut terms: Vec<BTreeMap<Input, Vec<ValueId>>> = vec![BTreeMap::new(); a.len()];
        for (i, j, partial) in second_partials {
            if (a[i].is_empty() || b[j].is_empty()) && (a[j].is_empty() || b[i].is_empty()) {
                continue;
            }
            let weight = self.builder.mul(adjoint, partial);
            for (column, &value) in &b[j] {
                terms[i].entry(*column).or_default().push(self.builder.mul(weight, value));
            }
            if i != j {
                for (column, &value) in &b[i] {
                    terms[j].entry(*column).or_default().push(self.builder.mul(weight, value));
                }
            }
        }
        terms
    }

    pub(super) fn sum_entries(&mut self, sums: impl IntoIterator<Item = ((Input, Input), Vec<ValueId>)>) -> Entries {
        let mut entries = Entries::new();
        for (position, terms) in sums {
            let value = self.builder.sum(&terms);
            if !self.builder.is_zero(value) {
                entries.insert(position, value);
            }
        }
        entries
    }
}
