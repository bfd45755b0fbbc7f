//! Which derivatives each kernel needs; how they are accumulated is `chain`'s business.

use crate::chain::{Chain, HessianStrategy, JacobianStrategy, Roots, Row, Strategy};
use crate::graph::{Input, Vector};
use crate::kernels::{Kernels, Sizes};
use crate::program::{Field, Output, Program, Value};
use crate::tape::{Operand, Tape};

/// The ways in which a kernel may be built: one of each at least, those first that come first on a tie.
#[derive(Clone, Copy)]
pub(crate) struct Ways<'a> {
    pub(crate) tapes: &'a [Tape],
    pub(crate) jacobians: &'a [JacobianStrategy],
    pub(crate) hessians: &'a [HessianStrategy],
}

impl<'a> Ways<'a> {
    /// All there are.
    pub(crate) fn all(tapes: &'a [Tape]) -> Self {
        Self { tapes, jacobians: &JacobianStrategy::ALL, hessians: &HessianStrategy::ALL }
    }
}

/// The kernels of the model that the tapes are cut from, each built in the shortest way.
pub(crate) fn kernels(tapes: &[Tape], sizes: Sizes) -> Kernels {
    kernels_in(Ways::all(tapes), sizes)
}

pub(crate) fn kernels_in(ways: Ways<'_>, sizes: Sizes) -> Kernels {
    // Which limits there are is the same on all tapes of a model.
    let limits = &ways.tapes[0].limits;
    // Kernels know nothing of one another: those of a large model are built on all cores.
    std::thread::scope(|scope| {
        let start = |build: fn(&mut Sweep<'_>)| scope.spawn(move || shortest(ways, sizes, build));
        let finished = |thread: std::thread::ScopedJoinHandle<'_, Program>| match thread.join() {
            Ok(program) => program,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        let dynamics = start(|sweep| sweep.write_f(Field::Next));
        let stage_cost = start(|sweep| sweep.write_value(sweep.tape.l));
        let terminal_cost = start(|sweep| sweep.write_value(sweep.tape.terminal));
        let step = start(|sweep| {
            sweep.write_f(Field::Next);
            sweep.write_value(sweep.tape.l);
        });
        let expand_stage = start(|sweep| {
            sweep.write_f(Field::F);
            sweep.write_value(sweep.tape.l);
            sweep.write_f_jacobian(&[(Vector::X, Field::Fx), (Vector::U, Field::Fu)]);
            sweep.write_l_gradient(sweep.tape.l);
            let roots = vec![(sweep.tape.l, sweep.one())];
            sweep.write_hessian(&roots, [Field::Lxx, Field::Lux, Field::Luu]);
        });
        let expand_terminal = start(|sweep| {
            sweep.write_value(sweep.tape.terminal);
            sweep.write_l_gradient(sweep.tape.terminal);
            let roots = vec![(sweep.tape.terminal, sweep.one())];
            sweep.write_hessian(&roots, [Field::Lxx, Field::Lux, Field::Luu]);
        });
        let expand_hamiltonian = start(|sweep| {
            sweep.write_f_jacobian(&[(Vector::X, Field::Fx), (Vector::U, Field::Fu)]);
            sweep.write_l_gradient(sweep.tape.l);
            let roots = sweep.hamiltonian();
            sweep.write_hessian(&roots, [Field::Hxx, Field::Hux, Field::Huu]);
        });
        let hamiltonian_parameter_gradient = start(|sweep| {
            let roots = sweep.hamiltonian();
            sweep.write_parameter_gradient(&roots);
        });
        let terminal_parameter_gradient = start(|sweep| {
            let roots = vec![(sweep.tape.terminal, sweep.one())];
            sweep.write_parameter_gradient(&roots);
        });
        let parameter_contraction = start(|sweep| {
            let roots = sweep.hamiltonian();
            let directions = (0..sweep.sizes.nx).map(|i| sweep.input(Vector::DLambda, i)).collect::<Vec<_>>();
            let directions = sweep.tape.f.iter().copied().zip(directions).collect::<Vec<_>>();
            sweep.write_parameter_contraction(&roots, &directions);
        });
        let terminal_parameter_contraction = start(|sweep| {
            let roots = vec![(sweep.tape.terminal, sweep.one())];
            sweep.write_parameter_contraction(&roots, &[]);
        });
        let parameter_terms = start(|sweep| {
            sweep.write_f_jacobian(&[(Vector::P, Field::Fp)]);
            let roots = sweep.hamiltonian();
            sweep.write_cross(&roots, Vector::P, [Field::Hxp, Field::Hup]);
        });
        let terminal_parameter_terms = start(|sweep| {
            let roots = vec![(sweep.tape.terminal, sweep.one())];
            sweep.write_cross(&roots, Vector::P, [Field::Lxp, Field::Hup]);
        });
        let linearize = start(|sweep| {
            sweep.write_f(Field::F);
            sweep.write_f_jacobian(&[(Vector::X, Field::Fx), (Vector::U, Field::Fu), (Vector::P, Field::Fp)]);
        });
        let start_if = |present: bool, build: fn(&mut Sweep<'_>)| present.then(|| start(build));
        let bounds = start_if(limits.bounded(), |sweep| sweep.write_bounds());
        let bounds_contraction = start_if(limits.bounded(), |sweep| {
            let roots = sweep.weighted_bounds();
            sweep.write_parameter_gradient(&roots);
        });
        let bounds_terms = start_if(limits.bounded(), |sweep| sweep.write_bounds_terms());
        let constrained = !limits.stage.is_empty();
        let stage_constraints = start_if(constrained, |sweep| sweep.write_values(sweep.stage(), Field::Constraints));
        let expand_stage_constraints = start_if(constrained, |sweep| sweep.expand_constraints(sweep.stage()));
        let stage_constraint_contraction = start_if(constrained, |sweep| sweep.contract_constraints(sweep.stage()));
        let stage_constraint_terms = start_if(constrained, |sweep| sweep.write_constraint_terms(sweep.stage()));
        let constrained = !limits.terminal.is_empty();
        let terminal_constraints =
            start_if(constrained, |sweep| sweep.write_values(sweep.terminal(), Field::Constraints));
        let expand_terminal_constraints = start_if(constrained, |sweep| sweep.expand_constraints(sweep.terminal()));
        let terminal_constraint_contraction =
            start_if(constrained, |sweep| sweep.contract_constraints(sweep.terminal()));
        let terminal_constraint_terms = start_if(constrained, |sweep| sweep.write_constraint_terms(sweep.terminal()));
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
pub(crate) fn hamiltonian_hessian(ways: Ways<'_>, sizes: Sizes) -> Program {
    shortest(ways, sizes, |sweep| {
        let roots = sweep.hamiltonian();
        sweep.write_hessian(&roots, [Field::Hxx, Field::Hux, Field::Huu]);
    })
}

/// Builds a kernel in every way and keeps the one with the fewest operations, the first on a tie.
fn shortest(ways: Ways<'_>, sizes: Sizes, build: fn(&mut Sweep<'_>)) -> Program {
    let mut best: Option<Program> = None;
    for tape in ways.tapes {
        for &jacobian in ways.jacobians {
            // What a kernel does not use makes no difference to it, and is tried once.
            let mut used = (true, true);
            for &hessian in ways.hessians {
                if !used.1 {
                    break;
                }
                // A way that is far beyond the best is given up before it is complete.
                let limit = best.as_ref().map_or(usize::MAX, |best| 1_000 + 3 * best.ops.len());
                let chain = Chain::new(tape, Strategy { jacobian, hessian }, limit);
                let mut sweep = Sweep { chain, tape, sizes, outputs: Vec::new() };
                build(&mut sweep);
                used = sweep.chain.used();
                if sweep.chain.builder.is_full() {
                    continue;
                }
                let program = sweep.chain.builder.finish(sweep.outputs);
                if best.as_ref().is_none_or(|best| program.count().total() < best.count().total()) {
                    best = Some(program);
                }
            }
            if !used.0 {
                break;
            }
        }
    }
    best.unwrap_or_default().arranged()
}

/// One kernel in the making: what it writes.
pub(crate) struct Sweep<'a> {
    pub(crate) chain: Chain<'a>,
    pub(crate) tape: &'a Tape,
    pub(crate) sizes: Sizes,
    outputs: Vec<(Output, Value)>,
}

impl Sweep<'_> {
    pub(crate) fn one(&mut self) -> Value {
        self.chain.builder.constant(1.0)
    }

    fn input(&mut self, vector: Vector, index: usize) -> Value {
        self.chain.builder.input(Input::new(vector, index))
    }

    pub(crate) fn write(&mut self, field: Field, row: usize, column: usize, value: Value) {
        self.outputs.push((Output { field, row: row as u32, column: column as u32 }, value));
    }

    /// `l + lambda' f`
    pub(crate) fn hamiltonian(&mut self) -> Roots {
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

    fn write_parameter_gradient(&mut self, roots: &Roots) {
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
    fn write_hessian(&mut self, roots: &Roots, fields: [Field; 3]) {
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
    fn write_cross(&mut self, roots: &Roots, parameters: Vector, fields: [Field; 2]) {
        let [xp, up] = fields;
        for ((row, column), value) in self.chain.cross(roots, &[Vector::X, Vector::U], &[parameters]) {
            let field = if row.vector == Vector::X { xp } else { up };
            self.write(field, row.index as usize, column.index as usize, value);
        }
    }

    /// The gradient in the parameters of `sum weight * d(root)/dz dz + sum weight' * root`: the adjoints' change when
    /// the inputs move along (dx, du) and the weights along `weights`.
    fn write_parameter_contraction(&mut self, roots: &Roots, weights: &[(Operand, Value)]) {
        let gradient = self.chain.contraction(roots, weights, |input| match input.vector {
            Vector::X => Some(Input { vector: Vector::Dx, ..input }),
            Vector::U => Some(Input { vector: Vector::Du, ..input }),
            _ => None,
        });
        self.write_parameters(gradient);
    }
}

/// The kernels of limits.
impl<'a> Sweep<'a> {
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

    fn weighted_bounds(&mut self) -> Roots {
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
    fn weighted(&mut self, constraints: &[Operand], vector: Vector) -> Roots {
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
