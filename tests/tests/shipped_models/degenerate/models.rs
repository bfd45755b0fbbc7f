//! Small models with limits that are weakly active or depend on one another.

#![allow(unreachable_pub, reason = "models are written as in a library")]

/// A heater that only heats. Its last control has no effect on the cost but its own.
#[dilqr_runtime::model]
pub mod heater {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        #[bounds(0.0, p.most)]
        pub u: f64,
    }
    pub struct Params {
        pub goal: f64,
        pub most: f64,
        pub price: f64,
    }
    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { x: 0.9 * x.x + u.u }
    }
    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        (x.x - p.goal).powi(2) + p.price * u.u.powi(2)
    }
    pub fn terminal_cost(_x: State, _p: Params) -> f64 {
        0.0
    }
}

/// As the heater, with a lower bound that is a parameter.
#[dilqr_runtime::model]
pub mod gate {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        #[bounds(p.least, 2.0)]
        pub u: f64,
    }
    pub struct Params {
        pub least: f64,
        pub price: f64,
    }
    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { x: 0.9 * x.x + u.u }
    }
    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        (x.x - 1.0).powi(2) + p.price * u.u.powi(2)
    }
    pub fn terminal_cost(_x: State, _p: Params) -> f64 {
        0.0
    }
}

/// A soft limit: the slack `e` pays for what is above `k`.
#[dilqr_runtime::model]
pub mod slack {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        pub u: f64,
        #[bounds(0.0, None)]
        pub e: f64,
    }
    pub struct Params {
        pub k: f64,
        pub weight: f64,
        pub goal: f64,
    }
    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { x: x.x + u.u }
    }
    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        (x.x - p.goal).powi(2) + u.u.powi(2) + p.weight * u.e.powi(2)
    }
    pub fn terminal_cost(x: State, p: Params) -> f64 {
        (x.x - p.goal).powi(2)
    }
    pub fn stage_constraints(x: State, u: Control, p: Params) -> [f64; 1] {
        [x.x - p.k - u.e]
    }
}

/// A point around a disc, which is given once (`discs`) or twice: with one radius (`same_discs`), and with a second one
/// that differs by a parameter (`twin_discs`).
macro_rules! around {
    ($module:ident, [$($field:ident),*], |$x:ident, $p:ident| $rows:expr, $count:literal) => {
        #[dilqr_runtime::model]
        pub mod $module {
            pub struct State {
                pub place: [f64; 2],
            }
            pub struct Control {
                #[bounds(-0.5, 0.5)]
                pub velocity: [f64; 2],
            }
            pub struct Params {
                pub goal: [f64; 2],
                pub radius: f64,
                $(pub $field: f64,)*
            }
            pub fn dynamics(x: State, u: Control, _p: Params) -> State {
                State { place: [x.place[0] + 0.1 * u.velocity[0], x.place[1] + 0.1 * u.velocity[1]] }
            }
            fn distance(x: State, p: Params) -> f64 {
                (x.place[0] - p.goal[0]).powi(2) + (x.place[1] - p.goal[1]).powi(2)
            }
            fn from_center(x: State) -> f64 {
                (x.place[0] - 0.5).powi(2) + (x.place[1] - 0.5).powi(2)
            }
            pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
                0.1 * (0.5 * distance(x, p) + 0.05 * (u.velocity[0].powi(2) + u.velocity[1].powi(2)))
            }
            pub fn terminal_cost(x: State, p: Params) -> f64 {
                50.0 * distance(x, p)
            }
            pub fn stage_constraints($x: State, _u: Control, $p: Params) -> [f64; $count] {
                $rows
            }
            pub fn terminal_equalities(x: State, p: Params) -> [f64; 2] {
                [x.place[0] - p.goal[0], x.place[1] - p.goal[1]]
            }
        }
    };
}

around!(discs, [], |x, p| [p.radius.powi(2) - from_center(x)], 1);
around!(
    same_discs,
    [scale],
    |x, p| [p.radius.powi(2) - from_center(x), p.scale * (p.radius.powi(2) - from_center(x))],
    2
);
around!(
    twin_discs,
    [wider, scale],
    |x, p| [p.radius.powi(2) - from_center(x), p.scale * ((p.radius + p.wider).powi(2) - from_center(x))],
    2
);

/// A limit on a control in three copies, a bound and a fourth copy with limits of their own.
#[dilqr_runtime::model]
pub mod copies {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        #[bounds(None, p.bound)]
        pub u: f64,
    }
    pub struct Params {
        pub bound: f64,
        pub most: f64,
        pub twin: f64,
        pub goal: f64,
    }
    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { x: x.x + u.u }
    }
    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        (x.x - 3.0 * p.goal).powi(2) + 0.1 * u.u.powi(2)
    }
    pub fn terminal_cost(x: State, p: Params) -> f64 {
        (x.x - 3.0 * p.goal).powi(2)
    }
    pub fn stage_constraints(_x: State, u: Control, p: Params) -> [f64; 4] {
        [u.u - p.most, 1e3 * (u.u - p.most), 1e-4 * (u.u - p.most), 2.0 * (u.u - p.twin)]
    }
}

