//! An overhead crane that carries its load to a place, slowly and without much swing: with bounds of states, with the same limits as
//! rows that are written by hand, with soft constraints, and with excesses of these by hand.

/// The limits as bounds of states.
#[dilqr_runtime::model(integrator = rk4, dt = 0.1)]
pub mod crane {
    /// Of the trolley \[m\], \[m/s\], and of the rope from the vertical \[rad\], \[rad/s\].
    pub struct State {
        pub place: f64,
        #[bounds(-p.fastest, p.fastest)]
        pub speed: f64,
        #[bounds(-p.widest, p.widest)]
        pub angle: f64,
        pub rate: f64,
    }

    /// Acceleration of the trolley \[m/s^2\].
    pub struct Control {
        #[bounds(-1.0, 1.0)]
        pub push: f64,
    }

    /// Length of the rope \[m\], and the limits.
    pub struct Params {
        pub length: f64,
        pub fastest: f64,
        pub widest: f64,
    }

    pub fn derivative(x: State, u: Control, p: Params) -> State {
        let (sin, cos) = x.angle.sin_cos();
        State { place: x.speed, speed: u.push, angle: x.rate, rate: -(9.81 * sin + u.push * cos) / p.length }
    }

    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        terminal_cost(x, p) + 0.01 * u.push.powi(2)
    }

    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        (x.place - 2.0).powi(2) + x.angle.powi(2) + 0.1 * (x.speed.powi(2) + x.rate.powi(2))
    }
}

/// The limits as rows.
#[dilqr_runtime::model(integrator = rk4, dt = 0.1)]
pub mod crane_rows {
    pub struct State {
        pub place: f64,
        pub speed: f64,
        pub angle: f64,
        pub rate: f64,
    }

    pub struct Control {
        #[bounds(-1.0, 1.0)]
        pub push: f64,
    }

    pub struct Params {
        pub length: f64,
        pub fastest: f64,
        pub widest: f64,
    }

    pub fn derivative(x: State, u: Control, p: Params) -> State {
        let (sin, cos) = x.angle.sin_cos();
        State { place: x.speed, speed: u.push, angle: x.rate, rate: -(9.81 * sin + u.push * cos) / p.length }
    }

    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        terminal_cost(x, p) + 0.01 * u.push.powi(2)
    }

    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        (x.place - 2.0).powi(2) + x.angle.powi(2) + 0.1 * (x.speed.powi(2) + x.rate.powi(2))
    }

    pub fn stage_constraints(x: State, _u: Control, p: Params) -> [f64; 4] {
        terminal_constraints(x, p)
    }

    pub fn terminal_constraints(x: State, p: Params) -> [f64; 4] {
        [-p.fastest - x.speed, x.speed - p.fastest, -p.widest - x.angle, x.angle - p.widest]
    }
}

/// The limits as soft constraints.
#[dilqr_runtime::model(integrator = rk4, dt = 0.1)]
pub mod crane_soft {
    /// Of the trolley \[m\], \[m/s\], and of the rope from the vertical \[rad\], \[rad/s\].
    pub struct State {
        pub place: f64,
        pub speed: f64,
        pub angle: f64,
        pub rate: f64,
    }

    pub struct Control {
        #[bounds(-1.0, 1.0)]
        pub push: f64,
    }

    /// Length of the rope \[m\], and the limits.
    pub struct Params {
        pub length: f64,
        pub fastest: f64,
        pub widest: f64,
    }

    pub fn derivative(x: State, u: Control, p: Params) -> State {
        let (sin, cos) = x.angle.sin_cos();
        State { place: x.speed, speed: u.push, angle: x.rate, rate: -(9.81 * sin + u.push * cos) / p.length }
    }

    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        (x.place - 2.0).powi(2) + x.angle.powi(2) + 0.1 * (x.speed.powi(2) + x.rate.powi(2))
    }

    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        terminal_cost(x, p) + 0.01 * u.push.powi(2)
    }

    #[penalty(linear = 0.5, quadratic = 20.0)]
    pub fn stage_soft_constraints(x: State, _u: Control, p: Params) -> [f64; 4] {
        [-p.fastest - x.speed, x.speed - p.fastest, -p.widest - x.angle, x.angle - p.widest]
    }
}

/// The same with controls for the excesses, as tools without soft constraints have it.
#[dilqr_runtime::model(integrator = rk4, dt = 0.1)]
pub mod crane_slacks {
    /// Of the trolley \[m\], \[m/s\], and of the rope from the vertical \[rad\], \[rad/s\].
    pub struct State {
        pub place: f64,
        pub speed: f64,
        pub angle: f64,
        pub rate: f64,
    }

    pub struct Control {
        #[bounds(-1.0, 1.0)]
        pub push: f64,
        #[bounds(0.0, None)]
        pub excess: [f64; 4],
    }

    /// Length of the rope \[m\], and the limits.
    pub struct Params {
        pub length: f64,
        pub fastest: f64,
        pub widest: f64,
    }

    pub fn derivative(x: State, u: Control, p: Params) -> State {
        let (sin, cos) = x.angle.sin_cos();
        State { place: x.speed, speed: u.push, angle: x.rate, rate: -(9.81 * sin + u.push * cos) / p.length }
    }

    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        (x.place - 2.0).powi(2) + x.angle.powi(2) + 0.1 * (x.speed.powi(2) + x.rate.powi(2))
    }

    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        let mut cost = terminal_cost(x, p) + 0.01 * u.push.powi(2);
        for i in 0..4 {
            cost += 0.5 * u.excess[i] + 10.0 * u.excess[i].powi(2);
        }
        cost
    }

    pub fn stage_constraints(x: State, u: Control, p: Params) -> [f64; 4] {
        let rows = [-p.fastest - x.speed, x.speed - p.fastest, -p.widest - x.angle, x.angle - p.widest];
        [rows[0] - u.excess[0], rows[1] - u.excess[1], rows[2] - u.excess[2], rows[3] - u.excess[3]]
    }
}

pub const HORIZON: usize = 60;

/// At rest.
pub const START: [f64; 4] = [0.0; 4];

pub const PARAMS: [f64; 3] = [1.5, 0.6, 0.08];

/// For soft limits: full pushes do not lead to this speed in whole steps, where a row would be weakly active.
pub const SOFT_PARAMS: [f64; 3] = [1.5, 0.57, 0.08];
