//! Solves every shipped model from a sensible guess. The optimality conditions are computed again with other
//! derivatives, the gradient by differences through the solver, and the equations are checked by conservation laws.
#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]

use dilqr_models::{
    acrobot, bioreactor, cannonball, cartpole_cos_sin, cartpole_estimator, goddard, mass_spring_damper,
    pendulum_cos_sin, planar_quadrotor, race_car, race_track, two_link_arm, unicycle, van_der_pol, waypoint,
};
#[cfg(feature = "large")]
use dilqr_models::{arm, quadrotor, quadrotor_euler, quadrotor_pole, rocket};
use dilqr_runtime::AutoDiff;
use dilqr_runtime::model::{Stage, StageExpansion, Terminal, TerminalExpansion};
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{Formulation, Ilqr, Model, Problem, Settings, Solution, Status};
use dilqr_tests::{assert_close, differences, random_loss, solve, tight, value};

/// The first-order conditions, with derivatives by dual numbers through the value kernels: dynamics, costates, and
/// stationarity of the Hamiltonian.
fn assert_optimal<M, const NX: usize, const NU: usize, const NP: usize>(
    name: &str,
    model: M,
    solution: &Solution<NX, NU, NP>,
) where
    M: Model<NX, NU, NP> + Copy,
{
    let model = AutoDiff(model);
    let (p, none) = (&solution.params, SVector::zeros());
    let horizon = solution.horizon();
    let mut end = TerminalExpansion::zeros();
    model.expand_terminal(Terminal::new(&solution.states[horizon], p, &none), &mut end);
    let (mut lambda, mut cost) = (end.lx, end.l);
    let (mut stationarity, mut scale) = (0.0_f64, 1.0_f64);
    for t in (0..horizon).rev() {
        let mut stage = StageExpansion::zeros();
        model.expand_stage(Stage::new(&solution.states[t], &solution.controls[t], p, &none), &mut stage);
        // One step of some hundred operations, in the order of another kernel.
        let next = &solution.states[t + 1];
        assert!((stage.f - next).amax() <= 1e-12 * next.amax().max(1.0), "{name}: the states are not a trajectory");
        stationarity = stationarity.max((stage.lu + stage.fu.transpose() * lambda).amax());
        scale = scale.max(stage.lu.amax());
        // Closed loop, which equals the textbook's `lx + fx' lambda` where the Hamiltonian is stationary and does not
        // amplify rounding on an unstable plant.
        let gain = solution.gains[t];
        lambda = stage.lx + gain.transpose() * stage.lu + (stage.fx + stage.fu * gain).transpose() * lambda;
        let largest = lambda.amax().max(1.0);
        assert!((lambda - solution.costates[t]).amax() <= 1e-9 * largest, "{name}: costate {t}");
        cost += stage.l;
    }
    // The solver ends at 1e-12 with its own kernels. Other rounding costs two digits.
    assert!(stationarity <= 1e-10 * scale, "{name}: stationarity {stationarity:e} at a scale of {scale:e}");
    assert!((cost - solution.cost).abs() <= 1e-12 * cost.abs().max(1.0), "{name}: cost {cost}");
}

fn check<M, const NX: usize, const NU: usize, const NP: usize>(name: &str, model: M, problem: &Problem<NX, NU, NP>)
where
    M: Model<NX, NU, NP> + Copy,
{
    let mut solver = Ilqr::new(model, problem.horizon(), tight()).unwrap();
    let solution = solve(&mut solver, problem);
    // The guess is not yet the solution.
    assert!(solution.stats.iterations > 0, "{name}");
    assert_optimal(name, model, &solution);

    let loss = random_loss(problem.horizon());
    let gradient = solver.vjp(&solution, &loss).unwrap();
    let measured = differences(&mut solver, &solution, |s| value(&loss, s));
    // `differences` has an accuracy of 1e-10 of the largest entry. The rest is room for large higher derivatives.
    assert_close(name, &[gradient.params], &[measured.params], 1e-7);
    assert_close(name, &[gradient.initial_state], &[measured.initial_state], 1e-7);
}

