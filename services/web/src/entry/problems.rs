//! Faults of a form, each at the field where a person can correct it.

use cra_runtime::rejection;
use tonic::Status;

/// A fault of one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Name of the field in the form; empty for a fault of the whole form.
    pub(crate) field: String,
    /// Message in French: what was found, and what is expected.
    pub(crate) message: String,
}

impl Problem {
    pub(crate) fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

/// Paths of the contract and the fields of the form that they belong to, longer paths first.
const FIELDS: [(&str, &str); 20] = [
    ("cra.advisor_id", "conseiller"),
    ("cra.structure_id", "structure"),
    ("cra.date", "date"),
    ("cra.place.channel", "canal"),
    ("cra.place.commune_code", "commune"),
    ("cra.place.postal_code", "commune"),
    ("cra.place.venue_id", "lieu"),
    ("cra.activity", "activite"),
    ("cra.participants", "participants"),
    ("cra.returning_participants", "deja"),
    ("cra.ages", "age"),
    ("cra.statuses", "statut"),
    ("cra.themes", "theme"),
    ("cra.sub_themes", "sous-theme"),
    ("cra.annotation", "precision"),
    ("cra.duration.minutes", "minutes"),
    ("cra.duration", "duree"),
    ("cra.follow_up.individual", "suite-individuel"),
    ("cra.follow_up.workshop", "suite-atelier"),
    ("reason", "motif"),
];

/// The field of the form for a path of the contract; empty if the form has none.
pub(crate) fn field_of_path(path: &str) -> String {
    const REDIRECTIONS: &str = "cra.follow_up.redirections[";
    if let Some((index, rest)) = path.strip_prefix(REDIRECTIONS).and_then(|path| path.split_once(']')) {
        let row = index.parse::<usize>().unwrap_or_default() + 1;
        let part = if rest == ".people" { "-personnes" } else { "" };
        return format!("organisme{part}-{row}");
    }
    let is_at = |known: &str| {
        path.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    let found = FIELDS.iter().find(|(known, _)| is_at(known)).map(|(_, field)| *field);
    let field = found.unwrap_or(if is_at("cra.follow_up") { "suite" } else { "" });
    field.to_owned()
}

/// Sorts faults in the order of the form's fields; those without a field come first.
pub(super) fn sort(problems: &mut [Problem]) {
    const ORDER: [&str; 19] = [
        "conseiller",
        "structure",
        "date",
        "commune",
        "canal",
        "lieu",
        "activite",
        "participants",
        "deja",
        "age",
        "statut",
        "theme",
        "sous-theme",
        "precision",
        "duree",
        "minutes",
        "suite",
        "organisme",
        "motif",
    ];
    let is_of = |field: &str, known: &str| {
        field.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    problems.sort_by_key(|problem| ORDER.iter().position(|known| is_of(&problem.field, known)));
}

/// A fault at a path of the contract.
pub(crate) fn problem_of(path: &str, message: impl Into<String>) -> Problem {
    Problem::new(field_of_path(path), message)
}

/// The faults that a service found, each at its field. Never empty.
pub(crate) fn of_status(status: &Status) -> Vec<Problem> {
    let violations = rejection::violations_of(status).into_iter().map(|violation| {
        let message = match violation.localized_message {
            french if french.is_empty() => violation.description,
            french => french,
        };
        problem_of(&violation.field, message)
    });
    let problems: Vec<_> = violations.collect();
    if problems.is_empty() {
        let french = rejection::french_of(status);
        return vec![Problem::new("", french.unwrap_or_else(|| "Le formulaire a été refusé.".to_owned()))];
    }
    problems
}

/// Joins the faults found here and those that the service found in the same form. A field that could not be read here
/// was not sent, so the service's fault of it is omitted.
pub(crate) fn all_of(mut here: Vec<Problem>, theirs: Vec<Problem>) -> Vec<Problem> {
    let is_new = |problem: &Problem| {
        let is_of_group = |own: &Problem| {
            !problem.field.is_empty()
                && (own.field == problem.field || own.field.starts_with(&format!("{}-", problem.field)))
        };
        !here.iter().any(is_of_group)
    };
    let theirs: Vec<_> = theirs.into_iter().filter(is_new).collect();
    here.extend(theirs);
    here
}

#[cfg(test)]
mod tests {
    use cra_domain::cra::FIELD_LABELS;

    use super::*;

    #[test]
    fn every_field_of_the_contract_has_its_field_in_the_form() {
        for (path, _) in FIELD_LABELS {
            assert_ne!(field_of_path(path), "", "{path}");
        }
        for (path, field) in [
            ("cra.themes[3]", "theme"),
            ("cra.place.postal_code", "commune"),
            ("cra.duration.band", "duree"),
            ("cra.duration.minutes", "minutes"),
            ("cra.follow_up", "suite"),
            ("cra.follow_up.redirections[0]", "organisme-1"),
            ("cra.follow_up.redirections[1].other", "organisme-2"),
            ("cra.follow_up.redirections[2].people", "organisme-personnes-3"),
            ("cra_id", ""),
            ("cra", ""),
            ("cra.dated", ""),
        ] {
            assert_eq!(field_of_path(path), field, "{path}");
        }
    }

    #[test]
    fn faults_are_read_in_the_order_of_the_form() {
        let fields = ["motif", "statut-retraite", "commune", "organisme-personnes-1", "age", "", "minutes"];
        let mut problems = fields.map(|field| Problem::new(field, "a"));
        sort(&mut problems);
        let sorted = problems.map(|problem| problem.field);
        assert_eq!(
            sorted,
            ["", "commune", "age", "statut-retraite", "minutes", "organisme-personnes-1", "motif"]
        );
    }

    #[test]
    fn a_field_that_cannot_be_read_has_one_fault() {
        let here = vec![Problem::new("age-plus60ans", "a"), Problem::new("commune", "b")];
        let theirs = ["age", "commune", "theme", ""].map(|field| Problem::new(field, "c")).to_vec();
        let fields: Vec<_> = all_of(here, theirs).into_iter().map(|problem| problem.field).collect();
        assert_eq!(fields, ["age-plus60ans", "commune", "theme", ""]);
    }
}
