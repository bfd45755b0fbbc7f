//! Implicit integrators and algebraic variables: vector functions whose values solve equations.
//!
//! The unknowns of a step are the slopes `K_i` of the implicit stages of a Runge-Kutta method,
//!
//! ```text
//! 0  = K_i - f(x + h sum_j a_ij K_j, ..)
//! x+ = x + h sum_i b_i K_i
//! ```
//!
//! Residuals are nodes over inputs of their own: `y` holds the unknowns, `z` what the equations read of state, control,
//! parameters and the other arguments, and the step where it is no constant. The next state is an expression over the
//! unknowns. Algebraic variables are a function of the other arguments: wherever a function of the model takes them, their
//! equations are solved there. Coefficients are those of Hairer and Wanner, *Solving Ordinary Differential Equations II*, 1996.

use super::elaborator::{Arguments, Elaborator};
use super::graph::{Node, NodeId};
use super::integrate::Slopes;
use super::solution::Implicit;
use super::value::{SymbolicValue, flatten};
use crate::program::functions::ElementaryFunction;
use crate::program::vectors::{Input, Vector};
use crate::syntax::ast::{BinaryOp, Integration, Integrator, Struct};
use crate::syntax::messages::message;
use crate::syntax::vector_functions::{Equations, FunctionId};

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

/// How long a step is, as equations see it.
#[derive(Clone, Copy)]
pub(super) enum StepLength {
    /// The equations are those of no step.
    None,
    Constant(f64),
    /// An input of the equations.
    Varies,
}

/// Makes residuals from the arguments inside of the equations and the length of a step.
pub(super) type Residual<'a, 'b> = &'a mut dyn FnMut(&mut Elaborator<'b>, &Arguments, NodeId) -> Vec<NodeId>;

