//! Symbolica's turn: one thread, one user, one at a time.
//!
//! Without a licence key Symbolica allows one thread a user at a time and aborts a process that breaks this; here that
//! process would be rustc, or the editor's server. So every use of it runs inside [`run`]: under a file lock that all
//! processes of the user share, on a thread of its own that has ended before the lock is released.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::environment::user_folder;

/// How long a build waits in silence for another one: longer than any model of ordinary size takes.
const SILENCE: Duration = Duration::from_secs(10);
/// How often it looks whether its turn has come.
const POLL: Duration = Duration::from_millis(20);
/// Expressions are trees and are walked recursively; a `let` of ten thousand terms still fits in this.
const STACK: usize = 64 << 20;

/// Runs `work` while this user's only Symbolica thread is ours.
pub(crate) fn run<R: Send>(work: impl FnOnce() -> R + Send) -> Result<R, String> {
    #[cfg(test)]
    SESSIONS.set(SESSIONS.get() + 1);
    let path = lock_path();
    // The lock lives as long as `_lock`, which is dropped after the thread has been joined.
    let _lock = acquire(&path).map_err(|error| format!("cannot lock {}: {error}", path.display()))?;
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .name("symbolica".to_owned())
            .stack_size(STACK)
            .spawn_scoped(scope, work)
            .map_err(|error| format!("cannot start the thread that derives the model: {error}"))?;
        thread.join().map_err(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
            format!("the derivation failed: {text}; please report this model")
        })
    })
}

#[cfg(test)]
std::thread_local! {
    /// How often this thread has asked for Symbolica.
    pub(crate) static SESSIONS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// One file for all processes of the user, in their home folder.
fn lock_path() -> PathBuf {
    if let Some(cache) = user_folder()
        && std::fs::create_dir_all(&cache).is_ok()
        && OpenOptions::new().create(true).append(true).open(cache.join(FILE)).is_ok()
    {
        return cache.join(FILE);
    }
    // No home to write to, as in some build sandboxes.
    let user = ["USER", "LOGNAME", "USERNAME"].iter().find_map(|name| std::env::var(name).ok());
    std::env::temp_dir().join(format!("dilqr-{}-{FILE}", user.as_deref().unwrap_or("user")))
}

const FILE: &str = "symbolica.lock";

fn acquire(path: &Path) -> std::io::Result<File> {
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    let start = Instant::now();
    let mut announced = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
        if !announced && start.elapsed() > SILENCE {
            announced = true;
            eprintln!("dilqr: waiting for another build of this user that is deriving a model ({})", path.display());
        }
        std::thread::sleep(POLL);
    }
}
