//! The chain rule over the tape: values, Jacobians, gradients and contractions.
//!
//! With elementals `b_k = phi_k(operands)` and adjoints `w_k = dH/db_k` of a scalar `H`:
//!
//! * a Jacobian is accumulated forwards (rows `db_k/dz`) or in reverse (the adjoints of each output);
//! * a contraction is the reverse mode over the forward mode in one direction: its cost is a small multiple of the value's;
//! * second derivatives are in `hessian` and `edge_pushing`.
//!
//! Reference: Griewank and Walther, *Evaluating Derivatives*, 2008, chapters 3 to 5.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use super::tape::{Condition, ElementalKind, Operand, Tape};
use crate::program::builder::Builder;
use crate::program::op::ValueId;
use crate::program::vectors::{Input, Vector};

/// How a kernel is built from a tape.
#[derive(Clone, Copy)]
pub(crate) struct Strategy {
    pub(crate) jacobian: JacobianStrategy,
    pub(crate) hessian: HessianStrategy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JacobianStrategy {
    Forward,
    Reverse,
}

impl JacobianStrategy {
    pub(crate) const ALL: [Self; 2] = [Self::Forward, Self::Reverse];
}

/// How second derivatives are accumulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HessianStrategy {
    /// `sum_k w_k J_k' (d2 phi_k) J_k` with the Jacobians of the operands.
    Elementals,
    /// Derivatives of the adjoints in one direction after another.
    Columns,
    /// The same for the other triangle, or for the transposed block: the directions are other inputs, and share other
    /// expressions.
    Rows,
    /// In reverse: second derivatives in the values that are live, from the outputs to the inputs. Reference: Gower and
    /// Mello, *A new framework for the computation of Hessians*, 2012.
    EdgePushing,
}

impl HessianStrategy {
    pub(crate) const ALL: [Self; 4] = [Self::Columns, Self::Rows, Self::Elementals, Self::EdgePushing];
}

/// A sparse row: the derivative in each input that has one.
pub(crate) type Row = BTreeMap<Input, ValueId>;

/// The scalar to differentiate: outputs with their weights.
pub(crate) type WeightedOutputs = Vec<(Operand, ValueId)>;

/// The second partials of an elemental: pairs of operand positions, the larger first.
pub(super) type SecondPartials = Vec<(usize, usize, ValueId)>;

/// Derivatives of a scalar in the elementals (`None` where it does not depend on them) and in the inputs.
pub(crate) struct Adjoints {
    pub(super) elementals: Vec<Option<ValueId>>,
    pub(crate) inputs: Row,
}

pub(crate) struct ChainRule<'a> {
    pub(crate) builder: Builder,
    pub(super) tape: &'a Tape,
    pub(super) strategy: Strategy,
    /// Whether a Jacobian, and whether a Hessian, was accumulated.
    pub(super) used: (Cell<bool>, Cell<bool>),
    /// Values of the elementals, as far as they were needed.
    values: Vec<ValueId>,
    first_partials: Vec<Option<Vec<ValueId>>>,
    second_partials: Vec<Option<SecondPartials>>,
}

impl<'a> ChainRule<'a> {
    /// A chain rule that gives up after `limit` operations; its builder is full then.
    pub(crate) fn new(tape: &'a Tape, strategy: Strategy, limit: usize) -> Self {
        let n = tape.elementals.len();
        Self {
            builder: Builder::with_limit(limit),
            tape,
            strategy,
            used: (Cell::new(false), Cell::new(false)),
            values: Vec::new(),
            first_partials: vec![None; n],
            second_partials: vec![None; n],
        }
    }

