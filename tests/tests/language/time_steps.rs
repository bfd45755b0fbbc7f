//! Running costs, integrated with the dynamics, and time steps from parameters: beside steps written by hand.

use dilqr_runtime::model::{ParameterGradient, Stage, Variation};
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{AutoDiff, Cause, Gradient, LossGradient, Method, Model, Settings, Solution, Status};
use dilqr_tests::{Functions, Points, assert_derivatives};

macro_rules! swing {
    ($module:ident, ($($arguments:tt)*), { $($stage_cost:tt)* }, { $($stage_params:tt)* }) => {
        #[dilqr_runtime::model($($arguments)*)]
        #[allow(deprecated, reason = "some of the models below leave `p.dt` unused")]
        pub mod $module {
            pub struct State {
                pub angle: f64,
                pub rate: f64,
            }
            pub struct Control {
                pub torque: f64,
            }
            pub struct Params {
                pub gravity: f64,
                pub dt: f64,
            }
            $($stage_params)*

            pub fn derivative(x: State, u: Control, p: Params) -> State {
                State { angle: x.rate, rate: p.gravity * x.angle.sin() + u.torque - 0.1 * x.rate.powi(3) }
            }
            /// Shares the sine with the dynamics.
            pub fn running_cost(x: State, u: Control, p: Params) -> f64 {
                p.gravity * x.angle.sin().powi(2) + x.rate.powi(2) * x.angle + u.torque.powi(2)
            }
            $($stage_cost)*
            pub fn terminal_cost(x: State, _p: Params) -> f64 {
                5.0 * x.angle.powi(2) + x.rate.powi(2)
            }
        }
    };
}

swing!(by_euler, (integrator = euler, dt = 0.1), {}, {});
swing!(by_semi_implicit_euler, (integrator = semi_implicit_euler, dt = p.dt, substeps = 2), {}, {});
swing!(
    by_midpoint,
    (integrator = midpoint, dt = p.dt, substeps = 3),
    {
        pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
            x.angle * u.torque + p.gravity * x.rate
        }
    },
    {}
);
swing!(by_rk4, (integrator = rk4, dt = 0.25), {}, {});
swing!(
    by_rk4_twice,
    (integrator = rk4, dt = p.dt * 0.5, substeps = 2),
    {
        pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
            x.angle * u.torque + p.gravity * x.rate
        }
    },
    {}
);
// So many substeps are a loop over the compiled derivative; written out they would be an expression of more than 1,600 nodes.
swing!(
    in_a_loop,
    (integrator = rk4, dt = p.dt, substeps = 60),
    {
        pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
            x.angle * u.torque + p.gravity * x.rate
        }
    },
    {}
);
swing!(in_a_loop_of_midpoints, (integrator = midpoint, dt = 0.25, substeps = 100), {}, {});
swing!(on_a_grid, (integrator = rk4, dt = s.dt), {}, {
    pub struct StageParams {
        pub dt: f64,
    }
});
swing!(evenly, (integrator = rk4, dt = p.dt), {}, {});

/// Slopes of angle, rate and cost.
type Slopes<'a> = &'a dyn Fn([f64; 3]) -> [f64; 3];

/// The integrators on a state with the cost as a third entry.
mod augmented {
    use super::Slopes;

    fn moved(y: [f64; 3], h: f64, k: [f64; 3]) -> [f64; 3] {
        [y[0] + h * k[0], y[1] + h * k[1], y[2] + h * k[2]]
    }
    pub(super) fn euler(y: [f64; 3], h: f64, f: Slopes<'_>) -> [f64; 3] {
        moved(y, h, f(y))
    }
    /// The cost by Euler.
    pub(super) fn semi_implicit_euler(y: [f64; 3], h: f64, f: Slopes<'_>) -> [f64; 3] {
        let [_, acceleration, cost] = f(y);
        let rate = y[1] + h * acceleration;
        [y[0] + h * rate, rate, y[2] + h * cost]
    }
    pub(super) fn midpoint(y: [f64; 3], h: f64, f: Slopes<'_>) -> [f64; 3] {
        moved(y, h, f(moved(y, h / 2.0, f(y))))
    }
    pub(super) fn rk4(y: [f64; 3], h: f64, f: Slopes<'_>) -> [f64; 3] {
        let k1 = f(y);
        let k2 = f(moved(y, h / 2.0, k1));
        let k3 = f(moved(y, h / 2.0, k2));
        let k4 = f(moved(y, h, k3));
        moved(y, h / 6.0, std::array::from_fn(|i| k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i]))
    }
}

