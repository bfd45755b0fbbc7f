//! Calls of what is no function of the module.

#[dilqr_runtime::model]
pub mod pendulum {
    pub struct Spring {
        pub force: f64,
    }

    fn called(x: Spring) -> f64 {
        (x.force)(1.0)
    }
}

fn main() {}
