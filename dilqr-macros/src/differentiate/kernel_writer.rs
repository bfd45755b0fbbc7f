//! What each kernel computes: which values and derivatives of the tape it writes to which fields.

use std::collections::BTreeMap;

use super::chain_rule::{ChainRule, Row, WeightedOutputs};
use super::hessian::Entries;
use super::tape::{Operand, Tape};
use crate::program::fields::{Field, Output};
use crate::program::kernels::Kernel;
use crate::program::op::ValueId;
use crate::program::program::Program;
use crate::program::vectors::{Input, Vector};
use crate::syntax::vector_functions::Equations;

/// A kernel in the making.
pub(crate) struct KernelWriter<'a> {
    pub(crate) chain_rule: ChainRule<'a>,
    pub(super) tape: &'a Tape,
    outputs: Vec<(Output, ValueId)>,
}

impl<'a> KernelWriter<'a> {
    pub(crate) fn new(chain_rule: ChainRule<'a>) -> Self {
        Self { tape: chain_rule.tape(), chain_rule, outputs: Vec::new() }
    }

    /// The program; `None` where it became longer than the chain rule's limit.
    pub(crate) fn finish(self) -> Option<Program> {
        let builder = self.chain_rule.builder;
        (!builder.is_full()).then(|| builder.finish(self.outputs))
    }

    /// A kernel of the table, by its definition.
    pub(crate) fn write_kernel(&mut self, kernel: Kernel) {
        let Tape { l, terminal, initial, limits, .. } = self.tape;
        let (stage, end, start) = (&limits.stage.values, &limits.terminal.values, &limits.initial.values);
        match kernel {
            Kernel::Dynamics => self.write_f(Field::Next),
            Kernel::StageCost => self.write_cost(*l),
            Kernel::TerminalCost => self.write_cost(*terminal),
            Kernel::Step => self.write_step(),
            Kernel::ExpandStage => self.expand_stage(),
            Kernel::ExpandTerminal => self.expand_end(*terminal),
            Kernel::ExpandHamiltonian => self.expand_hamiltonian(),
            Kernel::HamiltonianHessian => self.write_hamiltonian_hessian(),
            Kernel::HamiltonianParameterGradient => {
                let hamiltonian = self.hamiltonian();
                self.write_parameter_gradient(&hamiltonian);
            }
            Kernel::TerminalParameterGradient => self.write_end_gradient(*terminal),
            Kernel::ParameterContraction => {
                let hamiltonian = self.hamiltonian();
                let weights = self.weighted(&self.tape.f, Vector::DLambda);
                self.write_parameter_contraction(&hamiltonian, &weights);
            }
            Kernel::TerminalParameterContraction => self.contract_end(*terminal),
            Kernel::ParameterTerms => self.write_parameter_terms(),
            Kernel::TerminalParameterTerms => self.write_end_terms(*terminal),
            Kernel::Linearize => {
                self.write_f(Field::F);
                let blocks = [(Vector::X, Field::Fx), (Vector::U, Field::Fu), (Vector::P, Field::Fp)];
                self.write_jacobian(&self.tape.f, &blocks);
            }
            Kernel::Bounds => self.write_bounds(),
            Kernel::BoundsContraction => {
                let weighted = self.weighted_bounds();
                let gradient = self.gradient_of_bounds(weighted);
                self.write_parameters(gradient, Vec::new());
            }
            Kernel::BoundsTerms => self.write_bounds_terms(),
            Kernel::StageConstraints => self.write_values(stage, Field::Constraints),
            Kernel::ExpandStageConstraints => self.expand_constraints(stage),
            Kernel::StageConstraintContraction => self.contract_rows(stage),
            Kernel::StageConstraintTerms => self.write_constraint_terms(stage),
            Kernel::TerminalConstraints => self.write_values(end, Field::Constraints),
            Kernel::ExpandTerminalConstraints => self.expand_constraints(end),
            Kernel::TerminalConstraintContraction => self.contract_rows(end),
            Kernel::TerminalConstraintTerms => self.write_constraint_terms(end),
            Kernel::InitialCost => self.write_cost(*initial),
            Kernel::ExpandInitial => self.expand_end(*initial),
            Kernel::InitialParameterGradient => self.write_end_gradient(*initial),
            Kernel::InitialParameterContraction => self.contract_end(*initial),
            Kernel::InitialParameterTerms => self.write_end_terms(*initial),
            Kernel::InitialConstraints => self.write_values(start, Field::Constraints),
            Kernel::ExpandInitialConstraints => self.expand_constraints(start),
            Kernel::InitialConstraintContraction => self.contract_rows(start),
            Kernel::InitialConstraintTerms => self.write_constraint_terms(start),
            Kernel::Penalties => self.write_values(&self.tape.penalties, Field::Constraints),
            Kernel::TimeStep => self.write_values(self.tape.time_step.as_slice(), Field::L),
            of_equations => self.write_kernel_of_equations(of_equations),
        }
    }

