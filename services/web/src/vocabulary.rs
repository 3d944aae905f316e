//! `/mots`: the meaning of each figure, and the words of the form with their guidance and their former labels.

use askama::Template;
use axum::response::Response;
use cra_domain::cra::parse_day;
use cra_domain::definitions::{DEFINITIONS, Definition};
use cra_domain::french;
use cra_domain::vocabulary::{
    Activity, AgeBand, Channel, DurationBand, Organisation, PastLabel, Status, SubTheme, Theme, Word,
};

use crate::plain::{Frame, page};

#[derive(Template)]
#[template(path = "words/page.html")]
struct WordsPage {
    frame: Frame,
    rubrics: Vec<Rubric>,
    lists: Vec<List>,
}

/// Figures of one section.
struct Rubric {
    id: String,
    title: &'static str,
    definitions: Vec<&'static Definition>,
}

/// One list of the form.
struct List {
    id: &'static str,
    title: &'static str,
    terms: Vec<Shown>,
}

struct Shown {
    label: &'static str,
    slug: &'static str,
    help: &'static str,
    is_open: bool,
    /// The theme of a sub-theme; empty for other words.
    parent: &'static str,
    past: Vec<String>,
}

/// `GET /mots`.
pub(crate) async fn show() -> Response {
    page(&WordsPage {
        frame: Frame::new("Mots et définitions", "/mots"), rubrics: rubrics(), lists: lists()
    })
}

fn rubrics() -> Vec<Rubric> {
    let mut rubrics: Vec<Rubric> = Vec::new();
    for definition in DEFINITIONS {
        let title = definition.rubric();
        match rubrics.last_mut().filter(|rubric| rubric.title == title) {
            Some(rubric) => rubric.definitions.push(definition),
            None => rubrics.push(Rubric {
                id: format!(
                    "chiffres-{}",
                    if definition.section.is_empty() { "parts" } else { definition.section }
                ),
                title,
                definitions: vec![definition],
            }),
        }
    }
    rubrics
}

fn lists() -> Vec<List> {
    let list = |id, title, terms| List { id, title, terms };
    vec![
        list("canal", "Canal", words::<Channel>(Channel::ALL)),
        list("activite", "Type d'activité", words::<Activity>(Activity::ALL)),
        list("age", "Tranche d'âge", words::<AgeBand>(AgeBand::ALL)),
        list("statut", "Statut", words::<Status>(Status::ALL)),
        list("theme", "Thématique", words::<Theme>(&Theme::FORM_ORDER)),
        list("sous-theme", "Sous-thématique", sub_themes()),
        list("duree", "Durée", words::<DurationBand>(DurationBand::ALL)),
        list("organisme", "Redirection vers une autre structure", words::<Organisation>(Organisation::ALL)),
    ]
}

fn words<W: Word>(all: &[W]) -> Vec<Shown> {
    all.iter().map(|word| shown(*word, "")).collect()
}

fn sub_themes() -> Vec<Shown> {
    SubTheme::ALL.iter().map(|word| shown(*word, word.theme().term().label)).collect()
}

fn shown<W: Word>(word: W, parent: &'static str) -> Shown {
    let term = word.term();
    Shown {
        label: term.label,
        slug: term.slug,
        help: term.help,
        is_open: term.open,
        parent,
        past: term.past_labels.iter().map(past).collect(),
    }
}

/// `Jusqu'au 10 mars 2022 : « Prendre en main un équipement informatique »`.
fn past(label: &PastLabel) -> String {
    match parse_day(label.until) {
        Some(day) => format!("Jusqu'au {} : « {} ».", french::day(day), label.label),
        None => format!("Auparavant : « {} ».", label.label),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_is_defined_once_and_every_former_label_is_shown_with_its_last_day() {
        let shown: usize = rubrics().iter().map(|rubric| rubric.definitions.len()).sum();
        assert_eq!(shown, DEFINITIONS.len());
        let mut ids: Vec<_> = rubrics().into_iter().map(|rubric| rubric.id).collect();
        ids.extend(lists().into_iter().map(|list| list.id.to_owned()));
        let count = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), count, "each part has an anchor");
        let channels = words::<Channel>(Channel::ALL);
        assert_eq!(channels[0].past, ["Jusqu'au 23 novembre 2022 : « Lieu de rattachement »."]);
    }
}
