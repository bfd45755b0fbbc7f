//! Linear dynamics, quadratic costs and `|u| <= 1`, written as bounds and as constraints, with random data.
//!
//! Two families: that of the benchmark in acados' paper on gradients (Frey et al. 2025), whose plants are unstable, and
//! that of TurboMPC, whose plants are stable and start far away. `benches/peers/limits_lq.py` draws the same numbers.

use dilqr_runtime::Problem;
use dilqr_runtime::nalgebra::{SMatrix, SVector};

use super::random::Random;

/// `x+ = A x + B u + c`, cost `z' H z` of each stage and `x_T' H_xx x_T` of the end, matrices row by row. The limits are
/// an attribute of the control or a function of the module.
macro_rules! lq {
    ($name:ident, { $(#[$($bounds:tt)*])* }, { $($constraints:item)* }) => {
        #[dilqr_runtime::model]
        pub mod $name {
            pub struct State {
                pub x: [f64; 8],
            }

            pub struct Control {
                $(#[$($bounds)*])*
                pub u: [f64; 4],
            }

            pub struct Params {
                pub a: [f64; 64],
                pub b: [f64; 32],
                pub c: [f64; 8],
                pub h: [f64; 144],
            }

            pub fn dynamics(x: State, u: Control, p: Params) -> State {
                let mut next = p.c;
                for i in 0..8 {
                    for j in 0..8 {
                        next[i] += p.a[8 * i + j] * x.x[j];
                    }
                    for j in 0..4 {
                        next[i] += p.b[4 * i + j] * u.u[j];
                    }
                }
                State { x: next }
            }

            pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
                let mut cost = terminal_cost(x, p);
                for i in 0..4 {
                    for j in 0..8 {
                        cost += (p.h[12 * (8 + i) + j] + p.h[12 * j + 8 + i]) * u.u[i] * x.x[j];
                    }
                    for j in 0..4 {
                        cost += p.h[12 * (8 + i) + 8 + j] * u.u[i] * u.u[j];
                    }
                }
                cost
            }

            pub fn terminal_cost(x: State, p: Params) -> f64 {
                let mut cost = 0.0;
                for i in 0..8 {
                    for j in 0..8 {
                        cost += p.h[12 * i + j] * x.x[i] * x.x[j];
                    }
                }
                cost
            }

            $($constraints)*
        }
    };
}

lq!(bounded_lq, { #[bounds(-1.0, 1.0)] }, {});
lq!(constrained_lq, {}, {
    pub fn stage_constraints(_x: State, u: Control, _p: Params) -> [f64; 8] {
        [
            u.u[0] - 1.0,
            u.u[1] - 1.0,
            u.u[2] - 1.0,
            u.u[3] - 1.0,
            -1.0 - u.u[0],
            -1.0 - u.u[1],
            -1.0 - u.u[2],
            -1.0 - u.u[3],
        ]
    }
});

/// How a family's numbers are drawn.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    pub horizon: usize,
    pub problems: usize,
    /// Seed of the first problem; those of the others follow.
    pub seed: u64,
    /// Standard deviation of `A - I`.
    pub spread: f64,
    /// The spectral radius to which `A` is scaled down.
    pub radius: f64,
    /// Standard deviation of `c`.
    pub drift: f64,
    /// Standard deviation of `x_0`.
    pub start: f64,
}

/// `A = I + 0.2 randn`: spectral radii up to some 1.7.
pub const UNSTABLE: Family =
    Family { horizon: 20, problems: 128, seed: 1000, spread: 0.2, radius: f64::INFINITY, drift: 1.0, start: 1.0 };

/// Stable plants, `x_0 = 5 randn`.
pub const STABLE: Family =
    Family { horizon: 40, problems: 64, seed: 2000, spread: 0.1, radius: 0.99, drift: 0.01, start: 5.0 };

impl Family {
    /// The problems, for either model.
    pub fn problems(&self) -> Vec<Problem<8, 4, 248>> {
        (0..self.problems as u64).map(|i| self.problem(self.seed + i)).collect()
    }

    fn problem(&self, seed: u64) -> Problem<8, 4, 248> {
        let mut random = Random(seed);
        let mut a = SMatrix::<f64, 8, 8>::identity();
        for i in 0..8 {
            for j in 0..8 {
                a[(i, j)] += self.spread * random.normal();
            }
        }
        let radius = spectral_radius(&a);
        if radius > self.radius {
            a *= self.radius / radius;
        }
        let b: [f64; 32] = core::array::from_fn(|_| random.normal());
        let c: [f64; 8] = core::array::from_fn(|_| self.drift * random.normal());
        let start: [f64; 8] = core::array::from_fn(|_| self.start * random.normal());
        let mut factor = SMatrix::<f64, 12, 12>::zeros();
        for i in 0..12 {
            for j in 0..12 {
                factor[(i, j)] = random.normal();
            }
        }
        let h = SMatrix::<f64, 12, 12>::identity() + 0.01 * factor * factor.transpose();
        // Entries are stored column by column; `h` is symmetric.
        let params = [a.transpose().as_slice(), &b, &c, h.as_slice()].concat();
        Problem::new(start, SVector::from_column_slice(&params), self.horizon)
    }
}

/// By Gelfand's formula, from the power `2^20`.
fn spectral_radius(a: &SMatrix<f64, 8, 8>) -> f64 {
    let (mut power, mut logarithm, mut exponent) = (*a, 0.0, 1.0);
    for _ in 0..20 {
        let size = power.amax();
        power /= size;
        logarithm += size.ln() / exponent;
        power *= power;
        exponent *= 2.0;
    }
    (logarithm + power.amax().ln() / exponent).exp()
}
