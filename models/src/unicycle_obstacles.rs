//! A round vehicle that rolls along its heading, turns on the spot, and drives between round obstacles.
//!
//! Equations: the kinematic unicycle, Siciliano, Sciavicco, Villani and Oriolo, "Robotics: Modelling, Planning and
//! Control", Springer 2009, section 11.2.1. The obstacle constraints use squared distances, which also have derivatives
//! at the center of an obstacle.

#[expect(clippy::module_inception, reason = "the macro names the model after the module; the file has the same noun")]
#[dilqr_runtime::model(integrator = midpoint, dt = DT)]
mod unicycle_obstacles {
    /// The vehicle's pose.
    pub struct State {
        /// Position of the center along the first axis \[m\].
        pub x: f64,
        /// Position of the center along the second axis \[m\].
        pub y: f64,
        /// Heading, counterclockwise from the first axis \[rad\].
        pub heading: f64,
    }

    /// The drive.
    pub struct Control {
        /// Speed along the heading, forwards only \[m/s\].
        #[bounds(0.0, p.top_speed)]
        pub speed: f64,
        /// Rate of the heading \[rad/s\].
        #[bounds(-p.top_turn, p.top_turn)]
        pub turn: f64,
    }

    /// The course, and the limits of the vehicle.
    pub struct Params {
        /// Position to reach \[m\].
        pub goal: [f64; 2],
        /// Centres of the obstacles along the first axis \[m\].
        pub center_x: [f64; OBSTACLES],
        /// Centres of the obstacles along the second axis \[m\].
        pub center_y: [f64; OBSTACLES],
        /// Radii of the obstacles \[m\].
        pub radius: [f64; OBSTACLES],
        /// Radius of the vehicle \[m\].
        pub vehicle: f64,
        /// Largest speed \[m/s\].
        pub top_speed: f64,
        /// Largest rate of the heading \[rad/s\].
        pub top_turn: f64,
    }

    /// Number of obstacles.
    pub const OBSTACLES: usize = 3;

    /// Time step \[s\].
    pub const DT: f64 = 0.1;

    /// The rate of change of the state.
    pub fn derivative(x: State, u: Control, _p: Params) -> State {
        let (sin, cos) = x.heading.sin_cos();
        State { x: u.speed * cos, y: u.speed * sin, heading: u.turn }
    }

    /// Squared distance from the goal.
    fn distance(x: State, p: Params) -> f64 {
        (x.x - p.goal[0]).powi(2) + (x.y - p.goal[1]).powi(2)
    }

    /// Cost of one step.
    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        0.01 * distance(x, p) + 0.02 * u.speed.powi(2) + 0.02 * u.turn.powi(2)
    }

    /// Cost of the final state.
    pub fn terminal_cost(x: State, p: Params) -> f64 {
        10.0 * distance(x, p)
    }

    /// Overlap of vehicle and obstacle, in squared distances of their centers \[m^2\].
    pub fn stage_constraints(x: State, _u: Control, p: Params) -> [f64; OBSTACLES] {
        let mut overlap = [0.0; OBSTACLES];
        for i in 0..OBSTACLES {
            let apart = p.radius[i] + p.vehicle;
            overlap[i] = apart.powi(2) - (x.x - p.center_x[i]).powi(2) - (x.y - p.center_y[i]).powi(2);
        }
        overlap
    }
}

pub use self::unicycle_obstacles::*;

impl Default for Params {
    /// Three obstacles between the origin and a goal four metres ahead, for a vehicle of the size of a small robot.
    fn default() -> Self {
        Self {
            goal: [4.0, 0.0],
            center_x: [1.0, 2.1, 3.1],
            center_y: [-0.2, 0.5, -0.3],
            radius: [0.4, 0.5, 0.35],
            vehicle: 0.15,
            top_speed: 1.2,
            top_turn: 2.0,
        }
    }
}
