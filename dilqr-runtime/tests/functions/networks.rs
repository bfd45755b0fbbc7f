//! Models with networks and with functions of the user's own.

use dilqr_runtime::{
    Cause, Direction, Gradient, GradientError, LossGradient, Problem, Settings, Status, batch, check_function,
};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// A pendulum with a torque that a network gives.
#[dilqr_runtime::model(integrator = midpoint, dt = 0.05)]
pub mod pendulum {
    pub struct State {
        pub angle: f64,
        pub rate: f64,
    }
    pub struct Control {
        pub torque: f64,
    }
    pub struct Params {
        pub gravity: f64,
        pub weight: f64,
    }

    #[network(layers = [3, 7, 5, 1], activation = tanh)]
    pub struct Residual;

    pub fn derivative(x: State, u: Control, p: Params, residual: &Residual) -> State {
        let [push] = residual.evaluate([x.angle.sin(), x.rate, u.torque]);
        State { angle: x.rate, rate: p.gravity * x.angle.sin() + u.torque + 0.5 * push * push + push }
    }

    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        0.05 * (p.weight * (x.angle * x.angle + 0.1 * x.rate * x.rate) + 0.05 * u.torque * u.torque)
    }

    pub fn terminal_cost(x: State, p: Params) -> f64 {
        5.0 * p.weight * (x.angle * x.angle + x.rate * x.rate)
    }
}

const T: usize = 12;

fn model(seed: u64) -> pendulum::Pendulum {
    pendulum::Pendulum::new(pendulum::Residual::xavier(seed))
}

fn problem() -> pendulum::Problem {
    Problem::new([0.6, -0.2], [3.0, 1.0], T)
}

fn loss() -> LossGradient<2, 1> {
    let mut random = StdRng::seed_from_u64(3);
    let mut loss: LossGradient<2, 1> = LossGradient::zeros(T);
    for x in &mut loss.states {
        x.iter_mut().for_each(|x| *x = random.random_range(-1.0..1.0));
    }
    loss.controls.iter_mut().for_each(|u| u[0] = random.random_range(-1.0..1.0));
    loss
}

/// The loss of the solution of a model.
fn value(model: pendulum::Pendulum, problem: &pendulum::Problem) -> f64 {
    let settings = Settings { tolerance: 1e-11, ..Settings::default() };
    let mut solver = pendulum::Solver::new(model, T, settings).unwrap();
    let solution = solver.solve(problem).unwrap();
    assert_eq!(solution.status, Status::Converged);
    let loss = loss();
    let states: f64 = solution.states.iter().zip(&loss.states).map(|(x, g)| x.dot(g)).sum();
    states + solution.controls.iter().zip(&loss.controls).map(|(u, g)| u.dot(g)).sum::<f64>()
}

#[test]
fn derivatives_of_networks() {
    let function = pendulum::Residual::xavier(5);
    let check = check_function(&function, &[0.3, -0.7, 1.1]);
    assert!(check.largest() < 1e-8, "{check:?}");
    assert_eq!(pendulum::Residual::LEN, 4 * 7 + 8 * 5 + 6);
}

#[test]
fn gradients_in_parameters_and_weights() {
    let problem = problem();
    let mut solver = pendulum::Solver::new(model(1), T, Settings::default()).unwrap();
    let solution = solver.solve(&problem).unwrap();
    assert_eq!(solution.status, Status::Converged);
    let gradient: Gradient<2, 2> = solver.vjp(&solution, &loss()).unwrap();
    assert_eq!(gradient.weights.len(), pendulum::Residual::LEN);
    // Central differences of solves to 1e-11 with steps of 1e-5 have errors of 1e-6.
    let step = 1e-5;
    for weight in 0..pendulum::Residual::LEN {
        let moved = |sign: f64| {
            let mut model = model(1);
            model.residual_mut().weights_mut()[weight] += sign * step;
            value(model, &problem)
        };
        let difference = (moved(1.0) - moved(-1.0)) / (2.0 * step);
        let error = (gradient.weights[weight] - difference).abs();
        assert!(error < 2e-6 * (1.0 + difference.abs()), "{weight}: {} {difference}", gradient.weights[weight]);
    }
    for entry in 0..2 {
        let moved = |sign: f64| {
            let mut p = [3.0, 1.0];
            p[entry] += sign * step;
            value(model(1), &Problem::new([0.6, -0.2], p, T))
        };
        let difference = (moved(1.0) - moved(-1.0)) / (2.0 * step);
        assert!((gradient.params[entry] - difference).abs() < 2e-6, "{} {difference}", gradient.params[entry]);
    }
}

