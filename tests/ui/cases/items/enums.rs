//! A choice cannot be differentiated.

#[dilqr_runtime::model]
pub mod pendulum {
    pub enum Mode {
        Swing,
        Hold,
    }
}

fn main() {}