/// The problem from `x0` with a guess for unstable systems: a rollout under feedback. The gain is the first one of the
/// problem that starts at the equilibrium of least cost.
fn balanced<M, const NX: usize, const NU: usize, const NP: usize>(
    model: M,
    rest: (impl Into<SVector<f64, NX>>, [f64; NU]),
    x0: impl Into<SVector<f64, NX>>,
    params: impl Into<SVector<f64, NP>>,
    horizon: usize,
) -> Problem<NX, NU, NP>
where
    M: Model<NX, NU, NP> + Copy,
{
    let (rest, hold) = (rest.0.into(), SVector::from(rest.1));
    let params = params.into();
    let mut solver = Ilqr::new(model, horizon, tight()).unwrap();
    let still = solve(&mut solver, &Problem::new(rest, params, horizon).with_controls(&vec![hold; horizon]));
    assert!((still.controls[0] - hold).amax() <= 1e-6 * hold.amax().max(1.0), "no equilibrium: {}", still.controls[0]);
    Problem::new(x0, params, horizon).with_policy(&model, move |_, x| hold + still.gains[0] * (x - rest))
}

#[test]
fn van_der_pol() {
    check("van der Pol", van_der_pol::VanDerPol, &Problem::new([0.0, 1.0], van_der_pol::Params::default(), 30));
}

#[test]
fn mass_spring_damper() {
    let problem = Problem::new([0.3, -0.2, 0.5, 0.0, 0.4, -0.1], mass_spring_damper::Params::default(), 30);
    check("mass-spring-damper", mass_spring_damper::MassSpringDamper, &problem);
}

#[test]
fn unicycle() {
    check("unicycle", unicycle::Unicycle, &Problem::new([0.0, 0.1, 0.3], unicycle::Params::default(), 30));
}

#[test]
fn planar_quadrotor() {
    let params = planar_quadrotor::Params::default();
    let hover = [0.5 * params.mass * params.gravity; 2];
    let x0 = [0.5, -0.3, 0.4, 0.0, 0.2, -0.1];
    let problem = balanced(planar_quadrotor::PlanarQuadrotor, ([0.0; 6], hover), x0, params, 30);
    check("planar quadrotor", planar_quadrotor::PlanarQuadrotor, &problem);
}

#[test]
#[cfg(feature = "large")]
fn quadrotor() {
    let params = quadrotor::Params::default();
    let hover = quadrotor::hover(params);
    // Within the limits of the vehicle's rotors, about in the middle.
    assert!((14.0..15.0).contains(&hover));
    let x0 = [0.5, -0.4, 0.3, 0.05, -0.08, 0.1, 0.2, 0.0, -0.1, 0.1, -0.2, 0.3];
    let problem = balanced(quadrotor::Quadrotor, ([0.0; 12], [hover; 4]), x0, params, 25);
    check("quadrotor", quadrotor::Quadrotor, &problem);
}

