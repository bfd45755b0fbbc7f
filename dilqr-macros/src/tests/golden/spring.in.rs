pub mod spring {
    /// A mass on a spring that stiffens.
    pub struct State {
        pub position: f64,
        pub velocity: f64,
    }

    pub struct Control {
        pub force: f64,
    }

    pub struct Params {
        pub stiffness: f64,
    }

    const DT: f64 = 0.1;

    fn deflection(x: State) -> f64 {
        x.position + 0.5 * x.position.powi(3)
    }

    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        let velocity = x.velocity + DT * (u.force - p.stiffness * deflection(x));
        State { position: x.position + DT * velocity, velocity }
    }

    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        x.position.powi(2) + 0.1 * u.force.powi(2)
    }

    pub fn terminal_cost(x: State, p: Params) -> f64 {
        p.stiffness * x.position.powi(2) + x.velocity.powi(2)
    }
}
