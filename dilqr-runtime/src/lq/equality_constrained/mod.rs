//! The LQ problem with equality constraints, stage by stage: the Riccati recursion on the controls that active limits leave
//! free.
//!
//! A stage has rows `cx dx + cu du + c = 0` of its own. The next stage adds the rows `H dx' + h = 0` that its own controls
//! cannot satisfy; a constraint on the state alone must be satisfied by earlier controls. Gauss-Jordan elimination with
//! complete pivoting solves as many rows as possible for controls. The remaining rows do not depend on the control of the
//! stage. They are the `H` and `h` of this stage and propagate to the stage before (Laine and Tomlin, *Efficient computation
//! of feedback control for equality-constrained LQR*, ICRA 2019, with elimination in place of their singular value
//! decomposition). With
//!
//! ```text
//! du = Z w + Y dx + y        w: the free controls
//! K  = Y - Z M^-1 Z' (Qux + Quu Y)     k = y - Z M^-1 Z' (qu + Quu y)     M = Z' Quu Z
//! V <- Qxx + Qux' K + K' (Qux + Quu K)     v <- qx + Qux' k + K' (qu + Quu k)
//! ```
//!
//! two facts hold at the end of the recursion:
//!
//! * `M` is positive definite at every stage exactly if the Hessian of the problem is positive definite on the null space of
//!   its constraints.
//! * Rows are left over at stage 0, where the state is given, exactly if the constraints are linearly dependent.
//!
//! Multipliers follow in the forward pass. The multiplier of a row that was solved for control `j` balances
//! `(Quu du + Qux dx + qu)_j = 0`. The multiplier of a propagated row is that of the row it became at the previous stage.

mod reduction;
mod stage;
mod terminal;
mod terms;

pub(crate) use reduction::{Row, Units};
pub(crate) use stage::{ActiveLinear, ActiveStage, ConstraintId, NextLinear, Singular};
pub(crate) use terminal::ActiveTerminal;
