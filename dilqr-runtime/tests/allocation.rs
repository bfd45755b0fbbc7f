//! Memory: everything is allocated by `new`, and how much that is. (That of constraints is tested where their kernels are compiled: dual numbers
//! need lists of their own.)
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(unsafe_code, reason = "a global allocator that counts is the only way to see allocations")]

#[path = "control/support/mod.rs"]
mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;

use dilqr_runtime::model::{Stage, Terminal};
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{Hessian, Ilqr, LossGradient, Model, Mpc, Problem, Scalar, Settings, Solution, Status};
use support::{BoundedPendulum, Cart4, Pendulum, Reference, Tracking};

/// Counts the allocations and bytes of each thread, so that tests beside each other do not disturb.
struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
    /// Bytes that are allocated now, and the most there have been. (What another thread frees is not seen.)
    static BYTES: Cell<(isize, isize)> = const { Cell::new((0, 0)) };
}

fn count_bytes(more: usize, less: usize) {
    let (now, most) = BYTES.get();
    let now = now + more as isize - less as isize;
    BYTES.set((now, most.max(now)));
}

// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        count_bytes(layout.size(), 0);
        // SAFETY: the caller's contract is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count_bytes(0, layout.size());
        // SAFETY: the caller's contract is the same.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // The old block is there until the new one is filled.
        count_bytes(size, 0);
        count_bytes(0, layout.size());
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

/// The most bytes that are allocated at one time while it runs, beyond those before.
fn peak(run: impl FnOnce()) -> usize {
    let (before, _) = BYTES.get();
    BYTES.set((before, before));
    run();
    usize::try_from(BYTES.get().1 - before).unwrap()
}

#[test]
fn the_count_counts() {
    assert_eq!(allocations(|| drop(black_box(vec![1_u8; 100]))), 1);
    assert_eq!(
        peak(|| {
            drop(black_box(vec![1_u8; 100]));
            let kept = black_box(vec![1_u8; 60]);
            drop(black_box(vec![1_u8; 30]));
            drop(kept);
        }),
        100
    );
}

/// As many integrators as there are states, pushed by the controls.
struct Integrators<const NX: usize, const NU: usize>;

impl<const NX: usize, const NU: usize> Model<NX, NU, 1> for Integrators<NX, NU> {
    fn dynamics<S: Scalar>(&self, Stage { x, u, p, .. }: Stage<'_, S, NX, NU, 1>, next: &mut SVector<S, NX>) {
        *next = SVector::from_fn(|i, _| x[i] + p[0] * u[i % NU]);
    }

    fn stage_cost<S: Scalar>(&self, Stage { x, u, p, s }: Stage<'_, S, NX, NU, 1>) -> S {
        u.iter().fold(self.terminal_cost(Terminal { x, p, s }), |cost, &u| cost + u * u)
    }

    fn terminal_cost<S: Scalar>(&self, Terminal { x, .. }: Terminal<'_, S, NX, 1>) -> S {
        x.iter().fold(S::zero(), |cost, &x| cost + x * x)
    }
}

