//! The environment of an expansion: variables and folders of the process. Tests make their own.

use std::path::{Path, PathBuf};

use proc_macro2::Ident;

/// By default there is no cache, and no file is written.
#[derive(Default)]
#[cfg_attr(not(feature = "symbolica"), expect(dead_code, reason = "only models that are derived have a cache"))]
pub(crate) struct Environment {
    /// The folder of the cache; `None` where it is off.
    pub(crate) cache: Option<PathBuf>,
    /// The models whose vendored kernels are to be written; see [`lists`].
    pub(crate) vendor: String,
    /// Whether models get the kernel `hamiltonian_hessian`, which only comparisons with other tools call on its own.
    pub(crate) hessian_kernel: bool,
    /// The folder of the package that is compiled.
    pub(crate) package: PathBuf,
}

impl Environment {
    /// The environment of this process.
    pub(crate) fn of_the_process() -> Self {
        Self {
            cache: cache_folder(),
            vendor: std::env::var("DILQR_VENDOR").unwrap_or_default(),
            hessian_kernel: std::env::var_os("DILQR_HESSIAN_KERNEL").is_some(),
            package: std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| ".".into(), PathBuf::from),
        }
    }
}

/// Whether a list of names, separated by commas, has the module's name; `all` matches every module.
pub(crate) fn lists(list: &str, module: &Ident) -> bool {
    list == "all" || list.split(',').any(|name| module == name.trim())
}

/// `DILQR_CACHE`, or else the user's cache folder. Without either there is no cache: the kernels in it are compiled, so other
/// users must not be able to write to it.
fn cache_folder() -> Option<PathBuf> {
    match std::env::var_os("DILQR_CACHE").filter(|value| !value.is_empty()) {
        Some(value) if value == "off" => None,
        Some(value) => Some(value.into()),
        None => {
            let folder = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute());
            let folder = folder.map(|folder| folder.join("dilqr")).or_else(user_folder);
            folder.map(|folder| folder.join("expansions"))
        }
    }
}

/// dilqr's folder in the user's home folder.
pub(crate) fn user_folder() -> Option<PathBuf> {
    let home = ["HOME", "USERPROFILE"].iter().find_map(std::env::var_os).map(PathBuf::from);
    home.filter(|home| home.is_dir()).map(|home| home.join(".cache").join("dilqr"))
}

/// The file of a path in the user's source.
pub(crate) fn in_package(package: &Path, path: &str) -> PathBuf {
    // Not `join`, which would let an absolute path through; the path is included from the package's folder on, too.
    let mut file = package.as_os_str().to_owned();
    file.push("/");
    file.push(path);
    file.into()
}
