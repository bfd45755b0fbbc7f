//! Soft constraints: the cost of a violation is a sum over slacks, one for each constraint.
//!
//! `linear max(0, c) + 1/2 quadratic max(0, c)^2` is the least `linear e + 1/2 quadratic e^2` over the slacks `e` with
//! `c <= e` and `0 <= e`. So the kink of the positive part becomes two limits, with which derivatives stay exact.
//!
//! A penalty of `c` and `-k c`, with a constant `k > 0`, is one of an absolute value: the least cost over one slack `e` with
//! `c <= e` and `-k c <= e`. With two slacks the four limits would depend on one another where `c = 0`; with one slack the two are
//! independent. The slack of the second constraint then has its cost and its bound alone, so it is zero.

use super::elaborated_system::Vectors;
use super::elaborator::{Arguments, Elaborator, EntryPointValues};
use super::graph::{Node, NodeId};
use super::opposites::Opposites;
use super::value::Shape;
use crate::program::vectors::{Input, Sizes, Vector};
use crate::syntax::ast::{BinaryOp, Function};
use crate::syntax::entry_points::{EntryPoint, Part, Point};
use crate::syntax::messages::message;

/// The soft constraints of a model.
#[derive(Default)]
pub(crate) struct Soft {
    pub(crate) stage: Option<SoftConstraints>,
    pub(crate) terminal: Option<SoftConstraints>,
}

/// Soft constraints at one point.
pub(crate) struct SoftConstraints {
    pub(crate) values: Vec<NodeId>,
    /// One for each value.
    pub(crate) slacks: Vec<NodeId>,
    /// Pairs of opposite values: the second one is a negative multiple of the first, whose slack it has.
    pub(crate) opposites: Vec<(usize, usize)>,
    /// The linear and the quadratic factor of their cost.
    pub(crate) factors: [NodeId; 2],
}

impl SoftConstraints {
    /// Whether the slacks need a bound. Without a linear factor their best values are positive parts of the constraints.
    pub(crate) fn are_bounded(&self, elaborator: &Elaborator<'_>) -> bool {
        elaborator.graph.constant_value(self.factors[0]) != Some(0.0)
    }

    /// The slack in the row of a value.
    pub(crate) fn slack_of(&self, value: usize) -> NodeId {
        let first = self.opposites.iter().find(|(_, second)| *second == value).map_or(value, |(first, _)| *first);
        self.slacks[first]
    }

    /// Whether a slack is zero at the least by its rows, without a bound.
    pub(crate) fn is_absolute_value(&self, slack: usize) -> bool {
        self.opposites.iter().any(|(first, _)| *first == slack)
    }
}

fn is_soft_at(entry: &EntryPoint, point: Point) -> bool {
    entry.point == point && entry.part == Part::SoftInequalities
}

