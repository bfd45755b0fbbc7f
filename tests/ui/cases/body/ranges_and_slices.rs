//! Parts of arrays.

#[dilqr_runtime::model]
pub mod pendulum {
    fn front(q: [f64; 3]) -> f64 {
        let two = &q[0..2];
        let _all = 0..3;
        two[0]
    }
}

fn main() {}
