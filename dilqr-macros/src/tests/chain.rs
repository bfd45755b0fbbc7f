//! Models of any length: text, for the unit tests and for rustc.

use std::fmt::Write as _;

/// A chain of `length` bindings. Each reads the one before by the expression `step`, in which `{}` is its name.
#[allow(dead_code, reason = "the tests that compile models include this file for the other function")]
pub(crate) fn chain(length: usize, step: &str) -> String {
    let mut lets = String::from("let v0 = x.a + p.k * u.v;\n");
    for index in 1..=length {
        let _ = writeln!(lets, "let v{index} = {};", step.replace("{}", &format!("v{}", index - 1)));
    }
    format!(
        "pub mod chain {{
            pub struct State {{ pub a: f64 }}
            pub struct Control {{ pub v: f64 }}
            pub struct Params {{ pub k: f64 }}
            pub fn dynamics(x: State, u: Control, p: Params) -> State {{ {lets} State {{ a: v{length} }} }}
            pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {{ {lets} v{length} }}
            pub fn terminal_cost(x: State, p: Params) -> f64 {{ p.k * x.a * x.a }}
        }}\n"
    )
}

/// States of [`oscillators`], all of which a substep changes.
pub(crate) const STATES: usize = 4;

/// Two masses on springs, coupled by a third, over one time step of `substeps` small ones that are all written out. Each
/// helper does ten of them; in the first the spring of the first mass is a pendulum. A condition is read at the start and at
/// the end.
pub(crate) fn oscillators(substeps: usize) -> String {
    let mut helpers = String::new();
    let mut calls = String::new();
    for (number, start) in (0..substeps).step_by(10).enumerate() {
        let _ = writeln!(helpers, "fn advance_{number}(x: State, u: f64, p: Params) -> State {{");
        let _ = writeln!(helpers, "let (q1, w1, q2, w2) = (x.q[0], x.w[0], x.q[1], x.w[1]);");
        for substep in start..substeps.min(start + 10) {
            let deflection = if substep == start { "q1.sin()" } else { "q1" };
            let _ = writeln!(
                helpers,
                "let f1 = p.coupling * (q2 - q1) - p.stiffness * {deflection} + u;
                 let f2 = p.coupling * (q1 - q2) - p.stiffness * q2;
                 let w1 = w1 + H * f1;
                 let w2 = w2 + H * f2;
                 let q1 = q1 + H * w1;
                 let q2 = q2 + H * w2;"
            );
        }
        let _ = writeln!(helpers, "State {{ q: [q1, q2], w: [w1, w2] }} }}");
        let _ = writeln!(calls, "let x = advance_{number}(x, u.force, p);");
    }
    format!(
        "pub mod oscillators {{
            pub struct State {{ pub q: [f64; 2], pub w: [f64; 2] }}
            pub struct Control {{ pub force: f64 }}
            pub struct Params {{ pub stiffness: f64, pub coupling: f64 }}
            const H: f64 = 0.002;
            {helpers}
            fn advance(x: State, u: Control, p: Params) -> State {{
                let x = State {{ q: x.q, w: [if p.coupling > 10.5 {{ x.w[0] }} else {{ 1.1 * x.w[0] }}, x.w[1]] }};
                {calls}
                State {{ q: [if p.coupling > 10.5 {{ x.q[0] }} else {{ x.q[0] * x.q[0] }}, x.q[1]], w: x.w }}
            }}
            pub fn dynamics(x: State, u: Control, p: Params) -> State {{ advance(x, u, p) }}
            pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {{
                let next = advance(x, u, p);
                next.q[0] * next.q[1] + next.w[0].powi(2) + u.force * u.force
            }}
            pub fn terminal_cost(x: State, p: Params) -> f64 {{ p.stiffness * x.q[0].powi(2) + x.w[1].powi(2) }}
        }}\n"
    )
}
