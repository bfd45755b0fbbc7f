//! Control flow that the compiler does not follow.

#[dilqr_runtime::model]
pub mod pendulum {
    fn branches(x: f64) -> f64 {
        let wrapped = Some(x);
        if let Some(y) = wrapped {
            return y;
        }
        match 1 {
            1 => x,
            _ => 0.0,
        }
    }

    fn loops(x: f64, q: [f64; 3]) -> f64 {
        while false {}
        loop {
            break;
        }
        'outer: for i in 0..3 {
            if i == 1 {
                continue 'outer;
            }
        }
        for i in 0.. {
            break;
        }
        for y in q {}
        for y in q.iter() {}
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
