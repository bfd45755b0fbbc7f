//! What is zero at the value of an implicit function, as equations `c(y, p) = 0`: equations themselves, or the slope of an objective.

use nalgebra::{SMatrix, SVector};

/// The fraction of a multiple of the golden ratio. Those of the first numbers are spread evenly over the unit interval, without a
/// structure that a matrix could have.
pub(super) fn golden_fraction(multiple: usize) -> f64 {
    let product = 0.618_033_988_749_894_8 * multiple as f64;
    product - (product as usize) as f64
}

/// The equations at one vector of parameters.
pub(super) trait Conditions<const NY: usize, const NP: usize> {
    /// `c` and `c_y`
    fn at(&mut self, y: &SVector<f64, NY>) -> (SVector<f64, NY>, SMatrix<f64, NY, NY>);

    /// `c_p`
    fn params(&mut self, y: &SVector<f64, NY>) -> SMatrix<f64, NY, NP>;
}

/// A solution of such equations.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point<'a, const NY: usize, const NP: usize> {
    pub(super) unknown: &'a SVector<f64, NY>,
    pub(super) params: &'a SVector<f64, NP>,
    /// The unknowns that bounds hold, whose equations do not count.
    pub(super) held: [bool; NY],
    /// How these move with the parameters, in their rows.
    pub(super) moves: SMatrix<f64, NY, NP>,
}

/// The terms of the equations before they cancel, `|c_y| |y| + |c_p| |p|`.
pub(super) fn terms<const NY: usize, const NP: usize>(
    (cy, y): (&SMatrix<f64, NY, NY>, &SVector<f64, NY>),
    (cp, p): (&SMatrix<f64, NY, NP>, &SVector<f64, NP>),
) -> SVector<f64, NY> {
    SVector::from_fn(|i, _| {
        let own: f64 = (0..NY).map(|j| (cy[(i, j)] * y[j]).abs()).sum();
        let of_params: f64 = (0..NP).map(|j| (cp[(i, j)] * p[j]).abs()).sum();
        own + of_params
    })
}

/// `c_y` with rows of the unit matrix for unknowns that bounds hold.
pub(super) fn of_free<const NY: usize>(cy: &SMatrix<f64, NY, NY>, held: &[bool; NY]) -> SMatrix<f64, NY, NY> {
    let mut free = *cy;
    for i in (0..NY).filter(|&i| held[i]) {
        free.row_mut(i).fill(0.0);
        free[(i, i)] = 1.0;
    }
    free
}