/// A bound that a constraint repeats.
#[dilqr_runtime::model]
pub mod double_bound {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        #[bounds(None, p.most)]
        pub u: f64,
    }
    pub struct Params {
        pub most: f64,
        pub scale: f64,
        pub goal: f64,
    }
    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { x: x.x + u.u }
    }
    pub fn stage_cost(_x: State, u: Control, _p: Params) -> f64 {
        0.1 * u.u.powi(2)
    }
    pub fn terminal_cost(x: State, p: Params) -> f64 {
        (x.x - 30.0 * p.goal).powi(2)
    }
    pub fn stage_constraints(_x: State, u: Control, p: Params) -> [f64; 1] {
        [p.scale * (u.u - p.most)]
    }
}

/// Three terminal rows of two states; the goal of the third is the sum of the others, or has a part of its own (`loose_ends`).
macro_rules! ends {
    ($module:ident, [$($field:ident),*], |$p:ident| $more:expr) => {
        #[dilqr_runtime::model]
        pub mod $module {
            pub struct State {
                pub x: [f64; 2],
            }
            pub struct Control {
                pub u: [f64; 2],
            }
            pub struct Params {
                pub goal: [f64; 2],
                $(pub $field: f64,)*
            }
            pub fn dynamics(x: State, u: Control, _p: Params) -> State {
                State { x: [x.x[0] + u.u[0], 0.5 * x.x[1] + u.u[1] + 0.1 * x.x[0] * u.u[0]] }
            }
            pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
                x.x[0].powi(2) + u.u[0].powi(2) + 2.0 * u.u[1].powi(2)
            }
            pub fn terminal_cost(_x: State, _p: Params) -> f64 {
                0.0
            }
            pub fn terminal_equalities(x: State, $p: Params) -> [f64; 3] {
                [x.x[0] - $p.goal[0], x.x[1] - $p.goal[1], x.x[0] + x.x[1] - $p.goal[0] - $p.goal[1] - $more]
            }
        }
    };
}

ends!(ends, [], |p| 0.0);
ends!(loose_ends, [more], |p| p.more);

/// One control sets both states, so two terminal rows become one, one stage earlier; a third one repeats the first.
#[dilqr_runtime::model]
pub mod merge {
    pub struct State {
        pub x: [f64; 2],
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {
        pub goal: f64,
        pub price: f64,
    }
    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { x: [0.5 * x.x[0] + u.u, 0.5 * x.x[0] + u.u] }
    }
    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        (x.x[0] - 1.0).powi(2) + x.x[1].powi(2) + p.price * u.u.powi(2)
    }
    pub fn terminal_cost(_x: State, _p: Params) -> f64 {
        0.0
    }
    pub fn terminal_equalities(x: State, p: Params) -> [f64; 3] {
        [x.x[0] - p.goal, 3.0 * (x.x[1] - p.goal), 2.0 * (x.x[0] - p.goal)]
    }
}

/// A wall and a row that touches it, `u = 1` and `u + v^2 = 1`, so that `v = 0`.
#[dilqr_runtime::model]
pub mod pinched {
    pub struct State {
        pub _x: f64,
    }
    pub struct Control {
        pub u: f64,
        pub v: f64,
    }
    pub struct Params {
        pub goal: f64,
        pub weight: f64,
    }
    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { _x: x._x + u.u }
    }
    pub fn stage_cost(_x: State, u: Control, p: Params) -> f64 {
        p.weight * ((u.u - 2.0).powi(2) + (u.v - p.goal).powi(2))
    }
    pub fn terminal_cost(_x: State, _p: Params) -> f64 {
        0.0
    }
    pub fn stage_equalities(_x: State, u: Control, _p: Params) -> [f64; 2] {
        [u.u - 1.0, u.u - 1.0 + u.v.powi(2)]
    }
}

/// Limits that are parameters of stages.
#[dilqr_runtime::model]
pub mod stages {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {
        pub goal: f64,
    }
    pub struct StageParams {
        pub most: f64,
        pub twin: f64,
    }
    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { x: x.x + u.u }
    }
    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        (x.x - 3.0 * p.goal).powi(2) + 0.1 * u.u.powi(2)
    }
    pub fn terminal_cost(x: State, p: Params) -> f64 {
        (x.x - 3.0 * p.goal).powi(2)
    }
    pub fn stage_constraints(_x: State, u: Control, _p: Params, s: StageParams) -> [f64; 3] {
        [u.u - s.most, 5.0 * (u.u - s.most), u.u - s.twin]
    }
}

/// The soft limit in any unit of cost and of the variables, with its row twice.
#[dilqr_runtime::model]
pub mod units {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        pub u: f64,
        #[bounds(0.0, None)]
        pub e: f64,
    }
    pub struct Params {
        pub k: f64,
        pub goal: f64,
        pub cost: f64,
        pub unit: f64,
    }
    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { x: x.x + u.u }
    }
    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        p.cost * ((x.x - p.goal).powi(2) + u.u.powi(2) + 10.0 * u.e.powi(2)) / p.unit.powi(2)
    }
    pub fn terminal_cost(x: State, p: Params) -> f64 {
        p.cost * (x.x - p.goal).powi(2) / p.unit.powi(2)
    }
    pub fn stage_constraints(x: State, u: Control, p: Params) -> [f64; 2] {
        [x.x - p.k - u.e, (x.x - p.k - u.e) / p.unit]
    }
}
