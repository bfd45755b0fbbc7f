//! Which derivatives each kernel needs; how they are accumulated is `chain`'s business.

use crate::differentiate::chain_rule::{ChainRule, HessianStrategy, JacobianStrategy, Row, Strategy, WeightedOutputs};
use crate::differentiate::tape::{Operand, Tape};
use crate::elaborate::graph::{Input, Vector};
use crate::program::kernels::{Kernels, Sizes};
use crate::program::program::{Field, Output, Program, ValueId};

/// The strategies in which a kernel may be built: one of each at least, those first that come first on a tie.
#[derive(Clone, Copy)]
pub(crate) struct Strategies<'a> {
    pub(crate) tapes: &'a [Tape],
    pub(crate) jacobians: &'a [JacobianStrategy],
    pub(crate) hessians: &'a [HessianStrategy],
}

impl<'a> Strategies<'a> {
    /// All there are.
    pub(crate) fn all(tapes: &'a [Tape]) -> Self {
        Self { tapes, jacobians: &JacobianStrategy::ALL, hessians: &HessianStrategy::ALL }
    }
}

/// The kernels of the model that the tapes are cut from, each built in the cheapest_program way.
pub(crate) fn build_cheapest(tapes: &[Tape], sizes: Sizes) -> Kernels {
    build_all(Strategies::all(tapes), sizes)
}

