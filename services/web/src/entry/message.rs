//! Converts the typed texts to the contract's message. A text that cannot be converted is a fault at its field. The
//! services apply the rules of the form.

use cra_contracts::v1;
use cra_domain::cra::{Cra, Recipient};
use cra_domain::spelling;
use cra_domain::vocabulary::{Activity, Channel, DurationBand, SubTheme, Theme, Word};

use super::places::Place;
use super::problems::Problem;
use super::typed::{Typed, count_name};
use crate::address::{NO_SUCH_WORD, as_french_day, word_of};
use cra_domain::vocabulary::{AgeBand, Status};

/// Reads texts and collects the faults of those that cannot be read.
#[derive(Default)]
struct Reader {
    problems: Vec<Problem>,
}

impl Reader {
    fn number(&mut self, field: &str, text: &str) -> Option<u32> {
        // People type spaces between thousands.
        let digits = text.replace([' ', '\u{a0}', '\u{202f}'], "");
        if digits.is_empty() {
            return None;
        }
        let read = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten();
        if read.is_none() {
            self.wrong(field, text, "écrivez un nombre entier, par exemple 3");
        }
        read
    }

    fn count(&mut self, field: &str, text: &str) -> u32 {
        self.number(field, text).unwrap_or_default()
    }

    fn word<W: Word>(&mut self, field: &str, text: &str) -> i32 {
        match word_of::<W>(text) {
            _ if text.is_empty() => 0,
            Some(word) => word.number(),
            None => {
                self.wrong(field, text, NO_SUCH_WORD);
                0
            }
        }
    }

    /// Sorts words as the CRA had them before; new ones come last.
    fn words<W: Word>(&mut self, field: &str, texts: &[String], before: &[W]) -> Vec<i32> {
        let mut numbers: Vec<_> =
            texts.iter().map(|text| self.word::<W>(field, text)).filter(|it| *it != 0).collect();
        let rank =
            |number: &i32| before.iter().position(|word| word.number() == *number).unwrap_or(usize::MAX);
        numbers.sort_by_key(rank);
        numbers
    }

    fn wrong(&mut self, field: &str, found: &str, expected: &str) {
        self.problems.push(Problem::new(field, format!("« {found} » : {expected}.")));
    }
}

impl Typed {
    /// Returns the message and the faults. `before` is the recorded content of a CRA that is corrected: fields that the
    /// person did not change are sent as recorded.
    pub(super) fn to_message(&self, place: &Place, before: Option<&Cra>) -> (v1::Cra, Vec<Problem>) {
        let mut read = Reader::default();
        let ages: Vec<_> = AgeBand::ALL
            .iter()
            .zip(&self.ages)
            .map(|(word, text)| read.count(&count_name("age", *word), text))
            .collect();
        let statuses: Vec<_> = Status::ALL
            .iter()
            .zip(&self.statuses)
            .map(|(word, text)| read.count(&count_name("statut", *word), text))
            .collect();
        let cra = v1::Cra {
            advisor_id: self.advisor.clone(),
            structure_id: self.structure.clone(),
            // The service refuses a text that is not a day.
            date: as_french_day(&self.date).map_or_else(|| self.date.clone(), |day| day.to_string()),
            place: Some(v1::Place {
                channel: read.word::<Channel>("canal", &self.channel),
                commune_code: place.code.clone(),
                postal_code: place.postal_code.clone(),
                venue_id: self.venue.clone(),
            }),
            activity: read.word::<Activity>("activite", &self.activity),
            participants: read.number("participants", &self.participants),
            returning_participants: read.count("deja", &self.returning),
            ages: ages_of(&ages),
            statuses: statuses_of(&statuses),
            themes: read.words::<Theme>("theme", &self.themes, before.map_or(&[][..], |cra| &cra.themes)),
            sub_themes: read.words::<SubTheme>(
                "sous-theme",
                &self.sub_themes,
                before.map_or(&[][..], |cra| &cra.sub_themes),
            ),
            annotation: self.annotation.clone(),
            duration: self.duration(&mut read),
            follow_up: self.follow_up(&mut read, before),
        };
        (cra, read.problems)
    }

    fn duration(&self, read: &mut Reader) -> Option<v1::Duration> {
        let band = read.word::<DurationBand>("duree", &self.duration);
        let minutes = read.number("minutes", &self.minutes);
        (band != 0 || minutes.is_some()).then_some(v1::Duration { band, minutes })
    }

