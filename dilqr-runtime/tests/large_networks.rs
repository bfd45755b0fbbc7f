//! Large networks: they do not overflow the stack of a thread, in lanes neither, and memory grows with the number of weights.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(unsafe_code, reason = "a global allocator that counts is the only way to see allocations")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use dilqr_runtime::{LossGradient, Problem, Settings, Status, batch};

/// Counts the bytes in use, and the most of them.
struct Counting;

static IN_USE: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = IN_USE.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(now, Ordering::Relaxed);
        // SAFETY: the caller's guarantees are those of the system's allocator.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the pointer comes from `alloc`, that is from the system's allocator.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const T: usize = if cfg!(feature = "long") { 10 } else { 3 };

/// Half of the two MiB that a thread has by default.
const STACK: usize = 1 << 20;

/// Carts with forces that networks of these layers give, and their tests.
macro_rules! carts {
    ($($module:ident $model:ident $layers:tt;)*) => {
        $(
            #[dilqr_runtime::model(integrator = midpoint, dt = 0.05)]
            pub mod $module {
                pub struct State { pub place: f64, pub speed: f64 }
                pub struct Control { pub force: f64 }
                pub struct Params { pub mass: f64 }
                #[network(layers = $layers, activation = tanh)]
                pub struct Force;
                pub fn derivative(x: State, u: Control, p: Params, force: &Force) -> State {
                    let [a, b] = force.evaluate([x.place, x.speed, u.force, p.mass, x.place * x.speed]);
                    State { place: x.speed + 0.1 * a, speed: (u.force + b) / p.mass }
                }
                pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
                    0.05 * (x.place * x.place + 0.1 * x.speed * x.speed + 0.05 * u.force * u.force)
                }
                pub fn terminal_cost(x: State, _p: Params) -> f64 {
                    5.0 * (x.place * x.place + x.speed * x.speed)
                }
            }

            impl Cart for $module::Force {
                fn most_memory() -> (usize, usize) {
                    let before = IN_USE.load(Ordering::Relaxed);
                    MOST.store(before, Ordering::Relaxed);
                    Self::solve_and_check();
                    ($module::Force::LEN, MOST.load(Ordering::Relaxed) - before)
                }

                fn solve_and_check() {
                    let problem = |i: usize| Problem::new([1.0 + 0.1 * i as f64, 0.5], [1.3], T);
                    let settings = Settings { tolerance: 1e-11, ..Settings::default() };
                    let model = |by: f64| {
                        let mut force = $module::Force::xavier(7);
                        // A direction with entries of both signs.
                        let weights = force.weights_mut().iter_mut().enumerate();
                        weights.for_each(|(i, weight)| *weight += by * (i as f64).sin());
                        $module::$model::new(force)
                    };
                    let mut loss: LossGradient<2, 1> = LossGradient::zeros(T);
                    (loss.states[T], loss.controls[1]) = ([1.0, -0.4].into(), [0.3].into());
                    let value = |by: f64| {
                        let mut solver = $module::Solver::new(model(by), T, settings.clone()).unwrap();
                        let solution = solver.solve(&problem(0)).unwrap();
                        assert_eq!(solution.status, Status::Converged);
                        solution.states[T].dot(&loss.states[T]) + solution.controls[1].dot(&loss.controls[1])
                    };
                    let mut solver = $module::Solver::new(model(0.0), T, settings.clone()).unwrap();
                    let solution = solver.solve(&problem(0)).unwrap();
                    let gradient = solver.vjp(&solution, &loss).unwrap();
                    // With a million weights one solve is enough.
                    if $module::Force::LEN > 1_000_000 {
                        return;
                    }
                    let along: f64 = gradient.weights.iter().enumerate().map(|(i, g)| g * (i as f64).sin()).sum();
                    // The error of the difference is the square of the step times third derivatives, and that of the solves over
                    // the step.
                    let step = 1e-5;
                    let difference = (value(step) - value(-step)) / (2.0 * step);
                    assert!((along - difference).abs() < 1e-5 * difference.abs(), "{along} {difference}");
                }

                fn lanes() {
                    let model = $module::$model::new($module::Force::xavier(7));
                    let settings = Settings::default();
                    let problems: Vec<_> = (0..4).map(|i| Problem::new([1.0 + 0.1 * f64::from(i), 0.5], [1.3], T)).collect();
                    let loss = |_: usize, _: &_| {
                        let mut loss: LossGradient<2, 1> = LossGradient::zeros(T);
                        loss.states[T] = [1.0, -0.4].into();
                        loss
                    };
                    let lanes = batch::solve_and_vjp_lanes(&model, T, &settings, &problems, loss);
                    let single = batch::solve_and_vjp(&model, T, &settings, &problems, loss);
                    for (a, b) in lanes.into_iter().zip(single) {
                        let ((_, a), (_, b)) = (a.unwrap(), b.unwrap());
                        let (a, b) = (a.unwrap().weights, b.unwrap().weights);
                        let size = b.iter().fold(0.0, |size: f64, weight| size.max(weight.abs()));
                        // Solutions agree to the tolerance of 1e-9.
                        assert!(size > 0.0 && a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-6 * size));
                    }
                }
            }
        )*
    };
}

trait Cart {
    /// Solves, differentiates, and compares with a difference along a direction.
    fn solve_and_check();

    /// The number of weights and the most bytes that a solve and a gradient take.
    fn most_memory() -> (usize, usize);

    /// In lanes beside one by one.
    fn lanes();
}

#[cfg(feature = "long")]
carts! {
    small Small [5, 250, 250, 2];
    large Large [5, 1000, 1000, 2];
}

#[cfg(not(feature = "long"))]
carts! {
    small Small [5, 60, 60, 2];
    // 10,000 derivatives of hidden units in the inputs, for each of two calls.
    large Large [5, 2000, 2];
}

/// On threads with little stack, in all forms; and the memory is counted.
#[test]
fn large_networks() {
    let on_thread =
        |run: fn() -> (usize, usize)| std::thread::Builder::new().stack_size(STACK).spawn(run).unwrap().join().unwrap();
    let (small, large) = (on_thread(small::Force::most_memory), on_thread(large::Force::most_memory));
    println!("weights and bytes: {small:?}, {large:?}");
    if cfg!(feature = "long") {
        // The model's weights and the gradient's, one of them twice while it is made.
        let each = (large.1 - small.1) as f64 / (large.0 - small.0) as f64;
        assert!(large.0 > 1_000_000 && each < 25.0, "{each} bytes for each of {} weights", large.0);
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).stack_size(STACK).build().unwrap();
    pool.install(|| if cfg!(feature = "long") { small::Force::lanes() } else { large::Force::lanes() });
}
