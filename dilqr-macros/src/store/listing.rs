//! Kernels as text: the form in which they are cached and vendored, for people to read and for the macro to read back.
//!
//! A kernel is a function of one operation a line. Its inputs have the names of the model's fields, constants stand where
//! they are used, and `out` is the record that it fills:
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
//! What is read back is what was written, operation by operation. Nothing else is understood: a reader of this text is
//! handed what the writer made, and that is checked before by whoever keeps it.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;

use crate::elaborate::elaborator::Vectors;
use crate::elaborate::graph::{Comparison, ElementaryFunction, Input, Vector};
use crate::program::kernels::Kernels;
use crate::program::program::{Field, Op, OpCount, Output, Program, ValueId};

/// All kernels, in the order of [`Kernels::named`].
pub(crate) fn write(kernels: &Kernels, vectors: &Vectors) -> String {
    let mut text = String::new();
    for (name, program) in kernels.named() {
        write_program(name, program, vectors, &mut text);
    }
    text
}

/// The kernels that [`write()`] has written for the same vectors; `None` for any other text.
pub(crate) fn read(text: &str, vectors: &Vectors) -> Option<Kernels> {
    let inputs = fields(vectors).into_iter().map(|(input, name)| (name, input)).collect();
    let mut programs = HashMap::new();
    let mut lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with("//"));
    while let Some(head) = lines.next() {
        let name = head.strip_prefix("fn ")?.split_once('(')?.0;
        if programs.insert(name, read_program(&inputs, &mut lines)?).is_some() {
            return None;
        }
    }
    let kernels = Kernels::from_names(|name| programs.remove(name))?;
    programs.is_empty().then_some(kernels)
}

/// A kernel's argument, and the struct whose fields name its entries.
fn argument(vector: Vector) -> (&'static str, &'static str) {
    match vector {
        Vector::X => ("x", "State"),
        Vector::U => ("u", "Control"),
        Vector::P => ("p", "Params"),
        Vector::S => ("s", "StageParams"),
        Vector::Lambda => ("lambda", "State"),
        Vector::Dx => ("dx", "State"),
        Vector::Du => ("du", "Control"),
        Vector::DLambda => ("dlambda", "State"),
        Vector::Lower => ("lower", "Control"),
        Vector::Upper => ("upper", "Control"),
        Vector::Mu => ("mu", "[f64]"),
        Vector::DMu => ("dmu", "[f64]"),
    }
}

/// Every entry that has a name: `x.theta`, `lambda.position[2]`.
fn fields(vectors: &Vectors) -> Vec<(Input, String)> {
    use Vector::{DLambda, Du, Dx, Lambda, Lower, P, S, U, Upper, X};
    let layouts = [
        (Some(&vectors.state), &[X, Lambda, Dx, DLambda][..]),
        (Some(&vectors.control), &[U, Du, Lower, Upper]),
        (Some(&vectors.params), &[P]),
        (vectors.stage_params.as_ref(), &[S]),
    ];
    let mut names = Vec::new();
    for (layout, vectors) in layouts {
        for &vector in vectors {
            let mut index = 0;
            for (field, length) in layout.iter().flat_map(|layout| &layout.fields) {
                for entry in 0..length.unwrap_or(1) {
                    let entry = length.map_or_else(String::new, |_| format!("[{entry}]"));
                    names.push((Input::new(vector, index), format!("{}.{field}{entry}", argument(vector).0)));
                    index += 1;
                }
            }
        }
    }
    names
}

fn write_program(name: &str, program: &Program, vectors: &Vectors, text: &mut String) {
    let OpCount { adds, multiplies, divisions, negations, calls, selects } = program.count();
    let total = program.count().total();
    let _ = writeln!(
        text,
        "\n/// {total} operations: {adds} add, {multiplies} mul, {divisions} div, {negations} neg, {calls} call, {selects} select."
    );
    let read: BTreeSet<Vector> = program.inputs(|_| true).into_iter().map(|input| input.vector).collect();
    let inputs: String = read.into_iter().map(argument).map(|(name, kind)| format!("{name}: &{kind}, ")).collect();
    let _ = writeln!(text, "fn {name}({inputs}out: &mut Record) {{");
    let names: HashMap<Input, String> = fields(vectors).into_iter().collect();
    // Operations are numbered without the inputs and constants among them.
    let mut numbers = Vec::with_capacity(program.ops.len());
    let mut next = 0;
    for op in &program.ops {
        numbers.push(next);
        next += usize::from(op.computes());
    }
    let operand = |value: ValueId| match program.ops[value.index()] {
        Op::Input(input) => {
            names.get(&input).cloned().unwrap_or_else(|| format!("{}[{}]", argument(input.vector).0, input.index))
        }
        Op::Constant(bits) => number(bits),
        _ => format!("t{}", numbers[value.index()]),
    };
    let mut written = 0;
    for &(output, value) in &program.outputs {
        for index in written..=value.index() {
            let op = program.ops[index];
            if op.computes() {
                let _ = writeln!(text, "    let t{} = {};", numbers[index], operation(op, operand));
            }
        }
        written = written.max(value.index() + 1);
        let _ = writeln!(text, "    {} {};", place(output), operand(value));
    }
    text.push_str("}\n");
}

