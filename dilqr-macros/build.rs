//! Names this build of the compiler after its sources, for the cache of expansions: a version is not enough while the
//! compiler itself is being changed.

use std::path::PathBuf;

use sha2::{Digest, Sha256};

fn main() -> std::io::Result<()> {
    let mut files = vec![PathBuf::from("build.rs"), PathBuf::from("Cargo.toml")];
    let mut folders = vec![PathBuf::from("src")];
    while let Some(folder) = folders.pop() {
        // New files.
        println!("cargo::rerun-if-changed={}", folder.display());
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            match path.file_name() {
                // Tests are not part of the compiler.
                Some(name) if name == "tests" => {}
                _ if path.is_dir() => folders.push(path),
                _ => files.push(path),
            }
        }
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
    let digits: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    println!("cargo::rustc-env=DILQR_SOURCES={digits}");
    Ok(())
}
