//! Calls that double at every level.

#[dilqr_runtime::model]
pub mod pendulum {
    pub struct State {
        pub angle: f64,
        pub rate: f64,
    }
    pub struct Control {
        pub torque: f64,
    }
    pub struct Params {
        pub mass: f64,
    }

    fn step0(x: f64) -> f64 {
        x * x + 1.0
    }

    fn step1(x: f64) -> f64 {
        step0(x) + step0(x + 1.0)
    }

    fn step2(x: f64) -> f64 {
        step1(x) + step1(x + 1.0)
    }

    fn step3(x: f64) -> f64 {
        step2(x) + step2(x + 1.0)
    }

    fn step4(x: f64) -> f64 {
        step3(x) + step3(x + 1.0)
    }

    fn step5(x: f64) -> f64 {
        step4(x) + step4(x + 1.0)
    }

    fn step6(x: f64) -> f64 {
        step5(x) + step5(x + 1.0)
    }

    fn step7(x: f64) -> f64 {
        step6(x) + step6(x + 1.0)
    }

    fn step8(x: f64) -> f64 {
        step7(x) + step7(x + 1.0)
    }

    fn step9(x: f64) -> f64 {
        step8(x) + step8(x + 1.0)
    }

    fn step10(x: f64) -> f64 {
        step9(x) + step9(x + 1.0)
    }

    fn step11(x: f64) -> f64 {
        step10(x) + step10(x + 1.0)
    }

    fn step12(x: f64) -> f64 {
        step11(x) + step11(x + 1.0)
    }

    fn step13(x: f64) -> f64 {
        step12(x) + step12(x + 1.0)
    }

    fn step14(x: f64) -> f64 {
        step13(x) + step13(x + 1.0)
    }

    fn step15(x: f64) -> f64 {
        step14(x) + step14(x + 1.0)
    }

    fn step16(x: f64) -> f64 {
        step15(x) + step15(x + 1.0)
    }

    fn step17(x: f64) -> f64 {
        step16(x) + step16(x + 1.0)
    }

    fn step18(x: f64) -> f64 {
        step17(x) + step17(x + 1.0)
    }

    fn step19(x: f64) -> f64 {
        step18(x) + step18(x + 1.0)
    }

    fn step20(x: f64) -> f64 {
        step19(x) + step19(x + 1.0)
    }

    fn step21(x: f64) -> f64 {
        step20(x) + step20(x + 1.0)
    }

    fn step22(x: f64) -> f64 {
        step21(x) + step21(x + 1.0)
    }

    fn step23(x: f64) -> f64 {
        step22(x) + step22(x + 1.0)
    }

    fn step24(x: f64) -> f64 {
        step23(x) + step23(x + 1.0)
    }

    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        State { angle: x.angle + 0.1 * x.rate, rate: x.rate + 0.1 * u.torque / p.mass }
    }
    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        x.angle.powi(2) + u.torque.powi(2)
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.angle.powi(2)
    }
}

fn main() {}