/// Next state and integral, by hand, with the functions of the module.
macro_rules! by_hand {
    ($module:ident, $integrator:ident, $steps:expr, $dt:expr, $x:expr, $u:expr, $p:expr) => {{
        let slopes = |y: [f64; 3]| {
            let x = [y[0], y[1]];
            let [rate, acceleration]: [f64; 2] = $module::derivative(x.into(), $u.into(), $p.into()).into();
            [rate, acceleration, $module::running_cost(x.into(), $u.into(), $p.into())]
        };
        let h = $dt / f64::from($steps);
        (0..$steps).fold([$x[0], $x[1], 0.0], |y, _| augmented::$integrator(y, h, &slopes))
    }};
}

macro_rules! running_costs {
    ($($module:ident::$model:ident is $integrator:ident of $steps:literal steps of $dt:expr, stage cost $stage_cost:expr;)*) => {$(
        #[test]
        fn $module() {
            // The kernels beside dual numbers, differences, and steps by hand.
            assert_derivatives(
                stringify!($module),
                $module::$model,
                Points::new([1.2, 0.3]),
                Functions {
                    dynamics: |x: [f64; 2], u: [f64; 1], p: [f64; 2], _: [f64; 0]| {
                        let [angle, rate, _] = by_hand!($module, $integrator, $steps, $dt(p), x, u, p);
                        let added: [f64; 2] = $module::dynamics(x.into(), u.into(), p.into()).into();
                        // The same operations in another order.
                        assert!((added[0] - angle).abs() < 1e-13 && (added[1] - rate).abs() < 1e-13);
                        vec![angle, rate]
                    },
                    stage_cost: |x: [f64; 2], u: [f64; 1], p: [f64; 2], _: [f64; 0]| {
                        let stage_cost: fn([f64; 2], [f64; 1], [f64; 2]) -> f64 = $stage_cost;
                        by_hand!($module, $integrator, $steps, $dt(p), x, u, p)[2] + stage_cost(x, u, p)
                    },
                    terminal_cost: |x: [f64; 2], p: [f64; 2], _: [f64; 0]| $module::terminal_cost(x.into(), p.into()),
                },
            );
        }
    )*};
}

running_costs! {
    by_euler::ByEuler is euler of 1 steps of |_: [f64; 2]| 0.1, stage cost |_, _, _| 0.0;
    by_semi_implicit_euler::BySemiImplicitEuler is semi_implicit_euler of 2 steps of |p: [f64; 2]| p[1], stage cost |_, _, _| 0.0;
    by_midpoint::ByMidpoint is midpoint of 3 steps of |p: [f64; 2]| p[1],
        stage cost |x, u, p| by_midpoint::stage_cost(x.into(), u.into(), p.into());
    by_rk4::ByRk4 is rk4 of 1 steps of |_: [f64; 2]| 0.25, stage cost |_, _, _| 0.0;
    by_rk4_twice::ByRk4Twice is rk4 of 2 steps of |p: [f64; 2]| 0.5 * p[1],
        stage cost |x, u, p| by_rk4_twice::stage_cost(x.into(), u.into(), p.into());
    in_a_loop::InALoop is rk4 of 60 steps of |p: [f64; 2]| p[1],
        stage cost |x, u, p| in_a_loop::stage_cost(x.into(), u.into(), p.into());
    in_a_loop_of_midpoints::InALoopOfMidpoints is midpoint of 100 steps of |_: [f64; 2]| 0.25, stage cost |_, _, _| 0.0;
}

const PARAMS: [f64; 2] = [1.2, 0.3];

/// Steps that grow and shrink.
fn grid(horizon: usize) -> Vec<[f64; 1]> {
    (0..=horizon).map(|t| [0.1 + 0.05 * (t as f64).sin()]).collect()
}

fn solve_on(grid: &[[f64; 1]], method: Method) -> (on_a_grid::Solver, Solution<2, 1, 2, 1>) {
    let horizon = grid.len() - 1;
    let problem = on_a_grid::Problem::new([0.6, 0.0], PARAMS, horizon).with_stage_params(grid);
    let settings = Settings { method, ..Settings::default() };
    let mut solver = on_a_grid::Solver::new(on_a_grid::OnAGrid, horizon, settings).unwrap();
    let solution = solver.solve(&problem).unwrap();
    (solver, solution)
}

