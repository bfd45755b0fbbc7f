//! Brackets within brackets, such as programs write: 150 of them.

macro_rules! model {
    ([] $inner:tt) => {
        #[dilqr_runtime::model]
        pub mod pendulum {
            fn nested() -> f64 {
                $inner
            }
        }
    };
    ([$again:tt $($rest:tt)*] $inner:tt) => {
        model!([$($rest)*] ((((((((((((((($inner))))))))))))))));
    };
}

model!([1 2 3 4 5 6 7 8 9 10] 1.0);

fn main() {}
