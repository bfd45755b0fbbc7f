//! Imitation through the solver: the controls of the learner's problem are fitted to the expert's.
//!
//! During learning, a problem is solved from its last solution. The first solve, and one after a failure, start from
//! the demonstrated controls, and if that fails from zero controls. Every some epochs, all start from the demonstrated
//! controls. The result is evaluated like the expert: by solves from zero controls.

use std::time::Instant;

use dilqr_runtime::nalgebra::{SMatrix, SVector};
use dilqr_runtime::{Differentiation, Model};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use crate::Failure;
use crate::optimizer::{Choice, Optimizer};
use crate::pupil::{Pupil, Refusals};
use crate::system::{Demonstrations, System};
use crate::unknowns::Unknowns;

/// Demonstrations in one step of a first-order method.
pub(crate) const BATCH: usize = 32;

/// A loss that counts as zero: learning ends there.
pub(crate) const ENOUGH: f64 = 1e-12;

/// Epochs after which problems are solved from the demonstrated controls again.
const AFRESH: usize = 20;

/// Learning ends if the loss has not fallen by a hundredth in this many epochs.
pub(crate) const PATIENCE: usize = 200;

/// The next relaxation begins if the loss has not fallen by a hundredth in this many steps.
const SLOW: usize = 10;

/// The sequence of relaxations, in units of the cost. A control at an active bound does not depend on the parameters,
/// so the loss has kinks and flat regions. The loss of a relaxed problem is smooth, and its minimum starts the next,
/// smaller one.
const RELAXATIONS: [f64; 5] = [1.0, 1e-1, 1e-2, 1e-3, 1e-4];

/// The loss at which the time is recorded.
const MILESTONE: f64 = 1e-6;

/// The reason for the end of learning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The loss counts as zero.
    Learned,
    /// All epochs were used.
    Epochs,
    /// The loss no longer fell.
    Plateau,
    /// No problem of a batch had a gradient.
    Stuck,
}

impl End {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Learned => "learned",
            Self::Epochs => "epochs",
            Self::Plateau => "plateau",
            Self::Stuck => "stuck",
        }
    }
}

/// The result of learning.
#[derive(Clone, Debug)]
pub(crate) struct Outcome<const NP: usize> {
    pub(crate) end: End,
    /// Epochs, or trial steps of Gauss-Newton.
    pub(crate) epochs: usize,
    /// The parameters of the epoch with the lowest loss on the validation trajectories.
    pub(crate) params: SVector<f64, NP>,
    /// Whether a parameter of the dynamics was ever not positive.
    pub(crate) negative: bool,
    pub(crate) refusals: Refusals,
    /// Wall time of learning \[s\], without that of validation.
    pub(crate) seconds: f64,
    /// Wall time to a training loss of 1e-6 \[s\], where one was reached.
    pub(crate) seconds_to_milestone: Option<f64>,
    /// Training loss of every epoch.
    pub(crate) curve: Vec<f64>,
}

/// The settings of learning.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lesson {
    pub(crate) optimizer: Choice,
    pub(crate) differentiation: Differentiation,
    pub(crate) epochs: usize,
    /// Seed of the order of batches.
    pub(crate) seed: u64,
}

/// Tracks the best parameters, the time and the stopping conditions.
struct Progress<const NP: usize> {
    begin: Instant,
    /// Time that was spent on validation \[s\].
    aside: f64,
    best: (f64, SVector<f64, NP>),
    /// Lowest training loss that counted as progress, and its epoch.
    low: (f64, usize),
    negative: bool,
    milestone: Option<f64>,
    curve: Vec<f64>,
}

impl<const NP: usize> Progress<NP> {
    fn new(params: SVector<f64, NP>) -> Self {
        Self {
            begin: Instant::now(),
            aside: 0.0,
            best: (f64::INFINITY, params),
            low: (f64::INFINITY, 0),
            negative: false,
            milestone: None,
            curve: Vec::new(),
        }
    }

    fn seconds(&self) -> f64 {
        self.begin.elapsed().as_secs_f64() - self.aside
    }

    /// Records the training loss of an epoch and its parameters. Returns whether to end.
    fn note(&mut self, loss: f64, params: &SVector<f64, NP>, validate: impl FnOnce() -> Option<f64>) -> Option<End> {
        self.curve.push(loss);
        if loss <= MILESTONE && self.milestone.is_none() {
            self.milestone = Some(self.seconds());
        }
        let clock = Instant::now();
        if let Some(validation) = validate()
            && validation < self.best.0
        {
            self.best = (validation, *params);
        }
        self.aside += clock.elapsed().as_secs_f64();
        let epoch = self.curve.len();
        if loss < 0.99 * self.low.0 {
            self.low = (loss, epoch);
        }
        match loss {
            _ if loss <= ENOUGH => {
                // On the training set it equals the expert.
                self.best.1 = *params;
                Some(End::Learned)
            }
            _ if epoch - self.low.1 >= PATIENCE => Some(End::Plateau),
            _ => None,
        }
    }

