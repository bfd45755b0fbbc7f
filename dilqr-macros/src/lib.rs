//! The compiler behind `#[dilqr_runtime::model]`. Use it through `dilqr_runtime`, which re-exports it and holds what the
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
/// # What the module holds
///
/// * `State`, `Control`, `Params`: structs of `f64` and `[f64; K]` fields. Their order is the order of the vectors `x`,
///   `u`, `p`. `Clone, Copy, Debug, PartialEq` are derived where they are not yet.
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
/// * `for i in 0..N` (also `..=`, `.rev()`), unrolled: the bounds are integers known at compile time. Arithmetic of `usize`
///   and `i32` constants for indices, sizes and exponents; `i as f64`.
/// * `if`, `else if`, `else`, as expressions or statements, over comparisons, `&& || !`, `bool` values. A condition over loop
///   variables and constants is decided while unrolling, and the branch not taken is not looked at. Under any other
///   condition both branches are computed and the result is selected.
/// * Fixed-size arrays, nested ones too (`[a, b]`, `[v; K]`, indices known at compile time); tuples; struct literals; fields;
///   blocks; calls of the module's functions, which cannot be recursive.
/// * The methods `sin cos tan asin acos atan atan2 sinh cosh tanh exp ln sqrt cbrt powi powf recip hypot mul_add sin_cos abs
///   signum min max clamp`, also as `f64::sin(x)`.
///
/// Everything else is refused on its own tokens, with what to write instead. So is what is too large: vectors (and
/// constraints) of more than 500 numbers, values of more than 10,000, loops of more than 10,000 steps, sums of more than some
/// 600 terms in one expression.
///
/// At a kink (of `abs`, `min`, `max`, a branch) the derivative is that of the branch that computes the value there; for
/// `abs` at 0 that of `x >= 0`. A branch that does not run never spoils a derivative, even where its own is infinite.
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
///   control or the stage's parameters: a number, which for an array field stands for each of its entries, or an array with
///   an entry each. It is open where it is `None`, or `f64::NEG_INFINITY` below and `f64::INFINITY` above; infinities may stand
///   nowhere else, but in consts that bounds name.
/// * `stage_constraints(x, u, p) -> [f64; K]` and `terminal_constraints(x, p) -> [f64; K]` are feasible where every entry is
///   at most 0; `stage_equalities(x, u, p) -> [f64; K]` and `terminal_equalities(x, p) -> [f64; K]` where every entry is 0. In
///   a model with `StageParams` they may take `s` as well. The constraints of a stage hold at every stage before the last;
///   one that does not depend on the control is left out at the first, where the state is given. What depends on a control
///   is decided by the expression that is left once it is simplified.
/// * Limits are differentiated like the rest: in state, control and parameters, to second order.
///
/// # Warnings
///
/// A field that a model declares and does not use is a warning on that field: a parameter that nothing depends on, a state
/// or a control that no cost and no constraint sees, neither directly nor through the dynamics of other states, however
/// many stages later. What counts is dependence: `p.mass` in `p.mass * g / p.mass` is not used. Of an array the entries
/// are named. Remove what is not used, or start the field's name with `_`, which says that it is meant.
///
/// The warning is rustc's lint `deprecated`, the one that a macro can raise: `#[allow(deprecated)]` on the module
/// silences it.
///
/// # Integrators
///
/// `#[model(integrator = rk4, dt = 0.05)]` makes `dynamics` from `fn derivative(x, u, p) -> State`. The integrators are
/// `euler`, `midpoint`, `rk4` and `semi_implicit_euler`; `dt` is an expression over consts and `p` (`dt = p.step`);
/// `substeps = 4` takes that many steps of a quarter of `dt` each. Semi-implicit Euler takes the first half of the state's
/// entries for positions and the second half for their velocities, in the same order: velocities advance first, then
/// positions with the derivative at the new velocities.
///
/// # What is added to the module
///
/// * a unit struct with the module's name in CamelCase, which implements `dilqr_runtime::Model`; its documentation lists
///   the operations of every kernel and shows which entries of the derivatives can be other than zero;
/// * `Solver` and `Problem`, the runtime's types with this model's sizes;
/// * `linearize(&x, &u, &p)` (and `&s`, where there are stage parameters), the next state with `fx`, `fu`, `fp`;
/// * `dynamics`, where the model gives `derivative`;
/// * conversions between the structs, `[f64; N]` and `SVector<f64, N>`, and `NAMES`, the names of the entries.
///
/// # Arguments
///
/// * `integrator`, `dt`, `substeps`: see above.
/// * `vendored = "src/pendulum.dilqr.rs"`: reads the kernels from that file; see below.
/// * `crate = path` says where the runtime is, for the rare case that the manifest does not: a dependency renamed in
///   `Cargo.toml` is found without it.
///
/// # Symbolica, and waiting for it
///
/// Without a licence key Symbolica allows one thread a user at a time and aborts a process that would be the second; while
/// a model is derived, that process is rustc, or the editor's macro server. Builds of dilqr therefore queue for it, behind
/// the lock file `~/.cache/dilqr/symbolica.lock`. Other programs know nothing of this lock, and Symbolica's documented
/// interface has no way to ask first: close an interactive session of Symbolica of your own before you build. A compiler
/// that is aborted while it derives a model has met one.
///
/// # The cache
///
/// Kernels are kept between expansions, since an editor expands a model at every keystroke: in `dilqr/expansions` in your
/// cache folder (`$XDG_CACHE_HOME`, or `~/.cache`), 500 models and 200 MB at most, what was used last. A model that is found
/// there needs neither Symbolica nor the queue. It is found by its tokens, without the comments and documentation, and by
/// the version of dilqr. `DILQR_CACHE=off` switches the cache off and `DILQR_CACHE=/some/folder` moves it; keep it where
/// nobody else can write, since what it holds is compiled. It can be deleted at any time.
///
/// # Building without Symbolica
///
/// A model can be *vendored*: its kernels stand in a file beside it, which is committed with it, can be read, and is all
/// that a build needs.
///
/// 1. Name the file, from the folder of `Cargo.toml` on: `#[dilqr_runtime::model(vendored = "src/pendulum.dilqr.rs")]`.
/// 2. Have it written: `DILQR_VENDOR=pendulum cargo build --features dilqr-runtime/symbolica` (several names are separated by
///    commas, and `all` stands for every model with a file).
/// 3. Depend on the runtime without Symbolica:
///    `dilqr-runtime = { version = "..", default-features = false, features = ["std", "macros"] }`.
///
/// From then on the kernels are read and nothing is derived, with Symbolica or without. The file is for one model and one
/// version of dilqr: after any change of the model but in its documentation, after an update of dilqr and after a change of
/// the file itself, the build ends with an error that says what is wrong and which command renews the file.
///
/// # Without the standard library
///
/// What is emitted needs `core` alone, so a model can stand in a `#![no_std]` crate that depends on the runtime without its
/// feature `std`: vendored, or derived while the crate is compiled.
///
/// # Reading what was generated
///
/// `DILQR_DUMP=pendulum cargo build` writes the formatted code to `target/dilqr/pendulum.rs` and says so; several names are
/// separated by commas, and `all` stands for every model.
#[proc_macro_attribute]
pub fn model(arguments: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    expand::expand(arguments.into(), item.into(), &Environment::of_the_process()).into()
}
