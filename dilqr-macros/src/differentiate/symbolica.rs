//! Symbolica behind three functions: normal forms, renamed atoms, and partials. No other file names it, and callers hold its
//! lock ([`symbolica_lock`](super::symbolica_lock)).
//!
//! A constant enters as the exact rational that an `f64` is, and is rounded once when it leaves. The functions of the language
//! are symbols of our own with registered derivatives. So Symbolica widens no domain (`exp(ln x)` is not simplified, since
//! `x` may be negative) and introduces no function that kernels lack (`sec`).

use std::sync::OnceLock;

use symbolica::atom::{Atom, AtomCore, AtomView, Symbol};
use symbolica::coefficient::Coefficient;
use symbolica::domains::rational::Rational;
use symbolica::symbol;

use crate::elaborate::graph::{Graph, Node, NodeId};
use crate::program::functions::ElementaryFunction;
use crate::program::term::Term;
use crate::syntax::ast::BinaryOp;

/// Symbolica's state lives as long as the process, and the order of its symbols decides the order of terms. So symbols are
/// always made in one order: an expansion does not depend on earlier ones.
static FUNCTIONS: OnceLock<Vec<Symbol>> = OnceLock::new();

fn function_symbol(function: ElementaryFunction) -> Symbol {
    FUNCTIONS.get_or_init(|| ElementaryFunction::ALL.iter().copied().map(register).collect())[function as usize]
}

fn register(function: ElementaryFunction) -> Symbol {
    symbol!(
        format!("dilqr::{}", function.name()),
        der = move |call, argument, result| {
            if let AtomView::Fun(call) = call {
                let arguments: Vec<Atom> = call.iter().map(|argument| argument.to_owned()).collect();
                **result = partial_of_function(function, argument, &arguments);
            }
        }
    )
}

/// The derivatives of the elementary functions, in terms of the function's value where possible: the value is computed
/// anyway.
fn partial_of_function(function: ElementaryFunction, argument: usize, arguments: &[Atom]) -> Atom {
    let x = &arguments[0];
    let one = Atom::num(1);
    let call = |function: ElementaryFunction, arguments: &[Atom]| function_symbol(function).call_args(arguments);
    let square = |atom: &Atom| atom.pow(Atom::num(2));
    let inverse = |atom: Atom| atom.pow(Atom::num(-1));
    match function {
        ElementaryFunction::Sin => call(ElementaryFunction::Cos, arguments),
        ElementaryFunction::Cos => -call(ElementaryFunction::Sin, arguments),
        ElementaryFunction::Tan => one + square(&call(ElementaryFunction::Tan, arguments)),
        ElementaryFunction::Asin => inverse(call(ElementaryFunction::Sqrt, &[one - square(x)])),
        ElementaryFunction::Acos => -inverse(call(ElementaryFunction::Sqrt, &[one - square(x)])),
        ElementaryFunction::Atan => inverse(one + square(x)),
        ElementaryFunction::Sinh => call(ElementaryFunction::Cosh, arguments),
        ElementaryFunction::Cosh => call(ElementaryFunction::Sinh, arguments),
        ElementaryFunction::Tanh => one - square(&call(ElementaryFunction::Tanh, arguments)),
        ElementaryFunction::Exp => call(ElementaryFunction::Exp, arguments),
        ElementaryFunction::Ln => inverse(x.clone()),
        ElementaryFunction::Sqrt => inverse(Atom::num(2) * call(ElementaryFunction::Sqrt, arguments)),
        // At the kink the derivative is that of the right-hand branch, as `signum(0.0)` is 1.
        ElementaryFunction::Abs => call(ElementaryFunction::Signum, arguments),
        ElementaryFunction::Signum => Atom::num(0),
        ElementaryFunction::Cbrt => inverse(Atom::num(3) * square(&call(ElementaryFunction::Cbrt, arguments))),
        ElementaryFunction::Atan2 => {
            // atan2(y, x)
            let (y, x) = (&arguments[0], &arguments[1]);
            let radius = inverse(square(x) + square(y));
            if argument == 0 { x * &radius } else { -(y * &radius) }
        }
        ElementaryFunction::Hypot => &arguments[argument] * &inverse(call(ElementaryFunction::Hypot, arguments)),
        ElementaryFunction::Pow => {
            let exponent = &arguments[1];
            if argument == 0 {
                // Not value / base: that would be 0 / 0 at the base 0, where the derivative is 0.
                exponent * &call(ElementaryFunction::Pow, &[x.clone(), exponent - &one])
            } else {
                call(ElementaryFunction::Pow, arguments) * call(ElementaryFunction::Ln, std::slice::from_ref(x))
            }
        }
    }
}