    pub(crate) fn tape(&self) -> &'a Tape {
        self.tape
    }

    /// Whether what was built depends on the strategy for Jacobians, and on that for Hessians.
    pub(crate) fn depends_on_strategy(&self) -> (bool, bool) {
        (self.used.0.get(), self.used.1.get())
    }

    pub(crate) fn value(&mut self, operand: Operand) -> ValueId {
        if let Operand::Elemental(last) = operand {
            // In order, not recursively: a chain of lets may be longer than the stack is deep.
            for index in self.values.len()..=last {
                let operands = self.operand_values(index);
                let value = match &self.tape.elementals[index].kind {
                    ElementalKind::Smooth { term, .. } => self.builder.term(term, &operands),
                    ElementalKind::Select(condition) => {
                        let condition = self.condition(*condition);
                        self.builder.select(condition, operands[0], operands[1])
                    }
                    ElementalKind::StopGradient { .. } => operands[0],
                    ElementalKind::Entry { call, index } => {
                        let value = self.builder.evaluate(self.tape.calls[*call].function, &operands);
                        self.builder.entry(value, *index)
                    }
                };
                self.values.push(value);
            }
        }
        self.known_value(operand)
    }

    /// The value of an operand that has been computed.
    pub(super) fn known_value(&mut self, operand: Operand) -> ValueId {
        match operand {
            Operand::Constant(value) => self.builder.constant(value),
            Operand::Input(input) => self.builder.input(input),
            Operand::Elemental(index) => self.values[index],
        }
    }

    fn operand_values(&mut self, elemental: usize) -> Vec<ValueId> {
        self.operands(elemental).iter().map(|&operand| self.known_value(operand)).collect()
    }

    fn condition(&mut self, index: usize) -> ValueId {
        match self.tape.conditions[index] {
            Condition::Compare(comparison, a, b) => {
                let (a, b) = (self.known_value(a), self.known_value(b));
                self.builder.compare(comparison, a, b)
            }
            Condition::And(a, b) => {
                let (a, b) = (self.condition(a), self.condition(b));
                self.builder.and(a, b)
            }
            Condition::Or(a, b) => {
                let (a, b) = (self.condition(a), self.condition(b));
                self.builder.or(a, b)
            }
            Condition::Not(a) => {
                let a = self.condition(a);
                self.builder.not(a)
            }
        }
    }

    pub(super) fn operands(&self, elemental: usize) -> &'a [Operand] {
        &self.tape.elementals[elemental].operands
    }

    /// First partials of a smooth elemental, operand by operand.
    pub(super) fn first_partials(&mut self, index: usize) -> Vec<ValueId> {
        if let Some(first) = &self.first_partials[index] {
            return first.clone();
        }
        self.value(Operand::Elemental(index));
        let operands = self.operand_values(index);
        let first: Vec<ValueId> = match &self.tape.elementals[index].kind {
            ElementalKind::Smooth { partials, .. } => {
                partials.first.iter().map(|term| self.builder.term(term, &operands)).collect()
            }
            ElementalKind::Entry { call, index } => {
                let function = self.tape.calls[*call].function;
                let expansion = self.builder.expand(function, &operands);
                let start = function.outputs() + index * function.inputs();
                (start..start + function.inputs()).map(|entry| self.builder.entry(expansion, entry)).collect()
            }
            _ => Vec::new(),
        };
        self.first_partials[index] = Some(first.clone());
        first
    }

    pub(super) fn second_partials(&mut self, index: usize) -> SecondPartials {
        if let Some(second) = &self.second_partials[index] {
            return second.clone();
        }
        self.value(Operand::Elemental(index));
        let operands = self.operand_values(index);
        let second: SecondPartials = match &self.tape.elementals[index].kind {
            ElementalKind::Smooth { partials, .. } => {
                let second = partials.second.iter();
                second.map(|(row, column, term)| (*row, *column, self.builder.term(term, &operands))).collect()
            }
            _ => Vec::new(),
        };
        self.second_partials[index] = Some(second.clone());
        second
    }

    pub(super) fn is_smooth(&self, index: usize) -> bool {
        matches!(self.tape.elementals[index].kind, ElementalKind::Smooth { .. } | ElementalKind::Entry { .. })
    }

    /// The tangent of an elemental from the tangents of its operands.
    fn jvp(&mut self, index: usize, tangents: &[Option<ValueId>]) -> Option<ValueId> {
        if tangents.iter().all(Option::is_none) {
            return None;
        }
        let tangent = match self.tape.elementals[index].kind {
            ElementalKind::Smooth { .. } | ElementalKind::Entry { .. } => {
                let terms = self.first_partials(index).into_iter().zip(tangents);
                let terms: Vec<ValueId> = terms
                    .filter_map(|(partial, tangent)| tangent.map(|tangent| self.builder.mul(partial, tangent)))
                    .collect();
                self.builder.sum(&terms)
            }
            ElementalKind::Select(condition) => {
                self.value(Operand::Elemental(index));
                let condition = self.condition(condition);
                let zero = self.builder.constant(0.0);
                self.builder.select(condition, tangents[0].unwrap_or(zero), tangents[1].unwrap_or(zero))
            }
            ElementalKind::StopGradient { .. } => tangents[0]?,
        };
        (!self.builder.is_zero(tangent)).then_some(tangent)
    }

    /// The contributions of an elemental's adjoint to the adjoints of its operands.
    pub(super) fn vjp(&mut self, index: usize, adjoint: ValueId) -> Vec<(Operand, ValueId)> {
        let operands = self.operands(index);
        match self.tape.elementals[index].kind {
            ElementalKind::Smooth { .. } | ElementalKind::Entry { .. } => {
                let first = self.first_partials(index);
                operands
                    .iter()
                    .zip(first)
                    .map(|(&operand, partial)| (operand, self.builder.mul(partial, adjoint)))
                    .collect()
            }
            ElementalKind::Select(condition) => {
                let (held, failed) = self.masked(index, condition, adjoint);
                vec![(operands[0], held), (operands[1], failed)]
            }
            ElementalKind::StopGradient { condition, when } => {
                let (held, failed) = self.masked(index, condition, adjoint);
                vec![(operands[0], if when { held } else { failed })]
            }
        }
    }

    /// [`vjp`](Self::vjp) of each adjoint. A constant factor that many of them have (an integrator's time step, for example)
    /// is multiplied into the partials once, not into every adjoint.
    pub(super) fn vjp_all(&mut self, index: usize, adjoints: &[ValueId]) -> Vec<Vec<(Operand, ValueId)>> {
        let operands = self.operands(index);
        let parts: Vec<(f64, ValueId)> = adjoints.iter().map(|&adjoint| self.builder.factored(adjoint)).collect();
        let mut products = Vec::new();
        for (&adjoint, &(factor, rest)) in adjoints.iter().zip(&parts) {
            let alike = parts.iter().filter(|(other, _)| other.abs() == factor.abs()).count();
            if !self.is_smooth(index) || factor.abs() == 1.0 || alike <= operands.len() {
                products.push(self.vjp(index, adjoint));
                continue;
            }
            let factor = self.builder.constant(factor);
            let scaled = self.first_partials(index).into_iter().map(|partial| {
                let partial = self.builder.mul(factor, partial);
                self.builder.mul(partial, rest)
            });
            products.push(operands.iter().copied().zip(scaled).collect());
        }
        products
    }

    /// A value where the condition holds and zero elsewhere, and the other way round.
    fn masked(&mut self, index: usize, condition: usize, value: ValueId) -> (ValueId, ValueId) {
        self.value(Operand::Elemental(index));
        let condition = self.condition(condition);
        let zero = self.builder.constant(0.0);
        (self.builder.select(condition, value, zero), self.builder.select(condition, zero, value))
    }

    /// Rows `db_k/dz` of every elemental, for the inputs `z` in `vectors`.
    pub(super) fn forward(&mut self, vectors: &[Vector]) -> Vec<Row> {
        let mut rows: Vec<Row> = Vec::new();
        for index in 0..self.tape.elementals.len() {
            let operands = self.operands(index);
            let mut inputs = BTreeSet::new();
            for operand in operands {
                match *operand {
                    Operand::Constant(_) => {}
                    Operand::Input(input) => inputs.extend(vectors.contains(&input.vector).then_some(input)),
                    Operand::Elemental(index) => inputs.extend(rows[index].keys()),
                }
            }
            let one = self.builder.constant(1.0);
            let mut row = Row::new();
            for input in inputs {
                let tangents: Vec<Option<ValueId>> =
                    operands.iter().map(|&operand| tangent_along(input, operand, &rows, one)).collect();
                if let Some(tangent) = self.jvp(index, &tangents) {
                    row.insert(input, tangent);
                }
            }
            rows.push(row);
        }
        rows
    }

    /// The row of an operand, given the rows of the elementals.
    pub(super) fn row(&mut self, rows: &[Row], operand: Operand, vectors: &[Vector]) -> Row {
        match operand {
            Operand::Constant(_) => Row::new(),
            Operand::Input(input) if vectors.contains(&input.vector) => {
                Row::from([(input, self.builder.constant(1.0))])
            }
            Operand::Input(_) => Row::new(),
            Operand::Elemental(index) => rows[index].clone(),
        }
    }

    /// One sparse row for each output.
    pub(crate) fn jacobian(&mut self, outputs: &[Operand], vectors: &[Vector]) -> Vec<Row> {
        self.used.0.set(true);
        match self.strategy.jacobian {
            JacobianStrategy::Forward => {
                let rows = self.forward(vectors);
                outputs.iter().map(|&output| self.row(&rows, output, vectors)).collect()
            }
            JacobianStrategy::Reverse => {
                let one = self.builder.constant(1.0);
                outputs.iter().map(|&output| self.reverse(&vec![(output, one)]).inputs).collect()
            }
        }
    }

    fn sum_rows(&mut self, terms: BTreeMap<Input, Vec<ValueId>>) -> Row {
        let mut row = Row::new();
        for (input, terms) in terms {
            let value = self.builder.sum(&terms);
            if !self.builder.is_zero(value) {
                row.insert(input, value);
            }
        }
        row
    }

    /// Adjoints of every elemental and every input for the weighted sum of the outputs.
    pub(crate) fn reverse(&mut self, weighted: &WeightedOutputs) -> Adjoints {
        let mut sums = Accumulator::new(self.tape);
        for &(output, weight) in weighted {
            sums.add(output, weight);
        }
        let mut elementals = vec![None; self.tape.elementals.len()];
        for index in (0..self.tape.elementals.len()).rev() {
            let Some(adjoint) = sums.take(index, &mut self.builder) else { continue };
            elementals[index] = Some(adjoint);
            for (operand, term) in self.vjp(index, adjoint) {
                sums.add(operand, term);
            }
        }
        Adjoints { elementals, inputs: self.sum_rows(sums.inputs) }
    }

    /// The derivative of the inputs' adjoints in a direction: the Hessian times the direction. `tangent` gives the direction
    /// for every elemental and input, `weights` the derivative of the weights.
    pub(super) fn reverse_in_direction(
        &mut self,
        adjoints: &Adjoints,
        tangent: &dyn Fn(Operand) -> Option<ValueId>,
        weights: &[(Operand, ValueId)],
    ) -> Adjoints {
        let mut sums = Accumulator::new(self.tape);
        for &(output, weight) in weights {
            sums.add(output, weight);
        }
        let mut elementals = vec![None; self.tape.elementals.len()];
        for index in (0..self.tape.elementals.len()).rev() {
            if let Some(derivative) = sums.take(index, &mut self.builder) {
                elementals[index] = Some(derivative);
                for (operand, term) in self.vjp(index, derivative) {
                    sums.add(operand, term);
                }
            }
            let operands = self.operands(index);
            let tangents: Vec<Option<ValueId>> = operands.iter().map(|&operand| tangent(operand)).collect();
            if tangents.iter().all(Option::is_none) {
                continue;
            }
            let Some((adjoint, second_partials)) = self.weighted_second_partials(index, adjoints) else { continue };
            // sum_j (d2 phi)_ij db_j for each operand i, then times the adjoint once.
            let mut hessian_terms: Vec<Vec<ValueId>> = vec![Vec::new(); operands.len()];
            for (row, column, partial) in second_partials {
                if let Some(tangent) = tangents[column] {
                    hessian_terms[row].push(self.builder.mul(partial, tangent));
                }
                if let Some(tangent) = tangents[row].filter(|_| row != column) {
                    hessian_terms[column].push(self.builder.mul(partial, tangent));
                }
            }
            for (&operand, terms) in operands.iter().zip(hessian_terms) {
                let sum = self.builder.sum(&terms);
                let term = self.builder.mul(adjoint, sum);
                sums.add(operand, term);
            }
        }
        Adjoints { elementals, inputs: self.sum_rows(sums.inputs) }
    }

    /// The derivative of the inputs' adjoints where every input has the input that `direction` names as its tangent, and
    /// the weights of the outputs have the derivatives `weights`. The same for the weights of vector functions, one for each call.
    pub(crate) fn contraction(
        &mut self,
        weighted: &WeightedOutputs,
        weights: &[(Operand, ValueId)],
        direction: impl Fn(Input) -> Option<Input>,
    ) -> (Row, Vec<ValueId>) {
        let mut inputs: BTreeMap<Input, ValueId> = BTreeMap::new();
        let mut elementals: Vec<Option<ValueId>> = Vec::new();
        for index in 0..self.tape.elementals.len() {
            let mut tangents = Vec::new();
            for &operand in self.operands(index) {
                tangents.push(match operand {
                    Operand::Constant(_) => None,
                    Operand::Input(input) => direction(input).map(|along| {
                        let value = self.builder.input(along);
                        inputs.insert(input, value);
                        value
                    }),
                    Operand::Elemental(index) => elementals[index],
                });
            }
            let tangent = self.jvp(index, &tangents);
            elementals.push(tangent);
        }
        let adjoints = self.reverse(weighted);
        let tangent = |operand: Operand| match operand {
            Operand::Constant(_) => None,
            Operand::Input(input) => inputs.get(&input).copied(),
            Operand::Elemental(index) => elementals[index],
        };
        let changes = self.reverse_in_direction(&adjoints, &tangent, weights);
        let of_weights = self.weight_contractions(&adjoints, &changes, &tangent);
        (changes.inputs, of_weights)
    }
}

