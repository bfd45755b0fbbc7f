//! The adjoint of one step of Gauss and Newton's, factor by factor, on dual numbers.
//!
//! A step solves `M d = -g` at `y`. With the adjoint `a` of `d` and `w = M^-1 a`, the change of `a' d` is that of
//!
//! ```text
//! -w' (g + M d) = -sum_f (T w)' (c_y + c_yy T d)
//! ```
//!
//! with constant `w` and `d`, where `c_yy` is Gauss and Newton's and `T` depends on `y`, too. Each factor is differentiated in its numbers
//! and its parameters, one after another.

use alloc::boxed::Box;
use alloc::vec::Vec;

use nalgebra::SVector;
use num_dual::Dual;

use crate::graph::factor::Factor;
use crate::graph::layout::{Place, push};
use crate::graph::loss::Loss;
use crate::linalg::products::zeros;
use crate::model::records::StageExpansion;
use crate::model::stage::Stage;
use crate::scalar::Scalar;

type Number = Dual<f64>;

/// The two directions in local coordinates of all blocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Directions<'a> {
    pub(super) w: &'a [f64],
    pub(super) d: &'a [f64],
}

/// The adjoints of a factor's numbers, of its parameters and of its threshold. `places` are those of its blocks.
pub(super) fn of_factor<F, const N: usize, const NP: usize>(
    (function, loss): (&F, Loss),
    places: &[Place],
    (y, p): (&SVector<f64, N>, &SVector<f64, NP>),
    directions: Directions<'_>,
) -> (SVector<f64, N>, SVector<f64, NP>, f64)
where
    F: Factor<N, NP>,
{
    let (y, p) = (y.map(Number::from_f64), p.map(Number::from_f64));
    let mut memory = Box::new(StageExpansion::zeros());
    let mut along = |y: &SVector<Number, N>, p: &SVector<Number, NP>| {
        value((function, loss), places, (y, p), directions, &mut memory)
    };
    let of_values = SVector::from_fn(|i, _| {
        let mut y = y;
        y[i].eps = 1.0;
        along(&y, &p).eps
    });
    let of_params = SVector::from_fn(|i, _| {
        let mut p = p;
        p[i].eps = 1.0;
        along(&y, &p).eps
    });
    let here = along(&y, &p).re;
    let of_loss = loss.at(memory.l.re);
    // The value is in proportion to the first derivative of the loss.
    (of_values, of_params, here / of_loss.first * of_loss.first_by_threshold)
}

/// `-(T w)' (c_y + c_yy T d)`
fn value<F, const N: usize, const NP: usize>(
    (function, loss): (&F, Loss),
    places: &[Place],
    (y, p): (&SVector<Number, N>, &SVector<Number, NP>),
    Directions { w, d }: Directions<'_>,
    memory: &mut StageExpansion<Number, 0, N>,
) -> Number
where
    F: Factor<N, NP>,
{
    let (w, d) = (push(places.iter(), y, w), push(places.iter(), y, d));
    let (x, s) = (zeros(), zeros());
    function.expand_stage(Stage::new(&x, y, p, &s), memory);
    let mut sum = Number::from_f64(0.0);
    for i in 0..N {
        let mut slope = memory.lu[i];
        for j in 0..N {
            slope += memory.luu[(i, j)] * d[j];
        }
        sum += w[i] * slope;
    }
    -sum * loss.first(memory.l)
}

/// The adjoints of a block's numbers and local step, by that of the values that the step leads to.
pub(super) fn of_retraction(place: &Place, (y, d): (&[f64], &[f64]), adjoint: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let numbers = |values: &[f64]| values.iter().map(|&value| Number::from_f64(value)).collect::<Vec<_>>();
    let (y, d) = (numbers(y), numbers(d));
    let along = |y: &[Number], d: &[Number]| -> f64 {
        let mut out = vec![Number::from_f64(0.0); y.len()];
        place.manifold.retract(y, d, &mut out);
        out.iter().zip(adjoint).map(|(out, adjoint)| out.eps * adjoint).sum()
    };
    let unit = |list: &[Number], i: usize| {
        let mut list = list.to_vec();
        list[i].eps = 1.0;
        list
    };
    let of_values = (0..y.len()).map(|i| along(&unit(&y, i), &d)).collect();
    let of_step = (0..d.len()).map(|i| along(&y, &unit(&d, i))).collect();
    (of_values, of_step)
}