    fn follow_up(&self, read: &mut Reader, before: Option<&Cra>) -> Option<v1::FollowUp> {
        use v1::redirection::Organisation as Message;
        let as_recorded = |name: &str| {
            before?.redirections.iter().find_map(|redirection| match &redirection.recipient {
                Recipient::Other(other) if **other == *name => Some(Message::Other(name.to_owned())),
                _ => None,
            })
        };
        let mut redirections = Vec::with_capacity(self.organisations.len());
        for (row, (name, people)) in (1..).zip(&self.organisations) {
            let people = read.count(&format!("organisme-personnes-{row}"), people);
            let organisation = as_recorded(name).or_else(|| Self::organisation(name));
            redirections.push(v1::Redirection { organisation, people });
        }
        let individual = read.count("suite-individuel", &self.individual);
        let workshop = read.count("suite-atelier", &self.workshop);
        let is_planned = individual > 0 || workshop > 0 || !redirections.is_empty();
        is_planned.then_some(v1::FollowUp { individual, workshop, redirections })
    }

    /// Whether two people typed the same value, ignoring the spelling of texts.
    pub(crate) fn is_equivalent(&self, other: &Self) -> bool {
        let plain = |it: &Self| {
            let mut it = it.clone();
            it.chosen.clear();
            it.chosen_for.clear();
            it.commune = spelling::plain(&it.commune);
            if let Some(day) = as_french_day(&it.date) {
                it.date = day.to_string();
            }
            let counts = it.ages.iter_mut().chain(&mut it.statuses);
            for count in counts.chain([&mut it.returning, &mut it.individual, &mut it.workshop]) {
                if count == "0" {
                    count.clear();
                }
            }
            it.themes.sort_unstable();
            it.sub_themes.sort_unstable();
            it
        };
        plain(self) == plain(other)
    }
}

fn ages_of(counts: &[u32]) -> Option<v1::AgeCounts> {
    let [under_12, from_12_to_18, from_18_to_35, from_35_to_60, over_60] = *counts else { return None };
    Some(v1::AgeCounts { under_12, from_12_to_18, from_18_to_35, from_35_to_60, over_60 })
}

fn statuses_of(counts: &[u32]) -> Option<v1::StatusCounts> {
    let [student, unemployed, employed, retired, unspecified_or_mixed] = *counts else { return None };
    Some(v1::StatusCounts { student, unemployed, employed, retired, unspecified_or_mixed })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forms::Fields;

    fn typed(query: &str) -> Typed {
        Typed::of(&Fields::of(query.as_bytes()))
    }

    fn problems(query: &str) -> Vec<String> {
        let (_, problems) = typed(query).to_message(&Place::default(), None);
        problems.into_iter().map(|problem| problem.field).collect()
    }

    #[test]
    fn what_is_no_number_and_no_word_is_a_fault_at_its_field_and_everything_else_is_sent() {
        let query = "participants=cinq&deja=-1&age-plus60ans=1,5&statut-retraite=99999999999&canal=fusée&activite=x\
                     &theme=courriel&theme=magie&duree=&minutes=1h&suite-atelier=³&organisme=CAF&organisme-personnes=un";
        let expected = [
            "age-plus60ans",
            "statut-retraite",
            "canal",
            "activite",
            "participants",
            "deja",
            "theme",
            "minutes",
            "organisme-personnes-1",
            "suite-atelier",
        ];
        assert_eq!(problems(query), expected);
        let (cra, _) = typed(query).to_message(&Place::default(), None);
        assert_eq!(cra.themes, [v1::Theme::Email as i32]);
    }

    #[test]
    fn people_type_days_and_thousands_as_they_write_them() {
        let (cra, problems) = typed("date=04/03/2024&participants=1 000").to_message(&Place::default(), None);
        assert_eq!((cra.date.as_str(), cra.participants, problems.len()), ("2024-03-04", Some(1_000), 0));
        let (cra, problems) = typed("date=hier").to_message(&Place::default(), None);
        assert_eq!((cra.date.as_str(), problems.len()), ("hier", 0), "the service refuses it");
    }

    #[test]
    fn an_empty_form_is_an_empty_cra() {
        let (cra, problems) = typed("age-plus60ans=&theme=").to_message(&Place::default(), None);
        assert_eq!((cra.participants, cra.duration, cra.follow_up.is_none()), (None, None, true));
        assert_eq!((problems.len(), cra.themes.len()), (0, 0));
    }

    #[test]
    fn the_same_typed_in_another_order_changes_nothing() {
        let recorded = typed("date=2024-03-04&theme=courriel&theme=budget&commune=Rennes");
        assert!(
            typed("date=04/03/2024&theme=budget&theme=courriel&deja=0&commune=rennes")
                .is_equivalent(&recorded)
        );
        assert!(
            !typed("date=2024-03-05&theme=budget&theme=courriel&commune=Rennes").is_equivalent(&recorded)
        );
    }
}
