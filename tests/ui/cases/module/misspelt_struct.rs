//! Structs whose names are almost right.

#[dilqr_runtime::model]
pub mod pendulum {
    pub struct States {
        pub angle: f64,
        pub rate: f64,
    }
    pub struct Controls {
        pub torque: f64,
    }
    pub struct Param {
        pub mass: f64,
    }

    pub fn dynamics(x: States, u: Controls, p: Param) -> States {
        States { angle: x.angle + 0.1 * x.rate, rate: x.rate + 0.1 * u.torque / p.mass }
    }
    pub fn stage_cost(x: States, u: Controls, _p: Param) -> f64 {
        x.angle.powi(2) + u.torque.powi(2)
    }
    pub fn terminal_cost(x: States, _p: Param) -> f64 {
        x.angle.powi(2)
    }
}

fn main() {}
