//! The rules of what is to be forgotten, as the responsible body writes them in the file `retention.toml`.

use std::collections::BTreeSet;

use cra_domain::cra::{Id, parse_day};
use cra_domain::event::is_alias;
use figment::Figment;
use figment::providers::{Format as _, Toml};
use figment::value::Value;
use jiff::civil::Date;
use ring::digest::{SHA256, digest};
use serde::Deserialize;
use uuid::Uuid;

/// Key under which the TOML parser returns an unquoted day.
const TOML_DAY: &str = "$__toml_private_datetime";

/// Rules of what is to be forgotten.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Texts of CRAs of days before this one.
    pub texts_before: Option<Date>,
    /// Accounts in events recorded before this day, in UTC.
    pub accounts_before: Option<Date>,
    /// Ids of advisors.
    pub advisors: BTreeSet<String>,
    /// Ids of advisors without a CRA of this day or later.
    pub advisors_without_cra_since: Option<Date>,
    /// Texts of single CRAs.
    pub cras: BTreeSet<Uuid>,
}

/// Error of reading the rules. Names the key, what was found and what is expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RulesError(String);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    texts_before: Option<Value>,
    accounts_before: Option<Value>,
    #[serde(default)]
    advisors: Vec<String>,
    advisors_without_cra_since: Option<Value>,
    #[serde(default)]
    cras: Vec<String>,
}

impl Rules {
    /// Parses a file of rules.
    pub fn parse(text: &str) -> Result<Self, RulesError> {
        let file: File = Figment::from(Toml::string(text)).extract().map_err(|errors| {
            let each: Vec<_> = errors
                .into_iter()
                .map(|error| match error.path.join(".") {
                    path if path.is_empty() => error.kind.to_string(),
                    path => format!("{path}: {}", error.kind),
                })
                .collect();
            RulesError(each.join("; "))
        })?;
        let rules = Self {
            texts_before: day("texts_before", file.texts_before.as_ref())?,
            accounts_before: day("accounts_before", file.accounts_before.as_ref())?,
            advisors_without_cra_since: day(
                "advisors_without_cra_since",
                file.advisors_without_cra_since.as_ref(),
            )?,
            advisors: each("advisors", &file.advisors, advisor)?,
            cras: each("cras", &file.cras, |text| {
                Uuid::try_parse(text).map_err(|_| "is no id of a CRA: expected a UUID".to_owned())
            })?,
        };
        if rules == Self::default() {
            return Err(RulesError(
                "the rules name nothing to forget: expected texts_before, accounts_before, advisors, \
                 advisors_without_cra_since or cras"
                    .to_owned(),
            ));
        }
        Ok(rules)
    }

    /// Digest of the rules, which does not reveal the ids in them.
    #[must_use]
    pub(crate) fn digest(&self) -> String {
        // Every field is included, so that different rules have different digests.
        crate::encoding::hexadecimal(digest(&SHA256, format!("{self:?}").as_bytes()).as_ref())
    }
}

fn day(key: &str, value: Option<&Value>) -> Result<Option<Date>, RulesError> {
    let Some(value) = value else { return Ok(None) };
    let literal = |value: &Value| value.find_ref(TOML_DAY).and_then(Value::as_str).map(str::to_owned);
    let text = value.as_str().map(str::to_owned).or_else(|| literal(value));
    if let Some(day) = text.as_deref().and_then(parse_day) {
        return Ok(Some(day));
    }
    let found = text.map_or_else(|| "another value".to_owned(), |text| format!("{text:?}"));
    Err(RulesError(format!("{key}: {found} is no day: expected \"YYYY-MM-DD\"")))
}

fn advisor(text: &str) -> Result<String, String> {
    if is_alias(text) {
        return Err("is the alias of an advisor who was forgotten".to_owned());
    }
    match Id::parse(text) {
        Some(_) => Ok(text.to_owned()),
        None => Err("is no id of an advisor: expected 1 to 64 characters of [A-Za-z0-9._:-]".to_owned()),
    }
}

fn each<T: Ord>(
    key: &str,
    texts: &[String],
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<BTreeSet<T>, RulesError> {
    let values = texts
        .iter()
        .enumerate()
        .map(|(i, text)| read(text).map_err(|problem| RulesError(format!("{key}[{i}]: {text:?} {problem}"))));
    values.collect()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_file_of_rules_is_read_with_days_in_quotes_or_without() {
        let text = r#"
            texts_before = "2025-01-01"
            accounts_before = 2024-07-01
            advisors = ["conseiller-1"]
            cras = ["0190b2c4-0000-7000-8000-000000000001"]
        "#;
        let rules = Rules::parse(text).unwrap();
        assert_eq!(rules.texts_before, Some(date(2025, 1, 1)));
        assert_eq!(rules.accounts_before, Some(date(2024, 7, 1)));
        assert_eq!((rules.advisors.len(), rules.cras.len()), (1, 1));
        assert_eq!(rules.advisors_without_cra_since, None);
        assert_ne!(rules.digest(), Rules { cras: BTreeSet::new(), ..rules.clone() }.digest());
    }

    #[test]
    fn a_fault_names_its_key_and_what_is_expected() {
        for (text, expected) in [
            ("texts_befor = \"2025-01-01\"", "texts_befor"),
            ("texts_before = \"2025-02-30\"", "texts_before: \"2025-02-30\" is no day"),
            ("accounts_before = 3", "accounts_before: another value is no day"),
            ("advisors = [\"a\", \"a b\"]", "advisors[1]: \"a b\" is no id of an advisor"),
            ("advisors = [\"oublie-0a\"]", "alias of an advisor"),
            ("advisors = \"a\"", "advisors"),
            ("cras = [\"1\"]", "cras[0]: \"1\" is no id of a CRA"),
            ("", "name nothing to forget"),
            ("texts_before", "TOML"),
        ] {
            let error = Rules::parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