/// Steps.
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
        if self.step.is_none() {
            let length = constant.map_or(StepLength::Varies, StepLength::Constant);
            let step = self.equations(Equations::Step, (arguments, length), &mut |elaborator, inside, h| {
                elaborator.step_residual(&tableau, slopes, inside, h)
            });
            self.step = Some(step);
        }
        let step = self.step.as_ref()?;
        let (function, read) = (step.function, step.read.clone());
        let all = readable(arguments, constant.is_none().then_some(h));
        let unknowns = self.call_of(function, read.into_iter().map(|entry| all[entry]).collect());
        let mut unknowns = unknowns.chunks(len(&arguments.x));
        let mut stages = Vec::new();
        for row in tableau.a {
            stages.push(match is_explicit(row) {
                true => self.inline_entry_point(slopes.derivative, arguments),
                false => filled(&arguments.x, unknowns.next()?),
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

    /// The residuals of a step over `y` and the arguments inside of the equations.
    fn step_residual(&mut self, tableau: &Tableau, slopes: Slopes<'_>, inside: &Arguments, h: NodeId) -> Vec<NodeId> {
        let mut unknown = 0;
        let mut stages = Vec::new();
        for row in tableau.a {
            stages.push(match is_explicit(row) {
                true => self.inline_entry_point(slopes.derivative, inside),
                false => inside.x.map(&mut |_| {
                    unknown += 1;
                    self.graph.input(Input::new(Vector::Y, unknown - 1))
                }),
            });
        }
        let mut residual = Vec::new();
        for (row, stage) in tableau.a.iter().zip(&stages).filter(|(row, _)| !is_explicit(row)) {
            let at = Arguments { x: self.weighted_sum(&inside.x, h, row, &stages), ..inside.clone() };
            let rate = self.inline_entry_point(slopes.derivative, &at);
            let (mut rates, mut own) = (Vec::new(), Vec::new());
            flatten(&rate, &mut rates);
            flatten(stage, &mut own);
            for (own, rate) in own.into_iter().zip(rates) {
                residual.push(self.difference(own, rate));
            }
        }
        residual
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

/// Algebraic variables.
impl Elaborator<'_> {
    /// The arguments with the algebraic variables that solve their equations.
    pub(super) fn with_algebraic(&mut self, arguments: &Arguments) -> Arguments {
        let model = self.model;
        let (Some(item), Some(equations)) = (model.algebraic(), model.find_function("algebraic")) else {
            return arguments.clone();
        };
        let unknowns = self.inputs(Vector::Y, 0, item);
        if self.algebraic.is_none() {
            let mut found =
                self.equations(Equations::Algebraic, (arguments, StepLength::None), &mut |elaborator, inside, _| {
                    let inside = Arguments { z: Some(unknowns.clone()), ..inside.clone() };
                    let mut values = Vec::new();
                    flatten(&elaborator.inline_entry_point(equations, &inside), &mut values);
                    values
                });
            found.guess = self.guesses(item);
            if found.guess.len() != found.residual.len() {
                let message = message::algebraic_count(found.guess.len(), found.residual.len());
                self.errors.at(&equations.name, message);
            }
            self.algebraic = Some(found);
        }
        let Some(Implicit { function, read, .. }) = &self.algebraic else { return arguments.clone() };
        let (function, read) = (*function, read.clone());
        let all = readable(arguments, None);
        let solution = self.call_of(function, read.into_iter().map(|entry| all[entry]).collect());
        Arguments { z: Some(filled(&unknowns, &solution)), ..arguments.clone() }
    }

    /// The guesses of algebraic variables, one for each number; zero by default.
    fn guesses(&mut self, item: &Struct) -> Vec<f64> {
        let mut guesses = Vec::new();
        for field in &item.fields {
            let shape = self.shape(&field.ty);
            let count = self.number_count(&shape);
            let guess = field.guess.as_ref().map(|guess| {
                let value = self.expr(guess, &mut Vec::new());
                let node = self.float(&value, guess.span);
                let constant = node.and_then(|node| self.graph.constant_value(node));
                if node.is_some() && constant.is_none() {
                    self.errors.on(guess.span, message::GUESS_CONSTANT);
                }
                constant.unwrap_or(0.0)
            });
            guesses.extend(vec![guess.unwrap_or(0.0); count]);
        }
        guesses
    }
}

/// Equations.
impl<'a> Elaborator<'a> {
    /// Equations over inputs of their own, as `residual` makes them.
    pub(super) fn equations(
        &mut self,
        of: Equations,
        (arguments, length): (&Arguments, StepLength),
        residual: Residual<'_, 'a>,
    ) -> Implicit {
        let (inside, h) = self.inside(of, arguments, length);
        let residual = residual(self, &inside, h);
        let read = self.number_inputs(of, &residual);
        let nodes = self.graph.reachable(residual.iter().copied());
        let has_kinks = nodes.iter().any(|&node| match self.graph.node(node) {
            Node::Select(..) => true,
            Node::Call(function, _) => matches!(function, ElementaryFunction::Abs | ElementaryFunction::Signum),
            Node::Entry { function, .. } => function.has_kinks,
            _ => false,
        });
        // Behind the model's own functions: that of the algebraic variables, and that of a step.
        let is_second = of != Equations::Algebraic && self.model.algebraic().is_some();
        let index = self.model.vector_functions.len() + usize::from(is_second);
        let (index, inputs, outputs) = (index as u16, read.len() as u16, residual.len() as u16);
        // Its weights are those of all functions up to the last that the equations call.
        let called = nodes.iter().filter_map(|&node| match self.graph.node(node) {
            Node::Entry { function, .. } if function.weights > 0 => Some(function.first_weight + function.weights),
            _ => None,
        });
        let weights = called.max().unwrap_or(0);
        let function = FunctionId { index, inputs, outputs, first_weight: 0, weights, has_kinks };
        Implicit { guess: vec![0.0; residual.len()], of, steps: None, residual, function, read }
    }

    /// The arguments as inputs `z` of equations, and the length of a step. The indices of the inputs are beyond those that
    /// kernels have, and differ between equations, until it shows which ones are read.
    fn inside(&mut self, of: Equations, arguments: &Arguments, length: StepLength) -> (Arguments, NodeId) {
        let zero = self.graph.constant(0.0);
        let mut next = first_index(of);
        let graph = &mut self.graph;
        let mut entry = || {
            next += 1;
            graph.input(Input::new(Vector::Z, next - 1))
        };
        let mut of = |value: &SymbolicValue| value.map(&mut |_| entry());
        let inside = Arguments {
            x: of(&arguments.x),
            z: None,
            u: of(&arguments.u),
            previous: arguments.previous.as_ref().map(&mut of),
            p: of(&arguments.p),
            d: arguments.d.as_ref().map(&mut of),
            s: arguments.s.as_ref().map(&mut of),
            functions: arguments.functions.clone(),
            blocks: Vec::new(),
        };
        let h = match length {
            StepLength::None => zero,
            StepLength::Constant(h) => self.graph.constant(h),
            StepLength::Varies => entry(),
        };
        (inside, h)
    }

    /// Numbers the inputs that the residuals read, and gives the entries that these are of all.
    fn number_inputs(&mut self, of: Equations, residual: &[NodeId]) -> Vec<usize> {
        let mut inputs: Vec<(usize, NodeId)> = Vec::new();
        for node in self.graph.reachable(residual.iter().copied()) {
            if let Node::Input(Input { vector: Vector::Z, index }) = *self.graph.node(node) {
                inputs.push((index as usize - first_index(of), node));
            }
        }
        inputs.sort_unstable();
        for (place, (_, node)) in inputs.iter().enumerate() {
            self.graph.replace_input(*node, Input::new(Vector::Z, place));
        }
        let read: Vec<usize> = inputs.into_iter().map(|(entry, _)| entry).collect();
        // A function has an argument. This one makes no difference.
        if read.is_empty() { vec![0] } else { read }
    }
}

/// The first index of the inputs of equations before they are numbered.
fn first_index(of: Equations) -> usize {
    (1 + of as usize) << 20
}

/// Everything that equations may read, entry by entry.
pub(super) fn readable(arguments: &Arguments, h: Option<NodeId>) -> Vec<NodeId> {
    let Arguments { x, u, previous, p, d, s, .. } = arguments;
    let optional = [previous, d, s].map(Option::as_ref);
    let mut entries = Vec::new();
    for value in [Some(x), Some(u), optional[0], Some(p), optional[1], optional[2]].into_iter().flatten() {
        flatten(value, &mut entries);
    }
    entries.extend(h);
    entries
}

/// The number of numbers of a value, at least 1.
fn len(value: &SymbolicValue) -> usize {
    let mut entries = Vec::new();
    flatten(value, &mut entries);
    entries.len().max(1)
}

/// A value of the shape of another, with these numbers.
pub(super) fn filled(shape: &SymbolicValue, numbers: &[SymbolicValue]) -> SymbolicValue {
    let mut numbers = numbers.iter();
    shape.map(&mut |node| match numbers.next() {
        Some(SymbolicValue::Float(number)) => *number,
        _ => node,
    })
}

/// Whether a stage has no unknowns: its slope is that at the beginning of the step.
fn is_explicit(row: &[f64; 2]) -> bool {
    row.iter().all(|a| *a == 0.0)
}