/// The tangent of an operand along `input`, whose tangent is `one`; `rows` has the tangents of the elementals.
pub(super) fn tangent_along(input: Input, operand: Operand, rows: &[Row], one: ValueId) -> Option<ValueId> {
    match operand {
        Operand::Constant(_) => None,
        Operand::Input(other) => (other == input).then_some(one),
        Operand::Elemental(index) => rows[index].get(&input).copied(),
    }
}

/// Terms of adjoints that are still to be summed.
struct Accumulator {
    elementals: Vec<Vec<ValueId>>,
    inputs: BTreeMap<Input, Vec<ValueId>>,
}

impl Accumulator {
    fn new(tape: &Tape) -> Self {
        Self { elementals: vec![Vec::new(); tape.elementals.len()], inputs: BTreeMap::new() }
    }

    fn add(&mut self, operand: Operand, term: ValueId) {
        match operand {
            Operand::Constant(_) => {}
            Operand::Input(input) => self.inputs.entry(input).or_default().push(term),
            Operand::Elemental(index) => self.elementals[index].push(term),
        }
    }

    /// The sum for an elemental, or `None` where it is structurally zero.
    fn take(&mut self, elemental: usize, builder: &mut Builder) -> Option<ValueId> {
        let sum = builder.sum(&self.elementals[elemental]);
        (!builder.is_zero(sum)).then_some(sum)
    }
}