/// Digits that are read back to the same f64.
fn number(bits: u64) -> String {
    format!("{:?}", f64::from_bits(bits))
}

fn operation(op: Op, operand: impl Fn(ValueId) -> String) -> String {
    let infix = |a: ValueId, sign: &str, b: ValueId| format!("{} {sign} {}", operand(a), operand(b));
    match op {
        Op::Input(_) | Op::Constant(_) => String::new(),
        Op::Add(a, b) => infix(a, "+", b),
        Op::Sub(a, b) => infix(a, "-", b),
        Op::Mul(a, b) => infix(a, "*", b),
        Op::Div(a, b) => infix(a, "/", b),
        Op::Compare(comparison, a, b) => infix(a, sign(comparison), b),
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
    }
}

const COMPARISONS: [Comparison; 3] = [Comparison::Less, Comparison::LessEqual, Comparison::Equal];

fn sign(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Less => "<",
        Comparison::LessEqual => "<=",
        Comparison::Equal => "==",
    }
}

/// `out.fx[(0, 1)] =`, `out.f[0] =`, `out.l =`, `out.gp[2] +=`
fn place(output: Output) -> String {
    let Output { field, row, column } = output;
    let name = field.name();
    match field {
        Field::L => format!("out.{name} ="),
        Field::Gp | Field::Gs => format!("out.{name}[{row}] +="),
        Field::F | Field::Next | Field::Lx | Field::Lu | Field::Constraints | Field::C => {
            format!("out.{name}[{row}] =")
        }
        _ => format!("out.{name}[({row}, {column})] ="),
    }
}

fn read_program<'a>(fields: &HashMap<String, Input>, lines: &mut impl Iterator<Item = &'a str>) -> Option<Program> {
    let mut reader = Reader { fields, ops: Vec::new(), leaves: HashMap::new(), computed: Vec::new() };
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
            let (place, value) = statement.split_once("= ")?;
            outputs.push((read_place(place.strip_prefix("out.")?)?, reader.operand(value)?));
        }
    }
}

fn read_place(place: &str) -> Option<Output> {
    let place = place.trim_end_matches([' ', '+']);
    let (name, index) = place.split_once('[').unwrap_or((place, "0]"));
    let field = Field::ALL.into_iter().find(|field| field.name() == name)?;
    let index = index.strip_suffix(']')?.trim_matches(['(', ')']);
    let (row, column) = index.split_once(", ").unwrap_or((index, "0"));
    Some(Output { field, row: row.parse().ok()?, column: column.parse().ok()? })
}

/// An input without a name of its own: `mu[2]`.
fn multiplier(text: &str) -> Option<Input> {
    let (name, index) = text.strip_suffix(']')?.split_once('[')?;
    let unnamed = [Vector::Mu, Vector::DMu];
    let vector = unnamed.into_iter().find(|vector| argument(*vector).0 == name)?;
    Some(Input::new(vector, index.parse().ok()?))
}

/// A program as far as it has been read.
struct Reader<'a> {
    fields: &'a HashMap<String, Input>,
    ops: Vec<Op>,
    /// Inputs and constants, each of which is one operation.
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
        if let Some(input) = self.fields.get(text).copied().or_else(|| multiplier(text)) {
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
                    _ => Op::Compare(COMPARISONS.into_iter().find(|known| self::sign(*known) == sign)?, a, b),
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
        let function = || ElementaryFunction::ALL.into_iter().find(|function| function.name() == name);
        Some(match arguments.split_once(", ") {
            None => Op::Unary(function()?, self.operand(arguments)?),
            Some((a, exponent)) if name == "powf" => {
                Op::Powf(self.operand(a)?, exponent.parse::<f64>().ok()?.to_bits())
            }
            Some((a, b)) => Op::Binary(function()?, self.operand(a)?, self.operand(b)?),
        })
    }
}
