//! Random models as Rust.

use std::fmt::Write as _;

use super::{Block, Expr, Let, Model, Pattern, Shape};

impl Shape {
    fn text(self) -> &'static str {
        match self {
            Self::Float | Self::Positive => "f64",
            Self::Array => "[f64; N]",
            Self::Pair => "Pair",
            Self::Tuple => "(f64, f64)",
            Self::State => "&State",
            Self::Control => "Control",
            Self::Params => "Params",
        }
    }
}

impl Model {
    /// The model as the user would write it: `pub mod name { .. }`.
    pub(crate) fn source(&self, name: &str) -> String {
        let mut text = format!(
            "pub mod {name} {{\n\
             pub struct State {{ pub a: f64, pub b: [f64; N] }}\n\
             pub struct Control {{ pub v: f64 }}\n\
             pub struct Params {{ pub q: f64, pub r: [f64; 1] }}\n\
             struct Pair {{ left: f64, right: [f64; N] }}\n\
             const N: usize = 1 + 1;\n"
        );
        for (index, value) in self.consts.iter().enumerate() {
            let _ = writeln!(text, "const C{index}: f64 = {};", value.text());
        }
        for (index, helper) in self.helpers.iter().enumerate() {
            let arguments = helper.arguments.iter().map(|(name, shape)| format!("{name}: {}", shape.text()));
            let arguments = arguments.collect::<Vec<_>>().join(", ");
            let _ = writeln!(text, "fn helper_{index}({arguments}) -> {} {}", helper.result.text(), helper.body.text());
        }
        let lets: String = self.dynamics.iter().map(Let::text).collect();
        let [a, left, right] = &self.next;
        let (a, b) = (a.text(), format!("[{}, {}]", left.text(), right.text()));
        let next = if self.shorthand {
            format!("let b: [f64; N] = {b}; let a = {{ let _unused = b; {a} }}; State {{ b, a }}")
        } else {
            format!("State {{ a: {a}, b: {b} }}")
        };
        let arguments = "x: State, u: Control, p: Params";
        let _ = writeln!(text, "pub fn dynamics({arguments}) -> State {{ {lets} {next} }}");
        let _ = writeln!(text, "pub fn stage_cost({arguments}) -> f64 {}", self.stage_cost.text());
        let _ = writeln!(text, "pub fn terminal_cost(x: State, p: Params) -> f64 {}", self.terminal_cost.text());
        text.push_str("}\n");
        text
    }
}

impl Block {
    fn text(&self) -> String {
        let lets: String = self.lets.iter().map(Let::text).collect();
        format!("{{ {lets}{} }}", self.value.text())
    }
}

impl Let {
    fn text(&self) -> String {
        let ty = self.ty.map_or(String::new(), |shape| format!(": {}", shape.text()));
        format!("let {}{ty} = {}; ", self.pattern.text(), self.value.text())
    }
}

impl Pattern {
    fn text(&self) -> String {
        match self {
            Self::Name(name) => name.clone(),
            Self::Ignore => "_".to_owned(),
            Self::Tuple(patterns) => {
                let patterns: Vec<String> = patterns.iter().map(Self::text).collect();
                format!("({})", patterns.join(", "))
            }
        }
    }
}

impl Expr {
    /// Whether Rust cannot infer the type of the expression.
    fn untyped(&self) -> bool {
        match self {
            Self::Number(_) => true,
            Self::Negate(operand) => operand.untyped(),
            Self::Binary(_, left, right) => left.untyped() && right.untyped(),
            _ => false,
        }
    }

    fn text(&self) -> String {
        let list = |exprs: &[Expr]| exprs.iter().map(Expr::text).collect::<Vec<_>>().join(", ");
        match self {
            Self::Number(value) => format!("{value:?}_f64"),
            Self::Standard(path, _) => (*path).to_owned(),
            Self::Name(name) => name.clone(),
            Self::Field(base, field, _) => format!("{}.{field}", base.receiver()),
            Self::TupleField(base, index) => format!("{}.{index}", base.receiver()),
            Self::Index(base, 0) => format!("{}[0]", base.receiver()),
            Self::Index(base, _) => format!("{}[N - 1]", base.receiver()),
            Self::Negate(operand) => format!("-{}", operand.operand()),
            Self::Binary(op, left, right) => {
                let side = |side: &Expr, other: &Expr| match side {
                    // A plain literal takes its type from the other side.
                    Self::Number(value) if !other.untyped() => format!("{value:?}"),
                    side => side.operand(),
                };
                format!("{} {op} {}", side(left, right), side(right, left))
            }
            Self::Method { name, path: true, arguments } => format!("f64::{name}({})", list(arguments)),
            Self::Method { name, path: false, arguments } => {
                format!("{}.{name}({})", arguments[0].receiver(), list(&arguments[1..]))
            }
            Self::Powi(base, exponent) => format!("{}.powi({exponent})", base.receiver()),
            Self::Call(index, arguments) => {
                let arguments = arguments.iter().map(|argument| match argument {
                    Self::Name(name) if name == "x" => "&x".to_owned(),
                    argument => argument.text(),
                });
                format!("helper_{index}({})", arguments.collect::<Vec<_>>().join(", "))
            }
            Self::Array(elements) => format!("[{}]", list(elements)),
            Self::Repeat(value) => format!("[{}; N]", value.text()),
            Self::Pair(fields, false) => format!("Pair {{ left: {}, right: {} }}", fields[0].text(), fields[1].text()),
            Self::Pair(fields, true) => format!("Pair {{ right: {}, left: {} }}", fields[1].text(), fields[0].text()),
            Self::Tuple(elements) => format!("({})", list(elements)),
            Self::Block(block) => block.text(),
        }
    }

    /// As an operand of an operator.
    fn operand(&self) -> String {
        match self {
            Self::Negate(_) | Self::Binary(..) | Self::Block(_) | Self::Pair(..) => format!("({})", self.text()),
            _ => self.text(),
        }
    }

    /// In front of a dot or a bracket.
    fn receiver(&self) -> String {
        match self {
            Self::Standard(..) | Self::Number(_) => self.text(),
            _ => self.operand(),
        }
    }
}
