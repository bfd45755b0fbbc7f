//! A particle, a glider, an arm and a car; the final times of the first three are free.

use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI};

use dilqr_runtime::Problem;

use crate::check::{along, check};

/// A particle with a constant force of free direction, in the least time (COPS 3, Dolan, More and Munson 2004).
#[dilqr_runtime::model(integrator = rk4, dt = d.time / 100.0)]
pub mod steering {
    pub struct State {
        pub _x: f64,
        pub y: f64,
        pub vx: f64,
        pub vy: f64,
    }
    pub struct Control {
        #[bounds(-p.most, p.most)]
        pub angle: f64,
    }
    pub struct Params {
        pub most: f64,
        pub force: f64,
        pub height: f64,
        pub speed: f64,
    }
    pub struct Design {
        pub time: f64,
    }

    pub fn derivative(x: State, u: Control, p: Params) -> State {
        let (sin, cos) = u.angle.sin_cos();
        State { _x: x.vx, y: x.vy, vx: p.force * cos, vy: p.force * sin }
    }
    pub fn stage_cost(_x: State, _u: Control, _p: Params) -> f64 {
        0.0
    }
    pub fn terminal_cost(_x: State, _p: Params, d: Design) -> f64 {
        d.time
    }
    pub fn terminal_equalities(x: State, p: Params) -> [f64; 3] {
        [x.y - p.height, x.vx - p.speed, x.vy]
    }
}

#[test]
fn particle_steering() {
    let states = along(100, |part| [0.0, 5.0 * part, 45.0 * part, 0.0]);
    let problem = Problem::new(states[0], [FRAC_PI_2, 100.0, 5.0, 45.0], 100).with_design([1.0]).with_states(&states);
    check("steering", steering::Steering, &problem);
}

/// The greatest range of a hang glider through a thermal updraft (Bulirsch et al. 1993; guess of Betts 2010, section 6.5).
#[dilqr_runtime::model(integrator = rk4, dt = d.time / 100.0)]
pub mod glider {
    pub struct State {
        #[bounds(0.0, None)]
        pub x: f64,
        pub y: f64,
        #[bounds(0.0, None)]
        pub vx: f64,
        pub vy: f64,
    }
    pub struct Control {
        #[bounds(0.0, p.most)]
        pub lift: f64,
    }
    pub struct Params {
        pub most: f64,
        pub mass: f64,
        pub updraft: f64,
        pub drag: [f64; 2],
    }
    pub struct Design {
        #[bounds(0.1, 200.0)]
        pub time: f64,
    }

    pub fn derivative(x: State, u: Control, p: Params) -> State {
        let r = (x.x / 100.0 - 2.5).powi(2);
        let w = x.vy - p.updraft * (1.0 - r) * (-r).exp();
        let pressure = 0.5 * 1.13 * 14.0 * (x.vx * x.vx + w * w).sqrt();
        let drag = (p.drag[0] + p.drag[1] * u.lift * u.lift) * pressure;
        let lift = u.lift * pressure;
        State {
            x: x.vx,
            y: x.vy,
            vx: -(lift * w + drag * x.vx) / p.mass,
            vy: ((lift * x.vx - drag * w) / p.mass - 9.80665),
        }
    }
    pub fn stage_cost(_x: State, _u: Control, _p: Params) -> f64 {
        0.0
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        -x.x
    }
    pub fn terminal_equalities(x: State, _p: Params) -> [f64; 3] {
        [x.y - 900.0, x.vx - 13.2275675, x.vy + 1.28750052]
    }
}

#[test]
fn hang_glider() {
    let guess = |part| [1250.0 * part, 1000.0 - 100.0 * part, 13.2275675, -1.28750052];
    let states = along(100, guess);
    let problem = Problem::new(states[0], [1.4, 100.0, 2.5, 0.034, 0.069662], 100)
        .with_design([105.0])
        .with_states(&states)
        .with_controls(&[[1.0]; 100]);
    check("glider", glider::Glider, &problem);
}

/// An arm that turns and extends, in the least time (COPS 3, Dolan, More and Munson 2004).
#[dilqr_runtime::model(integrator = rk4, dt = d.time / 50.0)]
pub mod robot_arm {
    pub struct State {
        #[bounds(0.0, p.length)]
        pub reach: f64,
        #[bounds(-PI, PI)]
        pub turn: f64,
        #[bounds(0.0, PI)]
        pub tilt: f64,
        pub rates: [f64; 3],
    }
    pub struct Control {
        #[bounds(-p.most, p.most)]
        pub forces: [f64; 3],
    }
    pub struct Params {
        pub most: f64,
        pub length: f64,
        pub goal: f64,
    }
    pub struct Design {
        #[bounds(0.0, None)]
        pub time: f64,
    }

    const PI: f64 = std::f64::consts::PI;

