//! The implicit functions, and the model, of the publications whose tables are rerun.
#![expect(unreachable_pub, reason = "a module is written as it is in a library")]

/// Kepler's equation, of the eccentric anomaly.
#[dilqr_runtime::implicit]
pub(crate) mod kepler {
    pub struct Unknown {
        pub anomaly: f64,
    }
    pub struct Params {
        pub mean: f64,
        pub eccentricity: f64,
    }
    pub fn equations(y: Unknown, p: Params) -> [f64; 1] {
        [y.anomaly - p.eccentricity * y.anomaly.sin() - p.mean]
    }
}

/// The discrete algebraic Riccati equation `S = A' S A - A' S B (R + B' S B)^-1 B' S A + Q` with `Q = I`, two states and a control.
#[dilqr_runtime::implicit]
pub(crate) mod riccati {
    /// `S_11, S_12, S_22`
    pub struct Unknown {
        pub s: [f64; 3],
    }
    pub struct Params {
        pub a: [[f64; 2]; 2],
        pub b: [f64; 2],
        pub r: f64,
    }
    const Q: [[f64; 2]; 2] = [[1.0, 0.0], [0.0, 1.0]];
    pub fn equations(y: Unknown, p: Params) -> [f64; 3] {
        let s = [[y.s[0], y.s[1]], [y.s[1], y.s[2]]];
        let mut sa = [[0.0; 2]; 2];
        let mut sb = [0.0; 2];
        for i in 0..2 {
            for j in 0..2 {
                sa[i][j] = s[i][0] * p.a[0][j] + s[i][1] * p.a[1][j];
            }
            sb[i] = s[i][0] * p.b[0] + s[i][1] * p.b[1];
        }
        let g = p.r + p.b[0] * sb[0] + p.b[1] * sb[1];
        let h = [p.b[0] * sa[0][0] + p.b[1] * sa[1][0], p.b[0] * sa[0][1] + p.b[1] * sa[1][1]];
        let mut r = [0.0; 3];
        for i in 0..2 {
            for j in 0..2 {
                // Both halves, which are the same.
                r[i + j] = s[i][j] - (p.a[0][i] * sa[0][j] + p.a[1][i] * sa[1][j]) + h[i] * h[j] / g - Q[i][j];
            }
        }
        r
    }
}

/// A step of the implicit Euler method for a flow in the plane whose slope is a network. At a state of its own and with the step -1
/// the equations are the slope itself.
macro_rules! implicit_euler {
    ($name:ident, $hidden:tt) => {
        #[dilqr_runtime::implicit]
        pub(crate) mod $name {
            pub struct Unknown {
                pub x: [f64; 2],
            }
            pub struct Params {
                pub before: [f64; 2],
                pub step: f64,
            }
            #[network(layers = [2, $hidden, $hidden, 2], activation = tanh)]
            pub struct Slope;
            pub fn equations(y: Unknown, p: Params, slope: &Slope) -> [f64; 2] {
                let f = slope.evaluate([y.x[0], y.x[1]]);
                [y.x[0] - p.before[0] - p.step * f[0], y.x[1] - p.before[1] - p.step * f[1]]
            }
        }
    };
}

implicit_euler!(small_flow, 50);
implicit_euler!(large_flow, 500);

/// A step of the implicit Euler method for van der Pol's oscillator.
#[dilqr_runtime::implicit]
pub(crate) mod oscillator {
    pub struct Unknown {
        pub x: [f64; 2],
    }
    pub struct Params {
        pub before: [f64; 2],
        pub step: f64,
        pub stiffness: f64,
    }
    pub fn equations(y: Unknown, p: Params) -> [f64; 2] {
        let pull = p.stiffness * (1.0 - y.x[0].powi(2)) * y.x[1] - y.x[0];
        [y.x[0] - p.before[0] - p.step * y.x[1], y.x[1] - p.before[1] - p.step * pull]
    }
}

