//! The chain kind over the tape.
//!
//! With pieces `b_k = phi_k(operands)` and adjoints `w_k = dH/db_k`:
//!
//! * a Jacobian is accumulated forwards (rows `db_k/dz`) or backwards (adjoints of each output);
//! * second derivatives come piece by piece, column by column, or pushed backwards (see [`HessianStrategy`]);
//! * a contraction is the reverse sweep over a forward sweep in one direction, so it costs a small multiple of the value.
//!
//! Reference: Griewank and Walther, *Evaluating Derivatives*, 2008, chapters 3 to 5.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use crate::differentiate::tape::{Condition, ElementalKind, Operand, OperandOrder, Tape};
use crate::elaborate::graph::{Input, Vector};
use crate::program::builder::Builder;
use crate::program::program::ValueId;

/// The strategies a kernel may be built in.
#[derive(Clone, Copy)]
pub(crate) struct Strategy {
    pub(crate) jacobian: JacobianStrategy,
    pub(crate) hessian: HessianStrategy,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum JacobianStrategy {
    Forward,
    Reverse,
}

impl JacobianStrategy {
    pub(crate) const ALL: [Self; 2] = [Self::Forward, Self::Reverse];
}

/// How second derivatives are accumulated.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum HessianStrategy {
    /// `sum_k w_k J_k' (d2 phi_k) J_k` with the operands' Jacobians.
    Elementals,
    /// The adjoints' derivative in one direction after another.
    Columns,
    /// The same for the other triangle (or the transposed block): other inputs lead, and what they share differs.
    Rows,
    /// Backwards: second derivatives in the values that are alive, from the outputs to the inputs ("edge pushing", Gower
    /// and Mello, A new framework for the computation of Hessians, 2012).
    EdgePushing,
}

impl HessianStrategy {
    pub(crate) const ALL: [Self; 4] = [Self::Columns, Self::Rows, Self::Elementals, Self::EdgePushing];
}

/// A sparse row: derivative in each input that has one.
pub(crate) type Row = BTreeMap<Input, ValueId>;

/// Second derivatives by row and column.
pub(crate) type Entries = BTreeMap<(Input, Input), ValueId>;

/// What is to be differentiated: outputs with their weights, whose weighted sum is the scalar.
pub(crate) type WeightedOutputs = Vec<(Operand, ValueId)>;

/// A piece's second partials: pairs of operand positions, the larger first.
type SecondPartials = Vec<(usize, usize, ValueId)>;

/// Derivatives of a scalar in the pieces (`None` where it does not depend on them) and in the inputs.
pub(crate) struct Adjoints {
    elementals: Vec<Option<ValueId>>,
    pub(crate) inputs: Row,
}

pub(crate) struct ChainRule<'a> {
    pub(crate) builder: Builder,
    tape: &'a Tape,
    strategy: Strategy,
    /// Whether the strategy for Jacobians, and that for Hessians, made a difference.
    used: (Cell<bool>, Cell<bool>),
    /// Values of the elementals, filled from the front as far as they have been needed.
    values: Vec<ValueId>,
    first: Vec<Option<Vec<ValueId>>>,
    second: Vec<Option<SecondPartials>>,
}

impl<'a> ChainRule<'a> {
    /// A chain that gives up when it has made `limit` operations; its builder then is full.
    pub(crate) fn new(tape: &'a Tape, strategy: Strategy, limit: usize) -> Self {
        let n = tape.elementals.len();
        Self {
            builder: Builder::with_limit(limit),
            tape,
            strategy,
            used: (Cell::new(false), Cell::new(false)),
            values: Vec::new(),
            first: vec![None; n],
            second: vec![None; n],
        }
    }

    /// Whether the strategy for Jacobians, and that for Hessians, made a difference.
    pub(crate) fn used(&self) -> (bool, bool) {
        (self.used.0.get(), self.used.1.get())
    }

