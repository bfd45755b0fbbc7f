//! A simulated cart-pole with noise.

use dilqr_models::cartpole_estimator::{self as estimator, Control, DT, Params, StageParams, State};

/// Measurements of a run: 20 s.
const LENGTH: usize = 401;

/// True states, and what is known of them.
pub(crate) struct Run {
    pub(crate) states: Vec<State>,
    pub(crate) measured: Vec<StageParams>,
}

/// A run from 0.3 rad off upright, balanced by a feedback.
pub(crate) fn simulate(params: Params, seed: u64) -> Run {
    let mut noise = Noise(seed);
    let mut x = State { position: 0.0, velocity: 0.0, angle: 0.3, angular_velocity: 0.0 };
    let mut run = Run { states: Vec::new(), measured: Vec::new() };
    for t in 0..LENGTH {
        // Towards a place that moves to and fro.
        let goal = 0.5 * (0.5 * t as f64 * DT).sin();
        let measured = StageParams {
            force: 2.0 * (x.position - goal) + 4.0 * x.velocity + 40.0 * x.angle + 10.0 * x.angular_velocity,
            position: x.position + params.sensors[0] * noise.draw(),
            angle: x.angle + params.sensors[1] * noise.draw(),
        };
        let [velocity, angular_velocity] = params.process.map(|deviation| deviation * noise.draw());
        run.states.push(x);
        run.measured.push(measured);
        x = estimator::dynamics(x, Control { velocity, angular_velocity }, params, measured);
    }
    run
}

/// Normal numbers with mean 0 and variance 1, the same in every run: sums of twelve uniform ones from a multiplicative
/// congruential generator (Park and Miller 1988).
struct Noise(u64);

impl Noise {
    fn draw(&mut self) -> f64 {
        let mut uniform = || {
            self.0 = self.0 * 48_271 % 2_147_483_647;
            self.0 as f64 / 2_147_483_647.0
        };
        (0..12).map(|_| uniform()).sum::<f64>() - 6.0
    }
}
