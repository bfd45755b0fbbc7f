//! Large models in a crate of their own, as cargo's untouched dev profile compiles it: no optimisation, full debug
//! information. Long functions overflow rustc's stack there and nowhere else.

#[allow(dead_code, reason = "no test uses all of it")]
mod rustc;

use rustc::Crate;

/// Compiles a program that holds a shipped model, runs it, and lets it check the model against itself.
fn compiled_and_run(name: &str, file: &str, states: usize, params: usize) {
    // The file's first lines are about itself as a module.
    let model: String = file.lines().filter(|line| !line.starts_with("//!")).map(|line| format!("{line}\n")).collect();
    let check = format!(
        "fn main() {{
            let x: State = core::array::from_fn(|i| 0.1 + 0.05 * i as f64).into();
            let u: Control = core::array::from_fn(|i| 0.7 - 0.1 * i as f64).into();
            let p = Params::default();
            let first = linearize(&x, &u, &p);
            // Two kernels may round differently.
            let next: [f64; {states}] = dynamics(x, u, p).into();
            for (a, b) in first.f.iter().zip(next) {{
                assert!((a - b).abs() <= 1e-12 * b.abs().max(1.0), \"{{a}} is not {{b}}\");
            }}
            // In the last parameter, beside central differences, which have two thirds of the digits of f64.
            let mut moved: [f64; {params}] = p.into();
            let step = 1e-5 * moved[{params} - 1];
            let mut at = |by: f64| {{
                let value = moved[{params} - 1];
                moved[{params} - 1] += by;
                let next = linearize(&x, &u, &moved.into()).f;
                moved[{params} - 1] = value;
                next
            }};
            let difference = (at(step) - at(-step)) / (2.0 * step);
            let slope = first.fp.column({params} - 1);
            assert!((difference - slope).amax() <= 1e-8 * slope.amax(), \"{{difference}} {{slope}}\");
            assert!(slope.amax() > 0.0);
        }}"
    );
    let krate = Crate::new(&format!("fresh_{name}")).file("src/main.rs", &format!("{model}\n{check}"));
    krate.run();
}

#[test]
fn quadrotor_by_runge_kutta() {
    compiled_and_run("quadrotor", include_str!("../../models/src/quadrotor_euler.rs"), 12, 6);
}

/// The longest model there is.
#[test]
fn arm() {
    compiled_and_run("arm", include_str!("../../models/src/arm.rs"), 14, 7);
}
