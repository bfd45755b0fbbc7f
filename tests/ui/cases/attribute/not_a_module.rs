//! The attribute on something else: the item stays, with an error on its head.

#[dilqr_runtime::model]
struct Pendulum;

#[dilqr_runtime::model]
pub fn dynamics(angle: f64) -> f64 {
    angle.sin()
}

#[dilqr_runtime::model]
impl Pendulum {
    fn energy(&self) -> f64 {
        dynamics(1.0)
    }
}

fn main() {
    let _ = Pendulum.energy();
}