pub(crate) fn build_all(strategies: Strategies<'_>, sizes: Sizes) -> Kernels {
    // Which limits there are is the same on all tapes of a model.
    let limits = &strategies.tapes[0].limits;
    // Kernels know nothing of one another: those of a large model are built on all cores.
    std::thread::scope(|scope| {
        let start = |build: fn(&mut KernelWriter<'_>)| scope.spawn(move || cheapest_program(strategies, sizes, build));
        let finished = |thread: std::thread::ScopedJoinHandle<'_, Program>| match thread.join() {
            Ok(program) => program,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        let dynamics = start(|writer| writer.write_f(Field::Next));
        let stage_cost = start(|writer| writer.write_value(writer.tape.l));
        let terminal_cost = start(|writer| writer.write_value(writer.tape.terminal));
        let step = start(|writer| {
            writer.write_f(Field::Next);
            writer.write_value(writer.tape.l);
        });
        let expand_stage = start(|writer| {
            writer.write_f(Field::F);
            writer.write_value(writer.tape.l);
            writer.write_f_jacobian(&[(Vector::X, Field::Fx), (Vector::U, Field::Fu)]);
            writer.write_l_gradient(writer.tape.l);
            let roots = vec![(writer.tape.l, writer.one())];
            writer.write_hessian(&roots, [Field::Lxx, Field::Lux, Field::Luu]);
        });
        let expand_terminal = start(|writer| {
            writer.write_value(writer.tape.terminal);
            writer.write_l_gradient(writer.tape.terminal);
            let roots = vec![(writer.tape.terminal, writer.one())];
            writer.write_hessian(&roots, [Field::Lxx, Field::Lux, Field::Luu]);
        });
        let expand_hamiltonian = start(|writer| {
            writer.write_f_jacobian(&[(Vector::X, Field::Fx), (Vector::U, Field::Fu)]);
            writer.write_l_gradient(writer.tape.l);
            let roots = writer.hamiltonian();
            writer.write_hessian(&roots, [Field::Hxx, Field::Hux, Field::Huu]);
        });
        let hamiltonian_parameter_gradient = start(|writer| {
            let roots = writer.hamiltonian();
            writer.write_parameter_gradient(&roots);
        });
        let terminal_parameter_gradient = start(|writer| {
            let roots = vec![(writer.tape.terminal, writer.one())];
            writer.write_parameter_gradient(&roots);
        });
        let parameter_contraction = start(|writer| {
            let roots = writer.hamiltonian();
            let directions = (0..writer.sizes.nx).map(|i| writer.input(Vector::DLambda, i)).collect::<Vec<_>>();
            let directions = writer.tape.f.iter().copied().zip(directions).collect::<Vec<_>>();
            writer.write_parameter_contraction(&roots, &directions);
        });
        let terminal_parameter_contraction = start(|writer| {
            let roots = vec![(writer.tape.terminal, writer.one())];
            writer.write_parameter_contraction(&roots, &[]);
        });
        let parameter_terms = start(|writer| {
            writer.write_f_jacobian(&[(Vector::P, Field::Fp)]);
            let roots = writer.hamiltonian();
            writer.write_cross(&roots, Vector::P, [Field::Hxp, Field::Hup]);
        });
        let terminal_parameter_terms = start(|writer| {
            let roots = vec![(writer.tape.terminal, writer.one())];
            writer.write_cross(&roots, Vector::P, [Field::Lxp, Field::Hup]);
        });
        let linearize = start(|writer| {
            writer.write_f(Field::F);
            writer.write_f_jacobian(&[(Vector::X, Field::Fx), (Vector::U, Field::Fu), (Vector::P, Field::Fp)]);
        });
        let start_if = |present: bool, build: fn(&mut KernelWriter<'_>)| present.then(|| start(build));
        let bounds = start_if(limits.bounded(), |writer| writer.write_bounds());
        let bounds_contraction = start_if(limits.bounded(), |writer| {
            let roots = writer.weighted_bounds();
            writer.write_parameter_gradient(&roots);
        });
        let bounds_terms = start_if(limits.bounded(), |writer| writer.write_bounds_terms());
        let constrained = !limits.stage.is_empty();
        let stage_constraints = start_if(constrained, |writer| writer.write_values(writer.stage(), Field::Constraints));
        let expand_stage_constraints = start_if(constrained, |writer| writer.expand_constraints(writer.stage()));
        let stage_constraint_contraction = start_if(constrained, |writer| writer.contract_constraints(writer.stage()));
        let stage_constraint_terms = start_if(constrained, |writer| writer.write_constraint_terms(writer.stage()));
        let constrained = !limits.terminal.is_empty();
        let terminal_constraints =
            start_if(constrained, |writer| writer.write_values(writer.terminal(), Field::Constraints));
        let expand_terminal_constraints = start_if(constrained, |writer| writer.expand_constraints(writer.terminal()));
        let terminal_constraint_contraction =
            start_if(constrained, |writer| writer.contract_constraints(writer.terminal()));
        let terminal_constraint_terms =
            start_if(constrained, |writer| writer.write_constraint_terms(writer.terminal()));
        Kernels {
            dynamics: finished(dynamics),
            stage_cost: finished(stage_cost),
            terminal_cost: finished(terminal_cost),
            step: finished(step),
            expand_stage: finished(expand_stage),
            expand_terminal: finished(expand_terminal),
            expand_hamiltonian: finished(expand_hamiltonian),
            hamiltonian_parameter_gradient: finished(hamiltonian_parameter_gradient),
            terminal_parameter_gradient: finished(terminal_parameter_gradient),
            parameter_contraction: finished(parameter_contraction),
            terminal_parameter_contraction: finished(terminal_parameter_contraction),
            parameter_terms: finished(parameter_terms),
            terminal_parameter_terms: finished(terminal_parameter_terms),
            linearize: finished(linearize),
            hamiltonian_hessian: None,
            bounds: bounds.map(finished),
            bounds_contraction: bounds_contraction.map(finished),
            bounds_terms: bounds_terms.map(finished),
            stage_constraints: stage_constraints.map(finished),
            expand_stage_constraints: expand_stage_constraints.map(finished),
            stage_constraint_contraction: stage_constraint_contraction.map(finished),
            stage_constraint_terms: stage_constraint_terms.map(finished),
            terminal_constraints: terminal_constraints.map(finished),
            expand_terminal_constraints: expand_terminal_constraints.map(finished),
            terminal_constraint_contraction: terminal_constraint_contraction.map(finished),
            terminal_constraint_terms: terminal_constraint_terms.map(finished),
        }
    })
}

/// The second derivatives of the Hamiltonian without the first derivatives, for comparisons with other tools.
pub(crate) fn hamiltonian_hessian(strategies: Strategies<'_>, sizes: Sizes) -> Program {
    cheapest_program(strategies, sizes, |writer| {
        let roots = writer.hamiltonian();
        writer.write_hessian(&roots, [Field::Hxx, Field::Hux, Field::Huu]);
    })
}

/// Builds a kernel in every way and keeps the one with the fewest operations, the first on a tie.
fn cheapest_program(strategies: Strategies<'_>, sizes: Sizes, build: fn(&mut KernelWriter<'_>)) -> Program {
    let mut best: Option<Program> = None;
    for tape in strategies.tapes {
        for &jacobian in strategies.jacobians {
            // What a kernel does not use makes no difference to it, and is tried once.
            let mut used = (true, true);
            for &hessian in strategies.hessians {
                if !used.1 {
                    break;
                }
                // A way that is far beyond the best is given up before it is complete.
                let limit = best.as_ref().map_or(usize::MAX, |best| 1_000 + 3 * best.ops.len());
                let chain = ChainRule::new(tape, Strategy { jacobian, hessian }, limit);
                let mut writer = KernelWriter { chain, tape, sizes, outputs: Vec::new() };
                build(&mut writer);
                used = writer.chain.used();
                if writer.chain.builder.is_full() {
                    continue;
                }
                let program = writer.chain.builder.finish(writer.outputs);
                if best.as_ref().is_none_or(|best| program.count().total() < best.count().total()) {
                    best = Some(program);
                }
            }
            if !used.0 {
                break;
            }
        }
    }
    best.unwrap_or_default().reorder_outputs()
}

/// One kernel in the making: what it writes.
pub(crate) struct KernelWriter<'a> {
    pub(crate) chain: ChainRule<'a>,
    pub(crate) tape: &'a Tape,
    pub(crate) sizes: Sizes,
    outputs: Vec<(Output, ValueId)>,
}

