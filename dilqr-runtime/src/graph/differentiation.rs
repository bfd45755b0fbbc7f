//! Ways to differentiate a solution: the exact one, and approximations for comparison.

use alloc::vec::Vec;

use crate::graph::error::{DerivativeError, GraphError};
use crate::graph::iteration::{Iteration, Memory, Structure};
use crate::graph::kind::{Contraction, FactorKind};
use crate::graph::objective;
use crate::graph::settings::Settings;
use crate::graph::system::{Curvature, Point};
#[cfg(feature = "dual")]
use crate::graph::unroll;
use crate::settings::check_epsilon;
use crate::status::Status;

/// How [`Solver::vjp_with`](crate::graph::Solver::vjp_with) differentiates a solution `y(p)`. `l` is the loss gradient, `g` the gradient of
/// the objective, `H` its exact Hessian and `M` that of Gauss and Newton, all in local coordinates.
///
/// [`Implicit`](Self::Implicit) is exact. The others are approximations that libraries use; they are here to be compared.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Differentiation {
    /// `-g_p' H^-1 l`, by the implicit function theorem.
    Implicit,
    /// `-g_p' M^-1 l`: the derivative of one step of Gauss and Newton's from the solution, which is the implicit mode of Theseus (Pineda et
    /// al. 2022). It is exact where the residuals are zero or linear.
    GaussNewton,
    /// The derivative of so many steps of Gauss and Newton's from the solution, which is constant (Shaban et al. 2019; the truncated mode of
    /// Theseus). It tends to the exact one where these steps converge.
    Truncated {
        /// The number of steps.
        iterations: usize,
    },
    /// The derivative of so many full steps of Gauss and Newton's from a guess, which is constant: what automatic differentiation of a
    /// solver gives. On dual numbers, at the cost of a kernel's evaluation for each number and each parameter of every factor and
    /// step. The gradient in weights is left out.
    #[cfg(feature = "dual")]
    Unrolled {
        /// The numbers of all blocks. Blocks that are held keep their values.
        guess: Vec<f64>,
        /// The number of steps.
        iterations: usize,
    },
    /// The direct loss gradient (McAllester, Hazan and Keshet 2010): `(f_p(y_e, p) - f_p(y, p)) / epsilon`, where `y_e` is the solution
    /// of the graph with the linear term `epsilon l' y`, by numbers of blocks, in addition. Its error is `O(epsilon)`.
    DirectLoss {
        /// Its unit is that of the objective over that of the loss. Finite and not zero; of either sign.
        epsilon: f64,
    },
}

/// Gradients in the data of factors.
pub(super) struct FactorGradient {
    pub(super) params: Vec<f64>,
    pub(super) weights: Vec<f64>,
    pub(super) thresholds: Vec<f64>,
}

impl FactorGradient {
    pub(super) fn is_finite(&self) -> bool {
        self.params.iter().chain(&self.weights).chain(&self.thresholds).all(|entry| entry.is_finite())
    }
}

/// A solution whose exact Hessian is factorized.
pub(super) struct Differentiated<'a> {
    pub(super) structure: Structure<'a>,
    pub(super) settings: &'a Settings,
    pub(super) values: &'a [f64],
}

impl Differentiated<'_> {
    /// The gradient in the data of factors.
    pub(super) fn gradient(
        &self,
        memory: &mut Memory,
        loss: &[f64],
        differentiation: &Differentiation,
    ) -> Result<FactorGradient, DerivativeError> {
        let mut direction = vec![0.0; self.structure.layout.dimension];
        self.structure.layout.pull(self.values, loss, &mut direction);
        match differentiation {
            Differentiation::Implicit => memory.cholesky.solve(&mut direction),
            Differentiation::GaussNewton => self.solve_truncated(memory, &mut direction, 1)?,
            Differentiation::Truncated { iterations } => self.solve_truncated(memory, &mut direction, *iterations)?,
            #[cfg(feature = "dual")]
            Differentiation::Unrolled { guess, iterations } => {
                let (from, to) = ((guess.as_slice(), *iterations), (self.values, loss));
                let (params, thresholds) = unroll::gradient(self.structure, memory, from, to)?;
                return Ok(FactorGradient { params, weights: Vec::new(), thresholds });
            }
            Differentiation::DirectLoss { epsilon } => return self.direct_loss(memory, loss, *epsilon),
        }
        let at = Point { values: self.values, params: self.structure.params };
        Ok(self.of_factors(&[-1.0], |kind, out| kind.contract(self.structure.layout, at, &direction, out)))
    }

    /// `sum_i M^-1 (I - H M^-1)^i l` over so many terms, from `l`.
    fn solve_truncated(&self, memory: &mut Memory, l: &mut [f64], terms: usize) -> Result<(), DerivativeError> {
        let Structure { kinds, layout, pattern, params, .. } = self.structure;
        let exact = memory.system.hessian.clone();
        let at = Point { values: self.values, params };
        objective::expand(kinds, layout, at, Curvature::GaussNewton, &mut memory.system);
        if let Err(indefinite) = memory.cholesky.factorize(pattern, &memory.system.hessian) {
            return Err(DerivativeError::Singular { block: layout.block_of(indefinite.row) });
        }
        let (mut rest, mut sum, mut product) = (l.to_vec(), vec![0.0; l.len()], vec![0.0; l.len()]);
        for _ in 0..terms {
            let mut term = rest.clone();
            memory.cholesky.solve(&mut term);
            sum.iter_mut().zip(&term).for_each(|(sum, term)| *sum += term);
            pattern.multiply(&exact, &term, &mut product);
            rest.iter_mut().zip(&product).for_each(|(rest, product)| *rest -= product);
        }
        l.copy_from_slice(&sum);
        Ok(())
    }

    fn direct_loss(&self, memory: &mut Memory, loss: &[f64], epsilon: f64) -> Result<FactorGradient, DerivativeError> {
        check_epsilon(epsilon).map_err(GraphError::from)?;
        let tilt: Vec<f64> = loss.iter().map(|slope| epsilon * slope).collect();
        let structure = Structure { tilt: Some(&tilt), ..self.structure };
        let mut iteration = Iteration::new(structure, memory, self.values.to_vec());
        let status = iteration.run(self.settings);
        if status != Status::Converged {
            return Err(DerivativeError::Perturbed { status });
        }
        let (moved, params) = (iteration.values, self.structure.params);
        let factors = [1.0 / epsilon, -1.0 / epsilon];
        Ok(self.of_factors(&factors, |kind, out| {
            let values = if out.factor == factors[0] { &moved } else { self.values };
            kind.add_param_gradient(self.structure.layout, Point { values, params }, out);
        }))
    }

    /// A gradient that each kind of factors adds to, with each of these factors.
    fn of_factors(&self, factors: &[f64], add: impl Fn(&dyn FactorKind, Contraction<'_>)) -> FactorGradient {
        let Structure { kinds, layout, .. } = self.structure;
        let mut params = vec![0.0; layout.param_count()];
        let mut thresholds = vec![0.0; layout.factors()];
        let mut weights = vec![0.0; kinds.iter().map(|kind| kind.weight_count()).sum()];
        let mut rest = weights.as_mut_slice();
        for kind in kinds {
            let (own, others) = rest.split_at_mut(kind.weight_count());
            for &factor in factors {
                let (params, thresholds) = (&mut params, &mut thresholds);
                add(&**kind, Contraction { params, weights: own, thresholds, factor });
            }
            rest = others;
        }
        FactorGradient { params, weights, thresholds }
    }
}
