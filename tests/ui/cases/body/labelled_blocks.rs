//! Blocks that are left early.

#[dilqr_runtime::model]
pub mod pendulum {
    fn limited(x: f64) -> f64 {
        'limit: {
            if x > 1.0 {
                break 'limit 1.0;
            }
            x
        }
    }
}

fn main() {}