#[test]
fn a_grid_that_is_not_uniform() {
    let horizon = 20;
    let grid = grid(horizon);
    let (_, solution) = solve_on(&grid, Method::Auto);
    assert_eq!(solution.status, Status::Converged);
    let mut cost = on_a_grid::terminal_cost(solution.states[horizon].into(), PARAMS.into());
    for t in 0..horizon {
        let (x, u): ([f64; 2], [f64; 1]) = (solution.states[t].into(), solution.controls[t].into());
        let [angle, rate, running] = by_hand!(on_a_grid, rk4, 1, grid[t][0], x, u, PARAMS);
        // The same operations in another order.
        assert!((solution.states[t + 1] - SVector::from([angle, rate])).amax() < 1e-13);
        cost += running;
    }
    assert!((solution.cost - cost).abs() < 1e-13 * cost, "{} and {cost}", solution.cost);
}

/// The gradient in each step, by central differences of solves; and the kernels for stage parameters beside dual numbers.
#[test]
fn gradient_in_the_steps() {
    let horizon = 12;
    let center = grid(horizon);
    let (mut solver, solution) = solve_on(&center, Method::Auto);
    let mut loss = LossGradient::zeros(horizon);
    loss.states[8][0] = 1.0;
    loss.controls[3][0] = -0.5;
    let gradient: Gradient<2, 2, 1> = solver.vjp(&solution, &loss).unwrap();
    for stage in [0, 3, 7, 10] {
        let at = |h: f64| {
            let mut grid = center.clone();
            grid[stage][0] += h;
            let solution = solve_on(&grid, Method::Auto).1;
            solution.states[8][0] - 0.5 * solution.controls[3][0]
        };
        // Steps of 1e-4: off by h^2 times a third derivative below 100, and by the solves' accuracy over the step.
        let difference = (at(1e-4) - at(-1e-4)) / 2e-4;
        let ours = gradient.stage_params[stage][0];
        assert!((ours - difference).abs() < 1e-6, "stage {stage}: {ours} and {difference}");
    }
    let (x, u, p, s) = (SVector::from([0.4, -0.3]), SVector::from([0.7]), PARAMS.into(), SVector::from([0.2]));
    let (lambda, dx, du) = (SVector::from([0.3, 1.1]), SVector::from([0.5, -0.2]), SVector::from([0.9]));
    fn contraction<M: Model<2, 1, 2, 1>>(
        model: M,
        at: Stage<'_, f64, 2, 1, 2, 1>,
        [lambda, dx]: [&SVector<f64, 2>; 2],
        du: &SVector<f64, 1>,
    ) -> [f64; 3] {
        let (mut p, mut s) = (SVector::zeros(), SVector::zeros());
        let gradient = ParameterGradient::new(&mut p, &mut s);
        model.add_parameter_contraction(at, lambda, Variation { dx, du }, lambda, gradient);
        [p[0], p[1], s[0]]
    }
    let at = Stage::new(&x, &u, &p, &s);
    let ours = contraction(on_a_grid::OnAGrid, at, [&lambda, &dx], &du);
    let dual = contraction(AutoDiff(on_a_grid::OnAGrid), at, [&lambda, &dx], &du);
    // Both are exact up to the rounding of some hundred operations.
    assert!(ours.iter().zip(dual).all(|(ours, dual)| (ours - dual).abs() < 1e-12), "{ours:?} and {dual:?}");
}

/// A step that is not positive at one stage, zero or negative, ends the solve there, by every method.
#[test]
fn steps_that_are_not_positive() {
    for step in [0.0, -0.0, -0.1] {
        for method in [Method::Auto, Method::Ddp, Method::InteriorPoint, Method::AugmentedLagrangian] {
            let mut grid = grid(9);
            grid[4] = [step];
            let (_, solution) = solve_on(&grid, method);
            assert_eq!(solution.status, Status::Diverged, "{step} {method:?}");
            let cause = Cause::TimeStep { stage: 4 };
            assert_eq!(solution.cause, Some(cause), "{step} {method:?}");
        }
        let problem = evenly::Problem::new([0.6, 0.0], [1.2, step], 9);
        let mut solver = evenly::Solver::new(evenly::Evenly, 9, Settings::default()).unwrap();
        let solution = solver.solve(&problem).unwrap();
        let cause = Cause::TimeStep { stage: 0 };
        assert_eq!((solution.status, solution.cause), (Status::Diverged, Some(cause)));
    }
    // The last stage parameters are those of the terminal state, which has no step.
    let mut grid = grid(9);
    grid[9] = [-1.0];
    assert_eq!(solve_on(&grid, Method::Auto).1.status, Status::Converged);
}

/// The check of the step is no branch of the model, and kernels make it once.
#[test]
fn the_check_of_a_step_is_no_kink() {
    const KINKS: [bool; 2] =
        [<on_a_grid::OnAGrid as Model<2, 1, 2, 1>>::HAS_KINKS, <by_midpoint::ByMidpoint as Model<2, 1, 2>>::HAS_KINKS];
    assert_eq!(KINKS, [false; 2]);
}
