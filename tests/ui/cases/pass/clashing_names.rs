//! Names of the user's that the generated code uses too, in the module and around it.
#![deny(warnings)]
#![allow(non_camel_case_types, non_upper_case_globals, non_snake_case)]

mod core {}
mod std {}
mod nalgebra {}
mod runtime {}
#[allow(unused)]
fn dilqr_runtime() {}
#[allow(unused)]
struct SVector;

#[dilqr_runtime::model]
pub mod clashing_names {
    pub struct State {
        pub __x: f64,
        pub f: f64,
        pub data: f64,
        pub r#type: f64,
        pub r#fn: [f64; 2],
    }
    pub struct Control {
        pub __out: f64,
    }
    pub struct Params {
        pub NAMES: f64,
    }

    pub struct Model {
        pub S: f64,
    }
    pub struct Kernel {}
    pub struct Value {
        pub value: f64,
    }
    pub struct Scalar {}
    pub struct Sparsity {}
    pub struct Ilqr {}
    pub struct SVector {}
    pub struct SMatrix {}
    pub struct StageExpansion {}
    pub struct Clone {}
    pub struct Copy {}
    pub struct Debug {}
    pub struct PartialEq {}
    pub struct Default {}
    pub struct From {}
    pub struct Into {}
    pub struct Option {}
    pub struct str {}

    pub const S: f64 = 1.0;
    pub const f: f64 = 2.0;
    pub const fx: f64 = 3.0;
    pub const l: f64 = 4.0;
    pub const lambda: f64 = 5.0;
    pub const out: f64 = 6.0;
    pub const next: f64 = 7.0;
    pub const w: f64 = 8.0;
    pub const t0: f64 = 9.0;
    pub const other: f64 = 10.0;
    pub const state: f64 = 11.0;
    pub const v: f64 = 12.0;
    pub const NAMES: f64 = 13.0;
    pub const SPARSITY: f64 = 14.0;

    pub fn dynamics_f64(a: f64) -> f64 {
        a + S
    }
    pub fn dynamics_generic(a: f64) -> f64 {
        a + f
    }
    pub fn expand_stage(a: f64) -> f64 {
        a + fx
    }
    pub fn run(a: f64) -> f64 {
        a + l
    }
    pub fn from(a: f64) -> f64 {
        a + lambda
    }
    pub fn into(a: f64) -> f64 {
        a + out
    }
    pub fn sin(a: f64) -> f64 {
        a + next
    }
    pub fn zeros(a: f64) -> f64 {
        a + w
    }
    pub fn Some(a: f64) -> f64 {
        a + t0
    }
    pub fn Ok(a: f64) -> f64 {
        a + other
    }
    pub fn clone(a: f64) -> f64 {
        a + state + v + NAMES + SPARSITY
    }

    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        let __S = Model { S: x.r#type };
        let __t0 = Value { value: u.__out };
        let __x = Some(Ok(x.__x));
        State {
            __x: dynamics_f64(dynamics_generic(x.f)) * clone(p.NAMES),
            f: expand_stage(run(from(x.data))),
            data: into(sin(zeros(__S.S))),
            r#type: __x * x.r#fn[0],
            r#fn: [__t0.value, x.r#fn[1].sin()],
        }
    }
    pub fn stage_cost(__x: State, __out: Control, __p: Params) -> f64 {
        __x.f * __out.__out * __p.NAMES + __x.r#fn[1]
    }
    pub fn terminal_cost(__x: State, __p: Params) -> f64 {
        __x.r#type * __p.NAMES
    }
}

fn main() {
    assert_eq!(clashing_names::State::NAMES, ["__x", "f", "data", "type", "fn[0]", "fn[1]"]);
    dilqr_ui_tests::assert_agrees!(clashing_names::ClashingNames);
}
