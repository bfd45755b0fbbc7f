//! Loss gradients, gradients and Jacobians: the input and the results of differentiation.

use alloc::vec::Vec;
use core::iter::Sum;
use core::ops::{Add, AddAssign, Mul};

use nalgebra::{SMatrix, SVector};

use crate::error::{GradientError, Input, InputError, check_finite, check_length, check_vector};

/// The gradient of a scalar loss with respect to the trajectory. Losses add up, and so do their gradients.
///
/// ```
/// use dilqr_runtime::LossGradient;
/// use dilqr_runtime::nalgebra::SVector;
///
/// // L = 3 x_2[0] + u_0 + 2 u_1, over two stages: entry by entry, or from two lists.
/// let mut by_entries: LossGradient<2, 1> = LossGradient::zeros(2);
/// by_entries.states[2][0] = 3.0;
/// let controls = LossGradient::new(vec![SVector::zeros(); 3], vec![[1.0].into(), [2.0].into()]);
/// let loss = by_entries + controls;
/// assert_eq!((loss.states[2][0], loss.controls[1][0]), (3.0, 2.0));
/// assert_eq!((loss.clone() * 2.0).controls, (loss.clone() + loss).controls);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct LossGradient<const NX: usize, const NU: usize, const ND: usize = 0> {
    /// `dL/dx_t`, `T + 1` vectors of `NX`.
    pub states: Vec<SVector<f64, NX>>,
    /// `dL/du_t`, `T` vectors of `NU`.
    pub controls: Vec<SVector<f64, NU>>,
    /// `dL/dd` in the design variables, `ND` (of no size where the model has none).
    pub design: SVector<f64, ND>,
}

impl<const NX: usize, const NU: usize, const ND: usize> LossGradient<NX, NU, ND> {
    /// From the derivatives in the states, `T + 1` vectors, and in the controls, `T`. Lengths are checked where the gradient
    /// is used. The derivative in the design is zero; it is a field.
    #[must_use]
    pub fn new(states: Vec<SVector<f64, NX>>, controls: Vec<SVector<f64, NU>>) -> Self {
        Self { states, controls, design: SVector::zeros() }
    }

    /// Zero everywhere, over `horizon` stages.
    #[must_use]
    pub fn zeros(horizon: usize) -> Self {
        Self::new(vec![SVector::zeros(); horizon + 1], vec![SVector::zeros(); horizon])
    }
}

/// The gradient of a scalar with respect to parameters, initial state, stage parameters and weights of networks.
///
/// Gradients add up, entry by entry and stage by stage. Where horizons differ, stages that one of the two does not have
/// count as zero.
///
/// ```
/// use dilqr_runtime::Gradient;
///
/// let mut one: Gradient<2, 1> = Gradient::zeros(10);
/// one.params[0] = 1.5;
/// let mean = [one.clone(), one * 3.0].into_iter().sum::<Gradient<2, 1>>() * 0.5;
/// assert_eq!(mean.params[0], 3.0);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Gradient<const NX: usize, const NP: usize, const NS: usize = 0> {
    /// With respect to the parameters, `NP`.
    pub params: SVector<f64, NP>,
    /// With respect to the initial state, `NX`; zero where the solve chooses it.
    pub initial_state: SVector<f64, NX>,
    /// With respect to the stage parameters, `T + 1` vectors of `NS` (of no size where the model has none).
    pub stage_params: Vec<SVector<f64, NS>>,
    /// With respect to the weights of the model's networks, one network after another in the order of their declarations;
    /// empty for models without.
    pub weights: Vec<f64>,
}

/// The derivative of the optimal trajectory with respect to the parameters (or, from
/// [`Ilqr::stage_jacobian`](crate::Ilqr::stage_jacobian), those of one stage).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Jacobian<const NX: usize, const NU: usize, const NP: usize, const ND: usize = 0> {
    /// `dx_t/dp`, `T + 1` matrices `NX x NP`; the first is zero where the initial state is given.
    pub states: Vec<SMatrix<f64, NX, NP>>,
    /// `du_t/dp`, `T` matrices `NU x NP`.
    pub controls: Vec<SMatrix<f64, NU, NP>>,
    /// `dd/dp` of the design variables, `ND x NP`.
    pub design: SMatrix<f64, ND, NP>,
}

impl<const NX: usize, const NP: usize, const NS: usize> Gradient<NX, NP, NS> {
    /// Zero everywhere, over `horizon` stages, for a model without networks.
    #[must_use]
    pub fn zeros(horizon: usize) -> Self {
        Self {
            params: SVector::zeros(),
            initial_state: SVector::zeros(),
            stage_params: vec![SVector::zeros(); horizon + 1],
            weights: Vec::new(),
        }
    }

    /// Zero everywhere, for a model with this many weights.
    pub(crate) fn with_weights(horizon: usize, weights: usize) -> Self {
        Self { weights: vec![0.0; weights], ..Self::zeros(horizon) }
    }

    pub(crate) fn check(self) -> Result<Self, GradientError> {
        let finite = all_finite(&self.params)
            && all_finite(&self.initial_state)
            && self.stage_params.iter().all(all_finite)
            && self.weights.iter().all(|weight| weight.is_finite());
        if finite { Ok(self) } else { Err(GradientError::Undefined) }
    }
}

