//! The objective of a graph about its values, to second order.

use alloc::vec::Vec;

/// Values and parameters, one block and one factor after another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point<'a> {
    pub(super) values: &'a [f64],
    pub(super) params: &'a [f64],
}

/// Second derivatives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Curvature {
    /// Without those of residuals.
    GaussNewton,
    Exact,
}

/// Gradient and Hessian in local coordinates.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct System {
    pub(super) objective: f64,
    pub(super) gradient: Vec<f64>,
    /// The terms of the gradient before they cancel.
    pub(super) terms: Vec<f64>,
    /// The entries of the pattern.
    pub(super) hessian: Vec<f64>,
}

impl System {
    pub(super) fn zeros(dimension: usize, entries: usize) -> Self {
        let zeros = vec![0.0; dimension];
        Self { objective: 0.0, terms: zeros.clone(), gradient: zeros, hessian: vec![0.0; entries] }
    }

    /// As [`zeros`](Self::zeros), in the same memory.
    pub(super) fn clear(&mut self) {
        self.objective = 0.0;
        for list in [&mut self.gradient, &mut self.terms, &mut self.hessian] {
            list.fill(0.0);
        }
    }

    pub(super) fn is_finite(&self) -> bool {
        let all = self.gradient.iter().chain(&self.hessian);
        self.objective.is_finite() && all.fold(true, |finite, entry| finite & entry.is_finite())
    }
}
