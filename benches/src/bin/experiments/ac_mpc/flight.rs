//! The quadrotor of AC-MPC (Romero et al. 2024), and problems about it.
#![allow(unreachable_pub, reason = "a model, as a user of the library has it")]

use dilqr_runtime::nalgebra::{DMatrix, SVector, Vector3};
use rand::Rng;
use rand::rngs::StdRng;

use super::policy::WEIGHTS;

/// Entries of an observation.
pub(super) const OBSERVED: usize = 36;

pub(super) type Problem = quadrotor::Problem;

/// A point with an attitude that follows rate commands at once. The learned cost of a stage has a quadratic and a
/// linear weight for each state and control.
#[dilqr_runtime::model]
pub(crate) mod quadrotor {
    pub struct State {
        /// In the world \[m\].
        pub position: [f64; 3],
        /// The quaternion from the body to the world, its real part first.
        pub attitude: [f64; 4],
        /// In the world \[m/s\].
        pub velocity: [f64; 3],
    }

    pub struct Control {
        /// Of all rotors, over the mass \[m/s^2\]: four times 8.5 N over 0.752 kg at most.
        #[bounds(0.0, STRONGEST)]
        pub thrust: f64,
        /// About the axes of the body \[rad/s\].
        #[bounds([-10.0, -10.0, -4.0], [10.0, 10.0, 4.0])]
        pub rate: [f64; 3],
    }

    pub struct Params {
        /// In \[m/s^2\].
        pub gravity: f64,
    }

    /// Of the ten states and four controls.
    pub struct StageParams {
        pub weight: [f64; 14],
        pub linear: [f64; 14],
    }

    const DT: f64 = 0.02;
    const STRONGEST: f64 = 4.0 * 8.5 / 0.752;

    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        let [w, i, j, k] = x.attitude;
        // The exponential of half the rotation: cosine and sine over the angle as series in its square, which have
        // derivatives at a rate of zero. At the bounds the square is 0.0216, and the next terms are 5e-12 and 6e-13.
        let [a, b, c] = u.rate;
        let square = 0.25 * DT * DT * (a * a + b * b + c * c);
        let real = 1.0 - square / 2.0 * (1.0 - square / 12.0 * (1.0 - square / 30.0));
        let scale = 0.5 * DT * (1.0 - square / 6.0 * (1.0 - square / 20.0 * (1.0 - square / 42.0)));
        let [a, b, c] = [scale * a, scale * b, scale * c];
        let [px, py, pz] = x.position;
        let [vx, vy, vz] = x.velocity;
        State {
            position: [px + DT * vx, py + DT * vy, pz + DT * vz],
            attitude: [
                real * w - a * i - b * j - c * k,
                real * i + a * w + c * j - b * k,
                real * j + b * w - c * i + a * k,
                real * k + c * w + b * i - a * j,
            ],
            velocity: [
                vx + DT * u.thrust * 2.0 * (i * k + w * j),
                vy + DT * u.thrust * 2.0 * (j * k - w * i),
                vz + DT * (u.thrust * (w * w - i * i - j * j + k * k) - p.gravity),
            ],
        }
    }

    pub fn stage_cost(x: State, u: Control, _p: Params, s: StageParams) -> f64 {
        let mut cost = 0.0;
        for i in 0..3 {
            cost += (0.5 * s.weight[i] * x.position[i] + s.linear[i]) * x.position[i]
                + (0.5 * s.weight[7 + i] * x.velocity[i] + s.linear[7 + i]) * x.velocity[i]
                + (0.5 * s.weight[11 + i] * u.rate[i] + s.linear[11 + i]) * u.rate[i];
        }
        for i in 0..4 {
            cost += (0.5 * s.weight[3 + i] * x.attitude[i] + s.linear[3 + i]) * x.attitude[i];
        }
        cost + (0.5 * s.weight[10] * u.thrust + s.linear[10]) * u.thrust
    }

    /// Stages of the published controller have a control each, and nothing follows the last one.
    pub fn terminal_cost(_x: State, _p: Params, _s: StageParams) -> f64 {
        0.0
    }
}

pub(super) const GRAVITY: f64 = 9.8066;

/// The control of the first guess, at every stage: as published.
pub(super) const HOVER: [f64; 4] = [GRAVITY, 0.0, 0.0, 0.0];

/// The magnitudes of the controls.
pub(super) const MAGNITUDE: [f64; 4] = [4.0 * 8.5 / 0.752, 10.0, 10.0, 4.0];

/// Where vehicles are, the input of their policy, and its sampled actions, a column for each.
#[derive(Clone, Debug)]
pub(super) struct Flights {
    pub(super) states: Vec<SVector<f64, 10>>,
    pub(super) observations: DMatrix<f64>,
    /// The controls that were tried, about which a policy gradient compares the mean.
    pub(super) actions: Vec<SVector<f64, 4>>,
}

impl Flights {
    /// Vehicles near the origin at up to 8 m/s, tilted by up to some 60 degrees, before two gates.
    pub(super) fn draw(count: usize, random: &mut StdRng) -> Self {
        let (mut states, mut actions, mut observations) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..count {
            let mut ball = |size: f64| Vector3::from_fn(|_, _| random.random_range(-size..size));
            let (position, tilt, velocity) = (ball(1.0), ball(0.6), ball(8.0));
            let attitude = SVector::from([1.0, tilt[0], tilt[1], tilt[2]]).normalize();
            let state: SVector<f64, 10> =
                SVector::from_iterator(position.iter().chain(&attitude).chain(&velocity).copied());
            let gates = [ball(6.0), ball(12.0)];
            observations.extend(observe(&state, &gates));
            states.push(state);
            let draw = |i: usize, _| MAGNITUDE[i] * random.random_range(if i == 0 { 0.0..1.0 } else { -1.0..1.0 });
            actions.push(SVector::from_fn(draw));
        }
        Self { states, observations: DMatrix::from_vec(OBSERVED, count, observations), actions }
    }

