//! Control flow: what the compiler does not follow.

#[dilqr_runtime::model]
pub mod pendulum {
    fn branches(x: f64) -> f64 {
        let clipped = if x > 1.0 { 1.0 } else { x };
        match 1 {
            1 => clipped,
            _ => x,
        }
    }

    fn loops(x: f64) -> f64 {
        for _ in 0..3 {}
        while false {}
        loop {
            break;
        }
        x
    }

    fn leaves(x: f64) -> f64 {
        return x;
    }

    fn fails(x: f64) -> f64 {
        Some(x)?
    }
}

fn main() {}
