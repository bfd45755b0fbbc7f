//! Numbers of a nested struct have their bounds at the field that holds the struct.

#[dilqr_runtime::model]
pub mod rover {
    pub struct Wheel {
        #[bounds(-1.0, 1.0)]
        pub angle: f64,
        #[bounds(0.0, None)]
        #[rate_bounds(-0.1, 0.1)]
        pub speed: f64,
    }
    pub struct State {
        pub front: Wheel,
    }
    pub struct Control {
        pub torque: f64,
    }
    pub struct Params {
        pub mass: f64,
    }

    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        let speed = x.front.speed + 0.1 * u.torque / p.mass;
        State { front: Wheel { angle: x.front.angle + 0.1 * x.front.speed, speed } }
    }
    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        x.front.angle.powi(2) + u.torque.powi(2)
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.front.angle.powi(2)
    }
}

fn main() {}
