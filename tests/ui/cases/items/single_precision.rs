//! f32, where the language computes in f64.

#[dilqr_runtime::model]
pub mod pendulum {
    pub struct State {
        pub angle: f32,
    }

    fn half(x: f32) -> f32 {
        0.5f32 * x
    }
}

fn main() {}
