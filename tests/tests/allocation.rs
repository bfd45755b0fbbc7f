//! Memory of constrained solves with compiled kernels. The runtime's own tests use dual numbers, which allocate lists
//! for constraints.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(unsafe_code, reason = "a global allocator that counts is the only way to see allocations")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use dilqr_models::unicycle_obstacles::{Params, UnicycleObstacles};
use dilqr_runtime::model::Stage;
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{Ilqr, LossGradient, Model, Mpc, Problem, Settings, Solution, Status};

/// A mass on a rail with limits on speed and force. It must end at rest at its goal.
#[dilqr_runtime::model]
pub mod rail {
    pub struct State {
        pub position: f64,
        pub speed: f64,
    }
    pub struct Control {
        #[bounds(-p.top_force, p.top_force)]
        pub force: f64,
    }
    pub struct Params {
        pub goal: f64,
        pub top_speed: f64,
        pub top_force: f64,
    }
    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        let drag = 0.01 * x.speed.powi(3);
        State { position: x.position + 0.1 * x.speed + 0.005 * u.force, speed: x.speed + 0.1 * u.force - drag }
    }
    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        0.5 * (x.position - p.goal).powi(2) + 0.01 * u.force.powi(2)
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.position.powi(2)
    }
    pub fn stage_constraints(x: State, _u: Control, p: Params) -> [f64; 1] {
        [x.speed - p.top_speed]
    }
    pub fn terminal_equalities(x: State, p: Params) -> [f64; 2] {
        [x.position - p.goal, x.speed]
    }
}

/// A cart with a free time, a price on the change of its force, and a soft limit of its speed.
#[dilqr_runtime::model(integrator = rk4, dt = d.total / 20.0)]
pub mod haul {
    pub struct State {
        pub place: f64,
        #[bounds(-1.0, p.fastest)]
        pub speed: f64,
    }
    pub struct Control {
        #[bounds(-1.0, 1.0)]
        #[rate_bounds(-0.8, 0.8)]
        pub push: f64,
    }
    pub struct Params {
        pub drag: f64,
        pub fastest: f64,
    }
    pub struct Design {
        #[bounds(0.5, 20.0)]
        pub total: f64,
    }
    pub fn derivative(x: State, u: Control, p: Params) -> State {
        State { place: x.speed, speed: u.push - p.drag * x.speed }
    }
    pub fn stage_cost(_x: State, u: Control, previous: Control, _p: Params) -> f64 {
        0.01 * (u.push.powi(2) + (u.push - previous.push).powi(2))
    }
    pub fn terminal_cost(x: State, _p: Params, d: Design) -> f64 {
        0.1 * d.total + 10.0 * ((x.place - 1.0).powi(2) + x.speed.powi(2))
    }
    #[penalty(linear = 0.1, quadratic = 1.0)]
    pub fn stage_soft_constraints(x: State, _u: Control, _p: Params) -> [f64; 1] {
        [x.speed - 0.5]
    }
    #[penalty(quadratic = 1.0)]
    pub fn terminal_soft_constraints(x: State, _p: Params) -> [f64; 1] {
        [0.9 - x.place]
    }
}

/// Counts the allocations of each thread, because tests run in parallel.
struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's contract is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's contract is the same.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's contract is the same.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(run: impl FnOnce()) -> usize {
    let before = COUNT.get();
    run();
    COUNT.get() - before
}

#[test]
fn the_count_counts() {
    assert_eq!(allocations(|| drop(std::hint::black_box(vec![1_u8; 100]))), 1);
}

/// The first solve allocates the multipliers of the solution. Later solves allocate nothing, even if other limits are
/// active.
#[test]
fn solve_into_allocates_nothing() {
    fn check<M, const NX: usize, const NU: usize, const NP: usize>(model: M, problems: &[(Problem<NX, NU, NP>, Status)])
    where
        M: Model<NX, NU, NP>,
    {
        let horizon = problems[0].0.horizon();
        let mut solver = Ilqr::new(model, horizon, Settings::default()).unwrap();
        let mut solution = Solution::empty(horizon);
        solver.solve_into(&problems[0].0, &mut solution).unwrap();
        for (problem, status) in problems {
            assert_eq!(allocations(|| solver.solve_into(problem, &mut solution).unwrap()), 0);
            assert_eq!(solution.status, *status, "{:?}", solution.stats);
        }
    }
    let rail = |params: [f64; 3]| Problem::new([0.0, 0.0], params, 25);
    let problems = [
        (rail([1.0, 0.7, 2.5]), Status::Converged),
        (rail([1.0, 0.6, 1.5]), Status::Converged),
        // Too slow to reach the goal: the solve runs through all penalty rounds.
        (rail([1.0, 0.3, 2.5]), Status::Infeasible),
        (rail([1.0, 0.7, 2.5]), Status::Converged),
    ];
    check(rail::Rail, &problems);
    let course = |vehicle: f64| {
        let params = Params { vehicle, ..Params::default() };
        (Problem::new([0.0, 0.0, 0.0], params, 50).with_controls(&[[0.8, 0.1]; 50]), Status::Converged)
    };
    check(UnicycleObstacles, &[0.15, 0.05, 0.18].map(course));
}

