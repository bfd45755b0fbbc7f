//! A crate that builds from vendored kernels, without Symbolica. Its results have the bits of derived kernels.
//!
//! The test runs cargo, because it checks which crates are built and what a changed file rebuilds. The crate shares the
//! target folder of these tests, which holds most of its dependencies.

extern crate alloc;

#[path = "vendored/cart.rs"]
#[allow(unreachable_pub, clippy::module_inception, reason = "the module of a library, as users have it")]
mod cart;
#[path = "vendored/learned.rs"]
#[allow(unreachable_pub, clippy::module_inception, reason = "the module of a library, as users have it")]
mod learned;
#[path = "vendored/spring.rs"]
#[allow(unreachable_pub, clippy::module_inception, reason = "the module of a library, as users have it")]
mod spring;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const SOURCE: &str = include_str!("vendored/spring.rs");
/// Written for these tests. A test of the compiler checks that it is up to date.
const KERNELS: &str = include_str!("vendored/spring.dilqr.rs");
/// A model with a network, a table and a function of the user's own, and its kernels.
const LEARNED: [&str; 2] = [include_str!("vendored/learned.rs"), include_str!("vendored/learned.dilqr.rs")];
/// A model with design variables, a chosen start, rates and soft constraints, and its kernels.
const CART: [&str; 2] = [include_str!("vendored/cart.rs"), include_str!("vendored/cart.dilqr.rs")];
const DERIVED: &str = "model(integrator = euler, dt = DT)";
const VENDORED: &str = "model(integrator = euler, dt = DT, vendored = \"src/spring.dilqr.rs\")";
const RENEW: &str = "`DILQR_VENDOR=spring cargo build --features dilqr-runtime/symbolica`";

/// The crate of a user.
struct User {
    folder: PathBuf,
}

impl User {
    fn new() -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("vendored_user");
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(folder.join("src")).expect("the folder can be written");
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let runtime = workspace.join("dilqr-runtime");
        // With the workspace's profile, dependencies are not built again.
        let manifest = format!(
            "[package]\nname = \"vendored-user\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n\
             [dependencies]\ndilqr-runtime = {{ path = {runtime:?}, default-features = false, features = [\"std\", \"macros\"] }}\n\
             [profile.dev]\ndebug = \"line-tables-only\"\n[profile.dev.package.\"*\"]\ndebug = false\n"
        );
        let user = Self { folder };
        user.write("Cargo.toml", &manifest);
        // With the workspace's versions, too.
        user.write(
            "Cargo.lock",
            &std::fs::read_to_string(workspace.join("Cargo.lock")).expect("the lock file is there"),
        );
        user.program(
            "mod cart;\nmod learned;\nmod spring;\n",
            "[spring::answers(), learned::answers(), cart::numbers().into_iter().map(f64::to_bits).collect()].concat()",
        );
        user.model(&SOURCE.replace(DERIVED, VENDORED));
        let derived = "dt = DT)";
        assert!(LEARNED[0].contains(derived));
        user.write("src/learned.rs", &LEARNED[0].replace(derived, "dt = DT, vendored = \"src/learned.dilqr.rs\")"));
        user.write("src/learned.dilqr.rs", LEARNED[1]);
        let derived = "dt = d.time / STEPS)";
        assert!(CART[0].contains(derived));
        user.write("src/cart.rs", &CART[0].replace(derived, "dt = d.time / STEPS, vendored = \"src/cart.dilqr.rs\")"));
        user.write("src/cart.dilqr.rs", CART[1]);
        user
    }

    fn write(&self, path: &str, text: &str) {
        std::fs::write(self.folder.join(path), text).expect("the folder can be written");
    }

    fn program(&self, modules: &str, answers: &str) {
        let main = format!("fn main() {{\nprintln!(\"{{:?}}\", {answers})\n}}\n");
        self.write("src/main.rs", &format!("extern crate alloc;\n{modules}{main}"));
    }

    fn model(&self, text: &str) {
        self.write("src/spring.rs", text);
    }

    fn kernels(&self, text: &str) {
        self.write("src/spring.dilqr.rs", text);
    }

    fn cargo(&self, arguments: &[&str]) -> Command {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it lies in the target folder");
        let mut cargo = Command::new(std::env::var_os("CARGO").expect("cargo runs the tests"));
        cargo.args(arguments).arg("--offline").current_dir(&self.folder);
        cargo.env("CARGO_TARGET_DIR", target).env("CARGO_TERM_COLOR", "never").stdin(Stdio::null());
        cargo.env_remove("DILQR_VENDOR").env_remove("DILQR_DUMP");
        cargo
    }

    fn run(&self) -> Output {
        self.cargo(&["run", "--quiet"]).output().expect("cargo runs")
    }

    #[track_caller]
    fn answers(&self) -> Vec<u64> {
        let output = self.run();
        let text = String::from_utf8(output.stdout).expect("the program writes numbers");
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        let numbers = text.trim().trim_matches(['[', ']']).split(", ");
        numbers.map(|number| number.parse().expect("the program writes numbers")).collect()
    }

    /// The error that rustc reports: there must be one and no other.
    #[track_caller]
    fn error(&self) -> String {
        let output = self.run();
        assert!(!output.status.success());
        let text = String::from_utf8(output.stderr).expect("rustc speaks UTF-8");
        let errors = text.lines().filter(|line| line.starts_with("error") && !line.contains("could not compile"));
        assert_eq!(errors.count(), 1, "{text}");
        text
    }
}