/// A cart with drag that the user gives as a function, a network in its limit and in its costs, bounds and a design variable.
#[dilqr_runtime::model(integrator = semi_implicit_euler, dt = 0.1)]
pub mod cart {
    pub struct State {
        pub place: f64,
        pub speed: f64,
    }
    pub struct Control {
        #[bounds(-p.most, p.most)]
        pub force: f64,
    }
    pub struct Params {
        pub drag: f64,
        pub most: f64,
    }
    pub struct Design {
        #[bounds(0.1, 4.0)]
        pub mass: f64,
    }

    #[function(inputs = 2, outputs = 2)]
    pub struct Drag {
        pub exponent: f64,
    }
    #[network(layers = [2, 6, 2], activation = softplus)]
    pub struct Ground;

    pub fn derivative(x: State, u: Control, p: Params, d: Design, drag: &Drag) -> State {
        let [resistance, _] = drag.evaluate([x.speed, p.drag]);
        State { place: x.speed, speed: (u.force - resistance) / d.mass }
    }

    pub fn stage_cost(x: State, u: Control, _p: Params, ground: &Ground) -> f64 {
        let [rough, _] = ground.evaluate([x.place, u.force]);
        0.1 * (x.place * x.place + 0.1 * u.force * u.force + 0.2 * rough * rough)
    }

    pub fn terminal_cost(x: State, _p: Params, d: Design, drag: &Drag, ground: &Ground) -> f64 {
        let [_, energy] = drag.evaluate([x.speed, 0.3]);
        let [_, height] = ground.evaluate([x.place, energy]);
        2.0 * x.place * x.place + x.speed * x.speed + 0.1 * height + 0.3 * (d.mass - 1.0) * (d.mass - 1.0)
    }

    pub fn stage_constraints(x: State, _u: Control, _p: Params, ground: &Ground) -> [f64; 1] {
        let [_, height] = ground.evaluate([x.place, x.speed]);
        [-0.62 - x.speed - 0.05 * height]
    }
}

/// `(c |v|^3 v, c v^2)` with `z = (v, c)`, by hand.
impl dilqr_runtime::VectorFunction<2, 2> for cart::Drag {
    fn value<S: dilqr_runtime::Scalar>(&self, z: &[S; 2]) -> [S; 2] {
        let [v, c] = *z;
        [c * v * v * v * S::from_f64(self.exponent), c * v * v]
    }
    fn jacobian<S: dilqr_runtime::Scalar>(&self, z: &[S; 2]) -> [[S; 2]; 2] {
        let [v, c] = *z;
        let (k, two) = (S::from_f64(self.exponent), S::from_f64(2.0));
        [[S::from_f64(3.0) * c * v * v * k, v * v * v * k], [two * c * v, v * v]]
    }
    fn contraction<S: dilqr_runtime::Scalar>(&self, z: &[S; 2], mu: &[S; 2]) -> [[S; 2]; 2] {
        let [v, c] = *z;
        let (k, two) = (S::from_f64(self.exponent), S::from_f64(2.0));
        let mixed = mu[0] * S::from_f64(3.0) * v * v * k + mu[1] * two * v;
        [[mu[0] * S::from_f64(6.0) * c * v * k + mu[1] * two * c, mixed], [mixed, S::from_f64(0.0)]]
    }
}

const N: usize = 15;

fn cart_model() -> cart::Cart {
    cart::Cart::new(cart::Drag { exponent: 0.8 }, cart::Ground::xavier(9))
}

