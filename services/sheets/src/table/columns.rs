//! Finds the columns of a table of CRAs by their headings: those of the exports and of the template, the labels of the
//! form, and the paths of the contract. Order, case, accents and punctuation do not matter.

use std::collections::HashMap;

use cra_domain::spelling;
use cra_domain::vocabulary::{AgeBand, Status, Word};

use super::fault::CellFault;
use crate::fields::Field;

/// Number of rows that are searched for the headings, because people put titles above them.
pub(super) const HEADING_ROWS_MAX: usize = 10;
/// Number of recognised columns from which a table without ids counts as a table of CRAs. One of them must be the day
/// or the number of participants.
const KNOWN_MIN: usize = 3;

/// Meaning of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Column {
    /// The CRA's id.
    CraId,
    /// A field of the CRA.
    Field(Field),
    /// The commune, by its name.
    CommuneName,
    /// People sent to other organisations: the sum of the redirections.
    Redirected,
    /// People whose age or status an older form did not record.
    Unspecified,
    /// The revision that the row corrects, if it is a correction.
    Revision,
    /// The form version that the CRA was written with.
    FormVersion,
    /// The reason for the change.
    Reason,
    /// A column of an export that is computed from others.
    Derived,
}

/// Headings of the exports and of the template, and other common names.
const HEADINGS: &[(Column, &[&str])] = &[
    (Column::CraId, &["cra_id", "id", "identifiant", "identifiant du cra", "uuid"]),
    (Column::Field(Field::Date), &["date", "jour", "date d'accompagnement", "date de l'activité"]),
    (Column::Field(Field::AdvisorId), &["conseiller_id", "conseiller", "identifiant du conseiller"]),
    (Column::Field(Field::StructureId), &["structure_id", "structure", "identifiant de la structure"]),
    (Column::Field(Field::Channel), &["canal_code", "canal", "channel"]),
    (Column::Field(Field::VenueId), &["lieu_id", "lieu", "permanence", "venue_id"]),
    (
        Column::Field(Field::CommuneCode),
        &["commune_code", "code commune", "code insee", "insee", "code_commune_insee"],
    ),
    (Column::CommuneName, &["commune_actuelle", "commune", "nom de la commune", "ville"]),
    (Column::Field(Field::PostalCode), &["code_postal", "cp", "postal_code"]),
    (Column::Field(Field::Activity), &["activite_code", "activite", "type d'activité", "activity"]),
    (Column::Field(Field::Participants), &["participants", "nombre de participants", "nb participants"]),
    (
        Column::Field(Field::ReturningParticipants),
        &[
            "participants_recurrents",
            "personnes déjà accompagnées",
            "déjà accompagnées",
            "participants récurrents",
        ],
    ),
    (Column::Field(Field::Themes), &["themes_codes", "themes", "thématiques", "thèmes"]),
    (
        Column::Field(Field::SubThemes),
        &["sous_themes_codes", "sous_themes", "sous-thématiques", "sous-thèmes"],
    ),
    (Column::Field(Field::Annotation), &["annotation", "précision", "commentaire"]),
    (Column::Field(Field::DurationBand), &["duree_code", "duree", "durée"]),
    (Column::Field(Field::Minutes), &["duree_minutes", "minutes", "durée en minutes"]),
    (Column::Field(Field::FollowUpIndividual), &["suite_individuel", "suite : individuel"]),
    (Column::Field(Field::FollowUpWorkshop), &["suite_atelier", "suite : atelier"]),
    (Column::Redirected, &["suite_redirection"]),
    (Column::Field(Field::Redirections), &["redirections", "orientations", "suite : redirections"]),
    (Column::Unspecified, &["age_non_renseigne", "statut_non_renseigne"]),
    (Column::Revision, &["revision", "expected_revision", "révision"]),
    (Column::FormVersion, &["version_formulaire"]),
    (Column::Reason, &["reason", "motif", "raison"]),
    (
        Column::Derived,
        &[
            "commune_actuelle_code",
            "departement_code",
            "departement",
            "region_code",
            "region",
            "epci_code",
            "epci",
            "enregistre_le",
            "corrige_le",
            "oublie",
            "oublie_le",
        ],
    ),
];

