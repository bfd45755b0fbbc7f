//! Functions that elaboration adds to a model: solutions of equations, and loops over a derivative.

use proc_macro2::{Ident, Span};

use super::graph::NodeId;
use crate::syntax::vector_functions::{Equations, FunctionId, FunctionKind, StepLoop, VectorFunction};

/// A function that is the solution of equations.
pub(crate) struct Implicit {
    pub(crate) residual: Vec<NodeId>,
    pub(crate) of: Equations,
    pub(super) guess: Vec<f64>,
    /// Where it is a loop and no solution.
    pub(super) steps: Option<StepLoop>,
    pub(super) function: FunctionId,
    /// The entries that it reads of what it may read.
    pub(super) read: Vec<usize>,
}

impl Implicit {
    /// The solution as a vector function of the model.
    pub(crate) fn vector_function(&self) -> VectorFunction {
        let name = Ident::new(self.of.type_name(), Span::call_site());
        let kind = match &self.steps {
            Some(steps) => FunctionKind::Steps(steps.clone()),
            None => FunctionKind::Implicit(self.of, self.guess.clone()),
        };
        VectorFunction { id: self.function, name, kind }
    }
}