#[test]
#[cfg(feature = "large")]
fn quadrotor_euler() {
    let x0 = [0.5, -0.4, 0.6, 0.1, -0.1, 0.2, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    let problem =
        Problem::new(x0, quadrotor_euler::Params::default(), 30).with_controls(&[[quadrotor_euler::HOVER; 4]; 30]);
    check("quadrotor (Euler angles)", quadrotor_euler::QuadrotorEuler, &problem);
}

#[test]
#[cfg(feature = "large")]
fn quadrotor_pole() {
    let params = quadrotor_pole::Params::default();
    let hold = [(params.mass + params.mass_pole) * params.gravity, 0.0, 0.0, 0.0];
    let rest = quadrotor_pole::State { attitude: [1.0, 0.0, 0.0, 0.0], ..[0.0; 14].into() };
    // A turn by 0.2 rad about a slanted axis.
    let attitude = [0.1_f64.cos(), 0.6 * 0.1_f64.sin(), 0.0, 0.8 * 0.1_f64.sin()];
    let x0 = quadrotor_pole::State { position: [0.3, -0.2, 0.1], attitude, lean: [0.05, -0.03], ..rest };
    let problem = balanced(quadrotor_pole::QuadrotorPole, (rest, hold), x0, params, 30);
    check("quadrotor with a pole", quadrotor_pole::QuadrotorPole, &problem);
}

#[test]
#[cfg(feature = "large")]
fn rocket() {
    let params = rocket::Params::default();
    let x0 = rocket::State {
        position: [3.0, 1.0, -0.5],
        velocity: [-1.0, 0.2, 0.1],
        attitude: [0.2_f64.cos(), 0.0, 0.6 * 0.2_f64.sin(), 0.8 * 0.2_f64.sin()],
        rate: [0.0, 0.1, -0.1],
    };
    let hover = [params.mass * params.gravity, 0.0, 0.0];
    check("rocket", rocket::Rocket, &Problem::new(x0, params, 20).with_controls(&[hover; 20]));
}

#[test]
#[cfg(feature = "large")]
fn arm() {
    let x0 = [0.3, 0.5, 0.2, 0.4, 0.3, 0.2, 0.4, 0.0, 0.1, 0.0, -0.1, 0.2, 0.0, 0.1];
    check("arm", arm::Arm, &Problem::new(x0, arm::Params::default(), 15));
}

#[test]
fn acrobot() {
    let params = acrobot::Params::default();
    let problem = balanced(acrobot::Acrobot, ([0.0; 4], [0.0]), [0.02, -0.03, 0.02, 0.0], params, 40);
    check("acrobot", acrobot::Acrobot, &problem);
}

#[test]
fn two_link_arm() {
    let problem = Problem::new([0.6, 1.2, 0.0, 0.0], two_link_arm::Params::default(), 30);
    check("two-link arm", two_link_arm::TwoLinkArm, &problem);
}

#[test]
fn pendulum_cos_sin() {
    let model = pendulum_cos_sin::PendulumCosSin;
    let problem = Problem::new([1.0_f64.cos(), 1.0_f64.sin(), 0.0], pendulum_cos_sin::Params::default(), 25)
        .with_policy(&model, |_, x| [-(8.0 * x[1].atan2(x[0]) + 2.0 * x[2])]);
    check("pendulum (cos, sin)", model, &problem);
}

#[test]
fn cartpole_cos_sin() {
    let model = cartpole_cos_sin::CartpoleCosSin;
    let x0 = [0.0, 0.1, 0.5_f64.cos(), 0.5_f64.sin(), 0.2];
    let problem = Problem::new(x0, cartpole_cos_sin::Params::default(), 25)
        .with_policy(&model, |_, x| [2.0 * x[0] + 4.0 * x[1] + 40.0 * x[3].atan2(x[2]) + 8.0 * x[4]]);
    check("cartpole (cos, sin)", model, &problem);
}

/// Models of other kinds, from a guess for any parameters: the gradient of the optimal cost beside central differences through
/// solves. Both are compared over the parameter, in units of the cost. `step` is that of the differences.
fn check_cost<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize>(
    (name, step): (&str, f64),
    model: M,
    params: [f64; NP],
    problem: impl Fn([f64; NP]) -> Problem<NX, NU, NP, NS, ND>,
) -> Solution<NX, NU, NP, NS, ND>
where
    M: Formulation<NX, NU, NP, NS, ND> + Copy,
{
    let start = problem(params);
    let mut solver = Ilqr::new(model, start.horizon(), Settings { tolerance: 1e-11, ..Settings::default() }).unwrap();
    let solution = solver.solve(&start).unwrap();
    assert_eq!(solution.status, Status::Converged, "{name}: {:?}", solution.stats);
    let gradient = solver.value_gradient(&solution).unwrap().params;
    for j in 0..NP {
        let size = if params[j] == 0.0 { 1.0 } else { params[j].abs() };
        let mut cost = |change: f64| {
            let mut params = params;
            params[j] += change * size;
            let mut moved = problem(params).with_warm_start(&model, &solution);
            if let Some(&previous) = start.previous() {
                moved = moved.with_previous(previous);
            }
            let moved = solver.solve(&moved).unwrap();
            assert_eq!(moved.status, Status::Converged, "{name}, parameter {j}: {:?}", moved.stats);
            moved.cost
        };
        let difference = (cost(step) - cost(-step)) / (2.0 * step);
        let unit = solution.cost.abs().max(difference.abs());
        // The rounding of the cost over the step, and the square of the step times higher derivatives.
        assert!(
            (gradient[j] * size - difference).abs() <= 1e-5 * unit,
            "{name}, parameter {j}: {} instead of {difference}",
            gradient[j] * size
        );
    }
    solution
}

/// States along a trajectory, by a function of the part that has passed.
fn along<const NX: usize>(horizon: usize, state: impl Fn(f64) -> [f64; NX]) -> Vec<[f64; NX]> {
    (0..=horizon).map(|t| state(t as f64 / horizon as f64)).collect()
}

#[test]
fn waypoint() {
    let problem = |params| Problem::new([0.0, 0.0], params, 50).with_stage_params(&waypoint::passing(0.2, 20, 50));
    let solution = check_cost(("way point", 1e-4), waypoint::Waypoint, waypoint::Params::default().into(), problem);
    assert!((solution.states[20][0] - 0.2).abs() < 1e-9 && solution.states[50].amax() < 1e-9);
}

#[test]
fn race_car() {
    let horizon = race_car::STAGES as usize;
    let states = along(horizon, |part| if part == 0.0 { [0.0; 2] } else { [0.0, 1.0] });
    let problem = |params| Problem::new(states[0], params, horizon).with_design([1.0]).with_states(&states);
    let solution = check_cost(("race car", 1e-4), race_car::RaceCar, race_car::Params::default().into(), problem);
    // The optimum of CasADi's example.
    assert!((solution.design[0] - 1.90504).abs() < 1e-3, "{}", solution.design);
}

#[test]
fn race_track() {
    let (time, states, controls) = race_track::lap_at(12.0);
    let params = race_track::Params::default();
    let problem = |params| {
        let problem = Problem::new(states[0], params, controls.len()).with_design(time);
        problem.with_states(&states).with_controls(&controls)
    };
    let solution = check_cost(("race track", 1e-5), race_track::RaceTrack, params.into(), problem);
    // Half of the circle of friction everywhere would be slower, and the speed of the straight all along the lap faster.
    assert!(solution.design[0] > 15.0 && solution.design[0] < time[0], "{}", solution.design);
    let offset = solution.states.iter().map(|x| x[1].abs()).fold(0.0, f64::max);
    assert!((offset - params.width).abs() < 1e-6, "the car cuts corners up to the edge: {offset}");
    // Time and effort are the cost, by quadrature of the definition.
    let used: f64 = solution
        .states
        .iter()
        .zip(&solution.controls)
        .map(|(x, u)| (u[0].powi(2) + (x[3] * x[3] * u[1]).powi(2)) / params.grip.powi(2))
        .sum();
    let cost = solution.design[0] * (1.0 + params.effort * used / race_track::STAGES);
    assert!((solution.cost - cost).abs() < 1e-12 * cost);
}

#[test]
fn goddard() {
    let states = along(100, |part| [1.0, part * (1.0 - part), 1.0 - 0.4 * part]);
    let problem = |params| {
        let problem = Problem::new(states[0], params, 100).with_design([1.0]);
        problem.with_states(&states).with_controls(&[[1.75]; 100])
    };
    let solution = check_cost(("Goddard's rocket", 1e-4), goddard::Goddard, goddard::Params::default().into(), problem);
    // The height that COPS gives.
    assert!((solution.cost + 1.01283).abs() < 1e-4, "{}", solution.cost);
}

#[test]
fn cannonball() {
    let states = along(50, |part| {
        let side = (2.0 * part - 1.0).abs();
        let tilt = 25.0 * (1.0 - 2.0 * part).max(0.0) - 45.0 * (2.0 * part - 1.0).max(0.0);
        [200.0 * part, 100.0 * (1.0 - side), tilt.to_radians(), 150.0 + 50.0 * side]
    });
    let problem = |params| Problem::new(states[0], params, 50).with_design([0.05, 20.0]).with_states(&states);
    let solution =
        check_cost(("cannonball", 1e-4), cannonball::Cannonball, cannonball::Params::default().into(), problem);
    // The whole energy goes into the ball.
    let [radius, speed] = [solution.design[0], solution.states[0][3]];
    let mass = 7870.0 * 4.0 / 3.0 * std::f64::consts::PI * radius.powi(3);
    assert!((0.5 * mass * speed.powi(2) / 4e5 - 1.0).abs() < 1e-9);
}

#[test]
fn bioreactor() {
    let contents = [5.7, 18.7, 20.1];
    let feed: Vec<_> = (0..24).map(|t| [if (4..12).contains(&t) { 39.0 } else { 29.0 }]).collect();
    let problem = |params: [f64; 5]| {
        let states = along(24, |part| [contents[0], contents[1], contents[2], params[3] * part]);
        Problem::new(states[0], params, 24).with_design(contents).with_states(&states).with_controls(&feed)
    };
    let params = bioreactor::Params { mean: 40.0, demand: 32.9, ..bioreactor::Params::default() };
    // An orbit that begins a little later costs next to nothing more, so the solution moves far for a small change.
    let solution = check_cost(("bioreactor", 3e-6), bioreactor::Bioreactor, params.into(), problem);
    // A periodic orbit.
    let [start, end] = [solution.states[0], solution.states[24]];
    assert!((0..3).all(|i| (start[i] - end[i]).abs() < 1e-8 && (start[i] - solution.design[i]).abs() < 1e-8));
}

#[test]
fn cartpole_estimator() {
    use cartpole_estimator::{CartpoleEstimator, Control, DT, Params, StageParams, dynamics};
    let params = Params::default();
    let (mut x, mut measured) = ([0.0, 0.0, 0.3, 0.0].into(), Vec::new());
    for t in 0..=20 {
        let cartpole_estimator::State { position, velocity, angle, angular_velocity } = x;
        let force = 2.0 * position + 4.0 * velocity + 40.0 * angle + 10.0 * angular_velocity;
        let error = |k: f64| 0.02 * (k * f64::from(t)).sin();
        let s = StageParams { force, position: position + error(2.3), angle: angle + error(1.7) };
        measured.push(s);
        x = dynamics(x, Control { velocity: 0.05 * error(1.1), angular_velocity: error(0.9) / DT.sqrt() }, params, s);
    }
    let problem = |params| Problem::new([0.0, 0.0, 0.3, 0.0], params, 20).with_stage_params(&measured);
    let solution = check_cost(("estimator of the cart-pole", 1e-4), CartpoleEstimator, params.into(), problem);
    assert!((solution.states[0][2] - 0.3).abs() < 0.05, "{}", solution.states[0]);
}

/// The change of a quantity along the motion, by central differences.
fn rate<const NX: usize>(x: [f64; NX], slope: [f64; NX], quantity: impl Fn([f64; NX]) -> f64) -> f64 {
    let h = 1e-5;
    let at = |h: f64| quantity(std::array::from_fn(|i| x[i] + h * slope[i]));
    (at(h) - at(-h)) / (2.0 * h)
}

#[track_caller]
fn close(what: &str, given: f64, expected: f64) {
    // The accuracy of differences with a step of 1e-5, less a digit.
    assert!((given - expected).abs() <= 1e-8 * expected.abs().max(1.0), "{what}: {given} instead of {expected}");
}

/// The work of the motors equals the gain of energy. An error in the inertia matrix or in a Coriolis term shows here.
#[test]
fn power_of_the_acrobot() {
    let p = acrobot::Params { mass: [1.1, 0.7], inertia: [0.2, 0.3], center: [0.4, 0.6], ..acrobot::Params::default() };
    let energy = |x: [f64; 4]| {
        let [first, second, w1, w2] = x;
        let (w, both) = (w1 + w2, first + second);
        // Velocity of the second rod's center.
        let v = [
            p.length * first.cos() * w1 + p.center[1] * both.cos() * w,
            -p.length * first.sin() * w1 - p.center[1] * both.sin() * w,
        ];
        let kinetic = 0.5 * (p.mass[0] * (p.center[0] * w1).powi(2) + p.inertia[0] * w1.powi(2))
            + 0.5 * (p.mass[1] * (v[0].powi(2) + v[1].powi(2)) + p.inertia[1] * w.powi(2));
        let heights = [p.center[0] * first.cos(), p.length * first.cos() + p.center[1] * both.cos()];
        kinetic + p.gravity * (p.mass[0] * heights[0] + p.mass[1] * heights[1])
    };
    let x = [0.7, -1.1, 1.3, -0.6];
    let u = acrobot::Control { torque: 0.9 };
    let slope = acrobot::derivative(x.into(), u, p).into();
    close("power", rate(x, slope, energy), u.torque * x[3]);
}

#[test]
fn power_of_the_two_link_arm() {
    let p = two_link_arm::Params::default();
    let energy = |x: [f64; 4]| {
        let [_, second, w1, w2] = x;
        // The forearm's inertia is given about the elbow: its kinetic energy is that of the elbow's motion, of the turn
        // about it, and of both together.
        let elbow = p.length[0] * w1;
        let both = p.mass * elbow * p.center * (w1 + w2) * second.cos();
        0.5 * (p.inertia[0] * w1.powi(2) + p.mass * elbow.powi(2) + p.inertia[1] * (w1 + w2).powi(2)) + both
    };
    let x = [0.7, -1.1, 1.3, -0.6];
    let u = two_link_arm::Control { torque: [0.4, -0.3] };
    let slope = two_link_arm::derivative(x.into(), u, p).into();
    let [w1, w2] = [x[2], x[3]];
    let friction = p.friction * (w1.powi(2) + w2.powi(2)) + 2.0 * p.friction_cross * w1 * w2;
    close("power", rate(x, slope, energy), u.torque[0] * w1 + u.torque[1] * w2 - friction);
}

#[test]
fn power_of_the_chain() {
    let p = mass_spring_damper::Params { stiffness: [10.0, 7.0, 5.0], damping: [0.5, 0.4, 0.3], ..Default::default() };
    let energy = |x: [f64; 6]| {
        let stretch = [x[0], x[1] - x[0], x[2] - x[1]];
        (0..3).map(|i| 0.5 * (p.mass[i] * x[3 + i].powi(2) + p.stiffness[i] * stretch[i].powi(2))).sum()
    };
    let x = [0.3, -0.2, 0.5, 0.7, 0.4, -0.1];
    let u = mass_spring_damper::Control { force: 0.8 };
    let slope = mass_spring_damper::derivative(x.into(), u, p).into();
    let rates = [x[3], x[4] - x[3], x[5] - x[4]];
    let lost: f64 = (0..3).map(|i| p.damping[i] * rates[i].powi(2)).sum();
    close("power", rate(x, slope, energy), u.force * x[5] - lost);
}

/// The cross product.
#[cfg(feature = "large")]
fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    std::array::from_fn(|i| a[(i + 1) % 3] * b[(i + 2) % 3] - a[(i + 2) % 3] * b[(i + 1) % 3])
}

