//! `DILQR_DUMP`: the generated code as a file that can be read.

use std::path::PathBuf;

use proc_macro2::{Ident, TokenStream};

use crate::environment::lists;

/// Writes the formatted expansion of a model that `DILQR_DUMP` names (or of every model, for `all`) and prints the path.
pub(crate) fn dump(module: &Ident, tokens: &TokenStream) {
    let Ok(wanted) = std::env::var("DILQR_DUMP") else { return };
    if !lists(&wanted, module) {
        return;
    }
    // Code that does not parse is written without formatting.
    let text = syn::parse2::<syn::File>(tokens.clone())
        .map_or_else(|_| tokens.to_string(), |file| prettyplease::unparse(&file));
    let folder = folder();
    let path = folder.join(format!("{module}.rs"));
    match std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&path, text)) {
        Ok(()) => eprintln!("dilqr: wrote the generated code of `{module}` to {}", path.display()),
        Err(error) => eprintln!("dilqr: cannot write {}: {error}", path.display()),
    }
}

/// `target/dilqr` beside the lock file of the build, or a folder for temporary files.
fn folder() -> PathBuf {
    if let Some(target) = std::env::var_os("CARGO_TARGET_DIR") {
        return PathBuf::from(target).join("dilqr");
    }
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let root = manifest.as_deref().and_then(|manifest| {
        manifest.ancestors().filter(|folder| folder.join("Cargo.lock").is_file()).last().map(PathBuf::from)
    });
    root.map_or_else(std::env::temp_dir, |root| root.join("target")).join("dilqr")
}
