//! Heat in a rod of 30 cells that conducts better where it is warm, by forty Runge-Kutta steps.

/// One end is heated, the other one insulated.
#[dilqr_runtime::model(integrator = rk4, dt = 0.5, substeps = 40)]
pub mod heat {
    /// Temperatures of the cells.
    pub struct State {
        pub heat: [f64; 30],
    }

    /// Inflow at the first cell.
    pub struct Control {
        #[bounds(-2.0, 2.0)]
        pub inflow: f64,
    }

    /// Conduction of cold material, how it grows with the temperature, and loss to the surroundings.
    pub struct Params {
        pub conduction: f64,
        pub growth: f64,
        pub loss: f64,
    }

    pub fn derivative(x: State, u: Control, p: Params) -> State {
        let mut heat = [0.0; 30];
        heat[0] = u.inflow;
        for i in 0..29 {
            let middle = 0.5 * (x.heat[i] + x.heat[i + 1]);
            let flow = p.conduction * (1.0 + p.growth * middle * middle) * (x.heat[i] - x.heat[i + 1]);
            heat[i] -= flow;
            heat[i + 1] += flow;
        }
        for i in 0..30 {
            heat[i] -= p.loss * x.heat[i];
        }
        State { heat }
    }

    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        0.1 * terminal_cost(x, p) + 0.01 * u.inflow * u.inflow
    }

    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        let mut cost = 0.0;
        for i in 0..30 {
            cost += (x.heat[i] - 0.5) * (x.heat[i] - 0.5);
        }
        cost
    }
}
