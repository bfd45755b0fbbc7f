//! The linear-quadratic regulator `x' = A x + B u`. Its parameters are `A`, `B` and the weight of the control.
//!
//! A Riccati recursion solves it exactly and a solver in one step, so every derivative is known. The default
//! parameters are a random plant with three unstable modes.

#[expect(clippy::module_inception, reason = "the macro names the model after the module; the file has the same noun")]
#[dilqr_runtime::model]
mod lqr {
    /// Four states without units.
    pub struct State {
        /// `x`.
        pub x: [f64; 4],
    }

    /// Two controls without units.
    pub struct Control {
        /// `u`.
        pub u: [f64; 2],
    }

    /// The plant and the weight of the control.
    pub struct Params {
        /// `A`, 4 x 4, row by row.
        pub a: [f64; 16],
        /// `B`, 4 x 2, row by row.
        pub b: [f64; 8],
        /// Weight of the controls' squares.
        pub r: f64,
    }

    /// One entry of `A x + B u` from a row of `A` and one of `B`.
    fn row(a: [f64; 4], x: [f64; 4], b: [f64; 2], u: [f64; 2]) -> f64 {
        a[0] * x[0] + a[1] * x[1] + a[2] * x[2] + a[3] * x[3] + b[0] * u[0] + b[1] * u[1]
    }

    /// `A x + B u`.
    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        let (a, b) = (p.a, p.b);
        State {
            x: [
                row([a[0], a[1], a[2], a[3]], x.x, [b[0], b[1]], u.u),
                row([a[4], a[5], a[6], a[7]], x.x, [b[2], b[3]], u.u),
                row([a[8], a[9], a[10], a[11]], x.x, [b[4], b[5]], u.u),
                row([a[12], a[13], a[14], a[15]], x.x, [b[6], b[7]], u.u),
            ],
        }
    }

    /// `|x|^2 / 2 + r |u|^2 / 2`.
    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        terminal_cost(x, p) + 0.5 * p.r * (u.u[0].powi(2) + u.u[1].powi(2))
    }

    /// `|x|^2 / 2`.
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        0.5 * (x.x[0].powi(2) + x.x[1].powi(2) + x.x[2].powi(2) + x.x[3].powi(2))
    }
}

pub use self::lqr::*;

impl Default for Params {
    /// The plant of the reference data.
    fn default() -> Self {
        Self {
            a: [
                1.408, -0.511, 0.084, -0.114, //
                -0.091, 0.957, -0.404, -0.046, //
                -0.173, 0.665, 1.045, -0.071, //
                -0.056, -0.134, -0.211, 0.922,
            ],
            b: [
                0.482, -0.239, //
                0.958, -0.2, //
                0.024, 1.546, //
                0.545, -0.505,
            ],
            r: 1.0,
        }
    }
}
