//! Roots of several problems at once, one in each lane of a scalar.
//!
//! Whole Newton steps are taken, with the test of [`damped_newton`](crate::implicit::damped_newton), lane by lane. A lane whose step would have to
//! be damped, or is no number, or whose equations are singular, leaves: its problem is solved alone, from its guess. So a result depends on
//! its problem alone.

use nalgebra::SVector;

use crate::implicit::damped_newton::scales;
use crate::implicit::function::ImplicitFunction;
use crate::implicit::root::{Linearization, is_singular, linearize};
use crate::linalg::products::{add_product, larger, zeros};
use crate::model::records::StageExpansion;
use crate::model::stage::Stage;
use crate::scalar::lanes::Lanes;

/// A root, and the steps to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct LaneRoot<const NY: usize> {
    pub(super) unknown: SVector<f64, NY>,
    pub(super) iterations: usize,
    /// The last relative Newton step.
    pub(super) step: f64,
}

/// How far a lane is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Progress {
    Running,
    /// With the relative Newton step at its end.
    Done(f64),
    Left,
}

/// The roots of at most as many problems as there are lanes, each with its guess and its parameters; `None` for those to be solved
/// alone.
pub(super) fn solve<F, L, const NX: usize, const NY: usize, const NP: usize>(
    function: &F,
    (tolerance, max_iterations): (f64, usize),
    problems: &[(SVector<f64, NY>, SVector<f64, NP>)],
) -> impl Iterator<Item = Option<LaneRoot<NY>>>
where
    F: ImplicitFunction<NX, NY, NP>,
    L: Lanes,
{
    // Lanes without a problem repeat the first one.
    let of = |lane: usize| problems.get(lane).unwrap_or(&problems[0]);
    let mut y = SVector::<L, NY>::from_fn(|i, _| L::from_lanes(|lane| of(lane).0[i]));
    let p = SVector::<L, NP>::from_fn(|j, _| L::from_lanes(|lane| of(lane).1[j]));
    let count = problems.len();
    let mut progress = vec![Progress::Running; count];
    let mut iterations = vec![0; count];
    let mut memory = StageExpansion::zeros();
    for iteration in 0..=max_iterations {
        if !progress.contains(&Progress::Running) {
            break;
        }
        let at = linearize(function, (&y, &p), &mut memory);
        let next = y + at.step;
        let simplified = simplified_step::<F, L, NX, NY, NP>(function, (&next, &p), &at);
        for (lane, progress) in progress.iter_mut().enumerate().filter(|(_, progress)| **progress == Progress::Running)
        {
            let number = |value: L| value.lane(lane);
            let scales = scales(&y.map(number), &at.step.map(number));
            let norm = |step: &SVector<L, NY>| {
                let relative = |i: usize| number(step[i]).abs() / scales[i];
                (0..NY).map(relative).fold(0.0, larger::<f64>)
            };
            let singular = is_singular::<NY>(|i, k| number(at.inverse[(i, k)]) * number(memory.fu[(k, i)]));
            let (length, of_next) = (norm(&at.step), norm(&simplified));
            let relative = relative_step((&y, &at.step), lane);
            if singular || length.is_nan() {
                *progress = Progress::Left;
            } else if relative <= tolerance {
                *progress = Progress::Done(relative);
                // The step is there and makes the solution better, unless it is a rounding error.
                if of_next < length {
                    take_step(&mut y, &next, lane);
                }
            } else if of_next <= 0.75 * length && iteration < max_iterations {
                iterations[lane] += 1;
                take_step(&mut y, &next, lane);
            } else {
                *progress = Progress::Left;
            }
        }
    }
    (0..count).map(move |lane| match progress[lane] {
        Progress::Done(step) => {
            let unknown = SVector::from_fn(|i, _| y[i].lane(lane));
            Some(LaneRoot { unknown, iterations: iterations[lane], step })
        }
        Progress::Running | Progress::Left => None,
    })
}

fn take_step<L: Lanes, const NY: usize>(y: &mut SVector<L, NY>, next: &SVector<L, NY>, lane: usize) {
    for i in 0..NY {
        y[i].set_lane(lane, next[i].lane(lane));
    }
}

/// The largest change of an unknown, relative.
fn relative_step<L: Lanes, const NY: usize>((y, step): (&SVector<L, NY>, &SVector<L, NY>), lane: usize) -> f64 {
    let relative = |i: usize| match step[i].lane(lane) {
        0.0 => 0.0,
        change => change.abs() / y[i].lane(lane).abs(),
    };
    (0..NY).map(relative).fold(0.0, f64::max)
}

/// `-r_y^-1 r(next)` with the matrix of the point before.
fn simplified_step<F, L, const NX: usize, const NY: usize, const NP: usize>(
    function: &F,
    (next, p): (&SVector<L, NY>, &SVector<L, NP>),
    at: &Linearization<L, NY>,
) -> SVector<L, NY>
where
    F: ImplicitFunction<NX, NY, NP>,
    L: Lanes,
{
    let mut residual: SVector<L, NX> = zeros();
    function.dynamics(Stage::new(&zeros(), next, p, &zeros()), &mut residual);
    let mut step = zeros();
    add_product(&mut step, &at.inverse, &SVector::<L, NY>::from_fn(|i, _| residual[i]));
    step
}