/// Linear in the horizon to the byte, and at most what the documentation of `Ilqr` states.
#[test]
fn memory_is_linear_in_the_horizon() {
    fn linear(bytes: impl Fn(usize) -> usize) -> usize {
        let [short, middle, long] = [10, 20, 100].map(bytes);
        assert_eq!(long - middle, 8 * (middle - short));
        (middle - short) / 10
    }
    fn new<const NX: usize, const NU: usize>() {
        let solver =
            |horizon| peak(|| drop(black_box(Ilqr::new(Integrators::<NX, NU>, horizon, Settings::default()).unwrap())));
        let stated = 8 * (2 * NX * NX + 4 * NX * NU + 4 * NU * NU + 7 * NX + 8 * NU);
        let found = linear(solver);
        assert!(found <= stated, "{found} bytes a stage for {NX} states and {NU} controls, {stated} are stated");
        let solution = |horizon| peak(|| drop(black_box(Solution::<NX, NU, 1>::empty(horizon))));
        let stated = 8 * (NX * NU + NU * NU + 2 * NX + NU);
        let found = linear(solution);
        assert!(found <= stated, "{found} bytes a stage for {NX} states and {NU} controls, {stated} are stated");
    }
    new::<2, 1>();
    new::<4, 1>();
    new::<4, 4>();
    new::<12, 4>();
    new::<30, 10>();

    // All of it, to the gradient, asks for no more than these two.
    let run = |horizon| {
        let problem = Problem::new([1.0; 4], [0.1], horizon);
        let loss = LossGradient::zeros(horizon);
        peak(|| {
            let mut solver = Ilqr::new(Integrators::<4, 2>, horizon, Settings::default()).unwrap();
            let solution = solver.solve(&problem).unwrap();
            assert_eq!(solution.status, Status::Converged);
            drop(solver.vjp(&solution, &loss).unwrap());
        })
    };
    assert!(linear(run) <= 8 * ((32 + 32 + 16 + 28 + 16) + (8 + 4 + 8 + 2)));
}

#[test]
fn solve_into_allocates_nothing() {
    for hessian in [Hessian::Exact, Hessian::GaussNewton] {
        // From zero controls the pole falls: this solve needs regularization and line search.
        let settings = Settings { hessian, max_iterations: 60, ..Settings::default() };
        let horizon = 40;
        let easy = Cart4::problem(horizon);
        let hard = dilqr_runtime::Problem::new([0.0, 0.0, 3.0, 0.0], Cart4::PARAMS, horizon);
        let mut solver = Ilqr::new(Cart4, horizon, settings).unwrap();
        let mut solution = Solution::empty(horizon);
        for problem in [&easy, &hard, &easy] {
            // The first solve of the first problem included: `new` allocates everything.
            assert_eq!(allocations(|| solver.solve_into(problem, &mut solution).unwrap()), 0);
            assert!(solution.stats.iterations > 0);
        }
    }
}

/// The first solve of a relaxed problem allocates the memory of its barriers; later ones use it.
#[test]
fn later_relaxed_solves_allocate_nothing() {
    let reference = Reference::read("pendulum_bounded");
    let settings = Settings { relaxation: Some(1e-2), ..Settings::default() };
    let mut solver = Ilqr::new(BoundedPendulum, reference.horizon, settings).unwrap();
    let (problem, mut solution) = (reference.problem(), Solution::empty(reference.horizon));
    solver.solve_into(&problem, &mut solution).unwrap();
    assert_eq!(solution.status, Status::Converged);
    let first = solution.clone();
    assert_eq!(allocations(|| solver.solve_into(&problem, &mut solution).unwrap()), 0);
    assert_eq!(solution, first);
}

#[test]
fn a_solve_allocates_the_solution_and_a_gradient_nothing_but_itself() {
    let reference = Reference::read("pendulum");
    let (problem, loss) = (reference.problem::<2, 1, 3>(), reference.loss());
    let mut solver = Ilqr::new(Pendulum, reference.horizon, Settings::default()).unwrap();
    let mut solution = Solution::empty(reference.horizon);
    // States, controls, gains, costates, the certificate's curvatures; the list of stage parameters has no size.
    assert_eq!(allocations(|| solution = solver.solve(&problem).unwrap()), 5);
    assert_eq!(solution.status, Status::Converged);
    assert_eq!(allocations(|| drop(solver.vjp(&solution, &loss).unwrap())), 0);
    assert_eq!(allocations(|| drop(solver.value_gradient(&solution).unwrap())), 0);
    // Its two lists, and those of the linear solve: feed-forward terms and offsets of the dynamics.
    assert_eq!(allocations(|| drop(solver.jacobian(&solution).unwrap())), 4);

    // With stage parameters the gradient has a list.
    let stages = [[0.1, 0.0]; 11];
    let problem = dilqr_runtime::Problem::new([0.3, 0.0], [9.0, 0.05], 10).with_stage_params(&stages);
    let mut solver = Ilqr::new(Tracking, 10, Settings::default()).unwrap();
    let solution = solver.solve(&problem).unwrap();
    let loss = dilqr_runtime::LossGradient::zeros(10);
    assert_eq!(allocations(|| drop(solver.vjp(&solution, &loss).unwrap())), 1);
}

