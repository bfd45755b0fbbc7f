//! The textual form of kernels, in which they are cached and vendored: people read it, and the macro reads it back.
//!
//! A kernel is a function with one operation on a line. Its inputs have the names of the model's fields, constants are written
//! where they are used, and `out` is the record that it fills:
//!
//! ```text
//! /// 4 operations: 1 add, 2 mul, 0 div, 0 neg, 1 call, 0 select.
//! fn stage_cost(x: &State, u: &Control, out: &mut Record) {
//!     let t0 = sin(x.theta);
//!     let t1 = 0.001 * u.torque;
//!     let t2 = t1 * u.torque;
//!     let t3 = t0 + t2;
//!     out.l = t3;
//! }
//! ```
//!
//! Reading gives back what was written, operation by operation, and reads nothing else. Callers check before that the text is
//! unchanged.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;

use crate::elaborate::elaborated_system::Vectors;
use crate::elaborate::layout::Layout;
use crate::program::fields::{Field, Location, Output};
use crate::program::functions::{Comparison, ElementaryFunction};
use crate::program::kernels::Kernels;
use crate::program::op::{Op, OpCount, ValueId};
use crate::program::program::Program;
use crate::program::vectors::{Entries, Input, Vector};
use crate::syntax::vector_functions::{FunctionId, VectorFunction};

/// All kernels, in the order of the table.
pub(crate) fn write(kernels: &Kernels, vectors: &Vectors) -> String {
    let mut text = String::new();
    for (kernel, program) in kernels.iter() {
        write_program(kernel.name(), program, vectors, &mut text);
    }
    text
}

/// The kernels that [`write()`] wrote for the same vectors; `None` for any other text.
pub(crate) fn read(text: &str, vectors: &Vectors) -> Option<Kernels> {
    let inputs = fields(vectors).into_iter().map(|(input, name)| (name, input)).collect();
    let names = Names { inputs: &inputs, functions: &vectors.functions };
    let mut programs = HashMap::new();
    let mut lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with("//"));
    while let Some(head) = lines.next() {
        let name = head.strip_prefix("fn ")?.split_once('(')?.0;
        if programs.insert(name, read_program(names, &mut lines)?).is_some() {
            return None;
        }
    }
    let kernels = Kernels::new(|kernel| programs.remove(kernel.name()));
    (programs.is_empty() && kernels.is_complete()).then_some(kernels)
}

/// The type of the argument that holds a vector: the struct whose fields name its entries.
fn argument_type(vector: Vector) -> &'static str {
    match vector.entries() {
        Entries::State => "State",
        Entries::Control => "Control",
        Entries::Params => "Params",
        Entries::StageParams => "StageParams",
        Entries::Constraints => "[f64]",
    }
}

fn layout(entries: Entries, vectors: &Vectors) -> Option<&Layout> {
    match entries {
        Entries::State => Some(&vectors.state),
        Entries::Control => Some(&vectors.control),
        Entries::Params => Some(&vectors.params),
        Entries::StageParams => vectors.stage_params.as_ref(),
        Entries::Constraints => None,
    }
}

/// Every entry that has a name: `x.theta`, `lambda.position[2]`, `p.inertia.xx`.
fn fields(vectors: &Vectors) -> Vec<(Input, String)> {
    let mut names = Vec::new();
    for &vector in Vector::ALL {
        let own = layout(vector.entries(), vectors).map_or_else(Vec::new, Layout::raw_names).into_iter();
        let own = own.map(|entry| format!("{}.{entry}", vector.name()));
        let added = added(vector.entries(), vectors).into_iter();
        let added = added.map(|entry| format!("{}.{entry}", vector.name()));
        names.extend(own.chain(added).enumerate().map(|(index, name)| (Input::new(vector, index), name)));
    }
    names
}

