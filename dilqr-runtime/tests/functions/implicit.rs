//! Implicit integrators: orders, stiff problems, derivatives, and steps that do not converge.

use dilqr_runtime::{Cause, Direction, LossGradient, ModelFunction, Problem, Settings, Solution, Status, batch};

/// The same pendulum under every implicit integrator, and under `rk4` with many substeps.
macro_rules! pendulums {
    ($($module:ident $integrator:ident $substeps:literal;)*) => {$(
        #[dilqr_runtime::model(integrator = $integrator, dt = p.dt, substeps = $substeps)]
        pub mod $module {
            pub struct State { pub angle: f64, pub rate: f64 }
            pub struct Control { pub torque: f64 }
            pub struct Params { pub gravity: f64, pub drag: f64, pub dt: f64 }
            pub fn derivative(x: State, u: Control, p: Params) -> State {
                State { angle: x.rate, rate: p.gravity * x.angle.sin() - p.drag * x.rate.powi(3) + u.torque }
            }
            pub fn running_cost(x: State, u: Control, _p: Params) -> f64 {
                x.angle * x.angle + 0.1 * x.rate * x.rate + 0.1 * u.torque * u.torque
            }
            pub fn terminal_cost(x: State, _p: Params) -> f64 { 3.0 * (x.angle * x.angle + x.rate * x.rate) }
        }
    )*};
}

pendulums! {
    implicit_euler implicit_euler 1;
    implicit_midpoint implicit_midpoint 1;
    trapezoid trapezoid 1;
    gauss_legendre gauss_legendre 1;
    radau radau 1;
    radau_twice radau 2;
    exact rk4 40;
    euler euler 1;
    semi_implicit_euler semi_implicit_euler 1;
    midpoint midpoint 1;
    rk4 rk4 1;
}

const X: [f64; 2] = [0.9, -0.6];

/// The state after one step of length `dt` from `X`.
macro_rules! step {
    ($module:ident, $dt:expr) => {{
        let p = $module::Params { gravity: 9.0, drag: 0.7, dt: $dt };
        let x = $module::State { angle: X[0], rate: X[1] };
        let next = $module::dynamics(x, $module::Control { torque: 0.8 }, p);
        [next.angle, next.rate]
    }};
}

#[test]
fn orders() {
    macro_rules! order {
        ($module:ident, $order:literal) => {{
            let error = |dt: f64| {
                let (step, exact) = (step!($module, dt), step!(exact, dt));
                (step[0] - exact[0]).hypot(step[1] - exact[1])
            };
            // The error of one step is of order `order + 1`.
            let measured = (error(0.01) / error(0.005)).log2() - 1.0;
            assert!((measured - $order as f64).abs() < 0.25, "{}: {measured}", stringify!($module));
        }};
    }
    order!(implicit_euler, 1);
    order!(implicit_midpoint, 2);
    order!(trapezoid, 2);
    order!(radau, 3);
    order!(gauss_legendre, 4);
    order!(euler, 1);
    order!(semi_implicit_euler, 1);
    order!(midpoint, 2);
    order!(rk4, 4);
    let (twice, once) = (step!(radau_twice, 0.08), step!(radau, 0.08));
    let exact = step!(exact, 0.08);
    assert!((twice[0] - exact[0]).abs() < 0.3 * (once[0] - exact[0]).abs());
}

const T: usize = 10;
const P: [f64; 3] = [9.0, 0.7, 0.06];

fn loss() -> LossGradient<2, 1> {
    let mut loss: LossGradient<2, 1> = LossGradient::zeros(T);
    for t in 0..=T {
        loss.states[t] = [(t as f64).sin(), (2.0 * t as f64).cos()].into();
    }
    loss.controls.iter_mut().enumerate().for_each(|(t, u)| u[0] = (3.0 * t as f64).sin());
    loss
}

