//! Implicit integrators: a step is a vector function, whose value solves equations.
//!
//! The unknowns are the slopes `K_i` of the implicit stages of a Runge-Kutta method,
//!
//! ```text
//! 0  = K_i - f(x + h sum_j a_ij K_j, ..)
//! x+ = x + h sum_i b_i K_i
//! ```
//!
//! The residuals are nodes over inputs of their own: `y` holds the unknowns, `z` what the derivative reads of state, control,
//! parameters and the other arguments, and the step where it is no constant. The next state is an expression over the
//! unknowns. Coefficients are those of Hairer and Wanner, *Solving Ordinary Differential Equations II*, 1996.

use proc_macro2::{Ident, Span};

use super::elaborator::{Arguments, Elaborator};
use super::graph::{Node, NodeId};
use super::integrate::Slopes;
use super::value::{SymbolicValue, flatten};
use crate::program::functions::ElementaryFunction;
use crate::program::vector_functions::{FunctionId, FunctionKind, VectorFunction};
use crate::program::vectors::{Input, Vector};
use crate::syntax::ast::{BinaryOp, Integration, Integrator};
use crate::syntax::messages::message;

/// The coefficients of a method of up to two stages. A stage whose row is zero is explicit.
struct Tableau {
    a: &'static [[f64; 2]],
    b: &'static [f64],
}

/// `sqrt(3) / 6`
const GAUSS: f64 = 0.288_675_134_594_812_9;

/// The coefficients of an implicit integrator; `None` for an explicit one.
fn tableau(integrator: Integrator) -> Option<Tableau> {
    Some(match integrator {
        Integrator::ImplicitEuler => Tableau { a: &[[1.0, 0.0]], b: &[1.0] },
        Integrator::ImplicitMidpoint => Tableau { a: &[[0.5, 0.0]], b: &[1.0] },
        Integrator::Trapezoid => Tableau { a: &[[0.0, 0.0], [0.5, 0.5]], b: &[0.5, 0.5] },
        Integrator::GaussLegendre => Tableau { a: &[[0.25, 0.25 - GAUSS], [0.25 + GAUSS, 0.25]], b: &[0.5, 0.5] },
        Integrator::Radau => Tableau { a: &[[5.0 / 12.0, -1.0 / 12.0], [0.75, 0.25]], b: &[0.75, 0.25] },
        Integrator::Euler | Integrator::SemiImplicitEuler | Integrator::Midpoint | Integrator::Rk4 => return None,
    })
}

/// The implicit step of a model.
pub(crate) struct ImplicitStep {
    pub(crate) residual: Vec<NodeId>,
    function: FunctionId,
    /// The entries that it reads of what it may read.
    read: Vec<usize>,
}

impl ImplicitStep {
    /// The step as a vector function of the model.
    pub(crate) fn vector_function(&self) -> VectorFunction {
        let name = Ident::new("__ImplicitStep", Span::call_site());
        VectorFunction { id: self.function, name, kind: FunctionKind::Step }
    }
}

