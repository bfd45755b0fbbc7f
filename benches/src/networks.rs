//! Networks of several shapes, in models that do nothing else.

/// A model around a network of 5 inputs and 4 outputs.
macro_rules! networks {
    ($($(#[$doc:meta])* $module:ident [$($units:literal),*];)*) => {$(
        $(#[$doc])*
        #[dilqr_runtime::model]
        pub mod $module {
            pub struct State { pub x: [f64; 4] }
            pub struct Control { pub u: f64 }
            pub struct Params {}

            #[network(layers = [5, $($units,)* 4], activation = tanh)]
            pub struct Residual;

            pub fn dynamics(x: State, u: Control, _p: Params, residual: &Residual) -> State {
                let y = residual.evaluate([x.x[0], x.x[1], x.x[2], x.x[3], u.u]);
                State { x: [x.x[0] + 0.1 * y[0], x.x[1] + 0.1 * y[1], x.x[2] + 0.1 * y[2], x.x[3] + 0.1 * y[3]] }
            }
            pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
                x.x[0] * x.x[0] + x.x[1] * x.x[1] + x.x[2] * x.x[2] + x.x[3] * x.x[3] + u.u * u.u
            }
            pub fn terminal_cost(x: State, _p: Params) -> f64 {
                x.x[0] * x.x[0] + x.x[1] * x.x[1] + x.x[2] * x.x[2] + x.x[3] * x.x[3]
            }
        }
    )*};
}

networks! {
    two_of_32 [32, 32];
    two_of_64 [64, 64];
    two_of_128 [128, 128];
    one_of_256 [256];
    four_of_64 [64, 64, 64, 64];
}
