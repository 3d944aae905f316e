//! Destination of the audit.

use std::fmt;
use std::num::NonZeroU32;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Settings of the audit: the table `[audit]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditSettings {
    /// `stderr`, `stdout`, `none`, or the path of a file, which is reopened on SIGHUP.
    pub to: Target,
    /// Maximum number of refusals written per minute and client (or address without a token); the others are counted in
    /// the next one that is written.
    pub refusals_per_minute: NonZeroU32,
}

impl Default for AuditSettings {
    fn default() -> Self {
        Self { to: Target::default(), refusals_per_minute: const { NonZeroU32::new(60).unwrap() } }
    }
}

/// Destination of audit lines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Target {
    /// Standard error, between the lines of the log.
    #[default]
    Stderr,
    /// Standard output.
    Stdout,
    /// Nowhere.
    None,
    /// Appended to a file.
    File(PathBuf),
}

impl TryFrom<String> for Target {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.as_str() {
            "stderr" => Ok(Self::Stderr),
            "stdout" => Ok(Self::Stdout),
            "none" => Ok(Self::None),
            path if path.trim().is_empty() => {
                Err("expected `stderr`, `stdout`, `none` or the path of a file")
            }
            _ => Ok(Self::File(text.into())),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stderr => f.write_str("stderr"),
            Self::Stdout => f.write_str("stdout"),
            Self::None => f.write_str("none"),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

impl From<Target> for String {
    fn from(target: Target) -> Self {
        target.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_serialized_as_it_is_parsed() {
        for text in ["stderr", "stdout", "none", "/var/log/cra/audit.jsonl", "./stderr"] {
            let settings: AuditSettings = toml::from_str(&format!("to = {text:?}")).unwrap();
            assert_eq!(settings.to.to_string(), text);
            assert_eq!(
                toml::from_str::<AuditSettings>(&toml::to_string(&settings).unwrap()).unwrap(),
                settings
            );
        }
        assert!(toml::from_str::<AuditSettings>("to = \"\"").is_err());
        assert_eq!(AuditSettings::default().to, Target::Stderr);
    }
}
