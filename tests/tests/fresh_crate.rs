//! Large models in a crate of their own, compiled with cargo's default dev profile: no optimization, full debug
//! information. Long functions overflow rustc's stack in this profile only.

#[allow(dead_code, reason = "no test uses all of it")]
mod rustc;

use rustc::Crate;

/// Compiles and runs a program that contains a shipped model. The program compares kernels of the model with each
/// other.
fn compiled_and_run(name: &str, file: &str, states: usize, params: usize) {
    // Inner documentation is allowed at the start of a file only.
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
            // The derivative in the last parameter. Central differences have two thirds of the digits of f64.
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

/// The longest model. It takes half a minute, so it is part of the long tests.
#[test]
#[cfg(feature = "long")]
fn arm() {
    compiled_and_run("arm", include_str!("../../models/src/arm.rs"), 14, 7);
}