/// Columns that a new CRA needs, with the names that a report gives them.
const REQUIRED: [(&[Column], &str); 7] = [
    (&[Column::Field(Field::AdvisorId)], "conseiller_id"),
    (&[Column::Field(Field::StructureId)], "structure_id"),
    (&[Column::Field(Field::Channel)], "canal"),
    (&[Column::Field(Field::CommuneCode), Column::CommuneName], "commune_code ou commune"),
    (&[Column::Field(Field::Activity)], "activite"),
    (&[Column::Field(Field::Themes)], "themes"),
    (&[Column::Field(Field::DurationBand), Column::Field(Field::Minutes)], "duree"),
];

/// Largest number of wrong letters in a heading for which a column is suggested, if the name is long enough.
const SLIP_LETTERS_MAX: usize = 2;
const SLIP_WORD_MIN: usize = 6;

/// An unknown heading, and the most similar known name.
#[derive(Clone, Debug, PartialEq)]
pub struct Slip {
    /// The heading as written in the file.
    pub found: String,
    /// The most similar name.
    pub suggested: String,
}

/// The columns of one table, in its order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Columns {
    known: Vec<(usize, Column)>,
    headings: Vec<String>,
    /// Number of sheet columns to the left of the first one.
    before: usize,
}

impl Columns {
    /// Finds the columns of these headings; `None` if they are not those of a table of CRAs.
    pub fn of<'a>(headings: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let headings: Vec<String> = headings.into_iter().map(|text| text.trim().to_owned()).collect();
        let names = names();
        let by_heading = |heading: &String| names.get(&key(heading)).copied().or_else(|| of_path(heading));
        // A column of MongoDB ids belongs to a table of older documents.
        let column = |heading: &String| by_heading(heading).filter(|_| !heading.starts_with('_'));
        let known: Vec<_> = headings
            .iter()
            .enumerate()
            .filter_map(|(index, heading)| Some((index, column(heading)?)))
            .collect();
        let columns = Self { known, headings, before: 0 };
        columns.are_of_cras().then_some(columns)
    }

    /// Whether the columns include the day or the participants: lists of words and sums have headings of CRAs too.
    fn are_of_cras(&self) -> bool {
        let has_field = [Field::Date, Field::AdvisorId].iter().any(|field| self.has(Column::Field(*field)));
        self.has(Column::CraId) || has_field && self.of_cras() >= KNOWN_MIN
    }

    /// The same columns, moved to the right by `before` columns.
    pub(super) fn after(self, before: usize) -> Self {
        Self { before, ..self }
    }

    /// Name of a column in spreadsheets: `A`, `Z`, `AA`.
    #[must_use]
    pub fn letters(&self, index: usize) -> String {
        let mut letters = Vec::new();
        let mut rest = Some(self.before + index);
        while let Some(index) = rest {
            letters.push(char::from(b'A' + u8::try_from(index % 26).unwrap_or_default()));
            rest = (index / 26).checked_sub(1);
        }
        letters.iter().rev().collect()
    }

    /// Number of columns with fields of a CRA.
    pub(super) fn of_cras(&self) -> usize {
        self.known.iter().filter(|(_, column)| !matches!(column, Column::Derived)).count()
    }

    /// Whether the table has this column.
    #[must_use]
    pub fn has(&self, column: Column) -> bool {
        self.known.iter().any(|(_, known)| *known == column)
    }

    /// The recognised columns: index in the row, and meaning.
    pub(super) fn known(&self) -> &[(usize, Column)] {
        &self.known
    }

    /// The heading at a position in the row, as written in the file.
    #[must_use]
    pub fn heading(&self, index: usize) -> &str {
        self.headings.get(index).map_or("", String::as_str)
    }

    /// Names of columns that a new CRA needs and that the table does not have.
    #[must_use]
    pub fn missing(&self) -> Vec<&'static str> {
        let is_missing = |any_of: &[Column]| !any_of.iter().any(|column| self.has(*column));
        REQUIRED.iter().filter(|(any_of, _)| is_missing(any_of)).map(|(_, name)| *name).collect()
    }

    /// Headings of columns that are not read.
    #[must_use]
    pub fn unread(&self) -> Vec<&str> {
        let is_read = |index: usize| self.known.iter().any(|(known, _)| *known == index);
        let unread = self
            .headings
            .iter()
            .enumerate()
            .filter(|(index, heading)| !heading.is_empty() && !is_read(*index));
        unread.map(|(_, heading)| heading.as_str()).collect()
    }

    /// An unread heading that is similar to the name of a column that the table does not have.
    #[must_use]
    pub fn slip(&self) -> Option<Slip> {
        let names = names();
        self.unread().into_iter().find_map(|found| {
            let key = key(found);
            let distance = |name: &String| strsim::damerau_levenshtein(name, &key);
            let absent = names.iter().filter(|(_, column)| !self.has(**column)).map(|(name, _)| name);
            let suggested = absent.min_by_key(|name| (distance(name), (*name).clone()))?;
            let is_near = distance(suggested) <= SLIP_LETTERS_MAX && suggested.len() >= SLIP_WORD_MIN;
            is_near.then(|| Slip { found: found.to_owned(), suggested: suggested.clone() })
        })
    }

    /// The headings of the columns that the path of a violation concerns, such as `cra.ages` or `cra.themes[1]`.
    #[must_use]
    pub fn headings_of_violation(&self, path: &str) -> Vec<&str> {
        self.columns_of_violation(path).into_iter().map(|index| self.heading(index)).collect()
    }

    /// The indices in a row of the columns that the path of a violation concerns.
    #[must_use]
    pub fn columns_of_violation(&self, path: &str) -> Vec<usize> {
        let path = field_of_violation(path);
        // The commune has several postal codes, and the table has no column for them.
        let is_missing_postal_code =
            path == "place.postal_code" && !self.has(Column::Field(Field::PostalCode));
        let is_about = |column: &Column| match column {
            Column::CraId => path == "cra_id",
            Column::CommuneName => {
                path == "place.commune_code" && !self.has(Column::Field(Field::CommuneCode))
                    || is_missing_postal_code
            }
            Column::Field(Field::CommuneCode) if is_missing_postal_code => !self.has(Column::CommuneName),
            Column::Field(field) => {
                let of_field = field.path();
                *of_field == *path || of_field.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'))
            }
            _ => false,
        };
        let about = self.known.iter().filter(|(_, column)| is_about(column));
        about.map(|(index, _)| *index).collect()
    }

    /// Whether a violation follows from cells that could not be read: their values were omitted from the row, or
    /// another field is checked against them.
    #[must_use]
    pub fn is_explained(&self, path: &str, faults: &[CellFault]) -> bool {
        let about = self.columns_of_violation(path);
        if faults.iter().any(|fault| about.contains(&fault.column)) {
            return true;
        }
        let is_faulty =
            |column: Column| faults.iter().any(|fault| self.known.contains(&(fault.column, column)));
        let field = field_of_violation(path);
        let is_of = |group: &str| {
            field.strip_prefix(group).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let of_people = ["ages", "statuses", "returning_participants", "follow_up"].into_iter().any(is_of);
        let people = [Column::Field(Field::Participants), Column::Field(Field::Activity)];
        let place =
            [Column::CommuneName, Column::Field(Field::CommuneCode), Column::Field(Field::PostalCode)];
        of_people && people.into_iter().any(is_faulty)
            || is_of("sub_themes") && is_faulty(Column::Field(Field::Themes))
            || is_of("duration") && is_faulty(Column::Field(Field::Minutes))
            || is_of("place") && place.into_iter().any(is_faulty)
    }
}

