//! A literal that leaves fields to another value.

#[dilqr_runtime::model]
pub mod pendulum {
    pub struct State {
        pub angle: f64,
        pub rate: f64,
    }

    fn stopped(x: State) -> State {
        State { rate: 0.0, ..x }
    }

    fn numbered() -> State {
        State { 0: 1.0, 1: 2.0 }
    }
}

fn main() {}
