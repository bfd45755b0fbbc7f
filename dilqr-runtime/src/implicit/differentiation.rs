//! Ways to differentiate a solution, for comparison with the exact one.

use nalgebra::SVector;

/// How [`Solver::vjp_with`](crate::implicit::Solver::vjp_with) differentiates a solution. `L` is the loss, with the gradient `g` in
/// the unknowns.
///
/// [`Implicit`](Self::Implicit) is exact. The others are approximations that libraries and papers use; they are here to be compared.
/// [`Unrolled`](Self::Unrolled) and [`Truncated`](Self::Truncated) differentiate steps `y <- F(y, p)` on dual numbers, at the cost of
/// these steps for every parameter:
///
/// | of | a step |
/// |---|---|
/// | `equations` | Newton's, `y - r_y^-1 r` |
/// | `map` | `map(y, p)` |
/// | `residuals` | Gauss and Newton's, `y - (r_y' r_y)^-1 r_y' r`, within the bounds |
/// | `objective` | Newton's, `y - f_yy^-1 f_y`, within the bounds |
///
/// The derivative after `k` of them is `D_k = F_y D_{k-1} + F_p`, and tends to `(I - F_y)^-1 F_p`, the exact one, as the steps tend to
/// the solution. Of Newton's step `F_y` vanishes at a solution, so that one truncated step is exact. Of the others it does not.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Differentiation<const NY: usize> {
    /// By the implicit function theorem: exact. As [`Solver::vjp`](crate::implicit::Solver::vjp).
    Implicit,
    /// Through so many steps from a guess, which is constant.
    Unrolled {
        /// The guess, `NY`.
        guess: SVector<f64, NY>,
        /// The number of steps.
        iterations: usize,
    },
    /// Through so many steps from the solution, which is constant (Shaban et al. 2019, *Truncated back-propagation for bilevel
    /// optimization*; the truncated mode of Theseus, Pineda et al. 2022).
    Truncated {
        /// The number of steps.
        iterations: usize,
    },
    /// The direct loss gradient (McAllester, Hazan and Keshet 2010, *Direct loss minimization for structured prediction*). With the
    /// solution `y_e` of the problem whose objective has the loss' linear term `epsilon g' y` in addition it is
    ///
    /// ```text
    /// (f_p(y_e, p) - f_p(y, p)) / epsilon
    /// ```
    ///
    /// with the terms of bounds that hold: a difference quotient of the derivative of the least objective, with the error
    /// `O(epsilon)`. The objective of equations is half the sum of their squares, so that the perturbed conditions are
    /// `r_y' r + epsilon g = 0`, and `f_p` is `r_p' r`.
    DirectLoss {
        /// Its unit is that of the objective over that of the loss. Finite and not zero; of either sign.
        epsilon: f64,
    },
}
