//! Patterns outside the language.

#[dilqr_runtime::model]
pub mod pendulum {
    fn parts(q: [f64; 2]) -> f64 {
        let ref _a = q;
        let [b, ..] = q;
        let c @ _ = b;
        b + c
    }
}

fn main() {}
