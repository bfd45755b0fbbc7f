//! The method of conjugate gradients (Hestenes and Stiefel 1952) on matrices of which the non-zeros are stored.

use alloc::vec::Vec;

use nalgebra::{SMatrix, SVector};

use crate::scalar::float;

/// Products before a solve gives up, for each unknown.
const PRODUCTS: usize = 10;

/// Sweeps of the scaling of rows and columns (Ruiz 2001).
const SWEEPS: usize = 3;

/// How a solve ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Solve<const N: usize> {
    /// To the tolerance.
    Solved(SVector<f64, N>),
    /// Along a direction the matrix has a negative curvature, clear of rounding errors.
    Negative,
    /// Not to the tolerance, or with numbers that are not finite.
    Failed,
}

impl<const N: usize> Solve<N> {
    /// The solution.
    pub(super) fn solved(self) -> Option<SVector<f64, N>> {
        match self {
            Self::Solved(solution) => Some(solution),
            Self::Negative | Self::Failed => None,
        }
    }
}

/// The non-zeros of a matrix with its rows and columns scaled.
#[derive(Clone, Debug)]
pub(super) struct Sparse<const N: usize> {
    /// Row, column and number.
    entries: Vec<(usize, usize, f64)>,
    rows: SVector<f64, N>,
    columns: SVector<f64, N>,
}

impl<const N: usize> Sparse<N> {
    /// The entries of a matrix in its pattern, and those of a unit matrix in the rows and the columns of `held`. They are scaled to one
    /// on the diagonal of a symmetric matrix; `None` where an entry there is not positive.
    pub(super) fn symmetric(matrix: &SMatrix<f64, N, N>, pattern: &[[bool; N]; N], held: &[bool; N]) -> Option<Self> {
        let scale =
            SVector::<f64, N>::from_fn(|i, _| if held[i] { 1.0 } else { 1.0 / float::f64::sqrt(matrix[(i, i)]) });
        if !scale.iter().all(|scale| scale.is_finite()) {
            return None;
        }
        let mut sparse = Self { entries: Vec::new(), rows: scale, columns: scale };
        sparse.fill(|i, j| match held[i] || held[j] {
            true => f64::from(u8::from(i == j)),
            false if pattern[i][j] => matrix[(i, j)],
            false => 0.0,
        });
        Some(sparse)
    }

    /// The entries of any matrix in its pattern, with rows and columns whose largest entries are near one.
    pub(super) fn equilibrated(matrix: &SMatrix<f64, N, N>, pattern: &[[bool; N]; N]) -> Self {
        let mut sparse = Self { entries: Vec::new(), rows: SVector::repeat(1.0), columns: SVector::repeat(1.0) };
        let entry = |i: usize, j: usize| if pattern[i][j] { matrix[(i, j)] } else { 0.0 };
        for _ in 0..SWEEPS {
            sparse.fill(entry);
            let (mut rows, mut columns) = (SVector::<f64, N>::zeros(), SVector::<f64, N>::zeros());
            for &(i, j, value) in &sparse.entries {
                rows[i] = rows[i].max(value.abs());
                columns[j] = columns[j].max(value.abs());
            }
            let scale = |largest: f64| if largest > 0.0 { 1.0 / float::f64::sqrt(largest) } else { 1.0 };
            sparse.rows.component_mul_assign(&rows.map(scale));
            sparse.columns.component_mul_assign(&columns.map(scale));
        }
        sparse.fill(entry);
        sparse
    }

    fn fill(&mut self, entry: impl Fn(usize, usize) -> f64) {
        self.entries.clear();
        for j in 0..N {
            for i in 0..N {
                let value = entry(i, j) * self.rows[i] * self.columns[j];
                if value != 0.0 {
                    self.entries.push((i, j, value));
                }
            }
        }
    }

    fn product(&self, v: &SVector<f64, N>) -> SVector<f64, N> {
        let mut out = SVector::zeros();
        for &(i, j, value) in &self.entries {
            out[i] += value * v[j];
        }
        out
    }

    fn transposed_product(&self, v: &SVector<f64, N>) -> SVector<f64, N> {
        let mut out = SVector::zeros();
        for &(i, j, value) in &self.entries {
            out[j] += value * v[i];
        }
        out
    }

