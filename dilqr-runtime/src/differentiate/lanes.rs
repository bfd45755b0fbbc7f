//! Gradients of several solutions at once, one in each lane of a scalar.

use alloc::vec::Vec;

use nalgebra::SVector;

use crate::differentiate::adjoint::{GradientMut, LossRef, adjoint};
use crate::differentiate::check::{KktWorkspace, dynamics_residual, dynamics_tolerance, step_tolerance};
use crate::differentiate::one_call::vjp;
use crate::error::GradientError;
use crate::gradient::{Gradient, LossGradient, check_loss};
use crate::kkt::linear::KktSystem;
use crate::kkt::unconstrained::{Factorized, Unconstrained, UnconstrainedLinear};
use crate::linalg::lane_copies::{gather, gather_one, scatter, scatter_one};
use crate::linalg::products::zeros;
use crate::model::Model;
use crate::ocp::penalty::MultipliersRef;
use crate::ocp::stationarity::Magnitudes;
use crate::ocp::trajectory::TrajectoryRef;
use crate::scalar::lanes::Lanes;
use crate::settings::{Differentiation, Settings};
use crate::solution::Solution;
use crate::status::Status;

/// Gradients in parameters and initial states.
type LaneGradients<L, const NX: usize, const NP: usize> = (SVector<L, NP>, SVector<L, NX>);

/// The memory of as many gradients as there are lanes, over one horizon.
pub(crate) struct Gradients<L: Lanes, const NX: usize, const NU: usize, const NP: usize, const NS: usize> {
    x0: SVector<L, NX>,
    states: Vec<SVector<L, NX>>,
    controls: Vec<SVector<L, NU>>,
    params: SVector<L, NP>,
    stage_params: Vec<SVector<L, NS>>,
    loss_states: Vec<SVector<L, NX>>,
    loss_controls: Vec<SVector<L, NU>>,
    stage_gradients: Vec<SVector<L, NS>>,
    weight_gradients: Vec<L>,
    system: Unconstrained<L, NX, NU>,
    linear: UnconstrainedLinear<L, NX, NU, 1>,
    /// For solutions that are refused: it finds the reason.
    single: KktWorkspace<NX, NU, NS>,
}

impl<L: Lanes, const NX: usize, const NU: usize, const NP: usize, const NS: usize> Gradients<L, NX, NU, NP, NS> {
    /// In lanes only models without limits are differentiated.
    pub(crate) fn new<M>(horizon: usize) -> Self
    where
        M: Model<NX, NU, NP, NS>,
    {
        let system = Unconstrained::new(horizon);
        Self {
            x0: zeros(),
            states: vec![zeros(); horizon + 1],
            controls: vec![zeros(); horizon],
            params: zeros(),
            stage_params: vec![zeros(); horizon + 1],
            loss_states: vec![zeros(); horizon + 1],
            loss_controls: vec![zeros(); horizon],
            stage_gradients: vec![zeros(); horizon + 1],
            weight_gradients: Vec::new(),
            linear: system.linear(),
            system,
            single: KktWorkspace::new::<M, NP>(horizon),
        }
    }

    pub(crate) fn horizon(&self) -> usize {
        self.controls.len()
    }

