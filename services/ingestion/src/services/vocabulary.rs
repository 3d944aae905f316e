//! The vocabulary as messages of the contract, in the order of the form.

use cra_contracts::v1;
use cra_domain::cra::limits;
use cra_domain::vocabulary::{
    Activity, AgeBand, Channel, DurationBand, Organisation, Status, SubTheme, Term, Theme, Word,
};

/// Everything that a client needs to show the form.
pub(super) fn vocabulary() -> v1::GetVocabularyResponse {
    let limits = limits().into_iter().map(|(name, value)| v1::Limit { name: name.to_owned(), value });
    let sub_themes = SubTheme::ALL.iter().map(|sub_theme| v1::Term {
        parent: sub_theme.theme().term().name.to_owned(),
        ..message(sub_theme.term())
    });
    v1::GetVocabularyResponse {
        channels: terms(Channel::ALL),
        activities: terms(Activity::ALL),
        ages: AgeBand::ALL.iter().map(|band| counted(band.term(), band.field())).collect(),
        statuses: Status::ALL.iter().map(|status| counted(status.term(), status.field())).collect(),
        themes: terms(&Theme::FORM_ORDER),
        sub_themes: sub_themes.collect(),
        duration_bands: terms(DurationBand::ALL),
        organisations: terms(Organisation::ALL),
        limits: limits.collect(),
    }
}

fn terms<W: Word>(words: &[W]) -> Vec<v1::Term> {
    words.iter().map(|word| message(word.term())).collect()
}

/// A term with the field of the CRA that counts its people.
fn counted(term: &Term, field: &str) -> v1::Term {
    v1::Term { name: field.to_owned(), ..message(term) }
}

fn message(term: &Term) -> v1::Term {
    let past_labels = term
        .past_labels
        .iter()
        .map(|past| v1::PastLabel { label: past.label.to_owned(), until: past.until.to_owned() });
    v1::Term {
        name: term.name.to_owned(),
        slug: term.slug.to_owned(),
        label: term.label.to_owned(),
        help: term.help.to_owned(),
        parent: String::new(),
        open: term.open,
        past_labels: past_labels.collect(),
    }
}