/// The symbol of atom `index`.
fn atom_symbol(index: usize) -> Symbol {
    static ATOMS: std::sync::Mutex<Vec<Symbol>> = std::sync::Mutex::new(Vec::new());
    function_symbol(ElementaryFunction::Sin);
    let mut atoms = ATOMS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    while atoms.len() <= index {
        let next = atoms.len();
        atoms.push(symbol!(format!("dilqr::v{next}")));
    }
    atoms[index]
}

/// The most binary digits of a number in an expression. Exact arithmetic on more would take long.
const MAX_DIGITS: u64 = 20_000;

/// A bound on the size of an atom's numbers.
#[derive(Clone, Copy)]
struct CoefficientBound {
    /// Binary digits of a coefficient.
    digits: u64,
    /// Of an exponent.
    degree: u64,
}

impl CoefficientBound {
    const ATOM: Self = Self { digits: 0, degree: 1 };

    fn of(value: f64) -> Self {
        // A numerator of 53 digits, and a power of two.
        let digits = if value == 0.0 || value.abs() == 1.0 { 0 } else { 53 + value.abs().log2().abs() as u64 };
        Self { digits, degree: 0 }
    }

    fn sum(self, other: Self) -> Self {
        Self { digits: self.digits.max(other.digits) + 1, degree: self.degree.max(other.degree) }
    }

    fn product(self, other: Self) -> Self {
        Self { digits: self.digits + other.digits, degree: self.degree + other.degree }
    }

    /// `None` where the power's numbers would be too large.
    fn power(self, exponent: f64) -> Option<Self> {
        // Saturates.
        let times = exponent.abs() as u64;
        let power = Self { digits: self.digits.saturating_mul(times), degree: self.degree.saturating_mul(times) };
        (power.digits <= MAX_DIGITS && power.degree <= i32::MAX as u64).then_some(power)
    }
}

/// The constants of an expression multiply to a number of too many digits.
pub(crate) struct TooManyDigits;

/// Symbolica's normal form of the expression of `node`, down to the named nodes that are not `transparent`. `operands` receives
/// the inputs and named nodes that it reads, in order of first appearance: they are its atoms.
pub(crate) fn normal_form(
    graph: &Graph,
    node: NodeId,
    transparent: &[bool],
    operands: &mut Vec<NodeId>,
) -> Result<Term, TooManyDigits> {
    let (atom, _) = build(graph, node, transparent, operands)?;
    Ok(term(atom.as_view()))
}

fn build(
    graph: &Graph,
    node: NodeId,
    transparent: &[bool],
    operands: &mut Vec<NodeId>,
) -> Result<(Atom, CoefficientBound), TooManyDigits> {
    let mut build = |node: NodeId| build(graph, node, transparent, operands);
    let (atom, bound) = match graph.node(node) {
        Node::Named(inner) if transparent[node.index()] => build(*inner)?,
        Node::Input(_) | Node::Named(_) | Node::Select(..) | Node::StopGradient { .. } | Node::Entry { .. } => {
            let index = operands.iter().position(|known| *known == node).unwrap_or_else(|| {
                operands.push(node);
                operands.len() - 1
            });
            (Atom::var(atom_symbol(index)), CoefficientBound::ATOM)
        }
        Node::Constant(value) => (constant(*value), CoefficientBound::of(*value)),
        Node::Compare(..) | Node::And(..) | Node::Or(..) | Node::Not(_) => {
            unreachable!("conditions are read by selects and stopped gradients only")
        }
        Node::Negate(operand) => {
            let (operand, bound) = build(*operand)?;
            (-operand, bound)
        }
        Node::Binary(op, left, right) => {
            let (left, a) = build(*left)?;
            let (right, b) = build(*right)?;
            let bound = if matches!(op, BinaryOp::Add | BinaryOp::Sub) { a.sum(b) } else { a.product(b) };
            if bound.digits > MAX_DIGITS {
                return Err(TooManyDigits);
            }
            let atom = match op {
                BinaryOp::Add => left + right,
                BinaryOp::Sub => left - right,
                BinaryOp::Mul => left * right,
                // Of integers only, which elaboration has folded.
                BinaryOp::Rem => unreachable!("quantities have no remainder"),
                BinaryOp::Div => left / right,
            };
            (atom, bound)
        }
        Node::Power(base, exponent) => {
            let (base, bound) = build(*base)?;
            power(base, bound, *exponent)
        }
        Node::Call(function, arguments) => {
            let mut atoms = Vec::new();
            for argument in arguments {
                atoms.push(build(*argument)?.0);
            }
            (function_symbol(*function).call_args(&atoms), CoefficientBound::ATOM)
        }
    };
    Ok((atom, bound))
}

