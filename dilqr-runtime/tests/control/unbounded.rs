//! Costs without a bound, in all units, and costs with one that look alike for a while.

use dilqr_runtime::model::{Stage, Terminal};
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{Ilqr, Limits, Method, Model, Problem, Scalar, Settings, Solution, Status};

fn c<S: Scalar>(value: f64) -> S {
    S::from_f64(value)
}

/// A model in other units: `x = states x'`, `u = controls u'`, `l = cost l' + offset` with the numbers of the model.
#[derive(Clone, Copy, Debug)]
struct Units<M> {
    model: M,
    cost: f64,
    offset: f64,
    states: f64,
    controls: f64,
}

impl<M, const NX: usize, const NU: usize> Model<NX, NU, 0, 1> for Units<M>
where
    M: Model<NX, NU, 0, 1>,
{
    fn dynamics<S: Scalar>(&self, at: Stage<'_, S, NX, NU, 0, 1>, next: &mut SVector<S, NX>) {
        let (x, u) = (at.x.map(|x| x / c(self.states)), at.u.map(|u| u / c(self.controls)));
        self.model.dynamics(Stage::new(&x, &u, at.p, at.s), next);
        *next = next.map(|x| x * c(self.states));
    }
    fn stage_cost<S: Scalar>(&self, at: Stage<'_, S, NX, NU, 0, 1>) -> S {
        let (x, u) = (at.x.map(|x| x / c(self.states)), at.u.map(|u| u / c(self.controls)));
        self.model.stage_cost(Stage::new(&x, &u, at.p, at.s)) * c(self.cost) + c(self.offset)
    }
    fn terminal_cost<S: Scalar>(&self, at: Terminal<'_, S, NX, 0, 1>) -> S {
        let x = at.x.map(|x| x / c(self.states));
        self.model.terminal_cost(Terminal::new(&x, at.p, at.s)) * c(self.cost)
    }
}