    fn outcome(self, end: End, refusals: Refusals) -> Outcome<NP> {
        Outcome {
            end,
            epochs: self.curve.len(),
            params: self.best.1,
            negative: self.negative,
            refusals,
            seconds: self.seconds(),
            seconds_to_milestone: self.milestone,
            curve: self.curve,
        }
    }
}

/// Learns from the first `count` demonstrations.
pub(crate) fn learn<M, const NX: usize, const NP: usize>(
    system: &System<M, NX, NP>,
    demonstrations: &Demonstrations<NX, NP>,
    count: usize,
    unknowns: &Unknowns<NP>,
    lesson: Lesson,
) -> Result<Outcome<NP>, Failure>
where
    M: Model<NX, 1, NP> + Copy,
{
    let mut pupil = Pupil::new(system, &demonstrations.train[..count])?;
    let mut examiner = Pupil::new(system, &demonstrations.validation)?;
    let mut progress = Progress::new(unknowns.params(&unknowns.start));
    let mut theta = unknowns.start;
    let end = by_gradients(&mut pupil, &mut examiner, unknowns, lesson, &mut theta, &mut progress);
    if lesson.optimizer == Choice::RelaxedGaussNewton {
        for relaxation in RELAXATIONS {
            pupil.relax(Some(relaxation))?;
            descend(&mut pupil, None, unknowns, lesson.epochs, &mut theta, &mut progress);
        }
    }
    let end = match end {
        Some(end) if end == End::Learned || lesson.optimizer != Choice::AdamGaussNewton => end,
        _ => {
            pupil.relax(None)?;
            descend(&mut pupil, Some(&mut examiner), unknowns, lesson.epochs, &mut theta, &mut progress)
        }
    };
    Ok(progress.outcome(end, pupil.refusals))
}

fn positive<M, const NX: usize, const NP: usize>(params: &SVector<f64, NP>) -> bool
where
    M: Model<NX, 1, NP> + Copy,
{
    params.rows(0, System::<M, NX, NP>::DYNAMICS).iter().all(|&p| p > 0.0)
}

/// Gradient steps on batches; none for a lesson without an optimizer of gradients.
fn by_gradients<M, const NX: usize, const NP: usize>(
    pupil: &mut Pupil<'_, M, NX, NP>,
    examiner: &mut Pupil<'_, M, NX, NP>,
    unknowns: &Unknowns<NP>,
    lesson: Lesson,
    theta: &mut SVector<f64, NP>,
    progress: &mut Progress<NP>,
) -> Option<End>
where
    M: Model<NX, 1, NP> + Copy,
{
    let mut optimizer = Optimizer::<NP>::new(lesson.optimizer)?;
    // Gauss-Newton steps, if any, follow after half of the epochs.
    let epochs = if lesson.optimizer == Choice::AdamGaussNewton { lesson.epochs / 2 } else { lesson.epochs };
    let mut random = StdRng::seed_from_u64(lesson.seed);
    let mut order: Vec<usize> = (0..pupil.demonstrations.len()).collect();
    for epoch in 0..epochs {
        order.shuffle(&mut random);
        if epoch % AFRESH == 0 {
            pupil.forget();
        }
        let done = epoch as f64 / epochs as f64;
        let before = unknowns.params(theta);
        let (mut sum, mut count) = (0.0, 0);
        for batch in order.chunks(BATCH) {
            let params = unknowns.params(theta);
            let Some((loss, gradient)) = pupil.gradient(&params, batch, lesson.differentiation) else {
                progress.curve.push(f64::NAN);
                return Some(End::Stuck);
            };
            sum += loss * batch.len() as f64;
            count += batch.len();
            let gradient = unknowns.pull_back(theta, &gradient);
            optimizer.step(theta, &gradient, done);
            progress.negative |= !positive::<M, NX, NP>(&unknowns.params(theta));
        }
        if let Some(end) = progress.note(sum / count as f64, &before, || examiner.loss(&before)) {
            return Some(end);
        }
    }
    Some(End::Epochs)
}