/// A vector turned by `angle` about the direction of `axis` (Rodrigues' formula).
#[cfg(feature = "large")]
fn turned(v: [f64; 3], axis: [f64; 3], angle: f64) -> [f64; 3] {
    let length = axis.iter().map(|a| a * a).sum::<f64>().sqrt();
    let e = axis.map(|a| a / length);
    let along: f64 = (0..3).map(|i| e[i] * v[i]).sum();
    let aside = cross(e, v);
    std::array::from_fn(|i| v[i] * angle.cos() + aside[i] * angle.sin() + e[i] * along * (1.0 - angle.cos()))
}

/// Velocity and angular momentum in the world change by the forces and torques there, whatever the frames of the model.
#[test]
#[cfg(feature = "large")]
fn forces_on_the_quadrotor() {
    let p = quadrotor::Params { inertia_xy: 0.003, ..quadrotor::Params::default() };
    let u = quadrotor::Control { pulse: [14.0, 15.2, 14.6, 13.9] };
    let x = [0.1, 0.2, 0.3, 0.2, -0.3, 0.25, 0.7, -0.4, 0.5, 1.1, -0.7, 0.9];
    let slope: [f64; 12] = quadrotor::derivative(x.into(), u, p).into();
    // Of the body's vector `v` in the world.
    let world = |x: [f64; 12], v: [f64; 3]| {
        let axis = [x[3], x[4], x[5]];
        turned(v, axis, 4.0 * axis.iter().map(|a| a * a).sum::<f64>().sqrt().atan())
    };
    let thrust = u.pulse.map(|pulse| 100.0 * pulse * p.thrust_slope + p.thrust_offset);
    let force = world(x, [0.0, 0.0, thrust.iter().sum()]);
    let side = p.arm / 2.0_f64.sqrt();
    let places = [[side, side, 0.0], [side, -side, 0.0], [-side, -side, 0.0], [-side, side, 0.0]];
    let mut torque = [0.0; 3];
    for (i, sign) in [1.0, -1.0, 1.0, -1.0].into_iter().enumerate() {
        let lever = cross(places[i], [0.0, 0.0, thrust[i]]);
        torque = [torque[0] + lever[0], torque[1] + lever[1], torque[2] + 100.0 * sign * p.torque_slope * u.pulse[i]];
    }
    let torque = world(x, torque);
    let momentum = |x: [f64; 12]| {
        let (w, [a, b, c]) = ([x[9], x[10], x[11]], p.inertia);
        world(x, [a * w[0] + p.inertia_xy * w[1], p.inertia_xy * w[0] + b * w[1], c * w[2]])
    };
    for i in 0..3 {
        let velocity = |x: [f64; 12]| world(x, [x[6], x[7], x[8]])[i];
        close("velocity", slope[i], velocity(x));
        let weight = if i == 2 { p.gravity } else { 0.0 };
        close("acceleration", rate(x, slope, velocity), force[i] / p.mass - weight);
        close("momentum", rate(x, slope, |x| momentum(x)[i]), torque[i]);
    }
}