    /// A kernel beside the model: of equations, or of the derivative that a loop integrates.
    fn write_kernel_of_equations(&mut self, kernel: Kernel) {
        match kernel {
            Kernel::LinearizeResidual => self.linearize_residual(Equations::Step),
            Kernel::LinearizeAlgebraic => self.linearize_residual(Equations::Algebraic),
            Kernel::LinearizeSlope => self.linearize_residual(Equations::Slope),
            Kernel::ResidualHessian => self.write_residual_hessian(Equations::Step),
            Kernel::AlgebraicHessian => self.write_residual_hessian(Equations::Algebraic),
            Kernel::SlopeHessian => self.write_residual_hessian(Equations::Slope),
            Kernel::SlopeValue => self.write_values(self.tape.residual(Equations::Slope), Field::R),
            Kernel::ResidualWeights => self.write_residual_weights(Equations::Step),
            Kernel::AlgebraicWeights => self.write_residual_weights(Equations::Algebraic),
            Kernel::SlopeWeights => self.write_residual_weights(Equations::Slope),
            Kernel::ResidualWeightContraction => self.contract_residual(Equations::Step),
            Kernel::AlgebraicWeightContraction => self.contract_residual(Equations::Algebraic),
            Kernel::SlopeWeightContraction => self.contract_residual(Equations::Slope),
            _ => unreachable!("written by `write_kernel`"),
        }
    }

    fn write_parameter_terms(&mut self) {
        self.write_jacobian(&self.tape.f, &[(Vector::P, Field::Fp)]);
        let hamiltonian = self.hamiltonian();
        self.write_cross(&hamiltonian, [Field::Hxp, Field::Hup]);
    }

    fn write_step(&mut self) {
        self.write_f(Field::Next);
        self.write_cost(self.tape.l);
    }

    fn expand_stage(&mut self) {
        let l = self.tape.l;
        self.write_f(Field::F);
        self.write_cost(l);
        self.write_f_jacobian();
        self.write_cost_gradient(l);
        if !self.tape.least_squares.is_empty() {
            return self.write_gauss_newton();
        }
        let cost = self.single(l);
        self.write_hessian(&cost, [Field::Lxx, Field::Lux, Field::Luu]);
    }

    /// The Hessian of half a sum of squares without the residuals' second derivatives: `r_u' r_u`. The exact one is part of
    /// `expand_hamiltonian`.
    fn write_gauss_newton(&mut self) {
        let rows = self.chain_rule.jacobian(&self.tape.least_squares, &[Vector::U]);
        let mut entries: BTreeMap<(u32, u32), Vec<ValueId>> = BTreeMap::new();
        for mut row in rows {
            // Backward it has derivatives in all inputs.
            row.retain(|input, _| input.vector == Vector::U);
            for (first, &a) in &row {
                for (second, &b) in row.range(*first..) {
                    let product = self.chain_rule.builder.mul(a, b);
                    entries.entry((first.index, second.index)).or_default().push(product);
                }
            }
        }
        for ((i, j), products) in entries {
            let sum = self.chain_rule.builder.sum(&products);
            self.write(Field::Luu, i as usize, j as usize, sum);
            if i != j {
                self.write(Field::Luu, j as usize, i as usize, sum);
            }
        }
    }

    /// The cost of one end of the trajectory to second order.
    fn expand_end(&mut self, cost: Operand) {
        self.write_cost(cost);
        self.write_cost_gradient(cost);
        let cost = self.single(cost);
        self.write_hessian(&cost, [Field::Lxx, Field::Lux, Field::Luu]);
    }

    fn write_end_gradient(&mut self, cost: Operand) {
        let cost = self.single(cost);
        self.write_parameter_gradient(&cost);
    }

    fn contract_end(&mut self, cost: Operand) {
        let cost = self.single(cost);
        self.write_parameter_contraction(&cost, &[]);
    }

    fn write_end_terms(&mut self, cost: Operand) {
        let cost = self.single(cost);
        self.write_cross(&cost, [Field::Lxp, Field::Hup]);
    }

    fn expand_hamiltonian(&mut self) {
        self.write_f_jacobian();
        self.write_cost_gradient(self.tape.l);
        self.write_hamiltonian_hessian();
    }

    fn write_hamiltonian_hessian(&mut self) {
        let hamiltonian = self.hamiltonian();
        self.write_hessian(&hamiltonian, [Field::Hxx, Field::Hux, Field::Huu]);
    }

    fn linearize_residual(&mut self, of: Equations) {
        let residual = self.tape.residual(of);
        self.write_values(residual, Field::R);
        self.write_jacobian(residual, &[(Vector::Y, Field::Ry), (Vector::Z, Field::Rz)]);
    }

