//! Families of models in several sizes, for pictures of growing cost.

use dilqr_benches::peers::Case;
use dilqr_runtime::{Model, Problem};

/// Masses on a line between stiffening springs, the first one tied to a wall, the last one pushed: two states a mass.
macro_rules! chain {
    ($name:ident, $masses:literal) => {
        #[dilqr_runtime::model(integrator = semi_implicit_euler, dt = 0.05)]
        #[allow(missing_docs, reason = "described once, above")]
        pub mod $name {
            pub struct State {
                pub position: [f64; $masses],
                pub velocity: [f64; $masses],
            }

            pub struct Control {
                pub force: f64,
            }

            pub struct Params {
                pub stiffness: f64,
                pub hardening: f64,
            }

            /// Tension of a spring.
            fn tension(stretch: f64, p: Params) -> f64 {
                p.stiffness * stretch + p.hardening * stretch * stretch * stretch
            }

            pub fn derivative(x: State, u: Control, p: Params) -> State {
                let mut acceleration = [0.0; $masses];
                let mut before = 0.0;
                for i in 0..$masses {
                    let pull = tension(x.position[i] - before, p);
                    acceleration[i] -= pull + 0.1 * x.velocity[i];
                    if i > 0 {
                        acceleration[i - 1] += pull;
                    }
                    before = x.position[i];
                }
                acceleration[$masses - 1] += u.force;
                State { position: x.velocity, velocity: acceleration }
            }

            pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
                terminal_cost(x, p) + 0.05 * u.force * u.force
            }

            pub fn terminal_cost(x: State, _p: Params) -> f64 {
                let mut cost = 0.0;
                for i in 0..$masses {
                    cost += 0.5 * x.position[i] * x.position[i] + 0.05 * x.velocity[i] * x.velocity[i];
                }
                cost
            }
        }
    };
}

chain!(chain_1, 1);
chain!(chain_2, 2);
chain!(chain_3, 3);
chain!(chain_4, 4);
chain!(chain_6, 6);
chain!(chain_8, 8);
chain!(chain_11, 11);
chain!(chain_15, 15);

/// A wheel in a field of forces that is a sum of harmonics, a parameter for each.
macro_rules! harmonics {
    ($name:ident, $terms:literal) => {
        #[dilqr_runtime::model]
        #[allow(missing_docs, reason = "described once, above")]
        pub mod $name {
            pub struct State {
                pub angle: f64,
                pub rate: f64,
            }

            pub struct Control {
                pub torque: f64,
            }

            pub struct Params {
                pub weight: [f64; $terms],
            }

            pub fn dynamics(x: State, u: Control, p: Params) -> State {
                let mut force = u.torque;
                for k in 0..$terms {
                    force += p.weight[k] * ((k + 1) as f64 * x.angle).sin();
                }
                let rate = x.rate + 0.05 * force;
                State { angle: x.angle + 0.05 * rate, rate }
            }

            pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
                terminal_cost(x, p) + 0.01 * u.torque * u.torque
            }

            pub fn terminal_cost(x: State, _p: Params) -> f64 {
                x.angle * x.angle + 0.1 * x.rate * x.rate
            }
        }
    };
}

harmonics!(harmonics_1, 1);
harmonics!(harmonics_4, 4);
harmonics!(harmonics_16, 16);
harmonics!(harmonics_64, 64);
harmonics!(harmonics_256, 256);

/// A chain that starts stretched, with its last mass one meter out.
#[must_use]
pub(crate) fn stretched<M, const NX: usize>(model: M, horizon: usize) -> Case<M, NX, 1, 2>
where
    M: Model<NX, 1, 2>,
{
    let masses = NX / 2;
    let mut start = [0.0; NX];
    for i in 0..masses {
        start[i] = (i + 1) as f64 / masses as f64;
    }
    let problem = Problem::new(start, [4.0, 2.0], horizon);
    Case { name: format!("chain of {masses}, T={horizon}"), model, problem, rate: NX - 1, golden: None }
}

/// A wheel half a radian off, with weights that fall as the squares of the harmonics rise.
#[must_use]
pub(crate) fn turned<M, const NP: usize>(model: M, horizon: usize) -> Case<M, 2, 1, NP>
where
    M: Model<2, 1, NP>,
{
    let weights: [f64; NP] = core::array::from_fn(|k| 0.5 / ((k + 1) * (k + 1)) as f64);
    let problem = Problem::new([0.5, 0.0], weights, horizon);
    Case { name: format!("{NP} harmonics, T={horizon}"), model, problem, rate: 1, golden: None }
}