/// The names of the entries that the lift adds to a vector: `previous().torque`, `d().total`, `slack()[1]`. No field has such
/// a name, and the text stays Rust.
fn added(entries: Entries, vectors: &Vectors) -> Vec<String> {
    let lift = &vectors.lift;
    let of =
        |name: &str, layout: &Layout| layout.names().into_iter().map(|entry| format!("{name}().{entry}")).collect();
    let slacks = |count: usize| (0..count).map(|slack| format!("slack()[{slack}]")).collect();
    let parts: Vec<Vec<String>> = match entries {
        Entries::State => {
            let previous = if lift.previous { of("previous", &vectors.control) } else { Vec::new() };
            let design = lift.design.as_ref().map_or_else(Vec::new, |layout| of("d", layout));
            vec![previous, design, slacks(lift.terminal_slacks)]
        }
        Entries::Control => vec![slacks(lift.stage_slacks)],
        Entries::Params | Entries::StageParams | Entries::Constraints => Vec::new(),
    };
    parts.concat()
}

fn write_program(name: &str, program: &Program, vectors: &Vectors, text: &mut String) {
    let OpCount { adds, multiplies, divisions, negations, calls, selects } = program.count();
    let total = program.count().total();
    let _ = writeln!(
        text,
        "\n/// {total} operations: {adds} add, {multiplies} mul, {divisions} div, {negations} neg, {calls} call, {selects} select."
    );
    let read: BTreeSet<Vector> = program.inputs(|_| true).into_iter().map(|input| input.vector).collect();
    let inputs: String =
        read.into_iter().map(|vector| format!("{}: &{}, ", vector.name(), argument_type(vector))).collect();
    let _ = writeln!(text, "fn {name}({inputs}out: &mut Record) {{");
    let names: HashMap<Input, String> = fields(vectors).into_iter().collect();
    // Operations are numbered without inputs and constants.
    let mut numbers = Vec::with_capacity(program.ops.len());
    let mut next = 0;
    for op in &program.ops {
        numbers.push(next);
        next += usize::from(has_line(op));
    }
    let operand = |value: ValueId| match program.ops[value.index()] {
        Op::Input(input) => {
            names.get(&input).cloned().unwrap_or_else(|| format!("{}[{}]", input.vector.name(), input.index))
        }
        Op::Constant(bits) => number(bits),
        _ => format!("t{}", numbers[value.index()]),
    };
    let mut written = 0;
    for &(output, value) in &program.outputs {
        for index in written..=value.index() {
            let op = program.ops[index];
            if has_line(&op) {
                let list = |list: ValueId| program.list(list).into_iter().map(operand).collect::<Vec<_>>().join(", ");
                let _ = writeln!(text, "    let t{} = {};", numbers[index], operation(op, operand, list));
            }
        }
        written = written.max(value.index() + 1);
        let _ = writeln!(text, "    {} {};", target(output), operand(value));
    }
    text.push_str("}\n");
}

/// The shortest digits that are read back as the same f64.
fn number(bits: u64) -> String {
    format!("{:?}", f64::from_bits(bits))
}

/// Lists are written where they are read.
fn has_line(op: &Op) -> bool {
    op.computes() && !matches!(op, Op::List(..))
}

fn operation(op: Op, operand: impl Fn(ValueId) -> String, list: impl Fn(ValueId) -> String) -> String {
    let infix = |a: ValueId, sign: &str, b: ValueId| format!("{} {sign} {}", operand(a), operand(b));
    match op {
        Op::Input(_) | Op::Constant(_) => String::new(),
        Op::Add(a, b) => infix(a, "+", b),
        Op::Sub(a, b) => infix(a, "-", b),
        Op::Mul(a, b) => infix(a, "*", b),
        Op::Div(a, b) => infix(a, "/", b),
        Op::Compare(Comparison::Same, a, b) => format!("same({}, {})", operand(a), operand(b)),
        Op::Compare(comparison, a, b) => infix(a, comparison.sign(), b),
        Op::And(a, b) => infix(a, "&", b),
        Op::Or(a, b) => infix(a, "|", b),
        Op::Negate(a) => format!("-{}", operand(a)),
        Op::Not(a) => format!("!{}", operand(a)),
        Op::Unary(function, a) => format!("{}({})", function.name(), operand(a)),
        Op::Binary(function, a, b) => format!("{}({}, {})", function.name(), operand(a), operand(b)),
        Op::Powf(a, exponent) => format!("powf({}, {})", operand(a), number(exponent)),
        Op::Select(condition, a, b) => {
            format!("if {} {{ {} }} else {{ {} }}", operand(condition), operand(a), operand(b))
        }
        Op::List(..) => String::new(),
        Op::Evaluate(function, point) => format!("{}.value({})", name(function), list(point)),
        Op::Expand(function, point) => format!("{}.expand({})", name(function), list(point)),
        Op::Contract(function, at, adjoints) => {
            format!("{}.contract({}, {})", name(function), operand(at), list(adjoints))
        }
        Op::AddWeights(function, at, directions) => {
            format!("{}.add_weights({}, {})", name(function), operand(at), list(directions))
        }
        Op::Entry(call, index) => format!("{}.entry({index})", operand(call)),
    }
}