/// A vector of the body in the world, by the product of quaternions `q v q*`.
#[cfg(feature = "large")]
fn by_quaternion(q: [f64; 4], v: [f64; 3]) -> [f64; 3] {
    let axis = [q[1], q[2], q[3]];
    let once = cross(axis, v);
    let twice = cross(axis, once);
    std::array::from_fn(|i| v[i] + 2.0 * (q[0] * once[i] + twice[i]))
}

#[test]
#[cfg(feature = "large")]
fn forces_on_the_rocket() {
    let p = rocket::Params { inertia: [0.5, 0.9, 1.2], ..rocket::Params::default() };
    let u = rocket::Control { thrust: [9.0, 1.5, -0.8] };
    // The quaternion (4, 2, -1, 2) / 5 has length 1.
    let x = [1.0, 0.2, 0.3, 0.2, -0.3, 0.4, 0.8, 0.4, -0.2, 0.4, 1.1, -0.7, 0.9];
    let slope: [f64; 13] = rocket::derivative(x.into(), u, p).into();
    let world = |x: [f64; 13], v: [f64; 3]| by_quaternion([x[6], x[7], x[8], x[9]], v);
    let force = world(x, u.thrust);
    let torque = world(x, cross([-0.5 * p.length, 0.0, 0.0], u.thrust));
    let momentum = |x: [f64; 13]| world(x, std::array::from_fn(|i| p.inertia[i] * x[10 + i]));
    for i in 0..3 {
        let weight = if i == 0 { p.gravity } else { 0.0 };
        close("acceleration", slope[3 + i], force[i] / p.mass - weight);
        close("momentum", rate(x, slope, |x| momentum(x)[i]), torque[i]);
    }
    close("length of the quaternion", rate(x, slope, |x| (6..10).map(|i| x[i] * x[i]).sum()), 0.0);
}