    pub(crate) fn value(&mut self, operand: Operand) -> ValueId {
        if let Operand::Elemental(last) = operand {
            // In order, not recursively: a chain of lets may be longer than the stack is deep.
            for index in self.values.len()..=last {
                let piece = &self.tape.elementals[index];
                let operands: Vec<ValueId> = piece.operands.iter().map(|&operand| self.known(operand)).collect();
                let value = match &piece.kind {
                    ElementalKind::Smooth { term, .. } => self.builder.term(term, &operands),
                    ElementalKind::Select(condition) => {
                        let condition = self.condition(*condition);
                        self.builder.select(condition, operands[0], operands[1])
                    }
                    ElementalKind::StopGradient { .. } => operands[0],
                };
                self.values.push(value);
            }
        }
        self.known(operand)
    }

    /// The value of an operand that has one already.
    fn known(&mut self, operand: Operand) -> ValueId {
        match operand {
            Operand::Constant(value) => self.builder.constant(value),
            Operand::Input(input) => self.builder.input(input),
            Operand::Elemental(index) => self.values[index],
        }
    }

    fn condition(&mut self, index: usize) -> ValueId {
        match self.tape.conditions[index] {
            Condition::Compare(comparison, a, b) => {
                let (a, b) = (self.known(a), self.known(b));
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

    fn operands(&self, piece: usize) -> &'a [Operand] {
        &self.tape.elementals[piece].operands
    }

    /// First partials of a smooth piece, operand by operand.
    fn first(&mut self, index: usize) -> Vec<ValueId> {
        if let Some(first) = &self.first[index] {
            return first.clone();
        }
        self.value(Operand::Elemental(index));
        let piece = &self.tape.elementals[index];
        let operands: Vec<ValueId> = piece.operands.iter().map(|&operand| self.known(operand)).collect();
        let first: Vec<ValueId> = match &piece.kind {
            ElementalKind::Smooth { partials, .. } => {
                partials.first.iter().map(|term| self.builder.term(term, &operands)).collect()
            }
            _ => Vec::new(),
        };
        self.first[index] = Some(first.clone());
        first
    }

    fn second(&mut self, index: usize) -> SecondPartials {
        if let Some(second) = &self.second[index] {
            return second.clone();
        }
        self.value(Operand::Elemental(index));
        let piece = &self.tape.elementals[index];
        let operands: Vec<ValueId> = piece.operands.iter().map(|&operand| self.known(operand)).collect();
        let second: SecondPartials = match &piece.kind {
            ElementalKind::Smooth { partials, .. } => {
                let second = partials.second.iter();
                second.map(|(row, column, term)| (*row, *column, self.builder.term(term, &operands))).collect()
            }
            _ => Vec::new(),
        };
        self.second[index] = Some(second.clone());
        second
    }

    fn is_curved(&self, index: usize) -> bool {
        matches!(&self.tape.elementals[index].kind, ElementalKind::Smooth { partials, .. } if !partials.second.is_empty())
    }

    /// How a piece moves when its operands move.
    fn jvp(&mut self, index: usize, changes: &[Option<ValueId>]) -> Option<ValueId> {
        if changes.iter().all(Option::is_none) {
            return None;
        }
        let change = match self.tape.elementals[index].kind {
            ElementalKind::Smooth { .. } => {
                let first = self.first(index);
                let terms = first.into_iter().zip(changes);
                let terms: Vec<ValueId> = terms
                    .filter_map(|(partial, change)| change.map(|change| self.builder.mul(partial, change)))
                    .collect();
                self.builder.sum(&terms)
            }
            ElementalKind::Select(condition) => {
                self.value(Operand::Elemental(index));
                let condition = self.condition(condition);
                let zero = self.builder.constant(0.0);
                self.builder.select(condition, changes[0].unwrap_or(zero), changes[1].unwrap_or(zero))
            }
            ElementalKind::StopGradient { .. } => changes[0]?,
        };
        (!self.builder.is_zero(change)).then_some(change)
    }

    /// What an adjoint of a piece contributes to the adjoints of its operands.
    fn vjp(&mut self, index: usize, adjoint: ValueId) -> Vec<(Operand, ValueId)> {
        let operands = self.operands(index);
        match self.tape.elementals[index].kind {
            ElementalKind::Smooth { .. } => {
                let first = self.first(index);
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

    /// As [`vjp`](Self::vjp) of each value. Where many have the same constant factor (an integrator's time step, say) it
    /// joins the partials, once, rather than every value.
    fn vjp_all(&mut self, index: usize, values: &[ValueId]) -> Vec<Vec<(Operand, ValueId)>> {
        let operands = self.operands(index);
        let parts: Vec<(f64, ValueId)> = values.iter().map(|&value| self.builder.factored(value)).collect();
        let mut products = Vec::new();
        for (&value, &(factor, rest)) in values.iter().zip(&parts) {
            let alike = parts.iter().filter(|(other, _)| other.abs() == factor.abs()).count();
            let smooth = matches!(self.tape.elementals[index].kind, ElementalKind::Smooth { .. });
            if !smooth || factor.abs() == 1.0 || alike <= operands.len() {
                products.push(self.vjp(index, value));
                continue;
            }
            let factor = self.builder.constant(factor);
            let scaled = self.first(index).into_iter().map(|partial| {
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

    /// Rows `db_k/dz` of every piece, for the inputs `z` in `vectors`.
    fn forward(&mut self, vectors: &[Vector]) -> Vec<Row> {
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
                let changes: Vec<Option<ValueId>> =
                    operands.iter().map(|&operand| tangent_along(input, operand, &rows, one)).collect();
                if let Some(change) = self.jvp(index, &changes) {
                    row.insert(input, change);
                }
            }
            rows.push(row);
        }
        rows
    }

    fn row(&mut self, rows: &[Row], operand: Operand, vectors: &[Vector]) -> Row {
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

    fn collect(&mut self, terms: BTreeMap<Input, Vec<ValueId>>) -> Row {
        let mut row = Row::new();
        for (input, terms) in terms {
            let value = self.builder.sum(&terms);
            if !self.builder.is_zero(value) {
                row.insert(input, value);
            }
        }
        row
    }

    /// Adjoints of every piece and every input for the weighted sum of `roots`.
    pub(crate) fn reverse(&mut self, roots: &WeightedOutputs) -> Adjoints {
        let mut sums = Accumulator::new(self.tape);
        for &(root, weight) in roots {
            sums.add(root, weight);
        }
        let mut elementals = vec![None; self.tape.elementals.len()];
        for index in (0..self.tape.elementals.len()).rev() {
            let Some(adjoint) = sums.take(index, &mut self.builder) else { continue };
            elementals[index] = Some(adjoint);
            for (operand, term) in self.vjp(index, adjoint) {
                sums.add(operand, term);
            }
        }
        Adjoints { elementals, inputs: self.collect(sums.inputs) }
    }

    /// The derivative of the adjoints in a direction. `tangent` gives how every piece and input moves; `weights` how the
    /// weights of the roots move. Returns the change of the inputs' adjoints: for the inputs `z` it is the Hessian times
    /// the direction.
    fn reverse_in_direction(
        &mut self,
        adjoints: &Adjoints,
        tangent: &dyn Fn(Operand) -> Option<ValueId>,
        weights: &[(Operand, ValueId)],
    ) -> Row {
        let mut sums = Accumulator::new(self.tape);
        for &(root, weight) in weights {
            sums.add(root, weight);
        }
        for index in (0..self.tape.elementals.len()).rev() {
            let operands = self.operands(index);
            if let Some(change) = sums.take(index, &mut self.builder) {
                for (operand, term) in self.vjp(index, change) {
                    sums.add(operand, term);
                }
            }
            let Some(adjoint) = adjoints.elementals[index] else { continue };
            let directions: Vec<Option<ValueId>> = operands.iter().map(|&operand| tangent(operand)).collect();
            if !self.is_curved(index) || directions.iter().all(Option::is_none) {
                continue;
            }
            // sum_j (d2 phi)_ij db_j for each operand i, then times the adjoint once.
            let mut hessian_terms: Vec<Vec<ValueId>> = vec![Vec::new(); operands.len()];
            for (row, column, partial) in self.second(index) {
                if let Some(direction) = directions[column] {
                    hessian_terms[row].push(self.builder.mul(partial, direction));
                }
                if let Some(direction) = directions[row].filter(|_| row != column) {
                    hessian_terms[column].push(self.builder.mul(partial, direction));
                }
            }
            for (&operand, terms) in operands.iter().zip(hessian_terms) {
                let sum = self.builder.sum(&terms);
                let term = self.builder.mul(adjoint, sum);
                sums.add(operand, term);
            }
        }
        self.collect(sums.inputs)
    }

    /// The inputs' adjoints as they change when every input moves along the input that `direction` names, and the roots'
    /// weights along `weights`.
    pub(crate) fn contraction(
        &mut self,
        roots: &WeightedOutputs,
        weights: &[(Operand, ValueId)],
        direction: impl Fn(Input) -> Option<Input>,
    ) -> Row {
        let mut inputs: BTreeMap<Input, ValueId> = BTreeMap::new();
        let mut tangent: Vec<Option<ValueId>> = Vec::new();
        for index in 0..self.tape.elementals.len() {
            let mut changes = Vec::new();
            for &operand in self.operands(index) {
                changes.push(match operand {
                    Operand::Constant(_) => None,
                    Operand::Input(input) => direction(input).map(|along| {
                        let value = self.builder.input(along);
                        inputs.insert(input, value);
                        value
                    }),
                    Operand::Elemental(index) => tangent[index],
                });
            }
            let change = self.jvp(index, &changes);
            tangent.push(change);
        }
        let adjoints = self.reverse(roots);
        let tangent = |operand: Operand| match operand {
            Operand::Constant(_) => None,
            Operand::Input(input) => inputs.get(&input).copied(),
            Operand::Elemental(index) => tangent[index],
        };
        self.reverse_in_direction(&adjoints, &tangent, weights)
    }

    /// The lower triangle of the roots' Hessian in the inputs of `vectors`.
    pub(crate) fn hessian(&mut self, roots: &WeightedOutputs, vectors: &[Vector]) -> Entries {
        self.second_derivatives(roots, vectors, vectors, &|row, column| row >= column)
    }

    /// The roots' second derivatives, rows in the inputs of `left`, columns in those of `right`, which is another set.
    pub(crate) fn cross(&mut self, roots: &WeightedOutputs, left: &[Vector], right: &[Vector]) -> Entries {
        self.second_derivatives(roots, left, right, &|_, _| true)
    }

    fn second_derivatives(
        &mut self,
        roots: &WeightedOutputs,
        left: &[Vector],
        right: &[Vector],
        wanted: &dyn Fn(Input, Input) -> bool,
    ) -> Entries {
        self.used.1.set(true);
        let gated = self.tape.elementals.iter().any(|piece| matches!(piece.kind, ElementalKind::StopGradient { .. }));
        match self.strategy.hessian {
            HessianStrategy::EdgePushing => self.edge_pushing(roots, left, right),
            // Without the gates on its way, a contribution from a branch that does not run would be infinity times zero.
            HessianStrategy::Elementals if !gated => self.by_elementals(roots, left, right, wanted),
            HessianStrategy::Rows => {
                let transposed = self.by_columns(roots, right, left, &|row, column| wanted(column, row));
                transposed.into_iter().map(|((row, column), value)| ((column, row), value)).collect()
            }
            HessianStrategy::Elementals | HessianStrategy::Columns => self.by_columns(roots, left, right, wanted),
        }
    }

    fn by_columns(
        &mut self,
        roots: &WeightedOutputs,
        left: &[Vector],
        right: &[Vector],
        wanted: &dyn Fn(Input, Input) -> bool,
    ) -> Entries {
        let rows = self.forward(right);
        let adjoints = self.reverse(roots);
        let mut columns: BTreeSet<Input> = rows.iter().flat_map(|row| row.keys().copied()).collect();
        columns.retain(|column| right.contains(&column.vector));
        let one = self.builder.constant(1.0);
        let mut entries = Entries::new();
        for column in columns {
            if self.builder.is_full() {
                return Entries::new();
            }
            let tangent = |operand: Operand| tangent_along(column, operand, &rows, one);
            for (row, value) in self.reverse_in_direction(&adjoints, &tangent, &[]) {
                if left.contains(&row.vector) && wanted(row, column) {
                    entries.insert((row, column), value);
                }
            }
        }
        entries
    }

    /// `sum_k w_k A_k' (d2 phi_k) B_k` with the operands' Jacobians `A` and `B` in the two groups of inputs.
    fn by_elementals(
        &mut self,
        roots: &WeightedOutputs,
        left: &[Vector],
        right: &[Vector],
        wanted: &dyn Fn(Input, Input) -> bool,
    ) -> Entries {
        let left_rows = self.forward(left);
        let right_rows = if left == right { left_rows.clone() } else { self.forward(right) };
        let adjoints = self.reverse(roots);
        let mut sums: BTreeMap<(Input, Input), Vec<ValueId>> = BTreeMap::new();
        for index in 0..self.tape.elementals.len() {
            let Some(adjoint) = adjoints.elementals[index] else { continue };
            if !self.is_curved(index) {
                continue;
            }
            if self.builder.is_full() {
                return Entries::new();
            }
            let operands = self.operands(index);
            let a: Vec<Row> = operands.iter().map(|&operand| self.row(&left_rows, operand, left)).collect();
            let b: Vec<Row> = operands.iter().map(|&operand| self.row(&right_rows, operand, right)).collect();
            // First w (d2 phi) B, operand by operand; then A' of it.
            let mut hessian_terms: Vec<BTreeMap<Input, Vec<ValueId>>> = vec![BTreeMap::new(); operands.len()];
            for (i, j, partial) in self.second(index) {
                if (a[i].is_empty() || b[j].is_empty()) && (a[j].is_empty() || b[i].is_empty()) {
                    continue;
                }
                let weight = self.builder.mul(adjoint, partial);
                for (column, &value) in &b[j] {
                    hessian_terms[i].entry(*column).or_default().push(self.builder.mul(weight, value));
                }
                if i != j {
                    for (column, &value) in &b[i] {
                        hessian_terms[j].entry(*column).or_default().push(self.builder.mul(weight, value));
                    }
                }
            }
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
        self.entries(sums)
    }

    fn entries(&mut self, sums: impl IntoIterator<Item = ((Input, Input), Vec<ValueId>)>) -> Entries {
        let mut entries = Entries::new();
        for (place, terms) in sums {
            let value = self.builder.sum(&terms);
            if !self.builder.is_zero(value) {
                entries.insert(place, value);
            }
        }
        entries
    }

    fn edge_pushing(&mut self, roots: &WeightedOutputs, left: &[Vector], right: &[Vector]) -> Entries {
        let adjoints = self.reverse(roots);
        let in_left = |input: Input| left.contains(&input.vector);
        let in_right = |input: Input| right.contains(&input.vector);
        // Whether an operand depends on an input of either set; what depends on neither is a constant here.
        let mut depends: Vec<(bool, bool)> = Vec::new();
        let of = |depends: &[(bool, bool)], operand: Operand| match operand {
            Operand::Constant(_) => (false, false),
            Operand::Input(input) => (in_left(input), in_right(input)),
            Operand::Elemental(index) => depends[index],
        };
        for piece in &self.tape.elementals {
            let operands = piece.operands.iter().map(|&operand| of(&depends, operand));
            let all = operands.fold((false, false), |a, b| (a.0 || b.0, a.1 || b.1));
            depends.push(all);
        }
        let matters = |a: Operand, b: Operand| {
            let (a, b) = (of(&depends, a), of(&depends, b));
            (a.0 && b.1) || (a.1 && b.0)
        };
        let mut live = Interactions::default();
        for index in (0..self.tape.elementals.len()).rev() {
            if self.builder.is_full() {
                return Entries::new();
            }
            if depends[index] == (false, false) {
                continue;
            }
            let this = Operand::Elemental(index);
            let (mut neighbours, mut values) = (Vec::new(), Vec::new());
            for (neighbour, value) in live.take(this, &mut self.builder) {
                if neighbour == this {
                    self.push_diagonal(index, value, &matters, &mut live);
                } else {
                    neighbours.push(neighbour);
                    values.push(value);
                }
            }
            for (neighbour, terms) in neighbours.into_iter().zip(self.vjp_all(index, &values)) {
                for (operand, term) in terms {
                    if matters(operand, neighbour) {
                        live.add(operand, neighbour, term);
                        if operand == neighbour {
                            live.add(operand, neighbour, term);
                        }
                    }
                }
            }
            let Some(adjoint) = adjoints.elementals[index] else { continue };
            if !self.is_curved(index) {
                continue;
            }
            let operands = self.operands(index);
            for (row, column, partial) in self.second(index) {
                if matters(operands[row], operands[column]) {
                    let term = self.builder.mul(adjoint, partial);
                    live.add(operands[row], operands[column], term);
                }
            }
        }
        let sums = live.inputs().into_iter().map(|((a, b), terms)| {
            // The pair is unordered: the row is the one of the left set, and of one set the later input.
            let a_is_row = in_left(a) && in_right(b) && (!in_left(b) || a >= b);
            (if a_is_row { (a, b) } else { (b, a) }, terms)
        });
        let sums: Vec<_> = sums.collect();
        self.entries(sums)
    }

    /// Moves a piece's second derivative in itself to its operands.
    fn push_diagonal(
        &mut self,
        index: usize,
        value: ValueId,
        matters: &dyn Fn(Operand, Operand) -> bool,
        live: &mut Interactions,
    ) {
        let operands = self.operands(index);
        if !matches!(self.tape.elementals[index].kind, ElementalKind::Smooth { .. }) {
            // One operand at a time is selected: there are no mixed terms.
            for (operand, term) in self.vjp(index, value) {
                if matters(operand, operand) {
                    live.add(operand, operand, term);
                }
            }
            return;
        }
        let first = self.first(index);
        for (position, &operand) in operands.iter().enumerate() {
            let scaled = self.builder.mul(first[position], value);
            for (other_position, &other) in operands.iter().enumerate().take(position + 1) {
                if matters(operand, other) {
                    let term = self.builder.mul(scaled, first[other_position]);
                    live.add(operand, other, term);
                }
            }
        }
    }
}

/// How an operand moves when `input` moves by `one`; the pieces' rows say it of elementals.
fn tangent_along(input: Input, operand: Operand, rows: &[Row], one: ValueId) -> Option<ValueId> {
    match operand {
        Operand::Constant(_) => None,
        Operand::Input(other) => (other == input).then_some(one),
        Operand::Elemental(index) => rows[index].get(&input).copied(),
    }
}

/// Second derivatives in pairs of live operands, as terms on their way to being summed.
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

    /// The non-zero entries of the latest live piece with every live operand, itself included.
    fn take(&mut self, operand: Operand, builder: &mut Builder) -> Vec<(Operand, ValueId)> {
        let Some(row) = operand.order().and_then(|place| self.terms.remove(&place)) else { return Vec::new() };
        let mut entries = Vec::new();
        for (place, terms) in row {
            let value = builder.factored_sum(&terms);
            if !builder.is_zero(value) {
                entries.push((place.into(), value));
            }
        }
        entries
    }

    /// What is left at the end: pairs of inputs.
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

/// Terms of adjoints on their way to being summed.
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

    /// The sum for a piece, or `None` where it is structurally zero.
    fn take(&mut self, piece: usize, builder: &mut Builder) -> Option<ValueId> {
        let sum = builder.sum(&self.elementals[piece]);
        (!builder.is_zero(sum)).then_some(sum)
    }
}