/// `x+ = x + u`, with a stage cost of `u` and a terminal cost of `x`.
macro_rules! integrator {
    ($(#[$doc:meta])* $name:ident, |$u:ident| $stage:expr, |$x:ident| $terminal:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        struct $name;

        impl Model<1, 1, 0, 1> for $name {
            fn dynamics<S: Scalar>(&self, at: Stage<'_, S, 1, 1, 0, 1>, next: &mut SVector<S, 1>) {
                next[0] = at.x[0] + at.u[0];
            }
            fn stage_cost<S: Scalar>(&self, at: Stage<'_, S, 1, 1, 0, 1>) -> S {
                let $u = at.u[0];
                $stage
            }
            fn terminal_cost<S: Scalar>(&self, at: Terminal<'_, S, 1, 0, 1>) -> S {
                let $x = at.x[0];
                $terminal
            }
        }
    };
}

integrator!(
    /// `l = u`, `l_T = x`.
    Linear,
    |u| u,
    |x| x
);
integrator!(
    /// `l = 1/2 u^2`, `l_T = -3 x^3`.
    Cubic, |u| c::<S>(0.5) * u * u, |x| c::<S>(-3.0) * x * x * x
);
integrator!(
    /// `l = 1/2 u^2`, `l_T = -x^2`: with more than one stage the costate gains over the control.
    Concave, |u| c::<S>(0.5) * u * u, |x| -x * x
);
integrator!(
    /// `l = 0.01 u^2`, `l_T = x^4 - x^2`: beside the saddle at zero it falls as [`Concave`] does.
    TwoValleys, |u| c::<S>(0.01) * u * u, |x| x * x * x * x - x * x
);
integrator!(
    /// `l = 1e-9 u^2`, `l_T = x`: a bound far away.
    Far, |u| c::<S>(1e-9) * u * u, |x| x
);

/// A point mass over a free final time: state position, velocity, final time. The first stage (`s = 1`) chooses the final
/// time, and nothing keeps it positive.
#[derive(Clone, Copy, Debug)]
struct FreeTime;

impl Model<3, 2, 0, 1> for FreeTime {
    fn dynamics<S: Scalar>(&self, at: Stage<'_, S, 3, 2, 0, 1>, next: &mut SVector<S, 3>) {
        let h = c::<S>(0.1) * at.x[2] * (c::<S>(1.0) - at.s[0]);
        next[0] = at.x[0] + h * at.x[1];
        next[1] = at.x[1] + h * at.u[0];
        next[2] = at.x[2] + at.s[0] * at.u[1];
    }
    fn stage_cost<S: Scalar>(&self, at: Stage<'_, S, 3, 2, 0, 1>) -> S {
        let h = c::<S>(0.1) * at.x[2] * (c::<S>(1.0) - at.s[0]);
        // Controls without an effect stay at zero.
        let unused = at.s[0] * at.u[0] * at.u[0] + (c::<S>(1.0) - at.s[0]) * at.u[1] * at.u[1];
        h * (c::<S>(1.0) + c::<S>(0.1) * at.u[0] * at.u[0]) + c::<S>(0.1) * unused
    }
    fn terminal_cost<S: Scalar>(&self, at: Terminal<'_, S, 3, 0, 1>) -> S {
        let (gap, v) = (at.x[0] - c(1.0), at.x[1]);
        c::<S>(10.0) * (gap * gap + v * v)
    }
}

/// [`Cubic`] with the equality `x_T = 1`: no weight of its penalty bounds the cost, and large ones give it a minimum.
#[derive(Clone, Copy, Debug)]
struct CubicGoal;

impl Model<1, 1, 0, 1> for CubicGoal {
    const LIMITS: Limits = Limits { terminal_equalities: 1, ..Limits::NONE };

    fn dynamics<S: Scalar>(&self, at: Stage<'_, S, 1, 1, 0, 1>, next: &mut SVector<S, 1>) {
        Cubic.dynamics(at, next);
    }
    fn stage_cost<S: Scalar>(&self, at: Stage<'_, S, 1, 1, 0, 1>) -> S {
        Cubic.stage_cost(at)
    }
    fn terminal_cost<S: Scalar>(&self, at: Terminal<'_, S, 1, 0, 1>) -> S {
        Cubic.terminal_cost(at)
    }
    fn terminal_constraints<S: Scalar>(&self, at: Terminal<'_, S, 1, 0, 1>, c: &mut [S]) {
        c[0] = at.x[0] - S::from_f64(1.0);
    }
}

/// [`Linear`] with the inequality `u <= 1`, which the falling cost moves away from.
#[derive(Clone, Copy, Debug)]
struct LinearBelow;

impl Model<1, 1, 0, 1> for LinearBelow {
    const LIMITS: Limits = Limits { stage_inequalities: 1, depends_on_control: &[true], ..Limits::NONE };

    fn dynamics<S: Scalar>(&self, at: Stage<'_, S, 1, 1, 0, 1>, next: &mut SVector<S, 1>) {
        Linear.dynamics(at, next);
    }
    fn stage_cost<S: Scalar>(&self, at: Stage<'_, S, 1, 1, 0, 1>) -> S {
        Linear.stage_cost(at)
    }
    fn terminal_cost<S: Scalar>(&self, at: Terminal<'_, S, 1, 0, 1>) -> S {
        Linear.terminal_cost(at)
    }
    fn stage_constraints<S: Scalar>(&self, at: Stage<'_, S, 1, 1, 0, 1>, c: &mut [S]) {
        c[0] = at.u[0] - S::from_f64(1.0);
    }
}

/// A model in units of many sizes.
fn units<M: Copy>(model: M) -> Vec<Units<M>> {
    let mut all = Vec::new();
    for cost in [1.0, 1e-12, 1e-6, 1e6, 1e12] {
        for (states, controls) in [(1.0, 1.0), (1e-6, 1.0), (1e6, 1.0), (1.0, 1e-6), (1.0, 1e6), (1e3, 1e-3)] {
            all.push(Units { model, cost, offset: 0.0, states, controls });
            all.push(Units { model, cost, offset: 100.0 * cost, states, controls });
        }
    }
    all
}

fn solve<M, const NX: usize, const NU: usize>(
    model: M,
    problem: &Problem<NX, NU, 0, 1>,
    settings: Settings,
) -> Solution<NX, NU, 0, 1>
where
    M: Model<NX, NU, 0, 1>,
{
    Ilqr::new(model, problem.horizon(), settings).unwrap().solve(problem).unwrap()
}

/// From `x_0` and equal controls, over three stages.
fn integrator(x0: f64, control: f64) -> Problem<1, 1, 0, 1> {
    Problem::new([x0], [], 3).with_controls(&[[control]; 3]).with_stage_params(&[[0.0]; 4])
}

/// The statuses of an integrator in all units, from `x_0 = 1` and controls of 0.3, or zero controls.
fn statuses<M>(model: M) -> Vec<(Units<M>, Status)>
where
    M: Model<1, 1, 0, 1> + Copy,
{
    let solve_in = |units: Units<M>| {
        [0.3, 0.0].map(|control| {
            let problem = integrator(units.states, control * units.controls);
            (units, solve(units, &problem, Settings::default()).status)
        })
    };
    units(model).into_iter().flat_map(solve_in).collect()
}

#[test]
fn costs_without_a_bound_in_all_units() {
    for (units, status) in statuses(Linear) {
        assert_eq!(status, Status::Unbounded, "{units:?}");
    }
    for (units, status) in statuses(Cubic) {
        assert_eq!(status, Status::Unbounded, "{units:?}");
    }
    for (units, status) in statuses(Concave) {
        assert_eq!(status, Status::Unbounded, "{units:?}");
    }
}

#[test]
fn a_bound_far_away_is_one() {
    for (units, status) in statuses(Far) {
        assert_eq!(status, Status::Converged, "{units:?}");
    }
}

/// The cost falls to a minimum by more than 1e30 times the first predicted decrease, ever faster for most of the way.
#[test]
fn a_guess_beside_a_saddle() {
    for control in [1e-1, 1e-4, 1e-8, 1e-12, 1e-16] {
        let solution = solve(TwoValleys, &integrator(0.0, control), Settings::default());
        assert_eq!(solution.status, Status::Converged, "{control:e}");
        assert!(solution.cost < -0.24);
    }
}

/// From a first state and a guess of the final time.
fn free_time(position: f64, time: f64, controls: f64) -> Problem<3, 2, 0, 1> {
    let mut first = vec![[0.0]; 12];
    first[0][0] = 1.0;
    let guess = [[0.3 * controls, time * controls]; 11];
    Problem::new([position, 0.0, 0.0], [], 11).with_controls(&guess).with_stage_params(&first)
}

/// Case 17 of the situations that users of other tools report, with penalties instead of constraints.
#[test]
fn a_final_time_that_may_be_negative() {
    for units in units(FreeTime).into_iter().step_by(37) {
        for time in [-10.0, -1.0] {
            let problem = free_time(0.0, time, units.controls);
            assert_eq!(solve(units, &problem, Settings::default()).status, Status::Unbounded, "{units:?}, {time}");
        }
        for time in [1.0, 10.0] {
            let problem = free_time(0.0, time, units.controls);
            assert_eq!(solve(units, &problem, Settings::default()).status, Status::Converged, "{units:?}, {time}");
        }
    }
}

/// A solve that has only run out of iterations says so.
#[test]
fn few_iterations_are_no_sign() {
    for max_iterations in 0..8 {
        let settings = Settings { max_iterations, ..Settings::default() };
        let solution = solve(TwoValleys, &integrator(0.0, 1e-4), settings);
        assert_eq!(solution.status, Status::IterationLimit, "{max_iterations}");
        assert_eq!(solution.stats.iterations, max_iterations);
    }
}

#[test]
fn a_round_whose_penalty_does_not_bound_the_cost_is_taken_back() {
    let settings = Settings { method: Method::AugmentedLagrangian, ..Settings::default() };
    let problem = Problem::new([0.0], [], 1).with_stage_params(&[[0.0]; 2]);
    let solution = solve(CubicGoal, &problem, settings);
    assert_eq!(solution.status, Status::Converged);
    assert!((solution.controls[0][0] - 1.0).abs() < 1e-9);
}

#[test]
fn feasible_iterates_without_a_bound() {
    let settings = Settings { method: Method::AugmentedLagrangian, ..Settings::default() };
    let solution = solve(LinearBelow, &integrator(0.0, 0.0), settings);
    assert_eq!(solution.status, Status::Unbounded);
    assert_eq!((solution.stats.violation, solution.cause), (0.0, None));
}

/// The interior-point method finds it, too, and gives no false alarm in any units.
#[test]
fn on_the_central_path() {
    let settings = Settings { method: Method::InteriorPoint, ..Settings::default() };
    for guess in [0.0, 0.3] {
        for method in [Method::InteriorPoint, Method::Auto] {
            let settings = Settings { method, ..settings };
            let solution = solve(LinearBelow, &integrator(0.0, guess), settings);
            assert_eq!((solution.status, solution.stats.violation), (Status::Unbounded, 0.0), "{guess}");
            let problem = Problem::new([0.0], [], 1).with_controls(&[[guess]]).with_stage_params(&[[0.0]; 2]);
            let solution = solve(CubicGoal, &problem, settings);
            assert_eq!(solution.status, Status::Converged, "{guess}");
            assert!((solution.controls[0][0] - 1.0).abs() < 1e-9);
        }
    }
    for units in units(Far).into_iter().step_by(7) {
        let problem = integrator(units.states, 0.3 * units.controls);
        assert_eq!(solve(units, &problem, settings).status, Status::Converged, "{units:?}");
    }
    for control in [1e-1, 1e-4, 1e-8, 1e-12] {
        let solution = solve(TwoValleys, &integrator(0.0, control), settings);
        assert_eq!(solution.status, Status::Converged, "{control:e}");
    }
}

/// Lanes extrapolate as single solves do.
#[test]
fn in_lanes() {
    fn check<M: Model<1, 1, 0, 1>>(model: M) {
        let problems: Vec<_> = (0..13).map(|i| integrator(0.1 * f64::from(i), 0.05 * f64::from(i))).collect();
        let settings = Settings::default();
        let lanes = dilqr_runtime::batch::solve_lanes(&model, 3, &settings, &problems);
        let single = dilqr_runtime::batch::solve(&model, 3, &settings, &problems);
        let format = |solution: &_| format!("{solution:?}");
        assert_eq!(lanes.iter().map(format).collect::<Vec<_>>(), single.iter().map(format).collect::<Vec<_>>());
    }
    check(Linear);
    check(Cubic);
    check(Concave);
    check(TwoValleys);
}
