//! Fields of matrices and structs are another way to write single numbers: the kernels are those of the model that names
//! every number.

use super::{compile, elaborate};
use crate::program::kernels::Kernel;
use crate::store::textual_ir;

const NESTED: &str = "pub mod model {
    pub struct Point { pub at: [f64; 2], pub height: f64 }
    pub struct State { pub ends: [Point; 2] }
    pub struct Control { #[bounds(-p.most, Wrench { force: [[1.0, 2.0]], torque: p.most })] pub wrench: Wrench }
    pub struct Wrench { pub force: [[f64; 2]; 1], pub torque: f64 }
    pub struct Params { pub most: f64, pub a: [[f64; 2]; 2], pub r#box: Point }
    pub struct StageParams { pub goal: State }
    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        let mut next = x;
        for end in 0..2 {
            for i in 0..2 {
                next.ends[end].at[i] += p.a[i][0] * u.wrench.force[0][0] + p.a[i][1] * u.wrench.force[0][1].sin();
            }
            next.ends[end].height += p.r#box.at[end] * u.wrench.torque * x.ends[end].height;
        }
        next
    }
    pub fn stage_cost(x: State, u: Control, p: Params, s: StageParams) -> f64 {
        (x.ends[1].at[0] - s.goal.ends[1].at[0]) * (x.ends[0].height - s.goal.ends[0].height) + p.r#box.height * u.wrench.torque
    }
    pub fn terminal_cost(x: State, p: Params) -> f64 { x.ends[1].height * p.most }
}";

const FLAT: &str = "pub mod model {
    pub struct State { pub x: f64, pub y: f64, pub h: f64, pub x1: f64, pub y1: f64, pub h1: f64 }
    pub struct Control {
        #[bounds(-p.most, 1.0)] pub f: f64, #[bounds(-p.most, 2.0)] pub g: f64, #[bounds(-p.most, p.most)] pub t: f64,
    }
    pub struct Params {
        pub most: f64, pub a: f64, pub b: f64, pub c: f64, pub d: f64, pub e: f64, pub f: f64, pub height: f64,
    }
    pub struct StageParams { pub x: f64, pub y: f64, pub h: f64, pub x1: f64, pub y1: f64, pub h1: f64 }
    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        State {
            x: x.x + (p.a * u.f + p.b * u.g.sin()),
            y: x.y + (p.c * u.f + p.d * u.g.sin()),
            h: x.h + p.e * u.t * x.h,
            x1: x.x1 + (p.a * u.f + p.b * u.g.sin()),
            y1: x.y1 + (p.c * u.f + p.d * u.g.sin()),
            h1: x.h1 + p.f * u.t * x.h1,
        }
    }
    pub fn stage_cost(x: State, u: Control, p: Params, s: StageParams) -> f64 {
        (x.x1 - s.x1) * (x.h - s.h) + p.height * u.t
    }
    pub fn terminal_cost(x: State, p: Params) -> f64 { x.h1 * p.most }
}";

#[test]
fn kernels_are_those_of_single_numbers() {
    assert_eq!(compile(NESTED), compile(FLAT));
}

#[test]
fn kernels_name_nested_fields_and_are_read_back() {
    let (kernels, vectors) = (compile(NESTED), elaborate(NESTED).vectors);
    let text = textual_ir::write(&kernels, &vectors);
    for name in ["x.ends[1].at[0]", "u.wrench.force[0][1]", "p.a[1][0]", "p.r#box.at[1]", "s.goal.ends[0].height"] {
        assert!(text.contains(name), "{name} in\n{text}");
    }
    assert!(kernels.get(Kernel::Bounds).is_some());
    assert_eq!(textual_ir::read(&text, &vectors), Some(kernels));
}