fn cart_loss() -> LossGradient<2, 1, 1> {
    let mut random = StdRng::seed_from_u64(8);
    let mut loss: LossGradient<2, 1, 1> = LossGradient::zeros(N);
    for x in &mut loss.states {
        x.iter_mut().for_each(|x| *x = random.random_range(-1.0..1.0));
    }
    loss.controls.iter_mut().for_each(|u| u[0] = random.random_range(-1.0..1.0));
    loss.design[0] = 0.7;
    loss
}

fn cart_problem(x0: [f64; 2], p: [f64; 2]) -> cart::Problem {
    Problem::new(x0, p, N).with_design([1.2])
}

fn cart_value(model: cart::Cart, problem: &cart::Problem) -> f64 {
    let settings = Settings { tolerance: 1e-11, ..Settings::default() };
    let solution = cart::Solver::new(model, N, settings).unwrap().solve(problem).unwrap();
    assert_eq!(solution.status, Status::Converged);
    let loss = cart_loss();
    let states: f64 = solution.states.iter().zip(&loss.states).map(|(x, g)| x.dot(g)).sum();
    let controls: f64 = solution.controls.iter().zip(&loss.controls).map(|(u, g)| u.dot(g)).sum();
    states + controls + solution.design.dot(&loss.design)
}

#[test]
fn limits_and_design_with_functions() {
    let check = check_function(&cart::Drag { exponent: 0.8 }, &[0.4, 0.9]);
    assert!(check.largest() < 1e-8, "{check:?}");
    let (x0, p) = ([1.0, 0.0], [0.5, 1.5]);
    let mut solver = cart::Solver::new(cart_model(), N, Settings::default()).unwrap();
    let solution = solver.solve(&cart_problem(x0, p)).unwrap();
    assert_eq!(solution.status, Status::Converged);
    let certificate = solution.certificate();
    assert!(certificate.active.len() > 2, "{certificate}");
    let gradient = solver.vjp(&solution, &cart_loss()).unwrap();
    let step = 1e-5;
    let close = |given: f64, moved: &dyn Fn(f64) -> f64, what: &str| {
        let difference = (moved(step) - moved(-step)) / (2.0 * step);
        assert!((given - difference).abs() < 5e-6 * (1.0 + difference.abs()), "{what}: {given} {difference}");
    };
    for weight in 0..cart::Ground::LEN {
        let moved = |by: f64| {
            let mut model = cart_model();
            model.ground_mut().weights_mut()[weight] += by;
            cart_value(model, &cart_problem(x0, p))
        };
        close(gradient.weights[weight], &moved, "weight");
    }
    for entry in 0..2 {
        let moved = |by: f64| {
            let mut p = p;
            p[entry] += by;
            cart_value(cart_model(), &cart_problem(x0, p))
        };
        close(gradient.params[entry], &moved, "parameter");
        let moved = |by: f64| {
            let mut x0 = x0;
            x0[entry] += by;
            cart_value(cart_model(), &cart_problem(x0, p))
        };
        close(gradient.initial_state[entry], &moved, "initial state");
    }
    // The envelope theorem.
    let gradient = solver.value_gradient(&solution).unwrap();
    let cost = |model: cart::Cart| {
        let mut solver = cart::Solver::new(model, N, Settings::default()).unwrap();
        solver.solve(&cart_problem(x0, p)).unwrap().cost
    };
    for weight in 0..cart::Ground::LEN {
        let moved = |by: f64| {
            let mut model = cart_model();
            model.ground_mut().weights_mut()[weight] += by;
            cost(model)
        };
        close(gradient.weights[weight], &moved, "cost");
    }
}