    fn write_residual_hessian(&mut self, of: Equations) {
        let weighted = self.weighted(self.tape.residual(of), Vector::Mu);
        self.write_hessian_in(&weighted, [Vector::Y, Vector::Z], [Field::Hyy, Field::Hzy, Field::Hzz]);
    }

    fn write_residual_weights(&mut self, of: Equations) {
        let weighted = self.weighted(self.tape.residual(of), Vector::Mu);
        self.write_parameter_gradient(&weighted);
    }

    fn expand_constraints(&mut self, constraints: &[Operand]) {
        self.write_values(constraints, Field::C);
        self.write_jacobian(constraints, &[(Vector::X, Field::Cx), (Vector::U, Field::Cu)]);
        let entries = self.hessian_of_rows(constraints);
        self.write_blocks(entries, Vector::X, [Field::Hxx, Field::Hux, Field::Huu]);
    }

    /// The change of the gradient of `mu' r` in parameters and weights.
    fn contract_residual(&mut self, of: Equations) {
        let residual = self.tape.residual(of);
        let (weighted, weights) = (self.weighted(residual, Vector::Mu), self.weighted(residual, Vector::DMu));
        self.write_parameter_contraction(&weighted, &weights);
    }

    /// The same of constraints.
    fn contract_rows(&mut self, rows: &[Operand]) {
        let (gradient, of_weights) = self.contraction_of_rows(rows);
        self.write_parameters(gradient, of_weights);
    }

    fn write_constraint_terms(&mut self, constraints: &[Operand]) {
        self.write_jacobian(constraints, &[(Vector::P, Field::Cp)]);
        let entries = self.cross_of_rows(constraints);
        self.write_cross_blocks(entries, [Field::Hxp, Field::Hup]);
    }
}

/// The scalars that kernels differentiate.
impl KernelWriter<'_> {
    fn one(&mut self) -> ValueId {
        self.chain_rule.builder.constant(1.0)
    }

    fn input(&mut self, vector: Vector, index: usize) -> ValueId {
        self.chain_rule.builder.input(Input::new(vector, index))
    }

    /// One output with the weight one.
    fn single(&mut self, output: Operand) -> WeightedOutputs {
        vec![(output, self.one())]
    }

    /// `vector' outputs`
    pub(super) fn weighted(&mut self, outputs: &[Operand], vector: Vector) -> WeightedOutputs {
        outputs.iter().enumerate().map(|(index, &output)| (output, self.input(vector, index))).collect()
    }

    /// `l + lambda' f`
    fn hamiltonian(&mut self) -> WeightedOutputs {
        let mut hamiltonian = self.single(self.tape.l);
        hamiltonian.extend(self.weighted(&self.tape.f, Vector::Lambda));
        hamiltonian
    }

    /// The bounds there are, with the field and the vector of their side and the entry of the control.
    fn present_bounds(&self) -> Vec<(Operand, Field, Vector, usize)> {
        let limits = &self.tape.limits;
        let lower = limits.lower.iter().map(|bound| (bound, Field::Lower, Vector::Lower)).enumerate();
        let upper = limits.upper.iter().map(|bound| (bound, Field::Upper, Vector::Upper)).enumerate();
        lower
            .chain(upper)
            .filter_map(|(entry, (bound, field, vector))| Some(((*bound)?, field, vector, entry)))
            .collect()
    }

    fn weighted_bounds(&mut self) -> WeightedOutputs {
        let bounds = self.present_bounds().into_iter();
        bounds.map(|(bound, _, vector, entry)| (bound, self.input(vector, entry))).collect()
    }
}

/// The input that holds the direction of another one.
pub(super) fn direction_of(input: Input) -> Option<Input> {
    let along = match input.vector {
        Vector::X => Vector::Dx,
        Vector::U => Vector::Du,
        Vector::Y => Vector::Dy,
        Vector::Z => Vector::Dz,
        _ => return None,
    };
    Some(Input { vector: along, ..input })
}

