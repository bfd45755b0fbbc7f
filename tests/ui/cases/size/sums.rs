//! An expression of thousands of terms, such as programs write: 2048 of them after eleven doublings.

macro_rules! model {
    ([] $($terms:tt)*) => {
        #[dilqr_runtime::model]
        pub mod pendulum {
            fn long() -> f64 {
                0.0 $($terms)*
            }
        }
    };
    ([$again:tt $($rest:tt)*] $($terms:tt)*) => {
        model!([$($rest)*] $($terms)* $($terms)*);
    };
}

model!([1 2 3 4 5 6 7 8 9 10 11] + 1.0);

fn main() {}
