//! Which derivatives each kernel needs, and the chain rule that assembles them from the tape's partials.
//!
//! With pieces `b_k = phi_k(operands)` and adjoints `w_k = dH/db_k`:
//!
//! * a Jacobian is accumulated forwards (rows `db_k/dz`) or backwards (adjoints of each output), whichever takes fewer
//!   operations;
//! * a Hessian is `sum_k w_k J_k' (d2 phi_k) J_k` over the pieces that are not linear, with `J_k` the Jacobian of the
//!   piece's operands; or column by column, as the derivative of the adjoints in a direction: the shorter is kept
//!   (Griewank and Walther, Evaluating Derivatives, 2008, chapters 3 to 5);
//! * a contraction is the reverse sweep over a forward sweep in one direction, so it costs a small multiple of the value.

use std::collections::BTreeMap;

use crate::graph::{Input, Vector};
use crate::program::{Builder, Field, OpCount, Output, Program, Value};
use crate::tape::{Operand, Tape};

/// Sizes of the model's vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sizes {
    pub(crate) nx: usize,
    pub(crate) nu: usize,
    pub(crate) np: usize,
    pub(crate) ns: usize,
}

/// The kernels of `dilqr_runtime::Model`, and `linearize`.
pub(crate) struct Kernels {
    pub(crate) dynamics: Program,
    pub(crate) stage_cost: Program,
    pub(crate) terminal_cost: Program,
    pub(crate) step: Program,
    pub(crate) expand_stage: Program,
    pub(crate) expand_terminal: Program,
    pub(crate) hamiltonian_hessian: Program,
    pub(crate) expand_hamiltonian: Program,
    pub(crate) hamiltonian_parameter_gradient: Program,
    pub(crate) terminal_parameter_gradient: Program,
    pub(crate) parameter_contraction: Program,
    pub(crate) terminal_parameter_contraction: Program,
    pub(crate) parameter_terms: Program,
    pub(crate) terminal_parameter_terms: Program,
    pub(crate) linearize: Program,
}