#[test]
fn second_derivatives_with_networks() {
    let direction = [0.7, -0.4];
    let at = |by: f64| Problem::new([0.6, -0.2], [3.0 + by * direction[0], 1.0 + by * direction[1]], T);
    let settings = Settings { tolerance: 1e-11, ..Settings::default() };
    let mut solver = pendulum::Solver::new(model(1), T, settings).unwrap();
    let mut gradient = |by: f64| {
        let solution = solver.solve(&at(by)).unwrap();
        solver.vjp(&solution, &loss()).unwrap()
    };
    let step = 1e-4;
    let difference = (gradient(step) + gradient(-step) * -1.0) * (0.5 / step);
    let solution = solver.solve(&at(0.0)).unwrap();
    let along = Direction::new(direction);
    // The loss is linear.
    let product = solver.hvp(&solution, &loss(), &along, |_, _| LossGradient::zeros(T)).unwrap();
    // Differences with steps of 1e-4 have errors of 1e-8 times third derivatives, which are of order 10 here.
    let close = |a: f64, b: f64| assert!((a - b).abs() < 2e-6 * (1.0 + b.abs()), "{a} {b}");
    product.params.iter().zip(&difference.params).for_each(|(a, b)| close(*a, *b));
    product.initial_state.iter().zip(&difference.initial_state).for_each(|(a, b)| close(*a, *b));
    assert_eq!(product.weights.len(), pendulum::Residual::LEN);
    product.weights.iter().zip(&difference.weights).for_each(|(a, b)| close(*a, *b));
    assert!(product.weights.iter().any(|weight| weight.abs() > 1e-3));
}

/// Batches have the bits of single problems; lanes round differently.
#[test]
fn batches_with_networks() {
    let model = model(2);
    let settings = Settings::default();
    let problems: Vec<pendulum::Problem> =
        (0..11).map(|i| Problem::new([0.1 * f64::from(i), -0.2], [3.0, 1.0], T)).collect();
    let losses = vec![loss(); problems.len()];
    let solutions: Vec<_> = batch::solve(&model, T, &settings, &problems).into_iter().map(Result::unwrap).collect();
    let gradients = batch::vjp(&model, &settings, &solutions, &losses);
    let mut solver = pendulum::Solver::new(model.clone(), T, settings).unwrap();
    let in_lanes = batch::vjp_lanes(&model, &settings, &solutions, &losses);
    let solved_in_lanes = batch::solve_and_vjp_lanes(&model, T, &settings, &problems, |_, _| loss());
    for (((problem, gradient), lane), solved) in problems.iter().zip(gradients).zip(in_lanes).zip(solved_in_lanes) {
        let solution = solver.solve(problem).unwrap();
        let alone = solver.vjp(&solution, &loss()).unwrap();
        assert_eq!(gradient.as_ref(), Ok(&alone));
        for other in [lane.unwrap(), solved.unwrap().1.unwrap()] {
            assert_eq!(other.weights.len(), alone.weights.len());
            for (a, b) in other.weights.iter().zip(&alone.weights) {
                // Solutions agree to the tolerance of 1e-9 and functions to some units in the last place.
                assert!((a - b).abs() < 1e-6 * (1.0 + b.abs()), "{a} {b}");
            }
        }
    }
}

/// Sums of gradients in blocks of 32: the same bits with any number of threads, those of single gradients that are added in this
/// order, and the solutions without one are named.
#[test]
fn sums_of_batches() {
    let (model, settings) = (model(2), Settings::default());
    let problems: Vec<pendulum::Problem> =
        (0..77).map(|i| Problem::new([0.01 * f64::from(i), -0.2], [3.0, 1.0], T)).collect();
    let losses = vec![loss(); problems.len()];
    let mut solutions: Vec<_> = batch::solve(&model, T, &settings, &problems).into_iter().map(Result::unwrap).collect();
    // No solution any more.
    solutions[35].controls[2][0] += 0.3;
    let gradients = batch::vjp(&model, &settings, &solutions, &losses);
    let by_blocks = |gradients: &[Result<Gradient<2, 2>, _>]| {
        gradients.chunks(32).map(|block| block.iter().flatten().sum::<Gradient<2, 2>>()).sum::<Gradient<2, 2>>()
    };
    let in_lanes = batch::vjp_lanes(&model, &settings, &solutions, &losses);
    let check = |sum: batch::GradientSum<2, 2>, gradients: &_| {
        assert_eq!(sum.gradient, by_blocks(gradients));
        assert!(matches!(sum.refused[..], [(35, GradientError::NotConverged { .. })]), "{:?}", sum.refused);
    };
    for threads in [1, 2, 3, 7] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        check(pool.install(|| batch::vjp_sum(&model, &settings, &solutions, &losses)), &gradients);
        check(pool.install(|| batch::vjp_sum_lanes(&model, &settings, &solutions, &losses)), &in_lanes);
    }
    // The plain sum rounds differently, so the order matters.
    let total = gradients.iter().flatten().sum::<Gradient<2, 2>>();
    assert_ne!(total, by_blocks(&gradients));
    let short = batch::vjp_sum(&model, &settings, &solutions, &losses[1..]);
    assert_eq!((short.refused.len(), short.gradient), (solutions.len(), Gradient::zeros(0)));
    assert_eq!(batch::vjp_sum(&model, &settings, &[], &[]).gradient, Gradient::<2, 2>::zeros(0));
}

