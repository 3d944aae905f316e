//! Reduces a document in which something was forgotten to the fields that the upcaster reads and those that decide a
//! later import, each as far as it is used. The upcaster reads the same CRA from it, except for what was forgotten; the
//! order of organisations is preserved.

use serde_json::{Map, Value, json};

use super::document::people_of;
use super::follow_up::{ORGANISATIONS, recipient};
use super::plain::Plain;
use super::{Document, duration, place, sub_themes};
use crate::cra::{Id, Recipient};
use crate::event::{Forgettable, Forgotten, is_neutral_name};
use crate::vocabulary::{AgeBand, Status, SubTheme, Theme, Word};

const DIRECTIONS: [&str; 3] = ["individuel", "atelier", "redirection"];

impl Document {
    /// The reduced document as JSON: without its annotation if `keeps_annotation` is false, with the id `advisor` if
    /// there is one, and with the name that `organisation` returns for each free name, in the document's order. An
    /// empty name removes the name.
    #[must_use]
    pub fn reduced(
        &self,
        keeps_annotation: bool,
        advisor: Option<&str>,
        mut organisation: impl FnMut(&str) -> String,
    ) -> Vec<u8> {
        let root = &self.root;
        let mut fields = Map::new();
        let put = |fields: &mut Map<String, Value>, path: &'static str, value: Option<Value>| {
            if let Some(value) = value {
                fields.insert(path.rsplit('.').next().unwrap_or(path).to_owned(), value);
            }
        };
        put(&mut fields, "_id", root.at("_id").and_then(id));
        for path in ["createdAt", "updatedAt"] {
            put(&mut fields, path, instant(root.at(path)));
        }
        let own_advisor = || root.at("conseiller").and_then(id);
        put(&mut fields, "conseiller", advisor.map(Value::from).or_else(own_advisor));
        put(&mut fields, "structure", root.at("structure").and_then(id));
        let venue = root.at("permanence").filter(|it| it.id().and_then(Id::parse).is_some());
        put(&mut fields, "permanence", venue.and_then(id));
        let mut cra = Map::new();
        put(&mut cra, "cra.dateAccompagnement", instant(root.at("cra.dateAccompagnement")));
        for (path, value) in place::reduced(root) {
            put(&mut cra, path, Some(value));
        }
        for path in ["cra.canal", "cra.activite"] {
            put(&mut cra, path, root.at(path).and_then(Plain::text).map(Value::from));
        }
        put(&mut cra, "cra.themes", root.at("cra.themes").and_then(words::<Theme>));
        put(&mut cra, "cra.sousThemes", reduced_sub_themes(root, keeps_annotation));
        put(&mut cra, "cra.duree", root.at("cra.duree").filter(|it| duration::is_one(it)).map(Value::from));
        for path in ["cra.nbParticipants", "cra.nbParticipantsRecurrents"] {
            put(&mut cra, path, root.at(path).filter(|value| is_count(value)).map(Value::from));
        }
        put(&mut cra, "cra.age", root.at("cra.age").and_then(spread::<AgeBand>));
        put(&mut cra, "cra.statut", root.at("cra.statut").and_then(spread::<Status>));
        put(&mut cra, "cra.accompagnement", root.at("cra.accompagnement").and_then(directions));
        for path in ORGANISATIONS {
            let entries = root.at(path).map(|value| reduced_organisations(value, &mut organisation));
            put(&mut cra, path, entries.filter(|entries| !entries.is_empty()).map(Value::from));
        }
        fields.insert("cra".to_owned(), Value::Object(cra));
        Value::Object(fields).to_string().into_bytes()
    }

    /// The free names of organisations in the document's order, including those that no figure counts; empty for an
    /// entry without a name.
    #[must_use]
    pub fn organisations(&self) -> Vec<String> {
        let mut names = Vec::new();
        let _ = self.reduced(true, None, |name| {
            names.push(name.to_owned());
            name.to_owned()
        });
        names
    }

    /// The document reduced so that it can be compared with `recorded`, in which these kinds were forgotten. The
    /// document that was recorded is equal to its reduced form.
    #[must_use]
    pub fn as_reduced(&self, recorded: &Self, forgotten: &Forgotten) -> Self {
        let mut names = recorded.organisations().into_iter();
        let reduced = self.reduced_after(recorded, forgotten, |name| {
            let other = names.next();
            other.filter(|it| it.is_empty() || is_neutral_name(it)).unwrap_or_else(|| name.to_owned())
        });
        Self::parse(&reduced).unwrap_or_else(|_| self.clone())
    }

    /// The document as it is recorded after `recorded`, in which these kinds were forgotten: without anything that
    /// would restore them. A free name that `recorded` no longer contains is removed.
    #[must_use]
    pub fn without(&self, recorded: &Self, forgotten: &Forgotten) -> Vec<u8> {
        let names = recorded.organisations();
        let is_kept = |name: &str| names.iter().any(|it| it == name);
        self.reduced_after(
            recorded,
            forgotten,
            |name| if is_kept(name) { name.to_owned() } else { String::new() },
        )
    }

    fn reduced_after(
        &self,
        recorded: &Self,
        forgotten: &Forgotten,
        mut organisation: impl FnMut(&str) -> String,
    ) -> Vec<u8> {
        let advisor = recorded.root.at("conseiller").and_then(Plain::id);
        self.reduced(
            !forgotten.has(Forgettable::Annotation),
            advisor.filter(|_| forgotten.has(Forgettable::Advisor)),
            |name| {
                if forgotten.has(Forgettable::Organisations) { organisation(name) } else { name.to_owned() }
            },
        )
    }
}

