//! The strength of the noise from measurements alone: windows of measurements predict the next one.

use std::error::Error;

use dilqr_models::cartpole_estimator::{CartpoleEstimator, DT, Params, Problem, StageParams, State};
use dilqr_runtime::{LossGradient, Settings, batch};

/// Controls of a window.
pub(crate) const WINDOW: usize = 15;
/// Steps of the descent at most.
const STEPS: usize = 25;

/// A window of measurements, and the one that it predicts.
pub(crate) type Window<'a> = &'a [StageParams];

/// Windows of a run.
pub(crate) fn windows(measured: &[StageParams]) -> Vec<Window<'_>> {
    measured.windows(WINDOW + 2).collect()
}

/// Gradient descent from these parameters. Returns the loss, too.
pub(crate) fn learn(mut params: Params, windows: &[Window<'_>]) -> Result<(Params, f64), Box<dyn Error>> {
    let (mut loss, mut slope) = evaluate(&params, windows)?;
    let mut rate = 1.0;
    for _ in 0..STEPS {
        let promised = slope.iter().map(|entry| entry.powi(2)).sum::<f64>();
        // The step shrinks until the loss falls by a tenth of what its slope promises.
        let (next, new_loss, new_slope) = loop {
            let next = scaled(params, slope.map(|entry| -rate * entry));
            let (new_loss, new_slope) = evaluate(&next, windows)?;
            if new_loss <= loss - 0.1 * rate * promised {
                break (next, new_loss, new_slope);
            }
            rate /= 2.0;
            if rate * promised <= f64::EPSILON * loss {
                return Ok((params, loss));
            }
        };
        (params, loss, slope, rate) = (next, new_loss, new_slope, 2.0 * rate);
    }
    Ok((params, loss))
}

/// With the standard deviations of the process noise times `exp(shift)`.
pub(crate) fn scaled(params: Params, shift: [f64; 2]) -> Params {
    Params { process: std::array::from_fn(|i| params.process[i] * shift[i].exp()), ..params }
}

/// The loss and its slope in the logarithms of the process noise. The loss is the mean over the windows of the squared errors of
/// predicted position and angle, in variances of the sensors. Every window starts from the same mean and information.
pub(crate) fn evaluate(params: &Params, windows: &[Window<'_>]) -> Result<(f64, [f64; 2]), Box<dyn Error>> {
    let settings = Settings { tolerance: 1e-11, ..Settings::default() };
    let guess = |window: Window<'_>| [window[0].position, 0.0, window[0].angle, 0.0];
    let problems: Vec<_> = windows
        .iter()
        .map(|window| Problem::new(guess(window), *params, WINDOW).with_stage_params(&window[..=WINDOW]))
        .collect();
    // One Euler step ahead of the window's last state.
    let errors = |i: usize, x: State| {
        let next = windows[i][WINDOW + 1];
        let (position, angle) = (x.position + DT * x.velocity, x.angle + DT * x.angular_velocity);
        [(position - next.position) / params.sensors[0], (angle - next.angle) / params.sensors[1]]
    };
    let outcomes = batch::solve_and_vjp(&CartpoleEstimator, WINDOW, &settings, &problems, |i, solution| {
        let [position, angle] = errors(i, solution.states[WINDOW].into());
        let (position, angle) = (2.0 * position / params.sensors[0], 2.0 * angle / params.sensors[1]);
        let mut loss = LossGradient::zeros(WINDOW);
        loss.states[WINDOW] = [position, DT * position, angle, DT * angle].into();
        loss
    });
    let (mut loss, mut slope) = (0.0, [0.0; 2]);
    for (i, outcome) in outcomes.into_iter().enumerate() {
        let (solution, gradient) = outcome?;
        loss += errors(i, solution.states[WINDOW].into()).iter().map(|error| error.powi(2)).sum::<f64>();
        let gradient = Params::from(gradient?.params);
        for j in 0..2 {
            slope[j] += gradient.process[j] * params.process[j];
        }
    }
    let count = windows.len() as f64;
    Ok((loss / count, slope.map(|entry| entry / count)))
}
