//! Statements other than `let name = value;`.

#[dilqr_runtime::model]
pub mod pendulum {
    pub struct State {
        pub angle: f64,
    }

    fn conditional(x: f64) -> f64 {
        let Some(y) = Some(x) else { panic!() };
        let z;
        z = y;
        z
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

    fn no_value(x: f64) -> f64 {
        let _y = x;
    }

    fn no_block(x: f64) -> f64 {
        let _y = { let _z = x; };
        x
    }
}

fn main() {}
