//! The solver of graphs.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::graph::cholesky::Cholesky;
use crate::graph::differentiation::{self, Differentiation, FactorGradient};
use crate::graph::error::{BlockId, DerivativeError, FactorId, GraphError, GraphInput};
use crate::graph::iteration::{Iteration, Memory, Structure, cause};
use crate::graph::layout::{BlockValues, FactorValues, Layout};
use crate::graph::loss::Loss;
use crate::graph::pattern::Pattern;
use crate::graph::problem::{Graph, check_block, check_finite, check_length};
use crate::graph::settings::Settings;
use crate::graph::solution::{Gradient, GraphCause, Solution};
use crate::graph::system::{Curvature, Point};
use crate::ocp::stationarity::STEP_MARGIN;
use crate::status::Status;

/// Solves a graph and differentiates its solutions. Blocks and factors stay as they are; their values and parameters may change, so
/// that the Hessian is ordered once.
#[derive(Debug)]
pub struct Solver {
    graph: Graph,
    layout: Arc<Layout>,
    pattern: Pattern,
    memory: Memory,
    settings: Settings,
}

impl Solver {
    /// A solver with all its memory.
    ///
    /// # Errors
    /// For a setting out of range, a graph without factors or without blocks that are not held, and a block that no factor holds.
    pub fn new(mut graph: Graph, settings: Settings) -> Result<Self, GraphError> {
        settings.validate()?;
        graph.check()?;
        classify(&mut graph);
        let mut pairs = Vec::new();
        graph.kinds.iter().for_each(|kind| kind.add_pairs(&graph.layout, &mut pairs));
        let pattern = Pattern::new(&graph.layout, pairs);
        let Graph { layout, kinds, .. } = &mut graph;
        kinds.iter_mut().for_each(|kind| kind.place(layout, &pattern));
        let cholesky = Cholesky::new(&pattern).ok_or(GraphError::OutOfMemory)?;
        let memory = Memory::new(layout, &pattern, cholesky);
        Ok(Self { layout: Arc::new(layout.clone()), graph, pattern, memory, settings })
    }

    /// The graph, with the values that solves start from.
    #[must_use]
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Changes where solves start, or the place of a block that is held.
    ///
    /// # Errors
    /// As [`Graph::set_value`].
    pub fn set_value(&mut self, block: BlockId, value: impl AsRef<[f64]>) -> Result<(), GraphError> {
        self.graph.set_value(block, value)
    }

    /// Changes the parameters of a factor.
    ///
    /// # Errors
    /// As [`Graph::set_params`].
    pub fn set_params(&mut self, factor: FactorId, params: impl AsRef<[f64]>) -> Result<(), GraphError> {
        self.graph.set_params(factor, params)
    }

    /// Changes the loss of a factor. Solutions of before are checked with it.
    ///
    /// # Errors
    /// As [`Graph::set_loss`].
    pub fn set_loss(&mut self, factor: FactorId, loss: Loss) -> Result<(), GraphError> {
        self.graph.set_loss(factor, loss)
    }

    /// Solves the graph from the values of its blocks. A solve that does not succeed is a [status](Solution::status).
    pub fn solve(&mut self) -> Solution {
        let Self { graph, layout, pattern, memory, settings } = self;
        let Graph { kinds, params, values, .. } = &*graph;
        let structure = Structure { kinds, layout, pattern, params, tilt: None };
        let mut iteration = Iteration::new(structure, memory, values.clone());
        let status = iteration.run(settings);
        let Iteration { values, objective, stats, cause, .. } = iteration;
        // Elsewhere it is that of a point on the way.
        let cause = cause.filter(|_| matches!(status, Status::RegularizationLimit | Status::Diverged));
        Solution {
            status,
            cause,
            blocks: BlockValues { layout: Arc::clone(layout), values },
            params: FactorValues { layout: Arc::clone(layout), values: params.clone() },
            objective,
            stats,
        }
    }

    /// A solution that was found elsewhere, for the parameters of the graph: the numbers of all blocks, one after another. It is checked
    /// as a solution of [`solve`](Self::solve) is before it is differentiated.
    ///
    /// # Errors
    /// As [`vjp`](Self::vjp), and for a list of the wrong length.
    pub fn accept(&mut self, values: &[f64]) -> Result<Solution, DerivativeError> {
        check_length(GraphInput::Values, values.len(), self.layout.numbers)?;
        let mut values = values.to_vec();
        for (index, place) in self.layout.places.iter().enumerate() {
            check_block(place.manifold, BlockId(index), &mut values[place.numbers()])?;
        }
        let mut solution = Solution {
            status: Status::Converged,
            cause: None,
            blocks: BlockValues { layout: Arc::clone(&self.layout), values },
            params: FactorValues { layout: Arc::clone(&self.layout), values: self.graph.params.clone() },
            objective: 0.0,
            stats: crate::stats::Stats::default(),
        };
        solution.stats.step = self.factorize(&solution)?;
        solution.objective = self.memory.system.objective;
        Ok(solution)
    }

