//! Networks with wrong layers or activations.

#[dilqr_runtime::model(integrator = rk4, dt = 0.05)]
pub mod pendulum {
    pub struct State {
        pub angle: f64,
        pub rate: f64,
    }

    pub struct Control {
        pub torque: f64,
    }

    pub struct Params {
        pub gain: f64,
    }

    #[network(layers = [2, 8, 1])]
    pub struct NoActivation;

    #[network(layers = 3, activation = tanh)]
    pub struct NoLayers;

    #[network(layers = [2, 8, 1], activation = tanh)]
    pub struct Fields {
        pub weight: f64,
    }

    #[network(layers = [2], activation = tanh)]
    pub struct OneLayer;

    #[network(layers = [2, 0, 300], activation = tanh)]
    pub struct Sizes;

    #[network(layers = [256, 65536, 256], activation = tanh)]
    pub struct TooLarge;

    #[network(layers = [2, 8, 1], activation = relo)]
    pub struct Misspelt;

    pub fn derivative(x: State, u: Control, p: Params) -> State {
        State { angle: x.rate, rate: p.gain * u.torque }
    }

    pub fn running_cost(x: State, u: Control, _p: Params) -> f64 {
        x.angle * x.angle + u.torque * u.torque
    }

    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.angle * x.angle + x.rate * x.rate
    }
}

fn main() {}
