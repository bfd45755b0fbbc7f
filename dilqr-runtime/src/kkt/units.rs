//! The units of the limits along a trajectory: with them distances and multipliers are numbers without unit.

use alloc::vec::Vec;

use nalgebra::{SMatrix, SVector};

use crate::linalg::products::larger;
use crate::lq::equality_constrained::{ConstraintId, Units};
use crate::model::limits::{ConstraintExpansion, Limits};
use crate::ocp::stationarity::{Magnitudes, ROUNDING};
use crate::scalar::ScalarReal;

/// A limit near or at which a trajectory is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct LimitState {
    pub(crate) stage: usize,
    pub(crate) source: ConstraintId,
    /// How far from the limit, in its own unit.
    pub(crate) distance: f64,
    /// Its multiplier.
    pub(crate) multiplier: f64,
    /// The index of its magnitude: of a control, or of a constraint (those of the terminal state after those of a stage).
    pub(crate) unit: usize,
    /// Whether it is a row of the LQ problem.
    pub(crate) active: bool,
    /// Whether it is a bound or an inequality.
    pub(crate) inequality: bool,
    /// Whether its value is above zero, or no number.
    pub(crate) beyond: bool,
}

impl LimitState {
    /// Whether its value violates it. An active constraint is an equation.
    pub(super) fn violates(&self) -> bool {
        self.active || self.beyond
    }
}

/// The part of a slope that counts at rest. Times the margin of a weakly active limit, 1e-6, it is some hundreds of rounding
/// errors.
const REST: f64 = 1e-7;

/// The units.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct LimitUnits {
    /// The magnitude of each constraint, those of a stage before those of the terminal state: the largest
    /// `|c_x| X + |c_u| U` and `|c|` along the trajectory, with the magnitudes `X` and `U` of the variables.
    pub(crate) rows: Vec<f64>,
    /// The magnitude of each control, and the largest terms of its entry of `Q_u`.
    pub(crate) controls: Vec<(f64, f64)>,
    /// The least unit of the cost; see [`add_slopes`](Self::add_slopes).
    pub(crate) rest: f64,
}

/// The sizes and curvatures that stand for the terms of a control that is zero along the trajectory.
pub(super) struct ControlsAtRest<const NU: usize> {
    /// The least size, over the stages, that moves a state by its magnitude. A single stage does not suffice: where one control
    /// multiplies another that is zero there, its derivative is a rounding error.
    sizes: SVector<f64, NU>,
    /// The largest curvature of the Hamiltonian.
    curvatures: SVector<f64, NU>,
}

impl<const NU: usize> ControlsAtRest<NU> {
    pub(super) fn start() -> Self {
        Self { sizes: SVector::repeat(f64::INFINITY), curvatures: SVector::zeros() }
    }

    pub(super) fn add_stage<S: ScalarReal, const NX: usize>(
        &mut self,
        (fu, huu): (&SMatrix<S, NX, NU>, &SMatrix<S, NU, NU>),
        states: &SVector<S, NX>,
    ) {
        for j in 0..NU {
            self.sizes[j] = moving_size(fu, states, j).min(self.sizes[j]);
            self.curvatures[j] = self.curvatures[j].max(huu[(j, j)].to_f64().abs());
        }
    }
}

/// The least size of control `j` that moves a state by its magnitude in one stage; infinite where it moves none.
pub(crate) fn moving_size<S: ScalarReal, const NX: usize, const NU: usize>(
    fu: &SMatrix<S, NX, NU>,
    states: &SVector<S, NX>,
    j: usize,
) -> f64 {
    let effect = |i: usize| states[i].to_f64() / fu[(i, j)].to_f64().abs();
    (0..NX).map(effect).filter(|size| *size > 0.0).fold(f64::INFINITY, f64::min)
}

/// A ratio, 0 for a zero numerator.
pub(crate) fn ratio(value: f64, unit: f64) -> f64 {
    if value == 0.0 { 0.0 } else { value / unit }
}

impl LimitUnits {
    /// The unit of the cost: the largest term of `Q_u` times its control.
    pub(crate) fn cost(&self) -> f64 {
        self.controls.iter().map(|(magnitude, terms)| magnitude * terms).fold(self.rest, f64::max)
    }

    /// Raises the units of multipliers to the terms of `Q_u`, and to what the curvature of the cost makes of controls at rest,
    /// times [`REST`]. Where all slopes vanish at a solution at rest, their terms are rounding errors, and next to these a
    /// multiplier that is one, too, would seem to be large.
    pub(super) fn add_slopes<const NU: usize>(&mut self, terms: &SVector<f64, NU>, at_rest: &ControlsAtRest<NU>) {
        for (j, (magnitude, unit)) in self.controls.iter_mut().enumerate() {
            let least = at_rest.sizes[j];
            let size = if least.is_finite() { least.max(*magnitude) } else { 0.0 };
            let slope = REST * at_rest.curvatures[j] * size;
            *unit = unit.max(terms[j]).max(slope);
            self.rest = self.rest.max(slope * size);
        }
    }

