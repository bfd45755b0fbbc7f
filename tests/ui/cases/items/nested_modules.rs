//! A module within the module.

#[dilqr_runtime::model]
pub mod pendulum {
    mod tests {}
}

fn main() {}
