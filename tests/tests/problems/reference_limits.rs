//! The reference data of problems with parameters of the stage, constraints, and bounds that are parameters, with
//! models that the macro compiled.

use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{Ilqr, Model, Settings, Status};
use dilqr_tests::{Limited, assert_close, matrices, vector, vectors};

/// The accuracy of the data: stationary to 1e-14, agreement with Ipopt to 1e-8, and of derivatives with differences of
/// solutions to 2e-9. The accuracy of the solver: stationary to 1e-9.
const COST: f64 = 1e-9;
const TRAJECTORY: f64 = 1e-6;
const DERIVATIVE: f64 = 1e-6;

fn check<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    name: &str,
    model: M,
    active: [usize; 2],
) where
    M: Model<NX, NU, NP, NS>,
{
    let limited = Limited::read(name);
    let case = &limited.case;
    let mut solver = Ilqr::new(model, case.horizon, Settings::default()).unwrap();
    let solution = solver.solve(&limited.problem()).unwrap();
    assert_eq!(solution.status, Status::Converged, "{name}: {:?}", solution.stats);
    assert!(solution.stats.iterations <= 30, "{name}: {:?}", solution.stats);
    assert!((solution.cost - case.cost).abs() <= COST * case.cost.abs(), "{name}: cost {}", solution.cost);
    assert_close("states", &solution.states, &vectors(&case.states), TRAJECTORY);
    assert_close("controls", &solution.controls, &vectors(&case.controls), TRAJECTORY);
    assert_close("costates", &solution.costates, &vectors(&limited.costates), DERIVATIVE);

    // Empty in the case means empty in the solution.
    let scalars = |numbers: &[f64]| numbers.iter().map(|&number| [number].into()).collect::<Vec<SVector<f64, 1>>>();
    let multipliers = &solution.multipliers;
    for (what, given, expected) in [
        ("stage multipliers", &multipliers.stage, &limited.stage_multipliers.concat()),
        ("terminal multipliers", &multipliers.terminal, &limited.terminal_multipliers),
    ] {
        assert_eq!(given.is_empty(), expected.is_empty(), "{name}: {what}");
        if !expected.is_empty() {
            assert_close(what, &scalars(given), &scalars(expected), DERIVATIVE);
        }
    }
    let bounds = vectors::<NU>(&limited.bound_multipliers);
    if bounds.iter().any(|multipliers| multipliers.amax() > 0.0) {
        assert_close("bound multipliers", &solution.bound_multipliers, &bounds, DERIVATIVE);
    }
    // The active sets are equal.
    let count = |numbers: &[f64]| numbers.iter().filter(|number| **number != 0.0).count();
    let at_bounds = solution.bound_multipliers.iter().map(|multipliers| count(multipliers.as_slice())).sum();
    assert_eq!([count(&multipliers.stage), at_bounds], active, "{name}");

    let gradient = solver.vjp(&solution, &case.loss()).unwrap();
    assert_close("gradient", &[gradient.params], &[vector(&case.grad_params)], DERIVATIVE);
    assert_close("gradient in x0", &[gradient.initial_state], &[vector(&case.grad_initial_state)], DERIVATIVE);
    assert_close("gradient in s", &gradient.stage_params, &vectors(&limited.grad_stage_params), DERIVATIVE);

    let jacobian = solver.jacobian(&solution).unwrap();
    assert_close("dx/dp", &jacobian.states, &matrices(&case.jacobian_states_params), DERIVATIVE);
    assert_close("du/dp", &jacobian.controls, &matrices(&case.jacobian_controls_params), DERIVATIVE);

    let value = solver.value_gradient(&solution).unwrap();
    assert_close("dJ/dp", &[value.params], &[vector(&limited.value_grad_params)], DERIVATIVE);
    assert_close("dJ/dx0", &[value.initial_state], &[vector(&limited.value_grad_initial_state)], DERIVATIVE);
    assert_close("dJ/ds", &value.stage_params, &vectors(&limited.value_grad_stage_params), DERIVATIVE);
}

/// A boat that follows a moving target in a current.
#[dilqr_runtime::model]
pub mod boat {
    pub struct State {
        pub position: [f64; 2],
        pub heading: f64,
        pub speed: f64,
    }
    pub struct Control {
        pub thrust: f64,
        pub angle: f64,
    }
    pub struct Params {
        pub drag: f64,
        pub rudder: f64,
        pub effort: f64,
        /// Squared distance at which the cost becomes linear.
        pub scale: f64,
    }
    pub struct StageParams {
        pub target: [f64; 2],
        pub current: f64,
    }

    const DT: f64 = 0.2;

