//! Plants with a part that a network learns, and a plant with that part known.

/// A cart-pole with friction in the wheels and in the hinge: the plant. The equations are those of `dilqr_models::cartpole`.
#[dilqr_runtime::model]
pub mod rough {
    pub struct State {
        pub position: f64,
        pub velocity: f64,
        pub angle: f64,
        pub angular_velocity: f64,
    }
    pub struct Control {
        pub force: f64,
    }
    /// The friction of the wheels, viscous \[N s/m\] and dry \[N\], and of the hinge, divided by its inertia \[1/s\].
    pub struct Params {
        pub viscous: f64,
        pub dry: f64,
        pub hinge: f64,
    }

    const DT: f64 = 0.05;

    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        let (sin, cos) = x.angle.sin_cos();
        let friction = p.viscous * x.velocity + p.dry * (5.0 * x.velocity).tanh();
        let push = (u.force - friction + 0.05 * x.angular_velocity.powi(2) * sin) / 1.1;
        let angular = (9.81 * sin - cos * push) / (0.5 * (4.0 / 3.0 - 0.1 * cos.powi(2) / 1.1));
        let acceleration = push - 0.05 * angular * cos / 1.1;
        State {
            position: x.position + DT * x.velocity,
            velocity: x.velocity + DT * acceleration,
            angle: x.angle + DT * x.angular_velocity,
            angular_velocity: x.angular_velocity + DT * (angular - p.hinge * x.angular_velocity),
        }
    }

    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        0.1 * x.position.powi(2)
            + 0.1 * x.velocity.powi(2)
            + 2.0 * (1.0 - x.angle.cos())
            + 0.1 * x.angular_velocity.powi(2)
            + 0.001 * u.force.powi(2)
    }

    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        10.0 * (0.1 * x.position.powi(2) + 0.1 * x.velocity.powi(2))
            + 20.0 * (1.0 - x.angle.cos())
            + x.angular_velocity.powi(2)
    }
}

/// The same cart-pole, without friction and with accelerations that a network adds.
macro_rules! learned_cartpole {
    ($(#[$doc:meta])* $module:ident $units:tt) => {
        $(#[$doc])*
        #[dilqr_runtime::model]
        pub mod $module {
            pub struct State { pub position: f64, pub velocity: f64, pub angle: f64, pub angular_velocity: f64 }
            pub struct Control { pub force: f64 }
            pub struct Params {}

            #[network(layers = $units, activation = tanh)]
            pub struct Residual;

            const DT: f64 = 0.05;

            pub fn dynamics(x: State, u: Control, _p: Params, residual: &Residual) -> State {
                let (sin, cos) = x.angle.sin_cos();
                let [a, b] = residual.evaluate([x.velocity, sin, cos, x.angular_velocity, u.force]);
                let push = (u.force + 0.05 * x.angular_velocity.powi(2) * sin) / 1.1;
                let angular = (9.81 * sin - cos * push) / (0.5 * (4.0 / 3.0 - 0.1 * cos.powi(2) / 1.1));
                let acceleration = push - 0.05 * angular * cos / 1.1;
                State {
                    position: x.position + DT * x.velocity,
                    velocity: x.velocity + DT * (acceleration + a),
                    angle: x.angle + DT * x.angular_velocity,
                    angular_velocity: x.angular_velocity + DT * (angular + b),
                }
            }

            pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
                0.1 * x.position.powi(2)
                    + 0.1 * x.velocity.powi(2)
                    + 2.0 * (1.0 - x.angle.cos())
                    + 0.1 * x.angular_velocity.powi(2)
                    + 0.001 * u.force.powi(2)
            }

            pub fn terminal_cost(x: State, _p: Params) -> f64 {
                10.0 * (0.1 * x.position.powi(2) + 0.1 * x.velocity.powi(2))
                    + 20.0 * (1.0 - x.angle.cos())
                    + x.angular_velocity.powi(2)
            }
        }
    };
}

learned_cartpole! {
    /// A small network, for training.
    smooth [5, 16, 16, 2]
}

learned_cartpole! {
    /// A network of 64 and 64 units, for the time of a controller's step.
    controlled [5, 64, 64, 2]
}

/// A mass on a line whose acceleration a network of one layer of 256 units changes.
#[dilqr_runtime::model]
pub mod integrator {
    pub struct State {
        pub place: f64,
        pub speed: f64,
    }
    pub struct Control {
        pub force: f64,
    }
    pub struct Params {}

    #[network(layers = [3, 256, 1], activation = tanh)]
    pub struct Residual;

    const DT: f64 = 0.05;

    pub fn dynamics(x: State, u: Control, _p: Params, residual: &Residual) -> State {
        let [a] = residual.evaluate([x.place, x.speed, u.force]);
        State { place: x.place + DT * x.speed, speed: x.speed + DT * (u.force + 0.1 * a) }
    }

    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        0.5 * (x.place * x.place + 0.1 * x.speed * x.speed + 0.1 * u.force * u.force)
    }

    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        5.0 * (x.place * x.place + x.speed * x.speed)
    }
}
