//! Operations of integrated models: running costs share the stages of the dynamics, steps are checked once a kernel.

use super::{elaborate, elaborate_file};
use crate::differentiate::build_kernels::{Strategies, build_kernels};
use crate::differentiate::lower;
use crate::differentiate::symbolica_lock::with_symbolica_lock;
use crate::elaborate::elaborated_system::System;
use crate::program::kernels::{Kernel, Kernels, has_kinks};
use crate::store::textual_ir;

/// A pendulum, with the arguments of the attribute.
fn pendulum(arguments: &str) -> System {
    let text = format!(
        "#[dilqr_runtime::model({arguments})]
        pub mod pendulum {{
            pub struct State {{ pub angle: f64, pub rate: f64 }}
            pub struct Control {{ pub torque: f64 }}
            pub struct Params {{ pub gravity: f64, pub dt: f64 }}
            pub struct StageParams {{ pub dt: f64 }}
            pub fn derivative(x: State, u: Control, p: Params) -> State {{
                State {{ angle: x.rate, rate: p.gravity * x.angle.sin() + u.torque }}
            }}
            pub fn running_cost(x: State, u: Control, p: Params) -> f64 {{
                x.angle.sin() * x.angle.sin() + u.torque * u.torque
            }}
            pub fn terminal_cost(x: State, p: Params) -> f64 {{ x.angle * x.rate }}
        }}"
    );
    elaborate_file(&text, "pendulum")
}

fn kernels(system: &System) -> Kernels {
    let (graph, outputs) = (&system.graph, system.outputs());
    let tapes = with_symbolica_lock(|| lower::tapes(graph, outputs).ok());
    build_kernels(Strategies::all(&tapes.unwrap().unwrap()))
}

#[test]
fn an_integrated_cost_is_the_one_by_hand() {
    let integrated = kernels(&pendulum("integrator = euler, dt = 0.25"));
    let by_hand = elaborate(
        "pub mod pendulum {
            pub struct State { pub angle: f64, pub rate: f64 }
            pub struct Control { pub torque: f64 }
            pub struct Params { pub gravity: f64, pub dt: f64 }
            pub struct StageParams { pub dt: f64 }
            const H: f64 = 0.25;
            fn slope(x: State, u: Control, p: Params) -> State {
                State { angle: x.rate, rate: p.gravity * x.angle.sin() + u.torque }
            }
            fn rate(x: State, u: Control, p: Params) -> f64 {
                x.angle.sin() * x.angle.sin() + u.torque * u.torque
            }
            pub fn dynamics(x: State, u: Control, p: Params) -> State {
                let k = slope(x, u, p);
                State { angle: x.angle + H * k.angle, rate: x.rate + H * k.rate }
            }
            pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
                let k = rate(x, u, p);
                0.0 + H * k
            }
            pub fn terminal_cost(x: State, p: Params) -> f64 { x.angle * x.rate }
        }",
    );
    assert_eq!(integrated, kernels(&by_hand));
}

/// One sine a stage, for the dynamics and the cost together.
#[test]
fn costs_share_the_stages_of_the_dynamics() {
    for (integrator, stages) in [("euler", 1), ("semi_implicit_euler", 1), ("midpoint", 2), ("rk4", 4)] {
        let kernels = kernels(&pendulum(&format!("integrator = {integrator}, dt = 0.25")));
        assert_eq!(kernels[Kernel::Step].count().calls, stages, "{integrator}");
        assert_eq!(kernels[Kernel::Step].count().selects, 0, "{integrator}");
        // The sine and the cosine.
        assert_eq!(kernels[Kernel::ExpandStage].count().calls, 2 * stages, "{integrator}");
    }
}

/// Where all substeps would be too long an expression, the step is one call of a loop.
#[test]
fn many_substeps_are_a_loop() {
    for integrator in ["midpoint", "rk4"] {
        let calls = |substeps: usize| {
            let system = pendulum(&format!("integrator = {integrator}, dt = 0.25, substeps = {substeps}"));
            kernels(&system)[Kernel::Step].vector_functions().len()
        };
        assert_eq!((calls(2), calls(100)), (0, 1), "{integrator}");
    }
}

/// A comparison and a select in each kernel that makes a step, none elsewhere. They are no branch of the model.
#[test]
fn a_step_is_checked_once_a_kernel() {
    for (dt, substeps) in [("p.dt", 1), ("s.dt * 0.5", 2)] {
        let system = pendulum(&format!("integrator = rk4, dt = {dt}, substeps = {substeps}"));
        let kernels = kernels(&system);
        for (kernel, program) in kernels.iter() {
            let terminal = program.outputs.is_empty() || kernel.name().contains("terminal");
            let makes_step = !terminal && kernel != Kernel::TimeStep;
            assert_eq!(program.count().selects, if makes_step { 2 } else { 0 }, "{}", kernel.name());
        }
        assert!(!has_kinks(&kernels));
        // Besides the comparison and the select the check is one sum.
        let constant = self::kernels(&pendulum(&format!("integrator = rk4, dt = 0.25, substeps = {substeps}")));
        assert_eq!(kernels[Kernel::Step].count().adds, constant[Kernel::Step].count().adds + 1);
        assert_eq!(textual_ir::read(&textual_ir::write(&kernels, &system.vectors), &system.vectors), Some(kernels));
    }
}

/// A design variable is a state of the lifted model; the check of a step that depends on it is no branch, either.
#[test]
fn a_step_of_the_design_is_no_branch() {
    let model = |rate: &str| {
        let text = format!(
            "#[dilqr_runtime::model(integrator = rk4, dt = d.time.total / 30.0)]
            pub mod cart {{
                pub struct State {{ pub place: f64 }}
                pub struct Control {{ pub speed: f64 }}
                pub struct Params {{ pub drag: f64 }}
                pub struct Time {{ pub total: f64 }}
                pub struct Design {{ pub time: Time }}
                pub fn derivative(x: State, u: Control, p: Params) -> State {{ State {{ place: {rate} }} }}
                pub fn running_cost(x: State, u: Control, p: Params) -> f64 {{ u.speed * u.speed + x.place }}
                pub fn terminal_cost(x: State, p: Params, d: Design) -> f64 {{ d.time.total }}
            }}"
        );
        kernels(&elaborate_file(&text, "cart"))
    };
    let smooth = model("u.speed - p.drag * x.place");
    assert_eq!(smooth[Kernel::ExpandHamiltonian].count().selects, 2);
    assert!(!has_kinks(&smooth));
    assert!(has_kinks(&model("u.speed - p.drag * x.place.abs()")));
}
