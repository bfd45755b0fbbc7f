//! Vendored kernels: a file beside the model, from which it is compiled without Symbolica.
//!
//! The file has the version of dilqr that wrote it, the hash of the model's fingerprint, and a checksum over both and the
//! kernels. All three must match, so old kernels are never compiled with a changed model.

use std::path::Path;

use proc_macro2::Ident;

use super::fingerprint::{VERSION, hash};
use super::textual_ir;
use crate::elaborate::elaborated_system::Vectors;
use crate::environment::in_package;
use crate::program::kernels::Kernels;
use crate::syntax::ast::Vendored;
use crate::syntax::messages::vendoring;

/// The file with the kernels of a model.
pub(crate) struct VendoredFile<'a> {
    pub(crate) file: &'a Vendored,
    pub(crate) package: &'a Path,
    pub(crate) module: &'a Ident,
    pub(crate) fingerprint: &'a str,
}

impl VendoredFile<'_> {
    /// The kernels, or the error in the file.
    pub(crate) fn read(&self, vectors: &Vectors) -> Result<Kernels, String> {
        let (path, renew) = (&self.file.path, command(self.module));
        let text = std::fs::read_to_string(in_package(self.package, path))
            .map_err(|error| vendoring::cannot_read(path, &error.to_string(), &renew))?;
        // Git may have changed the ends of lines.
        let text = text.replace("\r\n", "\n");
        let edited = || vendoring::edited(path, &renew);
        let Header { version, model, checksum, rest } = Header::parse(&text).ok_or_else(edited)?;
        if checksum != sum(version, model, rest) {
            return Err(edited());
        }
        if version != VERSION {
            return Err(vendoring::other_version(path, version, VERSION, &renew));
        }
        if model != hash(self.fingerprint) {
            return Err(vendoring::stale(path, &renew));
        }
        textual_ir::read(rest, vectors).ok_or_else(edited)
    }

    /// Writes the file, unless it is up to date.
    pub(crate) fn write(&self, kernels: &Kernels, vectors: &Vectors) -> Result<(), String> {
        let model = hash(self.fingerprint);
        let rest = format!("{}{}", preface(self.module, vectors), textual_ir::write(kernels, vectors));
        let checksum = sum(VERSION, &model, &rest);
        let text = format!("{DILQR}{VERSION}\n{MODEL}{model}\n{CHECKSUM}{checksum}\n{rest}");
        let file = in_package(self.package, &self.file.path);
        if std::fs::read_to_string(&file).is_ok_and(|old| old.replace("\r\n", "\n") == text) {
            return Ok(());
        }
        std::fs::write(&file, text).map_err(|error| vendoring::cannot_write(&self.file.path, &error.to_string()))?;
        eprintln!("dilqr: wrote the kernels of `{}` to {}", self.module, file.display());
        Ok(())
    }
}

/// The command that renews the file.
fn command(module: &Ident) -> String {
    format!("DILQR_VENDOR={module} cargo build --features dilqr-runtime/symbolica")
}

const DILQR: &str = "// dilqr    ";
const MODEL: &str = "// model    ";
const CHECKSUM: &str = "// checksum ";

/// The first three lines, and the rest.
struct Header<'a> {
    version: &'a str,
    model: &'a str,
    checksum: &'a str,
    rest: &'a str,
}

impl<'a> Header<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (version, text) = text.strip_prefix(DILQR)?.split_once('\n')?;
        let (model, text) = text.strip_prefix(MODEL)?.split_once('\n')?;
        let (checksum, rest) = text.strip_prefix(CHECKSUM)?.split_once('\n')?;
        Some(Self { version, model, checksum, rest })
    }
}

fn sum(version: &str, model: &str, rest: &str) -> String {
    hash(&format!("{version}\n{model}\n{rest}"))
}

fn preface(module: &Ident, vectors: &Vectors) -> String {
    let renew = command(module);
    let lifted = if vectors.are_lifted() {
        "// x.previous(), x.d(), x.slack(), u.slack(): control of the stage before, design variables, and slacks of soft constraints,\n\
         // with which the kernels extend state and control.\n"
    } else {
        ""
    };
    format!(
        "//\n\
         // Kernels of the model `{module}`, with which it compiles without Symbolica. Do not edit: dilqr rejects the file\n\
         // if it was edited, or if the model has changed since. To renew it:\n\
         //\n\
         //     {renew}\n\
         //\n\
         // x, u, p, s: state, control, parameters, stage parameters; lambda, mu: costate of the next stage, multipliers of\n\
         // constraints; lower, upper: weights of bounds; dx, du, dlambda, dmu: directions; out: the record of a kernel (see\n\
         // dilqr_runtime::Model), zero where no line writes.\n{lifted}"
    )
}
