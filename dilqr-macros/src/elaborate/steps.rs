//! Explicit integrators as loops: where the stages of all substeps would be too long an expression, the derivative is compiled
//! alone, and the runtime goes through the stages.

use super::elaborator::{Arguments, Elaborator};
use super::graph::NodeId;
use super::implicit::{StepLength, filled, readable};
use super::integrate::Slopes;
use super::value::{SymbolicValue, flatten};
use crate::program::vectors::{Input, Vector};
use crate::syntax::ast::{Integration, Integrator};
use crate::syntax::vector_functions::{Equations, FunctionId, StepLoop};

/// The most nodes of the graph that all substeps may have as expressions. The quadrotor with 13 states and `rk4` has 1,370 and is
/// compiled as an expression, which runs faster. From about twice as many on rustc takes a minute and more.
const MOST_NODES: usize = 1_600;

/// The runtime's name of an integrator that can be a loop.
fn method(integrator: Integrator) -> Option<&'static str> {
    match integrator {
        Integrator::Euler => Some("EULER"),
        Integrator::Midpoint => Some("MIDPOINT"),
        Integrator::Rk4 => Some("RK4"),
        _ => None,
    }
}

impl Elaborator<'_> {
    /// The state after all substeps and the integral of the running cost by a loop, where one substep has added so many `nodes`
    /// that all would be too many; otherwise `None`.
    pub(super) fn steps(
        &mut self,
        integration: &Integration,
        slopes: Slopes<'_>,
        arguments: &Arguments,
        (h, substeps, nodes): (NodeId, usize, usize),
    ) -> Option<(SymbolicValue, Option<NodeId>)> {
        // One evaluation of the derivative is as long in either form, and as an expression it shares its parts with the cost.
        let is_single = integration.integrator == Integrator::Euler && substeps == 1;
        let method = method(integration.integrator).filter(|_| !is_single && nodes * substeps > MOST_NODES)?;
        let mut own = Vec::new();
        flatten(&arguments.x, &mut own);
        let states = own.len();
        let mut found =
            self.equations(Equations::Slope, (arguments, StepLength::None), &mut |elaborator, inside, _| {
                elaborator.slope_entries(slopes, inside)
            });
        let step = self.graph.constant_value(h);
        let others = found.read.len();
        let inputs = states + others + usize::from(step.is_none());
        let function = FunctionId { inputs: inputs as u16, ..found.function };
        let all = readable(arguments, None);
        let mut point = own;
        point.extend(found.read.iter().map(|&entry| all[entry]));
        point.extend(step.is_none().then_some(h));
        found.function = function;
        found.steps = Some(StepLoop { method, substeps, step, states, others });
        self.step = Some(found);
        let values = self.call_of(function, point);
        let cost = match values.get(states) {
            Some(SymbolicValue::Float(cost)) => Some(*cost),
            _ => None,
        };
        Some((filled(&arguments.x, &values), cost))
    }

    /// The slopes of the state `y` and of the running cost.
    fn slope_entries(&mut self, slopes: Slopes<'_>, inside: &Arguments) -> Vec<NodeId> {
        let mut next = 0;
        let x = inside.x.map(&mut |_| {
            next += 1;
            self.graph.input(Input::new(Vector::Y, next - 1))
        });
        let at = Arguments { x, ..inside.clone() };
        let mut entries = Vec::new();
        flatten(&self.inline_entry_point(slopes.derivative, &at), &mut entries);
        if let Some(cost) = slopes.running_cost {
            flatten(&self.inline_entry_point(cost, &at), &mut entries);
        }
        entries
    }
}