pub(crate) fn kernels(tape: &Tape, sizes: Sizes) -> Kernels {
    let kernel = |build: &dyn Fn(&mut Sweep<'_>)| shortest(tape, sizes, build);
    Kernels {
        dynamics: kernel(&|sweep| sweep.write_f(Field::Next)),
        stage_cost: kernel(&|sweep| sweep.write_value(tape.l)),
        terminal_cost: kernel(&|sweep| sweep.write_value(tape.terminal)),
        step: kernel(&|sweep| {
            sweep.write_f(Field::Next);
            sweep.write_value(tape.l);
        }),
        expand_stage: kernel(&|sweep| {
            sweep.write_f(Field::F);
            sweep.write_value(tape.l);
            sweep.write_f_jacobian(&[(Vector::X, Field::Fx), (Vector::U, Field::Fu)]);
            sweep.write_l_gradient(tape.l);
            let roots = vec![(tape.l, sweep.one())];
            sweep.write_hessian(&roots, [Field::Lxx, Field::Lux, Field::Luu]);
        }),
        expand_terminal: kernel(&|sweep| {
            sweep.write_value(tape.terminal);
            sweep.write_l_gradient(tape.terminal);
            let roots = vec![(tape.terminal, sweep.one())];
            sweep.write_hessian(&roots, [Field::Lxx, Field::Lux, Field::Luu]);
        }),
        hamiltonian_hessian: kernel(&|sweep| {
            let roots = sweep.hamiltonian();
            sweep.write_hessian(&roots, [Field::Hxx, Field::Hux, Field::Huu]);
        }),
        expand_hamiltonian: kernel(&|sweep| {
            sweep.write_f_jacobian(&[(Vector::X, Field::Fx), (Vector::U, Field::Fu)]);
            sweep.write_l_gradient(tape.l);
            let roots = sweep.hamiltonian();
            sweep.write_hessian(&roots, [Field::Hxx, Field::Hux, Field::Huu]);
        }),
        hamiltonian_parameter_gradient: kernel(&|sweep| {
            let roots = sweep.hamiltonian();
            sweep.write_parameter_gradient(&roots);
        }),
        terminal_parameter_gradient: kernel(&|sweep| {
            let roots = vec![(tape.terminal, sweep.one())];
            sweep.write_parameter_gradient(&roots);
        }),
        parameter_contraction: kernel(&|sweep| {
            let roots = sweep.hamiltonian();
            let directions = (0..sizes.nx).map(|i| sweep.input(Vector::DLambda, i)).collect::<Vec<_>>();
            let directions = tape.f.iter().copied().zip(directions).collect::<Vec<_>>();
            sweep.write_parameter_contraction(&roots, &directions);
        }),
        terminal_parameter_contraction: kernel(&|sweep| {
            let roots = vec![(tape.terminal, sweep.one())];
            sweep.write_parameter_contraction(&roots, &[]);
        }),
        parameter_terms: kernel(&|sweep| {
            sweep.write_f_jacobian(&[(Vector::P, Field::Fp)]);
            let roots = sweep.hamiltonian();
            sweep.write_cross(&roots, [Field::Hxp, Field::Hup]);
        }),
        terminal_parameter_terms: kernel(&|sweep| {
            let roots = vec![(tape.terminal, sweep.one())];
            sweep.write_cross(&roots, [Field::Lxp, Field::Hup]);
        }),
        linearize: kernel(&|sweep| {
            sweep.write_f(Field::F);
            sweep.write_f_jacobian(&[(Vector::X, Field::Fx), (Vector::U, Field::Fu), (Vector::P, Field::Fp)]);
        }),
    }
}

impl Kernels {
    /// Each kernel under its name in the generated documentation.
    pub(crate) fn named(&self) -> [(&'static str, &Program); 15] {
        [
            ("dynamics", &self.dynamics),
            ("stage_cost", &self.stage_cost),
            ("terminal_cost", &self.terminal_cost),
            ("step", &self.step),
            ("expand_stage", &self.expand_stage),
            ("expand_terminal", &self.expand_terminal),
            ("hamiltonian_hessian", &self.hamiltonian_hessian),
            ("expand_hamiltonian", &self.expand_hamiltonian),
            ("add_hamiltonian_parameter_gradient", &self.hamiltonian_parameter_gradient),
            ("add_terminal_parameter_gradient", &self.terminal_parameter_gradient),
            ("add_parameter_contraction", &self.parameter_contraction),
            ("add_terminal_parameter_contraction", &self.terminal_parameter_contraction),
            ("parameter_terms", &self.parameter_terms),
            ("terminal_parameter_terms", &self.terminal_parameter_terms),
            ("linearize", &self.linearize),
        ]
    }
}

/// The ways to sweep that a kernel may be built with.
#[derive(Clone, Copy)]
struct Strategy {
    /// Jacobians backwards from the outputs, or forwards from the inputs.
    reverse_jacobian: bool,
    hessian: HessianStrategy,
}

/// How second derivatives are accumulated.
#[derive(Clone, Copy, PartialEq, Eq)]
enum HessianStrategy {
    /// `sum_k w_k J_k' (d2 phi_k) J_k` with the operands' Jacobians.
    Pieces,
    /// The adjoints' derivative in one direction after another.
    Columns,
    /// Backwards: second derivatives in the values that are alive, from the outputs to the inputs ("edge pushing", Gower
    /// and Mello, A new framework for the computation of Hessians, 2012).
    Pushed,
}

/// Builds a kernel in every way and keeps the one with the fewest operations, the first on a tie.
fn shortest(tape: &Tape, sizes: Sizes, build: &dyn Fn(&mut Sweep<'_>)) -> Program {
    let mut best: Option<(usize, Program)> = None;
    use HessianStrategy::{Columns, Pieces, Pushed};
    let strategies = [false, true].into_iter().flat_map(|reverse_jacobian| {
        [Pieces, Columns, Pushed].map(|hessian| Strategy { reverse_jacobian, hessian })
    });
    for strategy in strategies {
        let mut sweep = Sweep { tape, sizes, strategy, builder: Builder::default(), cache: Cache::new(tape), outputs: Vec::new() };
        build(&mut sweep);
        let program = sweep.builder.finish(sweep.outputs);
        let count: OpCount = program.count();
        if best.as_ref().is_none_or(|(fewest, _)| count.total() < *fewest) {
            best = Some((count.total(), program));
        }
    }
    best.map(|(_, program)| program).unwrap_or(Program { ops: Vec::new(), outputs: Vec::new() })
}

/// One kernel in the making.
struct Sweep<'a> {
    tape: &'a Tape,
    sizes: Sizes,
    strategy: Strategy,
    builder: Builder,
    cache: Cache,
    outputs: Vec<(Output, Value)>,
}

/// A piece's second partials: pairs of operand positions, the larger first.
type SecondPartials = Vec<(usize, usize, Value)>;

/// Values of the tape that have been put in the builder, piece by piece.
struct Cache {
    /// Filled from the front, as far as it has been needed.
    values: Vec<Value>,
    first: Vec<Option<Vec<Value>>>,
    second: Vec<Option<SecondPartials>>,
}

impl Cache {
    fn new(tape: &Tape) -> Self {
        let n = tape.pieces.len();
        Self { values: Vec::new(), first: vec![None; n], second: vec![None; n] }
    }
}

/// A sparse row: derivative in each input that has one.
type Row = BTreeMap<Input, Value>;

/// What is to be differentiated: outputs with their weights, whose weighted sum is the scalar.
type Roots = Vec<(Operand, Value)>;

impl Sweep<'_> {
    fn one(&mut self) -> Value {
        self.builder.constant(1.0)
    }

    fn input(&mut self, vector: Vector, index: usize) -> Value {
        self.builder.input(Input::new(vector, index))
    }

    fn write(&mut self, field: Field, row: usize, column: usize, value: Value) {
        self.outputs.push((Output { field, row: row as u32, column: column as u32 }, value));
    }

    /// `l + lambda' f`
    fn hamiltonian(&mut self) -> Roots {
        let mut roots = vec![(self.tape.l, self.one())];
        for (index, &f) in self.tape.f.iter().enumerate() {
            roots.push((f, self.input(Vector::Lambda, index)));
        }
        roots
    }

    fn value(&mut self, operand: Operand) -> Value {
        match operand {
            Operand::Constant(value) => self.builder.constant(value),
            Operand::Input(input) => self.builder.input(input),
            Operand::Piece(last) => {
                // In order, not recursively: a chain of lets may be longer than the stack is deep.
                for index in self.cache.values.len()..=last {
                    let piece = &self.tape.pieces[index];
                    let atoms: Vec<Value> = piece.operands.iter().map(|&operand| self.cached(operand)).collect();
                    let value = self.builder.term(&piece.term, &atoms);
                    self.cache.values.push(value);
                }
                self.cached(operand)
            }
        }
    }

    /// The value of an operand that has one already.
    fn cached(&mut self, operand: Operand) -> Value {
        match operand {
            Operand::Constant(value) => self.builder.constant(value),
            Operand::Input(input) => self.builder.input(input),
            Operand::Piece(index) => self.cache.values[index],
        }
    }

    fn atoms(&mut self, piece: usize) -> Vec<Value> {
        self.value(Operand::Piece(piece));
        let piece = &self.tape.pieces[piece];
        piece.operands.iter().map(|&operand| self.cached(operand)).collect()
    }

    fn first(&mut self, index: usize) -> Vec<Value> {
        if let Some(first) = &self.cache.first[index] {
            return first.clone();
        }
        let atoms = self.atoms(index);
        let piece = &self.tape.pieces[index];
        let first: Vec<Value> = piece.partials.first.iter().map(|term| self.builder.term(term, &atoms)).collect();
        self.cache.first[index] = Some(first.clone());
        first
    }

    fn second(&mut self, index: usize) -> SecondPartials {
        if let Some(second) = &self.cache.second[index] {
            return second.clone();
        }
        let atoms = self.atoms(index);
        let piece = &self.tape.pieces[index];
        let second = piece.partials.second.iter();
        let second: SecondPartials =
            second.map(|(row, column, term)| (*row, *column, self.builder.term(term, &atoms))).collect();
        self.cache.second[index] = Some(second.clone());
        second
    }

    /// Rows `db_k/dz` of every piece, for the inputs `z` in `vectors`.
    fn forward(&mut self, vectors: &[Vector]) -> Vec<Row> {
        let mut rows: Vec<Row> = Vec::new();
        for index in 0..self.tape.pieces.len() {
            let mut terms: BTreeMap<Input, Vec<Value>> = BTreeMap::new();
            let operands = &self.tape.pieces[index].operands;
            let moved: Vec<Row> = operands.iter().map(|&operand| self.row(&rows, operand, vectors)).collect();
            if moved.iter().any(|row| !row.is_empty()) {
                let first = self.first(index);
                for (partial, row) in first.into_iter().zip(moved) {
                    for (input, value) in row {
                        terms.entry(input).or_default().push(self.builder.mul(partial, value));
                    }
                }
            }
            rows.push(self.collect(terms));
        }
        rows
    }

    fn row(&mut self, rows: &[Row], operand: Operand, vectors: &[Vector]) -> Row {
        match operand {
            Operand::Constant(_) => Row::new(),
            Operand::Input(input) if vectors.contains(&input.vector) => Row::from([(input, self.one())]),
            Operand::Input(_) => Row::new(),
            Operand::Piece(index) => rows[index].clone(),
        }
    }

    fn collect(&mut self, terms: BTreeMap<Input, Vec<Value>>) -> Row {
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
    fn reverse(&mut self, roots: &Roots) -> Adjoints {
        let mut sums = Accumulator::new(self.tape);
        for &(root, weight) in roots {
            sums.add(root, weight);
        }
        let mut pieces = vec![None; self.tape.pieces.len()];
        for index in (0..self.tape.pieces.len()).rev() {
            let Some(adjoint) = sums.take(index, &mut self.builder) else { continue };
            pieces[index] = Some(adjoint);
            let first = self.first(index);
            for (&operand, partial) in self.tape.pieces[index].operands.iter().zip(first) {
                let term = self.builder.mul(partial, adjoint);
                sums.add(operand, term);
            }
        }
        Adjoints { pieces, inputs: self.collect(sums.inputs) }
    }

    /// The derivative of the adjoints in a direction. `moved` gives how every piece and input moves; `weights` how the
    /// weights of the roots move. Returns the change of the inputs' adjoints: for the inputs `z` it is the Hessian times
    /// the direction.
    fn reverse_in_direction(
        &mut self,
        adjoints: &Adjoints,
        moved: &dyn Fn(Operand) -> Option<Value>,
        weights: &[(Operand, Value)],
    ) -> Row {
        let mut sums = Accumulator::new(self.tape);
        for &(root, weight) in weights {
            sums.add(root, weight);
        }
        for index in (0..self.tape.pieces.len()).rev() {
            let operands = &self.tape.pieces[index].operands;
            if let Some(change) = sums.take(index, &mut self.builder) {
                let first = self.first(index);
                for (&operand, partial) in operands.iter().zip(first) {
                    let term = self.builder.mul(partial, change);
                    sums.add(operand, term);
                }
            }
            let Some(adjoint) = adjoints.pieces[index] else { continue };
            let directions: Vec<Option<Value>> = operands.iter().map(|&operand| moved(operand)).collect();
            if self.tape.pieces[index].partials.second.is_empty() || directions.iter().all(Option::is_none) {
                continue;
            }
            // sum_j (d2 phi)_ij db_j for each operand i, then times the adjoint once.
            let mut turned: Vec<Vec<Value>> = vec![Vec::new(); operands.len()];
            for (row, column, partial) in self.second(index) {
                if let Some(direction) = directions[column] {
                    turned[row].push(self.builder.mul(partial, direction));
                }
                if let Some(direction) = directions[row].filter(|_| row != column) {
                    turned[column].push(self.builder.mul(partial, direction));
                }
            }
            for (&operand, terms) in operands.iter().zip(turned) {
                let sum = self.builder.sum(&terms);
                let term = self.builder.mul(adjoint, sum);
                sums.add(operand, term);
            }
        }
        self.collect(sums.inputs)
    }

    fn write_f(&mut self, field: Field) {
        for index in 0..self.tape.f.len() {
            let value = self.value(self.tape.f[index]);
            self.write(field, index, 0, value);
        }
    }

    fn write_value(&mut self, root: Operand) {
        let value = self.value(root);
        self.write(Field::L, 0, 0, value);
    }

    fn write_f_jacobian(&mut self, blocks: &[(Vector, Field)]) {
        let vectors: Vec<Vector> = blocks.iter().map(|(vector, _)| *vector).collect();
        let rows = if self.strategy.reverse_jacobian { Vec::new() } else { self.forward(&vectors) };
        for index in 0..self.tape.f.len() {
            let root = self.tape.f[index];
            let row = if self.strategy.reverse_jacobian {
                let one = self.one();
                self.reverse(&vec![(root, one)]).inputs
            } else {
                self.row(&rows, root, &vectors)
            };
            for (input, value) in row {
                if let Some((_, field)) = blocks.iter().find(|(vector, _)| *vector == input.vector) {
                    self.write(*field, index, input.index as usize, value);
                }
            }
        }
    }

    fn write_l_gradient(&mut self, root: Operand) {
        let one = self.one();
        for (input, value) in self.reverse(&vec![(root, one)]).inputs {
            match input.vector {
                Vector::X => self.write(Field::Lx, input.index as usize, 0, value),
                Vector::U => self.write(Field::Lu, input.index as usize, 0, value),
                _ => {}
            }
        }
    }

    fn write_parameter_gradient(&mut self, roots: &Roots) {
        let gradient = self.reverse(roots).inputs;
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
        for (row, column, value) in self.hessian(roots) {
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

    /// The lower triangle of the Hessian in `z = (x, u)`, non-zeros only.
    fn hessian(&mut self, roots: &Roots) -> Vec<(Input, Input, Value)> {
        let vectors = [Vector::X, Vector::U];
        if self.strategy.hessian == HessianStrategy::Pushed {
            let z = |input: Input| vectors.contains(&input.vector);
            return self.pushed(roots, &z, &z).into_iter().map(|((row, column), value)| (row, column, value)).collect();
        }
        let rows = self.forward(&vectors);
        let adjoints = self.reverse(roots);
        if self.strategy.hessian == HessianStrategy::Columns {
            let x = (0..self.sizes.nx).map(|index| Input::new(Vector::X, index));
            let u = (0..self.sizes.nu).map(|index| Input::new(Vector::U, index));
            let mut entries = Vec::new();
            for column in x.chain(u) {
                let one = self.one();
                let moved = |operand: Operand| match operand {
                    Operand::Constant(_) => None,
                    Operand::Input(input) => (input == column).then_some(one),
                    Operand::Piece(index) => rows[index].get(&column).copied(),
                };
                let turned = self.reverse_in_direction(&adjoints, &moved, &[]);
                entries.extend(
                    turned
                        .into_iter()
                        .filter(|(row, _)| vectors.contains(&row.vector) && *row >= column)
                        .map(|(row, value)| (row, column, value)),
                );
            }
            return entries;
        }
        let triangle = self.curvature(&rows, &vectors, &rows, &vectors, &adjoints, |row, column| row >= column);
        triangle.into_iter().map(|((row, column), value)| (row, column, value)).collect()
    }

    /// `sum_k w_k A_k' (d2 phi_k) B_k` with the operands' Jacobians `A` and `B` in two groups of inputs; entries that
    /// `wanted` declines are left out.
    fn curvature(
        &mut self,
        left: &[Row],
        left_vectors: &[Vector],
        right: &[Row],
        right_vectors: &[Vector],
        adjoints: &Adjoints,
        wanted: impl Fn(Input, Input) -> bool,
    ) -> BTreeMap<(Input, Input), Value> {
        let mut sums: BTreeMap<(Input, Input), Vec<Value>> = BTreeMap::new();
        for index in 0..self.tape.pieces.len() {
            let Some(adjoint) = adjoints.pieces[index] else { continue };
            if self.tape.pieces[index].partials.second.is_empty() {
                continue;
            }
            let operands = &self.tape.pieces[index].operands;
            let a: Vec<Row> = operands.iter().map(|&operand| self.row(left, operand, left_vectors)).collect();
            let b: Vec<Row> = operands.iter().map(|&operand| self.row(right, operand, right_vectors)).collect();
            // First w (d2 phi) B, operand by operand; then A' of it.
            let mut turned: Vec<BTreeMap<Input, Vec<Value>>> = vec![BTreeMap::new(); operands.len()];
            for (i, j, partial) in self.second(index) {
                if (a[i].is_empty() || b[j].is_empty()) && (a[j].is_empty() || b[i].is_empty()) {
                    continue;
                }
                let weight = self.builder.mul(adjoint, partial);
                for (column, &value) in &b[j] {
                    turned[i].entry(*column).or_default().push(self.builder.mul(weight, value));
                }
                if i != j {
                    for (column, &value) in &b[i] {
                        turned[j].entry(*column).or_default().push(self.builder.mul(weight, value));
                    }
                }
            }
            for (rows, columns) in a.iter().zip(turned) {
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
        let mut entries = BTreeMap::new();
        for (place, terms) in sums {
            let value = self.builder.sum(&terms);
            if !self.builder.is_zero(value) {
                entries.insert(place, value);
            }
        }
        entries
    }

    /// Second derivatives of the roots' weighted sum in the inputs `left` x `right`, which are the same set or disjoint;
    /// of the same set the lower triangle.
    fn pushed(
        &mut self,
        roots: &Roots,
        left: &dyn Fn(Input) -> bool,
        right: &dyn Fn(Input) -> bool,
    ) -> BTreeMap<(Input, Input), Value> {
        let adjoints = self.reverse(roots);
        // Whether a piece depends on an input of either set; what does on neither is a constant here.
        let mut depends: Vec<(bool, bool)> = Vec::new();
        for piece in &self.tape.pieces {
            let of = |operand: &Operand| match *operand {
                Operand::Constant(_) => (false, false),
                Operand::Input(input) => (left(input), right(input)),
                Operand::Piece(index) => depends[index],
            };
            let all = piece.operands.iter().map(of).fold((false, false), |a, b| (a.0 || b.0, a.1 || b.1));
            depends.push(all);
        }
        let of = |operand: Operand| match operand {
            Operand::Constant(_) => (false, false),
            Operand::Input(input) => (left(input), right(input)),
            Operand::Piece(index) => depends[index],
        };
        let matters = |a: Operand, b: Operand| (of(a).0 && of(b).1) || (of(a).1 && of(b).0);
        let mut live = Interactions::default();
        for index in (0..self.tape.pieces.len()).rev() {
            if depends[index] == (false, false) {
                continue;
            }
            let operands = &self.tape.pieces[index].operands;
            let this = Operand::Piece(index);
            let neighbours = live.take(this, &mut self.builder);
            if !neighbours.is_empty() {
                let first = self.first(index);
                for (position, &operand) in operands.iter().enumerate() {
                    if of(operand) == (false, false) {
                        continue;
                    }
                    for &(neighbour, value) in &neighbours {
                        if neighbour != this {
                            if matters(operand, neighbour) {
                                let term = self.builder.mul(first[position], value);
                                live.add(operand, neighbour, term);
                                if operand == neighbour {
                                    live.add(operand, neighbour, term);
                                }
                            }
                            continue;
                        }
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
            let Some(adjoint) = adjoints.pieces[index] else { continue };
            if self.tape.pieces[index].partials.second.is_empty() {
                continue;
            }
            for (row, column, partial) in self.second(index) {
                if matters(operands[row], operands[column]) {
                    let term = self.builder.mul(adjoint, partial);
                    live.add(operands[row], operands[column], term);
                }
            }
        }
        let mut entries = BTreeMap::new();
        for ((a, b), terms) in live.inputs() {
            let value = self.builder.sum(&terms);
            // The pair is unordered: the row is the one of the left set, and of one set the later input.
            let (row, column) = if left(a) && right(b) && (!left(b) || a >= b) { (a, b) } else { (b, a) };
            if !self.builder.is_zero(value) {
                entries.insert((row, column), value);
            }
        }
        entries
    }

    /// Blocks xp and up of the second derivatives of the roots' weighted sum.
    fn write_cross(&mut self, roots: &Roots, fields: [Field; 2]) {
        let [xp, up] = fields;
        let (z, p) = ([Vector::X, Vector::U], [Vector::P]);
        if self.strategy.hessian == HessianStrategy::Pushed {
            let pushed = self.pushed(roots, &|input| z.contains(&input.vector), &|input| p.contains(&input.vector));
            for ((row, column), value) in pushed {
                let field = if row.vector == Vector::X { xp } else { up };
                self.write(field, row.index as usize, column.index as usize, value);
            }
            return;
        }
        let in_z = self.forward(&z);
        let in_p = self.forward(&p);
        let adjoints = self.reverse(roots);
        let entries = if self.strategy.hessian == HessianStrategy::Columns {
            let mut entries = BTreeMap::new();
            for index in 0..self.sizes.np {
                let column = Input::new(Vector::P, index);
                let one = self.one();
                let moved = |operand: Operand| match operand {
                    Operand::Constant(_) => None,
                    Operand::Input(input) => (input == column).then_some(one),
                    Operand::Piece(index) => in_p[index].get(&column).copied(),
                };
                for (row, value) in self.reverse_in_direction(&adjoints, &moved, &[]) {
                    if z.contains(&row.vector) {
                        entries.insert((row, column), value);
                    }
                }
            }
            entries
        } else {
            self.curvature(&in_z, &z, &in_p, &p, &adjoints, |_, _| true)
        };
        for ((row, column), value) in entries {
            let field = if row.vector == Vector::X { xp } else { up };
            self.write(field, row.index as usize, column.index as usize, value);
        }
    }

    /// The gradient in the parameters of `sum weight * d(root)/dz dz + sum weight' * root`: the adjoints' change when
    /// the inputs move along (dx, du) and the weights along `weights`.
    fn write_parameter_contraction(&mut self, roots: &Roots, weights: &[(Operand, Value)]) {
        let direction = |input: Input| match input.vector {
            Vector::X => Some(Input { vector: Vector::Dx, ..input }),
            Vector::U => Some(Input { vector: Vector::Du, ..input }),
            _ => None,
        };
        let mut moved: Vec<Option<Value>> = Vec::new();
        for index in 0..self.tape.pieces.len() {
            let mut terms = Vec::new();
            let operands = &self.tape.pieces[index].operands;
            for (position, &operand) in operands.iter().enumerate() {
                let change = match operand {
                    Operand::Constant(_) => None,
                    Operand::Input(input) => direction(input).map(|input| self.builder.input(input)),
                    Operand::Piece(index) => moved[index],
                };
                if let Some(change) = change {
                    let partial = self.first(index)[position];
                    terms.push(self.builder.mul(partial, change));
                }
            }
            let sum = self.builder.sum(&terms);
            moved.push((!self.builder.is_zero(sum)).then_some(sum));
        }
        let adjoints = self.reverse(roots);
        let mut inputs: BTreeMap<Input, Value> = BTreeMap::new();
        for (vector, length) in [(Vector::X, self.sizes.nx), (Vector::U, self.sizes.nu)] {
            for index in 0..length {
                let input = Input::new(vector, index);
                if let Some(along) = direction(input) {
                    let value = self.builder.input(along);
                    inputs.insert(input, value);
                }
            }
        }
        let moved = |operand: Operand| match operand {
            Operand::Constant(_) => None,
            Operand::Input(input) => inputs.get(&input).copied(),
            Operand::Piece(index) => moved[index],
        };
        let gradient = self.reverse_in_direction(&adjoints, &moved, weights);
        self.write_parameters(gradient);
    }
}

/// Derivatives of a scalar in the pieces (`None` where it does not depend on them) and in the inputs.
struct Adjoints {
    pieces: Vec<Option<Value>>,
    inputs: Row,
}

/// Second derivatives in pairs of live operands, as terms on their way to being summed.
#[derive(Default)]
struct Interactions {
    terms: BTreeMap<Place, BTreeMap<Place, Vec<Value>>>,
}

/// An operand in an order: inputs first, then pieces as they come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Input(Input),
    Piece(usize),
}

impl Interactions {
    fn place(operand: Operand) -> Option<Place> {
        match operand {
            Operand::Constant(_) => None,
            Operand::Input(input) => Some(Place::Input(input)),
            Operand::Piece(index) => Some(Place::Piece(index)),
        }
    }

    /// Adds to the entry of an unordered pair; it is kept under the later of the two, which is eliminated first.
    fn add(&mut self, a: Operand, b: Operand, term: Value) {
        if let (Some(a), Some(b)) = (Self::place(a), Self::place(b)) {
            self.terms.entry(a.max(b)).or_default().entry(a.min(b)).or_default().push(term);
        }
    }

    /// The non-zero entries of the latest live piece with every live operand, itself included.
    fn take(&mut self, operand: Operand, builder: &mut Builder) -> Vec<(Operand, Value)> {
        let Some(row) = Self::place(operand).and_then(|place| self.terms.remove(&place)) else { return Vec::new() };
        let mut entries = Vec::new();
        for (place, terms) in row {
            let value = builder.sum(&terms);
            if !builder.is_zero(value) {
                let operand = match place {
                    Place::Input(input) => Operand::Input(input),
                    Place::Piece(index) => Operand::Piece(index),
                };
                entries.push((operand, value));
            }
        }
        entries
    }

    /// What is left at the end: pairs of inputs.
    fn inputs(self) -> Vec<((Input, Input), Vec<Value>)> {
        let mut pairs = Vec::new();
        for (later, row) in self.terms {
            for (earlier, terms) in row {
                if let (Place::Input(a), Place::Input(b)) = (later, earlier) {
                    pairs.push(((a, b), terms));
                }
            }
        }
        pairs
    }
}

/// Terms of adjoints on their way to being summed.
struct Accumulator {
    pieces: Vec<Vec<Value>>,
    inputs: BTreeMap<Input, Vec<Value>>,
}

impl Accumulator {
    fn new(tape: &Tape) -> Self {
        Self { pieces: vec![Vec::new(); tape.pieces.len()], inputs: BTreeMap::new() }
    }

    fn add(&mut self, operand: Operand, term: Value) {
        match operand {
            Operand::Constant(_) => {}
            Operand::Input(input) => self.inputs.entry(input).or_default().push(term),
            Operand::Piece(index) => self.pieces[index].push(term),
        }
    }

    /// The sum for a piece, or `None` where it is structurally zero.
    fn take(&mut self, piece: usize, builder: &mut Builder) -> Option<Value> {
        let sum = builder.sum(&self.pieces[piece]);
        (!builder.is_zero(sum)).then_some(sum)
    }
}

/// Which outputs of a kernel can be other than zero.
pub(crate) fn pattern(program: &Program, field: Field, rows: usize, columns: usize) -> Vec<Vec<bool>> {
    let mut pattern = vec![vec![false; columns]; rows];
    for (output, _) in &program.outputs {
        if output.field == field {
            pattern[output.row as usize][output.column as usize] = true;
        }
    }
    pattern
}
