//! The cache of expansions: it saves sessions, and changes nothing else.

use std::path::Path;
use std::time::{Duration, SystemTime};

use super::Folder;
use crate::differentiate::symbolica_lock::SESSIONS;
use crate::environment::Environment;
use crate::expand::expand;

const SPRING: &str = include_str!("golden/spring.in.rs");

fn environment(cache: Option<&Path>) -> Environment {
    Environment { cache: cache.map(Path::to_owned), ..Environment::default() }
}

/// The expansion, and how often it asked for Symbolica.
fn expansion(source: &str, cache: Option<&Path>) -> (String, usize) {
    let before = SESSIONS.get();
    let tokens = expand(quote::quote!(crate = ::dilqr_runtime), source.parse().unwrap(), &environment(cache));
    (tokens.to_string(), SESSIONS.get() - before)
}

#[test]
fn the_second_expansion_needs_no_symbolica() {
    let folder = Folder::new("hit");
    let (derived, sessions) = expansion(SPRING, None);
    assert_eq!(sessions, 1);
    assert!(folder.files().is_empty(), "the cache is off");
    assert_eq!(expansion(SPRING, Some(&folder.0)), (derived.clone(), 1));
    assert_eq!(folder.files().len(), 1);
    assert_eq!(expansion(SPRING, Some(&folder.0)), (derived, 0));
}

/// Another constant, operator, integrator or number of steps is another model; other words about it are not.
#[test]
fn what_makes_another_model() {
    let folder = Folder::new("key");
    let source = "mod spring {
        pub struct State { pub q: f64 }
        pub struct Control { pub f: f64 }
        pub struct Params { pub k: f64 }
        pub fn derivative(x: State, u: Control, p: Params) -> State { State { q: u.f - p.k * x.q } }
        pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 { x.q * x.q + 0.5 * u.f * u.f }
        pub fn terminal_cost(x: State, _p: Params) -> f64 { x.q * x.q }
    }";
    let sessions = |arguments: &str, source: &str| {
        let before = SESSIONS.get();
        let tokens = expand(arguments.parse().unwrap(), source.parse().unwrap(), &environment(Some(&folder.0)));
        assert!(!tokens.to_string().contains("compile_error"), "{tokens}");
        SESSIONS.get() - before
    };
    let arguments = "integrator = rk4, dt = 0.1, crate = ::dilqr_runtime";
    assert_eq!(sessions(arguments, source), 1);
    for (from, to) in [("0.5", "0.25"), ("u.f - p.k", "u.f + p.k"), ("x.q * x.q }\n    }", "x.q }\n    }")] {
        assert!(source.contains(from));
        assert_eq!(sessions(arguments, &source.replace(from, to)), 1, "{from} -> {to}");
    }
    for other in
        ["integrator = rk4, dt = 0.2", "integrator = midpoint, dt = 0.1", "integrator = rk4, dt = 0.1, substeps = 2"]
    {
        assert_eq!(sessions(&format!("{other}, crate = ::dilqr_runtime"), source), 1, "{other}");
    }
    for (from, to) in [
        ("pub struct State", "/// The state.\npub struct State"),
        ("_p: Params) -> f64 { x.q * x.q }", "_p: Params) -> f64 {\n//! Far.\n// Near.\nx.q*x.q }"),
        ("mod spring", "/// A spring.\npub mod coil"),
    ] {
        assert!(source.contains(from));
        assert_eq!(sessions(arguments, &source.replace(from, to)), 0, "{from} -> {to}");
    }
    assert_eq!(sessions("integrator = rk4, dt = 0.1, crate = elsewhere", source), 0);
}

