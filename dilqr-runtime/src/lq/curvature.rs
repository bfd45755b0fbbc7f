//! The scale of the proximal term: the curvature of the LQ problem.
//!
//! The backward pass adds `mu/2 (dx' D dx + du' E du)` to every stage. `D` and `E` are diagonal. From the horizon backwards,
//! an entry is the largest magnitude so far of the same diagonal entry of the stage Hessian, as in Marquardt's damping
//! (1963). An entry without curvature takes the curvature that the dynamics carry to it from the next stage. So `mu` has no
//! unit, whatever the units of cost, states and controls. A control without any curvature takes the gradient of its cost over
//! its size: its own, or at rest that of a control which changes a state by as much as it is.

use nalgebra::{SMatrix, SVector};

use crate::linalg::products::{larger, zeros};
use crate::lq::proximal::Proximal;
use crate::lq::riccati::{Pattern, Quadratic};
use crate::scalar::{Mask, Scalar};

/// The diagonals `D` and `E` after the stages from the horizon to the current one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Curvature<S, const NX: usize, const NU: usize> {
    states: SVector<S, NX>,
    controls: SVector<S, NU>,
    /// Of controls without curvature: the terms of `Q_u` over `|u|`, the largest so far.
    gradients: SVector<S, NU>,
}

impl<S: Scalar, const NX: usize, const NU: usize> Curvature<S, NX, NU> {
    /// The curvature of the terminal cost.
    pub(crate) fn of_terminal(lxx: &SMatrix<S, NX, NX>) -> Self {
        Self { states: SVector::from_fn(|i, _| lxx[(i, i)].abs()), controls: zeros(), gradients: zeros() }
    }

    /// Adds the stage before.
    pub(crate) fn add_stage<P: Pattern<NX, NU>>(&mut self, stage: &Quadratic<'_, S, NX, NU>) {
        let next = self.states;
        let carried = |column: &[S; NX], pattern: &dyn Fn(usize) -> bool| {
            let mut sum = S::zero();
            for k in (0..NX).filter(|&k| pattern(k)) {
                sum += column[k] * column[k] * next[k];
            }
            sum
        };
        for i in 0..NX {
            let own = larger(self.states[i], stage.hxx[(i, i)].abs());
            let carried = carried(&stage.fx.data.0[i], &|k| P::FX[k][i]);
            self.states[i] = S::select(own.equal(S::zero()), carried, own);
        }
        for j in 0..NU {
            let own = stage.huu[(j, j)].abs() + carried(&stage.fu.data.0[j], &|k| P::FU[k][j]);
            self.controls[j] = larger(self.controls[j], own);
        }
    }

    /// Adds the gradient of a stage for controls without curvature: the `terms` of `Q_u`, at `(x, u)`.
    fn add_gradient(
        &mut self,
        stage: &Quadratic<'_, S, NX, NU>,
        terms: &SVector<S::Real, NU>,
        (x, u): (&SVector<S, NX>, &SVector<S, NU>),
    ) {
        let over = |a: S, b: S| S::select(b.equal(S::zero()), S::zero(), a / b);
        for j in 0..NU {
            if !self.controls[j].equal(S::zero()).any() {
                continue;
            }
            let mut reach = S::zero();
            for i in 0..NX {
                reach = larger(reach, over(x[i].abs(), stage.fu.data.0[j][i].abs()));
            }
            let size = S::select(u[j].equal(S::zero()), reach, u[j].abs());
            self.gradients[j] = larger(self.gradients[j], over(S::from_real(terms[j]), size));
        }
    }

    /// The proximal term of weight `mu`. A control without any scale has the weight `mu`, so that the recursion exists.
    pub(crate) fn proximal(&self, mu: S) -> Proximal<S, NX, NU> {
        let or = |weight: S, other: S| S::select(weight.equal(S::zero()), other, weight);
        let scale = |j: usize| mu * or(self.controls[j], or(self.gradients[j], S::one()));
        Proximal { states: self.states.map(|weight| mu * weight), controls: SVector::from_fn(|j, _| scale(j)) }
    }
}

/// The proximal term of weight `mu` along a pass. Without weight it is zero, and its scale is not computed.
pub(crate) struct ProximalTerm<S, const NX: usize, const NU: usize> {
    mu: S,
    active: bool,
    curvature: Curvature<S, NX, NU>,
    /// Those of the current stage.
    pub(crate) weights: Proximal<S, NX, NU>,
}

impl<S: Scalar, const NX: usize, const NU: usize> ProximalTerm<S, NX, NU> {
    /// Begins with the Hessian of the terminal cost, and adds the term to it.
    #[inline(always)]
    pub(crate) fn of_terminal(mu: S, lxx: &mut SMatrix<S, NX, NX>) -> Self {
        let active = !mu.equal(S::zero()).all();
        let curvature = Curvature::of_terminal(lxx);
        let mut weights = Proximal::none();
        if active {
            weights = curvature.proximal(mu);
            weights.add_to(lxx, &mut zeros::<S, NU, NU>());
        }
        Self { mu, active, curvature, weights }
    }

    /// Goes on to the stage before, with its gradient: the `terms` of `Q_u`, at `(x, u)`.
    #[inline(always)]
    pub(crate) fn add_stage<P: Pattern<NX, NU>>(
        &mut self,
        stage: &Quadratic<'_, S, NX, NU>,
        terms: &SVector<S::Real, NU>,
        at: (&SVector<S, NX>, &SVector<S, NU>),
    ) {
        if self.active {
            self.curvature.add_stage::<P>(stage);
            self.curvature.add_gradient(stage, terms, at);
            self.weights = self.curvature.proximal(self.mu);
        }
    }
}