impl KernelWriter<'_> {
    pub(crate) fn one(&mut self) -> ValueId {
        self.chain.builder.constant(1.0)
    }

    fn input(&mut self, vector: Vector, index: usize) -> ValueId {
        self.chain.builder.input(Input::new(vector, index))
    }

    pub(crate) fn write(&mut self, field: Field, row: usize, column: usize, value: ValueId) {
        self.outputs.push((Output { field, row: row as u32, column: column as u32 }, value));
    }

    /// `l + lambda' f`
    pub(crate) fn hamiltonian(&mut self) -> WeightedOutputs {
        let mut roots = vec![(self.tape.l, self.one())];
        for (index, &f) in self.tape.f.iter().enumerate() {
            roots.push((f, self.input(Vector::Lambda, index)));
        }
        roots
    }

    fn write_f(&mut self, field: Field) {
        self.write_values(&self.tape.f, field);
    }

    fn write_value(&mut self, root: Operand) {
        let value = self.chain.value(root);
        self.write(Field::L, 0, 0, value);
    }

    fn write_f_jacobian(&mut self, blocks: &[(Vector, Field)]) {
        self.write_jacobian(&self.tape.f, blocks);
    }

    fn write_jacobian(&mut self, outputs: &[Operand], blocks: &[(Vector, Field)]) {
        let vectors: Vec<Vector> = blocks.iter().map(|(vector, _)| *vector).collect();
        let rows = self.chain.jacobian(outputs, &vectors);
        for (index, row) in rows.into_iter().enumerate() {
            for (input, value) in row {
                if let Some((_, field)) = blocks.iter().find(|(vector, _)| *vector == input.vector) {
                    self.write(*field, index, input.index as usize, value);
                }
            }
        }
    }

    fn write_l_gradient(&mut self, root: Operand) {
        let one = self.one();
        for (input, value) in self.chain.reverse(&vec![(root, one)]).inputs {
            match input.vector {
                Vector::X => self.write(Field::Lx, input.index as usize, 0, value),
                Vector::U => self.write(Field::Lu, input.index as usize, 0, value),
                _ => {}
            }
        }
    }

    fn write_parameter_gradient(&mut self, roots: &WeightedOutputs) {
        let gradient = self.chain.reverse(roots).inputs;
        self.write_parameters(gradient);
    }

    fn write_parameters(&mut self, gradient: Row) {
        for (input, value) in gradient {
            match input.vector {
                Vector::P => self.write(Field::Gp, input.index as usize, 0, value),
                Vector::S => self.write(Field::Gs, input.index as usize, 0, value),
                _ => {}
            }
        }
    }

    /// Blocks xx, ux, uu of the Hessian of the roots' weighted sum.
    fn write_hessian(&mut self, roots: &WeightedOutputs, fields: [Field; 3]) {
        let [xx, ux, uu] = fields;
        for ((row, column), value) in self.chain.hessian(roots, &[Vector::X, Vector::U]) {
            let (i, j) = (row.index as usize, column.index as usize);
            match (row.vector, column.vector) {
                (Vector::U, Vector::X) => self.write(ux, i, j, value),
                (vector, _) => {
                    let field = if vector == Vector::X { xx } else { uu };
                    self.write(field, i, j, value);
                    if i != j {
                        self.write(field, j, i, value);
                    }
                }
            }
        }
    }

    /// Blocks xp and up of the second derivatives of the roots' weighted sum, `p` being the vector `parameters`.
    fn write_cross(&mut self, roots: &WeightedOutputs, parameters: Vector, fields: [Field; 2]) {
        let [xp, up] = fields;
        for ((row, column), value) in self.chain.cross(roots, &[Vector::X, Vector::U], &[parameters]) {
            let field = if row.vector == Vector::X { xp } else { up };
            self.write(field, row.index as usize, column.index as usize, value);
        }
    }

    /// The gradient in the parameters of `sum weight * d(root)/dz dz + sum weight' * root`: the adjoints' change when
    /// the inputs move along (dx, du) and the weights along `weights`.
    fn write_parameter_contraction(&mut self, roots: &WeightedOutputs, weights: &[(Operand, ValueId)]) {
        let gradient = self.chain.contraction(roots, weights, |input| match input.vector {
            Vector::X => Some(Input { vector: Vector::Dx, ..input }),
            Vector::U => Some(Input { vector: Vector::Du, ..input }),
            _ => None,
        });
        self.write_parameters(gradient);
    }
}

