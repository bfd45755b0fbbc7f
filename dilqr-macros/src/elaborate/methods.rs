//! The methods of `f64` that the language has.

use proc_macro2::Ident;

use super::elaborator::{Elaborator, Scope};
use super::graph::{Node, NodeId};
use super::value::{SymbolicBool, SymbolicValue};
use crate::program::functions::{Comparison, ElementaryFunction};
use crate::syntax::ast::{BinaryOp, Expr};
use crate::syntax::errors::Span;
use crate::syntax::messages::message;

#[derive(Clone, Copy)]
enum Method {
    Elementary(ElementaryFunction),
    Powi,
    Powf,
    Recip,
    MulAdd,
    SinCos,
    Min,
    Max,
    Clamp,
}

/// The methods other than elementary functions, with the number of their arguments.
const COMPOSED: [(&str, usize, Method); 8] = [
    ("powi", 1, Method::Powi),
    ("powf", 1, Method::Powf),
    ("recip", 0, Method::Recip),
    ("mul_add", 2, Method::MulAdd),
    ("sin_cos", 0, Method::SinCos),
    ("min", 1, Method::Min),
    ("max", 1, Method::Max),
    ("clamp", 2, Method::Clamp),
];

/// Every method, with the number of its arguments.
fn methods() -> impl Iterator<Item = (&'static str, usize, Method)> + Clone {
    // `powf` covers `Pow` and constant exponents.
    let elementary = ElementaryFunction::ALL.iter().filter(|function| **function != ElementaryFunction::Pow);
    let elementary = elementary.map(|&function| (function.name(), function.arity() - 1, Method::Elementary(function)));
    elementary.chain(COMPOSED)
}

/// Methods of f64 that jump, or other spellings of methods that the language has.
const KINKED: [&str; 10] =
    ["ceil", "copysign", "div_euclid", "floor", "fract", "maximum", "minimum", "rem_euclid", "round", "trunc"];