/// An invisible group is as much a part of a model as parentheses.
#[test]
fn groups_make_another_model() {
    let source = |value: proc_macro2::TokenStream| {
        let module: syn::ItemMod = syn::parse_quote!(
            mod group {
                pub fn f(x: f64) -> f64 {
                    x * #value
                }
            }
        );
        crate::store::fingerprint::fingerprint(&module, &quote::quote!())
    };
    let sum = quote::quote!(1.0 + 2.0);
    let group = proc_macro2::Group::new(proc_macro2::Delimiter::None, sum.clone());
    assert_ne!(source(sum), source(quote::quote!(#group)));
}

/// Whatever happens to an entry, the model is expanded as ever and the entry is whole again.
#[test]
fn damaged_entries_are_replaced() {
    let folder = Folder::new("damage");
    let (derived, _) = expansion(SPRING, Some(&folder.0));
    let [entry] = &folder.files()[..] else { panic!("one model, one entry") };
    let whole = std::fs::read(entry).unwrap();
    let text = String::from_utf8(whole.clone()).unwrap();
    let (checksum, rest) = text.split_once('\n').unwrap();
    let forged = |rest: String| format!("{}\n{rest}", crate::store::fingerprint::hash(&rest)).into_bytes();
    let damages: Vec<(&str, Vec<u8>)> = vec![
        ("empty", Vec::new()),
        ("cut off", whole[..whole.len() / 2].to_vec()),
        ("cut off at the end of a line", text[..=text[..text.len() - 2].rfind('\n').unwrap()].into()),
        ("one digit", text.replacen("0.5", "0.6", 1).into()),
        ("not UTF-8", [&whole[..200], &[0xff][..], &whole[201..]].concat()),
        ("no checksum", rest.into()),
        ("a checksum alone", checksum.into()),
        // With a right checksum: another key with the same hash, and another format.
        ("another key", forged(rest.replacen("State", "Other", 1))),
        ("another format", forged(rest.replacen("let t0 = ", "t0 = ", 1))),
    ];
    for (damage, bytes) in damages {
        assert_ne!(bytes, whole, "{damage}");
        std::fs::write(entry, bytes).unwrap();
        assert_eq!(expansion(SPRING, Some(&folder.0)), (derived.clone(), 1), "{damage}");
        assert!(std::fs::read(entry).unwrap() == whole, "{damage}");
    }
    assert_eq!(folder.files().len(), 1);
}

/// A folder that cannot be made, or a folder in place of an entry: models are derived as without a cache.
#[test]
fn a_cache_that_cannot_be_written_is_none() {
    let folder = Folder::new("unwritable");
    let (derived, _) = expansion(SPRING, None);
    let file = folder.0.join("file");
    std::fs::write(&file, "").unwrap();
    assert_eq!(expansion(SPRING, Some(&file.join("below"))), (derived.clone(), 1));
    let other = folder.0.join("other");
    expansion(SPRING, Some(&other));
    let entry = std::fs::read_dir(&other).unwrap().next().unwrap().unwrap().path();
    std::fs::remove_file(&entry).unwrap();
    std::fs::create_dir(&entry).unwrap();
    assert_eq!(expansion(SPRING, Some(&other)), (derived, 1));
    assert_eq!(std::fs::read_dir(&other).unwrap().count(), 1, "nothing unfinished is left");
}

/// Many at once: all get the same, and leave one whole entry for each model.
#[test]
fn concurrent_expansions() {
    let folder = Folder::new("concurrent");
    let other = SPRING.replacen("0.5", "0.75", 1);
    let wanted = [expansion(SPRING, None).0, expansion(&other, None).0];
    std::thread::scope(|scope| {
        for number in 0..8 {
            let (folder, wanted, source) =
                (&folder.0, &wanted[number % 2], if number % 2 == 0 { SPRING } else { &other });
            scope.spawn(move || {
                for _ in 0..4 {
                    assert!(expansion(source, Some(folder)).0 == *wanted);
                }
            });
        }
    });
    assert_eq!(folder.files().len(), 2, "{:?}", folder.files());
    assert_eq!(expansion(&other, Some(&folder.0)).1, 0);
}

/// What was used last stays; files of others are not touched.
#[test]
fn the_oldest_entries_go_first() {
    let folder = Folder::new("prune");
    for age in 0..6_u64 {
        let path = folder.0.join(format!("{age}.kernels"));
        std::fs::write(&path, [0; 100]).unwrap();
        let file = std::fs::File::options().append(true).open(path).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(60 * age)).unwrap();
    }
    std::fs::write(folder.0.join("notes.txt"), [0; 5000]).unwrap();
    let left = || {
        let names = folder.files().into_iter().filter_map(|file| file.file_stem()?.to_str()?.parse::<u64>().ok());
        let mut names: Vec<u64> = names.collect();
        names.sort_unstable();
        names
    };
    crate::store::cache::prune(&folder.0, 6, 600);
    assert_eq!(left(), [0, 1, 2, 3, 4, 5]);
    crate::store::cache::prune(&folder.0, 4, 600);
    assert_eq!(left(), [0, 1, 2, 3]);
    crate::store::cache::prune(&folder.0, 4, 299);
    assert_eq!(left(), [0, 1]);
    assert!(folder.0.join("notes.txt").is_file());
}
