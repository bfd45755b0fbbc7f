//! A crate that denies what can be denied. Nothing here is called: a binary with a model must not be warned of that.
#![deny(
    warnings,
    unused,
    missing_docs,
    missing_debug_implementations,
    missing_copy_implementations,
    unreachable_pub,
    unused_qualifications,
    unused_lifetimes,
    unused_results,
    unused_import_braces,
    unsafe_code,
    non_ascii_idents,
    trivial_casts,
    trivial_numeric_casts,
    single_use_lifetimes,
    elided_lifetimes_in_paths,
    explicit_outlives_requirements,
    let_underscore_drop,
    meta_variable_misuse,
    private_bounds,
    private_interfaces,
    unnameable_types,
    unit_bindings,
    variant_size_differences,
    keyword_idents,
    future_incompatible,
    nonstandard_style,
    rust_2018_idioms,
    clippy::all,
    clippy::pedantic,
    clippy::nursery,
    clippy::cargo
)]

/// A model in the open.
#[dilqr_runtime::model]
pub mod open {
    /// State.
    pub struct State {
        /// Angle.
        pub angle: f64,
        /// Rates.
        pub rates: [f64; 2],
    }
    /// Control.
    pub struct Control {
        /// Torque.
        pub torque: f64,
    }
    /// Parameters.
    pub struct Params {
        /// Mass.
        pub mass: f64,
    }

    /// Dynamics.
    #[must_use]
    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        State { angle: x.angle.sin() * x.angle.cos(), rates: [u.torque, p.mass] }
    }
    /// Cost of a stage.
    #[must_use]
    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        x.angle.powi(2) + u.torque.powi(2)
    }
    /// Cost of the end.
    #[must_use]
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.rates[0] * x.rates[1]
    }
}

/// A model that nobody else sees, with consts that only attributes name.
#[dilqr_runtime::model(integrator = euler, dt = STEP)]
mod closed {
    pub(super) struct State {
        pub(super) angle: f64,
    }
    struct Control {
        #[bounds(-LIMIT, LIMIT)]
        torque: f64,
    }
    pub(crate) struct Params {}

    const STEP: f64 = 0.1;
    const LIMIT: f64 = 2.0;

    fn derivative(x: State, u: Control, _p: Params) -> State {
        State { angle: x.angle + u.torque }
    }
    fn stage_cost(x: State, _u: Control, _p: Params) -> f64 {
        x.angle
    }
    pub(crate) fn terminal_cost(x: State, _p: Params) -> f64 {
        x.angle
    }
}

fn main() {}