/// Models of one hidden unit with weights of one, and their networks beside the functions of `f64`.
macro_rules! units {
    ($($module:ident $activation:ident $value:expr;)*) => {
        $(
            #[dilqr_runtime::model]
            pub mod $module {
                pub struct State { pub x: f64 }
                pub struct Control { pub u: f64 }
                pub struct Params {}
                #[network(layers = [1, 1, 1], activation = $activation)]
                pub struct Unit;
                pub fn dynamics(x: State, u: Control, _p: Params, unit: &Unit) -> State {
                    let [y] = unit.evaluate([x.x + u.u]);
                    State { x: y }
                }
                pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 { x.x * x.x + u.u * u.u }
                pub fn terminal_cost(x: State, _p: Params) -> f64 { x.x * x.x }
            }
        )*

        /// Every activation far from zero and near it, on both sides.
        #[test]
        fn activations() {
            $({
                let unit = $module::Unit::from_weights(&[1.0, 0.0, 1.0, 0.0]).unwrap();
                let (value, name): (fn(f64) -> f64, _) = ($value, stringify!($activation));
                for x in [-40.0, -7.3, -1.1, -1e-3, 1e-3, 0.4, 2.5, 9.0, 800.0] {
                    let ([y], expected) = (unit.evaluate([x]), value(x));
                    assert!((y - expected).abs() <= 1e-14 * expected.abs(), "{name} of {x}: {y} {expected}");
                    // Farther out, functions are constant to rounding, and so are their differences.
                    if x.abs() < 8.0 {
                        let check = check_function(&unit, &[x]);
                        assert!(check.largest() < 1e-5, "{name} of {x}: {check:?}");
                    }
                }
            })*
        }
    };
}

units! {
    of_tanh tanh f64::tanh;
    of_sigmoid sigmoid |x| if x > 0.0 { 1.0 / (1.0 + (-x).exp()) } else { x.exp() / (1.0 + x.exp()) };
    of_softplus softplus |x| x.max(0.0) + (-x.abs()).exp().ln_1p();
    of_elu elu |x| if x > 0.0 { x } else { x.exp_m1() };
    of_silu silu |x| x / (1.0 + (-x).exp());
    of_sin sin f64::sin;
}

#[test]
fn weights_at_the_door() {
    let error = pendulum::Residual::from_weights(&[0.0; 3]).unwrap_err();
    assert_eq!(error.to_string(), "the list of weights has length 3, expected 74");
    let mut weights = vec![0.0; pendulum::Residual::LEN];
    weights[5] = f64::NAN;
    let error = pendulum::Residual::from_weights(&weights).unwrap_err();
    assert_eq!(error.to_string(), "the list of weights is NaN at entry 5, expected a finite number");
    // The same seed gives the same weights, within the bound of each layer.
    let (a, b) = (pendulum::Residual::xavier(4), pendulum::Residual::xavier(4));
    assert_eq!(a, b);
    assert_ne!(a, pendulum::Residual::xavier(5));
    let bound = (6.0_f64 / 10.0).sqrt();
    assert!(a.weights()[..21].iter().all(|weight| weight.abs() <= bound && *weight != 0.0));
    assert!(a.weights()[21..28].iter().all(|bias| *bias == 0.0));
    let again = pendulum::Residual::from_weights(a.weights()).unwrap();
    assert_eq!(again, a);
}

