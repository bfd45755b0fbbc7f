//! What to solve: initial state, parameters, horizon and the first guess.

use alloc::sync::Arc;
use alloc::vec::Vec;
use nalgebra::SVector;

use crate::error::{Input, InputError, Position, SolveError, check_finite, check_length, check_vector};
use crate::guess::{Feedback, Guess};
use crate::intervals::check_intervals;
use crate::lifted_data::LiftedData;
use crate::model::Model;
use crate::model::limits::Limits;
use crate::multipliers::Multipliers;
use crate::ocp::rollout::Simulation;

/// An instance of a model's problem: `x_0`, `p`, `s_t`, the horizon `T`, and the controls to start from.
///
/// ```
/// use dilqr_runtime::{Ilqr, Problem, Settings};
/// # use dilqr_runtime::model::{Stage, Terminal};
/// # use dilqr_runtime::nalgebra::SVector;
/// # use dilqr_runtime::{Model, Scalar};
/// /// A point on a line: `x+ = (x_0 + 0.1 x_1, x_1 + 0.1 u)`. Its parameter is the price of pushing.
/// #[derive(Clone, Copy)]
/// struct Point;
/// # impl Model<2, 1, 1> for Point {
/// #     fn dynamics<S: Scalar>(&self, Stage { x, u, .. }: Stage<'_, S, 2, 1, 1>, next: &mut SVector<S, 2>) {
/// #         next[0] = x[0] + S::from_f64(0.1) * x[1];
/// #         next[1] = x[1] + S::from_f64(0.1) * u[0];
/// #     }
/// #     fn stage_cost<S: Scalar>(&self, Stage { x, u, p, .. }: Stage<'_, S, 2, 1, 1>) -> S {
/// #         x[0] * x[0] + x[1] * x[1] + p[0] * u[0] * u[0]
/// #     }
/// #     fn terminal_cost<S: Scalar>(&self, Terminal { x, .. }: Terminal<'_, S, 2, 1>) -> S {
/// #         S::from_f64(10.0) * (x[0] * x[0] + x[1] * x[1])
/// #     }
/// # }
///
/// // From (1, 0) with p = 0.1, over 20 stages; from controls of zero, from a list, or under a feedback law.
/// let problem = Problem::new([1.0, 0.0], [0.1], 20);
/// let listed = problem.clone().with_controls(&[[-0.5]; 20]);
/// let stabilized = problem.clone().with_policy(&Point, |_, x| [-x[0] - x[1]]);
///
/// let mut solver = Ilqr::new(Point, 20, Settings::default())?;
/// let solution = solver.solve(&problem)?;
/// for other in [listed, stabilized] {
///     assert!((solver.solve(&other)?.cost - solution.cost).abs() < 1e-9);
/// }
///
/// // A neighboring problem starts from the solution: its trajectory, feedback and multipliers.
/// let neighbor = Problem::new([1.1, 0.0], [0.1], 20).with_warm_start(&Point, &solution);
/// assert!(solver.solve(&neighbor)?.status.is_converged());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// With the feature `serde` a problem can be written and read. A policy is code: writing a problem with one is an error.
///
/// Builders check nothing; [`Ilqr::solve`](crate::Ilqr::solve) returns the errors.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem<const NX: usize, const NU: usize, const NP: usize, const NS: usize = 0, const ND: usize = 0> {
    pub(crate) x0: SVector<f64, NX>,
    pub(crate) params: SVector<f64, NP>,
    horizon: usize,
    pub(crate) guess: Guess<NX, NU>,
    pub(crate) stage_params: Vec<SVector<f64, NS>>,
    pub(crate) multipliers: Option<Multipliers>,
    /// Guesses of the states, `T + 1` of them, if they were given.
    pub(crate) states: Option<Vec<SVector<f64, NX>>>,
    /// The guess of the design variables.
    pub(crate) design: SVector<f64, ND>,
    /// The control before the first stage.
    pub(crate) previous: Option<SVector<f64, NU>>,
    /// Of the solution that a warm start of a lifted model was given.
    pub(crate) lifted: Option<Arc<LiftedData>>,
}

impl<const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize> Problem<NX, NU, NP, NS, ND> {
    /// A problem that starts from zero controls. `x0` and `params` may be the model's structs, arrays or vectors. Where the
    /// solve chooses the initial state, `x0` is a guess.
    #[must_use]
    pub fn new(x0: impl Into<SVector<f64, NX>>, params: impl Into<SVector<f64, NP>>, horizon: usize) -> Self {
        Self {
            x0: x0.into(),
            params: params.into(),
            horizon,
            guess: Guess::Zeros,
            stage_params: Vec::new(),
            multipliers: None,
            states: None,
            design: SVector::zeros(),
            previous: None,
            lifted: None,
        }
    }