/// A power with a constant exponent. If the exponent is not an integer, it stays a function: it exists for positive bases
/// only, and Symbolica would simplify the square of `x^(1/2)` to `x`. The same holds if a number would get too many digits.
fn power(base: Atom, bound: CoefficientBound, exponent: f64) -> (Atom, CoefficientBound) {
    match bound.power(exponent) {
        Some(bound) if exponent.fract() == 0.0 => (base.pow(constant(exponent)), bound),
        _ => {
            let bound = CoefficientBound { degree: 1, ..bound };
            (function_symbol(ElementaryFunction::Pow).call_args([base, constant(exponent)]), bound)
        }
    }
}

fn constant(value: f64) -> Atom {
    // Elaboration lets only finite constants through, and a finite f64 is a rational.
    Rational::try_from(value).map_or_else(|_| Atom::num(0), Atom::num)
}

/// The normal form of an expression whose atom `k` becomes the atom `names[k]`.
pub(crate) fn rename_atoms(expression: &Term, names: &[usize]) -> Term {
    term(atom(expression, &|index| names[index]).as_view())
}

/// First and second partial derivatives of `expression` in its atoms `0..atoms`.
pub(crate) fn partials(expression: &Term, atoms: usize) -> Partials {
    let expression = atom(expression, &|index| index);
    let first: Vec<Atom> = (0..atoms).map(|index| expression.derivative(atom_symbol(index))).collect();
    let second = (0..atoms).flat_map(|row| {
        let partial = &first[row];
        (0..=row).map(move |column| (row, column, term(partial.derivative(atom_symbol(column)).as_view())))
    });
    Partials {
        second: second.filter(|(.., partial)| *partial != Term::Constant(0.0)).collect(),
        first: first.iter().map(|partial| term(partial.as_view())).collect(),
    }
}

/// The derivatives of one expression.
#[derive(PartialEq)]
pub(crate) struct Partials {
    /// In each atom.
    pub(crate) first: Vec<Term>,
    /// In each pair of atoms, the larger first; zeros left out.
    pub(crate) second: Vec<(usize, usize, Term)>,
}

fn atom(term: &Term, name: &dyn Fn(usize) -> usize) -> Atom {
    let all = |terms: &[Term]| terms.iter().map(|term| atom(term, name)).collect::<Vec<_>>();
    match term {
        Term::Constant(value) => constant(*value),
        Term::Atom(index) => Atom::var(atom_symbol(name(*index))),
        Term::Sum(terms) => Atom::add_many(all(terms)),
        Term::Product(factors) => Atom::mul_many(all(factors)),
        Term::Power(base, exponent) => {
            // The base is an atom or a constant: expressions are cut at powers.
            let bound =
                if let Term::Constant(value) = **base { CoefficientBound::of(value) } else { CoefficientBound::ATOM };
            power(atom(base, name), bound, *exponent).0
        }
        Term::Call(function, arguments) => function_symbol(*function).call_args(all(arguments)),
    }
}

fn term(view: AtomView<'_>) -> Term {
    match view {
        AtomView::Num(_) => Term::Constant(number(view)),
        AtomView::Var(variable) => {
            let name = variable.get_symbol();
            let digits = name.get_stripped_name().trim_start_matches('v');
            Term::Atom(digits.parse().unwrap_or(usize::MAX))
        }
        AtomView::Add(sum) => Term::Sum(sum.iter().map(term).collect()),
        AtomView::Mul(product) => Term::Product(product.iter().map(term).collect()),
        AtomView::Pow(power) => {
            let (base, exponent) = power.get_base_exp();
            match exponent {
                AtomView::Num(_) => Term::Power(Box::new(term(base)), number(exponent)),
                _ => Term::Call(ElementaryFunction::Pow, vec![term(base), term(exponent)]),
            }
        }
        AtomView::Fun(call) => {
            let symbol = call.get_symbol();
            let arguments: Vec<Term> = call.iter().map(term).collect();
            let function =
                ElementaryFunction::ALL.iter().copied().find(|function| function_symbol(*function) == symbol);
            // Only our own functions enter, and their derivatives are made of them.
            match (function.unwrap_or(ElementaryFunction::Sin), <[Term; 2]>::try_from(arguments)) {
                (ElementaryFunction::Pow, Ok([base, Term::Constant(exponent)])) => {
                    Term::Power(Box::new(base), exponent)
                }
                (function, Ok(arguments)) => Term::Call(function, arguments.into()),
                (function, Err(arguments)) => Term::Call(function, arguments),
            }
        }
    }
}

/// The nearest f64 of a coefficient; NaN where it is not a rational number.
fn number(view: AtomView<'_>) -> f64 {
    let AtomView::Num(number) = view else { return f64::NAN };
    match number.get_coeff_view().to_owned() {
        Coefficient::Complex(value) if value.im.is_zero() => value.re.to_f64(),
        _ => f64::NAN,
    }
}