/// Weights that training has made no numbers: the solve says where, and no gradient is given, not even of an earlier solution.
#[test]
fn weights_that_are_no_numbers() {
    for weight in [f64::NAN, f64::INFINITY] {
        let mut solver = pendulum::Solver::new(model(1), T, Settings::default()).unwrap();
        let earlier = solver.solve(&problem()).unwrap();
        let length = pendulum::Residual::LEN;
        for entry in [0, length - 1] {
            let weights = solver.model_mut().residual_mut().weights_mut();
            let before = std::mem::replace(&mut weights[entry], weight);
            let failed = solver.solve(&problem()).unwrap();
            assert_eq!(failed.status, Status::Diverged);
            // Infinite arguments of `tanh` have finite values, but no slopes.
            let first = weight.is_infinite() && entry == 0;
            let is_named = |stage: usize| stage == 0 || first;
            assert!(
                matches!(failed.cause, Some(Cause::NonFinite { stage, .. }) if is_named(stage)),
                "{weight} {entry}: {:?}",
                failed.cause
            );
            for solution in [&failed, &earlier] {
                let error = solver.vjp(solution, &loss()).unwrap_err();
                assert!(matches!(error, GradientError::NotConverged { .. }), "{error}");
            }
            solver.model_mut().residual_mut().weights_mut()[entry] = before;
        }
        // With the weights as they were, all is as before.
        let again = solver.solve(&problem()).unwrap();
        assert_eq!((again.status, &again.controls), (Status::Converged, &earlier.controls));
        assert!(solver.vjp(&earlier, &loss()).is_ok());
    }
}

/// Calls at points that are equal, though written apart, and a call with one number in two places.
#[dilqr_runtime::model]
pub mod alike {
    pub struct State {
        pub x: f64,
        pub y: f64,
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {}
    #[network(layers = [2, 4, 1], activation = sigmoid)]
    pub struct Hill;
    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { x: x.x + 0.3 * x.y, y: x.y + 0.3 * u.u }
    }
    pub fn stage_cost(x: State, u: Control, _p: Params, hill: &Hill) -> f64 {
        let [twice] = hill.evaluate([x.x, x.x]);
        twice * twice + 0.2 * x.y * x.y + 0.1 * u.u * u.u
    }
    pub fn terminal_cost(x: State, _p: Params, hill: &Hill) -> f64 {
        let [a] = hill.evaluate([x.x.max(0.1), x.y]);
        let [b] = hill.evaluate([x.x.max(0.1), x.y]);
        a * a + b * b + x.x * x.x + x.y * x.y
    }
}

#[test]
fn calls_that_are_alike() {
    let horizon = 6;
    let network = || alike::Hill::xavier(12);
    let solve = |hill: alike::Hill| {
        let settings = Settings { tolerance: 1e-12, ..Settings::default() };
        let mut solver = alike::Solver::new(alike::Alike::new(hill), horizon, settings).unwrap();
        let solution = solver.solve(&Problem::new([1.4, 0.2], [0.0; 0], horizon)).unwrap();
        assert_eq!(solution.status, Status::Converged);
        let mut loss: LossGradient<2, 1> = LossGradient::zeros(horizon);
        loss.states[horizon] = [1.0, -0.5].into();
        let end = solution.states[horizon];
        let gradient = solver.vjp(&solution, &loss).unwrap();
        let of_cost = solver.value_gradient(&solution).unwrap();
        (end[0] - 0.5 * end[1], solution.cost, gradient, of_cost)
    };
    let (_, _, gradient, of_cost) = solve(network());
    let step = 1e-5;
    for weight in 0..alike::Hill::LEN {
        let at = |by: f64| {
            let mut hill = network();
            hill.weights_mut()[weight] += by;
            let (value, cost, ..) = solve(hill);
            (value, cost)
        };
        let (above, below) = (at(step), at(-step));
        let close = |given: f64, difference: f64| {
            assert!((given - difference).abs() < 1e-6 * (1.0 + difference.abs()), "{weight}: {given} {difference}");
        };
        close(gradient.weights[weight], (above.0 - below.0) / (2.0 * step));
        close(of_cost.weights[weight], (above.1 - below.1) / (2.0 * step));
    }
}