    /// `A^-1 b` of a symmetric positive definite matrix.
    pub(super) fn solve_symmetric(&self, b: &SVector<f64, N>, tolerance: f64) -> Solve<N> {
        let b = self.rows.component_mul(b);
        let product = |v: &SVector<f64, N>| self.product(v);
        // The diagonal is one, so that a curvature below this is a rounding error.
        let noise = N as f64 * f64::EPSILON;
        let mut state = State::new(b, b);
        while !state.is_small(float::f64::sqrt(square(&state.residual)), tolerance) {
            let moved = product(&state.direction);
            let (curvature, size) = (state.direction.dot(&moved), square(&state.direction));
            if curvature < -noise * size {
                return Solve::Negative;
            }
            if curvature.is_nan() || curvature <= noise * size || !state.advance(curvature, &moved) {
                return Solve::Failed;
            }
            state.turn(state.residual);
        }
        Solve::Solved(self.columns.component_mul(&state.solution))
    }

    /// `A^-1 b` of any matrix, by the normal equations `A' A x = A' b` (Saad 2003, *Iterative Methods for Sparse Linear Systems*,
    /// algorithm 8.4). The residual is that of `A x = b`.
    pub(super) fn solve(&self, b: &SVector<f64, N>, tolerance: f64) -> Solve<N> {
        let b = self.rows.component_mul(b);
        let solution = normal_equations(|v| self.product(v), |v| self.transposed_product(v), b, tolerance);
        solution.map_or(Solve::Failed, |solution| Solve::Solved(self.columns.component_mul(&solution)))
    }

    /// `A'^-1 b`
    pub(super) fn solve_transposed(&self, b: &SVector<f64, N>, tolerance: f64) -> Solve<N> {
        let b = self.columns.component_mul(b);
        let solution = normal_equations(|v| self.transposed_product(v), |v| self.product(v), b, tolerance);
        solution.map_or(Solve::Failed, |solution| Solve::Solved(self.rows.component_mul(&solution)))
    }
}

fn normal_equations<const N: usize>(
    product: impl Fn(&SVector<f64, N>) -> SVector<f64, N>,
    transposed_product: impl Fn(&SVector<f64, N>) -> SVector<f64, N>,
    b: SVector<f64, N>,
    tolerance: f64,
) -> Option<SVector<f64, N>> {
    let mut state = State::new(b, transposed_product(&b));
    while !state.is_small(float::f64::sqrt(square(&state.residual)), tolerance) {
        let moved = product(&state.direction);
        if !state.advance(square(&moved), &moved) {
            return None;
        }
        state.turn(transposed_product(&state.residual));
    }
    Some(state.solution)
}

fn square<const N: usize>(v: &SVector<f64, N>) -> f64 {
    v.dot(v)
}

/// An iteration. The gradient is the residual, or that of the normal equations.
struct State<const N: usize> {
    solution: SVector<f64, N>,
    residual: SVector<f64, N>,
    direction: SVector<f64, N>,
    /// The square of the gradient.
    square: f64,
    /// The norm of the right-hand side.
    size: f64,
    products: usize,
}

impl<const N: usize> State<N> {
    /// At zero.
    fn new(residual: SVector<f64, N>, gradient: SVector<f64, N>) -> Self {
        let (square, size) = (square(&gradient), float::f64::sqrt(square(&residual)));
        Self { solution: SVector::zeros(), residual, direction: gradient, square, size, products: 0 }
    }

    fn is_small(&self, residual: f64, tolerance: f64) -> bool {
        residual <= tolerance * self.size
    }

    /// A step along the direction, with this curvature and this product of the matrix with it; false where there is none.
    fn advance(&mut self, curvature: f64, moved: &SVector<f64, N>) -> bool {
        let length = self.square / curvature;
        self.products += 1;
        if !length.is_finite() || length == 0.0 || self.products > PRODUCTS * N {
            return false;
        }
        self.solution += self.direction * length;
        self.residual -= moved * length;
        true
    }

    /// The next direction.
    fn turn(&mut self, gradient: SVector<f64, N>) {
        let square = square(&gradient);
        self.direction = gradient + self.direction * (square / self.square);
        self.square = square;
    }
}
