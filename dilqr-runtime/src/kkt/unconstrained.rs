//! The sweeps of the gradient, on any [`Scalar`]: the LQ problem about a solution, factorized once and solved for a loss
//! gradient (backward) or for every parameter (forward). The mathematics is in [`implicit`](crate::implicit).

use alloc::vec::Vec;
use nalgebra::{SMatrix, SVector};

use crate::kkt::relaxed::Relaxed;
use crate::linalg::products::{add_product, add_transposed_product, larger, zeros};
use crate::lq::proximal::Proximal;
use crate::lq::riccati::{Quadratic, StageFactor, costate, next_state};
use crate::model::Model;
use crate::model::records::{HamiltonianExpansion, ParameterTerms, TerminalExpansion};
use crate::model::stage::{ParameterGradient, Stage, Terminal, Variation};
use crate::ocp::instance::{CostDerivativesMut, PatternOf};
use crate::ocp::rollout::TrajectoryRef;
use crate::ocp::stationarity::{Magnitudes, Stationarity, is_rounding, residual_terms};
use crate::scalar::{Mask, Scalar};
use crate::settings::Differentiation;

/// The quadratic part of the LQ problem about a trajectory, factorized, and memory for its linear part.
#[derive(Clone, Debug)]
pub(crate) struct Sensitivity<S, const NX: usize, const NU: usize> {
    stages: Vec<StageFactorization<S, NX, NU>>,
    /// `V_t`, `T + 1` matrices.
    value_hessians: Vec<SMatrix<S, NX, NX>>,
    /// `lambda_t` of the solution, `T + 1` vectors.
    pub(crate) costates: Vec<SVector<S, NX>>,
    /// `v_t`, `T + 1` vectors.
    value_gradients: Vec<SVector<S, NX>>,
    /// `k_t`, `T` vectors.
    feedforward: Vec<SVector<S, NU>>,
    hamiltonian: HamiltonianExpansion<S, NX, NU>,
    terminal: TerminalExpansion<S, NX>,
    /// Of a relaxed problem only.
    pub(crate) relaxed: Option<Relaxed<S, NX, NU>>,
}

/// One stage of the factorized LQ problem.
#[derive(Clone, Copy, Debug)]
struct StageFactorization<S, const NX: usize, const NU: usize> {
    fx: SMatrix<S, NX, NX>,
    fu: SMatrix<S, NX, NU>,
    factor: StageFactor<S, NX, NU>,
}

/// What a factorization says of its trajectory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Factorized<S: Scalar> {
    /// `max |Q_u| / max(1, max |l_u|)`
    pub(crate) stationarity: S::Real,
    /// Where every `Quu` is positive definite: everywhere, but for lanes that failed while others went on.
    #[cfg_attr(not(feature = "lanes"), expect(dead_code, reason = "a single number has no lanes"))]
    pub(crate) definite: S::Mask,
}

impl<S: Scalar, const NX: usize, const NU: usize> Sensitivity<S, NX, NU> {
    pub(crate) fn new(horizon: usize) -> Self {
        Self {
            stages: vec![StageFactorization { fx: zeros(), fu: zeros(), factor: StageFactor::zeros() }; horizon],
            value_hessians: vec![zeros(); horizon + 1],
            costates: vec![zeros(); horizon + 1],
            value_gradients: vec![zeros(); horizon + 1],
            feedforward: vec![zeros(); horizon],
            hamiltonian: HamiltonianExpansion::zeros(),
            terminal: TerminalExpansion::zeros(),
            relaxed: None,
        }
    }

    pub(crate) fn horizon(&self) -> usize {
        self.stages.len()
    }

    /// Takes down the terminal part of a factorization that another sweep makes.
    pub(crate) fn record_terminal(&mut self, value: &SMatrix<S, NX, NX>, lambda: &SVector<S, NX>) {
        let horizon = self.horizon();
        self.value_hessians[horizon] = *value;
        self.costates[horizon] = *lambda;
    }

    /// Takes down stage `t` of a factorization that another sweep makes: with the Hessian and the gradient of its value
    /// function.
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

