//! The backward sweep of the forward solve: derivatives along a trajectory, and the LQ problem's solution from them.

use nalgebra::{SMatrix, SVector};

use crate::dense::{dot, larger, zeros};
use crate::model::{HamiltonianExpansion, Model, StageExpansion, TerminalExpansion};
use crate::riccati::{PatternOf, Quadratic, StageFactor};
use crate::scalar::Scalar;
use crate::settings::Hessian;
use crate::trajectory::Trajectory;

/// The step a sweep proposes, about the trajectory it was made for.
#[derive(Clone, Debug)]
pub(crate) struct Policy<S, const NX: usize, const NU: usize> {
    /// `K_t`, `T` matrices.
    pub(crate) gains: Vec<SMatrix<S, NU, NX>>,
    /// `k_t`, `T` vectors.
    pub(crate) feedforward: Vec<SVector<S, NU>>,
    /// Closed-loop costates, `T + 1` vectors.
    pub(crate) costates: Vec<SVector<S, NX>>,
}

/// What a sweep says of its trajectory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sweep<S> {
    /// Derivative of the cost along the step, `sum_t k' Qu`; not positive.
    pub(crate) slope: S,
    /// `max |Q_u| / max(1, max |l_u|)`.
    pub(crate) stationarity: f64,
}

impl Sweep<f64> {
    /// Of no sweep, or one that did not finish.
    pub(crate) const NONE: Self = Self { slope: f64::NAN, stationarity: f64::NAN };
}

/// Why a sweep did not finish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// `Quu` is not positive definite: more regularisation helps.
    Indefinite,
    /// The derivatives along the trajectory are not finite: nothing helps.
    NonFinite,
}

/// Stationarity as it is accumulated over the stages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stationarity {
    qu: f64,
    lu: f64,
}

impl Stationarity {
    pub(crate) const START: Self = Self { qu: 0.0, lu: 1.0 };

    #[inline(always)]
    pub(crate) fn add<S: Scalar, const NU: usize>(&mut self, qu: &SVector<S, NU>, lu: &SVector<S, NU>) {
        for i in 0..NU {
            self.qu = larger(self.qu, qu[i].to_f64().abs());
            self.lu = self.lu.max(lu[i].to_f64().abs());
        }
    }

    pub(crate) fn value(self) -> f64 {
        self.qu / self.lu
    }
}

/// One record of each kind, filled stage after stage by the kernels of one model.
#[derive(Clone, Debug)]
pub(crate) struct Records<S, const NX: usize, const NU: usize> {
    stage: StageExpansion<S, NX, NU>,
    hamiltonian: HamiltonianExpansion<S, NX, NU>,
    terminal: TerminalExpansion<S, NX>,
    factor: StageFactor<S, NX, NU>,
}

impl<S: Scalar, const NX: usize, const NU: usize> Records<S, NX, NU> {
    pub(crate) fn zeros() -> Self {
        Self {
            stage: StageExpansion::zeros(),
            hamiltonian: HamiltonianExpansion::zeros(),
            terminal: TerminalExpansion::zeros(),
            factor: StageFactor::zeros(),
        }
    }
}

impl<S: Scalar, const NX: usize, const NU: usize> Policy<S, NX, NU> {
    pub(crate) fn zeros(horizon: usize) -> Self {
        Self {
            gains: vec![zeros(); horizon],
            feedforward: vec![zeros(); horizon],
            costates: vec![zeros(); horizon + 1],
        }
    }