    /// The gradient of a loss on the solution in all parameters, by the implicit function theorem: with the gradient `g(y, p)` of the
    /// objective in local coordinates and its exact Hessian `H`, it is `-g_p' H^-1 l`, where `l` is the loss gradient in local
    /// coordinates.
    ///
    /// `loss` is the gradient in the numbers of the blocks. Of a rotation only its part along the manifold counts.
    ///
    /// # Errors
    /// [`DerivativeError::NotConverged`] for values that are no solution, [`DerivativeError::Singular`] and
    /// [`DerivativeError::NotStrictMinimum`] where the Hessian is not positive definite, [`DerivativeError::Kink`] where it jumps, and
    /// for lists of the wrong length and numbers that are not finite.
    pub fn vjp(&mut self, solution: &Solution, loss: &BlockValues) -> Result<Gradient, DerivativeError> {
        self.vjp_with(solution, loss, &Differentiation::Implicit)
    }

    /// The gradient in another way, to be compared with [`vjp`](Self::vjp).
    ///
    /// # Errors
    /// As [`vjp`](Self::vjp); [`DerivativeError::Perturbed`] where a problem that the way solves has no solution, and
    /// [`GraphError::Settings`] for an epsilon of zero.
    pub fn vjp_with(
        &mut self,
        solution: &Solution,
        loss: &BlockValues,
        differentiation: &Differentiation,
    ) -> Result<Gradient, DerivativeError> {
        check_length(GraphInput::Loss, loss.values.len(), self.layout.numbers)?;
        check_finite(GraphInput::Loss, &loss.values)?;
        #[cfg(feature = "dual")]
        if let Differentiation::Unrolled { guess, .. } = differentiation {
            check_length(GraphInput::Values, guess.len(), self.layout.numbers)?;
            check_finite(GraphInput::Values, guess)?;
        }
        self.factorize(solution)?;
        let Self { graph: Graph { kinds, .. }, layout, pattern, memory, settings } = self;
        let params = &solution.params.values;
        let structure = Structure { kinds, layout, pattern, params, tilt: None };
        let of = differentiation::Differentiated { structure, settings, values: &solution.blocks.values };
        let gradient = of.gradient(memory, &loss.values, differentiation)?;
        if !gradient.is_finite() {
            return Err(DerivativeError::Undefined);
        }
        let FactorGradient { params, weights, thresholds } = gradient;
        Ok(Gradient { params: FactorValues { layout: Arc::clone(layout), values: params }, weights, thresholds })
    }

    /// Checks a solution and factorizes its Hessian. Returns the relative Newton step.
    fn factorize(&mut self, solution: &Solution) -> Result<f64, DerivativeError> {
        let (values, params) = (&solution.blocks.values, &solution.params.values);
        let Self { graph: Graph { kinds, .. }, layout, pattern, memory, settings } = self;
        check_length(GraphInput::Values, values.len(), layout.numbers)?;
        check_length(GraphInput::AllParams, params.len(), layout.param_count())?;
        check_finite(GraphInput::Values, values)?;
        check_finite(GraphInput::AllParams, params)?;
        let step_tolerance = STEP_MARGIN * settings.tolerance;
        let not_converged = |step| DerivativeError::NotConverged { status: solution.status, step, step_tolerance };
        let structure = Structure { kinds, layout, pattern, params, tilt: None };
        let mut iteration = Iteration::new(structure, memory, values.clone());
        if !iteration.expand(Curvature::Exact) {
            return Err(not_converged(f64::NAN));
        }
        let step = match iteration.solve_newton() {
            Ok(step) => step,
            // Where the values are not stationary the Hessian may have any sign.
            Err(_) if solution.status != Status::Converged && solution.cause.is_none() => {
                return Err(not_converged(f64::NAN));
            }
            Err(indefinite) => {
                return Err(match cause(layout, indefinite) {
                    GraphCause::NotStrictMinimum { block } => DerivativeError::NotStrictMinimum { block },
                    GraphCause::Singular { block } => DerivativeError::Singular { block },
                    GraphCause::NonFinite { .. } => DerivativeError::Undefined,
                });
            }
        };
        if !(step <= step_tolerance || iteration.is_rounding()) {
            return Err(not_converged(step));
        }
        let (at, sizes) = (Point { values, params }, layout.number_magnitudes(values));
        match kinds.iter().filter_map(|kind| kind.first_kink(layout, at, &sizes)).min() {
            Some(factor) => Err(DerivativeError::Kink { factor }),
            None => Ok(step),
        }
    }
}

/// Gives blocks that the same argument of a kind of factors holds one class: their entries have the same units.
fn classify(graph: &mut Graph) {
    let mut parents: Vec<usize> = (0..graph.layout.places.len()).collect();
    fn root(parents: &mut [usize], mut block: usize) -> usize {
        while parents[block] != block {
            parents[block] = parents[parents[block]];
            block = parents[block];
        }
        block
    }
    for kind in &graph.kinds {
        let mut argument = 0;
        while let Some(blocks) = kind.blocks_of_argument(argument) {
            for &block in &blocks {
                let (a, b) = (root(&mut parents, blocks[0]), root(&mut parents, block));
                parents[a.max(b)] = a.min(b);
            }
            argument += 1;
        }
    }
    for block in 0..parents.len() {
        graph.layout.places[block].class = root(&mut parents, block);
    }
}