    /// Factorizes the LQ problem about `point`; costates come from the same sweep, along the closed loop.
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
        let TrajectoryRef { states, controls, params, stage_params } = point;
        let Self { stages, value_hessians, costates, feedforward, hamiltonian, terminal, relaxed, .. } = self;
        let horizon = controls.len();
        model.expand_terminal(Terminal::new(&states[horizon], params, &stage_params[horizon]), terminal);
        let mut value = terminal.lxx;
        let mut lambda = terminal.lx;
        if let Some(relaxed) = relaxed {
            relaxed.expand_terminal(model, point, &mut lambda, &mut value);
        }
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
            if let Some(relaxed) = relaxed {
                // Kernels write no structural zero, but barriers are added there.
                *hamiltonian = HamiltonianExpansion::zeros();
                model.expand_hamiltonian(
                    Stage::new(&states[t], &controls[t], params, &stage_params[t]),
                    contracted,
                    hamiltonian,
                );
                let HamiltonianExpansion { lx, lu, hxx, hux, huu, .. } = hamiltonian;
                relaxed.expand_stage(model, point, t, CostDerivativesMut { lx, lu, hxx, hux, huu });
            } else {
                model.expand_hamiltonian(
                    Stage::new(&states[t], &controls[t], params, &stage_params[t]),
                    contracted,
                    hamiltonian,
                );
            }
            let HamiltonianExpansion { fx, fu, lx, lu, hxx, hux, huu } = &*hamiltonian;
            let StageFactorization { fx: stored_fx, fu: stored_fu, factor } = &mut stages[t];
            let quadratic = Quadratic { fx, fu, hxx, hux, huu };
            definite =
                definite & factor.quadratic_where::<PatternOf<M, NP, NS>>(&quadratic, &Proximal::none(), &mut value);
            if !definite.any() {
                let mut qu = *lu;
                add_transposed_product(&mut qu, fu, &lambda);
                stationarity.add(&qu, &residual_terms::<PatternOf<M, NP, NS>, _, _, _>(lu, fu, &lambda));
                return Err((t, stationarity.value()));
            }
            let terms = residual_terms::<PatternOf<M, NP, NS>, _, _, _>(lu, fu, &lambda);
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
        let mut dx = zeros();
        let mut largest = S::zero();
        for (StageFactorization { fx, fu, factor }, k) in self.stages.iter().zip(&self.feedforward) {
            let du = factor.control(&dx, k);
            dx = next_state(fx, fu, &zeros(), &dx, &du);
            largest = larger(largest, magnitudes.relative(&dx, &du));
        }
        largest
    }

    /// Solves the LQ problem with the loss gradient as its linear part, and contracts the answer with the parameters'
    /// derivatives, adding to `params` and `stage_gradients`. Returns `dlambda_0`.
    pub(crate) fn adjoint<M, const NP: usize, const NS: usize>(
        &mut self,
        model: &M,
        point: TrajectoryRef<'_, S, NX, NU, NP, NS>,
        loss_states: &[SVector<S, NX>],
        loss_controls: &[SVector<S, NU>],
        params_gradient: &mut SVector<S, NP>,
        stage_gradients: &mut [SVector<S, NS>],
    ) -> SVector<S, NX>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let TrajectoryRef { states, controls, params, stage_params } = point;
        let horizon = controls.len();
        let mut gradient = loss_states[horizon];
        self.value_gradients[horizon] = gradient;
        for t in (0..horizon).rev() {
            let StageFactorization { fx, fu, factor } = &self.stages[t];
            self.feedforward[t] = factor
                .linear_where::<PatternOf<M, NP, NS>, _>(fx, fu, &loss_states[t], &loss_controls[t], &mut gradient)
                .k;
            self.value_gradients[t] = gradient;
        }

        let offset = zeros();
        let mut dx = zeros();
        for t in 0..horizon {
            let StageFactorization { fx, fu, factor } = &self.stages[t];
            let du = factor.control(&dx, &self.feedforward[t]);
            let next = next_state(fx, fu, &offset, &dx, &du);
            let dlambda = costate(&self.value_hessians[t + 1], &self.value_gradients[t + 1], &next);
            model.add_parameter_contraction(
                Stage::new(&states[t], &controls[t], params, &stage_params[t]),
                &self.costates[t + 1],
                Variation::new(&dx, &du),
                &dlambda,
                ParameterGradient { p: params_gradient, s: &mut stage_gradients[t] },
            );
            if let Some(relaxed) = &mut self.relaxed {
                let direction = Some((&dx, &du));
                relaxed.contract_stage(model, point, t, direction, params_gradient, &mut stage_gradients[t]);
            }
            dx = next;
        }
        model.add_terminal_parameter_contraction(
            Terminal::new(&states[horizon], params, &stage_params[horizon]),
            &dx,
            ParameterGradient { p: params_gradient, s: &mut stage_gradients[horizon] },
        );
        if let Some(relaxed) = &mut self.relaxed {
            relaxed.contract_terminal(model, point, Some(&dx), params_gradient, &mut stage_gradients[horizon]);
        }
        // dx_0 = 0, so that dlambda_0 = v_0.
        self.value_gradients[0]
    }

    /// The forward sensitivity: every parameter is one linear part, `gx = hxp`, `gu = hup`, `offset = fp`.
    pub(crate) fn propagate<M, const NP: usize, const NS: usize>(
        &mut self,
        model: &M,
        point: TrajectoryRef<'_, S, NX, NU, NP, NS>,
        state_jacobians: &mut [SMatrix<S, NX, NP>],
        control_jacobians: &mut [SMatrix<S, NU, NP>],
    ) where
        M: Model<NX, NU, NP, NS>,
    {
        let TrajectoryRef { states, controls, params, stage_params } = point;
        let horizon = controls.len();
        let mut end = zeros();
        model.terminal_parameter_terms(Terminal::new(&states[horizon], params, &stage_params[horizon]), &mut end);
        let mut relaxed = self.relaxed.take();
        if let Some(relaxed) = &mut relaxed {
            relaxed.add_terminal_terms(model, point, &mut end);
        }
        let mut terms = ParameterTerms::zeros();
        self.solve::<M, NP, NS, NP>(end, state_jacobians, control_jacobians, |t| {
            if relaxed.is_some() {
                // Kernels write no structural zero, but barriers are added there.
                terms = ParameterTerms::zeros();
            }
            let s = &stage_params[t];
            model.parameter_terms(Stage::new(&states[t], &controls[t], params, s), &self.costates[t + 1], &mut terms);
            if let Some(relaxed) = &mut relaxed {
                relaxed.add_stage_terms(model, point, t, &mut terms);
            }
            terms
        });
        self.relaxed = relaxed;
    }

    /// Solves the LQ problem with `C` linear parts at once: `end` is the terminal gradient, `terms(t)` gives `gx`, `gu` and
    /// the offset of the dynamics in the places of `hxp`, `hup` and `fp`.
    pub(crate) fn solve<M, const NP: usize, const NS: usize, const C: usize>(
        &self,
        end: SMatrix<S, NX, C>,
        states: &mut [SMatrix<S, NX, C>],
        controls: &mut [SMatrix<S, NU, C>],
        mut terms: impl FnMut(usize) -> ParameterTerms<S, NX, NU, C>,
    ) where
        M: Model<NX, NU, NP, NS>,
    {
        let horizon = controls.len();
        let mut gradient = end;
        // Until the second sweep reaches them, the outputs hold k_t and the offsets.
        for t in (0..horizon).rev() {
            let StageFactorization { fx, fu, factor } = &self.stages[t];
            let ParameterTerms { fp, hxp, hup } = terms(t);
            add_product(&mut gradient, &self.value_hessians[t + 1], &fp);
            controls[t] = factor.linear_where::<PatternOf<M, NP, NS>, _>(fx, fu, &hxp, &hup, &mut gradient).k;
            states[t + 1] = fp;
        }
        states[0] = zeros();
        for t in 0..horizon {
            let StageFactorization { fx, fu, factor } = &self.stages[t];
            let dx = states[t];
            let du = factor.control(&dx, &controls[t]);
            states[t + 1] = next_state(fx, fu, &states[t + 1], &dx, &du);
            controls[t] = du;
        }
    }
}
