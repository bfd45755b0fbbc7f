//! The LQ problem about a trajectory of a model without limits, on any [`Scalar`].

use alloc::vec::Vec;
use nalgebra::{SMatrix, SVector};

use crate::kkt::linear::{KktSystem, LinearTerms, Step, StepOfStage, largest_relative_step};
#[cfg(feature = "lanes")]
use crate::linalg::lane_copies::copy_lane;
use crate::linalg::products::{add_product, add_transposed_product, zeros};
use crate::lq::proximal::Proximal;
use crate::lq::riccati::{Pattern, Quadratic, StageFactor, next_state};
use crate::model::Model;
use crate::model::records::{HamiltonianExpansion, TerminalExpansion};
use crate::model::stage::{Stage, Terminal};
use crate::ocp::instance::PatternOf;
use crate::ocp::stage_functions;
use crate::ocp::stationarity::{Magnitudes, Stationarity, is_rounding, residual_terms};
use crate::ocp::trajectory::TrajectoryRef;
#[cfg(feature = "lanes")]
use crate::scalar::lanes::Lanes;
use crate::scalar::{Mask, Scalar};
use crate::settings::Differentiation;

/// The quadratic part of the LQ problem about a trajectory, factorized, and memory for its linear part.
#[derive(Clone, Debug)]
pub(crate) struct Unconstrained<S, const NX: usize, const NU: usize> {
    stages: Vec<StageFactorization<S, NX, NU>>,
    /// `V_t`, `T + 1` matrices.
    value_hessians: Vec<SMatrix<S, NX, NX>>,
    /// `lambda_t` of the solution, `T + 1` vectors.
    costates: Vec<SVector<S, NX>>,
    /// `k_t` of the Newton step about the trajectory, `T` vectors.
    feedforward: Vec<SVector<S, NU>>,
    hamiltonian: HamiltonianExpansion<S, NX, NU>,
    terminal: TerminalExpansion<S, NX>,
}

/// One stage of the factorized LQ problem.
#[derive(Clone, Copy, Debug)]
struct StageFactorization<S, const NX: usize, const NU: usize> {
    fx: SMatrix<S, NX, NX>,
    fu: SMatrix<S, NX, NU>,
    factor: StageFactor<S, NX, NU>,
}

/// Residual and definiteness, from a factorization.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Factorized<S: Scalar> {
    /// See [`Stationarity::value`].
    pub(crate) stationarity: S::Real,
    /// Where every `Quu` is positive definite: everywhere, but for lanes that failed while others went on.
    #[cfg_attr(not(feature = "lanes"), expect(dead_code, reason = "a single number has no lanes"))]
    pub(crate) definite: S::Mask,
}

impl<S: Scalar, const NX: usize, const NU: usize> Unconstrained<S, NX, NU> {
    pub(crate) fn new(horizon: usize) -> Self {
        Self {
            stages: vec![StageFactorization { fx: zeros(), fu: zeros(), factor: StageFactor::zeros() }; horizon],
            value_hessians: vec![zeros(); horizon + 1],
            costates: vec![zeros(); horizon + 1],
            feedforward: vec![zeros(); horizon],
            hamiltonian: HamiltonianExpansion::zeros(),
            terminal: TerminalExpansion::zeros(),
        }
    }

    /// `Quu` of stage `t`.
    pub(crate) fn curvature(&self, t: usize) -> &SMatrix<S, NU, NU> {
        &self.stages[t].factor.curvature
    }

    /// Stores the terminal part of a factorization that a backward pass of the solver makes.
    pub(crate) fn record_terminal(&mut self, value: &SMatrix<S, NX, NX>, lambda: &SVector<S, NX>) {
        let horizon = self.stages.len();
        self.value_hessians[horizon] = *value;
        self.costates[horizon] = *lambda;
    }

    /// Stores stage `t` of a factorization that a backward pass of the solver makes: with the Hessian and the gradient of
    /// its value function.
    #[inline(always)]
    pub(crate) fn record(
        &mut self,
        t: usize,
        stage: &Quadratic<'_, S, NX, NU>,
        factor: &StageFactor<S, NX, NU>,
        value: &SMatrix<S, NX, NX>,
        lambda: &SVector<S, NX>,
    ) {
        self.stages[t] = StageFactorization { fx: *stage.fx, fu: *stage.fu, factor: *factor };
        self.value_hessians[t] = *value;
        self.costates[t] = *lambda;
    }

