//! A bioreactor that is fed periodically, for the greatest yield of a product.
//!
//! Equations, limits and constants: Houska, Ferreau and Diehl (*An auto-generated real-time iteration algorithm for nonlinear
//! MPC in the microsecond range*, Automatica 2011, and the examples of ACADO). The feed must not exceed a mean. The orbit is
//! periodic: the state of the end is the state of the start, which is free.

#[expect(clippy::module_inception, reason = "the macro names the model after the module; the file has the same noun")]
#[dilqr_runtime::model(integrator = rk4, dt = DT, substeps = 2, initial_state = free)]
mod bioreactor {
    /// Contents of the reactor, and means up to now.
    pub struct State {
        /// Concentrations of biomass, substrate and product \[g/l\].
        pub contents: [f64; 3],
        /// Mean of the feed over the period, as far as it has passed \[g/l\].
        pub feed: f64,
    }

    /// The feed.
    pub struct Control {
        /// Concentration of the substrate in the feed \[g/l\].
        #[bounds(p.least, p.most)]
        pub feed: f64,
    }

    /// Parameters of feed and growth.
    pub struct Params {
        /// Least feed \[g/l\].
        pub least: f64,
        /// Largest feed \[g/l\].
        pub most: f64,
        /// Largest mean of the feed \[g/l\].
        pub mean: f64,
        /// Largest rate of growth \[1/h\].
        pub growth: f64,
    }

    /// What is chosen beside the feed.
    pub struct Design {
        /// Concentrations at the start of the period, and at its end \[g/l\].
        #[bounds(1.0, 50.0)]
        pub start: [f64; 3],
    }

    /// Length of a stage \[h\].
    pub const DT: f64 = 2.0;
    /// Length of the period \[h\].
    const PERIOD: f64 = 48.0;
    const DILUTION: f64 = 0.15;

    /// Rates of the state \[1/h\].
    pub fn derivative(x: State, u: Control, p: Params) -> State {
        let [biomass, substrate, product] = x.contents;
        let growth = p.growth * (1.0 - product / 50.0) * substrate / (1.2 + substrate + substrate * substrate / 22.0);
        State {
            contents: [
                (growth - DILUTION) * biomass,
                DILUTION * (u.feed - substrate) - growth / 0.4 * biomass,
                -DILUTION * product + (2.2 * growth + 0.2) * biomass,
            ],
            feed: u.feed / PERIOD,
        }
    }

    /// Minus the yield.
    pub fn running_cost(x: State, _u: Control, _p: Params) -> f64 {
        -DILUTION * x.contents[2] / PERIOD
    }

    /// The end has no cost of its own.
    pub fn terminal_cost(_x: State, _p: Params) -> f64 {
        0.0
    }

    /// The period begins at the chosen contents, with nothing fed yet.
    pub fn initial_equalities(x: State, _p: Params, d: Design) -> [f64; 4] {
        [x.contents[0] - d.start[0], x.contents[1] - d.start[1], x.contents[2] - d.start[2], x.feed]
    }

    /// It ends there.
    pub fn terminal_equalities(x: State, _p: Params, d: Design) -> [f64; 3] {
        [x.contents[0] - d.start[0], x.contents[1] - d.start[1], x.contents[2] - d.start[2]]
    }

    /// The mean of the feed.
    pub fn terminal_constraints(x: State, p: Params) -> [f64; 1] {
        [x.feed - p.mean]
    }
}

pub use self::bioreactor::*;

impl Default for Params {
    /// The values of the source.
    fn default() -> Self {
        Self { least: 28.7, most: 40.0, mean: 32.9, growth: 0.48 }
    }
}
