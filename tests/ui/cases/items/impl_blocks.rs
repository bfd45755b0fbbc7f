//! Methods of the user's own.

#[dilqr_runtime::model]
pub mod pendulum {
    pub struct State {
        pub angle: f64,
    }

    impl State {
        pub fn height(&self) -> f64 {
            self.angle.cos()
        }
    }
}

fn main() {}
