//! The certificate of an implicit solution: how well it satisfies its conditions, and how far it is from one without a derivative.

use alloc::vec::Vec;
use core::fmt;

use nalgebra::{SMatrix, SVector};

use crate::implicit::conditions::of_free;
use crate::linalg::inverse::inverse;
use crate::linalg::products::{add_product, larger, zeros};
use crate::linalg::symmetric_eigen::{eigenvalues, smaller};
use crate::lq::bounds::Side;
use crate::model::rows::{Limit, Variable};

/// How well a solution satisfies its conditions, from [`Solver::certificate`](crate::implicit::Solver::certificate). These are the
/// equations, or the slope of the objective in the unknowns that no bound holds.
///
/// Prints as a report, a line for each number.
///
/// ```
/// use dilqr_runtime::implicit::{ImplicitFunction, RootFinder, Settings, Solver};
/// # use dilqr_runtime::model::{Stage, Terminal};
/// # use dilqr_runtime::nalgebra::SVector;
/// # use dilqr_runtime::{Model, Scalar};
/// /// `y^2 = p`
/// #[derive(Clone, Copy)]
/// struct Square;
/// # impl Model<1, 1, 1> for Square {
/// #     fn dynamics<S: Scalar>(&self, Stage { u, p, .. }: Stage<'_, S, 1, 1, 1>, r: &mut SVector<S, 1>) {
/// #         r[0] = u[0] * u[0] - p[0];
/// #     }
/// #     fn stage_cost<S: Scalar>(&self, _: Stage<'_, S, 1, 1, 1>) -> S {
/// #         S::zero()
/// #     }
/// #     fn terminal_cost<S: Scalar>(&self, _: Terminal<'_, S, 1, 1>) -> S {
/// #         S::zero()
/// #     }
/// # }
/// impl ImplicitFunction<1, 1, 1> for Square {
///     type Engine = RootFinder<Self, 1, 1, 1>;
/// }
///
/// let mut solver = Solver::new(Square, Settings::default())?;
/// let solution = solver.solve([1.0], [4.0])?;
/// let report = [
///     "residual                 0.0e0",
///     "relative Newton step     0.0e0",
///     "condition                1.0e0",
/// ];
/// assert_eq!(solver.certificate(&solution).to_string(), report.join("\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Certificate {
    /// The largest residual of a condition over its terms, `|c_y| |y| + |c_p| |p|`.
    pub residual: f64,
    /// The largest relative Newton step of an unknown: its change over its magnitude.
    pub step: f64,
    /// Of minima: the smallest eigenvalue of the Hessian in the unknowns that no bound holds, with the barriers of a relaxed problem, in
    /// the units of the function. Positive at a strict minimum, infinite where bounds hold all unknowns. `None` for equations.
    pub smallest_eigenvalue: Option<f64>,
    /// The largest entry on the diagonal of `|c_y^-1| |c_y|`: by how much relative errors of the matrix grow in the derivative. At
    /// least 1, without a unit; near 1e16 where the matrix is singular to working precision.
    pub condition: f64,
    /// The bounds that hold unknowns.
    pub active: Vec<ActiveBound>,
    /// Strict complementarity: the smallest margin of a bound. The margin is the larger of two numbers, its distance over the
    /// unknown and its multiplier over the terms of the slope. Where it is 0 the bound is neither active nor inactive. Infinite
    /// without bounds.
    pub margin: f64,
    /// The bound with that margin.
    pub weakest: Option<Limit>,
}

/// A bound that holds an unknown.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct ActiveBound {
    /// Which bound.
    pub limit: Limit,
    /// Its multiplier: the decrease of the objective for a unit of slack.
    pub multiplier: f64,
}

/// How far a bound is from an unknown, and how much it holds it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct BoundState {
    pub(super) unknown: usize,
    pub(super) side: Side,
    /// The multiplier of a bound that holds its unknown.
    pub(super) multiplier: Option<f64>,
    /// See [`Certificate::margin`].
    pub(super) margin: f64,
}

impl BoundState {
    pub(super) fn limit(&self) -> Limit {
        let variable = Variable::Unknown(self.unknown);
        match self.side {
            Side::Lower => Limit::LowerBound { variable },
            Side::Upper => Limit::UpperBound { variable },
        }
    }
}

impl Certificate {
    /// Of conditions `c` with the derivative `c_y` and these terms, at `y`.
    pub(super) fn new<const NY: usize>(
        y: &SVector<f64, NY>,
        (c, cy, terms): (&SVector<f64, NY>, &SMatrix<f64, NY, NY>, &SVector<f64, NY>),
        held: &[bool; NY],
        bounds: &[BoundState],
    ) -> Self {
        let ratio = |value: f64, size: f64| if value == 0.0 { 0.0 } else { value.abs() / size.abs() };
        let free = SVector::<f64, NY>::from_fn(|i, _| if held[i] { 0.0 } else { c[i] });
        let matrix = of_free(cy, held);
        let inverse = inverse(&matrix);
        let mut step: SVector<f64, NY> = zeros();
        add_product(&mut step, &inverse, &free);
        let largest = |of: &dyn Fn(usize) -> f64| (0..NY).filter(|&i| !held[i]).map(of).fold(0.0, larger::<f64>);
        let amplified = |i: usize| (0..NY).map(|k| (inverse[(i, k)] * matrix[(k, i)]).abs()).sum::<f64>();
        let weakest = bounds.iter().min_by(|a, b| a.margin.total_cmp(&b.margin));
        let active = bounds.iter().filter_map(|state| {
            let multiplier = state.multiplier?;
            Some(ActiveBound { limit: state.limit(), multiplier })
        });
        Self {
            residual: largest(&|i| ratio(free[i], terms[i])),
            step: largest(&|i| ratio(step[i], y[i])),
            smallest_eigenvalue: None,
            condition: larger(largest(&amplified), 1.0),
            active: active.collect(),
            margin: weakest.map_or(f64::INFINITY, |state| state.margin),
            weakest: weakest.map(BoundState::limit),
        }
    }

    /// With the smallest eigenvalue of a Hessian.
    pub(super) fn of_hessian<const NY: usize>(self, hessian: &SMatrix<f64, NY, NY>, held: &[bool; NY]) -> Self {
        let mut free = *hessian;
        for i in (0..NY).filter(|&i| held[i]) {
            free[(i, i)] = f64::INFINITY;
        }
        let smallest = eigenvalues(&free).into_iter().fold(f64::INFINITY, smaller);
        Self { smallest_eigenvalue: Some(smallest), ..self }
    }
}

impl fmt::Display for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "residual            {:>10.1e}", self.residual)?;
        writeln!(f, "relative Newton step{:>10.1e}", self.step)?;
        if let Some(eigenvalue) = self.smallest_eigenvalue {
            writeln!(f, "smallest eigenvalue {eigenvalue:>10.1e}")?;
        }
        write!(f, "condition           {:>10.1e}", self.condition)?;
        if let Some(weakest) = self.weakest {
            writeln!(f, "\nactive bounds       {:>10}", self.active.len())?;
            write!(f, "margin              {:>10.1e} ({weakest})", self.margin)?;
        }
        Ok(())
    }
}

/// One bound: `the upper bound of unknown 0, multiplier 1.5e-1`.
impl fmt::Display for ActiveBound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, multiplier {:.1e}", self.limit, self.multiplier)
    }
}
