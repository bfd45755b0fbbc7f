//! The compiler behind `#[dilqr_runtime::model]`. Use it through `dilqr_runtime`, which re-exports it and holds what the
//! generated code needs.
#![warn(missing_docs)]

mod ast;
mod chain;
mod check;
mod dump;
mod elaborate;
mod emit;
mod errors;
mod expand;
mod expressions;
mod graph;
mod integrate;
mod parse;
mod partials;
mod program;
mod session;
mod statements;
mod symbolic;
mod tape;
mod term;
mod value;
#[cfg(test)]
mod tests;

/// Compiles a module that describes a system into a model with exact derivatives.
///
/// ```ignore
/// #[dilqr_runtime::model]
/// pub mod pendulum {
///     /// Angle from upright [rad] and its rate [rad/s].
///     pub struct State { pub theta: f64, pub omega: f64 }
///     /// Torque at the pivot [N m].
///     pub struct Control { pub torque: f64 }
///     pub struct Params { pub gravity: f64, pub mass: f64, pub length: f64 }
///
///     const DT: f64 = 0.05;
///
///     pub fn dynamics(x: State, u: Control, p: Params) -> State {
///         let drive = 3.0 * u.torque / (p.mass * p.length.powi(2));
///         let omega = x.omega + DT * (1.5 * p.gravity / p.length * x.theta.sin() + drive);
///         State { theta: x.theta + DT * omega, omega }
///     }
///     pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
///         x.theta.powi(2) + 0.1 * x.omega.powi(2) + 0.001 * u.torque.powi(2)
///     }
///     pub fn terminal_cost(x: State, _p: Params) -> f64 {
///         10.0 * x.theta.powi(2) + x.omega.powi(2)
///     }
/// }
/// ```
///
/// # What the module holds
///
/// * `State`, `Control`, `Params`: structs of `f64` and `[f64; K]` fields. Their order is the order of the vectors `x`,
///   `u`, `p`. `Clone, Copy, Debug, PartialEq` are derived where they are not yet.
/// * `dynamics` (the next state), `stage_cost`, `terminal_cost`, with the signatures above; arguments by value or by
///   reference.
/// * Consts, helper functions and helper structs.
///
/// The module stays valid Rust: your structs and functions can be called with `f64`.
///
/// # The language
///
/// `f64` literals and consts, `std::f64::consts` by path; `+ - * /`, unary minus; `let` (with or without a type, with
/// tuples, shadowing allowed); blocks; fields; fixed-size arrays (`[a, b]`, `[v; K]`, constant indices); struct literals;
/// tuples; calls of the module's functions; and the methods `sin cos tan asin acos atan atan2 sinh cosh tanh exp ln sqrt
/// cbrt powi powf recip hypot mul_add sin_cos`, also as `f64::sin(x)`. Everything else is refused on its own tokens, with
/// what to write instead.
///
/// # What is added to the module
///
/// * a unit struct with the module's name in CamelCase, which implements `dilqr_runtime::Model`; its documentation lists
///   the operations of every kernel;
/// * `Solver` and `Problem`, the runtime's types with this model's sizes;
/// * `linearize(&x, &u, &p)`, the next state with `fx`, `fu`, `fp`;
/// * conversions between the structs, `[f64; N]` and `SVector<f64, N>`, and `NAMES`, the names of the entries.
///
/// # Arguments
///
/// `#[model(crate = path)]` says where the runtime is, for the rare case that the manifest does not: a dependency renamed
/// in `Cargo.toml` is found without it.
///
/// # Reading what was generated
///
/// `DILQR_DUMP=pendulum cargo build` writes the formatted code to `target/dilqr/pendulum.rs` and says so; several names are
/// separated by commas, and `all` stands for every model.
#[proc_macro_attribute]
pub fn model(arguments: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    expand::expand(arguments.into(), item.into()).into()
}
