//! Kernels in a file beside the model: the same ones, or an error.

use quote::ToTokens;

use super::Folder;
use crate::differentiate::symbolica_lock::SESSIONS;
use crate::environment::Environment;
use crate::expand::expand;

const SPRING: &str = include_str!("golden/spring.in.rs");
const FILE: &str = "spring.dilqr.rs";

fn environment(folder: &Folder, vendor: &str) -> Environment {
    Environment { package: folder.0.clone(), vendor: vendor.to_owned(), ..Environment::default() }
}

/// The expansion, with and without the request to write the file, and how often it asked for Symbolica.
fn expansion(source: &str, folder: &Folder, vendor: &str) -> (String, usize) {
    let before = SESSIONS.get();
    let arguments = quote::quote!(crate = ::dilqr_runtime, vendored = #FILE);
    let tokens = expand(arguments, source.parse().unwrap(), &environment(folder, vendor));
    (tokens.to_string(), SESSIONS.get() - before)
}

/// A folder with the vendored kernels of the spring, and their text.
fn vendored(test: &str) -> (Folder, String) {
    let folder = Folder::new(test);
    expansion(SPRING, &folder, "spring");
    let text = std::fs::read_to_string(folder.0.join(FILE)).unwrap();
    (folder, text)
}

#[test]
fn vendored_kernels_are_the_derived_ones() {
    let folder = Folder::new("vendored");
    let (derived, sessions) = expansion(SPRING, &folder, "other, spring");
    assert_eq!(sessions, 1);
    assert_eq!(expansion(SPRING, &folder, ""), (derived.clone(), 0));
    // But for the inclusion of the file, for cargo's sake, they are those of the model that is not vendored.
    let plain = expand(quote::quote!(crate = ::dilqr_runtime), SPRING.parse().unwrap(), &Environment::default());
    let plain = plain.to_string();
    let (before, rest) = derived.split_once("# [allow (dead_code)] fn __vendored ()").unwrap();
    let after = rest.split_once("; }").unwrap().1;
    assert_eq!(format!("{before}{}", after.trim_start()), plain);
}

/// A crate is built from these files, without Symbolica, in `tests/tests/vendored.rs`.
#[test]
fn the_files_of_the_tests() {
    let folder = Folder::new("golden");
    for (name, text) in [
        ("spring", include_str!("../../../tests/tests/vendored/spring.rs")),
        ("learned", include_str!("../../../tests/tests/vendored/learned.rs")),
        ("cart", include_str!("../../../tests/tests/vendored/cart.rs")),
    ] {
        let (module, arguments) = super::module(text, name);
        let file = format!("{name}.dilqr.rs");
        let arguments = quote::quote!(crate = ::dilqr_runtime, vendored = #file, #arguments);
        expand(arguments, module.to_token_stream(), &environment(&folder, name));
        let written = std::fs::read_to_string(folder.0.join(&file)).unwrap();
        super::golden::check(&format!("../../../../tests/tests/vendored/{file}"), &written);
    }
}

/// The file can be read as Rust, and is written when it changes only.
#[test]
fn the_file() {
    let (folder, text) = vendored("file");
    syn::parse_file(&text).unwrap();
    let path = folder.0.join(FILE);
    let file = std::fs::File::options().append(true).open(&path).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    drop(file);
    expansion(SPRING, &folder, "all");
    assert_eq!(std::fs::metadata(&path).unwrap().modified().unwrap(), std::time::SystemTime::UNIX_EPOCH);
    // As a checkout on Windows has it.
    std::fs::write(&path, text.replace('\n', "\r\n")).unwrap();
    assert!(!expansion(SPRING, &folder, "").0.contains("compile_error"));
}

#[track_caller]
fn refused(folder: &Folder, source: &str, message: &str) {
    let (tokens, sessions) = expansion(source, folder, "");
    let renew = "`DILQR_VENDOR=spring cargo build --features dilqr-runtime/symbolica`";
    assert!(tokens.contains("compile_error") && tokens.contains(message) && tokens.contains(renew), "{tokens}");
    assert!(tokens.contains("pub struct Spring"), "the types are there, so that no other errors follow");
    assert_eq!(sessions, 0, "nothing is derived behind the user's back");
}

#[test]
fn a_missing_file_is_refused() {
    refused(&Folder::new("missing"), SPRING, "cannot read the vendored kernels in `spring.dilqr.rs` (");
}

#[test]
fn a_stale_file_is_refused() {
    let (folder, _) = vendored("stale");
    let changed = SPRING.replacen("0.5", "0.75", 1);
    assert_ne!(changed, SPRING);
    refused(&folder, &changed, "the model has changed since its kernels were vendored in `spring.dilqr.rs`");
    let (renewed, _) = expansion(&changed, &folder, "spring");
    assert_eq!(expansion(&changed, &folder, ""), (renewed, 0));
}

#[test]
fn a_file_of_another_version_is_refused() {
    let (folder, text) = vendored("version");
    // As that version would have written it.
    let lines: Vec<&str> = text.splitn(4, '\n').collect();
    let model = lines[1].rsplit(' ').next().unwrap();
    let checksum = crate::store::fingerprint::hash(&format!("0.0.9\n{model}\n{}", lines[3]));
    let other = format!("// dilqr    0.0.9\n{}\n// checksum {checksum}\n{}", lines[1], lines[3]);
    std::fs::write(folder.0.join(FILE), other).unwrap();
    let message =
        format!("`spring.dilqr.rs` were written by dilqr 0.0.9, but this is dilqr {}", env!("CARGO_PKG_VERSION"));
    refused(&folder, SPRING, &message);
}

/// A line removed or changed, in the head, the explanation and the kernels.
#[test]
fn an_edited_file_is_refused() {
    let (folder, text) = vendored("edited");
    let message = "the vendored kernels in `spring.dilqr.rs` were edited";
    let lines: Vec<&str> = text.lines().collect();
    // The head line by line, the kernels here and there.
    for (index, line) in lines.iter().enumerate().filter(|(index, _)| *index < 15 || index % 20 == 0) {
        let changed = format!("{line} ");
        for replacement in [&[][..], &[changed.as_str()]] {
            let edited = [&lines[..index], replacement, &lines[index + 1..]].concat().join("\n") + "\n";
            std::fs::write(folder.0.join(FILE), edited).unwrap();
            refused(&folder, SPRING, message);
        }
    }
    std::fs::write(folder.0.join(FILE), text.replacen("0.5", "0.6", 1)).unwrap();
    refused(&folder, SPRING, message);
    std::fs::write(folder.0.join(FILE), "").unwrap();
    refused(&folder, SPRING, message);
}

#[test]
fn a_file_that_cannot_be_written_is_reported() {
    let folder = Folder::new("nowhere");
    std::fs::create_dir(folder.0.join(FILE)).unwrap();
    let (tokens, _) = expansion(SPRING, &folder, "all");
    assert!(tokens.contains("cannot write the vendored kernels to `spring.dilqr.rs`"), "{tokens}");
}
