//! Builds that derive models at the same time, and expansions that must not depend on what was expanded before.

#[allow(dead_code, reason = "no test uses all of it")]
mod rustc;

use std::io::{BufRead, BufReader};
use std::process::Child;
use std::time::{Duration, Instant};

use rustc::{Crate, model};

fn start(krate: &Crate) -> Child {
    krate.check("dilqr_runtime").spawn().expect("rustc starts")
}

fn finish(child: Child) -> String {
    let output = child.wait_with_output().expect("rustc ends");
    let text = String::from_utf8(output.stderr).expect("rustc speaks UTF-8");
    assert!(output.status.success(), "{text}");
    text
}

/// Without a license Symbolica allows one thread for each user, and aborts the process that starts a second one. Here
/// four processes derive three models each. They must queue, without a message.
#[test]
fn builds_queue_for_symbolica() {
    let crates: Vec<Crate> = (0..4)
        .map(|number| {
            let models: Vec<String> =
                (0..3).map(|index| model(&format!("chain_{number}_{index}"), 2 + index)).collect();
            Crate::new(&format!("parallel_{number}")).file("src/lib.rs", &models.concat())
        })
        .collect();
    let children: Vec<Child> = crates.iter().map(start).collect();
    for child in children {
        let text = finish(child);
        assert!(!text.contains("waiting for another build"), "{text}");
    }
}

/// A build that waits for more than some seconds prints the reason.
#[test]
fn a_long_wait_is_announced() {
    let krate = Crate::new("waiting").file("src/lib.rs", &model("chain", 2));
    // This test holds a lock file of its own, and stops the process before it uses Symbolica.
    let lock = krate.folder.join(".cache/dilqr/symbolica.lock");
    std::fs::create_dir_all(lock.parent().expect("it has a folder")).expect("the folder can be written");
    let lock = std::fs::File::create(lock).expect("the folder can be written");
    lock.lock().expect("the file is private to this test");
    let begin = Instant::now();
    let mut command = krate.check("dilqr_runtime");
    let mut child = command.env("HOME", &krate.folder).env("USERPROFILE", &krate.folder).spawn().expect("rustc starts");
    let mut lines = BufReader::new(child.stderr.take().expect("it is piped")).lines();
    let line = lines.next().expect("it says something").expect("rustc speaks UTF-8");
    child.kill().expect("it is ours");
    child.wait().expect("it is ours");
    assert!(line.starts_with("dilqr: waiting for another build"), "{line}");
    assert!(begin.elapsed() >= Duration::from_secs(5), "it spoke after {:?}", begin.elapsed());
}

/// One model: alone, a second time, after other models in the same process, and in a crate of another name.
#[test]
fn expansions_are_identical() {
    let wanted = model("chain", 3);
    let others = [model("first", 4), model("second", 2)].concat();
    let sources = [
        wanted.clone(),
        wanted.clone(),
        format!("{others}{wanted}"),
        format!("{wanted}{others}mod inner {{ {wanted} }}"),
    ];
    let expansions: Vec<String> = sources
        .iter()
        .enumerate()
        .map(|(number, source)| {
            let krate = Crate::new(&format!("deterministic_{number}")).file("src/lib.rs", source);
            let text = finish(krate.check("dilqr_runtime").env("DILQR_DUMP", "chain").spawn().expect("rustc starts"));
            let file = krate.folder.join("dilqr/chain.rs");
            assert!(text.contains(&format!("{}", file.display())), "the place of the dump is said: {text}");
            std::fs::read_to_string(file).expect("the dump is there")
        })
        .collect();
    assert!(expansions[0].contains("impl"), "{}", expansions[0]);
    for other in &expansions[1..] {
        assert!(expansions[0] == *other, "two expansions of one model differ");
    }
}