/// The force in the rod is internal: it does not move the common center of mass and does no work.
#[test]
#[cfg(feature = "large")]
fn forces_on_the_pole() {
    let p = quadrotor_pole::Params { mass_pole: 0.2, ..quadrotor_pole::Params::default() };
    let u = quadrotor_pole::Control { thrust: 8.0, rate: [0.6, -0.4, 0.3] };
    let x = [0.1, 0.2, 0.3, 0.5, -0.3, 0.4, 0.8, 0.4, -0.2, 0.4, 0.2, -0.1, 0.7, 0.5];
    let slope: [f64; 14] = quadrotor_pole::derivative(x.into(), u, p).into();
    let height = |x: [f64; 14]| (p.length.powi(2) - x[10].powi(2) - x[11].powi(2)).sqrt();
    let height_rate = |x: [f64; 14]| -(x[10] * x[12] + x[11] * x[13]) / height(x);
    let pole = |x: [f64; 14]| [x[3] + x[12], x[4] + x[13], x[5] + height_rate(x)];
    let force = by_quaternion([x[6], x[7], x[8], x[9]], [0.0, 0.0, u.thrust]);
    for i in 0..3 {
        let momentum = |x: [f64; 14]| p.mass * x[3 + i] + p.mass_pole * pole(x)[i];
        let weight = if i == 2 { (p.mass + p.mass_pole) * p.gravity } else { 0.0 };
        close("momentum", rate(x, slope, momentum), force[i] - weight);
    }
    let energy = |x: [f64; 14]| {
        let square = |v: [f64; 3]| v.iter().map(|v| v * v).sum::<f64>();
        let kinetic = 0.5 * (p.mass * square([x[3], x[4], x[5]]) + p.mass_pole * square(pole(x)));
        kinetic + p.gravity * (p.mass * x[2] + p.mass_pole * (x[2] + height(x)))
    };
    close("power", rate(x, slope, energy), (0..3).map(|i| force[i] * x[3 + i]).sum());
    close("length of the quaternion", rate(x, slope, |x| (6..10).map(|i| x[i] * x[i]).sum()), 0.0);
    // The quaternion turns with the body rates.
    let v = [0.3, -0.5, 0.7];
    let moved = by_quaternion([x[6], x[7], x[8], x[9]], cross(u.rate, v));
    for i in 0..3 {
        let entry = |x: [f64; 14]| by_quaternion([x[6], x[7], x[8], x[9]], v)[i];
        close("attitude", rate(x, slope, entry), moved[i]);
    }
}