/// The name of a vector function: `function0`.
fn name(function: FunctionId) -> String {
    format!("function{}", function.index)
}

/// `out.fx[(0, 1)] =`, `out.f[0] =`, `out.l =`, `out.gp[2] +=`
fn target(output: Output) -> String {
    let Output { field, row, column } = output;
    let name = field.name();
    match field.location() {
        Location::Scalar => format!("out.{name} ="),
        Location::SumArgument(_) | Location::AddedByCall => format!("out.{name}[{row}] +="),
        Location::Vector | Location::VectorArgument(_) | Location::List | Location::SliceArgument(_) => {
            format!("out.{name}[{row}] =")
        }
        Location::Matrix | Location::MatrixArgument(_) | Location::Rows => format!("out.{name}[({row}, {column})] ="),
    }
}

/// What names in the text stand for.
#[derive(Clone, Copy)]
struct Names<'a> {
    inputs: &'a HashMap<String, Input>,
    functions: &'a [VectorFunction],
}

fn read_program<'a>(names: Names<'_>, lines: &mut impl Iterator<Item = &'a str>) -> Option<Program> {
    let mut reader = Reader { names, ops: Vec::new(), leaves: HashMap::new(), computed: Vec::new() };
    let mut outputs = Vec::new();
    loop {
        let line = lines.next()?;
        if line == "}" {
            return Some(Program::scheduled(&reader.ops, outputs));
        }
        let statement = line.strip_prefix("    ")?.strip_suffix(';')?;
        if let Some(binding) = statement.strip_prefix("let t") {
            let (number, value) = binding.split_once(" = ")?;
            if number.parse() != Ok(reader.computed.len()) {
                return None;
            }
            let op = reader.operation(value)?;
            let value = reader.push(op);
            reader.computed.push(value);
        } else {
            let (target, value) = statement.split_once("= ")?;
            outputs.push((read_target(target.strip_prefix("out.")?)?, reader.operand(value)?));
        }
    }
}

fn read_target(target: &str) -> Option<Output> {
    let target = target.trim_end_matches([' ', '+']);
    let (name, index) = target.split_once('[').unwrap_or((target, "0]"));
    let field = Field::ALL.iter().copied().find(|field| field.name() == name)?;
    let index = index.strip_suffix(']')?.trim_matches(['(', ')']);
    let (row, column) = index.split_once(", ").unwrap_or((index, "0"));
    Some(Output { field, row: row.parse().ok()?, column: column.parse().ok()? })
}

/// An input without a name: `mu[2]`.
fn multiplier(text: &str) -> Option<Input> {
    let (name, index) = text.strip_suffix(']')?.split_once('[')?;
    let mut unnamed = Vector::ALL.iter().filter(|vector| vector.entries() == Entries::Constraints);
    let vector = unnamed.find(|vector| vector.name() == name)?;
    Some(Input::new(*vector, index.parse().ok()?))
}

/// A program, as far as it was read.
struct Reader<'a> {
    names: Names<'a>,
    ops: Vec<Op>,
    /// Inputs and constants, one operation each.
    leaves: HashMap<Op, ValueId>,
    /// `t0`, `t1`, ..
    computed: Vec<ValueId>,
}

