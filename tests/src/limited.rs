//! Small models with bounds, constraints and stage parameters, whose limits are parameters.

/// A weak motor: both bounds are parameters.
#[dilqr_runtime::model]
pub mod weak_pendulum {
    pub struct State {
        pub theta: f64,
        pub omega: f64,
    }
    pub struct Control {
        #[bounds(p.lower, p.upper)]
        pub torque: f64,
    }
    pub struct Params {
        pub lower: f64,
        pub upper: f64,
        pub gravity: f64,
        pub mass: f64,
    }

    const DT: f64 = 0.05;

    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        let omega = x.omega + DT * (1.5 * p.gravity * x.theta.sin() + 3.0 * u.torque / p.mass);
        State { theta: x.theta + DT * omega, omega }
    }

    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        x.theta.powi(2) + 0.1 * x.omega.powi(2) + 0.001 * u.torque.powi(2)
    }

    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        10.0 * x.theta.powi(2) + x.omega.powi(2)
    }
}

/// A cart and pole on a rail of finite length: constraints on the state alone, and a bound.
#[dilqr_runtime::model]
pub mod short_rail {
    pub struct State {
        pub position: f64,
        pub velocity: f64,
        pub angle: f64,
        pub rate: f64,
    }
    pub struct Control {
        #[bounds(-p.force, p.force)]
        pub force: f64,
    }
    pub struct Params {
        pub force: f64,
        pub rail: f64,
        pub mass_pole: f64,
        pub length: f64,
    }

    const DT: f64 = 0.05;
    const GRAVITY: f64 = 9.8;

    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        let mass = 1.0 + p.mass_pole;
        let (sin, cos) = x.angle.sin_cos();
        let push = (u.force + p.mass_pole * p.length * x.rate * x.rate * sin) / mass;
        let turn = (GRAVITY * sin - cos * push) / (p.length * (4.0 / 3.0 - p.mass_pole * cos * cos / mass));
        let pull = push - p.mass_pole * p.length * turn * cos / mass;
        State {
            position: x.position + DT * x.velocity,
            velocity: x.velocity + DT * pull,
            angle: x.angle + DT * x.rate,
            rate: x.rate + DT * turn,
        }
    }

    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        0.1 * terminal_cost(x, p) + 0.01 * u.force.powi(2)
    }

    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.position.powi(2) + x.velocity.powi(2) + 10.0 * (1.0 - x.angle.cos()) + x.rate.powi(2)
    }

    pub fn stage_constraints(x: State, _u: Control, p: Params) -> [f64; 2] {
        [x.position - p.rail, -x.position - p.rail]
    }

    pub fn terminal_constraints(x: State, p: Params) -> [f64; 2] {
        [x.position - p.rail, -x.position - p.rail]
    }
}

/// A unicycle between two discs, with a bounded speed.
#[dilqr_runtime::model]
pub mod discs {
    pub struct State {
        pub x: f64,
        pub y: f64,
        pub heading: f64,
    }
    pub struct Control {
        #[bounds(0.0, p.fastest)]
        pub speed: f64,
        pub turn: f64,
    }
    pub struct Params {
        pub fastest: f64,
        pub radius: [f64; 2],
        pub center: [f64; 4],
        pub goal: [f64; 2],
    }

    const DT: f64 = 0.1;

    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        let (sin, cos) = x.heading.sin_cos();
        State { x: x.x + DT * u.speed * cos, y: x.y + DT * u.speed * sin, heading: x.heading + DT * u.turn }
    }

    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        0.02 * terminal_cost(x, p) + 0.05 * (u.speed.powi(2) + u.turn.powi(2))
    }

    pub fn terminal_cost(x: State, p: Params) -> f64 {
        5.0 * ((x.x - p.goal[0]).powi(2) + (x.y - p.goal[1]).powi(2)) + 0.1 * x.heading.powi(2)
    }

    pub fn stage_constraints(x: State, _u: Control, p: Params) -> [f64; 2] {
        [
            p.radius[0].powi(2) - (x.x - p.center[0]).powi(2) - (x.y - p.center[1]).powi(2),
            p.radius[1].powi(2) - (x.x - p.center[2]).powi(2) - (x.y - p.center[3]).powi(2),
        ]
    }
}

/// A flying bar with bounded rotors that push in one direction. It must stay above the floor.
#[dilqr_runtime::model]
pub mod floor {
    pub struct State {
        pub x: f64,
        pub y: f64,
        pub angle: f64,
        pub rate: [f64; 3],
    }
    pub struct Control {
        #[bounds(0.0, p.thrust)]
        pub thrust: [f64; 2],
    }
    pub struct Params {
        pub thrust: f64,
        pub mass: f64,
        pub inertia: f64,
        pub floor: f64,
    }

