//! Reads the settings of a process: the type's defaults, then a TOML file, then `CRA_*` environment variables, then the
//! command line; later sources win, key by key. `__` separates tables: `CRA_SERVER__DRAIN_DEADLINE_MS` is
//! `drain_deadline_ms` in `[server]`.
//!
//! An unknown key is an error in every source, if the settings type derives `#[serde(default, deny_unknown_fields)]`.
//! The file is not watched, and consistency between settings is checked by the service.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use cra_private::SECRET_SETTINGS;
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};
use serde::Serialize;
use serde::de::DeserializeOwned;
use toml::de::{DeTable, DeValue};

const PREFIX: &str = "CRA_";
const COMMAND_LINE: &str = "the command line";

/// Prefix of variables that configure tests.
const TEST_PREFIX: &str = "CRA_TEST_";

/// Variables with the prefix that are not settings: the path of the file, the log filter, and the endpoints and
/// credentials of the command line.
const NOT_SETTINGS: [&str; 10] = [
    "CRA_CONFIG",
    "CRA_LOG",
    "CRA_NATS_SERVER",
    "CRA_INGESTION_URL",
    "CRA_PROJECTION_URL",
    "CRA_TOKEN",
    "CRA_TOKEN_FILE",
    "CRA_CA",
    "CRA_CERT",
    "CRA_KEY",
];

/// Names of environment variables that an orchestrator derived from a service whose name starts with `cra`, as
/// Kubernetes does with `enableServiceLinks`. They are not settings.
#[must_use]
pub(crate) fn service_links() -> Vec<String> {
    let names = env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    names.filter(|name| name.starts_with(PREFIX) && is_service_link(name)).collect()
}

/// `…_SERVICE_HOST`, `…_SERVICE_PORT`, `…_SERVICE_PORT_HTTPS`, `…_PORT`, `…_PORT_443_TCP` and `…_PORT_443_TCP_ADDR`.
fn is_service_link(name: &str) -> bool {
    let is_of_a_port = |rest: &str| {
        let mut parts = rest.split('_');
        let port = parts.next().is_some_and(|port| port.parse::<u16>().is_ok());
        let protocol = parts.next().is_some_and(|protocol| ["TCP", "UDP", "SCTP"].contains(&protocol));
        port && protocol && parts.next().is_none_or(|part| ["PROTO", "PORT", "ADDR"].contains(&part))
    };
    name.ends_with("_SERVICE_HOST")
        || name.ends_with("_SERVICE_PORT")
        || name.contains("_SERVICE_PORT_")
        || name.ends_with("_PORT")
        || name.split_once("_PORT_").is_some_and(|(_, rest)| is_of_a_port(rest))
}

/// Why the configuration is invalid: where, which key, and what was expected; never shows a secret.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error(
        "the configuration file {path} cannot be read: {source}; check the path given with --config or CRA_CONFIG"
    )]
    Unreadable {
        /// The path as given.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The file is not TOML.
    #[error("the configuration file {path} is not valid TOML, at line {line}: {message}")]
    NotToml {
        /// The path as given.
        path: PathBuf,
        /// Line number, from 1.
        line: usize,
        /// The parser's message.
        message: String,
    },
    /// A key is unknown or missing, or its value has the wrong type.
    #[error("the configuration is not valid:{}", lines(problems))]
    Invalid {
        /// At least one.
        problems: Vec<Problem>,
    },
    /// The settings cannot be written as TOML; a bug in the settings type.
    #[error("the configuration cannot be printed as TOML: {0}")]
    Unprintable(#[from] toml::ser::Error),
}

/// One problem of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` in {origin}: {message}")]
pub struct Problem {
    /// Its source: the file, the variable, the command line; or "no source" for a missing key.
    pub origin: String,
    /// Dotted path of the key, such as `server.drain_deadline_ms`.
    pub key: String,
    /// What was found and what was expected.
    pub message: String,
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().fold(String::new(), |text, problem| text + "\n  " + &problem.to_string())
}

/// Reads the settings. `overrides` is the command line in the shape of `T`; `None`s are ignored.
pub fn load<T: DeserializeOwned>(file: Option<&Path>, overrides: impl Serialize) -> Result<T, ConfigError> {
    assemble(file, env::vars_os(), overrides)
}

/// The settings as TOML without secrets.
pub fn print<T: Serialize>(settings: &T) -> Result<String, ConfigError> {
    Ok(toml::to_string_pretty(settings)?)
}

fn assemble<T: DeserializeOwned>(
    file: Option<&Path>,
    environment: impl Iterator<Item = (OsString, OsString)>,
    overrides: impl Serialize,
) -> Result<T, ConfigError> {
    let mut sources = Figment::new();
    if let Some(path) = file {
        sources = sources.merge(read_file(path)?);
    }
    for layer in read_environment(environment)? {
        sources = sources.merge(layer);
    }
    sources = sources.merge(read_overrides(overrides)?);
    sources.extract().map_err(invalid)
}

/// Values of one source, with its name for errors.
struct Layer {
    origin: String,
    values: Dict,
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.origin.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(self.values.clone()))
    }
}

