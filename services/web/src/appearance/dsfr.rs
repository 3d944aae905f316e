//! The State's design system: the folder of its npm package, unpacked by the operator. Its style sheet is read at
//! start-up, adapted to the security policy of the pages, and served with the fonts and icons that it references.

use std::fs;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use super::adapted::{Reference, adapted};
use super::{CSS, Files, SVG};

/// Versions whose class names the markup uses.
const VERSION: &str = "1.15.";
const STYLE: &str = "dsfr.min.css";
/// Upper bound on the bytes of one file of the package.
const FILE_BYTES_MAX: u64 = 4 * 1_024 * 1_024;
/// Upper bound on the bytes of all files that the style sheet references.
const TOTAL_BYTES_MAX: usize = 16 * 1_024 * 1_024;

/// Why the folder of `web.dsfr` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DsfrError {
    /// A file is missing or cannot be read.
    #[error(
        "`web.dsfr` is {folder}, where {file} cannot be read ({error}); expected the unpacked npm package @gouvfr/dsfr 1.15, \
         with its folder dist/"
    )]
    File {
        /// The configured folder.
        folder: PathBuf,
        /// Path of the file below the folder.
        file: String,
        /// Error of the operating system.
        error: std::io::Error,
    },
    /// Another package or version.
    #[error("`web.dsfr` is {folder}, which holds {found}; expected the npm package @gouvfr/dsfr 1.15")]
    Version {
        /// The configured folder.
        folder: PathBuf,
        /// Name and version.
        found: String,
    },
    /// The style sheet references a file that is not in the package, or more bytes than the bound.
    #[error(
        "`web.dsfr` is {folder}, whose style sheet names {what}; expected the npm package @gouvfr/dsfr 1.15"
    )]
    Reference {
        /// The configured folder.
        folder: PathBuf,
        /// The reference in the style sheet.
        what: String,
    },
}

/// The style sheet and the files that it references.
pub(super) struct Dsfr {
    folder: PathBuf,
    style: String,
    files: Files,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
}

impl Dsfr {
    /// Reads the folder of the package.
    pub(super) fn read(folder: &Path) -> Result<Self, DsfrError> {
        let mut dsfr = Self { folder: folder.to_owned(), style: String::new(), files: Files::default() };
        let about = dsfr.file("package.json")?;
        let Package { name, version } = serde_json::from_slice(&about)
            .map_err(|error| dsfr.unreadable("package.json", std::io::Error::other(error)))?;
        if name != "@gouvfr/dsfr" || !version.starts_with(VERSION) {
            return Err(DsfrError::Version { folder: dsfr.folder, found: format!("{name} {version}") });
        }
        let style = format!("dist/{STYLE}");
        let css = String::from_utf8(dsfr.file(&style)?)
            .map_err(|error| dsfr.unreadable(&style, std::io::Error::other(error)))?;
        let mut total = 0;
        dsfr.style = adapted(&css, |reference| dsfr.served(reference, &mut total))?;
        Ok(dsfr)
    }

    /// Adds everything to the static files. Returns the name of the style sheet.
    pub(super) fn add_to(self, files: &mut Files) -> String {
        files.0.extend(self.files.0);
        files.add("dsfr", "css", CSS, self.style)
    }

    /// The name under which a referenced file is served.
    fn served(&mut self, reference: Reference<'_>, total: &mut usize) -> Result<String, DsfrError> {
        let (stem, extension, content) = match reference {
            Reference::Picture(content) => ("image".to_owned(), "svg", content),
            Reference::File(path) => {
                let clean = path.split(['?', '#']).next().unwrap_or_default();
                let named = Path::new(clean);
                let is_below = named.components().all(|part| matches!(part, Component::Normal(_)));
                let extension = match named.extension().and_then(|extension| extension.to_str()) {
                    Some("svg") => "svg",
                    Some("woff2") => "woff2",
                    Some("woff") => "woff",
                    _ => "",
                };
                if !is_below || extension.is_empty() {
                    return Err(self.reference(path));
                }
                let stem =
                    named.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
                (stem, extension, self.file(&format!("dist/{clean}"))?)
            }
        };
        *total += content.len();
        if *total > TOTAL_BYTES_MAX {
            return Err(self.reference(&format!("more than {TOTAL_BYTES_MAX} bytes of files")));
        }
        let media_type = match extension {
            "svg" => SVG,
            "woff2" => "font/woff2",
            _ => "font/woff",
        };
        Ok(self.files.add(&stem, extension, media_type, content))
    }

    fn file(&self, name: &str) -> Result<Vec<u8>, DsfrError> {
        let read = || {
            let mut bytes = Vec::new();
            fs::File::open(self.folder.join(name))?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
            if bytes.len() as u64 > FILE_BYTES_MAX {
                return Err(std::io::ErrorKind::FileTooLarge.into());
            }
            Ok(bytes)
        };
        read().map_err(|error| self.unreadable(name, error))
    }

    fn unreadable(&self, file: &str, error: std::io::Error) -> DsfrError {
        DsfrError::File { folder: self.folder.clone(), file: file.to_owned(), error }
    }

    fn reference(&self, what: &str) -> DsfrError {
        DsfrError::Reference { folder: self.folder.clone(), what: what.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The error of reading a folder with these files; empty for none.
    fn read(files: &[(&str, &str)]) -> String {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        Dsfr::read(folder.path()).map_or_else(|error| error.to_string(), |_| String::new())
    }

    #[test]
    fn a_missing_or_wrong_folder_is_named_by_its_setting_with_what_is_wrong_and_expected() {
        let package = ("package.json", r#"{"name":"@gouvfr/dsfr","version":"1.15.3"}"#);
        for (files, expected) in [
            (vec![], "package.json cannot be read"),
            (vec![("package.json", "{")], "package.json cannot be read"),
            (vec![("package.json", r#"{"name":"left-pad","version":"1.15.0"}"#)], "holds left-pad 1.15.0"),
            (vec![("package.json", r#"{"name":"@gouvfr/dsfr","version":"1.9.3"}"#)], "@gouvfr/dsfr 1.9.3"),
            (vec![package], "dist/dsfr.min.css cannot be read"),
            (
                vec![package, ("dist/dsfr.min.css", "a{b:url(icons/x.svg)}")],
                "dist/icons/x.svg cannot be read",
            ),
            (vec![package, ("dist/dsfr.min.css", "a{b:url(../../etc/passwd.svg)}")], "../../etc/passwd.svg"),
            (vec![package, ("dist/dsfr.min.css", "a{b:url(/etc/passwd.svg)}")], "/etc/passwd.svg"),
            (vec![package, ("dist/dsfr.min.css", "a{b:url(https://example.fr/a.svg)}")], "example.fr"),
        ] {
            let reported = read(&files);
            assert!(
                reported.starts_with("`web.dsfr` is ") && reported.contains(expected),
                "{expected}: {reported}"
            );
            assert!(reported.contains("expected the"), "{reported}");
        }
        let whole = [package, ("dist/dsfr.min.css", "a{b:url(icons/x.svg)}"), ("dist/icons/x.svg", "<svg/>")];
        assert_eq!(read(&whole), "");
    }
}
