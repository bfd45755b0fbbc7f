//! Exclusive use of Symbolica: one thread of the user at a time.
//!
//! Without a licence key Symbolica allows one thread a user at a time and aborts a process that breaks this. Here that
//! process would be rustc or the editor's macro server. So every use runs inside [`with_symbolica_lock`]: under a file lock
//! that all processes of the user share, on a thread that ends before the lock is released.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::environment::user_folder;

/// How long a build waits for the lock without a message: longer than a model of ordinary size takes.
const SILENCE: Duration = Duration::from_secs(10);
/// How often the lock is tried.
const POLL: Duration = Duration::from_millis(20);
/// Expressions are trees that are walked recursively; a `let` of ten thousand terms fits in this.
const STACK: usize = 64 << 20;

/// Runs `work` on the only thread of the user that uses Symbolica.
pub(crate) fn with_symbolica_lock<R: Send>(work: impl FnOnce() -> R + Send) -> Result<R, String> {
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
    /// How often this thread has taken the lock.
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
    // The home folder cannot be written to, as in some build sandboxes.
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