#[test]
fn a_factorization_for_several_derivatives_allocates_nothing() {
    let reference = Reference::read("pendulum");
    let (problem, loss) = (reference.problem::<2, 1, 3>(), reference.loss());
    let mut solver = Ilqr::new(Pendulum, reference.horizon, Settings::default()).unwrap();
    // The solution alone: states, controls, gains, costates, curvatures.
    assert_eq!(allocations(|| drop(solver.solve_and_differentiate(&problem).unwrap())), 5);
    let (solution, sensitivities) = solver.solve_and_differentiate(&problem).unwrap();
    let mut sensitivities = sensitivities.unwrap();
    assert_eq!(allocations(|| drop(sensitivities.vjp(&loss).unwrap())), 0);
    assert_eq!(allocations(|| drop(sensitivities.value_gradient().unwrap())), 0);
    assert_eq!(allocations(|| assert!(solver.differentiate(&solution).is_ok())), 0);
}

/// A solution of another horizon is given the right lengths; from then on nothing is allocated.
#[test]
fn a_solution_of_another_horizon_is_resized() {
    let mut solver = Ilqr::new(Cart4, 10, Settings::default()).unwrap();
    let problem = Cart4::problem(10);
    let expected = solver.solve(&problem).unwrap();
    for horizon in [3, 30] {
        let mut solution = Solution::empty(horizon);
        solver.solve_into(&problem, &mut solution).unwrap();
        assert_eq!(solution, expected);
        assert_eq!(allocations(|| solver.solve_into(&problem, &mut solution).unwrap()), 0);
    }
}

#[test]
fn a_step_of_a_receding_horizon_allocates_nothing_after_the_first() {
    fn check<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
        model: M,
        problem: &Problem<NX, NU, NP, NS>,
    ) where
        M: Model<NX, NU, NP, NS> + Copy,
    {
        let settings = Settings { max_iterations: 50, ..Settings::default() };
        let (horizon, params) = (problem.horizon(), *problem.params());
        let mut mpc = Mpc::new(model, params, horizon, settings).unwrap();
        mpc.set_stage_params(problem.stage_params());
        let mut x = *problem.x0();
        let mut u = mpc.step(&x).unwrap().control;
        for t in 0..30 {
            let s = problem.stage_params().first().copied().unwrap_or(SVector::zeros());
            let mut next = SVector::zeros();
            model.dynamics(Stage::new(&x, &u, &params, &s), &mut next);
            // Not quite what was planned.
            x = next.map(|value| value + 1e-3 * f64::from(t).sin());
            let count = allocations(|| {
                mpc.set_stage_params(problem.stage_params());
                mpc.set_params(params);
                u = mpc.step(&x).unwrap().control;
            });
            assert_eq!(count, 0, "step {t}");
        }
        // Nor where a step is refused, or comes to nothing.
        assert_eq!(allocations(|| assert!(mpc.step(&SVector::repeat(f64::NAN)).is_err())), 0);
        assert_eq!(allocations(|| drop(mpc.step(&SVector::repeat(1e200)))), 0);
    }
    check(Cart4, &Problem::new([0.0, 0.0, 0.3, 0.0], Cart4::PARAMS, 30));
    check(BoundedPendulum, &Problem::new([0.3, 0.0], [10.0, 1.0, 1.0], 30));
    check(Tracking, &Problem::new([0.3, 0.0], [9.0, 0.05], 20).with_stage_params(&[[0.1, 0.0]; 21]));
}
