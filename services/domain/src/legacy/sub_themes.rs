//! `sousThemes`: a list of objects that map a theme's slug to its sub-themes, or `annotation` to the free text.

use super::document::Document;
use super::plain::Plain;
use crate::vocabulary::{SubTheme, Theme, Word as _};

pub(super) const PATH: &str = "cra.sousThemes";
pub(super) const ANNOTATION: &str = "annotation";

/// The sub-themes without repetition, and the annotation. A sub-theme whose theme is missing in `themes` adds it.
pub(super) fn read(document: &mut Document<'_>, themes: &mut Vec<Theme>) -> (Vec<SubTheme>, Box<str>) {
    let mut found = Vec::new();
    let mut annotations: Vec<&str> = Vec::new();
    let entries = match document.at(PATH) {
        Some(Plain::List(list)) => list.as_slice(),
        Some(one @ Plain::Object(_)) => std::slice::from_ref(one),
        Some(other) => {
            document.note(PATH, format!("{other} is no list; left out"));
            &[]
        }
        None => &[],
    };
    for (i, entry) in entries.iter().enumerate() {
        let Plain::Object(fields) = entry else {
            document.note(&format!("{PATH}[{i}]"), format!("{entry} is no sub-theme; left out"));
            continue;
        };
        for (key, value) in fields {
            let path = format!("{PATH}[{i}].{key}");
            let texts = texts(document, &path, value);
            if key == ANNOTATION {
                annotations.extend(texts);
                continue;
            }
            let theme = Theme::from_slug(key);
            for slug in texts {
                match SubTheme::from_slug(slug).filter(|sub_theme| Some(sub_theme.theme()) == theme) {
                    Some(sub_theme) if found.contains(&sub_theme) => {
                        document.note(&path, "repeated; kept once");
                    }
                    Some(sub_theme) => found.push(sub_theme),
                    None => document.note(&path, format!("{slug:?} is no sub-theme of it; left out")),
                }
            }
        }
    }
    for theme in found.iter().map(|sub_theme| sub_theme.theme()) {
        if !themes.contains(&theme) {
            let slug = theme.term().slug;
            document
                .note(PATH, format!("sub-themes of {slug:?}, which is not among the themes; added there"));
            themes.push(theme);
        }
    }
    (found, annotations.join(", ").into())
}

/// The texts of a list, or a single text; trimmed, without empty ones.
fn texts<'a>(document: &mut Document<'_>, path: &str, value: &'a Plain) -> Vec<&'a str> {
    let values = match value {
        Plain::Null => return Vec::new(),
        Plain::List(list) => list.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut texts = Vec::with_capacity(values.len());
    for value in values {
        match value.text() {
            Some("") => {}
            Some(text) => texts.push(text),
            None if *value == Plain::Null => {}
            None => document.note(path, format!("{value} is no text; left out")),
        }
    }
    texts
}
