//! Bounds that hold an unknown by a multiplier which is a rounding error.
//!
//! A multiplier is weighed against the slope of the objective at its bound, and this is the multiplier itself where nothing else is known.
//! Where the terms of the slope cancel to their rounding errors, the bound is neither active nor inactive. The derivative exists if the unknown
//! moves as its bound does without it, too.

use alloc::vec::Vec;

use nalgebra::{SMatrix, SVector};

use crate::error::GradientError;
use crate::implicit::certificate::BoundState;
use crate::implicit::conditions::{Conditions, of_free, terms};
use crate::implicit::slope::Slope;
use crate::implicit::solution::Solution;
use crate::linalg::inverse::inverse;
use crate::linalg::products::{add_product, zeros};
use crate::model::Model;
use crate::ocp::stationarity::ROUNDING;

/// The largest difference of two movements that are equal, over their terms.
const SAME: f64 = 1e-9;

/// Refuses a minimum with such a bound, where the derivative does not exist.
pub(super) fn check<F, const NX: usize, const NY: usize, const NP: usize>(
    function: &F,
    solution: &Solution<NY, NP>,
) -> Result<(), GradientError>
where
    F: Model<NX, NY, NP>,
{
    if const { !F::LIMITS.bounded } || solution.relaxation.is_some() {
        return Ok(());
    }
    let (y, p) = (&solution.unknown, &solution.params);
    let mut slope = Slope::new(function, p, None);
    let (c, hessian) = slope.at(y);
    let states = slope.bound_states(y, (&c, &hessian));
    if states.iter().all(|state| state.multiplier.is_none()) {
        return Ok(());
    }
    let cross = slope.params(y);
    let terms = terms((&hessian, y), (&cross, p));
    let (resting, clear): (Vec<&BoundState>, Vec<&BoundState>) = states
        .iter()
        .filter(|state| state.multiplier.is_some())
        .partition(|state| state.multiplier.is_some_and(|multiplier| multiplier <= ROUNDING * terms[state.unknown]));
    if resting.is_empty() {
        return Ok(());
    }
    let bounds = slope.bound_terms();
    let mut rhs: SMatrix<f64, NY, NP> = -cross;
    let mut held = [false; NY];
    let of_points = slope.held(&SVector::zeros());
    let points = of_points.iter().enumerate().filter_map(|(i, side)| Some((i, (*side)?)));
    for (i, side) in clear.iter().map(|state| (state.unknown, state.side)).chain(points) {
        held[i] = true;
        rhs.set_row(i, &bounds[side as usize].row(i));
    }
    let inverse = inverse(&of_free(&hessian, &held));
    let (mut moves, mut sizes): (SMatrix<f64, NY, NP>, SMatrix<f64, NY, NP>) = (zeros(), zeros());
    add_product(&mut moves, &inverse, &rhs);
    add_product(&mut sizes, &inverse.abs(), &rhs.abs());
    for state in resting {
        let (i, of_bound) = (state.unknown, &bounds[state.side as usize]);
        let same =
            |j: usize| (moves[(i, j)] - of_bound[(i, j)]).abs() <= SAME * (sizes[(i, j)] + of_bound[(i, j)].abs());
        if !(0..NP).all(same) {
            return Err(GradientError::WeaklyActive { stage: 0, limit: state.limit(), margin: state.margin });
        }
    }
    Ok(())
}