impl Reader<'_> {
    fn push(&mut self, op: Op) -> ValueId {
        self.ops.push(op);
        ValueId::at(self.ops.len() - 1)
    }

    fn leaf(&mut self, op: Op) -> ValueId {
        if let Some(&value) = self.leaves.get(&op) {
            return value;
        }
        let value = self.push(op);
        self.leaves.insert(op, value);
        value
    }

    fn operand(&mut self, text: &str) -> Option<ValueId> {
        if let Some(input) = self.names.inputs.get(text).copied().or_else(|| multiplier(text)) {
            return Some(self.leaf(Op::Input(input)));
        }
        if let Some(number) = text.strip_prefix('t') {
            return self.computed.get(number.parse::<usize>().ok()?).copied();
        }
        let constant: f64 = text.parse().ok()?;
        Some(self.leaf(Op::Constant(constant.to_bits())))
    }

    fn operation(&mut self, text: &str) -> Option<Op> {
        if let Some((function, arguments)) = text.strip_suffix(')').and_then(|call| call.split_once('(')) {
            return self.call(function, arguments);
        }
        let words: Vec<&str> = text.split(' ').collect();
        Some(match words[..] {
            ["if", condition, "{", a, "}", "else", "{", b, "}"] => {
                Op::Select(self.operand(condition)?, self.operand(a)?, self.operand(b)?)
            }
            [a, sign, b] => {
                let (a, b) = (self.operand(a)?, self.operand(b)?);
                match sign {
                    "+" => Op::Add(a, b),
                    "-" => Op::Sub(a, b),
                    "*" => Op::Mul(a, b),
                    "/" => Op::Div(a, b),
                    "&" => Op::And(a, b),
                    "|" => Op::Or(a, b),
                    _ => Op::Compare(Comparison::ALL.into_iter().find(|known| known.sign() == sign)?, a, b),
                }
            }
            [prefixed] => match prefixed.strip_prefix('!') {
                Some(a) => Op::Not(self.operand(a)?),
                None => Op::Negate(self.operand(prefixed.strip_prefix('-')?)?),
            },
            _ => return None,
        })
    }

    fn call(&mut self, name: &str, arguments: &str) -> Option<Op> {
        if let Some((receiver, method)) = name.split_once('.') {
            return self.vector_call(receiver, method, arguments);
        }
        let function = || ElementaryFunction::ALL.iter().copied().find(|function| function.name() == name);
        Some(match arguments.split_once(", ") {
            None => Op::Unary(function()?, self.operand(arguments)?),
            Some((a, exponent)) if name == "powf" => {
                Op::Powf(self.operand(a)?, exponent.parse::<f64>().ok()?.to_bits())
            }
            Some((a, b)) if name == "same" => Op::Compare(Comparison::Same, self.operand(a)?, self.operand(b)?),
            Some((a, b)) => Op::Binary(function()?, self.operand(a)?, self.operand(b)?),
        })
    }

    /// A call of a vector function, or an entry of one.
    fn vector_call(&mut self, receiver: &str, method: &str, arguments: &str) -> Option<Op> {
        if method == "entry" {
            return Some(Op::Entry(self.operand(receiver)?, arguments.parse().ok()?));
        }
        let function = receiver.strip_prefix("function")?.parse::<usize>().ok()?;
        let function = self.names.functions.get(function)?.id;
        let values: Option<Vec<ValueId>> = arguments.split(", ").map(|argument| self.operand(argument)).collect();
        let values = values?;
        let mut list =
            |values: &[ValueId]| values.iter().fold(None, |before, &value| Some(self.push(Op::List(before, value))));
        Some(match method {
            "value" => Op::Evaluate(function, list(&values)?),
            "expand" => Op::Expand(function, list(&values)?),
            "contract" => Op::Contract(function, *values.first()?, list(values.get(1..)?)?),
            "add_weights" => Op::AddWeights(function, *values.first()?, list(values.get(1..)?)?),
            _ => return None,
        })
    }
}
