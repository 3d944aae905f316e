//! The form from 2022-11-23 on: the commune's code, the venue, sub-themes, people per organisation.

use jiff::Timestamp;
use serde_json::Value;

use super::document::Document;
use super::organisations;
use super::v2_form::{OwnParts, read_with};
use crate::cra::Cra;
use crate::vocabulary::{SubTheme, Theme, Word as _};

pub(super) fn read(document: &mut Document<'_>) -> Option<(Cra, Timestamp)> {
    let (sub_themes, annotation) = sub_themes(document);
    let own = OwnParts {
        third_form: true,
        venue: document.venue("permanence"),
        redirections: organisations::named_counts,
        sub_themes,
        annotation,
    };
    read_with(document, own)
}

/// `sousThemes`: a list of objects, a theme's slug to its sub-themes, or `annotation` to the free precision.
fn sub_themes(document: &mut Document<'_>) -> (Vec<SubTheme>, Box<str>) {
    const PATH: &str = "cra.sousThemes";
    const ANNOTATION: &str = "annotation";
    let mut found = Vec::new();
    let mut annotations: Vec<&str> = Vec::new();
    let entries = match document.at(PATH) {
        Some(Value::Array(list)) => list.as_slice(),
        Some(other) => {
            document.note(PATH, format!("{other} is no list; left out"));
            &[]
        }
        None => &[],
    };
    for (i, entry) in entries.iter().enumerate() {
        let Some(entry) = entry.as_object() else {
            document.note(&format!("{PATH}[{i}]"), format!("{entry} is no sub-theme; left out"));
            continue;
        };
        for (key, value) in entry {
            let path = format!("{PATH}[{i}].{key}");
            if key == ANNOTATION {
                annotations.extend(texts(document, &path, value));
                continue;
            }
            let theme = Theme::from_slug(key);
            for slug in texts(document, &path, value) {
                match SubTheme::from_slug(slug).filter(|sub_theme| Some(sub_theme.theme()) == theme) {
                    Some(sub_theme) if found.contains(&sub_theme) => {
                        document.note(&path, "said before; kept once");
                    }
                    Some(sub_theme) => found.push(sub_theme),
                    None => document.note(&path, format!("{slug:?} is no sub-theme of it; left out")),
                }
            }
        }
    }
    (found, annotations.join(", ").into())
}

/// The texts of a list, or the one text; trimmed, without the empty ones.
fn texts<'a>(document: &mut Document<'_>, path: &str, value: &'a Value) -> Vec<&'a str> {
    let values = match value {
        Value::Null => return Vec::new(),
        Value::Array(list) => list.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut texts = Vec::with_capacity(values.len());
    for value in values {
        match value.as_str().map(str::trim) {
            Some("") => {}
            Some(text) => texts.push(text),
            None if value.is_null() => {}
            None => document.note(path, format!("{value} is no text; left out")),
        }
    }
    texts
}
