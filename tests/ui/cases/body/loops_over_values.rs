//! `for` runs over numbers, not over values.

#[dilqr_runtime::model]
pub mod pendulum {
    fn total(q: [f64; 3]) -> f64 {
        let mut sum = 0.0;
        for y in q {
            sum += y;
        }
        for y in q.iter() {
            sum += y;
        }
        for i in 0.. {
            sum += i as f64;
        }
        sum
    }
}

fn main() {}