fn value(solution: &Solution<2, 1, 3>) -> f64 {
    assert_eq!(solution.status, Status::Converged);
    let loss = loss();
    let states: f64 = solution.states.iter().zip(&loss.states).map(|(x, g)| x.dot(g)).sum();
    states + solution.controls.iter().zip(&loss.controls).map(|(u, g)| u.dot(g)).sum::<f64>()
}

/// Gradients in parameters (the time step included), initial state and second derivatives, beside differences.
#[test]
fn derivatives() {
    macro_rules! check {
        ($($module:ident $Model:ident),*) => {$({
            let settings = Settings { tolerance: 1e-11, ..Settings::default() };
            let mut solver = $module::Solver::new($module::$Model, T, settings).unwrap();
            let mut solve = |x0: [f64; 2], p: [f64; 3]| solver.solve(&Problem::new(x0, p, T)).unwrap();
            let (name, step) = (stringify!($module), 1e-5);
            let moved = |list: &mut [f64], entry: usize, by: f64| list[entry] += by;
            let mut differences = Vec::new();
            for entry in 0..5 {
                let mut at = |by: f64| {
                    let (mut x0, mut p) = (X, P);
                    if entry < 3 { moved(&mut p, entry, by) } else { moved(&mut x0, entry - 3, by) }
                    value(&solve(x0, p))
                };
                differences.push((at(step) - at(-step)) / (2.0 * step));
            }
            let solution = solve(X, P);
            let mut solver = $module::Solver::new($module::$Model, T, settings).unwrap();
            let gradient = solver.vjp(&solution, &loss()).unwrap();
            let given: Vec<f64> = gradient.params.iter().chain(&gradient.initial_state).copied().collect();
            for (given, difference) in given.iter().zip(&differences) {
                assert!((given - difference).abs() < 1e-6 * (1.0 + difference.abs()), "{name}: {given} {difference}");
            }
            let in_lanes = batch::vjp_lanes(&$module::$Model, &settings, core::slice::from_ref(&solution), &[loss()]).remove(0).unwrap();
            assert!((in_lanes.params - gradient.params).amax() < 1e-9);
            // Second derivatives.
            let direction = [0.4, -0.3, 0.02];
            let along = solver.hvp(&solution, &loss(), &Direction::new(direction), |_, _| LossGradient::zeros(T)).unwrap();
            let mut at = |by: f64| {
                let p = std::array::from_fn(|i| P[i] + by * direction[i]);
                let solution = solver.solve(&Problem::new(X, p, T)).unwrap();
                solver.vjp(&solution, &loss()).unwrap()
            };
            let difference = (at(1e-4) + at(-1e-4) * -1.0) * 5e3;
            for (given, difference) in along.params.iter().zip(&difference.params) {
                assert!((given - difference).abs() < 1e-5 * (1.0 + difference.abs()), "{name}: {given} {difference}");
            }
        })*};
    }
    check!(implicit_euler ImplicitEuler, implicit_midpoint ImplicitMidpoint, trapezoid Trapezoid);
    check!(gauss_legendre GaussLegendre, radau_twice RadauTwice);
}

/// Robertson's reactions, steered by an inflow: rates from 0.04 to 3e7, with steps of 1 s.
#[dilqr_runtime::model(integrator = radau, dt = 1.0)]
pub mod robertson {
    pub struct State {
        pub a: f64,
        pub b: f64,
        pub c: f64,
    }
    pub struct Control {
        pub inflow: f64,
    }
    pub struct Params {
        pub slow: f64,
        pub fast: f64,
        pub back: f64,
    }
    pub fn derivative(x: State, u: Control, p: Params) -> State {
        let (first, second, third) = (p.slow * x.a, p.fast * x.b * x.b, p.back * x.b * x.c);
        State { a: third - first + u.inflow, b: first - third - second, c: second }
    }
    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        (x.a - 0.8) * (x.a - 0.8) + 1e4 * u.inflow * u.inflow
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        10.0 * (x.a - 0.8) * (x.a - 0.8)
    }
}