/// One step and the cost of the comparison problem, evaluated in Python from its own definition (`quad12_rk4` and
/// `quad12_cost`: other code, the same equations) with plain floats and printed in full.
#[test]
#[cfg(feature = "large")]
fn quadrotor_of_the_comparison() {
    let x = [0.31, -0.42, 0.53, 0.14, -0.25, 0.36, 0.47, -0.58, 0.69, 0.71, -0.82, 0.93];
    let u = quadrotor_euler::Control { thrust: [1.31, 1.12, 1.23, 1.04] };
    let next = [
        0.31905535914131106,
        -0.4320199316875475,
        0.5436377721450009,
        0.15119659643764227,
        -0.27009011813557104,
        0.37689206159513905,
        0.4352318510505042,
        -0.6226269826387892,
        0.6735678959233062,
        0.8440842590398447,
        -0.9307839895588373,
        0.97655,
    ];
    let p = quadrotor_euler::Params::default();
    let given: [f64; 12] = quadrotor_euler::dynamics(x.into(), u, p).into();
    for (given, next) in given.iter().zip(&next) {
        // Numbers below 1, of some hundred operations.
        assert!((given - next).abs() <= 1e-14, "{given} instead of {next}");
    }
    assert!((quadrotor_euler::stage_cost(x.into(), u, p) - 0.3218123124999999).abs() <= 1e-15);
}