    /// Starts from these controls, `T` of them.
    #[must_use]
    pub fn with_controls<C: Copy + Into<SVector<f64, NU>>>(mut self, controls: &[C]) -> Self {
        self.guess = Guess::Controls(controls.iter().map(|&u| u.into()).collect());
        self
    }

    /// Starts from these states, `T + 1` of them, which need not satisfy the dynamics; the first one counts as `x_0`. The
    /// controls are those of the other builders, zeros without one. [`Method::InteriorPoint`](crate::Method) and
    /// [`Method::Auto`](crate::Method) begin there; other methods roll the controls out.
    ///
    /// ```
    /// use dilqr_runtime::{Ilqr, Model, Problem, Scalar, Settings, Status};
    /// # use dilqr_runtime::model::{Stage, Terminal};
    /// # use dilqr_runtime::nalgebra::SVector;
    /// /// An unstable plant, `x+ = 3 x + u`, which a rollout of zero controls leaves fast.
    /// struct Unstable;
    /// # impl Model<1, 1, 0> for Unstable {
    /// #     fn dynamics<S: Scalar>(&self, at: Stage<'_, S, 1, 1, 0>, next: &mut SVector<S, 1>) {
    /// #         next[0] = S::from_f64(3.0) * at.x[0] + at.u[0];
    /// #     }
    /// #     fn stage_cost<S: Scalar>(&self, at: Stage<'_, S, 1, 1, 0>) -> S {
    /// #         at.x[0] * at.x[0] + at.u[0] * at.u[0]
    /// #     }
    /// #     fn terminal_cost<S: Scalar>(&self, at: Terminal<'_, S, 1, 0>) -> S {
    /// #         at.x[0] * at.x[0]
    /// #     }
    /// # }
    /// let states: Vec<[f64; 1]> = (0..=30).map(|t| [0.3_f64.powi(t)]).collect();
    /// let mut solver = Ilqr::new(Unstable, 30, Settings::default())?;
    /// let solution = solver.solve(&Problem::new([1.0], [], 30).with_states(&states))?;
    /// assert_eq!(solution.status, Status::Converged);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_states<C: Copy + Into<SVector<f64, NX>>>(mut self, states: &[C]) -> Self {
        self.states = Some(states.iter().map(|&x| x.into()).collect());
        self
    }

    /// Starts from these design variables, `ND`; zeros without it. Bounds of the design need not hold for the guess.
    ///
    /// ```
    /// # #[cfg(feature = "symbolica")] {
    /// use dilqr_runtime::{Ilqr, LossGradient, Problem, Settings, Status};
    ///
    /// /// A cart that is pushed to the place 1 and comes to rest there, soon and gently.
    /// #[dilqr_runtime::model(integrator = rk4, dt = d.total / 20.0)]
    /// pub mod cart {
    ///     pub struct State { pub place: f64, pub speed: f64 }
    ///     pub struct Control { pub push: f64 }
    ///     pub struct Params { pub price: f64 }
    ///     pub struct Design { #[bounds(0.1, None)] pub total: f64 }
    ///     pub fn derivative(x: State, u: Control, _p: Params) -> State {
    ///         State { place: x.speed, speed: u.push }
    ///     }
    ///     pub fn running_cost(_x: State, u: Control, p: Params) -> f64 { p.price * u.push * u.push }
    ///     pub fn terminal_cost(_x: State, _p: Params, d: Design) -> f64 { d.total }
    ///     pub fn terminal_equalities(x: State, _p: Params) -> [f64; 2] { [x.place - 1.0, x.speed] }
    /// }
    ///
    /// let mut solver = Ilqr::new(cart::Cart, 20, Settings::default())?;
    /// let solution = solver.solve(&Problem::new([0.0, 0.0], [0.2], 20).with_design([2.0]))?;
    /// assert_eq!(solution.status, Status::Converged);
    ///
    /// // In continuous time the cost is 12 p / d^3 + d, and least at d^4 = 36 p. (Pushes that are constant along a stage
    /// // take 1 / (1 - 1 / 20^2) times that force.)
    /// let scale = 36.0 / (1.0 - 1.0 / 400.0);
    /// assert!((solution.design[0].powi(4) - scale * 0.2).abs() < 1e-6);
    ///
    /// let mut loss = LossGradient::zeros(20);
    /// loss.design[0] = 1.0;
    /// let gradient = solver.vjp(&solution, &loss)?; // d = (c p)^(1/4)
    /// assert!((gradient.params[0] - solution.design[0] / (4.0 * 0.2)).abs() < 1e-6);
    /// assert!((solver.jacobian(&solution)?.design[(0, 0)] - gradient.params[0]).abs() < 1e-9);
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_design(mut self, design: impl Into<SVector<f64, ND>>) -> Self {
        self.design = design.into();
        self
    }

    /// The control of the stage before the first one, `NU`, for models that read the previous control or bound its rate. They
    /// need it; for other models it is an error.
    #[must_use]
    pub fn with_previous(mut self, previous: impl Into<SVector<f64, NU>>) -> Self {
        self.previous = Some(previous.into());
        self
    }

    /// Stage parameters `s_0 .. s_T`, `T + 1` of them, for models that have some.
    #[must_use]
    pub fn with_stage_params<C: Copy + Into<SVector<f64, NS>>>(mut self, stage_params: &[C]) -> Self {
        self.stage_params = stage_params.iter().map(|&s| s.into()).collect();
        self
    }

    /// The multipliers to start from.
    pub(crate) fn multipliers(&self) -> Option<&Multipliers> {
        self.multipliers.as_ref()
    }

    /// The initial state, `NX`.
    #[must_use]
    pub fn x0(&self) -> &SVector<f64, NX> {
        &self.x0
    }

    /// The parameters, `NP`.
    #[must_use]
    pub fn params(&self) -> &SVector<f64, NP> {
        &self.params
    }

    /// `T`, the number of controls.
    #[must_use]
    pub fn horizon(&self) -> usize {
        self.horizon
    }

    /// The stage parameters as they were given; empty for models without.
    #[must_use]
    pub fn stage_params(&self) -> &[SVector<f64, NS>] {
        &self.stage_params
    }

    /// The controls to start from, as they were given to [`with_controls`](Problem::with_controls). `None` for a problem
    /// that starts from zeros, or from a rollout under a policy, which the solve makes.
    #[must_use]
    pub fn controls(&self) -> Option<&[SVector<f64, NU>]> {
        match &self.guess {
            Guess::Controls(controls) => Some(controls),
            Guess::Zeros | Guess::Policy(_) | Guess::Feedback(_) | Guess::Rollout { .. } => None,
        }
    }

    /// The states to start from; empty where none were given.
    pub(crate) fn states(&self) -> &[SVector<f64, NX>] {
        self.states.as_deref().unwrap_or(&[])
    }

    pub(crate) fn guess(&self) -> &Guess<NX, NU> {
        &self.guess
    }

    /// The guess of the design variables, `ND`.
    #[must_use]
    pub fn design(&self) -> &SVector<f64, ND> {
        &self.design
    }

    /// The control before the first stage, `NU`, if it was given.
    #[must_use]
    pub fn previous(&self) -> Option<&SVector<f64, NU>> {
        self.previous.as_ref()
    }

    /// Lengths and numbers of everything that a problem is given by, for a solver made for `horizon`. `previous` says whether
    /// the model reads the previous control; `limits` are those of the model that is solved.
    pub(crate) fn check_data(&self, horizon: usize, previous: bool, limits: &Limits) -> Result<(), SolveError> {
        if self.horizon != horizon {
            return Err(SolveError::Horizon { given: self.horizon, expected: horizon });
        }
        check_vector(Input::InitialState, self.x0.as_slice())?;
        check_data((Input::Params, None), self.params.as_slice(), limits.open_params)?;
        if NS > 0 {
            check_length(Input::StageParams, self.stage_params.len(), horizon + 1)?;
            for (t, s) in self.stage_params.iter().enumerate() {
                check_data((Input::StageParams, Some(t)), s.as_slice(), limits.open_stage_params)?;
            }
        }
        check_vector(Input::Design, self.design.as_slice())?;
        match &self.previous {
            Some(_) if !previous => return Err(InputError::PreviousUnused.into()),
            None if previous => return Err(InputError::PreviousMissing.into()),
            Some(given) => check_vector(Input::Previous, given.as_slice())?,
            None => {}
        }
        self.guess.check(horizon)?;
        if let Some(states) = &self.states {
            check_length(Input::States, states.len(), horizon + 1)?;
            check_finite(Input::States, states.iter().map(|x| x.as_slice()))?;
        }
        Ok(())
    }
}

