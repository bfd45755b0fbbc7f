//! Statements outside the language.

#[dilqr_runtime::model]
pub mod pendulum {
    fn patterns(q: [f64; 2]) -> f64 {
        let ref a = q;
        let [b, ..] = q;
        let c @ _ = b;
        b + c
    }

    fn conditional(x: f64) -> f64 {
        let Some(y) = Some(x) else { panic!() };
        let z;
        z = y;
        z
    }

    fn assigned(x: f64) -> f64 {
        let mut y = x;
        let _z = (y = 1.0);
        y
    }

    fn unused(x: f64) -> f64 {
        x.sin();
        x
    }

    fn items(x: f64) -> f64 {
        use std::f64::consts::PI;
        const TWO: f64 = 2.0;
        fn twice(x: f64) -> f64 {
            TWO * x
        }
        twice(x) * PI
    }

    fn macros(x: f64) -> f64 {
        assert!(x > 0.0);
        x
    }
}

fn main() {}