/// Gauss-Newton steps from `theta` on the Jacobian of all controls, damped after Levenberg and Marquardt. Without an
/// examiner the problems are still relaxed, and steps end when progress is slow.
fn descend<M, const NX: usize, const NP: usize>(
    pupil: &mut Pupil<'_, M, NX, NP>,
    mut examiner: Option<&mut Pupil<'_, M, NX, NP>>,
    unknowns: &Unknowns<NP>,
    epochs: usize,
    theta: &mut SVector<f64, NP>,
    progress: &mut Progress<NP>,
) -> End
where
    M: Model<NX, 1, NP> + Copy,
{
    let mut params = unknowns.params(theta);
    let Some(mut loss) = pupil.loss(&params) else { return End::Stuck };
    let Some(mut equations) = pupil.normal_equations(unknowns, theta) else { return End::Stuck };
    // Largest curvature so far in each direction (Moré 1978). If the influence of a parameter vanishes, as at the ends
    // of a sigmoid, the last curvature alone would allow unbounded steps.
    let mut scale = SVector::<f64, NP>::zeros();
    let mut damping = 1e-3;
    let mut low = (loss, 0);
    // Progress is counted anew for these steps.
    progress.low = (f64::INFINITY, progress.curve.len());
    for step in 0.. {
        match &mut examiner {
            Some(examiner) => {
                if let Some(end) = progress.note(loss, &params, || examiner.loss(&params)) {
                    return end;
                }
            }
            None => progress.curve.push(f64::NAN),
        }
        if loss < 0.99 * low.0 {
            low = (loss, step);
        }
        if examiner.is_none() && (loss <= ENOUGH || step - low.1 > SLOW) {
            return End::Plateau;
        }
        if progress.curve.len() >= epochs {
            return End::Epochs;
        }
        if step % AFRESH == AFRESH - 1 {
            let kept = pupil.last.clone();
            pupil.forget();
            let other = pupil.loss(&params).filter(|&other| other < loss);
            match other.and_then(|other| Some((other, pupil.normal_equations(unknowns, theta)?))) {
                Some(better) => (loss, equations) = better,
                None => pupil.last = kept,
            }
        }
        let (matrix, vector) = &equations;
        // Parameters that are not learned, or that the controls do not depend on, have rows of zeros and do not change.
        let largest = matrix.diagonal().amax().max(f64::MIN_POSITIVE);
        scale = scale.sup(&matrix.diagonal().map(|entry| entry.max(1e-12 * largest)));
        let step = (matrix + SMatrix::from_diagonal(&(scale * damping))).cholesky().map(|f| f.solve(&-vector));
        let kept = pupil.last.clone();
        let better = step.map(|step| *theta + step).and_then(|theta| {
            let params = unknowns.params(&theta);
            let loss = pupil.loss(&params).filter(|&trial| trial < loss)?;
            Some((theta, params, loss, pupil.normal_equations(unknowns, &theta)?))
        });
        match better {
            Some(better) => {
                (*theta, params, loss, equations) = better;
                progress.negative |= !positive::<M, NX, NP>(&params);
                damping = f64::max(damping / 10.0, 1e-15);
            }
            None => {
                pupil.last = kept;
                damping *= 10.0;
                if damping > 1e12 {
                    return End::Plateau;
                }
            }
        }
    }
    End::Epochs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pupil::judge;
    use crate::system::cartpole;
    use crate::unknowns::Mode;

    /// Learning finds the expert to the last digits, also judged by solves from zero controls.
    #[test]
    fn the_expert_is_found() -> Result<(), Failure> {
        let system = cartpole();
        let demonstrations = system.demonstrate(0, 10, 4)?;
        let unknowns = Unknowns::new(&system, Mode::Dynamics, true)?;
        let lesson =
            Lesson { optimizer: Choice::GaussNewton, differentiation: Differentiation::Implicit, epochs: 100, seed: 0 };
        let outcome = learn(&system, &demonstrations, 10, &unknowns, lesson)?;
        assert_eq!((outcome.end, outcome.negative), (End::Learned, false));
        assert!(unknowns.error(&outcome.params, &system.expert) < 1e-10);
        assert!(outcome.seconds_to_milestone.is_some_and(|seconds| seconds > 0.0 && seconds <= outcome.seconds));
        let (loss, unsolved) = judge(&system, &demonstrations.test, &outcome.params)?;
        assert!(unsolved == 0 && loss.is_some_and(|loss| loss < 1e-10), "{loss:?}");
        // The expert has no error against itself.
        assert_eq!(judge(&system, &demonstrations.test, &system.expert)?, (Some(0.0), 0));
        Ok(())
    }

    /// Reasons to stop.
    #[test]
    fn ends() {
        let params = SVector::from([1.0]);
        let mut progress = Progress::new(params);
        assert_eq!(progress.note(1.0, &params, || Some(1.0)), None);
        assert_eq!(progress.note(1e-13, &params, || None), Some(End::Learned));
        let mut progress = Progress::new(params);
        // A fall of a thousandth an epoch is more than a hundredth in 200; after it 200 epochs without.
        let mut loss = 1.0;
        for _ in 0..300 {
            loss *= 0.999;
            assert_eq!(progress.note(loss, &params, || None), None);
        }
        let ends = (0..400).map_while(|_| progress.note(loss, &params, || None).is_none().then_some(())).count();
        assert!((PATIENCE - 12..PATIENCE).contains(&ends), "{ends}");
        // The best on validation is kept, not the last.
        let mut progress = Progress::new(params);
        for (at, validation) in [(3.0, 2.0), (4.0, 1.0), (5.0, 3.0)] {
            progress.note(1.0, &SVector::from([at]), || Some(validation));
        }
        assert_eq!(progress.outcome(End::Epochs, Refusals::default()).params, SVector::from([4.0]));
    }
}