    /// Differentiates at most as many solutions as there are lanes. A solution that fails the check in its lane is checked
    /// alone, for the reason.
    pub(crate) fn vjp<M>(
        &mut self,
        model: &M,
        settings: &Settings,
        given: &[(&Solution<NX, NU, NP, NS>, &LossGradient<NX, NU>)],
    ) -> Vec<Result<Gradient<NX, NP, NS>, GradientError>>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let loaded: Vec<bool> = given
            .iter()
            .enumerate()
            .map(|(lane, (solution, loss))| {
                let fits = self.fits(solution, loss);
                if fits {
                    self.load(lane, solution, loss);
                }
                fits
            })
            .collect();
        let answers = loaded.contains(&true).then(|| self.differentiate(model, settings)).flatten();
        given
            .iter()
            .enumerate()
            .map(|(lane, (solution, loss))| {
                if let (true, Some((sound, gradients))) = (loaded[lane], &answers)
                    && L::holds(*sound, lane)
                {
                    self.gradient(lane, gradients)
                } else {
                    self.vjp_alone((model, settings), solution, loss)
                }
            })
            .collect()
    }

    /// Puts a solution with the factorization of its solve, a lane of `factors`, into a lane.
    ///
    /// # Errors
    /// For a loss of another horizon, or with numbers that are not finite.
    pub(crate) fn load_factorized(
        &mut self,
        lane: usize,
        (solution, loss): (&Solution<NX, NU, NP, NS>, &LossGradient<NX, NU>),
        (factors, from_lane): (&Unconstrained<L, NX, NU>, usize),
    ) -> Result<(), GradientError> {
        check_loss(loss, self.horizon())?;
        self.load(lane, solution, loss);
        self.system.copy_lane(lane, factors, from_lane);
        Ok(())
    }

    /// Differentiates the factorized solutions in the first `count` lanes.
    pub(crate) fn factorized_vjp<M>(
        &mut self,
        model: &M,
        count: usize,
    ) -> Vec<Result<Gradient<NX, NP, NS>, GradientError>>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let gradients = self.adjoint(model);
        (0..count).map(|lane| self.gradient(lane, &gradients)).collect()
    }

    /// Differentiates one solution, factorized anew.
    pub(crate) fn vjp_alone<M>(
        &mut self,
        (model, settings): (&M, &Settings),
        solution: &Solution<NX, NU, NP, NS>,
        loss: &LossGradient<NX, NU>,
    ) -> Result<Gradient<NX, NP, NS>, GradientError>
    where
        M: Model<NX, NU, NP, NS>,
    {
        vjp(&mut self.single, (model, settings), solution, loss, Differentiation::Implicit)
    }

    /// The gradient of a lane.
    fn gradient(
        &self,
        lane: usize,
        (params, initial_state): &LaneGradients<L, NX, NP>,
    ) -> Result<Gradient<NX, NP, NS>, GradientError> {
        let mut gradient = Gradient::zeros(self.horizon());
        gather_one(lane, params, &mut gradient.params);
        gather_one(lane, initial_state, &mut gradient.initial_state);
        gather(lane, &self.stage_gradients, &mut gradient.stage_params);
        gradient.weights.extend(self.weight_gradients.iter().map(|weight| weight.lane(lane)));
        gradient.check()
    }

    /// Whether lengths, numbers and status are those of a solution and its loss.
    fn fits(&self, solution: &Solution<NX, NU, NP, NS>, loss: &LossGradient<NX, NU>) -> bool {
        let Solution { states, controls, stage_params, multipliers, .. } = solution;
        let horizon = self.horizon();
        solution.status == Status::Converged
            && [controls.len(), states.len(), stage_params.len()] == [horizon, horizon + 1, horizon + 1]
            && multipliers.stage.is_empty()
            && multipliers.terminal.is_empty()
            && check_loss(loss, horizon).is_ok()
    }

    fn load(&mut self, lane: usize, solution: &Solution<NX, NU, NP, NS>, loss: &LossGradient<NX, NU>) {
        scatter_one(lane, &solution.x0, &mut self.x0);
        scatter_one(lane, &solution.params, &mut self.params);
        scatter(lane, &solution.states, &mut self.states);
        scatter(lane, &solution.controls, &mut self.controls);
        scatter(lane, &solution.stage_params, &mut self.stage_params);
        scatter(lane, &loss.states, &mut self.loss_states);
        scatter(lane, &loss.controls, &mut self.loss_controls);
    }

    /// Where the trajectories are solutions and strict minima, and the gradients in parameters and initial states; `None`
    /// where none is one.
    fn differentiate<M>(&mut self, model: &M, settings: &Settings) -> Option<(L::Mask, LaneGradients<L, NX, NP>)>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let Self { x0, states, controls, params, stage_params, system, .. } = self;
        let multipliers = MultipliersRef::NONE;
        let point = TrajectoryRef { states, controls, params, stage_params, multipliers, costates: None };
        let magnitudes = Magnitudes::of(states, controls);
        let residual = dynamics_residual(model, x0, point, &magnitudes, dynamics_tolerance(settings));
        let Factorized { definite, .. } = system.factorize(model, point, Differentiation::Implicit).ok()?;
        let sound = definite
            & residual.less_equal(L::from_f64(dynamics_tolerance(settings)))
            & system.relative_newton_step(&magnitudes).less_equal(L::from_f64(step_tolerance(settings)));
        Some((sound, self.adjoint(model)))
    }

    /// The gradients in parameters and initial states, with the factorization at hand. Those in the parameters of stages are
    /// in the memory.
    fn adjoint<M>(&mut self, model: &M) -> LaneGradients<L, NX, NP>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let Self { states, controls, params, stage_params, system, linear, .. } = self;
        let (stage_gradients, weight_gradients) = (&mut self.stage_gradients, &mut self.weight_gradients);
        let multipliers = MultipliersRef::NONE;
        let point = TrajectoryRef { states, controls, params, stage_params, multipliers, costates: None };
        let mut gradient = zeros();
        stage_gradients.fill(zeros());
        weight_gradients.clear();
        weight_gradients.resize(model.weight_count(), L::zero());
        let loss = LossRef { states: &self.loss_states, controls: &self.loss_controls };
        let out = GradientMut { params: &mut gradient, stage_params: stage_gradients, weights: weight_gradients };
        let initial_state = adjoint((system, linear), model, point, &loss, out);
        (gradient, initial_state)
    }
}