/// With limits, too: a solve allocates its solution, and factorizations and gradients nothing after the first.
#[test]
fn derivatives_under_limits_allocate_nothing_after_the_first() {
    fn check<M, const NX: usize, const NU: usize, const NP: usize>(model: M, problem: &Problem<NX, NU, NP>)
    where
        M: Model<NX, NU, NP>,
    {
        let horizon = problem.horizon();
        let loss = LossGradient::zeros(horizon);
        let mut solver = Ilqr::new(model, horizon, Settings::default()).unwrap();
        let mut solution = Solution::empty(horizon);
        let solve = allocations(|| solution = solver.solve(problem).unwrap());
        assert_eq!(solution.status, Status::Converged);
        // The first one may need memory to check its digits.
        assert!(solver.differentiate(&solution).is_ok());
        assert_eq!(allocations(|| drop(solver.solve_and_differentiate(problem).unwrap())), solve);
        assert_eq!(allocations(|| assert!(solver.differentiate(&solution).is_ok())), 0);
        assert_eq!(allocations(|| drop(solver.vjp(&solution, &loss).unwrap())), 0);
        let mut sensitivities = solver.differentiate(&solution).unwrap();
        assert_eq!(allocations(|| drop(sensitivities.vjp(&loss).unwrap())), 0);
        assert_eq!(allocations(|| drop(sensitivities.value_gradient().unwrap())), 0);
    }
    check(rail::Rail, &Problem::new([0.0, 0.0], [1.0, 0.7, 2.5], 25));
    let params = Params { vehicle: 0.15, ..Params::default() };
    check(UnicycleObstacles, &Problem::new([0.0, 0.0, 0.0], params, 50).with_controls(&[[0.8, 0.1]; 50]));
}

#[test]
fn a_step_of_a_receding_horizon_allocates_nothing_after_the_first() {
    fn check<M, const NX: usize, const NU: usize, const NP: usize>(
        model: M,
        problem: &Problem<NX, NU, NP>,
        steps: usize,
    ) where
        M: Model<NX, NU, NP> + Copy,
    {
        let settings = Settings { max_iterations: 50, ..Settings::default() };
        let (horizon, params) = (problem.horizon(), *problem.params());
        let mut mpc = Mpc::new(model, params, horizon, settings).unwrap();
        let mut x = *problem.x0();
        let mut u = mpc.step(&x).unwrap().control;
        let mut converged = 0;
        for t in 0..steps {
            let mut next = SVector::zeros();
            model.dynamics(Stage::new(&x, &u, &params, &SVector::zeros()), &mut next);
            // A disturbance.
            x = next.map(|value| value + 1e-3 * (t as f64).sin());
            let count = allocations(|| {
                let step = mpc.step(&x).unwrap();
                u = step.control;
                converged += usize::from(step.status == Status::Converged);
            });
            assert_eq!(count, 0, "step {t}");
        }
        // The test is empty unless Newton's method ran.
        assert!(converged > steps / 2, "{converged} of {steps} steps");
        // Failed steps allocate nothing either.
        assert_eq!(allocations(|| assert!(mpc.step(&SVector::repeat(f64::NAN)).is_err())), 0);
        assert_eq!(allocations(|| drop(mpc.step(&SVector::repeat(1e200)))), 0);
    }
    check(rail::Rail, &Problem::new([0.0, 0.0], [1.0, 0.7, 2.5], 25), 20);
    check(UnicycleObstacles, &Problem::new([0.0, 0.0, 0.0], Params::default(), 30), 30);
}

/// Models with more than states and controls, from every kind of guess.
#[test]
fn solves_of_lifted_models_allocate_nothing_after_the_first() {
    let start = haul::Problem::new([0.0, 0.0], [0.1, 0.55], 20).with_design([3.0]).with_previous([0.0]);
    let mut solver = haul::Solver::new(haul::Haul, 20, Settings::default()).unwrap();
    let solved = solver.solve(&start).unwrap();
    let states: Vec<[f64; 2]> = (0..=20).map(|t| [0.05 * f64::from(t), 0.3]).collect();
    let problems = [
        start.clone(),
        start.clone().with_controls(&[[0.1]; 20]),
        start.clone().with_states(&states),
        start.clone().with_states(&states).with_controls(&[[0.1]; 20]),
        start.clone().with_policy(&haul::Haul, |_, x| [0.5 - x[1]]),
        haul::Problem::new([0.0, 0.01], [0.1, 0.55], 20).with_warm_start(&haul::Haul, &solved).with_previous([0.0]),
    ];
    for (kind, problem) in problems.iter().enumerate() {
        let mut solution = Solution::empty(20);
        solver.solve_into(problem, &mut solution).unwrap();
        let first = solution.clone();
        assert_eq!(solution.status, Status::Converged, "{kind}");
        assert_eq!(allocations(|| solver.solve_into(problem, &mut solution).unwrap()), 0, "{kind}");
        assert_eq!(solution, first);
    }
}

#[test]
fn a_step_of_a_lifted_controller_allocates_nothing_after_the_first() {
    let mut mpc = Mpc::new(haul::Haul, [0.1, 0.55], 20, Settings::default()).unwrap();
    mpc.set_previous([0.0]);
    mpc.set_design([3.0]);
    let mut x = SVector::from([0.0, 0.0]);
    mpc.step(&x).unwrap();
    for t in 0..6 {
        let plan = mpc.plan().unwrap();
        x = plan.states[1].map(|entry| entry + 1e-3 * f64::from(t).sin());
        let mut status = Status::Unsolved;
        assert_eq!(allocations(|| status = mpc.step(&x).unwrap().status), 0, "step {t}");
        assert_eq!(status, Status::Converged, "step {t}");
    }
}
