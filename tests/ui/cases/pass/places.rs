//! Where a model may stand, and under which names.
#![deny(warnings)]

pub mod outer {
    pub mod inner {
        #[dilqr_runtime::model]
        pub mod deep {
            pub struct State {
                pub x: f64,
            }
            pub struct Control {
                pub u: f64,
            }
            pub struct Params {
                pub p: f64,
            }
            pub fn dynamics(x: State, u: Control, p: Params) -> State {
                State { x: x.x * p.p + u.u }
            }
            pub fn stage_cost(x: State, _u: Control, _p: Params) -> f64 {
                x.x
            }
            pub fn terminal_cost(x: State, _p: Params) -> f64 {
                x.x
            }
        }
    }
}

macro_rules! model {
    ($visibility:vis $name:ident, $field:ident: $type:ty = $value:expr) => {
        #[dilqr_runtime::model]
        $visibility mod $name {
            pub struct State {
                pub $field: $type,
            }
            pub struct Control {
                pub u: $type,
            }
            pub struct Params {}
            pub fn dynamics(x: State, u: Control, _p: Params) -> State {
                let $field = x.$field * $value + u.u;
                State { $field }
            }
            pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
                x.$field - $value * u.u
            }
            pub fn terminal_cost(x: State, _p: Params) -> $type {
                x.$field
            }
        }
    };
}

model!(pub r#type, x: f64 = 1.0 + 2.0);
model!(pub(crate) a_2d_model, r#match: f64 = -0.5);
model!(_odd_name_, _y: f64 = std::f64::consts::PI);
model!(größe, länge: f64 = { 2.0 });

fn main() {
    use outer::inner::deep;
    dilqr_ui_tests::assert_agrees!(deep::Deep);
    dilqr_ui_tests::assert_agrees!(r#type::Type);
    dilqr_ui_tests::assert_agrees!(a_2d_model::A2dModel);
    dilqr_ui_tests::assert_agrees!(_odd_name_::OddName);
    dilqr_ui_tests::assert_agrees!(größe::Größe);

    #[dilqr_runtime::model]
    mod local {
        pub struct State {
            pub x: f64,
        }
        pub struct Control {
            pub u: f64,
        }
        pub struct Params {}
        pub fn dynamics(x: State, u: Control, _p: Params) -> State {
            State { x: x.x.sin() + u.u }
        }
        pub fn stage_cost(x: State, _u: Control, _p: Params) -> f64 {
            x.x
        }
        pub fn terminal_cost(x: State, _p: Params) -> f64 {
            x.x
        }
    }
    dilqr_ui_tests::assert_agrees!(local::Local);
}