/// The fit of `a x^2 + b` to ten points.
#[dilqr_runtime::implicit]
pub(crate) mod parabola {
    pub struct Unknown {
        pub a: f64,
        pub b: f64,
    }
    pub struct Params {
        pub x: [f64; 10],
        pub y: [f64; 10],
    }
    pub fn residuals(y: Unknown, p: Params) -> [f64; 10] {
        let mut r = [0.0; 10];
        for i in 0..10 {
            r[i] = p.y[i] - y.a * p.x[i].powi(2) - y.b;
        }
        r
    }
}

/// The weighted fit of a line, from the sums of the weights times `1, x, x^2, y` and `x y`.
#[dilqr_runtime::implicit]
pub(crate) mod weighted_line {
    pub struct Unknown {
        pub offset: f64,
        pub slope: f64,
    }
    pub struct Params {
        pub sums: [f64; 5],
    }
    pub fn objective(y: Unknown, p: Params) -> f64 {
        let square = p.sums[0] * y.offset.powi(2) + p.sums[2] * y.slope.powi(2);
        0.5 * square + p.sums[1] * y.offset * y.slope - p.sums[3] * y.offset - p.sums[4] * y.slope
    }
}

/// A network of one input: before its softplus the weight of a sample.
#[dilqr_runtime::implicit]
pub(crate) mod metric {
    pub struct Unknown {
        pub value: f64,
    }
    pub struct Params {
        pub x: f64,
    }
    #[network(layers = [1, 200, 1], activation = tanh)]
    pub struct Weigh;
    pub fn map(_y: Unknown, p: Params, weigh: &Weigh) -> Unknown {
        Unknown { value: weigh.evaluate([p.x])[0] }
    }
}

/// A network that predicts controls from the initial state.
#[dilqr_runtime::implicit]
pub(crate) mod plan {
    pub struct Unknown {
        pub controls: [f64; 30],
    }
    pub struct Params {
        pub x: [f64; 4],
    }
    #[network(layers = [4, 64, 64, 30], activation = tanh)]
    pub struct Predict;
    pub fn map(_y: Unknown, p: Params, predict: &Predict) -> Unknown {
        Unknown { controls: predict.evaluate([p.x[0], p.x[1], p.x[2], p.x[3]]) }
    }
}

/// Three populations of predators and prey with the same rates, which are fitted to recorded ones.
#[dilqr_runtime::model(integrator = rk4, dt = 30.0 / 19.0, substeps = 4)]
pub(crate) mod lotka_volterra {
    pub struct State {
        pub prey: [f64; 3],
        pub predators: [f64; 3],
    }
    /// Nothing is controlled.
    pub struct Control {
        pub idle: f64,
    }
    pub struct Params {}
    pub struct Design {
        pub rates: [f64; 4],
    }
    /// What was recorded.
    pub struct StageParams {
        pub prey: [f64; 3],
        pub predators: [f64; 3],
    }
    pub fn derivative(x: State, _u: Control, _p: Params, d: Design) -> State {
        let mut slope = State { prey: [0.0; 3], predators: [0.0; 3] };
        for i in 0..3 {
            let met = x.prey[i] * x.predators[i];
            slope.prey[i] = d.rates[0] * x.prey[i] - d.rates[1] * met;
            slope.predators[i] = d.rates[3] * met - d.rates[2] * x.predators[i];
        }
        slope
    }
    pub fn stage_cost(x: State, u: Control, p: Params, s: StageParams) -> f64 {
        terminal_cost(x, p, s) + 0.5 * u.idle.powi(2)
    }
    pub fn terminal_cost(x: State, _p: Params, s: StageParams) -> f64 {
        let mut cost = 0.0;
        for i in 0..3 {
            cost += 0.5 * (x.prey[i] - s.prey[i]).powi(2) + 0.5 * (x.predators[i] - s.predators[i]).powi(2);
        }
        cost
    }
}