    const DT: f64 = 0.05;

    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        let (sin, cos) = x.angle.sin_cos();
        let lift = (u.thrust[0] + u.thrust[1]) / p.mass;
        let rate = [
            x.rate[0] - DT * lift * sin,
            x.rate[1] + DT * (lift * cos - 9.81),
            x.rate[2] + DT * 0.25 * (u.thrust[0] - u.thrust[1]) / p.inertia,
        ];
        State { x: x.x + DT * rate[0], y: x.y + DT * rate[1], angle: x.angle + DT * rate[2], rate }
    }

    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        0.1 * terminal_cost(x, p) + 0.05 * (u.thrust[0].powi(2) + u.thrust[1].powi(2))
    }

    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.x.powi(2)
            + x.y.powi(2)
            + (1.0 - x.angle.cos())
            + 0.1 * (x.rate[0].powi(2) + x.rate[1].powi(2) + x.rate[2].powi(2))
    }

    pub fn stage_constraints(x: State, _u: Control, p: Params) -> [f64; 1] {
        [p.floor - x.y]
    }
}

/// A double integrator that must end at rest at its goal.
#[dilqr_runtime::model]
pub mod shuttle {
    pub struct State {
        pub position: f64,
        pub velocity: f64,
    }
    pub struct Control {
        #[bounds(p.weakest, p.strongest)]
        pub force: f64,
    }
    pub struct Params {
        pub weakest: f64,
        pub strongest: f64,
        pub goal: f64,
        pub drag: f64,
    }

    const DT: f64 = 0.1;

    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        State {
            position: x.position + DT * x.velocity + 0.5 * DT * DT * u.force,
            velocity: x.velocity + DT * (u.force - p.drag * x.velocity.powi(3)),
        }
    }

    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        0.5 * (x.position - p.goal).powi(2) + 0.01 * u.force.powi(2)
    }

    pub fn terminal_cost(_x: State, _p: Params) -> f64 {
        0.0
    }

    pub fn terminal_equalities(x: State, p: Params) -> [f64; 2] {
        [x.position - p.goal, x.velocity]
    }
}

/// Two controls that share a limit with the state, one of them bounded.
#[dilqr_runtime::model]
pub mod shared {
    pub struct State {
        pub a: f64,
        pub b: f64,
    }
    pub struct Control {
        #[bounds(None, p.most)]
        pub u: f64,
        pub v: f64,
    }
    pub struct Params {
        pub most: f64,
        pub power: f64,
        pub coupling: f64,
    }

    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        State { a: x.a + 0.1 * (x.b + u.u), b: x.b + 0.1 * (u.v + p.coupling * x.a.sin() * u.u) }
    }

    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        (x.a - 1.0).powi(2) + x.b.powi(2) + 0.02 * (u.u.powi(2) + u.v.powi(2))
    }

    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        5.0 * (x.a - 1.0).powi(2) + x.b.powi(2)
    }

    pub fn stage_constraints(x: State, u: Control, p: Params) -> [f64; 2] {
        [u.u.powi(2) + u.v.powi(2) + x.b.powi(2) - p.power, u.u * x.b - 0.5 * p.power]
    }
}

/// A demand that changes from stage to stage. Two sources of different cost meet it, with a store.
#[dilqr_runtime::model]
pub mod demand {
    pub struct State {
        pub store: f64,
    }
    pub struct Control {
        #[bounds(p.lower, p.upper)]
        pub source: [f64; 2],
        pub draw: f64,
    }
    pub struct Params {
        pub lower: f64,
        pub upper: f64,
        pub loss: f64,
        pub price: [f64; 2],
    }
    pub struct StageParams {
        pub demand: f64,
        pub worth: f64,
    }

    pub fn dynamics(x: State, u: Control, p: Params, _s: StageParams) -> State {
        State { store: (1.0 - p.loss) * x.store - u.draw - 0.05 * u.draw.powi(2) }
    }

    pub fn stage_cost(x: State, u: Control, p: Params, s: StageParams) -> f64 {
        p.price[0] * u.source[0].powi(2)
            + p.price[1] * u.source[1].exp()
            + 0.1 * u.draw.powi(2)
            + s.worth * (x.store - 1.0).powi(2)
    }

    pub fn terminal_cost(x: State, _p: Params, s: StageParams) -> f64 {
        s.worth * (x.store - 1.0).powi(2)
    }

    pub fn stage_equalities(_x: State, u: Control, _p: Params, s: StageParams) -> [f64; 1] {
        [u.source[0] + u.source[1] + u.draw - s.demand]
    }
}

/// One limit, stated several times: the multipliers are not unique and the rows are linearly dependent.
#[dilqr_runtime::model]
pub mod redundant {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        #[bounds(None, p.most)]
        pub u: f64,
    }
    pub struct Params {
        pub most: f64,
        pub goal: f64,
    }

    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { x: x.x + 0.2 * u.u }
    }

    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        (x.x - p.goal).powi(2) + 0.1 * u.u.powi(2)
    }

    pub fn terminal_cost(x: State, p: Params) -> f64 {
        (x.x - p.goal).powi(4)
    }

    pub fn stage_constraints(_x: State, u: Control, p: Params) -> [f64; 2] {
        [u.u - p.most, 2.0 * u.u - 2.0 * p.most]
    }

    pub fn terminal_equalities(x: State, p: Params) -> [f64; 2] {
        [x.x - 0.5 * p.goal, 2.0 * x.x - p.goal]
    }
}
