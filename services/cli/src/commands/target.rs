//! Destination of a file that a service sends.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use cra_contracts::v1::ExportFormat;
use cra_private::{AtomicFile, Existing};

use crate::args::ExportArgs;
use crate::render::text::printable;

#[derive(Debug, PartialEq)]
pub(super) enum Target {
    StandardOutput,
    File(PathBuf, Existing),
    /// The name that the service suggests, in this directory; an empty path is the working directory.
    Directory(PathBuf, Existing),
}

impl Target {
    pub(super) fn of(args: &ExportArgs, to_terminal: bool) -> anyhow::Result<Self> {
        let existing = if args.force { Existing::Replace } else { Existing::Keep };
        let path = args.output.clone().unwrap_or_default();
        if path == Path::new("-") {
            let is_text = matches!(args.format, ExportFormat::Csv | ExportFormat::Ndjson);
            anyhow::ensure!(is_text || !to_terminal, "a terminal cannot show this format; say --output FILE");
            return Ok(Self::StandardOutput);
        }
        if args.output.is_none() {
            return Ok(Self::Directory(PathBuf::new(), existing));
        }
        if path.is_dir() {
            return Ok(Self::Directory(path, existing));
        }
        anyhow::ensure!(
            !path.as_os_str().to_string_lossy().ends_with(std::path::is_separator),
            "there is no directory {}",
            path.display()
        );
        check_free(&path, existing)?;
        Ok(Self::File(path, existing))
    }

    /// Creates the file under the name that the service suggested; `None` for standard output.
    pub(super) fn begin(&self, file_name: &str) -> anyhow::Result<Option<(AtomicFile, PathBuf, Existing)>> {
        let (path, existing) = match self {
            Self::StandardOutput => return Ok(None),
            Self::File(path, existing) => (path.clone(), *existing),
            Self::Directory(directory, existing) => (directory.join(checked(file_name)?), *existing),
        };
        check_free(&path, existing)?;
        let file =
            AtomicFile::begin(&path).with_context(|| format!("{} cannot be written", path.display()))?;
        Ok(Some((file, path, existing)))
    }
}

/// Checked before the service does the work, and again when the file is published.
fn check_free(path: &Path, existing: Existing) -> anyhow::Result<()> {
    let is_free = existing == Existing::Replace || std::fs::symlink_metadata(path).is_err();
    anyhow::ensure!(is_free, "{} already exists; --force replaces it", path.display());
    Ok(())
}

/// Refuses a name that leads out of the directory or is hidden.
fn checked(file_name: &str) -> anyhow::Result<&str> {
    let is_name = !file_name.is_empty()
        && !file_name.starts_with('.')
        && !file_name.contains(|c: char| c.is_control() || "/\\:".contains(c));
    anyhow::ensure!(
        is_name,
        "`{}`, given by the service, is not a plain file name; use --output FILE",
        printable(file_name)
    );
    Ok(file_name)
}