/// The kernels of limits.
impl<'a> KernelWriter<'a> {
    fn stage(&self) -> &'a [Operand] {
        &self.tape.limits.stage.values
    }

    fn terminal(&self) -> &'a [Operand] {
        &self.tape.limits.terminal.values
    }

    /// The bounds there are: the field and the vector of their side, and the entry of the control.
    fn bounds_present(&self) -> Vec<(Operand, Field, Vector, usize)> {
        let limits = &self.tape.limits;
        let lower = limits.lower.iter().map(|bound| (bound, Field::Lower, Vector::Lower)).enumerate();
        let upper = limits.upper.iter().map(|bound| (bound, Field::Upper, Vector::Upper)).enumerate();
        lower
            .chain(upper)
            .filter_map(|(entry, (bound, field, vector))| Some(((*bound)?, field, vector, entry)))
            .collect()
    }

    fn write_bounds(&mut self) {
        for (bound, field, _, entry) in self.bounds_present() {
            let value = self.chain.value(bound);
            self.write(field, entry, 0, value);
        }
    }

    fn weighted_bounds(&mut self) -> WeightedOutputs {
        let bounds = self.bounds_present().into_iter();
        bounds.map(|(bound, _, vector, entry)| (bound, self.input(vector, entry))).collect()
    }

    fn write_bounds_terms(&mut self) {
        let bounds = self.bounds_present();
        let operands: Vec<Operand> = bounds.iter().map(|(bound, ..)| *bound).collect();
        let rows = self.chain.jacobian(&operands, &[Vector::P]);
        for ((_, field, _, entry), row) in bounds.into_iter().zip(rows) {
            for (input, value) in row {
                self.write(field, entry, input.index as usize, value);
            }
        }
    }

    fn write_values(&mut self, operands: &[Operand], field: Field) {
        for (index, &operand) in operands.iter().enumerate() {
            let value = self.chain.value(operand);
            self.write(field, index, 0, value);
        }
    }

    /// `vector' c`
    fn weighted(&mut self, constraints: &[Operand], vector: Vector) -> WeightedOutputs {
        constraints.iter().enumerate().map(|(index, &operand)| (operand, self.input(vector, index))).collect()
    }

    fn expand_constraints(&mut self, constraints: &[Operand]) {
        self.write_values(constraints, Field::C);
        self.write_jacobian(constraints, &[(Vector::X, Field::Cx), (Vector::U, Field::Cu)]);
        let roots = self.weighted(constraints, Vector::Mu);
        self.write_hessian(&roots, [Field::Hxx, Field::Hux, Field::Huu]);
    }

    fn contract_constraints(&mut self, constraints: &[Operand]) {
        let (roots, weights) = (self.weighted(constraints, Vector::Mu), self.weighted(constraints, Vector::DMu));
        self.write_parameter_contraction(&roots, &weights);
    }

    fn write_constraint_terms(&mut self, constraints: &[Operand]) {
        self.write_jacobian(constraints, &[(Vector::P, Field::Cp)]);
        let roots = self.weighted(constraints, Vector::Mu);
        self.write_cross(&roots, Vector::P, [Field::Hxp, Field::Hup]);
    }
}
