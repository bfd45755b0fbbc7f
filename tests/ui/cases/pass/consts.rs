//! Literals and consts.
#![deny(warnings)]

#[dilqr_runtime::model]
pub mod consts {
    pub struct State {
        pub x: [f64; N],
        pub y: [f64; N * 2 - 1],
        pub z: [f64; 2],
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {
        pub p: f64,
    }

    const N: usize = 2;
    const M: usize = self::N + 1;
    const ONE: usize = N / 2;
    const EXPONENT: i32 = -3 + 1;
    const DT: f64 = 0.05;
    const HALF: f64 = DT * 10.0;
    const RATIO: f64 = -(HALF + 1.5) / (2.0 - DT);
    const WEIGHTS: [f64; N] = [0.1, 0.2];
    const MATRIX: [[f64; N]; M] = [[1.0, 2.0], WEIGHTS, [DT; N]];
    const PAIR: (f64, usize) = (3.0, 1);
    const REFERENCE: &f64 = &4.0;
    const TARGET: State = State { x: WEIGHTS, y: [0.3; M], z: [HALF, self::DT] };

    fn literals() -> f64 {
        1.0 + 2. + 1e-3 + 1.5E2 + 1_000.000_1 + 2.0_f64 + 3f64 + 4_f64 + 0.1e+1
    }

    fn indices(a: [f64; 3]) -> f64 {
        a[0] + a[1usize] + a[0x1] + a[0b10] + a[0o2] + a[ONE] + a[M - 1] + a[PAIR.1] + a[{
            let last = M - ONE;
            last
        }]
    }

    fn exponents(x: f64) -> f64 {
        x.powi(2) + x.powi(3i32) + x.powi(-1) + x.powi(EXPONENT) + x.powi(0) + x.powi(-(2 - 1))
    }

    fn standard() -> f64 {
        let a = std::f64::consts::PI + std::f64::consts::TAU + std::f64::consts::E;
        let b = core::f64::consts::FRAC_PI_2 + ::std::f64::consts::FRAC_PI_3 + ::core::f64::consts::FRAC_PI_4;
        let c = std::f64::consts::FRAC_PI_6 + std::f64::consts::FRAC_PI_8 + std::f64::consts::FRAC_1_PI;
        let d = std::f64::consts::FRAC_2_PI + std::f64::consts::FRAC_2_SQRT_PI + std::f64::consts::FRAC_1_SQRT_2;
        let e = std::f64::consts::SQRT_2 + std::f64::consts::LN_2 + std::f64::consts::LN_10;
        let f = std::f64::consts::LOG2_10 + std::f64::consts::LOG2_E + std::f64::consts::LOG10_2;
        let g = std::f64::consts::LOG10_E + std::f64::consts::EULER_GAMMA + std::f64::consts::GOLDEN_RATIO;
        a + b + c + d + e + f + g
    }

    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        State {
            x: [literals() * x.x[0], standard() * x.x[1]],
            y: [indices(x.y), exponents(x.y[1]), RATIO * x.y[2] + PAIR.0],
            z: [MATRIX[2][1] * x.z[0] + MATRIX[1][ONE] * u.u, TARGET.z[0] * p.p + *REFERENCE],
        }
    }
    pub fn stage_cost(x: State, _u: Control, _p: Params) -> f64 {
        (x.x[0] - TARGET.x[0]).powi(2) + (x.y[2] - TARGET.y[2]).powi(2)
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        HALF * x.x[1] + x.y[0] * x.y[1] + x.z[0] * x.z[1]
    }
}

fn main() {
    assert_eq!(consts::State::NAMES, ["x[0]", "x[1]", "y[0]", "y[1]", "y[2]", "z[0]", "z[1]"]);
    dilqr_ui_tests::assert_agrees!(consts::Consts);
}
