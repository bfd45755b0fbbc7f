//! Names this build of the compiler after its sources, for the cache of expansions: a version is not enough while the
//! compiler itself is being changed.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

fn main() -> std::io::Result<()> {
    let mut files = vec![PathBuf::from("build.rs"), PathBuf::from("Cargo.toml")];
    for entry in std::fs::read_dir("src")? {
        files.push(entry?.path());
    }
    // In the repository the versions of the dependencies stand here.
    files.push(PathBuf::from("../Cargo.toml"));
    files.retain(|file| file.is_file());
    files.sort();
    let mut hash = Sha256::new();
    for file in &files {
        println!("cargo::rerun-if-changed={}", file.display());
        hash.update(file.to_string_lossy().as_bytes());
        hash.update(std::fs::read(file)?);
    }
    // New files.
    println!("cargo::rerun-if-changed={}", Path::new("src").display());
    let digits: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    println!("cargo::rustc-env=DILQR_SOURCES={digits}");
    Ok(())
}