fn read_file(path: &Path) -> Result<Layer, ConfigError> {
    let text = fs::read_to_string(path)
        .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    let values =
        toml::from_str(&with_quoted_secrets(&text)).map_err(|error| not_toml(path, &text, &error))?;
    Ok(Layer { origin: format!("the file {}", path.display()), values })
}

/// The text with quotes around unquoted secrets, so that each is taken literally: `0123`, `1e5` and `1979-05-27` are
/// valid passwords. Line numbers are unchanged.
fn with_quoted_secrets(text: &str) -> String {
    let (document, _) = DeTable::parse_recoverable(text);
    let mut found = Vec::new();
    find_bare_secrets(document.get_ref(), &mut found);
    found.sort_by_key(|span| span.start);
    let mut quoted = text.to_owned();
    for span in found.into_iter().rev() {
        quoted.insert(span.end, '"');
        quoted.insert(span.start, '"');
    }
    quoted
}

fn find_bare_secrets(table: &DeTable<'_>, found: &mut Vec<Range<usize>>) {
    for (key, value) in table {
        match value.get_ref() {
            DeValue::Table(inner) => find_bare_secrets(inner, found),
            DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_)
                if SECRET_SETTINGS.contains(&key.get_ref().as_ref()) =>
            {
                found.push(value.span());
            }
            _ => {}
        }
    }
}

/// Without the offending line, which the parser's text includes: it may contain a secret.
fn not_toml(path: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    ConfigError::NotToml { path: path.to_owned(), line, message: error.message().to_owned() }
}

/// One layer per variable, so that an error can name the variable; sorted by name, so that the result does not depend
/// on the system's order.
fn read_environment(
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> Result<Vec<Layer>, ConfigError> {
    let mut settings = BTreeMap::new();
    for (name, value) in variables {
        let Ok(name) = name.into_string() else { continue };
        if name.starts_with(PREFIX)
            && !name.starts_with(TEST_PREFIX)
            && !NOT_SETTINGS.contains(&name.as_str())
            && !is_service_link(&name)
        {
            settings.insert(name, value);
        }
    }
    settings.into_iter().map(|(name, value)| read_variable(&name, value)).collect()
}

fn read_variable(name: &str, value: OsString) -> Result<Layer, ConfigError> {
    let origin = format!("the environment variable {name}");
    let key = name.trim_start_matches(PREFIX).to_ascii_lowercase().replace("__", ".");
    let problem = |message: &str| ConfigError::Invalid {
        problems: vec![Problem { origin: origin.clone(), key: key.clone(), message: message.to_owned() }],
    };
    if key.split('.').any(|part| part.is_empty() || part.starts_with('_')) {
        return Err(problem("not the name of a setting; expected CRA_KEY or CRA_TABLE__KEY"));
    }
    let Ok(text) = value.into_string() else {
        return Err(problem("the value is not UTF-8"));
    };
    let is_secret = key.rsplit('.').next().is_some_and(|last| SECRET_SETTINGS.contains(&last));
    let value = if is_secret { Value::from(text) } else { value_of(&text) };
    match figment::util::nest(&key, value) {
        Value::Dict(_, values) => Ok(Layer { origin, values }),
        _ => Err(problem("not the name of a setting; expected CRA_KEY or CRA_TABLE__KEY")),
    }
}

/// A variable's text has no type. It becomes a number or a boolean only if writing that back gives the same text;
/// brackets, braces and double quotes are parsed as TOML. Secrets are not parsed: their text is taken literally.
fn value_of(text: &str) -> Value {
    if text.starts_with(['[', '{', '"']) {
        let Ok(value) = text.parse::<Value>();
        return value;
    }
    scalar::<bool>(text)
        .or_else(|| scalar::<u64>(text))
        .or_else(|| scalar::<i64>(text))
        .or_else(|| scalar::<f64>(text).filter(|_| text.starts_with(|first: char| first.is_ascii_digit())))
        .unwrap_or_else(|| Value::from(text))
}

fn scalar<T: std::str::FromStr + ToString + Into<Value>>(text: &str) -> Option<Value> {
    let value = text.parse::<T>().ok()?;
    (value.to_string() == text).then(|| value.into())
}

fn read_overrides(overrides: impl Serialize) -> Result<Layer, ConfigError> {
    let values = Value::serialize(overrides).map_err(invalid)?;
    let values = match values {
        Value::Dict(_, values) => without_empty(values),
        _ => Dict::new(),
    };
    Ok(Layer { origin: COMMAND_LINE.to_owned(), values })
}

/// Removes absent flags, which must not override the file.
fn without_empty(values: Dict) -> Dict {
    let kept = values.into_iter().filter_map(|(key, value)| match value {
        Value::Empty(..) => None,
        Value::Dict(tag, inner) => Some((key, Value::Dict(tag, without_empty(inner)))),
        other => Some((key, other)),
    });
    kept.collect()
}

fn invalid(error: figment::Error) -> ConfigError {
    let problems = error.into_iter().map(|error| Problem {
        origin: error.metadata.map_or_else(|| "no source".to_owned(), |metadata| metadata.name.into_owned()),
        key: error.path.join("."),
        message: error.kind.to_string(),
    });
    ConfigError::Invalid { problems: problems.collect() }
}

#[cfg(test)]
mod tests;