    /// Factorizes the LQ problem about `point`; costates come from the same pass, along the closed loop.
    ///
    /// # Errors
    /// The stage whose `Quu` is not positive definite, with the stationarity of the stages down to it. (Where the scalar
    /// has several lanes: of the last one that failed, and only if all did.)
    pub(crate) fn factorize<M, const NP: usize, const NS: usize>(
        &mut self,
        model: &M,
        point: TrajectoryRef<'_, S, NX, NU, NP, NS>,
        method: Differentiation,
    ) -> Result<Factorized<S>, (usize, S::Real)>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let TrajectoryRef { states, controls, params, stage_params, .. } = point;
        let Self { stages, value_hessians, costates, feedforward, hamiltonian, terminal } = self;
        let horizon = controls.len();
        model.expand_terminal(Terminal::new(&states[horizon], params, &stage_params[horizon]), terminal);
        let mut value = terminal.lxx;
        let mut lambda = terminal.lx;
        value_hessians[horizon] = value;
        costates[horizon] = lambda;
        let mut stationarity = Stationarity::start();
        let mut definite = S::Mask::splat(true);
        let no_lambda = zeros();
        for t in (0..horizon).rev() {
            let contracted = match method {
                Differentiation::FixedLinearization => &no_lambda,
                _ => &lambda,
            };
            let at = Stage::new(&states[t], &controls[t], params, &stage_params[t]);
            stage_functions::expand_hamiltonian((model, t), at, contracted, hamiltonian);
            let HamiltonianExpansion { fx, fu, lx, lu, hxx, hux, huu } = &*hamiltonian;
            let StageFactorization { fx: stored_fx, fu: stored_fu, factor } = &mut stages[t];
            let quadratic = Quadratic { fx, fu, hxx, hux, huu };
            let terms = residual_terms::<PatternOf<M, NP, NS>, _, _, _>(lu, fu, &lambda);
            definite =
                definite & factor.quadratic_where::<PatternOf<M, NP, NS>>(&quadratic, &Proximal::none(), &mut value);
            if !definite.any() {
                let mut qu = *lu;
                add_transposed_product(&mut qu, fu, &lambda);
                stationarity.add(&qu, &terms);
                return Err((t, stationarity.value()));
            }
            let step = factor.linear_where::<PatternOf<M, NP, NS>, _>(fx, fu, lx, lu, &mut lambda);
            stationarity.add(&step.qu, &terms);
            let rounding = is_rounding((&step.qu, &terms), (&step.k, &factor.gain), (&states[t], &controls[t]));
            for j in 0..NU {
                feedforward[t][j] = S::select(rounding[j], S::zero(), step.k[j]);
            }
            *stored_fx = *fx;
            *stored_fu = *fu;
            value_hessians[t] = value;
            costates[t] = lambda;
        }
        Ok(Factorized { stationarity: stationarity.value(), definite })
    }

    /// The largest relative change that the Newton step about the trajectory makes, right after its factorization.
    /// Entries of the step that are within rounding errors count as zero.
    pub(crate) fn relative_newton_step(&self, magnitudes: &Magnitudes<S, NX, NU>) -> S {
        let stages = self.stages.iter().zip(&self.feedforward);
        let stages = stages.map(|(StageFactorization { fx, fu, factor }, k)| StepOfStage {
            fx,
            fu,
            gain: &factor.gain,
            feedforward: *k,
            held: [false; NU],
        });
        largest_relative_step(zeros(), stages, magnitudes)
    }
}