    pub fn dynamics(x: &State, u: &Control, p: &Params, s: &StageParams) -> State {
        let (sin, cos) = x.heading.sin_cos();
        let resistance = p.drag * x.speed * (1.0 + x.speed * x.speed).sqrt();
        State {
            position: [x.position[0] + DT * (x.speed * cos + s.current), x.position[1] + DT * x.speed * sin],
            heading: x.heading + DT * p.rudder * x.speed * u.angle.sin(),
            speed: x.speed + DT * (u.thrust - resistance),
        }
    }

    fn distance(x: &State, p: &Params, s: &StageParams) -> f64 {
        let square = (x.position[0] - s.target[0]).powi(2) + (x.position[1] - s.target[1]).powi(2);
        p.scale * ((1.0 + square / p.scale).sqrt() - 1.0)
    }

    pub fn stage_cost(x: &State, u: &Control, p: &Params, s: &StageParams) -> f64 {
        distance(x, p, s) + p.effort * (u.thrust.powi(2) + u.angle.powi(2))
    }

    pub fn terminal_cost(x: &State, p: &Params, s: &StageParams) -> f64 {
        5.0 * distance(x, p, s) + 0.1 * x.speed.powi(2)
    }
}

#[test]
fn tracking() {
    check("tracking", boat::Boat, [0, 0]);
}

/// A car that must stop at a point. The ground limits the grip of its tires.
#[dilqr_runtime::model]
pub mod car {
    pub struct State {
        pub x: f64,
        pub y: f64,
        pub heading: f64,
        pub speed: f64,
    }
    pub struct Control {
        pub acceleration: f64,
        pub turn: f64,
    }
    pub struct Params {
        pub drag: f64,
        pub grip: f64,
        pub goal: [f64; 2],
        pub turning: f64,
    }
    pub struct StageParams {
        pub surface: f64,
    }

    const DT: f64 = 0.15;

    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        State {
            x: x.x + DT * x.speed * x.heading.cos(),
            y: x.y + DT * x.speed * x.heading.sin(),
            heading: x.heading + DT * u.turn,
            speed: x.speed + DT * (u.acceleration - p.drag * x.speed * x.speed),
        }
    }

    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        let distance = (x.x - p.goal[0]).powi(2) + (x.y - p.goal[1]).powi(2);
        distance + 0.1 * (u.acceleration.powi(2) + p.turning * u.turn.powi(2)) + 0.1 * x.heading.powi(2)
    }

    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.heading.powi(2)
    }

    pub fn stage_constraints(x: State, u: Control, p: Params, s: StageParams) -> [f64; 1] {
        let sideways = x.speed * u.turn;
        [u.acceleration.powi(2) + sideways.powi(2) - (p.grip * s.surface).powi(2)]
    }

    pub fn terminal_equalities(x: State, p: Params) -> [f64; 3] {
        [x.x - p.goal[0], x.y - p.goal[1], x.speed]
    }
}

/// The grip is active at stages 0 to 5 and 10 to 13.
#[test]
fn path() {
    check("path", car::Car, [10, 0]);
}

/// A lander whose thrust and lean are limited by parameters.
#[dilqr_runtime::model]
pub mod lander {
    pub struct State {
        pub position: [f64; 2],
        pub velocity: [f64; 2],
    }
    pub struct Control {
        #[bounds(LEAST, p.strength)]
        pub thrust: f64,
        #[bounds(None, p.lean)]
        pub lean: f64,
    }
    pub struct Params {
        pub mass: f64,
        pub gravity: f64,
        pub drag: f64,
        pub strength: f64,
        pub lean: f64,
    }
    pub struct StageParams {
        pub wind: f64,
    }

    const DT: f64 = 0.2;
    const LEAST: f64 = 1.2;

    pub fn dynamics(x: State, u: Control, p: Params, s: StageParams) -> State {
        let through_air = [x.velocity[0] - s.wind, x.velocity[1]];
        let air = p.drag * (0.01 + through_air[0].powi(2) + through_air[1].powi(2)).sqrt();
        let velocity = [
            x.velocity[0] + DT * (u.thrust * u.lean.sin() - air * through_air[0]) / p.mass,
            x.velocity[1] + DT * ((u.thrust * u.lean.cos() - air * through_air[1]) / p.mass - p.gravity),
        ];
        State { position: [x.position[0] + DT * velocity[0], x.position[1] + DT * velocity[1]], velocity }
    }

    fn square(v: [f64; 2]) -> f64 {
        v[0] * v[0] + v[1] * v[1]
    }

    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        let hovering = u.thrust - p.mass * p.gravity;
        0.1 * square(x.position) + 0.05 * square(x.velocity) + 0.1 * hovering.powi(2) + 0.5 * u.lean.powi(2)
    }

    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        5.0 * (square(x.position) + square(x.velocity))
    }
}

/// Least thrust at stage 0, full thrust from stage 4 on, full lean before stage 6.
#[test]
fn bound_parameter() {
    check("bound_parameter", lander::Lander, [0, 23]);
}
