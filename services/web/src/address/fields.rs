//! The fields of a selection in an address: one parameter each, repeated for several values. [`cra_domain::selection`]
//! defines the names and values; file names use them too.

use cra_contracts::v1;
use cra_domain::selection::UNSPECIFIED_LABEL;
use cra_domain::spelling;
use cra_domain::vocabulary::{Activity, AgeBand, Channel, DurationBucket, Status, SubTheme, Theme, Word};

use super::territories;
use crate::names::{self, Names};

/// Value of the addresses for what an older form left unspecified.
const UNSPECIFIED: &str = "non-renseigne";

/// One field of a selection, other than the days.
pub(crate) struct Field {
    /// Name of the parameter in addresses.
    pub(crate) name: &'static str,
    /// Name of the field in the contract.
    pub(crate) path: &'static str,
    pub(crate) label: &'static str,
    pub(crate) kind: Kind,
    /// Reads one value; an error says what is expected.
    read: Reader,
    /// The possible values; empty for a field of free text.
    terms: fn() -> Vec<(String, &'static str)>,
}

/// Reads a text and adds its value to a selection.
type Reader = fn(&mut v1::Selection, &str, &Names) -> Result<(), String>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Checkboxes.
    Choices,
    /// A text field, with an example.
    Text(&'static str),
}

impl Field {
    /// Adds a value to a selection. An error says what is expected.
    pub(crate) fn add(&self, selection: &mut v1::Selection, text: &str, names: &Names) -> Result<(), String> {
        (self.read)(selection, text, names)
    }
}

/// The possible values of a field: each with its form in addresses and its label.
pub(crate) fn choices(field: &Field) -> Vec<(String, &'static str)> {
    (field.terms)()
}

/// All fields, beginning with the widest territory.
pub(crate) static FIELDS: [Field; 15] = [
    text("region", "region_codes", "Région", "Bretagne ou 53", |it, text, _| {
        territories::region(text).map(|code| it.region_codes.push(code))
    }),
    text("departement", "department_codes", "Département", "Finistère ou 29", |it, text, _| {
        territories::department(text).map(|code| it.department_codes.push(code))
    }),
    text("epci", "epci_codes", "EPCI", "Rennes Métropole", |it, text, _| {
        territories::epci(text).map(|code| it.epci_codes.push(code))
    }),
    text("commune", "commune_codes", "Commune", "Quimper ou 29232", |it, text, _| {
        territories::commune(text).map(|code| it.commune_codes.push(code))
    }),
    text("code-postal", "postal_codes", "Code postal", "29000", |it, text, _| {
        added(&mut it.postal_codes, &text.replace(' ', ""))
    }),
    text("structure", "structure_ids", "Structure", "nom ou identifiant", |it, text, names| {
        names.find(names::Kind::Structure, text).map(|id| it.structure_ids.push(id))
    }),
    text("conseiller", "advisor_ids", "Conseiller", "nom ou identifiant", |it, text, names| {
        names.find(names::Kind::Advisor, text).map(|id| it.advisor_ids.push(id))
    }),
    text("lieu", "venue_ids", "Lieu d'activité", "nom ou identifiant", |it, text, names| {
        names.find(names::Kind::Venue, text).map(|id| it.venue_ids.push(id))
    }),
    words(
        "canal",
        "channels",
        "Canal",
        |it, text, _| word::<Channel>(&mut it.channels, text),
        terms::<Channel>,
    ),
    words(
        "activite",
        "activities",
        "Type d'activité",
        |it, text, _| word::<Activity>(&mut it.activities, text),
        terms::<Activity>,
    ),
    words("theme", "themes", "Thématique", |it, text, _| word::<Theme>(&mut it.themes, text), themes),
    words(
        "sous-theme",
        "sub_themes",
        "Sous-thématique",
        |it, text, _| word::<SubTheme>(&mut it.sub_themes, text),
        terms::<SubTheme>,
    ),
    words(
        "duree",
        "durations",
        "Durée",
        |it, text, _| word::<DurationBucket>(&mut it.durations, text),
        terms::<DurationBucket>,
    ),
    words(
        "age",
        "ages",
        "Au moins un participant de l'âge",
        |it, text, _| open_word::<AgeBand>(&mut it.ages, text),
        open_terms::<AgeBand>,
    ),
    words(
        "statut",
        "statuses",
        "Au moins un participant du statut",
        |it, text, _| open_word::<Status>(&mut it.statuses, text),
        open_terms::<Status>,
    ),
];

const fn text(
    name: &'static str,
    path: &'static str,
    label: &'static str,
    example: &'static str,
    read: Reader,
) -> Field {
    Field { name, path, label, kind: Kind::Text(example), read, terms: Vec::new }
}

const fn words(
    name: &'static str,
    path: &'static str,
    label: &'static str,
    read: Reader,
    terms: fn() -> Vec<(String, &'static str)>,
) -> Field {
    Field { name, path, label, kind: Kind::Choices, read, terms }
}

// As in the other readers, which can fail.
#[allow(clippy::unnecessary_wraps)]
fn added(values: &mut Vec<String>, text: &str) -> Result<(), String> {
    values.push(text.to_owned());
    Ok(())
}

/// A word's value in addresses: the slug of the old data, reduced to letters, digits and hyphens.
fn slug(slug: &str) -> String {
    slug.replace(|c: char| !c.is_ascii_alphanumeric(), "-")
}

/// The value of a word in addresses and forms.
pub(crate) fn value_of<W: Word>(word: W) -> String {
    slug(word.term().slug)
}

/// Finds the word that a text means: by its value in addresses, its name in the contract, or its label.
pub(crate) fn word_of<W: Word>(text: &str) -> Option<W> {
    let key = spelling::key(text);
    let means = |it: &&W| {
        let term = it.term();
        slug(term.slug) == text || term.name == text || spelling::key(term.label) == key
    };
    W::ALL.iter().find(means).copied()
}

/// The error for a word that is not in the list.
pub(crate) const NO_SUCH_WORD: &str = "ce choix n'existe pas";

fn word<W: Word>(numbers: &mut Vec<i32>, text: &str) -> Result<(), String> {
    let found = word_of::<W>(text).ok_or(NO_SUCH_WORD)?;
    numbers.push(found.number());
    Ok(())
}

fn open_word<W: Word>(numbers: &mut Vec<i32>, text: &str) -> Result<(), String> {
    if text == UNSPECIFIED {
        numbers.push(0);
        return Ok(());
    }
    word::<W>(numbers, text)
}

fn terms<W: Word>() -> Vec<(String, &'static str)> {
    W::ALL.iter().map(|it| (value_of(*it), it.term().label)).collect()
}

fn open_terms<W: Word>() -> Vec<(String, &'static str)> {
    let mut all = terms::<W>();
    all.push((UNSPECIFIED.to_owned(), UNSPECIFIED_LABEL));
    all
}

/// The fields in the order of the form.
fn themes() -> Vec<(String, &'static str)> {
    Theme::FORM_ORDER.iter().map(|it| (value_of(*it), it.term().label)).collect()
}

/// The parameter for the path of a violation, such as `selection.department_codes[0]`.
pub(crate) fn field_of_path(path: &str) -> Option<&'static str> {
    let path = path.strip_prefix("selection.").unwrap_or(path);
    let name = path.split(['[', '.']).next().unwrap_or(path);
    match name {
        "from" => Some("du"),
        "to" => Some("au"),
        "consistency" if path.ends_with("as_of_time") => Some("le"),
        "consistency" => Some("position"),
        name => FIELDS.iter().find(|field| field.path == name).map(|field| field.name),
    }
}

/// The selection with one more value; `None` if the name from the contract is not a value of the field.
pub(crate) fn with_value(selection: &v1::Selection, name: &str, value: &str) -> Option<v1::Selection> {
    let field = FIELDS.iter().find(|field| field.name == name)?;
    let mut more = selection.clone();
    field.add(&mut more, value, &Names::default()).ok()?;
    Some(cra_domain::selection::canonical(more))
}