const ROBERTSON: [f64; 3] = [0.04, 3e7, 1e4];

#[test]
fn stiff_reactions() {
    // a(40) = 0.7158, b = 9.185e-6, c = 0.2841: Hairer and Wanner, *Solving Ordinary Differential Equations II*.
    let mut x = robertson::State { a: 1.0, b: 0.0, c: 0.0 };
    let p = robertson::Params { slow: 0.04, fast: 3e7, back: 1e4 };
    for _ in 0..40 {
        x = robertson::dynamics(x, robertson::Control { inflow: 0.0 }, p);
    }
    assert!((x.a - 0.7158).abs() < 1e-4 && (x.b - 9.185e-6).abs() < 1e-8, "{x:?}");
    assert!((x.a + x.b + x.c - 1.0).abs() < 1e-13, "mass is kept");

    let horizon = 8;
    let settings = Settings { tolerance: 1e-10, ..Settings::default() };
    let mut solver = robertson::Solver::new(robertson::Robertson, horizon, settings).unwrap();
    let problem = |p: [f64; 3]| Problem::new([1.0, 0.0, 0.0], p, horizon);
    let solution = solver.solve(&problem(ROBERTSON)).unwrap();
    assert_eq!(solution.status, Status::Converged);
    let mut loss: LossGradient<3, 1> = LossGradient::zeros(horizon);
    loss.states[horizon][2] = 1.0;
    let gradient = solver.vjp(&solution, &loss).unwrap();
    for entry in 0..3 {
        let mut at = |by: f64| {
            let mut p = ROBERTSON;
            p[entry] *= 1.0 + by;
            solver.solve(&problem(p)).unwrap().states[horizon][2]
        };
        let difference = (at(1e-5) - at(-1e-5)) / 2e-5;
        let given = gradient.params[entry] * ROBERTSON[entry];
        assert!((given - difference).abs() < 1e-6 * (1e-3 + difference.abs()), "{entry}: {given} {difference}");
    }
}

/// A continuous stirred-tank reactor (Hicks and Ray, 1971, in the form of Biegler): concentration `c`, temperature `t`, cooling `u`.
/// The exponential makes it stiff where it burns.
#[dilqr_runtime::model(integrator = radau, dt = 0.5)]
pub mod cstr {
    pub struct State {
        pub c: f64,
        pub t: f64,
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {
        pub residence: f64,
        pub rate: f64,
        pub activation: f64,
        pub transfer: f64,
    }
    pub fn derivative(x: State, u: Control, p: Params) -> State {
        let burned = p.rate * x.c * (-p.activation / x.t).exp();
        State {
            c: (1.0 - x.c) / p.residence - burned,
            t: (0.3947 - x.t) / p.residence + burned - p.transfer * u.u * (x.t - 0.3816),
        }
    }
    pub fn running_cost(x: State, u: Control, _p: Params) -> f64 {
        1e2 * (x.c - 0.2632).powi(2) + 1e2 * (x.t - 0.6519).powi(2) + 1e-2 * (u.u - 0.76).powi(2)
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        1e3 * ((x.c - 0.2632).powi(2) + (x.t - 0.6519).powi(2))
    }
}

#[test]
fn a_reactor() {
    let (horizon, p) = (20, [20.0, 300.0, 5.0, 0.1947]);
    let settings = Settings { tolerance: 1e-11, ..Settings::default() };
    let mut solver = cstr::Solver::new(cstr::Cstr, horizon, settings).unwrap();
    let problem = |p: [f64; 4]| Problem::new([0.3, 0.62], p, horizon).with_controls(&vec![[0.7]; horizon]);
    let mut loss: LossGradient<2, 1> = LossGradient::zeros(horizon);
    loss.states[horizon / 2] = [1.0, 0.5].into();
    loss.controls[0][0] = 0.2;
    let mut value = |p: [f64; 4]| {
        let solution = solver.solve(&problem(p)).unwrap();
        assert_eq!(solution.status, Status::Converged);
        let middle = solution.states[horizon / 2];
        (middle[0] + 0.5 * middle[1] + 0.2 * solution.controls[0][0], solution)
    };
    let differences: Vec<f64> = (0..4)
        .map(|entry| {
            let at = |by: f64| {
                let mut moved = p;
                moved[entry] *= 1.0 + by;
                moved
            };
            (value(at(1e-5)).0 - value(at(-1e-5)).0) / 2e-5
        })
        .collect();
    let solution = value(p).1;
    let gradient = cstr::Solver::new(cstr::Cstr, horizon, settings).unwrap().vjp(&solution, &loss).unwrap();
    // Differences of solves to 1e-11 with relative steps of 1e-5 have errors of 1e-6.
    for entry in 0..4 {
        let (given, difference) = (gradient.params[entry] * p[entry], differences[entry]);
        assert!((given - difference).abs() < 5e-6 * (1.0 + difference.abs()), "{entry}: {given} {difference}");
    }
}

/// An equation without a solution beyond `u = 1 / (4 h)`: `y = x + h (y^2 + u)`.
#[dilqr_runtime::model(integrator = implicit_euler, dt = 0.5)]
pub mod blow_up {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {}
    pub fn derivative(x: State, u: Control, _p: Params) -> State {
        State { x: x.x * x.x + u.u }
    }
    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        x.x * x.x + u.u * u.u
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.x * x.x
    }
}

