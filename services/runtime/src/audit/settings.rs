//! Destination of the audit.

use std::convert::Infallible;
use std::fmt;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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

impl FromStr for Target {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "stderr" => Self::Stderr,
            "stdout" => Self::Stdout,
            "none" => Self::None,
            path => Self::File(path.into()),
        })
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

impl Serialize for Target {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.trim().is_empty() {
            return Err(serde::de::Error::custom(
                "expected `stderr`, `stdout`, `none` or the path of a file",
            ));
        }
        let Ok(target) = text.parse();
        Ok(target)
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