impl Elaborator<'_> {
    /// A step of an implicit integrator from the state `x`, with the integral of the running cost; `None` for an explicit one.
    pub(super) fn implicit_step(
        &mut self,
        integration: &Integration,
        slopes: Slopes<'_>,
        arguments: &Arguments,
        h: NodeId,
    ) -> Option<(SymbolicValue, Option<NodeId>)> {
        let tableau = tableau(integration.integrator)?;
        let constant = self.graph.constant_value(h);
        if self.implicit.is_none() {
            self.implicit = Some(self.equations(integration, &tableau, slopes, (arguments, constant)));
        }
        let step = self.implicit.as_ref()?;
        let (function, read) = (step.function, step.read.clone());
        let all = self.readable(arguments, constant.is_none().then_some(h));
        let point: Vec<NodeId> = read.into_iter().map(|entry| all[entry]).collect();
        let unknowns = self.call_of(function, point);
        let mut unknowns = unknowns.chunks(self.state_len(arguments));
        let mut stages = Vec::new();
        for row in tableau.a {
            stages.push(match is_explicit(row) {
                true => self.rate(slopes, arguments),
                false => {
                    let mut entries = unknowns.next()?.iter();
                    arguments.x.map(&mut |node| match entries.next() {
                        Some(SymbolicValue::Float(entry)) => *entry,
                        _ => node,
                    })
                }
            });
        }
        let mut cost = slopes.running_cost.map(|_| self.graph.constant(0.0));
        for (row, b) in tableau.a.iter().zip(tableau.b) {
            let (Some(running), Some(sum)) = (slopes.running_cost, cost) else { break };
            let at = Arguments { x: self.weighted_sum(&arguments.x, h, row, &stages), ..arguments.clone() };
            let SymbolicValue::Float(rate) = self.inline_entry_point(running, &at) else { return None };
            let weight = self.scaled(h, *b);
            let part = self.graph.add(Node::Binary(BinaryOp::Mul, weight, rate));
            let sum = self.graph.add(Node::Binary(BinaryOp::Add, sum, part));
            cost = Some(self.graph.let_bind(sum));
        }
        Some((self.weighted_sum(&arguments.x, h, tableau.b, &stages), cost))
    }

    /// The equations of a step; `constant` is its length where that is a constant.
    fn equations(
        &mut self,
        integration: &Integration,
        tableau: &Tableau,
        slopes: Slopes<'_>,
        (arguments, constant): (&Arguments, Option<f64>),
    ) -> ImplicitStep {
        let all = self.readable(arguments, None).len() + usize::from(constant.is_none());
        let every: Vec<usize> = (0..all).collect();
        // Which entries are read shows only after the equations are there: they are made twice.
        let residual = self.residual(tableau, slopes, (arguments, constant), &every);
        let mut read = Vec::new();
        for node in self.graph.reachable(residual.into_iter()) {
            if let Node::Input(Input { vector: Vector::Z, index }) = *self.graph.node(node) {
                read.push(index as usize);
            }
        }
        read.sort_unstable();
        read.dedup();
        let residual = self.residual(tableau, slopes, (arguments, constant), &read);
        let nodes = self.graph.reachable(residual.iter().copied());
        let has_kinks = nodes.iter().any(|&node| match self.graph.node(node) {
            Node::Select(..) => true,
            Node::Call(function, _) => matches!(function, ElementaryFunction::Abs | ElementaryFunction::Signum),
            _ => false,
        });
        let held = nodes.iter().any(|&node| match self.graph.node(node) {
            Node::Entry { function, .. } => self.model.vector_functions[usize::from(function.index)].is_argument(),
            _ => false,
        });
        if held {
            self.errors.on(integration.span, message::IMPLICIT_FUNCTION);
        }
        let function = FunctionId {
            index: self.model.vector_functions.len() as u16,
            inputs: read.len() as u16,
            outputs: residual.len() as u16,
            first_weight: 0,
            weights: 0,
            has_kinks,
        };
        ImplicitStep { residual, function, read }
    }

    /// The residuals over `y` and the entries `read` of what a step may read. Others are zero, and make no difference.
    fn residual(
        &mut self,
        tableau: &Tableau,
        slopes: Slopes<'_>,
        (arguments, constant): (&Arguments, Option<f64>),
        read: &[usize],
    ) -> Vec<NodeId> {
        let zero = self.graph.constant(0.0);
        let mut next = 0;
        let graph = &mut self.graph;
        let mut entry = || {
            let place = read.iter().position(|entry| *entry == next);
            next += 1;
            place.map_or(zero, |place| graph.input(Input::new(Vector::Z, place)))
        };
        let mut of = |value: &SymbolicValue| value.map(&mut |_| entry());
        let inside = Arguments {
            x: of(&arguments.x),
            u: of(&arguments.u),
            previous: arguments.previous.as_ref().map(&mut of),
            p: of(&arguments.p),
            d: arguments.d.as_ref().map(&mut of),
            s: arguments.s.as_ref().map(&mut of),
            functions: arguments.functions.clone(),
        };
        let h = match constant {
            Some(h) => self.graph.constant(h),
            None => entry(),
        };
        let count = self.state_len(&inside);
        let mut unknown = 0;
        let mut stages = Vec::new();
        for row in tableau.a {
            stages.push(match is_explicit(row) {
                true => self.rate(slopes, &inside),
                false => {
                    unknown += 1;
                    let first = (unknown - 1) * count;
                    let mut index = first;
                    inside.x.map(&mut |_| {
                        index += 1;
                        self.graph.input(Input::new(Vector::Y, index - 1))
                    })
                }
            });
        }
        let mut residual = Vec::new();
        for (row, stage) in tableau.a.iter().zip(&stages).filter(|(row, _)| !is_explicit(row)) {
            let at = Arguments { x: self.weighted_sum(&inside.x, h, row, &stages), ..inside.clone() };
            let rate = self.rate(slopes, &at);
            let (mut rates, mut own) = (Vec::new(), Vec::new());
            flatten(&rate, &mut rates);
            flatten(stage, &mut own);
            for (own, rate) in own.into_iter().zip(rates) {
                residual.push(self.difference(own, rate));
            }
        }
        residual
    }

    /// Everything that a step may read, entry by entry.
    fn readable(&self, arguments: &Arguments, h: Option<NodeId>) -> Vec<NodeId> {
        let Arguments { x, u, previous, p, d, s, functions: _ } = arguments;
        let optional = [previous, d, s].map(Option::as_ref);
        let mut entries = Vec::new();
        for value in [Some(x), Some(u), optional[0], Some(p), optional[1], optional[2]].into_iter().flatten() {
            flatten(value, &mut entries);
        }
        entries.extend(h);
        entries
    }

    fn state_len(&self, arguments: &Arguments) -> usize {
        let mut entries = Vec::new();
        flatten(&arguments.x, &mut entries);
        entries.len().max(1)
    }

    fn rate(&mut self, slopes: Slopes<'_>, arguments: &Arguments) -> SymbolicValue {
        self.inline_entry_point(slopes.derivative, arguments)
    }

    /// `x + h sum_j weights_j slopes_j`
    fn weighted_sum(
        &mut self,
        x: &SymbolicValue,
        h: NodeId,
        weights: &[f64],
        slopes: &[SymbolicValue],
    ) -> SymbolicValue {
        let mut sum = x.clone();
        for (weight, slope) in weights.iter().zip(slopes).filter(|(weight, _)| **weight != 0.0) {
            let scaled = self.scaled(h, *weight);
            sum = self.advanced(&sum, scaled, slope);
        }
        sum
    }
}

/// Whether a stage has no unknowns: its slope is that at the beginning of the step.
fn is_explicit(row: &[f64; 2]) -> bool {
    row.iter().all(|a| *a == 0.0)
}
