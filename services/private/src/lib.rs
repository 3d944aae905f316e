//! Private data of a process on its machine: files and folders that only their owner can read, and secrets that are
//! never printed. Knows neither the domain nor the network.
//!
//! [`restrict_new_files`] applies to every file that the program creates, including those of libraries. [`AtomicFile`]
//! and [`LockedDir`] set modes without it too, and repair the modes that an earlier version left open.

mod atomic_file;
pub mod descriptors;
mod expiry;
mod locked_dir;
mod secret;
mod secret_file;
pub mod url;

pub use atomic_file::{AtomicFile, Existing};
pub use expiry::Expiring;
pub use locked_dir::{LockError, LockedDir, make_dir, own_dir};
pub use secret::{SECRET_SETTINGS, Secret};
pub use secret_file::{SecretBytes, SecretFileError};

/// Sets the umask so that every new file of this process is 0600 and every new folder 0700. Call it first in `main`: a
/// umask belongs to the process, not to a thread.
pub fn restrict_new_files() {
    #[cfg(unix)]
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
}
