//! Functions of a struct.

#[dilqr_runtime::model]
pub mod pendulum {
    fn height(self, length: f64) -> f64 {
        length
    }
}

fn main() {}
