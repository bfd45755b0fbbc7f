//! A car leaves a room of discs through one gap and enters the next room through another (ALTRO, Howell et al. 2019).

use dilqr_runtime::Problem;

use crate::check::check;

#[dilqr_runtime::model(integrator = rk4, dt = 0.03)]
pub mod escape {
    pub struct State {
        pub x: f64,
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
        pub radius: f64,
        pub most: f64,
        pub goal: [f64; 2],
    }

    const ROWS: usize = 170;

    pub fn derivative(x: State, u: Control, _p: Params) -> State {
        State { x: u.speed * x.heading.cos(), y: u.speed * x.heading.sin(), heading: u.turn }
    }
    fn from_goal(x: State, p: Params) -> f64 {
        (x.x - p.goal[0]).powi(2) + (x.y - p.goal[1]).powi(2) + x.heading.powi(2)
    }
    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        0.015 * (0.001 * from_goal(x, p) + 0.01 * (u.speed.powi(2) + u.turn.powi(2)))
    }
    pub fn terminal_cost(x: State, p: Params) -> f64 {
        50.0 * from_goal(x, p)
    }
    fn into_disc(x: State, p: Params, a: f64, b: f64) -> f64 {
        p.radius.powi(2) - (x.x - a).powi(2) - (x.y - b).powi(2)
    }
    pub fn stage_constraints(x: State, _u: Control, p: Params) -> [f64; ROWS] {
        let mut rows = [0.0; ROWS];
        for i in 0..30 {
            let y = 5.0 * i as f64 / 29.0;
            rows[i] = into_disc(x, p, 0.0, y);
            rows[30 + i] = into_disc(x, p, 5.0, y);
            rows[60 + i] = into_disc(x, p, 10.0, y);
        }
        for i in 0..50 {
            rows[90 + i] = into_disc(x, p, 10.0 * i as f64 / 49.0, 0.0);
        }
        for i in 0..15 {
            let along = 3.0 * i as f64 / 14.0;
            rows[140 + i] = into_disc(x, p, along, 5.0);
            rows[155 + i] = into_disc(x, p, 5.0 + along, 5.0);
        }
        rows
    }
    pub fn terminal_equalities(x: State, p: Params) -> [f64; 3] {
        [x.x - p.goal[0], x.y - p.goal[1], x.heading]
    }
}

/// The states of the source's guess, interpolated over the horizon.
const WAY: [[f64; 3]; 6] =
    [[2.5, 2.5, 0.0], [4.0, 5.0, 0.785], [5.0, 6.25, 0.0], [7.5, 6.25, -0.261], [9.0, 5.0, -1.57], [7.5, 2.5, 0.0]];

#[test]
fn car_escape() {
    let states: Vec<[f64; 3]> = (0..=100)
        .map(|t| {
            let (leg, part) = (4.min(t / 20), t as f64 / 20.0);
            let part = part - leg as f64;
            std::array::from_fn(|i| WAY[leg][i] + part * (WAY[leg + 1][i] - WAY[leg][i]))
        })
        .collect();
    let problem =
        Problem::new(WAY[0], [0.5, 5.0, 7.5, 2.5], 100).with_states(&states).with_controls(&[[1.0, 1.0]; 100]);
    check("escape", escape::Escape, &problem);
}