impl<'a> Elaborator<'a> {
    fn soft_function(&self, point: Point) -> Option<&'a Function> {
        let mut recognized = self.model.recognized();
        recognized.find(|(entry, _)| is_soft_at(entry, point)).map(|(_, function)| function)
    }

    /// The number of soft constraints at a point, by the type of the function.
    pub(crate) fn slacks(&mut self, point: Point) -> usize {
        let function = self.soft_function(point);
        match function.map(|function| self.shape(&function.result)) {
            Some(Shape::Array(_, length)) => length,
            _ => 0,
        }
    }

    /// The soft constraints: their functions were elaborated to `values`.
    pub(crate) fn soft_constraints(
        &mut self,
        values: &EntryPointValues,
        arguments: &Arguments,
        vectors: &Vectors,
    ) -> Soft {
        let Sizes { nu, .. } = vectors.own_sizes();
        let mut of = |point: Point, vector: Vector, first: usize| {
            let values = values.iter().find(|(entry, _)| is_soft_at(entry, point)).map(|(_, values)| values.clone())?;
            let factors = self.penalty_factors(point, arguments)?;
            let slacks = (0..values.len()).map(|slack| self.graph.input(Input::new(vector, first + slack))).collect();
            let mut soft = SoftConstraints { values, slacks, opposites: Vec::new(), factors };
            if soft.are_bounded(self) {
                soft.opposites = self.opposites(&soft.values);
            }
            Some(soft)
        };
        Soft { stage: of(Point::Stage, Vector::U, nu), terminal: of(Point::Terminal, Vector::X, vectors.design().end) }
    }

    /// Pairs of opposite values. A value is in one pair at the most.
    fn opposites(&self, values: &[NodeId]) -> Vec<(usize, usize)> {
        let opposites = Opposites::new(&self.graph);
        let mut pairs: Vec<(usize, usize)> = Vec::new();
        for second in 0..values.len() {
            let is_taken = |i: usize| pairs.iter().any(|&(a, b)| a == i || b == i);
            let is_opposite =
                |&first: &usize| !is_taken(first) && opposites.are_opposite(values[first], values[second]);
            if let Some(first) = (0..second).find(is_opposite) {
                pairs.push((first, second));
            }
        }
        pairs
    }

    /// The factors of all penalties, unless all are constants: linear and quadratic, of stages and of the terminal state.
    pub(crate) fn variable_factors(&mut self, soft: &Soft) -> Vec<NodeId> {
        let zero = self.graph.constant(0.0);
        let of = |soft: &Option<SoftConstraints>| soft.as_ref().map_or([zero; 2], |soft| soft.factors);
        let factors = [of(&soft.stage), of(&soft.terminal)].concat();
        let constant = factors.iter().all(|&factor| self.graph.constant_value(factor).is_some());
        if constant { Vec::new() } else { factors }
    }

    /// The factors of the penalty of the soft constraints at a point: linear and quadratic.
    fn penalty_factors(&mut self, point: Point, arguments: &Arguments) -> Option<[NodeId; 2]> {
        let penalty = self.soft_function(point)?.penalty.as_ref()?;
        let mut factors = [self.graph.constant(0.0); 2];
        let mut zero = true;
        let mut scope = arguments.scope();
        // With design variables among its factors a penalty would be lowest where it is needed most.
        scope.retain(|(name, _)| name != "d");
        for (factor, given) in factors.iter_mut().zip([&penalty.linear, &penalty.quadratic]) {
            let Some(given) = given else { continue };
            self.withheld = Some(("d", message::PENALTY_OF_DESIGN));
            let value = self.expr(given, &mut scope.clone());
            self.withheld = None;
            let value = self.let_bind(&value, given.span);
            *factor = self.float(&value, given.span)?;
            let constant = self.graph.constant_value(*factor);
            if constant.is_some_and(|constant| constant < 0.0) {
                self.errors.on(given.span, message::NEGATIVE_PENALTY);
            }
            zero &= constant == Some(0.0);
        }
        if zero {
            self.errors.on(penalty.span, message::ZERO_PENALTY);
        }
        Some(factors)
    }

    /// `cost + sum (linear e + 1/2 quadratic e^2)` over the slacks `e`.
    pub(crate) fn with_penalties(&mut self, cost: NodeId, soft: Option<&SoftConstraints>) -> NodeId {
        let Some(soft) = soft else { return cost };
        let [linear, quadratic] = soft.factors;
        let is_zero = |elaborator: &Self, node| elaborator.graph.constant_value(node) == Some(0.0);
        let half = if is_zero(self, quadratic) { quadratic } else { self.scaled(quadratic, 0.5) };
        let mut sum = cost;
        for &slack in &soft.slacks {
            if !is_zero(self, linear) {
                let term = self.graph.add(Node::Binary(BinaryOp::Mul, linear, slack));
                sum = self.graph.add(Node::Binary(BinaryOp::Add, sum, term));
            }
            if !is_zero(self, quadratic) {
                let square = self.graph.add(Node::Power(slack, 2.0));
                let term = self.graph.add(Node::Binary(BinaryOp::Mul, half, square));
                sum = self.graph.add(Node::Binary(BinaryOp::Add, sum, term));
            }
            sum = self.graph.let_bind(sum);
        }
        sum
    }

    /// `a - b`
    pub(crate) fn difference(&mut self, a: NodeId, b: NodeId) -> NodeId {
        let difference = self.graph.add(Node::Binary(BinaryOp::Sub, a, b));
        self.graph.let_bind(difference)
    }
}
