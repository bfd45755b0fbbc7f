//! Derivatives of weighted rows, some of which are singular: they may have no derivative where their value is finite, as the norm of a
//! control at rest. A row without a multiplier must add nothing there, but zero times infinity is NaN. So each singular row is
//! differentiated on its own, and a selection by its weights leaves it out.

use std::collections::BTreeMap;

use super::chain_rule::{ChainRule, Row, WeightedOutputs};
use super::hessian::Entries;
use super::kernel_writer::{KernelWriter, direction_of};
use super::tape::Operand;
use crate::program::functions::Comparison;
use crate::program::op::ValueId;
use crate::program::vectors::Vector;

const VARIABLES: [Vector; 2] = [Vector::X, Vector::U];

const ALL: [Vector; 4] = [Vector::X, Vector::U, Vector::P, Vector::S];

impl KernelWriter<'_> {
    /// The lower triangle of the Hessian of `mu' c` in state and control.
    pub(super) fn hessian_of_rows(&mut self, rows: &[Operand]) -> Entries {
        let singular = self.tape.are_singular(rows, &VARIABLES);
        let weighted = self.weighted(rows, Vector::Mu);
        self.row_by_row([weighted, Vec::new()], &singular, |chain_rule, [weighted, _]| {
            chain_rule.hessian(weighted, &VARIABLES)
        })
    }

    /// The derivatives of `mu' c` in state and control, then in the parameters.
    pub(super) fn cross_of_rows(&mut self, rows: &[Operand]) -> Entries {
        let singular = self.tape.are_singular(rows, &ALL);
        let weighted = self.weighted(rows, Vector::Mu);
        self.row_by_row([weighted, Vec::new()], &singular, |chain_rule, [weighted, _]| {
            chain_rule.cross(weighted, &VARIABLES, &[Vector::P])
        })
    }

    /// The change of the gradient of `mu' c` in the parameters, along a direction of variables and multipliers. Also that in the weights
    /// of functions of vectors, one for each call. The latter cannot be selected, so rows with weights count as regular.
    pub(super) fn contraction_of_rows(&mut self, rows: &[Operand]) -> (Row, Vec<ValueId>) {
        let mut singular = self.tape.are_singular(rows, &ALL);
        for (singular, &row) in singular.iter_mut().zip(rows) {
            *singular &= !self.tape.has_weights(&[row]);
        }
        let weighted = [Vector::Mu, Vector::DMu].map(|vector| self.weighted(rows, vector));
        let mut of_weights = Vec::new();
        let gradient = self.row_by_row(weighted, &singular, |chain_rule, [weighted, weights]| {
            let (gradient, more) = chain_rule.contraction(weighted, weights, direction_of);
            of_weights.extend(more);
            gradient
        });
        (gradient, of_weights)
    }

    /// The gradient of weighted bounds in the parameters.
    pub(super) fn gradient_of_bounds(&mut self, weighted: WeightedOutputs) -> Row {
        let bounds: Vec<Operand> = weighted.iter().map(|&(bound, _)| bound).collect();
        let singular = self.tape.are_singular(&bounds, &ALL);
        self.row_by_row([weighted, Vec::new()], &singular, |chain_rule, [weighted, _]| {
            chain_rule.reverse(weighted).inputs
        })
    }

    /// The sum of derivatives: of all regular rows at once, and of each singular one where one of its weights is not zero.
    /// Each list of weights has an entry for each row, or none at all.
    fn row_by_row<K: Ord>(
        &mut self,
        weighted: [WeightedOutputs; 2],
        singular: &[bool],
        mut derive: impl FnMut(&mut ChainRule<'_>, [&WeightedOutputs; 2]) -> BTreeMap<K, ValueId>,
    ) -> BTreeMap<K, ValueId> {
        let choose = |wanted: &dyn Fn(usize) -> bool| {
            weighted.each_ref().map(|all| {
                let chosen = all.iter().enumerate().filter(|(i, _)| wanted(*i));
                chosen.map(|(_, row)| *row).collect::<WeightedOutputs>()
            })
        };
        let regular = derive(&mut self.chain_rule, choose(&|i| !singular[i]).each_ref());
        if !singular.contains(&true) {
            return regular;
        }
        let mut sums: BTreeMap<K, Vec<ValueId>> = regular.into_iter().map(|(key, value)| (key, vec![value])).collect();
        for i in (0..singular.len()).filter(|&i| singular[i]) {
            let row = choose(&|other| other == i);
            let inactive = self.vanish(row.iter().flatten().map(|&(_, weight)| weight));
            let zero = self.chain_rule.builder.constant(0.0);
            for (key, value) in derive(&mut self.chain_rule, row.each_ref()) {
                sums.entry(key).or_default().push(self.chain_rule.builder.select(inactive, zero, value));
            }
        }
        let builder = &mut self.chain_rule.builder;
        sums.into_iter().map(|(key, terms)| (key, builder.sum(&terms))).collect()
    }

    /// The condition that all values are zero, also in their derivatives.
    fn vanish(&mut self, values: impl Iterator<Item = ValueId>) -> ValueId {
        let builder = &mut self.chain_rule.builder;
        let zero = builder.constant(0.0);
        let conditions: Vec<ValueId> = values.map(|value| builder.compare(Comparison::Same, value, zero)).collect();
        conditions.into_iter().reduce(|a, b| builder.and(a, b)).unwrap_or(zero)
    }
}
