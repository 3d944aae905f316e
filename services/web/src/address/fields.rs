//! The fields of a selection in an address: one parameter each, repeated for several values. Names and values are those
//! of [`cra_domain::selection`], which files are named by too.

use cra_contracts::v1;
use cra_domain::selection::UNSPECIFIED_LABEL;
use cra_domain::spelling;
use cra_domain::vocabulary::{Activity, AgeBand, Channel, DurationBucket, Status, SubTheme, Theme, Word};

use super::territories;
use crate::names::{self, Names};

/// Word of what an older form left open.
const UNSPECIFIED: &str = "non-renseigne";

/// One field of a selection, but for the days.
pub(crate) struct Field {
    /// The parameter.
    pub(crate) name: &'static str,
    /// In the contract.
    pub(crate) path: &'static str,
    pub(crate) label: &'static str,
    pub(crate) kind: Kind,
    /// Reads one value; an error says what is expected.
    read: Reader,
    /// What may be chosen; empty for a text.
    terms: fn() -> Vec<(String, &'static str)>,
}

/// Adds what a text means to a selection.
type Reader = fn(&mut v1::Selection, &str, &Names) -> Result<(), String>;

/// How a field is filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Boxes to check.
    Choices,
    /// A text, with an example.
    Text(&'static str),
}

impl Field {
    /// Adds a value to a selection; else says what is expected.
    pub(crate) fn add(&self, selection: &mut v1::Selection, text: &str, names: &Names) -> Result<(), String> {
        (self.read)(selection, text, names)
    }
}

/// What may be chosen in a field: the value in addresses, and its label.
pub(crate) fn choices(field: &Field) -> Vec<(String, &'static str)> {
    (field.terms)()
}

/// Every field, from the widest territory down.
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

// The same form as the other readers, which may refuse.
#[allow(clippy::unnecessary_wraps)]
fn added(values: &mut Vec<String>, text: &str) -> Result<(), String> {
    values.push(text.to_owned());
    Ok(())
}

/// The word in addresses: that of the old data, in letters, digits and hyphens.
fn slug(slug: &str) -> String {
    slug.replace(|c: char| !c.is_ascii_alphanumeric(), "-")
}

/// The value of a word in addresses and forms.
pub(crate) fn value_of<W: Word>(word: W) -> String {
    slug(word.term().slug)
}

/// The word that a text means: its value in addresses, its name in the contract, or its label.
pub(crate) fn word_of<W: Word>(text: &str) -> Option<W> {
    let key = spelling::key(text);
    let means = |it: &&W| {
        let term = it.term();
        slug(term.slug) == text || term.name == text || spelling::key(term.label) == key
    };
    W::ALL.iter().find(means).copied()
}

/// What is said of a word that a list has not.
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

/// As the form shows them.
fn themes() -> Vec<(String, &'static str)> {
    Theme::FORM_ORDER.iter().map(|it| (value_of(*it), it.term().label)).collect()
}

/// The parameter of a path that a service refused, such as `selection.department_codes[0]`.
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

/// The selection with one value more; `None` where the contract's name is no value of the field.
pub(crate) fn with_value(selection: &v1::Selection, name: &str, value: &str) -> Option<v1::Selection> {
    let field = FIELDS.iter().find(|field| field.name == name)?;
    let mut more = selection.clone();
    field.add(&mut more, value, &Names::default()).ok()?;
    Some(cra_domain::selection::canonical(more))
}
