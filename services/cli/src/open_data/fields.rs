//! The columns of the table and their meanings. The column of a breakdown is named by the old data's slug, which never
//! changes.

use cra_contracts::v1;
use cra_domain::vocabulary::{Activity, AgeBand, Channel, DurationBucket, Status, SubTheme, Theme, Word};

use super::Cell;

/// Type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Count,
}

/// Where the value of a column is found.
enum Source {
    Text(fn(&Cell) -> &str),
    Figure(fn(&v1::Statistics) -> u64),
    /// A line of a breakdown, by the contract's name.
    Line(&'static str),
}

pub(super) struct Field {
    pub(super) name: String,
    pub(super) title: String,
    pub(super) kind: Kind,
    description: &'static str,
    source: Source,
}

impl Field {
    /// The value as text.
    pub(super) fn text(&self, cell: &Cell) -> String {
        match self.source {
            Source::Text(text) => text(cell).to_owned(),
            Source::Figure(_) | Source::Line(_) => self.count(cell).to_string(),
        }
    }

    /// The value as a count; 0 for a text or a missing line.
    pub(super) fn count(&self, cell: &Cell) -> u64 {
        match self.source {
            Source::Text(_) => 0,
            Source::Figure(figure) => figure(&cell.statistics),
            Source::Line(name) => cell.lines.get(name).copied().unwrap_or(0),
        }
    }

    /// French description; `base` is the multiple that counts are rounded to.
    pub(super) fn description(&self, base: u64) -> String {
        match self.kind {
            Kind::Text => self.description.to_owned(),
            Kind::Count => format!(
                "{} Arrondi au hasard, toujours de la même façon, à un multiple de {base} : 0 veut dire de 0 à {}.",
                self.description,
                base.saturating_sub(1)
            ),
        }
    }
}

const SEEN_AGAIN: &str = "Personnes orientées vers une suite.";

/// Every column, in order.
pub(super) fn all() -> Vec<Field> {
    let mut fields = vec![
        text("mois", "Mois", "Mois de l'activité, AAAA-MM.", |cell| &cell.month),
        text(
            "departement_code",
            "Code du département",
            "Code officiel (COG) du département de l'activité.",
            |cell| &cell.department,
        ),
        text(
            "departement_nom",
            "Département",
            "Nom du département ou de la collectivité d'outre-mer.",
            |cell| &cell.department_name,
        ),
        text(
            "region_code",
            "Code de la région",
            "Code officiel (COG) de la région du département.",
            |cell| &cell.region,
        ),
        text("region_nom", "Région", "Nom de la région du département.", |cell| &cell.region_name),
        figure("cras", "CRA enregistrés", "Comptes-rendus d'activité en vigueur.", |s| s.cras),
        figure("accompagnements", "Accompagnements", "Personnes présentes, déjà venues ou non.", |s| {
            s.acts
        }),
        figure(
            "personnes",
            "Personnes accompagnées",
            "Accompagnements moins personnes déjà accompagnées.",
            |s| s.people,
        ),
        figure("personnes_recurrentes", "Personnes déjà accompagnées", "Personnes déjà venues.", |s| {
            s.returning_people
        }),
        figure(
            "ateliers_participants",
            "Participants aux ateliers",
            "Personnes présentes aux ateliers.",
            |s| s.workshop_participants,
        ),
        figure(
            "ateliers_participants_par_defaut",
            "Ateliers dont les 5 participants sont la valeur par défaut",
            "Ateliers dont le formulaire a rempli le nombre de participants.",
            |s| s.workshops_with_defaulted_participants,
        ),
        figure("suite_individuel", "Suites : individuel", SEEN_AGAIN, |s| follow_up(s).individual),
        figure("suite_atelier", "Suites : atelier", SEEN_AGAIN, |s| follow_up(s).workshop),
        figure("suite_redirection", "Suites : redirection", SEEN_AGAIN, |s| follow_up(s).redirected),
        figure("suite_total", "Suites : total", SEEN_AGAIN, |s| follow_up(s).total),
    ];
    fields.extend(list::<Activity>("activite", "Type d'activité", "CRA de ce type d'activité.", None));
    fields.extend(list::<Channel>("canal", "Canal", "CRA de ce canal.", None));
    fields.extend(list::<Theme>(
        "theme",
        "Thématique",
        "CRA qui ont cette thématique, parmi d'autres ou seule.",
        None,
    ));
    fields.extend(list::<SubTheme>(
        "sous_theme",
        "Sous-thématique",
        "CRA qui ont cette sous-thématique.",
        None,
    ));
    let unspecified = Some("DURATION_BUCKET_UNSPECIFIED");
    fields.extend(list::<DurationBucket>("duree", "Durée", "CRA de cette durée.", unspecified));
    fields.extend(list::<AgeBand>(
        "age",
        "Âge",
        "Personnes présentes de cette tranche d'âge.",
        Some("AGE_BAND_UNSPECIFIED"),
    ));
    fields.extend(list::<Status>(
        "statut",
        "Statut",
        "Personnes présentes de ce statut.",
        Some("STATUS_UNSPECIFIED"),
    ));
    fields
}

fn follow_up(statistics: &v1::Statistics) -> v1::FollowUpStatistics {
    statistics.follow_up.unwrap_or_default()
}

fn text(name: &str, title: &str, description: &'static str, get: fn(&Cell) -> &str) -> Field {
    let (name, title) = (name.to_owned(), title.to_owned());
    Field { name, title, kind: Kind::Text, description, source: Source::Text(get) }
}

fn figure(name: &str, title: &str, description: &'static str, get: fn(&v1::Statistics) -> u64) -> Field {
    let (name, title) = (name.to_owned(), title.to_owned());
    Field { name, title, kind: Kind::Count, description, source: Source::Figure(get) }
}

fn list<W: Word>(
    name: &str,
    title: &str,
    description: &'static str,
    unspecified: Option<&'static str>,
) -> Vec<Field> {
    let field = |name: String, label: &str, line| Field {
        name,
        title: format!("{title} : {label}"),
        kind: Kind::Count,
        description,
        source: Source::Line(line),
    };
    let words = W::ALL.iter().map(|word| word.term());
    let mut fields: Vec<Field> = words.map(|term| field(term.column(name), term.label, term.name)).collect();
    fields.extend(unspecified.map(|line| field(format!("{name}_non_renseigne"), "Non renseigné", line)));
    fields
}
