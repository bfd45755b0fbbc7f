//! Expressions outside the language, each on the token that makes it so.

#[dilqr_runtime::model]
pub mod pendulum {
    pub struct State {
        pub angle: f64,
        pub rate: f64,
    }

    fn operators(x: f64, n: usize) -> f64 {
        let _power = n ^ 2;
        let _shift = n << 1;
        let _both = (x < 1.0) & (x > 0.0);
        x
    }

    fn literals(x: f64) -> f64 {
        let _text = "one";
        let _letter = 'x';
        let _single = 1.0f32;
        let _byte = 1u8;
        let _long = 3_000_000_000i32;
        let _half = 1f32;
        let _infinite = 1e999;
        x
    }

    fn others(x: State, q: [f64; 3]) -> f64 {
        let _closure = |y: f64| y + 1.0;
        let _range = 0..3;
        let _slice = &q[0..2];
        let _macro = vec![1.0];
        let _unsafe = unsafe { 1.0 };
        let _async = async { 1.0 };
        let _turbofish = x.angle.sin::<f64>();
        let _rest = State { angle: 1.0, ..x };
        let _labelled = 'a: { break 'a 1.0 };
        let _unit = ();
        let _borrowed = &mut x.rate;
        let _called = (x.angle)(1.0);
        let _numbered = State { 0: 1.0, 1: 2.0 };
        x.angle
    }
}

fn main() {}