    /// Sweeps backward about `trajectory` with the proximal weight `mu`.
    ///
    /// With [`Hessian::Exact`] second derivatives of the dynamics are contracted with the gradient of the next stage's
    /// value function, which is the closed-loop costate (see [`riccati`](crate::riccati)).
    pub(crate) fn sweep<M, const NP: usize, const NS: usize>(
        &mut self,
        model: &M,
        p: &SVector<S, NP>,
        stage_params: &[SVector<S, NS>],
        trajectory: &Trajectory<S, NX, NU>,
        hessian: Hessian,
        mu: S,
        records: &mut Records<S, NX, NU>,
    ) -> Result<Sweep<S>, Failure>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let Records { stage, hamiltonian, terminal, factor } = records;
        let Trajectory { states, controls } = trajectory;
        let horizon = controls.len();
        model.expand_terminal(&states[horizon], p, &stage_params[horizon], terminal);
        if !finite(&[terminal.lx.as_slice(), terminal.lxx.as_slice()]) {
            return Err(Failure::NonFinite);
        }
        let mut value = terminal.lxx;
        for i in 0..NX {
            value[(i, i)] += mu;
        }
        let mut lambda = terminal.lx;
        self.costates[horizon] = lambda;

        let mut slope = S::zero();
        let mut stationarity = Stationarity::START;
        for t in (0..horizon).rev() {
            let (x, u, s) = (&states[t], &controls[t], &stage_params[t]);
            let (quadratic, lx, lu) = match hessian {
                Hessian::Exact => {
                    model.expand_hamiltonian(x, u, p, s, &lambda, hamiltonian);
                    let HamiltonianExpansion { fx, fu, lx, lu, hxx, hux, huu } = &*hamiltonian;
                    (Quadratic { fx, fu, hxx, hux, huu }, lx, lu)
                }
                Hessian::GaussNewton => {
                    model.expand_stage(x, u, p, s, stage);
                    let StageExpansion { fx, fu, lx, lu, lxx, lux, luu, .. } = &*stage;
                    (Quadratic { fx, fu, hxx: lxx, hux: lux, huu: luu }, lx, lu)
                }
            };
            if factor.quadratic_where::<PatternOf<M, NP, NS>>(&quadratic, mu, &mut value).is_err() {
                return Err(diagnose(&quadratic, lx, lu));
            }
            let step = factor.linear_where::<PatternOf<M, NP, NS>, 1>(quadratic.fx, quadratic.fu, lx, lu, &mut lambda);
            slope += dot(&step.k, &step.qu);
            stationarity.add(&step.qu, lu);

            if !all_finite(&step.k, &lambda) {
                return Err(diagnose(&quadratic, lx, lu));
            }
            self.gains[t] = factor.gain;
            self.feedforward[t] = step.k;
            self.costates[t] = lambda;
        }
        Ok(Sweep { slope, stationarity: stationarity.value() })
    }
}

/// Whether a failed stage was given numbers that are finite.
#[cold]
fn diagnose<S: Scalar, const NX: usize, const NU: usize>(
    stage: &Quadratic<'_, S, NX, NU>,
    lx: &SVector<S, NX>,
    lu: &SVector<S, NU>,
) -> Failure {
    let Quadratic { fx, fu, hxx, hux, huu } = stage;
    let first = [fx.as_slice(), fu.as_slice(), lx.as_slice(), lu.as_slice()];
    let second = [hxx.as_slice(), hux.as_slice(), huu.as_slice()];
    if finite(&first) && finite(&second) { Failure::Indefinite } else { Failure::NonFinite }
}

fn finite<S: Scalar>(slices: &[&[S]]) -> bool {
    slices.iter().all(|entries| entries.iter().all(|entry| entry.to_f64().is_finite()))
}

/// One test for a stage's results: a sum is finite only if every term is. A gain that is not finite makes `lambda`, which
/// contains `K' Qu`, not finite either.
#[inline(always)]
fn all_finite<S: Scalar, const NX: usize, const NU: usize>(k: &SVector<S, NU>, lambda: &SVector<S, NX>) -> bool {
    let mut sum = 0.0;
    for i in 0..NX {
        sum += lambda[i].to_f64();
    }
    for j in 0..NU {
        sum += k[j].to_f64();
    }
    sum.is_finite()
}