fn id(value: &Plain) -> Option<Value> {
    value.id().map(Value::from)
}

fn instant(value: Option<&Plain>) -> Option<Value> {
    value.filter(|value| value.instant().is_some()).map(Value::from)
}

fn is_count(value: &Plain) -> bool {
    people_of(value).is_some()
}

/// The words of a list, or a single word.
fn words<W: Word>(value: &Plain) -> Option<Value> {
    let is_word = |value: &&Plain| value.text().and_then(W::from_slug).is_some();
    match value {
        Plain::List(values) => Some(values.iter().filter(is_word).map(Value::from).collect()),
        one => Some(one).filter(is_word).map(Value::from),
    }
}

/// One word for all people, or an object of counts.
fn spread<W: Word>(value: &Plain) -> Option<Value> {
    let Plain::Object(fields) = value else { return words::<W>(value).filter(Value::is_string) };
    let counts = fields.iter().filter(|(slug, count)| W::from_slug(slug).is_some() && is_count(count));
    Some(Value::Object(counts.map(|(slug, count)| (slug.clone(), Value::from(count))).collect()))
}

fn directions(value: &Plain) -> Option<Value> {
    let Plain::Object(fields) = value else {
        return value.text().filter(|text| DIRECTIONS.contains(text)).map(Value::from);
    };
    let counts = fields.iter().filter(|(key, count)| DIRECTIONS.contains(&key.as_str()) && is_count(count));
    Some(Value::Object(counts.map(|(key, count)| (key.clone(), Value::from(count))).collect()))
}

fn reduced_sub_themes(root: &Plain, keeps_annotation: bool) -> Option<Value> {
    let entries = match root.at(sub_themes::PATH)? {
        Plain::List(list) => list.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut reduced = Vec::new();
    for entry in entries {
        let Plain::Object(fields) = entry else { continue };
        for (key, value) in fields {
            let values = match value {
                Plain::List(list) => list.as_slice(),
                one => std::slice::from_ref(one),
            };
            let texts = values.iter().filter_map(Plain::text);
            let is_one = |slug: &&str| SubTheme::from_slug(slug).is_some();
            let texts: Vec<_> = if key == sub_themes::ANNOTATION && keeps_annotation {
                texts.collect()
            } else if Theme::from_slug(key).is_some() {
                texts.filter(is_one).collect()
            } else {
                continue;
            };
            reduced.push(json!({ key.as_str(): texts }));
        }
    }
    (!reduced.is_empty()).then(|| Value::from(reduced))
}

/// Entries of `organisme` or `organismes`, one per organisation, because an object would reorder new names.
fn reduced_organisations(value: &Plain, organisation: &mut impl FnMut(&str) -> String) -> Vec<Value> {
    let entries = match value {
        Plain::List(list) => list.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut name_of = |name: &str| match recipient(name) {
        Recipient::Other(free) => organisation(&free),
        Recipient::Known(_) => name.to_owned(),
        Recipient::Unnamed => organisation(""),
    };
    let mut reduced = Vec::new();
    for entry in entries {
        match entry {
            Plain::Text(name) => reduced.push(Value::from(name_of(name))),
            Plain::Object(fields) => {
                let counted = fields.iter().filter(|(_, people)| is_count(people));
                for (name, people) in counted.filter(|(_, people)| people.whole() != Some(0)) {
                    reduced.push(json!({ name_of(name): Value::from(people) }));
                }
            }
            _ => {}
        }
    }
    reduced
}