#[cfg(feature = "lanes")]
impl<L: Lanes, const NX: usize, const NU: usize> Unconstrained<L, NX, NU> {
    /// Copies what linear solves read from a lane of another factorization into a lane of this one.
    pub(crate) fn copy_lane(&mut self, lane: usize, from: &Self, from_lane: usize) {
        for (to, from) in self.stages.iter_mut().zip(&from.stages) {
            copy_lane((&from.fx, from_lane), (&mut to.fx, lane));
            copy_lane((&from.fu, from_lane), (&mut to.fu, lane));
            to.factor.copy_lane(lane, &from.factor, from_lane);
        }
        for (to, from) in self.value_hessians.iter_mut().zip(&from.value_hessians) {
            copy_lane((from, from_lane), (to, lane));
        }
        for (to, from) in self.costates.iter_mut().zip(&from.costates) {
            copy_lane((from, from_lane), (to, lane));
        }
    }
}

/// `v_t`, `k_t` and the offsets of the dynamics of a solve.
#[derive(Clone, Debug)]
pub(crate) struct UnconstrainedLinear<S, const NX: usize, const NU: usize, const C: usize> {
    /// `T + 1` matrices, for adjoint solves; otherwise empty.
    value_gradients: Vec<SMatrix<S, NX, C>>,
    /// `T` matrices.
    feedforward: Vec<SMatrix<S, NU, C>>,
    /// `T` matrices, for solves that are not adjoint.
    offsets: Vec<SMatrix<S, NX, C>>,
    terms: LinearTerms<S, NX, NU, C>,
}

impl<S: Scalar, const NX: usize, const NU: usize> KktSystem<S, NX, NU> for Unconstrained<S, NX, NU> {
    type Linear<const C: usize> = UnconstrainedLinear<S, NX, NU, C>;

    fn linear<const C: usize>(&self) -> UnconstrainedLinear<S, NX, NU, C> {
        UnconstrainedLinear {
            value_gradients: Vec::with_capacity(if C == 1 { self.horizon() + 1 } else { 0 }),
            feedforward: vec![zeros(); self.horizon()],
            offsets: Vec::new(),
            terms: LinearTerms::with_capacity(0),
        }
    }

    fn horizon(&self) -> usize {
        self.stages.len()
    }

    fn costates(&self) -> &[SVector<S, NX>] {
        &self.costates
    }

    fn solve<P: Pattern<NX, NU>, const C: usize, const ADJOINT: bool>(
        &self,
        memory: &mut UnconstrainedLinear<S, NX, NU, C>,
        mut terms: impl FnMut(usize, &mut LinearTerms<S, NX, NU, C>),
        mut visit: impl FnMut(usize, Step<'_, S, NX, NU, C>),
    ) -> SMatrix<S, NX, C> {
        let horizon = self.horizon();
        let UnconstrainedLinear { value_gradients, feedforward, offsets, terms: part } = memory;
        let stored = if ADJOINT { &mut *value_gradients } else { &mut *offsets };
        stored.resize(horizon + 1, zeros());
        terms(horizon, part);
        let mut gradient = part.gx;
        if ADJOINT {
            value_gradients[horizon] = gradient;
        }
        for t in (0..horizon).rev() {
            let StageFactorization { fx, fu, factor } = &self.stages[t];
            terms(t, part);
            if !ADJOINT {
                add_product(&mut gradient, &self.value_hessians[t + 1], &part.offset);
                offsets[t] = part.offset;
            }
            feedforward[t] = factor.linear_where::<P, C>(fx, fu, &part.gx, &part.gu, &mut gradient).k;
            if ADJOINT {
                value_gradients[t] = gradient;
            }
        }

        let mut dx = zeros();
        let mut dlambda = zeros();
        for t in 0..horizon {
            let StageFactorization { fx, fu, factor } = &self.stages[t];
            let du = factor.control(&dx, &feedforward[t]);
            let offset = if ADJOINT { zeros() } else { offsets[t] };
            let next = next_state(fx, fu, &offset, &dx, &du);
            if ADJOINT {
                dlambda = value_gradients[t + 1];
                add_product(&mut dlambda, &self.value_hessians[t + 1], &next);
            }
            visit(t, Step { dx: &dx, du: &du, dlambda: &dlambda, rows: &[], penalties: &[] });
            dx = next;
        }
        visit(horizon, Step { dx: &dx, du: &zeros(), dlambda: &dlambda, rows: &[], penalties: &[] });
        gradient
    }
}