/// The bits of the models that are compiled from their derived kernels.
fn derived() -> Vec<u64> {
    let cart = cart::numbers().into_iter().map(f64::to_bits).collect();
    [spring::answers(), learned::answers(), cart].concat()
}

#[test]
fn a_crate_without_symbolica() {
    let user = User::new();

    // The crate depends on the macro and not on Symbolica.
    let tree = user.cargo(&["tree", "--edges", "normal,build"]).output().expect("cargo runs");
    let tree = String::from_utf8(tree.stdout).expect("cargo speaks UTF-8");
    assert!(tree.contains("dilqr-macros"), "{tree}");
    assert!(!["symbolica", "numerica", "graphica"].iter().any(|name| tree.contains(name)), "{tree}");

    // Errors without the file and without the argument say how to write the file.
    let text = user.error();
    assert!(
        text.contains("cannot read the vendored kernels in `src/spring.dilqr.rs`") && text.contains(RENEW),
        "{text}"
    );
    assert!(
        text.contains("vendored = \"src/spring.dilqr.rs\")]\n") && text.contains("^^^^^^^^^^^^^^^^^^^^^"),
        "{text}"
    );
    user.model(SOURCE);
    let text = user.error();
    assert!(
        text.contains("without the feature `symbolica` of dilqr-runtime a model is compiled from vendored"),
        "{text}"
    );
    user.model(&SOURCE.replace(DERIVED, VENDORED));

    // The same bits.
    user.kernels(KERNELS);
    assert_eq!(user.answers(), derived());

    // The rest looks at one of the models.
    user.program("mod spring;\n", "spring::answers()");

    // If the kernels change alone, cargo builds again, and the edit is an error.
    user.kernels(&KERNELS.replacen(" + ", " - ", 1));
    let text = user.error();
    assert!(text.contains("the vendored kernels in `src/spring.dilqr.rs` were edited"), "{text}");
    assert!(text.contains(RENEW), "{text}");
    user.kernels(KERNELS);

    // If a constant of the model changes, the kernels are out of date.
    let changed = SOURCE.replace(DERIVED, VENDORED).replace("WEIGHT: f64 = 0.3", "WEIGHT: f64 = 0.4");
    user.model(&changed);
    let text = user.error();
    assert!(text.contains("the model has changed since its kernels were vendored in `src/spring.dilqr.rs`"), "{text}");
    assert!(text.contains(RENEW), "{text}");

    // Documentation does not count.
    user.model(&SOURCE.replace(DERIVED, VENDORED).replace("pub struct State", "/// Two ends.\n    pub struct State"));
    assert_eq!(user.answers(), spring::answers());
}
