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
use crate::linalg::products::zeros;
use crate::model::Model;
use crate::ocp::penalty::MultipliersRef;
use crate::ocp::stationarity::Magnitudes;
use crate::ocp::trajectory::TrajectoryRef;
use crate::scalar::lanes::Lanes;
use crate::settings::{Differentiation, Settings};
use crate::solution::Solution;
use crate::solve::lane_copies::{gather, gather_one, scatter, scatter_one};
use crate::status::Status;

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
    system: Unconstrained<L, NX, NU>,
    linear: UnconstrainedLinear<L, NX, NU, 1>,
    /// For solutions that are refused: it finds the reason.
    single: KktWorkspace<NX, NU, NS>,
}

impl<L: Lanes, const NX: usize, const NU: usize, const NP: usize, const NS: usize> Gradients<L, NX, NU, NP, NS> {
    /// For a model without limits.
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
                if let (true, Some((sound, params, initial_state))) = (loaded[lane], &answers)
                    && L::holds(*sound, lane)
                {
                    let mut gradient = Gradient::zeros(self.horizon());
                    gather_one(lane, params, &mut gradient.params);
                    gather_one(lane, initial_state, &mut gradient.initial_state);
                    gather(lane, &self.stage_gradients, &mut gradient.stage_params);
                    gradient.check()
                } else {
                    vjp(&mut self.single, (model, settings), solution, loss, Differentiation::Implicit)
                }
            })
            .collect()
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
    fn differentiate<M>(&mut self, model: &M, settings: &Settings) -> Option<(L::Mask, SVector<L, NP>, SVector<L, NX>)>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let Self { x0, states, controls, params, stage_params, system, linear, stage_gradients, .. } = self;
        let multipliers = MultipliersRef::NONE;
        let point = TrajectoryRef { states, controls, params, stage_params, multipliers, costates: None };
        let magnitudes = Magnitudes::of(states, controls);
        let residual = dynamics_residual(model, x0, point, &magnitudes, dynamics_tolerance(settings));
        let Factorized { definite, .. } = system.factorize(model, point, Differentiation::Implicit).ok()?;
        let sound = definite
            & residual.less_equal(L::from_f64(dynamics_tolerance(settings)))
            & system.relative_newton_step(&magnitudes).less_equal(L::from_f64(step_tolerance(settings)));
        let mut gradient = zeros();
        stage_gradients.fill(zeros());
        let loss = LossRef { states: &self.loss_states, controls: &self.loss_controls };
        let out = GradientMut { params: &mut gradient, stage_params: stage_gradients };
        let initial_state = adjoint((system, linear), model, point, &loss, out);
        Some((sound, gradient, initial_state))
    }
}
