//! Changes of single fields: `path=value` of a command line, and JSON objects that are merged into a CRA (RFC 7386).
//! Objects are merged field by field, lists and values are replaced, and null removes a field.

use cra_contracts::{json, v1};
use cra_domain::vocabulary;
use serde_json::{Map, Value};

use super::{Field, SEPARATOR, path_key};

/// Messages within a CRA that contain fields.
const PARTS: [&str; 5] = ["place", "ages", "statuses", "duration", "followup"];

/// Applies `path=value`.
pub fn assign(cra: &mut v1::Cra, assignment: &str) -> Result<(), String> {
    let Some((path, value)) = assignment.split_once('=') else {
        return Err(format!("`{assignment}`: expected PATH=VALUE, such as date=2026-10-01"));
    };
    if let Ok(json @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(value) {
        return merge(cra, path, &json);
    }
    let field = Field::of_path(path).ok_or_else(|| unknown(path))?;
    field.set(cra, value).map_err(|problem| format!("{}: {problem}", field.path()))
}

/// Merges an object into a CRA.
pub fn patch(cra: &mut v1::Cra, changes: &Map<String, Value>) -> Result<(), String> {
    changes.iter().try_for_each(|(path, value)| merge(cra, path, value))
}

fn merge(cra: &mut v1::Cra, path: &str, value: &Value) -> Result<(), String> {
    let key = path_key(path);
    let part = key.strip_prefix("cra.").unwrap_or(&key);
    if PARTS.contains(&part) {
        return match value {
            Value::Null => {
                clear(cra, part);
                Ok(())
            }
            Value::Object(fields) => {
                fields.iter().try_for_each(|(name, value)| merge(cra, &format!("{part}.{name}"), value))
            }
            other => Err(format!("{path}: expected an object, found {other}")),
        };
    }
    let field = Field::of_path(path).ok_or_else(|| unknown(path))?;
    let at = |problem: String| format!("{}: {problem}", field.path());
    match (field, value) {
        (Field::Redirections, Value::Array(_)) => {
            let value = serde_json::json!({ "redirections": value });
            let read = json::from_value_with::<v1::FollowUp>(&value, vocabulary::meant);
            let read = read.map_err(|error| at(error.to_string()))?;
            cra.follow_up.get_or_insert_default().redirections = read.redirections;
            Ok(())
        }
        (Field::Themes | Field::SubThemes, Value::Array(words)) => {
            let texts: Option<Vec<&str>> = words.iter().map(Value::as_str).collect();
            let texts = texts.ok_or_else(|| at(format!("expected a list of words, found {value}")))?;
            field.set(cra, &texts.join(SEPARATOR)).map_err(at)
        }
        (_, Value::Null) => field.set(cra, "").map_err(at),
        (_, Value::String(text)) => field.set(cra, text).map_err(at),
        (_, Value::Number(number)) => field.set(cra, &number.to_string()).map_err(at),
        (_, other) => Err(at(format!("expected a text or a number, found {other}"))),
    }
}

fn clear(cra: &mut v1::Cra, part: &str) {
    match part {
        "place" => cra.place = None,
        "ages" => cra.ages = None,
        "statuses" => cra.statuses = None,
        "duration" => cra.duration = None,
        _ => cra.follow_up = None,
    }
}

fn unknown(path: &str) -> String {
    let key = path_key(path);
    let distance = |field: &Field| strsim::damerau_levenshtein(&path_key(&field.path()), &key);
    let near = Field::all().min_by_key(distance).filter(|field| distance(field) <= 1 + key.len() / 4);
    let hint = near.map(|field| format!("; did you mean `{}`?", field.path())).unwrap_or_default();
    let all: Vec<_> = Field::all().map(|field| field.path().into_owned()).collect();
    format!("`{path}` is not a field of a CRA{hint} (the fields are {})", all.join(", "))
}