    /// Raises the magnitude of a constraint to that of a row with the value `c`. A row without a derivative has its value alone.
    pub(super) fn add_row<S: ScalarReal, const NX: usize, const NU: usize>(
        &mut self,
        index: usize,
        c: f64,
        (cx, cu): (&SVector<S, NX>, &SVector<S, NU>),
        variables: &Units<NX, NU>,
    ) {
        let terms = magnitude(cx, &variables.states) + magnitude(cu, &variables.controls);
        let terms = if terms.is_finite() { terms } else { 0.0 };
        self.rows[index] = self.rows[index].max(terms).max(c.abs());
    }

    /// The margin of a limit: the larger of its distance and its multiplier, both relative.
    pub(super) fn margin(&self, limit: &LimitState) -> f64 {
        let multiplier = match limit.source {
            ConstraintId::Constraint(_) => ratio(limit.multiplier * self.row(limit.unit), self.cost()),
            ConstraintId::Bound(..) => ratio(limit.multiplier, self.controls[limit.unit].1),
        };
        self.distance(limit).max(multiplier)
    }

    /// How far from a limit, over its unit.
    pub(crate) fn distance(&self, limit: &LimitState) -> f64 {
        let unit = match limit.source {
            ConstraintId::Constraint(_) => self.row(limit.unit),
            ConstraintId::Bound(..) => self.controls[limit.unit].0,
        };
        ratio(limit.distance, unit)
    }

    /// The magnitude of a constraint. Data from a file may lack it.
    fn row(&self, unit: usize) -> f64 {
        self.rows.get(unit).copied().unwrap_or(f64::NAN)
    }
}

/// The magnitudes of the variables; 1 for a variable that is zero everywhere.
pub(super) fn variable_units<S: ScalarReal, const NX: usize, const NU: usize>(
    magnitudes: &Magnitudes<S, NX, NU>,
) -> Units<NX, NU> {
    let or_one = |size: S| {
        let size = size.to_f64();
        if size > 0.0 && size.is_finite() { size } else { 1.0 }
    };
    Units { states: magnitudes.states.map(or_one).into(), controls: magnitudes.controls.map(or_one).into() }
}

/// The units of the terms of rows. An excess that is zero along the trajectory has none; those of the terminal state get the unit of
/// their rows by [`measure_terminal_excesses`].
pub(super) fn row_units<S: ScalarReal, const NX: usize, const NU: usize>(
    units: &Units<NX, NU>,
    magnitudes: &Magnitudes<S, NX, NU>,
    limits: &Limits,
) -> Units<NX, NU> {
    let mut units = *units;
    for i in (NU - limits.excesses..NU).filter(|&i| magnitudes.controls[i].to_f64() == 0.0) {
        units.controls[i] = 0.0;
    }
    for i in (NX - limits.terminal_excesses()..NX).filter(|&i| magnitudes.states[i].to_f64() == 0.0) {
        units.states[i] = 0.0;
    }
    units
}

/// Gives excesses of the terminal state that are zero the magnitudes of the other terms of their soft constraints. Other rows have
/// no other terms than them.
pub(super) fn measure_terminal_excesses<S: ScalarReal, const NX: usize, const NU: usize>(
    rows: &ConstraintExpansion<S, NX, 0>,
    limits: &Limits,
    units: &mut Units<NX, NU>,
) {
    for i in 0..limits.terminal() {
        let Some(excess) = limits.excess_of_end(i, NX).filter(|&excess| units.states[excess] == 0.0) else { continue };
        let size = magnitude(&rows.cx[i], &units.states).max(rows.c[i].to_f64().abs());
        units.states[excess] = if size > 0.0 && size.is_finite() { size } else { 1.0 };
    }
}

/// The variables' units, for states how far they move from the first one. A position of 100 that moves by 1e-8 has small
/// effects, and its magnitude says nothing about them. A state whose motion is a rounding error keeps its magnitude.
pub(super) fn motion_units<S: ScalarReal, const NX: usize, const NU: usize>(
    states: &[SVector<S, NX>],
    magnitudes: &Units<NX, NU>,
) -> Units<NX, NU> {
    let mut units = *magnitudes;
    let Some((first, later)) = states.split_first() else { return units };
    for (i, unit) in units.states.iter_mut().enumerate() {
        let motion = later.iter().map(|x| (x[i] - first[i]).to_f64().abs()).fold(0.0, larger);
        if motion.is_finite() && motion > ROUNDING * *unit {
            *unit = motion;
        }
    }
    units
}

/// The sum of the entries, each times the magnitude of its variable.
fn magnitude<S: ScalarReal, const N: usize>(entries: &SVector<S, N>, units: &[f64; N]) -> f64 {
    entries.iter().zip(units).map(|(entry, unit)| entry.to_f64().abs() * unit).sum()
}