impl Elaborator<'_> {
    pub(super) fn method(
        &mut self,
        receiver: &Expr,
        name: &Ident,
        arguments: &[Expr],
        span: Span,
        scope: &mut Scope,
    ) -> SymbolicValue {
        let value = self.expr(receiver, scope);
        let values = self.exprs(arguments, scope);
        if let SymbolicValue::Function(index) = value {
            return self.evaluate_function(index, name, (&values, arguments));
        }
        let of_function = ["evaluate", "at", "at_values"].iter().any(|own| name == own);
        if matches!(value, SymbolicValue::Unknown) && of_function {
            return SymbolicValue::Unknown;
        }
        let Some(method) = self.find_method(name, values.len()) else { return SymbolicValue::Unknown };
        let x = self.float(&value, receiver.span);
        if let Method::Powi = method {
            return self.powi(x, &values[0], arguments[0].span, span);
        }
        let Some(x) = x else { return SymbolicValue::Unknown };
        let mut nodes = vec![x];
        for (value, argument) in values.iter().zip(arguments) {
            match self.float(value, argument.span) {
                Some(node) => nodes.push(node),
                None => return SymbolicValue::Unknown,
            }
        }
        match method {
            Method::Elementary(function) => self.elementary(function, nodes, span),
            Method::SinCos => {
                let x = self.graph.let_bind(x);
                let sin = self.elementary(ElementaryFunction::Sin, vec![x], span);
                SymbolicValue::Tuple([sin, self.elementary(ElementaryFunction::Cos, vec![x], span)].into())
            }
            Method::Powf => self.powf(nodes, span),
            Method::Recip => self.power(x, -1.0, f64::recip, span),
            Method::MulAdd => self.mul_add([x, nodes[1], nodes[2]], span),
            Method::Max => SymbolicValue::Float(self.extremum(x, nodes[1], true)),
            Method::Min => SymbolicValue::Float(self.extremum(x, nodes[1], false)),
            Method::Clamp => self.clamp([x, nodes[1], nodes[2]], span),
            Method::Powi => unreachable!("returned above"),
        }
    }

    /// The method of that name; reports an unknown name and a wrong number of arguments.
    fn find_method(&mut self, name: &Ident, given: usize) -> Option<Method> {
        let text = name.to_string();
        let Some((_, arity, method)) = methods().find(|(known, ..)| text == *known) else {
            let message = if KINKED.contains(&text.as_str()) {
                message::method_with_kinks(&text)
            } else {
                message::unknown_method(&text, methods().map(|(known, ..)| known))
            };
            self.errors.at(name, message);
            return None;
        };
        if given != arity {
            self.errors.at(name, message::method_arity(&text, arity, given));
            return None;
        }
        Some(method)
    }

    fn elementary(&mut self, function: ElementaryFunction, nodes: Vec<NodeId>, span: Span) -> SymbolicValue {
        let constants: Option<Vec<f64>> = nodes.iter().map(|&node| self.graph.constant_value(node)).collect();
        match constants {
            Some(constants) => self.fold_constant(function.evaluate(&constants), span),
            None => SymbolicValue::Float(self.graph.add(Node::Call(function, nodes))),
        }
    }

    fn powi(&mut self, x: Option<NodeId>, exponent: &SymbolicValue, at: Span, span: Span) -> SymbolicValue {
        if !matches!(exponent, SymbolicValue::Integer(_) | SymbolicValue::Unknown) {
            self.errors.on(at, message::POWI_EXPONENT);
        }
        match (x, exponent) {
            // Integers of the language are within i32.
            (Some(x), &SymbolicValue::Integer(exponent)) => {
                self.power(x, exponent as f64, |x| x.powi(exponent as i32), span)
            }
            _ => SymbolicValue::Unknown,
        }
    }

    fn powf(&mut self, nodes: Vec<NodeId>, span: Span) -> SymbolicValue {
        let x = nodes[0];
        match self.graph.constant_value(nodes[1]) {
            Some(exponent) => self.power(x, exponent, |x| x.powf(exponent), span),
            None if self.graph.constant_value(x).is_some_and(|x| x < 0.0) => {
                self.errors.on(span, message::NEGATIVE_POWF);
                SymbolicValue::Unknown
            }
            None => self.elementary(ElementaryFunction::Pow, nodes, span),
        }
    }

    /// A constant power; `of` computes it for a constant base.
    fn power(&mut self, base: NodeId, exponent: f64, of: impl Fn(f64) -> f64, span: Span) -> SymbolicValue {
        match self.graph.constant_value(base) {
            Some(base) if base < 0.0 && exponent.fract() != 0.0 => {
                self.errors.on(span, message::NEGATIVE_POWF);
                SymbolicValue::Unknown
            }
            Some(base) => self.fold_constant(of(base), span),
            // As in Rust, for every base: for 0, too.
            None if exponent == 0.0 => self.fold_constant(1.0, span),
            None => SymbolicValue::Float(self.graph.add(Node::Power(base, exponent))),
        }
    }

    fn mul_add(&mut self, nodes: [NodeId; 3], span: Span) -> SymbolicValue {
        if let [Some(x), Some(a), Some(b)] = nodes.map(|node| self.graph.constant_value(node)) {
            return self.fold_constant(x.mul_add(a, b), span);
        }
        let [x, a, b] = nodes;
        let product = self.graph.add(Node::Binary(BinaryOp::Mul, x, a));
        SymbolicValue::Float(self.graph.add(Node::Binary(BinaryOp::Add, product, b)))
    }

    fn clamp(&mut self, [x, lower, upper]: [NodeId; 3], span: Span) -> SymbolicValue {
        if let (Some(lower), Some(upper)) = (self.graph.constant_value(lower), self.graph.constant_value(upper))
            && lower > upper
        {
            self.errors.on(span, message::CLAMP);
            return SymbolicValue::Unknown;
        }
        let raised = self.extremum(x, lower, true);
        SymbolicValue::Float(self.extremum(raised, upper, false))
    }

    /// The larger, or the smaller, of two numbers.
    fn extremum(&mut self, a: NodeId, b: NodeId, larger: bool) -> NodeId {
        let (a, b) = (self.graph.let_bind(a), self.graph.let_bind(b));
        let (low, high) = if larger { (a, b) } else { (b, a) };
        match self.comparison(Comparison::Less, low, high) {
            SymbolicBool::Known(true) => b,
            SymbolicBool::Known(false) => a,
            SymbolicBool::Node(condition) => self.graph.select(condition, b, a),
        }
    }
}