/// As above, from `arm7_ode` under an Euler step, and `arm7_cost`.
#[test]
#[cfg(feature = "large")]
fn arm_of_the_comparison() {
    let x = [0.31, -0.42, 0.53, 0.64, -0.75, 0.86, -0.97, -0.58, 0.69, 0.71, -0.82, 0.93, -0.14, 0.25];
    let u = arm::Control { torque: [1.3, -2.2, 0.7, 1.6, -0.5, 0.4, 0.3] };
    // Rates of change: the accelerations are up to 446 and tell more than the step.
    let slope = [
        -0.58,
        0.69,
        0.71,
        -0.82,
        0.93,
        -0.14,
        0.25,
        27.371983983942357,
        -21.669587216301895,
        0.14576342063669023,
        61.1856400255101,
        -99.90561044339813,
        5.109564069170147,
        446.1869965695237,
    ];
    let p = arm::Params::default();
    let given: [f64; 14] = arm::derivative(x.into(), u, p).into();
    let step: [f64; 14] = arm::dynamics(x.into(), u, p).into();
    for i in 0..14 {
        // Thousands of operations on numbers up to 446; the inertias to be solved for span three decades.
        assert!((given[i] - slope[i]).abs() <= 1e-10, "{} instead of {}", given[i], slope[i]);
        assert!((step[i] - (x[i] + arm::DT * slope[i])).abs() <= 1e-12);
    }
    assert!((arm::stage_cost(x.into(), u, p) - 1.87772).abs() <= 1e-14);
}

/// One system in two coordinates: the steps agree.
#[test]
fn coordinates_of_mpc_pytorch() {
    use dilqr_models::{cartpole, pendulum};
    let next = pendulum::dynamics([0.8, -0.4].into(), [0.7].into(), pendulum::Params::default());
    let start = [0.8_f64.cos(), 0.8_f64.sin(), -0.4];
    let other = pendulum_cos_sin::dynamics(start.into(), [0.7].into(), pendulum_cos_sin::Params::default());
    close("cos", other.cos, next.theta.cos());
    close("sin", other.sin, next.theta.sin());
    close("omega", other.omega, next.omega);

    let next = cartpole::dynamics([0.1, 0.2, 0.8, -0.4].into(), [0.7].into(), cartpole::Params::default());
    let start = [0.1, 0.2, 0.8_f64.cos(), 0.8_f64.sin(), -0.4];
    let other = cartpole_cos_sin::dynamics(start.into(), [0.7].into(), cartpole_cos_sin::Params::default());
    close("position", other.position, next.position);
    close("velocity", other.velocity, next.velocity);
    close("cos", other.cos, next.angle.cos());
    close("sin", other.sin, next.angle.sin());
    close("rate", other.angular_velocity, next.angular_velocity);
}

/// A guess at rest, at places that this car has not reached. A lap time of zero, where no control has an effect, is a minimum of
/// time and violation together; it is no proof that there is no lap.
#[test]
fn a_lap_from_a_guess_at_rest_is_not_infeasible() {
    let horizon = race_car::STAGES as usize;
    let mut solver = Ilqr::new(race_car::RaceCar, horizon, Settings::default()).unwrap();
    let mut states: Vec<[f64; 2]> = (0..=horizon).map(|t| [t as f64 / horizon as f64, 1.0]).collect();
    states[0] = [0.0; 2];
    for time in [0.7, 1.0, 2.0, 3.0] {
        let problem = Problem::new([0.0; 2], race_car::Params::default(), horizon);
        let problem = problem.with_design([time]).with_states(&states).with_controls(&vec![[0.0]; horizon]);
        let status = solver.solve(&problem).unwrap().status;
        assert_ne!(status, Status::Infeasible, "{time}");
    }
}
