//! The strength of the noise from measurements alone: an estimator predicts the next measurement.

use std::error::Error;

use dilqr_models::cartpole_estimator::{CartpoleEstimator, DT, Params, StageParams, State};
use dilqr_runtime::{LossGradient, Mhe, Settings};

/// Controls of a window.
pub(crate) const WINDOW: usize = 15;
/// Estimates after the first of a window that predict nothing yet: the rates are not known.
const SETTLING: usize = 3;

/// Measurements of a full window, and the next one.
pub(crate) type Window<'a> = &'a [StageParams];

/// The first windows of a run, one after the other.
pub(crate) fn windows(measured: &[StageParams], most: usize) -> Vec<Window<'_>> {
    measured.chunks_exact(WINDOW + 2).take(most).collect()
}

/// Gradient descent from these parameters, of this many steps at most. Returns the loss, too.
pub(crate) fn learn(mut params: Params, windows: &[Window<'_>], steps: usize) -> Result<(Params, f64), Box<dyn Error>> {
    let (mut loss, mut slope) = evaluate(&params, windows)?;
    let mut rate = 1.0;
    for _ in 0..steps {
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

/// The loss and its slope in the logarithms of the process noise. The loss is the mean over the predictions of the squared errors of
/// predicted position and angle, in variances of the sensors.
///
/// An estimator starts anew in every window, whose measurements it keeps all. So its arrival cost is that of the parameters, and
/// the gradient of its estimates is that of the whole loss.
pub(crate) fn evaluate(params: &Params, windows: &[Window<'_>]) -> Result<(f64, [f64; 2]), Box<dyn Error>> {
    let settings = Settings { tolerance: 1e-11, ..Settings::default() };
    let (mut loss, mut slope, mut count) = (0.0, [0.0; 2], 0.0);
    for window in windows {
        let mut mhe = Mhe::new(CartpoleEstimator, *params, WINDOW, settings)?;
        for (t, pair) in window.windows(2).enumerate() {
            let estimate = mhe.step(&pair[0])?;
            if !estimate.status.is_converged() {
                return Err(format!("not solved: {}", estimate.status).into());
            }
            if t <= SETTLING {
                continue;
            }
            // One Euler step ahead of the newest state.
            let (x, next) = (State::from(estimate.state), pair[1]);
            let position = (x.position + DT * x.velocity - next.position) / params.sensors[0];
            let angle = (x.angle + DT * x.angular_velocity - next.angle) / params.sensors[1];
            loss += position.powi(2) + angle.powi(2);
            count += 1.0;
            let (position, angle) = (2.0 * position / params.sensors[0], 2.0 * angle / params.sensors[1]);
            let mut of_window = LossGradient::zeros(t);
            of_window.states[t] = [position, DT * position, angle, DT * angle].into();
            let gradient = Params::from(mhe.vjp(&of_window)?.params);
            for j in 0..2 {
                slope[j] += gradient.process[j] * params.process[j];
            }
        }
    }
    Ok((loss / count, slope.map(|entry| entry / count)))
}
