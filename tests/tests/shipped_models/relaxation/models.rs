//! The models of these tests, each small enough to be understood by hand.

/// Two controls of one stage, one with a bound and one with the same limit as a constraint, and a third between two bounds.
#[dilqr_runtime::model]
pub mod press {
    pub struct State {
        pub _x: f64,
    }
    pub struct Control {
        #[bounds(None, p.most)]
        pub bounded: f64,
        pub constrained: f64,
        #[bounds(-p.most, p.most)]
        pub between: f64,
    }
    pub struct Params {
        pub goal: f64,
        pub most: f64,
        pub weight: f64,
    }
    pub fn dynamics(x: State, _u: Control, _p: Params) -> State {
        State { _x: x._x }
    }
    pub fn stage_cost(_x: State, u: Control, p: Params) -> f64 {
        0.5 * p.weight
            * ((u.bounded - p.goal).powi(2) + (u.constrained - p.goal).powi(2) + (u.between - p.goal).powi(2))
    }
    pub fn terminal_cost(_x: State, _p: Params) -> f64 {
        0.0
    }
    pub fn stage_constraints(_x: State, u: Control, p: Params) -> [f64; 1] {
        [u.constrained - p.most]
    }
}

/// A point around a disc, from one side to the other.
#[dilqr_runtime::model]
pub mod around {
    pub struct State {
        pub place: [f64; 2],
    }
    pub struct Control {
        #[bounds(-0.5, 0.5)]
        pub velocity: [f64; 2],
    }
    pub struct Params {
        pub radius: f64,
    }
    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { place: [x.place[0] + 0.1 * u.velocity[0], x.place[1] + 0.1 * u.velocity[1]] }
    }
    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        0.002 * terminal_cost(x, p) + 0.005 * (u.velocity[0].powi(2) + u.velocity[1].powi(2))
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        25.0 * ((x.place[0] - 0.9).powi(2) + (x.place[1] - 0.9).powi(2))
    }
    pub fn stage_constraints(x: State, _u: Control, p: Params) -> [f64; 1] {
        [p.radius.powi(2) - (x.place[0] - 0.5).powi(2) - (x.place[1] - 0.5).powi(2)]
    }
    pub fn terminal_equalities(x: State, _p: Params) -> [f64; 2] {
        [x.place[0] - 0.9, x.place[1] - 0.9]
    }
}

/// A point in the wind, with a limit on the norm of its velocity. The limit has no derivative at rest.
#[dilqr_runtime::model]
pub mod pushed {
    pub struct State {
        pub place: [f64; 2],
    }
    pub struct Control {
        pub velocity: [f64; 2],
    }
    pub struct Params {
        pub fastest: f64,
        pub wind: f64,
    }
    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        State { place: [x.place[0] + 0.1 * (u.velocity[0] + p.wind), x.place[1] + 0.1 * u.velocity[1]] }
    }
    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        x.place[0].powi(2) + x.place[1].powi(2) + 0.1 * (u.velocity[0].powi(2) + u.velocity[1].powi(2))
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        10.0 * (x.place[0].powi(2) + x.place[1].powi(2))
    }
    pub fn stage_constraints(_x: State, u: Control, p: Params) -> [f64; 1] {
        [(u.velocity[0].powi(2) + u.velocity[1].powi(2)).sqrt() - p.fastest]
    }
}

/// A fleet of two vehicles with a cost in any currency.
#[dilqr_runtime::model]
pub mod fleet {
    pub struct State {
        pub place: [f64; 2],
    }
    pub struct Control {
        #[bounds(-p.most, p.most)]
        pub speed: [f64; 2],
    }
    pub struct Params {
        pub most: f64,
        pub price: f64,
        pub apart: f64,
    }
    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { place: [x.place[0] + 0.2 * u.speed[0], x.place[1] + 0.2 * u.speed[1] * x.place[0].cos()] }
    }
    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        p.price * ((x.place[0] - 1.0).powi(2) + x.place[1].powi(2) + 0.1 * (u.speed[0].powi(2) + u.speed[1].powi(2)))
    }
    pub fn terminal_cost(x: State, p: Params) -> f64 {
        p.price * 5.0 * x.place[1].powi(2)
    }
    pub fn stage_constraints(x: State, _u: Control, p: Params) -> [f64; 1] {
        [x.place[0] - x.place[1] - p.apart]
    }
    pub fn terminal_equalities(x: State, _p: Params) -> [f64; 1] {
        [x.place[0] - 0.75]
    }
}

/// A cost that is flat far from zero, and a control that must be positive: at a large relaxation the barrier pushes the control
/// away for ever. (`2 u / (1 + u^2)^2 = tau / u` has a solution up to `tau = 1/2`.)
#[dilqr_runtime::model]
pub mod well {
    pub struct State {
        pub _x: f64,
    }
    pub struct Control {
        #[bounds(0.0, None)]
        pub u: f64,
    }
    pub struct Params {
        pub depth: f64,
    }
    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { _x: x._x + u.u }
    }
    pub fn stage_cost(_x: State, u: Control, p: Params) -> f64 {
        p.depth * u.u.powi(2) / (1.0 + u.u.powi(2))
    }
    pub fn terminal_cost(_x: State, _p: Params) -> f64 {
        0.0
    }
}

/// A control that is held, and one with a barrier.
#[dilqr_runtime::model]
pub mod held {
    pub struct State {
        pub a: f64,
        pub b: f64,
    }
    pub struct Control {
        #[bounds(p.lower, p.upper)]
        pub fixed: f64,
        #[bounds(None, p.most)]
        pub free: f64,
    }
    pub struct Params {
        pub lower: f64,
        pub upper: f64,
        pub most: f64,
    }
    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { a: x.a + 0.2 * x.b + 0.1 * u.fixed * u.free, b: 0.9 * x.b.sin() + 0.3 * u.free - 0.2 * u.fixed }
    }
    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        (x.a - 1.0).powi(2) + 0.1 * x.b.powi(2) + 0.05 * u.free.powi(2) + u.fixed.powi(2)
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        3.0 * (x.a - 1.0).powi(2)
    }
}
