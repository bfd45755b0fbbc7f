//! Every loop runs to its end.

#[dilqr_runtime::model]
pub mod pendulum {
    fn first(q: [f64; 3]) -> f64 {
        let mut sum = 0.0;
        'outer: for i in 0..3 {
            if q[i] > 1.0 {
                continue 'outer;
            }
            sum += q[i];
        }
        for i in 0..3 {
            if q[i] > 1.0 {
                break;
            }
        }
        sum
    }
}

fn main() {}
