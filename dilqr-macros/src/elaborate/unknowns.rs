//! The values of an implicit function, as those of a stage without a given state.

use super::elaborator::{Arguments, Elaborator, EntryPointValues, values_of};
use super::graph::{Node, NodeId};
use super::value::flatten;
use crate::syntax::ast::BinaryOp;
use crate::syntax::entry_points::{Part, Point};
use crate::syntax::messages::message;

/// The values of a stage and of the terminal state.
pub(super) struct StageValues {
    pub(super) dynamics: Vec<NodeId>,
    /// Without penalties.
    pub(super) cost: NodeId,
    pub(super) terminal_cost: NodeId,
    /// Residuals, where the cost is half the sum of their squares.
    pub(super) least_squares: Vec<NodeId>,
}

impl Elaborator<'_> {
    /// The equations as the next state, or the objective as the cost.
    pub(super) fn implicit_values(&mut self, values: &EntryPointValues, arguments: &Arguments) -> Option<StageValues> {
        let zero = self.graph.constant(0.0);
        let of = |part: Part| values_of(values, Point::Stage, part);
        let mut stage =
            StageValues { dynamics: Vec::new(), cost: zero, terminal_cost: zero, least_squares: Vec::new() };
        if let Some(equations) = of(Part::Equations) {
            stage.dynamics = equations.to_vec();
        } else if let Some(map) = of(Part::Map) {
            stage.dynamics = self.equations_of_map(map, arguments);
        } else if let Some(residuals) = of(Part::Residuals) {
            stage.cost = self.half_square(residuals)?;
            stage.least_squares = residuals.to_vec();
        } else if let Some([objective]) = of(Part::Cost) {
            stage.cost = *objective;
        }
        Some(stage)
    }

    /// `y - map(y, p)`
    fn equations_of_map(&mut self, map: &[NodeId], arguments: &Arguments) -> Vec<NodeId> {
        let mut unknowns = Vec::new();
        flatten(&arguments.u, &mut unknowns);
        let pairs = unknowns.into_iter().zip(map);
        let equations = pairs.map(|(unknown, &value)| {
            let difference = self.graph.add(Node::Binary(BinaryOp::Sub, unknown, value));
            self.graph.let_bind(difference)
        });
        equations.collect()
    }

    /// `1/2 sum r_k^2`
    fn half_square(&mut self, residuals: &[NodeId]) -> Option<NodeId> {
        let mut sum = None;
        for &residual in residuals {
            let square = self.graph.add(Node::Power(residual, 2.0));
            sum = Some(match sum {
                Some(sum) => self.graph.add(Node::Binary(BinaryOp::Add, sum, square)),
                None => square,
            });
        }
        let half = self.graph.constant(0.5);
        let scaled = self.graph.add(Node::Binary(BinaryOp::Mul, half, sum?));
        Some(self.graph.let_bind(scaled))
    }

    /// Reports equations that are not as many as the unknowns.
    pub(super) fn check_equation_count(&mut self, values: &EntryPointValues, unknowns: usize) {
        let Some(equations) = values_of(values, Point::Stage, Part::Equations) else { return };
        let Some(function) = self.model.find_function("equations") else { return };
        if equations.len() != unknowns {
            self.errors.on(function.result.span, message::equation_count(unknowns, equations.len()));
        }
    }
}