#[test]
fn a_step_without_a_solution_is_a_cause() {
    let mut solver = blow_up::Solver::new(blow_up::BlowUp, 3, Settings::default()).unwrap();
    let problem = Problem::new([0.1], [0.0; 0], 3).with_controls(&[[0.0], [5.0], [0.0]]);
    let solution = solver.solve(&problem).unwrap();
    assert_eq!(solution.status, Status::Diverged);
    let cause = solution.cause.unwrap();
    assert!(matches!(cause, Cause::NonFinite { function: ModelFunction::Dynamics, stage: 1, .. }), "{cause:?}");
    // In lanes the others go on.
    let problems = [problem, Problem::new([0.1], [0.0; 0], 3), Problem::new([-0.2], [0.0; 0], 3)];
    let statuses = batch::solve_lanes(&blow_up::BlowUp, 3, &Settings::default(), &problems);
    let statuses: Vec<Status> = statuses.into_iter().map(|solution| solution.unwrap().status).collect();
    assert_eq!(statuses, [Status::Diverged, Status::Converged, Status::Converged]);
}

/// Van der Pol's oscillator with its damping as an algebraic variable, `z = (1 - x^2) v` by an equation that is not solved for
/// it, under an explicit and an implicit integrator; and the same with the variable written out.
macro_rules! oscillators {
    ($($module:ident [$($argument:tt)*] [$($item:tt)*];)*) => {$(
        #[dilqr_runtime::model($($argument)*)]
        pub mod $module {
            pub struct State { pub x: f64, pub v: f64 }
            pub struct Control { pub u: f64 }
            pub struct Params { pub mu: f64, pub stiffness: f64 }
            $($item)*
        }
    )*};
}