/// The field of a CRA that a path concerns, without the index in a list.
fn field_of_violation(path: &str) -> &str {
    path.strip_prefix("cra.").unwrap_or(path).split('[').next().unwrap_or_default()
}

/// All headings by their normalized key.
fn names() -> HashMap<String, Column> {
    let mut names: HashMap<String, Column> = HashMap::new();
    for (column, headings) in HEADINGS {
        names.extend(headings.iter().map(|heading| (key(heading), *column)));
    }
    counts::<AgeBand>(&mut names, &["age_", "âge "], Field::Age);
    counts::<Status>(&mut names, &["statut_", "statut "], Field::Status);
    names
}

/// A column that counts people has the slug of the value, which the exports use, or its label, alone or after the name
/// of the list.
fn counts<W: Word>(names: &mut HashMap<String, Column>, lists: &[&str], field: fn(W) -> Field) {
    for value in W::ALL {
        let term = value.term();
        let slugs = std::iter::once(term.slug).chain(term.former_slugs.iter().copied());
        let in_lists =
            |word: &str| lists.iter().map(|list| key(&format!("{list}{word}"))).collect::<Vec<_>>();
        let column = Column::Field(field(*value));
        names.insert(key(term.label), column);
        for name in slugs.chain([term.label]).flat_map(in_lists) {
            names.insert(name, column);
        }
    }
}

fn of_path(heading: &str) -> Option<Column> {
    match heading.trim() {
        "craId" => Some(Column::CraId),
        path => Field::of_path(path).map(Column::Field),
    }
}

