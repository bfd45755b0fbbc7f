//! Statements that come to nothing, or come too late.

#[dilqr_runtime::model]
pub mod pendulum {
    fn unused(x: f64) -> f64 {
        x.sin();
        x
    }

    fn declared(x: f64) -> f64 {
        let y;
        y = x;
        y
    }

    fn chained(x: f64) -> f64 {
        let mut y = x;
        let _z = (y = 1.0);
        y
    }

    fn unit(x: f64) -> f64 {
        let _none = ();
        x
    }
}

fn main() {}
