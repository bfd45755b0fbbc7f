//! The examples as jobs of one to nine processes, by `mpiexec`.
#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// An example, which cargo builds with the tests.
fn example(name: &str) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    tests.parent().and_then(Path::parent).unwrap().join("examples").join(name)
}

fn run(ranks: usize, name: &str, arguments: &[&str]) -> Output {
    // Open MPI asks before it starts more processes than cores, or as root. MPICH ends jobs after this time in seconds: processes
    // that wait for one another are a fault, too. Each ignores the variables of the other.
    let variables = [
        ("OMPI_ALLOW_RUN_AS_ROOT", "1"),
        ("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"),
        ("PRTE_MCA_rmaps_default_mapping_policy", ":oversubscribe"),
        ("MPIEXEC_TIMEOUT", "120"),
    ];
    let mut job = Command::new("mpiexec");
    job.args(["-n", &ranks.to_string()]).arg(example(name)).args(arguments).envs(variables);
    job.output().expect("mpiexec is in the path: integrations/mpi/run installs it")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The sum of gradients has the same bits for any number of processes, and they are those of one process without MPI, which the
/// example compares itself.
#[test]
fn sums_have_the_same_bits() {
    let outputs: Vec<String> = [1, 2, 3, 4, 9]
        .iter()
        .map(|&ranks| {
            let output = run(ranks, "gradient", &[]);
            assert!(output.status.success(), "{ranks}: {}", text(&output.stderr));
            text(&output.stdout)
        })
        .collect();
    for batch in ["203 problems, 32 refused: ", "0 problems, 0 refused: "] {
        assert!(outputs[0].contains(batch), "{}", outputs[0]);
    }
    for other in &outputs[1..] {
        assert_eq!(other, &outputs[0]);
    }
}

/// Lists of a wrong length, or another batch, in one process are an error in all of them.
#[test]
fn wrong_lengths() {
    let output = run(4, "gradient", &["lengths"]);
    assert!(!output.status.success());
    let errors = text(&output.stderr);
    let message = "rank 3: 42 solutions or loss gradients, expected 43, those of `share`";
    assert_eq!(errors.matches(message).count(), 4, "{errors}");
    let output = run(4, "gradient", &["counts"]);
    let errors = text(&output.stderr);
    let message = "the processes have [203, 203, 203, 204] problems, expected the same batch in each";
    assert_eq!(errors.matches(message).count(), 4, "{errors}");
}

/// Data that one process refuses are an error in all of them.
#[test]
fn bad_data() {
    let output = run(4, "gradient", &["data"]);
    assert!(!output.status.success());
    let errors = text(&output.stderr);
    assert!(errors.contains("rank 3: the initial state is NaN at entry 0, expected a finite number"), "{errors}");
    assert_eq!(errors.matches("rank 3 has failed; the reason is in its error").count(), 3, "{errors}");
}

/// A process that panics ends the job, with a message.
#[test]
fn a_panic_ends_the_job() {
    let output = run(4, "gradient", &["panic"]);
    assert!(!output.status.success());
    let errors = text(&output.stderr);
    assert!(
        errors.contains("as the test asks") && errors.contains("rank 3 of 4 has panicked; the job ends"),
        "{errors}"
    );
}

/// So does a process that dies otherwise. The launcher reports it.
#[test]
fn a_death_ends_the_job() {
    let output = run(4, "gradient", &["abort"]);
    assert!(!output.status.success());
    assert!(!text(&output.stdout).contains("problems, "));
}

/// What a job finishes before one of its processes dies is kept, and the next job goes on from there.
#[test]
fn a_sweep_goes_on() {
    let folder = std::env::temp_dir().join(format!("dilqr-mpi-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (whole, resumed) = (folder.join("whole.csv"), folder.join("resumed.csv"));
    let output = run(2, "sweep", &[whole.to_str().unwrap()]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let died = run(4, "sweep", &[resumed.to_str().unwrap(), "3"]);
    assert!(!died.status.success());
    let kept = std::fs::read_to_string(&resumed).unwrap();
    assert_eq!(kept.lines().count(), 1 + 3 * 128);
    // A row that was cut off within a number, as a machine that loses power leaves it.
    std::fs::write(&resumed, format!("{kept}384,converged,0.1,0.2")).unwrap();
    let output = run(4, "sweep", &[resumed.to_str().unwrap()]);
    assert!(text(&output.stdout).contains("384 of 640 problems were finished before"), "{}", text(&output.stdout));
    let [whole, resumed] = [whole, resumed].map(|path| std::fs::read_to_string(path).unwrap());
    assert_eq!(whole.lines().count(), 641);
    assert_eq!(whole, resumed);
    std::fs::remove_dir_all(&folder).unwrap();
    // A file that rank 0 cannot write ends the job.
    let output = run(4, "sweep", &[folder.join("none/sweep.csv").to_str().unwrap()]);
    assert!(!output.status.success());
    assert_eq!(text(&output.stderr).matches("OtherFailed { rank: 0 }").count(), 3, "{}", text(&output.stderr));
}
