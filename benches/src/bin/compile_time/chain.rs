//! The chain of `benches/src/limits/chain.rs`, 21 states, by two Runge-Kutta steps.

/// One end is fixed at the origin; the velocity of the other end is the control.
#[dilqr_runtime::model(integrator = rk4, dt = 0.1, substeps = 2)]
pub mod chain {
    /// Positions of the masses and of the moving end \[m\], velocities of the masses \[m/s\].
    pub struct State {
        pub mass: [f64; 9],
        pub end: [f64; 3],
        pub velocity: [f64; 9],
    }

    /// Velocity of the end \[m/s\].
    pub struct Control {
        #[bounds(-0.3, 0.3)]
        pub pull: [f64; 3],
    }

    /// Mass of a link \[kg\], stiffness \[N/m\] and length \[m\] of a spring.
    pub struct Params {
        pub mass: f64,
        pub stiffness: f64,
        pub length: f64,
    }

    const GRAVITY: f64 = 9.81;
    /// The chain at rest.
    const REST: [f64; 9] = [0.1915, 0.0, -0.5165, 0.396, 0.0, -0.7005, 0.6005, 0.0, -0.5165];
    const REST_END: [f64; 3] = [0.792, 0.0, 0.0];

    /// What a spring pulls its first end with.
    fn tension(from: [f64; 3], to: [f64; 3], p: Params) -> [f64; 3] {
        let along = [to[0] - from[0], to[1] - from[1], to[2] - from[2]];
        let distance = (along[0] * along[0] + along[1] * along[1] + along[2] * along[2]).sqrt();
        let pull = p.stiffness * (1.0 - p.length / distance);
        [pull * along[0], pull * along[1], pull * along[2]]
    }

    pub fn derivative(x: State, u: Control, p: Params) -> State {
        let m = x.mass;
        let (first, second, third) = ([m[0], m[1], m[2]], [m[3], m[4], m[5]], [m[6], m[7], m[8]]);
        let springs = [
            tension([0.0, 0.0, 0.0], first, p),
            tension(first, second, p),
            tension(second, third, p),
            tension(third, x.end, p),
        ];
        let mut acceleration = [0.0; 9];
        for i in 0..3 {
            for j in 0..3 {
                acceleration[3 * i + j] = (springs[i + 1][j] - springs[i][j]) / p.mass;
            }
            acceleration[3 * i + 2] -= GRAVITY;
        }
        State { mass: x.velocity, end: u.pull, velocity: acceleration }
    }

    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        let mut effort = 0.0;
        for i in 0..3 {
            effort += u.pull[i] * u.pull[i];
        }
        terminal_cost(x, p) + 0.01 * effort
    }

    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        let mut cost = 0.0;
        for i in 0..9 {
            cost += (x.mass[i] - REST[i]) * (x.mass[i] - REST[i]) + x.velocity[i] * x.velocity[i];
        }
        for i in 0..3 {
            cost += 4.0 * (x.end[i] - REST_END[i]) * (x.end[i] - REST_END[i]);
        }
        cost
    }
}