/// Values and derivatives, written to fields.
impl KernelWriter<'_> {
    fn write(&mut self, field: Field, row: usize, column: usize, value: ValueId) {
        self.outputs.push((Output { field, row: row as u32, column: column as u32 }, value));
    }

    fn write_values(&mut self, outputs: &[Operand], field: Field) {
        for (index, &output) in outputs.iter().enumerate() {
            let value = self.chain_rule.value(output);
            self.write(field, index, 0, value);
        }
    }

    fn write_f(&mut self, field: Field) {
        self.write_values(&self.tape.f, field);
    }

    fn write_cost(&mut self, cost: Operand) {
        self.write_values(&[cost], Field::L);
    }

    fn write_f_jacobian(&mut self) {
        self.write_jacobian(&self.tape.f, &[(Vector::X, Field::Fx), (Vector::U, Field::Fu)]);
    }

    fn write_jacobian(&mut self, outputs: &[Operand], blocks: &[(Vector, Field)]) {
        let vectors: Vec<Vector> = blocks.iter().map(|(vector, _)| *vector).collect();
        let rows = self.chain_rule.jacobian(outputs, &vectors);
        for (index, row) in rows.into_iter().enumerate() {
            for (input, value) in row {
                if let Some((_, field)) = blocks.iter().find(|(vector, _)| *vector == input.vector) {
                    self.write(*field, index, input.index as usize, value);
                }
            }
        }
    }

    fn write_cost_gradient(&mut self, cost: Operand) {
        let cost = self.single(cost);
        for (input, value) in self.chain_rule.reverse(&cost).inputs {
            match input.vector {
                Vector::X => self.write(Field::Lx, input.index as usize, 0, value),
                Vector::U => self.write(Field::Lu, input.index as usize, 0, value),
                _ => {}
            }
        }
    }

    fn write_parameter_gradient(&mut self, weighted: &WeightedOutputs) {
        let adjoints = self.chain_rule.reverse(weighted);
        let of_weights = self.chain_rule.weight_gradients(&adjoints);
        self.write_parameters(adjoints.inputs, of_weights);
    }

    fn write_parameters(&mut self, gradient: Row, of_weights: Vec<ValueId>) {
        for (index, call) in of_weights.into_iter().enumerate() {
            self.write(Field::Gw, index, 0, call);
        }
        for (input, value) in gradient {
            match input.vector {
                Vector::P => self.write(Field::Gp, input.index as usize, 0, value),
                Vector::S => self.write(Field::Gs, input.index as usize, 0, value),
                _ => {}
            }
        }
    }

    /// Blocks xx, ux, uu of the weighted sum's Hessian.
    fn write_hessian(&mut self, weighted: &WeightedOutputs, fields: [Field; 3]) {
        self.write_hessian_in(weighted, [Vector::X, Vector::U], fields);
    }

    /// The same blocks in the inputs of two vectors.
    fn write_hessian_in(&mut self, weighted: &WeightedOutputs, [x, u]: [Vector; 2], [xx, ux, uu]: [Field; 3]) {
        let entries = self.chain_rule.hessian(weighted, &[x, u]);
        self.write_blocks(entries, x, [xx, ux, uu]);
    }

    /// The lower triangle of a Hessian; `x` is the first of its vectors.
    fn write_blocks(&mut self, entries: Entries, x: Vector, [xx, ux, uu]: [Field; 3]) {
        for ((row, column), value) in entries {
            let (i, j) = (row.index as usize, column.index as usize);
            if row.vector != column.vector {
                self.write(ux, i, j, value);
                continue;
            }
            let field = if row.vector == x { xx } else { uu };
            self.write(field, i, j, value);
            if i != j {
                self.write(field, j, i, value);
            }
        }
    }

    /// Blocks xp and up of the weighted sum's second derivatives.
    fn write_cross(&mut self, weighted: &WeightedOutputs, [xp, up]: [Field; 2]) {
        let entries = self.chain_rule.cross(weighted, &[Vector::X, Vector::U], &[Vector::P]);
        self.write_cross_blocks(entries, [xp, up]);
    }

    fn write_cross_blocks(&mut self, entries: Entries, [xp, up]: [Field; 2]) {
        for ((row, column), value) in entries {
            let field = if row.vector == Vector::X { xp } else { up };
            self.write(field, row.index as usize, column.index as usize, value);
        }
    }

    /// The gradient in the parameters of `sum w d(output)/dz dz + sum dw output`: the change of the adjoints along the
    /// direction `(dx, du)` of the inputs, or `(dy, dz)` in equations, and `dw` of the weights.
    fn write_parameter_contraction(&mut self, weighted: &WeightedOutputs, weights: &[(Operand, ValueId)]) {
        let (gradient, of_weights) = self.chain_rule.contraction(weighted, weights, direction_of);
        self.write_parameters(gradient, of_weights);
    }

    fn write_bounds(&mut self) {
        for (bound, field, _, entry) in self.present_bounds() {
            let value = self.chain_rule.value(bound);
            self.write(field, entry, 0, value);
        }
    }

    fn write_bounds_terms(&mut self) {
        let bounds = self.present_bounds();
        let operands: Vec<Operand> = bounds.iter().map(|(bound, ..)| *bound).collect();
        let rows = self.chain_rule.jacobian(&operands, &[Vector::P]);
        for ((_, field, _, entry), row) in bounds.into_iter().zip(rows) {
            for (input, value) in row {
                self.write(field, entry, input.index as usize, value);
            }
        }
    }
}