/// Letters and digits only. A sign before a digit is kept, because it distinguishes the bands (`-12`, `+60`).
fn key(heading: &str) -> String {
    let mut key = String::new();
    let plain = spelling::key(heading);
    let mut chars = plain.chars().peekable();
    while let Some(c) = chars.next() {
        let signs = matches!(c, '+') && chars.peek().is_some_and(char::is_ascii_digit);
        if c.is_alphanumeric() || signs {
            key.push(c);
        }
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_known_by_the_names_of_exports_by_labels_and_by_paths() {
        for (heading, column) in [
            ("cra_id", Column::CraId),
            ("\u{feff}Date", Column::Field(Field::Date)),
            ("DATE D’ACCOMPAGNEMENT", Column::Field(Field::Date)),
            ("Code Postal", Column::Field(Field::PostalCode)),
            ("Thématiques", Column::Field(Field::Themes)),
            ("age_moins12ans", Column::Field(Field::Age(AgeBand::Under12))),
            ("Moins de 12 ans", Column::Field(Field::Age(AgeBand::Under12))),
            ("12-18 ans", Column::Field(Field::Age(AgeBand::From12To18))),
            ("Âge : plus de 60 ans", Column::Field(Field::Age(AgeBand::Over60))),
            ("statut_sans_emploi", Column::Field(Field::Status(Status::Unemployed))),
            ("Retraité", Column::Field(Field::Status(Status::Retired))),
            ("place.communeCode", Column::Field(Field::CommuneCode)),
            ("ages.over_60", Column::Field(Field::Age(AgeBand::Over60))),
            ("commune_actuelle", Column::CommuneName),
            ("epci", Column::Derived),
        ] {
            let columns = Columns::of(["cra_id", heading]).unwrap();
            assert_eq!(columns.known()[1], (1, column), "{heading}");
        }
    }

    #[test]
    fn a_table_of_something_else_is_none_of_cras() {
        for headings in [
            &["section", "code", "libelle", "valeur", "part"][..],
            &["nom", "prenom", "ville"],
            &[""],
            &["_id"],
            &["Canal", "Activité", "Thématiques", "Sous-thématiques", "Durée", "Organismes"],
        ] {
            assert_eq!(Columns::of(headings.iter().copied()), None, "{headings:?}");
        }
    }

    #[test]
    fn what_is_missing_and_what_is_not_read_is_reported() {
        let columns =
            Columns::of(["Date", "Conseiller", "Structure", "Canal", "Ville", "Activité", "Couleur"])
                .unwrap();
        assert_eq!(columns.missing(), ["themes", "duree"]);
        assert_eq!(columns.unread(), ["Couleur"]);
        assert_eq!(columns.slip(), None);
        let slip = Columns::of(["cra_id", "Particpants"]).unwrap().slip().unwrap();
        assert_eq!(slip.suggested, "participants");
        assert_eq!(columns.headings_of_violation("cra.date"), ["Date"]);
        assert_eq!(columns.headings_of_violation("cra.place.channel"), ["Canal"]);
        assert_eq!(columns.headings_of_violation("cra.ages"), [""; 0]);
        assert_eq!(columns.headings_of_violation("cra.place.postal_code"), ["Ville"]);
        let by_code = Columns::of(["Date", "Conseiller", "Participants", "Code INSEE"]).unwrap();
        assert_eq!(by_code.headings_of_violation("cra.place.postal_code"), ["Code INSEE"]);
    }

    #[test]
    fn a_column_has_the_letters_of_a_spreadsheet() {
        let columns = Columns::default();
        let letters = [0, 25, 26, 51, 52, 701, 702].map(|index| columns.letters(index));
        assert_eq!(letters, ["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]);
        assert_eq!(columns.after(2).letters(0), "C");
    }

    #[test]
    fn a_violation_that_follows_from_a_cell_is_explained_by_it() {
        let columns = Columns::of(["Date", "Participants", "Moins de 12 ans", "Commune", "Code commune"]);
        let columns = columns.unwrap();
        let at = |column| CellFault { column, ..CellFault::default() };
        for (path, column, is_explained) in [
            ("cra.date", 0, true),
            ("cra.ages", 0, false),
            ("cra.ages", 1, true),
            ("cra.ages.under_12", 2, true),
            ("cra.follow_up.individual", 1, true),
            ("cra.themes", 1, false),
            ("cra.place.commune_code", 3, true),
            ("cra.place.postal_code", 4, true),
        ] {
            assert_eq!(columns.is_explained(path, &[at(column)]), is_explained, "{path} {column}");
        }
    }
}