impl<const NX: usize, const NU: usize, const NP: usize, const NS: usize> Problem<NX, NU, NP, NS> {
    /// Everything that must hold before a solver made for `horizon` may look at the numbers. `memory` is that of
    /// [`check_limits`](Self::check_limits).
    pub(crate) fn check<M>(&self, model: &M, horizon: usize, memory: &mut [f64]) -> Result<(), SolveError>
    where
        M: Model<NX, NU, NP, NS>,
    {
        self.check_data(horizon, false, const { &M::LIMITS })?;
        self.check_limits(model, horizon, memory)
    }

    /// The initial state to start from: the given one, with the chosen entries of the guess.
    pub(crate) fn first_state<M>(&self) -> SVector<f64, NX>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let guess = match (self.states().first(), &self.guess) {
            (Some(first), _) => first,
            (None, Guess::Feedback(Feedback { states, .. })) => states.first().unwrap_or(&self.x0),
            _ => &self.x0,
        };
        SVector::from_fn(|i, _| if M::START.free[i] { guess[i] } else { self.x0[i] })
    }

    /// What must hold for the limits of a model: the lengths of multipliers, and bounds that have a point between them. `memory`
    /// has room for the constraints of a stage, of the initial or of the terminal state.
    pub(crate) fn check_limits<M>(&self, model: &M, horizon: usize, memory: &mut [f64]) -> Result<(), SolveError>
    where
        M: Model<NX, NU, NP, NS>,
    {
        if let Some(multipliers) = &self.multipliers {
            multipliers.check_lengths(horizon, const { &M::LIMITS })?;
            multipliers.check_finite().map_err(InputError::of_warm_start)?;
        }
        check_intervals(model, (&self.params, &self.stage_params), horizon, memory)
    }

    /// Writes the first controls, and the states where the guess has some. True for the latter. The problem has passed its
    /// check; both lists have the right lengths.
    ///
    /// # Errors
    /// [`InputError::NonFinite`] for a control that a policy gives at a state that is finite.
    pub(crate) fn write_guess<M>(
        &self,
        model: &M,
        controls: &mut [SVector<f64, NU>],
        states: &mut [SVector<f64, NX>],
    ) -> Result<bool, InputError>
    where
        M: Model<NX, NU, NP, NS>,
    {
        match self.guess() {
            Guess::Zeros => {
                controls.fill(SVector::zeros());
                Ok(false)
            }
            Guess::Controls(given) => {
                controls.copy_from_slice(given);
                Ok(false)
            }
            Guess::Rollout { controls: given, states: through } => {
                controls.copy_from_slice(given);
                states.copy_from_slice(through);
                Ok(true)
            }
            Guess::Policy(policy) => {
                self.roll_out(model, &|t, x| policy.control(t, x), controls, states).map(|()| true)
            }
            Guess::Feedback(Feedback { states: xs, controls: us, gains }) => {
                let law = |t: usize, x: &SVector<f64, NX>| us[t] + gains[t] * (x - xs[t]);
                self.roll_out(model, &law, controls, states).map(|()| true).map_err(InputError::of_warm_start)
            }
        }
    }

    /// Rolls the model out under a law.
    fn roll_out<M>(
        &self,
        model: &M,
        law: &dyn Fn(usize, &SVector<f64, NX>) -> SVector<f64, NU>,
        controls: &mut [SVector<f64, NU>],
        states: &mut [SVector<f64, NX>],
    ) -> Result<(), InputError>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let mut fault = None;
        let control = |t: usize, x: &SVector<f64, NX>, u: &mut SVector<f64, NU>| {
            *u = law(t, x);
            // A rollout that leaves the finite numbers is an outcome of the model. Only a law that does so at a finite
            // state is at fault.
            if let Some(entry) = u.iter().position(|value| !value.is_finite())
                && x.iter().all(|value| value.is_finite())
            {
                let position = Position { stage: Some(t), entry };
                fault.get_or_insert(InputError::NonFinite { input: Input::Controls, position, given: u[entry] });
            }
        };
        let Self { params, stage_params, .. } = self;
        let x0 = &self.first_state::<M>();
        Simulation { model, x0, params, stage_params }.run(control, |_, _| None, (states, controls));
        fault.map_or(Ok(()), Err)
    }
}

/// Checks that parameters are numbers, and finite but for the entries in `open`.
fn check_data((input, stage): (Input, Option<usize>), vector: &[f64], open: &[usize]) -> Result<(), InputError> {
    let bad = |&(entry, value): &(usize, &f64)| value.is_nan() || value.is_infinite() && !open.contains(&entry);
    match vector.iter().enumerate().find(bad) {
        Some((entry, &given)) => Err(InputError::NonFinite { input, position: Position { stage, entry }, given }),
        None => Ok(()),
    }
}