fn all_finite<const R: usize, const C: usize>(matrix: &SMatrix<f64, R, C>) -> bool {
    matrix.iter().all(|entry| entry.is_finite())
}

pub(crate) fn check_loss<const NX: usize, const NU: usize, const ND: usize>(
    loss: &LossGradient<NX, NU, ND>,
    horizon: usize,
) -> Result<(), InputError> {
    check_length(Input::LossStates, loss.states.len(), horizon + 1)?;
    check_length(Input::LossControls, loss.controls.len(), horizon)?;
    check_finite(Input::LossStates, loss.states.iter().map(|g| g.as_slice()))?;
    check_finite(Input::LossControls, loss.controls.iter().map(|g| g.as_slice()))?;
    check_vector(Input::LossDesign, loss.design.as_slice())
}

impl<const NX: usize, const NU: usize, const NP: usize, const ND: usize> Jacobian<NX, NU, NP, ND> {
    /// Without entries, with room for a trajectory.
    pub(crate) fn with_room(horizon: usize) -> Self {
        let (states, controls) = (Vec::with_capacity(horizon + 1), Vec::with_capacity(horizon));
        Self { states, controls, design: SMatrix::zeros() }
    }

    pub(crate) fn check(self) -> Result<Self, GradientError> {
        let Self { states, controls, design } = &self;
        let finite = states.iter().all(all_finite) && controls.iter().all(all_finite) && all_finite(design);
        if finite { Ok(self) } else { Err(GradientError::Undefined) }
    }
}

/// Adds a list to another; the longer one decides the length.
fn add_lists<const N: usize>(to: &mut Vec<SVector<f64, N>>, from: &[SVector<f64, N>]) {
    if to.len() < from.len() {
        to.resize(from.len(), SVector::zeros());
    }
    for (to, from) in to.iter_mut().zip(from) {
        *to += from;
    }
}

/// The arithmetic of a type that has `+=` by reference, `*= f64` as `scale`, and `zeros`.
macro_rules! linear {
    ($type:ident<$($n:ident),*>) => {
        impl<$(const $n: usize),*> AddAssign for $type<$($n),*> {
            fn add_assign(&mut self, other: Self) {
                *self += &other;
            }
        }

        impl<$(const $n: usize),*> Add for $type<$($n),*> {
            type Output = Self;
            fn add(mut self, other: Self) -> Self {
                self += &other;
                self
            }
        }

        impl<$(const $n: usize),*> Add<&Self> for $type<$($n),*> {
            type Output = Self;
            fn add(mut self, other: &Self) -> Self {
                self += other;
                self
            }
        }

        impl<$(const $n: usize),*> Mul<f64> for $type<$($n),*> {
            type Output = Self;
            fn mul(mut self, factor: f64) -> Self {
                self.scale(factor);
                self
            }
        }

        impl<$(const $n: usize),*> Sum for $type<$($n),*> {
            fn sum<I: Iterator<Item = Self>>(terms: I) -> Self {
                terms.fold(Self::zeros(0), |sum, term| sum + term)
            }
        }

        impl<'a, $(const $n: usize),*> Sum<&'a Self> for $type<$($n),*> {
            fn sum<I: Iterator<Item = &'a Self>>(terms: I) -> Self {
                terms.fold(Self::zeros(0), |sum, term| sum + term)
            }
        }
    };
}

linear!(Gradient<NX, NP, NS>);
linear!(LossGradient<NX, NU, ND>);

impl<const NX: usize, const NP: usize, const NS: usize> AddAssign<&Self> for Gradient<NX, NP, NS> {
    fn add_assign(&mut self, other: &Self) {
        let Self { params, initial_state, stage_params, weights } = self;
        *params += other.params;
        *initial_state += other.initial_state;
        add_lists(stage_params, &other.stage_params);
        if weights.len() < other.weights.len() {
            weights.resize(other.weights.len(), 0.0);
        }
        weights.iter_mut().zip(&other.weights).for_each(|(to, from)| *to += from);
    }
}

impl<const NX: usize, const NP: usize, const NS: usize> Gradient<NX, NP, NS> {
    fn scale(&mut self, factor: f64) {
        let Self { params, initial_state, stage_params, weights } = self;
        *params *= factor;
        *initial_state *= factor;
        stage_params.iter_mut().for_each(|s| *s *= factor);
        weights.iter_mut().for_each(|weight| *weight *= factor);
    }
}

impl<const NX: usize, const NU: usize, const ND: usize> AddAssign<&Self> for LossGradient<NX, NU, ND> {
    fn add_assign(&mut self, other: &Self) {
        add_lists(&mut self.states, &other.states);
        add_lists(&mut self.controls, &other.controls);
        self.design += other.design;
    }
}

impl<const NX: usize, const NU: usize, const ND: usize> LossGradient<NX, NU, ND> {
    fn scale(&mut self, factor: f64) {
        self.states.iter_mut().for_each(|x| *x *= factor);
        self.controls.iter_mut().for_each(|u| *u *= factor);
        self.design *= factor;
    }
}
