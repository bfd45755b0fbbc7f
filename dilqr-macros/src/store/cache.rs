//! The cache of kernels between expansions: editors expand a model at every keystroke.
//!
//! An entry is a file that is named by the hash of its key. It has a checksum of the rest of the file, then the key, then the
//! kernels. An entry that is damaged, or has another key, is replaced. No error is reported: without a writable folder,
//! models are derived every time.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use super::fingerprint::{VERSION, hash};
use super::textual_ir;
use crate::elaborate::elaborated_system::Vectors;
use crate::program::kernels::Kernels;

/// The largest number of entries and their largest size; the least recently used entries are deleted first.
const ENTRIES: usize = 500;
const BYTES: u64 = 200 << 20;

const EXTENSION: &str = "kernels";
const UNFINISHED: &str = "unfinished";

/// An entry of the cache.
pub(crate) struct CacheEntry<'a> {
    folder: &'a Path,
    /// The fingerprint of the model, and this build of the compiler.
    key: String,
    name: String,
}

impl<'a> CacheEntry<'a> {
    pub(crate) fn new(folder: &'a Path, fingerprint: &str) -> Self {
        let key = format!("{VERSION} {}\n{fingerprint}", env!("DILQR_SOURCES"));
        let name = hash(&key);
        Self { folder, key, name }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.join(&self.name).with_extension(EXTENSION)
    }

    pub(crate) fn read(&self, vectors: &Vectors) -> Option<Kernels> {
        let path = self.path();
        let text = std::fs::read_to_string(&path).ok()?;
        let (checksum, rest) = text.split_once('\n')?;
        if checksum != hash(rest) {
            return None;
        }
        let kernels = textual_ir::read(rest.strip_prefix(&self.key)?.strip_prefix('\0')?, vectors)?;
        // The time of the last use, for `prune`. It is optional: the folder may be read-only.
        let _ = File::options().append(true).open(&path).and_then(|file| file.set_modified(SystemTime::now()));
        Some(kernels)
    }

    pub(crate) fn write(&self, kernels: &Kernels, vectors: &Vectors) {
        let text = format!("{}\0{}", self.key, textual_ir::write(kernels, vectors));
        if self.replace(&format!("{}\n{text}", hash(&text))).is_ok() {
            prune(self.folder, ENTRIES, BYTES);
        }
    }

    /// Writes the file as a whole or not at all: other processes may read or write it.
    fn replace(&self, text: &str) -> std::io::Result<()> {
        static WRITTEN: AtomicUsize = AtomicUsize::new(0);
        std::fs::create_dir_all(self.folder)?;
        let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
        let unfinished = format!("{}-{}-{number}", self.name, std::process::id());
        let unfinished = self.folder.join(unfinished).with_extension(UNFINISHED);
        let written = File::create(&unfinished)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .and_then(|()| std::fs::rename(&unfinished, self.path()));
        if written.is_err() {
            let _ = std::fs::remove_file(&unfinished);
        }
        written
    }
}

/// Deletes the entries beyond the limits.
pub(crate) fn prune(folder: &Path, entries: usize, bytes: u64) {
    let Ok(files) = std::fs::read_dir(folder) else { return };
    let ours =
        |path: &Path| path.extension().is_some_and(|extension| extension == EXTENSION || extension == UNFINISHED);
    let files = files.filter_map(Result::ok).filter(|file| ours(&file.path()));
    let files =
        files.filter_map(|file| file.metadata().ok().map(|data| (data.modified().ok(), data.len(), file.path())));
    let mut files: Vec<(Option<SystemTime>, u64, PathBuf)> = files.collect();
    files.sort();
    let mut size = 0;
    for (number, (_, length, path)) in files.iter().rev().enumerate() {
        size += length;
        if number >= entries || size > bytes {
            let _ = std::fs::remove_file(path);
        }
    }
}