    pub fn derivative(x: State, u: Control, p: Params) -> State {
        let inertia = ((p.length - x.reach).powi(3) + x.reach.powi(3)) / 3.0;
        State {
            reach: x.rates[0],
            turn: x.rates[1],
            tilt: x.rates[2],
            rates: [u.forces[0] / p.length, u.forces[1] / (inertia * x.tilt.sin().powi(2)), u.forces[2] / inertia],
        }
    }
    pub fn stage_cost(_x: State, _u: Control, _p: Params) -> f64 {
        0.0
    }
    pub fn terminal_cost(_x: State, _p: Params, d: Design) -> f64 {
        d.time
    }
    pub fn terminal_equalities(x: State, p: Params) -> [f64; 6] {
        [x.reach - 4.5, x.turn - p.goal, x.tilt - PI / 4.0, x.rates[0], x.rates[1], x.rates[2]]
    }
}

#[test]
fn robot_arm_in_least_time() {
    let goal = 2.0 * PI / 3.0;
    let guess = |part: f64| [4.5, goal * part * part, FRAC_PI_4, 0.0, 2.0 * goal * part, 0.0];
    let states = along(50, guess);
    let problem = Problem::new(states[0], [1.0, 5.0, goal], 50).with_design([1.0]).with_states(&states);
    check("robot_arm", robot_arm::RobotArm, &problem);
}

/// A car parks sideways within narrow walls (ALTRO, Howell et al. 2019).
#[dilqr_runtime::model(integrator = rk4, dt = DT)]
pub mod parking {
    pub struct State {
        #[bounds(-p.width, p.width)]
        pub x: f64,
        #[bounds(-0.001, 1.001)]
        pub y: f64,
        pub heading: f64,
    }
    pub struct Control {
        #[bounds(-p.most, p.most)]
        pub speed: f64,
        #[bounds(-p.most, p.most)]
        pub turn: f64,
    }
    pub struct Params {
        pub most: f64,
        pub width: f64,
        pub goal: f64,
    }

    const DT: f64 = 0.06;

    pub fn derivative(x: State, u: Control, _p: Params) -> State {
        State { x: u.speed * x.heading.cos(), y: u.speed * x.heading.sin(), heading: u.turn }
    }
    fn from_goal(x: State, p: Params) -> f64 {
        x.x.powi(2) + (x.y - p.goal).powi(2) + x.heading.powi(2)
    }
    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        DT * 0.005 * (from_goal(x, p) + u.speed.powi(2) + u.turn.powi(2))
    }
    pub fn terminal_cost(x: State, p: Params) -> f64 {
        50.0 * from_goal(x, p)
    }
    pub fn terminal_equalities(x: State, p: Params) -> [f64; 3] {
        [x.x, x.y - p.goal, x.heading]
    }
}

#[test]
fn parallel_parking() {
    let problem = Problem::new([0.0; 3], [2.0, 0.25, 1.0], 50).with_controls(&[[1.0, 1.0]; 50]);
    check("parking", parking::Parking, &problem);
}

/// A car drives around three obstacles (ALTRO, Howell et al. 2019).
#[dilqr_runtime::model(integrator = rk4, dt = DT)]
pub mod obstacles {
    pub struct State {
        pub x: f64,
        pub y: f64,
        pub heading: f64,
    }
    pub struct Control {
        pub speed: f64,
        pub turn: f64,
    }
    pub struct Params {
        pub radius: f64,
        pub goal: f64,
        pub effort: f64,
    }

    const DT: f64 = 0.05;

    pub fn derivative(x: State, u: Control, _p: Params) -> State {
        State { x: u.speed * x.heading.cos(), y: u.speed * x.heading.sin(), heading: u.turn }
    }
    fn from_goal(x: State, p: Params) -> f64 {
        (x.x - p.goal).powi(2) + (x.y - p.goal).powi(2) + x.heading.powi(2)
    }
    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        0.5 * DT * (from_goal(x, p) + p.effort * (u.speed.powi(2) + u.turn.powi(2)))
    }
    pub fn terminal_cost(x: State, p: Params) -> f64 {
        5.0 * from_goal(x, p)
    }
    pub fn stage_constraints(x: State, _u: Control, p: Params) -> [f64; 3] {
        let mut rows = [0.0; 3];
        for i in 0..3 {
            let center = 0.75 * (i + 1) as f64;
            rows[i] = p.radius.powi(2) - (x.x - center).powi(2) - (x.y - center).powi(2);
        }
        rows
    }
    pub fn terminal_equalities(x: State, p: Params) -> [f64; 3] {
        [x.x - p.goal, x.y - p.goal, x.heading]
    }
}

#[test]
fn three_obstacles() {
    let problem = Problem::new([0.0; 3], [0.25, 3.0, 0.5], 100).with_controls(&[[0.01, 0.01]; 100]);
    check("obstacles", obstacles::Obstacles, &problem);
}
