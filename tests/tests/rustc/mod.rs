//! Runs rustc on small crates, with the runtime that cargo has built for these tests. So tests of processes and
//! manifests do not build Symbolica again.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::SystemTime;

/// A tool of the toolchain that runs these tests. The proxies of rustup look for toolchains under `HOME`, which a test
/// sets.
fn tool(name: &str) -> PathBuf {
    let cargo = PathBuf::from(std::env::var_os("CARGO").expect("cargo runs the tests"));
    let tool = cargo.with_file_name(name).with_extension(std::env::consts::EXE_EXTENSION);
    if tool.is_file() { tool } else { PathBuf::from(name) }
}

/// The library of dilqr-runtime that cargo has built for these tests. It lies beside them, perhaps with older ones and
/// with builds of other features. cargo has just updated the right one, so the newest that derives a model is used.
/// (cargo itself would build it anew, with Symbolica, if the features of the workspace and of this package differ.)
fn runtime() -> &'static Path {
    static RUNTIME: OnceLock<PathBuf> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let test = std::env::current_exe().expect("a test knows its file");
        let folder = std::fs::read_dir(test.parent().expect("it lies in a folder")).expect("the folder can be read");
        let mut libraries: Vec<(SystemTime, PathBuf)> = folder
            .filter_map(|entry| {
                let entry = entry.expect("the folder can be read");
                let name = entry.file_name().into_string().unwrap_or_default();
                let is_library = name.starts_with("libdilqr_runtime-") && name.ends_with(".rlib");
                is_library
                    .then(|| (entry.metadata().and_then(|data| data.modified()).expect("it has a time"), entry.path()))
            })
            .collect();
        libraries.sort();
        let probe = Crate::new("probe").file("src/lib.rs", &model("probe", 1));
        let mut newest_first = libraries.into_iter().rev().map(|(_, path)| path);
        let library = newest_first
            .find(|path| probe.check_with("dilqr_runtime", path).output().expect("rustc runs").status.success());
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

    /// rustc about to check `src/lib.rs`, in which the runtime is called `runtime_name`.
    pub(crate) fn check(&self, runtime_name: &str) -> Command {
        self.check_with(runtime_name, runtime())
    }

    fn check_with(&self, runtime_name: &str, runtime: &Path) -> Command {
        let mut rustc = self.rustc(runtime_name, runtime, "src/lib.rs");
        rustc.args(["--crate-type", "lib", "--emit", "metadata"]);
        rustc
    }

    /// Compiles `src/main.rs` as cargo's dev profile does, and runs it.
    pub(crate) fn run(&self) {
        let program = self.folder.join("program").with_extension(std::env::consts::EXE_EXTENSION);
        let mut rustc = self.rustc("dilqr_runtime", runtime(), "src/main.rs");
        rustc.args(["--crate-type", "bin", "-C", "debuginfo=2", "-C", "opt-level=0", "-o"]).arg(&program);
        let mut program = Command::new(program);
        for command in [&mut rustc, &mut program] {
            let output = command.output().expect("it starts");
            assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }

    fn rustc(&self, runtime_name: &str, runtime: &Path, source: &str) -> Command {
        let mut rustc = Command::new(tool("rustc"));
        rustc.args(["--edition", "2024", "--out-dir"]).arg(&self.folder);
        rustc.arg("--extern").arg(format!("{runtime_name}={}", runtime.display()));
        let dependencies = runtime.parent().expect("it lies in a folder");
        rustc.arg("-L").arg(format!("dependency={}", dependencies.display()));
        rustc.arg(self.folder.join(source));
        rustc.env("CARGO_MANIFEST_DIR", &self.folder).env_remove("DILQR_DUMP");
        // These tests derive their models.
        rustc.env("DILQR_CACHE", "off");
        // The folder of `DILQR_DUMP`.
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
            pub fn terminal_cost(x: State, p: Params) -> f64 {{
                let mut cost = p.stiffness * x.velocity[0].exp();
                for i in 0..{masses} {{
                    cost += x.position[i] * x.velocity[i];
                }}
                cost
            }}
        }}
        "
    )
}
