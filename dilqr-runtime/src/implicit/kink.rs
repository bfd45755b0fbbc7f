//! Kinks: where a solution has none but one-sided derivatives, and where a solve of equations is stuck.
//!
//! A function with branches (`abs`, `max`, a comparison) is smooth on either side of them. With the equations `c(y, p) = 0` and the
//! branches at the solution the derivative is `T = -c_y^-1 c_p`. On the other side of a branch the same formula holds with other
//! matrices, and the solution has a derivative if all of them agree: if `c_y T + c_p = 0` with those, too (Scholtes 2012, *Introduction
//! to Piecewise Differentiable Equations*, section 4.2). So a kink that no parameter moves the solution across changes nothing.
//!
//! The other sides are those within the rounding errors of the unknowns. A smooth function changes there, too: in proportion to the
//! distance, while the jump at a kink is the same at any distance.

use alloc::vec::Vec;

use nalgebra::{SMatrix, SVector};

use crate::cause::Cause;
use crate::implicit::conditions::{Conditions, Point, golden_fraction, terms};
use crate::linalg::products::{add_product, zeros};
use crate::ocp::stationarity::ROUNDING;
use crate::solve::kink::{Jump, lengths};

/// Directions of displacement, each to both sides. A kink along one of them is none along another.
pub(crate) const DIRECTIONS: usize = 3;

/// The second distance over the first one.
pub(crate) const FARTHER: f64 = 8.0;

/// The least part of a jump over the change at the second distance; that of a smooth function is an eighth.
const JUMP: f64 = 0.25;

/// The least change of a Jacobian's entry that is looked at.
const CHANGE: f64 = 1e-7;

/// The least change of a derivative, relative to its terms, that makes it one-sided.
const DISAGREEMENT: f64 = 1e-6;

/// How far beyond its linearization an equation jumps, over the displacement's terms.
const DISCONTINUITY: f64 = 1e3;

/// The unknown whose derivative is another one on the other side of a kink at a solution, if there is one. `inverse` is that of
/// `c_y`, with rows of the unit matrix for unknowns that bounds hold.
pub(super) fn kink_at<const NY: usize, const NP: usize>(
    conditions: &mut impl Conditions<NY, NP>,
    point: Point<'_, NY, NP>,
    inverse: &SMatrix<f64, NY, NY>,
) -> Option<usize> {
    let (y, held) = (point.unknown, point.held);
    let (c, cy) = conditions.at(y);
    let cp = conditions.params(y);
    let terms = terms((&cy, y), (&cp, point.params));
    let distances = distances(&point, (inverse, &c), &terms);
    let mut sides = Vec::new();
    for direction in 0..if NY == 1 { 1 } else { DIRECTIONS } {
        for sign in [1.0, -1.0] {
            let by = SVector::<f64, NY>::from_fn(|i, _| sign * weight(direction, i) * distances[i]);
            let (beside, jacobian) = conditions.at(&(y + by));
            let (_, farther) = conditions.at(&(y + by * FARTHER));
            let jump = discontinuous(&(beside - c), (&cy, &jacobian, &by), &terms, held);
            if jump.is_some() {
                return jump;
            }
            let jumps = |i: usize, j: usize| {
                let entry = (i, j);
                !held[i] && entry_jumps(cy[entry], jacobian[entry], farther[entry])
            };
            if (0..NY).any(|i| (0..NY).any(|j| jumps(i, j))) {
                sides.push((by, jacobian));
            }
        }
    }
    if sides.is_empty() {
        return None;
    }
    let mut derivative: SMatrix<f64, NY, NP> = zeros();
    let of_row = |i: usize, j: usize| if held[i] { point.moves[(i, j)] } else { -cp[(i, j)] };
    add_product(&mut derivative, inverse, &SMatrix::from_fn(of_row));
    let of_side = |(by, jacobian): &(SVector<f64, NY>, SMatrix<f64, NY, NY>)| {
        let change = (jacobian - cy, conditions.params(&(y + by)) - cp);
        one_sided((inverse, &derivative), (&cy, &cp), change, held)
    };
    sides.iter().find_map(of_side)
}

/// Whether a quantity of this size jumps: from its value `here` to those `beside` and [`FARTHER`] away.
pub(crate) fn jumps(here: f64, (beside, farther): (f64, f64), size: f64) -> bool {
    let (change, at_farther) = ((beside - here).abs(), (farther - here).abs());
    change > CHANGE * size && change >= JUMP * at_farther
}

/// Whether an entry of a matrix jumps, which is as large as it is on either side.
pub(crate) fn entry_jumps(here: f64, beside: f64, farther: f64) -> bool {
    jumps(here, (beside, farther), here.abs().max(beside.abs()))
}