    pub(super) fn len(&self) -> usize {
        self.states.len()
    }

    /// The first of them.
    pub(super) fn first(&self, count: usize) -> Self {
        Self {
            states: self.states[..count].to_vec(),
            observations: self.observations.columns(0, count).into_owned(),
            actions: self.actions[..count].to_vec(),
        }
    }

    /// The problems with these weights, a column for each.
    pub(super) fn problems(&self, weights: &DMatrix<f64>) -> Vec<Problem> {
        let horizon = weights.nrows() / WEIGHTS;
        let problem = |(state, weights): (&SVector<f64, 10>, &[f64])| {
            let mut stages: Vec<SVector<f64, WEIGHTS>> =
                weights.chunks_exact(WEIGHTS).map(SVector::from_column_slice).collect();
            // The end of the horizon has no cost, so any numbers serve.
            stages.push(SVector::zeros());
            Problem::new(*state, [GRAVITY], horizon).with_controls(&vec![HOVER; horizon]).with_stage_params(&stages)
        };
        self.states.iter().zip(weights.as_slice().chunks_exact(weights.nrows())).map(problem).collect()
    }
}

/// Velocity, the rotation matrix and, in the world, the ways to the corners of two gates, over 10 m/s and 10 m.
fn observe(x: &SVector<f64, 10>, gates: &[Vector3<f64>; 2]) -> Vec<f64> {
    let position = x.fixed_rows::<3>(0);
    let [w, i, j, k] = [x[3], x[4], x[5], x[6]];
    let rotation = [
        [1.0 - 2.0 * (j * j + k * k), 2.0 * (i * j - w * k), 2.0 * (i * k + w * j)],
        [2.0 * (i * j + w * k), 1.0 - 2.0 * (i * i + k * k), 2.0 * (j * k - w * i)],
        [2.0 * (i * k - w * j), 2.0 * (j * k + w * i), 1.0 - 2.0 * (i * i + j * j)],
    ];
    let mut seen: Vec<f64> = x.rows(7, 3).iter().map(|v| v / 10.0).collect();
    seen.extend(rotation.iter().flatten());
    for gate in gates {
        // Gates of 1.5 m that face along the first axis.
        for [y, z] in [[-0.75, -0.75], [-0.75, 0.75], [0.75, -0.75], [0.75, 0.75]] {
            seen.extend(((gate + Vector3::new(0.0, y, z)) - position).iter().map(|way| way / 10.0));
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Failure;
    use dilqr_runtime::nalgebra::{Quaternion, UnitQuaternion};
    use rand::SeedableRng;

    /// A step beside the library's rotations.
    #[test]
    fn a_step() {
        let mut random = StdRng::seed_from_u64(2);
        let flights = Flights::draw(20, &mut random);
        for (x, u) in flights.states.iter().zip(&flights.actions) {
            let attitude = UnitQuaternion::from_quaternion(Quaternion::new(x[3], x[4], x[5], x[6]));
            let turned = attitude * UnitQuaternion::from_scaled_axis(0.02 * u.fixed_rows::<3>(1));
            let push = attitude * Vector3::new(0.0, 0.0, u[0]) - Vector3::new(0.0, 0.0, GRAVITY);
            let velocity = x.fixed_rows::<3>(7) + 0.02 * push;
            let next: SVector<f64, 10> =
                quadrotor::dynamics((*x).into(), (*u).into(), quadrotor::Params { gravity: GRAVITY }).into();
            let w = turned.quaternion();
            let expected = [w.w, w.i, w.j, w.k];
            // The series end at 5e-12.
            for k in 0..4 {
                assert!((next[3 + k] - expected[k]).abs() < 1e-11);
            }
            assert!((next.fixed_rows::<3>(7) - velocity).amax() < 1e-13);
            assert!((next.fixed_rows::<3>(0) - x.fixed_rows::<3>(0) - 0.02 * x.fixed_rows::<3>(7)).amax() < 1e-15);
        }
    }

    /// The observation has the documented parts.
    #[test]
    fn an_observation() -> Result<(), Failure> {
        let x: SVector<f64, 10> = SVector::from([1.0, 2.0, 3.0, 1.0, 0.0, 0.0, 0.0, 4.0, 5.0, 6.0]);
        let gates = [Vector3::new(2.0, 2.0, 3.0), Vector3::new(1.0, 3.0, 3.0)];
        let seen = observe(&x, &gates);
        assert_eq!(seen.len(), OBSERVED);
        assert_eq!(seen[..12], [0.4, 0.5, 0.6, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
        // The mean of a gate's corners is its center.
        for (gate, corners) in gates.iter().zip(seen[12..].chunks_exact(12)) {
            let mean = corners.chunks_exact(3).map(Vector3::from_column_slice).sum::<Vector3<f64>>() / 4.0;
            assert!((mean * 10.0 - (gate - x.fixed_rows::<3>(0))).amax() < 1e-14);
        }
        Ok(())
    }
}
