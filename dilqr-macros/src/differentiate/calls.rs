//! Derivatives of vector functions: what their calls add to second derivatives, and gradients in their weights.

use super::chain_rule::{Adjoints, ChainRule, SecondPartials};
use super::tape::{Call, ElementalKind, Operand};
use crate::program::op::ValueId;

impl ChainRule<'_> {
    /// The second partials of an elemental with an adjoint, and the factor that they have: the second derivatives that the
    /// elemental adds to those of the scalar. `None` where there are none. The entries of a call have theirs together, with the
    /// first of them.
    pub(super) fn weighted_second_partials(
        &mut self,
        index: usize,
        adjoints: &Adjoints,
    ) -> Option<(ValueId, SecondPartials)> {
        let tape = self.tape;
        match &tape.elementals[index].kind {
            ElementalKind::Smooth { partials, .. } => {
                let adjoint = adjoints.elementals[index].filter(|_| !partials.second.is_empty())?;
                Some((adjoint, self.second_partials(index)))
            }
            ElementalKind::Entry { call, .. } => {
                let call = &tape.calls[*call];
                let outputs = self.output_adjoints(call, adjoints).filter(|_| call.first() == Some(index))?;
                let expansion = self.expansion(call);
                let contraction = self.builder.contract(call.function, expansion, &outputs);
                let inputs = call.function.inputs();
                let pairs = (0..inputs).flat_map(|row| (0..=row).map(move |column| (row, column)));
                let second =
                    pairs.map(|(row, column)| (row, column, self.builder.entry(contraction, row * inputs + column)));
                let second = second.collect();
                Some((self.builder.constant(1.0), second))
            }
            ElementalKind::Select(_) | ElementalKind::StopGradient { .. } => None,
        }
    }

    /// The value and the Jacobian of a call.
    pub(super) fn expansion(&mut self, call: &Call) -> ValueId {
        if let Some(first) = call.first() {
            self.value(Operand::Elemental(first));
        }
        let operands: Vec<ValueId> = call.operands.iter().map(|&operand| self.known_value(operand)).collect();
        self.builder.expand(call.function, &operands)
    }

    /// The adjoints of a call's outputs; `None` where all are zero.
    pub(super) fn output_adjoints(&mut self, call: &Call, adjoints: &Adjoints) -> Option<Vec<ValueId>> {
        let found = call.outputs.iter().map(|output| output.and_then(|output| adjoints.elementals[output]));
        let found: Vec<Option<ValueId>> = found.collect();
        let zero = self.builder.constant(0.0);
        found.iter().any(Option::is_some).then(|| found.iter().map(|adjoint| adjoint.unwrap_or(zero)).collect())
    }

    /// The gradients in the weights of vector functions of the scalar with these adjoints, one for each call.
    pub(crate) fn weight_gradients(&mut self, adjoints: &Adjoints) -> Vec<ValueId> {
        let mut gradients = Vec::new();
        for call in self.tape.calls.iter().filter(|call| call.function.weights > 0) {
            let Some(mu) = self.output_adjoints(call, adjoints) else { continue };
            let expansion = self.expansion(call);
            gradients.push(self.builder.add_weights(call.function, expansion, &mu));
        }
        gradients
    }

    /// The changes of these gradients along a direction.
    pub(super) fn weight_contractions(
        &mut self,
        adjoints: &Adjoints,
        changes: &Adjoints,
        tangent: &dyn Fn(Operand) -> Option<ValueId>,
    ) -> Vec<ValueId> {
        let mut contractions = Vec::new();
        let zero = self.builder.constant(0.0);
        for call in self.tape.calls.iter().filter(|call| call.function.weights > 0) {
            let (mu, dmu) = (self.output_adjoints(call, adjoints), self.output_adjoints(call, changes));
            let dz: Vec<Option<ValueId>> = call.operands.iter().map(|&operand| tangent(operand)).collect();
            if dmu.is_none() && (mu.is_none() || dz.iter().all(Option::is_none)) {
                continue;
            }
            let none = vec![zero; call.function.outputs()];
            let dz = dz.into_iter().map(|dz| dz.unwrap_or(zero));
            let (mu, dmu) = (mu.unwrap_or_else(|| none.clone()), dmu.unwrap_or(none));
            let directions: Vec<ValueId> = dz.chain(mu).chain(dmu).collect();
            let expansion = self.expansion(call);
            contractions.push(self.builder.add_weights(call.function, expansion, &directions));
        }
        contractions
    }
}
