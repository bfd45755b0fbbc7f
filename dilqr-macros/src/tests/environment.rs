//! What is read from the process, seen from another one.

use std::path::Path;
use std::process::Command;

use super::Folder;
use crate::environment::{Environment, in_package, lists};

/// The environment of another process, with these variables set and all others that matter unset.
fn environment(variables: &[(&str, &str)]) -> String {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--ignored", "--exact", "tests::environment::child", "--nocapture"]);
    for variable in ["DILQR_CACHE", "DILQR_VENDOR", "XDG_CACHE_HOME", "HOME", "USERPROFILE", "CARGO_MANIFEST_DIR"] {
        child.env_remove(variable);
    }
    let output = child.envs(variables.iter().copied()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_once("environment: ").unwrap().1.lines().next().unwrap().to_owned()
}

#[test]
#[ignore = "a part of the other tests, which run it in a process of its own"]
fn child() {
    let Environment { cache, vendor, package, .. } = Environment::of_the_process();
    println!("environment: {cache:?} {vendor:?} {package:?}");
}

#[test]
fn the_cache_lies_in_the_home_of_the_user() {
    let home = Folder::new("home");
    let path = home.0.to_str().unwrap();
    let cache = |variables: &[(&str, &str)]| {
        let text = environment(&[&[("HOME", path)], variables].concat());
        text.strip_suffix(" \"\" \".\"").unwrap().to_owned()
    };
    let folder = |folder: &Path| format!("{:?}", Some(folder));
    let by_default = folder(&home.0.join(".cache").join("dilqr").join("expansions"));
    assert_eq!(cache(&[]), by_default);
    assert_eq!(cache(&[("DILQR_CACHE", "")]), by_default);
    assert_eq!(cache(&[("XDG_CACHE_HOME", "not/absolute")]), by_default);
    let other = home.0.join("other");
    let other = other.to_str().unwrap();
    assert_eq!(cache(&[("XDG_CACHE_HOME", other)]), folder(&Path::new(other).join("dilqr").join("expansions")));
    assert_eq!(cache(&[("XDG_CACHE_HOME", other), ("DILQR_CACHE", path)]), folder(&home.0));
    assert_eq!(cache(&[("XDG_CACHE_HOME", other), ("DILQR_CACHE", "off")]), "None");
    // Without a home there is none: what other users can write to is no place for code.
    assert_eq!(cache(&[("HOME", "/nowhere/at/all")]), "None");
}

#[test]
fn vendoring_is_asked_for_by_name() {
    assert_eq!(environment(&[("DILQR_VENDOR", "a, b"), ("CARGO_MANIFEST_DIR", "/c")]), "None \"a, b\" \"/c\"");
    let name = |name: &str| proc_macro2::Ident::new(name, proc_macro2::Span::call_site());
    assert!(lists("all", &name("spring")) && lists("spring", &name("spring")) && lists("a, spring", &name("spring")));
    assert!(!lists("", &name("spring")) && !lists("springs", &name("spring")));
    assert_eq!(in_package(Path::new("/c"), "src/a.rs"), Path::new("/c/src/a.rs"));
    assert_eq!(in_package(Path::new("/c"), "/d"), Path::new("/c/d"), "as the file is included");
}