oscillators! {
    dae_rk4 [integrator = rk4, dt = 0.08] [
        pub struct Algebraic { #[guess(0.5)] pub damping: f64 }
        pub fn algebraic(x: State, z: Algebraic, u: Control, _p: Params) -> [f64; 1] {
            [z.damping + 0.1 * z.damping.powi(3) - (1.0 - x.x * x.x) * x.v - 0.2 * u.u]
        }
        pub fn derivative(x: State, z: Algebraic, u: Control, p: Params) -> State {
            State { x: x.v, v: p.mu * z.damping - p.stiffness * x.x + u.u }
        }
        pub fn stage_cost(x: State, z: Algebraic, u: Control, _p: Params) -> f64 {
            0.08 * (x.x * x.x + x.v * x.v + 0.3 * z.damping * z.damping + u.u * u.u)
        }
        pub fn terminal_cost(x: State, _p: Params) -> f64 { x.x * x.x + x.v * x.v }
        pub fn stage_constraints(_x: State, z: Algebraic, u: Control, _p: Params) -> [f64; 1] { [u.u - 0.4 + z.damping] }
    ];
    dae_radau [integrator = radau, dt = 0.08] [
        pub struct Algebraic { pub damping: f64 }
        pub fn algebraic(x: State, z: Algebraic, u: Control, _p: Params) -> [f64; 1] {
            [z.damping + 0.1 * z.damping.powi(3) - (1.0 - x.x * x.x) * x.v - 0.2 * u.u]
        }
        pub fn derivative(x: State, z: Algebraic, u: Control, p: Params) -> State {
            State { x: x.v, v: p.mu * z.damping - p.stiffness * x.x + u.u }
        }
        pub fn running_cost(x: State, z: Algebraic, u: Control, _p: Params) -> f64 {
            x.x * x.x + x.v * x.v + 0.3 * z.damping * z.damping + u.u * u.u
        }
        pub fn terminal_cost(x: State, _p: Params) -> f64 { x.x * x.x + x.v * x.v }
    ];
    // The stiff oscillator of Hairer and Wanner, mu = 1000 in scaled time.
    stiff [integrator = radau, dt = 0.02] [
        pub fn derivative(x: State, u: Control, p: Params) -> State {
            State { x: x.v, v: p.mu * p.mu * ((1.0 - x.x * x.x) * x.v - p.stiffness * x.x) + u.u }
        }
        pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 { (x.x - 1.5).powi(2) + 1e-6 * u.u * u.u }
        pub fn terminal_cost(x: State, _p: Params) -> f64 { 10.0 * (x.x - 1.5).powi(2) }
    ];
}

/// Gradients of a model with two parameters beside differences.
macro_rules! gradients {
    ($module:ident $Model:ident, $x0:expr, $p:expr, $horizon:expr, $tolerance:expr) => {{
        let settings = Settings { tolerance: 1e-11, ..Settings::default() };
        let mut solver = $module::Solver::new($module::$Model, $horizon, settings).unwrap();
        let mut loss: LossGradient<2, 1> = LossGradient::zeros($horizon);
        loss.states[$horizon] = [1.0, 0.3].into();
        loss.controls[1][0] = 0.5;
        let (x0, p): ([f64; 2], [f64; 2]) = ($x0, $p);
        let mut value = |p: [f64; 2]| {
            let solution = solver.solve(&Problem::new(x0, p, $horizon)).unwrap();
            assert_eq!(solution.status, Status::Converged, "{}", stringify!($module));
            let end = &solution.states[$horizon];
            (end[0] + 0.3 * end[1] + 0.5 * solution.controls[1][0], solution)
        };
        let mut differences = Vec::new();
        for entry in 0..2 {
            let at = |by: f64| {
                let mut moved = p;
                moved[entry] *= 1.0 + by;
                moved
            };
            differences.push((value(at(1e-5)).0 - value(at(-1e-5)).0) / (2e-5 * p[entry]));
        }
        let solution = value(p).1;
        let mut solver = $module::Solver::new($module::$Model, $horizon, settings).unwrap();
        let gradient = solver.vjp(&solution, &loss).unwrap();
        for (given, difference) in gradient.params.iter().zip(&differences) {
            let error = (given - difference).abs();
            assert!(error < $tolerance * (1e-3 + difference.abs()), "{}: {given} {difference}", stringify!($module));
        }
        solution
    }};
}

#[test]
fn algebraic_variables() {
    // The limit on the algebraic variable is active for a while.
    let solution = gradients!(dae_rk4 DaeRk4, [0.6, -1.2], [0.8, 1.0], 15, 1e-5);
    assert!(!solution.certificate().active.is_empty());
    gradients!(dae_radau DaeRadau, [0.6, -1.2], [0.8, 1.0], 15, 1e-5);
    // Both integrators approach one solution: after one step they differ by their errors, of orders 5 and 4.
    let x = dae_rk4::State { x: 0.6, v: -1.2 };
    let (explicit, implicit) = (
        dae_rk4::dynamics(x, dae_rk4::Control { u: 0.3 }, dae_rk4::Params { mu: 0.8, stiffness: 1.0 }),
        dae_radau::dynamics(
            dae_radau::State { x: 0.6, v: -1.2 },
            dae_radau::Control { u: 0.3 },
            dae_radau::Params { mu: 0.8, stiffness: 1.0 },
        ),
    );
    assert!(
        (explicit.x - implicit.x).abs() < 1e-5 && (explicit.v - implicit.v).abs() < 1e-5,
        "{explicit:?} {implicit:?}"
    );
}

#[test]
fn a_stiff_oscillator() {
    gradients!(stiff Stiff, [2.0, -0.66], [1e3, 1.0], 10, 1e-4);
}

/// The third variable is zero, by cancellation. No function reads the variables that follow it.
#[dilqr_runtime::model(integrator = implicit_euler, dt = 0.1)]
pub mod cancelling {
    pub struct State {
        pub x: f64,
    }
    pub struct Algebraic {
        pub a: f64,
        pub b: f64,
        pub d: f64,
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {
        pub cubic: f64,
        pub scale: f64,
    }
    pub fn algebraic(_x: State, z: Algebraic, u: Control, p: Params) -> [f64; 3] {
        [z.a + p.cubic * z.a.powi(3) - u.u, p.scale * (z.b + p.cubic * z.b.powi(3) - u.u), z.d - (z.a - z.b)]
    }
    pub fn derivative(x: State, z: Algebraic, _u: Control, p: Params) -> State {
        State { x: z.a + z.d - x.x + 0.0 * p.scale }
    }
    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        x.x * x.x + u.u * u.u
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.x * x.x
    }
}

#[test]
fn unknowns_that_are_zero_have_a_solution() {
    for index in 0..400 {
        let u = 0.02 * f64::from(index) - 4.0;
        for (cubic, scale) in [(1.0, 1.0), (0.37, 1e9), (4.1, 1e-9)] {
            let p = cancelling::Params { cubic, scale };
            let next = cancelling::dynamics(cancelling::State { x: 0.3 }, cancelling::Control { u }, p);
            // x+ = (x + h a) / (1 + h)
            let a = 11.0 * next.x - 3.0;
            assert!((a + cubic * a.powi(3) - u).abs() < 1e-12 * (1.0 + u.abs()), "{u} {cubic}: {next:?}");
        }
    }
}

/// A rod of 10 cells with heat flowing in: its steps are a loop.
#[dilqr_runtime::model(integrator = rk4, dt = s.dt, substeps = 40)]
pub mod rod {
    pub struct State {
        pub heat: [f64; 10],
    }
    pub struct Control {
        pub inflow: f64,
    }
    pub struct Params {
        pub conduction: f64,
        pub loss: f64,
    }
    pub struct StageParams {
        pub dt: f64,
    }
    pub fn derivative(x: State, u: Control, p: Params) -> State {
        let mut heat = [0.0; 10];
        for i in 0..10 {
            let left = if i == 0 { x.heat[0] + u.inflow } else { x.heat[i - 1] };
            let right = if i == 9 { x.heat[9] } else { x.heat[i + 1] };
            heat[i] = p.conduction * (left - 2.0 * x.heat[i] + right) - p.loss * x.heat[i].powi(3);
        }
        State { heat }
    }
    pub fn running_cost(x: State, u: Control, _p: Params) -> f64 {
        let error = x.heat[5] - 0.5;
        error * error + 0.01 * u.inflow * u.inflow
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        let error = x.heat[5] - 0.5;
        10.0 * error * error
    }
}

/// The steps of the rod by hand, with the integral of the cost.
fn rod_by_hand(x: [f64; 10], inflow: f64, p: [f64; 2], dt: f64) -> [f64; 11] {
    let slope = |y: &[f64; 11]| -> [f64; 11] {
        std::array::from_fn(|i| {
            if i == 10 {
                return (y[5] - 0.5).powi(2) + 0.01 * inflow * inflow;
            }
            let left = if i == 0 { y[0] + inflow } else { y[i - 1] };
            let right = if i == 9 { y[9] } else { y[i + 1] };
            p[0] * (left - 2.0 * y[i] + right) - p[1] * y[i].powi(3)
        })
    };
    let moved = |y: &[f64; 11], h: f64, k: &[f64; 11]| -> [f64; 11] { std::array::from_fn(|i| y[i] + h * k[i]) };
    let h = dt / 40.0;
    let mut y: [f64; 11] = std::array::from_fn(|i| if i < 10 { x[i] } else { 0.0 });
    for _ in 0..40 {
        let k1 = slope(&y);
        let k2 = slope(&moved(&y, 0.5 * h, &k1));
        let k3 = slope(&moved(&y, 0.5 * h, &k2));
        let k4 = slope(&moved(&y, h, &k3));
        y = std::array::from_fn(|i| y[i] + h / 6.0 * (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i]));
    }
    y
}

