//! What a process keeps for itself on its machine: files and folders that their owner alone can read, and secrets that are
//! never printed. Knows neither the domain nor the network.
//!
//! [`restrict_new_files`] holds for every file that a program makes, those of libraries included. [`AtomicFile`] and
//! [`LockedDir`] hold without it too, and mend what an earlier version left readable.

mod atomic_file;
pub mod descriptors;
mod locked_dir;
mod secret;
mod secret_file;
pub mod url;

pub use atomic_file::{AtomicFile, Existing};
pub use locked_dir::{LockError, LockedDir, make_dir, own_dir};
pub use secret::{SECRET_SETTINGS, Secret};
pub use secret_file::{SecretBytes, SecretFileError};

/// Makes every file that this process creates from now on 0600 and every folder 0700, whatever the umask it was started
/// with. Call it first in `main`: a umask belongs to the process, not to a thread.
pub fn restrict_new_files() {
    #[cfg(unix)]
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
}
