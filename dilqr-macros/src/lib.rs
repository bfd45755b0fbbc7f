//! The compiler behind `#[dilqr_runtime::model]`. Use it through `dilqr_runtime`, which re-exports it and has the types that
//! generated code needs.
#![warn(missing_docs)]

mod derive;
#[cfg(feature = "symbolica")]
mod differentiate;
mod elaborate;
mod emit;
mod environment;
mod expand;
mod program;
mod store;
mod syntax;
#[cfg(all(test, feature = "symbolica"))]
mod tests;

use environment::Environment;

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
/// # Contents of the module
///
/// * `State`, `Control`, `Params`: structs of `f64` and `[f64; K]` fields. The order of the fields is the order of the vectors
///   `x`, `u`, `p`. `Clone, Copy, Debug, PartialEq` are derived if they are missing.
/// * `dynamics` (the next state), `stage_cost`, `terminal_cost`, with the signatures above; arguments by value or by
///   reference. In place of `dynamics`, `derivative` and an integrator (below).
/// * Optionally `StageParams`, parameters of a single stage: the functions may then take a further argument
///   `s: StageParams`.
/// * Consts, helper functions and helper structs.
/// * Optionally limits: `#[bounds(lower, upper)]` on fields of `Control`, and functions for constraints (below).
///
/// The module stays valid Rust: your structs and functions can be called with `f64`.
///
/// # The language
///
/// * `f64` literals and consts (also arrays of them), `std::f64::consts` by path; `+ - * /`, unary minus.
/// * `let` (with or without a type, shadowing, `mut`), with patterns of names, `_`, tuples, arrays and structs; the same
///   patterns in arguments. Assignment, also `+= -= *= /=`, to variables and their fields and entries.
/// * `for i in 0..N` (also `..=`, `.rev()`), unrolled: the bounds are constant integers. Arithmetic of `usize` and `i32`
///   constants for indices, sizes and exponents; `i as f64`.
/// * `if`, `else if`, `else`, as expressions or statements, over comparisons, `&& || !`, `bool` values. A condition over loop
///   variables and constants is evaluated during unrolling, and the other branch is not compiled. For any other condition both
///   branches are computed and the result is selected.
/// * Fixed-size arrays, also nested (`[a, b]`, `[v; K]`, constant indices); tuples; struct literals; fields;
///   blocks; calls of the module's functions, which cannot be recursive.
/// * The methods `sin cos tan asin acos atan atan2 sinh cosh tanh exp ln sqrt cbrt powi powf recip hypot mul_add sin_cos abs
///   signum min max clamp`, also as `f64::sin(x)`.
///
/// Anything else is an error on its own tokens, with what to write instead. So is a model that is too large: a vector (or a
/// list of constraints) of more than 500 numbers, a value of more than 10,000, a loop of more than 10,000 steps, a sum of more
/// than about 600 terms.
///
/// At a kink (of `abs`, `min`, `max`, a branch) the derivative is that of the branch that computes the value there; for
/// `abs` at 0 that of `x >= 0`. A branch that does not run contributes nothing, even where its derivative is infinite.
///
/// # Limits
///
/// ```ignore
/// pub struct Control {
///     #[bounds(-p.most, p.most)]
///     pub torque: [f64; 2],
///     #[bounds(0.0, None)]
///     pub brake: f64,
/// }
/// /// Off the wall, and within the power of the motor.
/// pub fn stage_constraints(x: State, u: Control, p: Params) -> [f64; 2] {
///     [x.position - p.wall, u.torque[0] * x.rate[0] - p.power]
/// }
/// /// At rest at the end.
/// pub fn terminal_equalities(x: State, _p: Params) -> [f64; 1] {
///     [x.rate[0]]
/// }
/// ```
///
/// * `#[bounds(lower, upper)]` limits a control. A side is an expression over consts and `p`, not over the state, the
///   control or the stage's parameters. It is a number, which is the bound of every entry of an array field, or an array. A
///   side is open if it is `None`, or `f64::NEG_INFINITY` below and `f64::INFINITY` above. Elsewhere infinities are allowed only
///   in consts for bounds.
/// * `stage_constraints(x, u, p) -> [f64; K]` and `terminal_constraints(x, p) -> [f64; K]` are feasible where every entry is
///   at most 0; `stage_equalities(x, u, p) -> [f64; K]` and `terminal_equalities(x, p) -> [f64; K]` where every entry is 0. In
///   a model with `StageParams` they may take `s` as well. The constraints of a stage hold at every stage before the last;
///   one that does not depend on the control is left out at the first, where the state is given. The simplified expression
///   decides whether a constraint depends on the control.
/// * Limits are differentiated like the rest: in state, control and parameters, to second order.
///
/// # Warnings
///
/// A field that is declared and not used is a warning on that field. A parameter is unused if nothing depends on it. A state
/// or a control is unused if no cost and no constraint depends on it, directly or through later stages. Terms that
/// cancel do not count: `p.mass` in `p.mass * g / p.mass` is not used. For an array the message has the entries. Remove an
/// unused field, or start its name with `_`.
///
/// The warning is rustc's lint `deprecated`, the only one that a macro can raise: `#[allow(deprecated)]` on the module
/// suppresses it.
///
/// # Integrators
///
/// `#[model(integrator = rk4, dt = 0.05)]` makes `dynamics` from `fn derivative(x, u, p) -> State`. The integrators are
/// `euler`, `midpoint`, `rk4` and `semi_implicit_euler`; `dt` is an expression over consts and `p` (`dt = p.step`);
/// `substeps = 4` takes four steps of a quarter of `dt`. For semi-implicit Euler the first half of the state is positions, and
/// the second half their velocities in the same order. Velocities advance first, then positions with the derivative at the
/// new velocities.
///
/// # Items added to the module
///
/// * a unit struct with the module's name in CamelCase, which implements `dilqr_runtime::Model`; its documentation lists
///   the operations of every kernel and shows which entries of the derivatives can be other than zero;
/// * `Solver` and `Problem`, the runtime's types with this model's sizes;
/// * `linearize(&x, &u, &p)` (and `&s`, where there are stage parameters), the next state with `fx`, `fu`, `fp`;
/// * `dynamics`, if the model has `derivative`;
/// * conversions between the structs, `[f64; N]` and `SVector<f64, N>`, and `NAMES`, the names of the entries.
///
/// # Arguments
///
/// * `integrator`, `dt`, `substeps`: see above.
/// * `vendored = "src/pendulum.dilqr.rs"`: reads the kernels from that file; see below.
/// * `crate = path`: the path of the runtime, if the manifest does not have it. A dependency that is renamed in `Cargo.toml` is
///   found without it.
///
/// # The lock on Symbolica
///
/// Without a licence key Symbolica allows one thread a user at a time and aborts a second process. While a model is derived,
/// that process is rustc or the editor's macro server. Builds of dilqr therefore take the lock file
/// `~/.cache/dilqr/symbolica.lock` first. Other programs do not use this lock, and Symbolica's documented interface has no way
/// to check: close your own sessions of Symbolica before you build. If a compiler is aborted while it derives a model, another
/// session is the likely cause.
///
/// # The cache
///
/// Kernels are cached between expansions, since an editor expands a model at every keystroke. The cache is `dilqr/expansions`
/// in your cache folder (`$XDG_CACHE_HOME`, or `~/.cache`) and keeps the 500 most recently used models, at most 200 MB. A
/// cached model needs neither Symbolica nor its lock. Its key is its tokens, without comments and documentation, and the
/// version of dilqr. `DILQR_CACHE=off` disables the cache and `DILQR_CACHE=/some/folder` moves it. Its contents are compiled, so
/// keep it where other users cannot write. It can be deleted at any time.
///
/// # Building without Symbolica
///
/// A model can be *vendored*: its kernels are in a readable file beside it, which is committed, and builds need nothing else.
///
/// 1. Name the file, relative to the folder of `Cargo.toml`: `#[dilqr_runtime::model(vendored = "src/pendulum.dilqr.rs")]`.
/// 2. Write it: `DILQR_VENDOR=pendulum cargo build --features dilqr-runtime/symbolica` (names are separated by commas; `all`
///    means every model with a file).
/// 3. Depend on the runtime without Symbolica:
///    `dilqr-runtime = { version = "..", default-features = false, features = ["std", "macros"] }`.
///
/// From then on the kernels are read and not derived, with Symbolica or without. The file is for one model and one version of
/// dilqr. The build fails after a change of the model (other than in documentation), of dilqr's version or of the file. The
/// error has the command to renew the file.
///
/// # Without the standard library
///
/// Generated code needs `core` only. So a model can be in a `#![no_std]` crate that depends on the runtime without its
/// feature `std`, vendored or not.
///
/// # Reading generated code
///
/// `DILQR_DUMP=pendulum cargo build` writes the formatted code to `target/dilqr/pendulum.rs` and prints the path. Names are
/// separated by commas; `all` means every model.
#[proc_macro_attribute]
pub fn model(arguments: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    expand::expand(arguments.into(), item.into(), &Environment::of_the_process()).into()
}
