//! Makes the quadrotor of the comparison with CasADi a second time, with an Euler step, and has the models of this
//! package compiled with the kernel `hamiltonian_hessian`, which only that comparison calls on its own.

use std::path::PathBuf;

const MODEL: &str = "src/quadrotor.rs";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed={MODEL}");
    println!("cargo::rustc-env=DILQR_HESSIAN_KERNEL=1");
    let text = std::fs::read_to_string(MODEL)?;
    let mut euler = text.clone();
    for (from, to) in [("integrator = rk4", "integrator = euler"), ("mod quadrotor_rk4", "mod quadrotor_euler")] {
        if euler.matches(from).count() != 1 {
            return Err(format!("{MODEL} does not have {from:?} once").into());
        }
        euler = euler.replace(from, to);
    }
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("no OUT_DIR")?);
    std::fs::write(out.join("quadrotor_euler.rs"), euler)?;
    Ok(())
}