/// How far the unknowns may be from the exact ones: by rounding errors of the equations, and by their Newton step.
fn distances<const NY: usize, const NP: usize>(
    point: &Point<'_, NY, NP>,
    (inverse, c): (&SMatrix<f64, NY, NY>, &SVector<f64, NY>),
    terms: &SVector<f64, NY>,
) -> SVector<f64, NY> {
    SVector::from_fn(|i, _| {
        if point.held[i] && point.moves.row(i).iter().all(|&moves| moves == 0.0) {
            return 0.0;
        }
        let free = |j: &usize| !point.held[*j];
        let rounding: f64 = (0..NY).filter(free).map(|j| (inverse[(i, j)] * terms[j]).abs()).sum();
        let step: f64 = (0..NY).filter(free).map(|j| inverse[(i, j)] * c[j]).sum();
        let distance = (ROUNDING * rounding.max(point.unknown[i].abs())).max(step.abs());
        // A variable that is zero, as all terms are, has no magnitude.
        if distance > 0.0 { distance } else { ROUNDING }
    })
}

/// Weights between 1 and 2 with signs that differ from direction to direction.
pub(crate) fn weight(direction: usize, i: usize) -> f64 {
    let negative = direction > 0 && golden_fraction((i + 1) * (direction + 1)) < 0.5;
    let size = 1.0 + golden_fraction(i + 1);
    if negative { -size } else { size }
}

/// The equation that changes by much more than its slopes on both sides explain.
fn discontinuous<const NY: usize>(
    change: &SVector<f64, NY>,
    (here, there, by): (&SMatrix<f64, NY, NY>, &SMatrix<f64, NY, NY>, &SVector<f64, NY>),
    terms: &SVector<f64, NY>,
    held: [bool; NY],
) -> Option<usize> {
    let slope =
        |jacobian: &SMatrix<f64, NY, NY>, i: usize| -> f64 { (0..NY).map(|j| (jacobian[(i, j)] * by[j]).abs()).sum() };
    (0..NY).filter(|&i| !held[i]).find(|&i| {
        let explained = slope(here, i) + slope(there, i) + ROUNDING * terms[i];
        explained > 0.0 && change[i].abs() > DISCONTINUITY * explained
    })
}

/// The unknown with the largest change of the derivative, over its terms `|c_y^-1| (|c_y| |T| + |c_p|)`, if that is clear.
fn one_sided<const NY: usize, const NP: usize>(
    (inverse, derivative): (&SMatrix<f64, NY, NY>, &SMatrix<f64, NY, NP>),
    (cy, cp): (&SMatrix<f64, NY, NY>, &SMatrix<f64, NY, NP>),
    (change_y, change_p): (SMatrix<f64, NY, NY>, SMatrix<f64, NY, NP>),
    held: [bool; NY],
) -> Option<usize> {
    let mut change = change_p;
    add_product(&mut change, &change_y, derivative);
    let mut sizes = cp.abs();
    add_product(&mut sizes, &cy.abs(), &derivative.abs());
    for i in (0..NY).filter(|&i| held[i]) {
        change.row_mut(i).fill(0.0);
        sizes.row_mut(i).fill(0.0);
    }
    let (mut other, mut terms): (SMatrix<f64, NY, NP>, SMatrix<f64, NY, NP>) = (zeros(), zeros());
    add_product(&mut other, inverse, &change);
    add_product(&mut terms, &inverse.abs(), &sizes);
    let mut worst = (DISAGREEMENT, None);
    for i in 0..NY {
        for j in 0..NP {
            let ratio = if other[(i, j)] == 0.0 { 0.0 } else { other[(i, j)].abs() / terms[(i, j)] };
            if ratio > worst.0 {
                worst = (ratio, Some(i));
            }
        }
    }
    worst.1
}

/// Whether a solve of equations that made no progress is at a kink, along its last step: the equation whose slope jumps most, over its
/// terms. As in control (`solve/kink.rs`).
pub(super) fn stuck_at<const NY: usize>(
    mut residual: impl FnMut(&SVector<f64, NY>) -> SVector<f64, NY>,
    (y, step): (&SVector<f64, NY>, &SVector<f64, NY>),
    terms: &SVector<f64, NY>,
) -> Option<Cause> {
    if !step.iter().all(|value| value.is_finite()) {
        return None;
    }
    let longest = |j: usize| if step[j] == 0.0 { 1.0 } else { y[j].abs() / step[j].abs() };
    let longest = (0..NY).map(longest).filter(|length| length.is_finite()).fold(1.0, f64::max);
    let here = residual(y);
    let mut jumps = [Jump::NONE; NY];
    for length in lengths(longest) {
        let (ahead, behind) = (residual(&(y + step * length)), residual(&(y - step * length)));
        for (i, jump) in jumps.iter_mut().enumerate() {
            let magnitude = ahead[i].abs() + here[i].abs() + behind[i].abs() + terms[i];
            jump.add((ahead[i] - here[i], here[i] - behind[i]), magnitude, length);
        }
    }
    let size = |i: usize| if jumps[i].largest == 0.0 { 0.0 } else { jumps[i].largest / (terms[i] + here[i].abs()) };
    let worst = (0..NY).filter(|&i| size(i) > 0.0).max_by(|&i, &j| size(i).total_cmp(&size(j)));
    worst.map(|equation| Cause::KinkOfFunction { equation: Some(equation) })
}