#[test]
fn steps_of_a_large_model_are_a_loop() {
    use dilqr_runtime::Model;
    use dilqr_runtime::model::Stage;
    use dilqr_runtime::nalgebra::SVector;

    let x: [f64; 10] = std::array::from_fn(|i| (0.4 * i as f64).sin());
    let p = [4.0, 0.6];
    let mut next = SVector::zeros();
    let (z, u, q, s) = (x.into(), [0.7].into(), p.into(), [0.5].into());
    let cost = rod::Rod.step(Stage::new(&z, &u, &q, &s), &mut next);
    let expected = rod_by_hand(x, 0.7, p, 0.5);
    assert!((0..10).all(|i| (next[i] - expected[i]).abs() < 1e-14), "{next}");
    assert!((cost - expected[10]).abs() < 1e-14);

    // Gradients in parameters and the steps of the stages, and second derivatives, beside differences.
    let horizon = 3;
    let settings = Settings { tolerance: 1e-12, ..Settings::default() };
    let mut solver = rod::Solver::new(rod::Rod, horizon, settings).unwrap();
    let mut loss: LossGradient<10, 1> = LossGradient::zeros(horizon);
    loss.states[horizon] = SVector::from_fn(|i, _| (i as f64).cos());
    loss.controls[0][0] = 0.3;
    let mut solve = |p: [f64; 2], dt: f64| {
        let steps = [[0.5], [dt], [0.4], [0.3]];
        let problem = Problem::new(x, p, horizon).with_stage_params(&steps);
        let solution = solver.solve(&problem).unwrap();
        assert_eq!(solution.status, Status::Converged);
        let gradient = solver.vjp(&solution, &loss).unwrap();
        let value = solution.states[horizon].dot(&loss.states[horizon]) + 0.3 * solution.controls[0][0];
        (value, gradient)
    };
    let (_, gradient) = solve(p, 0.6);
    let given = [gradient.params[0], gradient.params[1], gradient.stage_params[1][0]];
    for (entry, given) in given.into_iter().enumerate() {
        let mut at = |by: f64| {
            let mut data = [p[0], p[1], 0.6];
            data[entry] += by;
            solve([data[0], data[1]], data[2]).0
        };
        let difference = (at(1e-5) - at(-1e-5)) / 2e-5;
        assert!((given - difference).abs() < 1e-6 * (1.0 + difference.abs()), "{entry}: {given} {difference}");
    }
}
