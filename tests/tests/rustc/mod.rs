//! rustc on small crates of their own, against the runtime that cargo has built for these tests: what takes a process or
//! a manifest of its own to see, without building Symbolica once more.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The toolchain that runs these tests, past rustup's proxies: those look for toolchains under `HOME`, which a test sets.
fn tool(name: &str) -> PathBuf {
    let cargo = PathBuf::from(std::env::var_os("CARGO").expect("cargo runs the tests"));
    let tool = cargo.with_file_name(name).with_extension(std::env::consts::EXE_EXTENSION);
    if tool.is_file() { tool } else { PathBuf::from(name) }
}

/// The library of dilqr-runtime. It has just been built as a dependency of these tests, so cargo only says where it is.
fn runtime() -> &'static Path {
    static RUNTIME: OnceLock<PathBuf> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let temporary = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let mut cargo = Command::new(tool("cargo"));
        cargo.args(["build", "--package", "dilqr-tests", "--message-format", "json", "--quiet", "--offline"]);
        cargo.arg("--manifest-path").arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"));
        cargo.arg("--target-dir").arg(temporary.parent().expect("it lies in the target folder"));
        if !cfg!(debug_assertions) {
            cargo.arg("--release");
        }
        let output = cargo.stderr(Stdio::inherit()).output().expect("cargo runs");
        let text = String::from_utf8(output.stdout).expect("cargo speaks UTF-8");
        let messages = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let library = messages
            .filter(|message| message["reason"] == "compiler-artifact" && message["target"]["name"] == "dilqr_runtime")
            .filter_map(|message| message["filenames"].as_array().cloned())
            .flatten()
            .filter_map(|file| file.as_str().map(PathBuf::from))
            .find(|file| file.extension().is_some_and(|extension| extension == "rlib"));
        library.expect("cargo has built dilqr-runtime")
    })
}

/// A crate in a folder for temporary files, empty at first.
pub(crate) struct Crate {
    pub(crate) folder: PathBuf,
}

impl Crate {
    pub(crate) fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("the folder can be written");
        Self { folder }
    }

    /// Writes a file of the crate.
    pub(crate) fn file(self, path: &str, text: &str) -> Self {
        let path = self.folder.join(path);
        std::fs::create_dir_all(path.parent().expect("it has a folder")).expect("the folder can be written");
        std::fs::write(path, text).expect("the folder can be written");
        self
    }

    /// rustc about to check `src/lib.rs`, in which the runtime is called `runtime`.
    pub(crate) fn check(&self, runtime_name: &str) -> Command {
        let runtime = runtime();
        let mut rustc = Command::new(tool("rustc"));
        rustc
            .args(["--edition", "2024", "--crate-type", "lib", "--emit", "metadata"])
            .arg("--out-dir")
            .arg(&self.folder);
        rustc.arg("--extern").arg(format!("{runtime_name}={}", runtime.display()));
        let dependencies = runtime.parent().expect("it lies in a folder");
        rustc.arg("-L").arg(format!("dependency={}", dependencies.display()));
        rustc.arg(self.folder.join("src/lib.rs"));
        rustc.env("CARGO_MANIFEST_DIR", &self.folder).env_remove("DILQR_DUMP");
        // Where the generated code is written when it is asked for.
        rustc.env("CARGO_TARGET_DIR", &self.folder);
        rustc.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        rustc
    }
}

/// A small model: a chain of masses.
pub(crate) fn model(name: &str, masses: usize) -> String {
    let forces = (0..masses).map(|i| {
        let left = if i == 0 { "0.0".to_owned() } else { format!("x.position[{}]", i - 1) };
        let push = if i + 1 == masses { " + u.force" } else { "" };
        format!("p.stiffness * (x.position[{i}] - {left}).sin() * x.velocity[{i}].cos(){push}")
    });
    let forces = forces.collect::<Vec<_>>().join(", ");
    let moved = (0..masses).map(|i| format!("x.position[{i}] + 0.1 * x.velocity[{i}]")).collect::<Vec<_>>().join(", ");
    format!(
        "#[dilqr_runtime::model]
        pub mod {name} {{
            pub struct State {{ pub position: [f64; {masses}], pub velocity: [f64; {masses}] }}
            pub struct Control {{ pub force: f64 }}
            pub struct Params {{ pub stiffness: f64 }}
            pub fn dynamics(x: State, u: Control, p: Params) -> State {{
                State {{ position: [{moved}], velocity: [{forces}] }}
            }}
            pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {{ x.position[0].powi(2) + u.force.powi(2) }}
            pub fn terminal_cost(x: State, p: Params) -> f64 {{ p.stiffness * x.velocity[0].exp() }}
        }}
        "
    )
}
