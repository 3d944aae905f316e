//! What a person typed into the form, as texts. It is read from a form, an address or a recorded CRA, and written as
//! the parameters of an address that fills in the form. No typed text is lost, whether valid or not.

use cra_contracts::v1;
use cra_domain::cra::{Cra, Recipient, UNNAMED_RECIPIENT};
use cra_domain::territory;
use cra_domain::vocabulary::{AgeBand, DurationBand, Organisation, Status, Word};

use crate::address::{value_of, word_of};
use crate::caller::Caller;
use crate::forms::Fields;

/// Upper bound on the organisations in one form: an activity has at most as many people.
pub(super) const ORGANISATIONS_MAX: usize = 100;

/// Every field of the form as it was typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Typed {
    pub(super) advisor: String,
    pub(super) structure: String,
    pub(super) date: String,
    pub(super) channel: String,
    pub(super) commune: String,
    /// Code and postal code of the commune that was chosen from a list, such as `35238 35000`.
    pub(super) chosen: String,
    /// The text of the commune that the choice was made for.
    pub(super) chosen_for: String,
    pub(super) venue: String,
    pub(super) activity: String,
    pub(super) participants: String,
    pub(super) returning: String,
    pub(super) ages: [String; AgeBand::ALL.len()],
    pub(super) statuses: [String; Status::ALL.len()],
    pub(super) themes: Vec<String>,
    pub(super) sub_themes: Vec<String>,
    pub(super) annotation: String,
    pub(super) duration: String,
    pub(super) minutes: String,
    pub(super) individual: String,
    pub(super) workshop: String,
    /// Name of the organisation, and number of people.
    pub(super) organisations: Vec<(String, String)>,
}

/// Name of the field that counts the people of a word, such as `age-plus60ans`.
pub(super) fn count_name<W: Word>(list: &str, word: W) -> String {
    format!("{list}-{}", value_of(word))
}

impl Typed {
    /// Reads the fields of a form, or the parameters of an address.
    pub(crate) fn of(fields: &Fields) -> Self {
        let first = |name: &str| fields.first(name).to_owned();
        let all =
            |name: &str| fields.all(name).filter(|value| !value.is_empty()).map(str::to_owned).collect();
        let names = fields.all("organisme");
        let people = fields.all("organisme-personnes").chain(std::iter::repeat(""));
        let organisations = names.zip(people).filter(|(name, people)| !name.is_empty() || !people.is_empty());
        let commune = first("commune");
        let chosen_for = match fields.first("commune-choisie-pour") {
            "" => commune.clone(),
            chosen_for => chosen_for.to_owned(),
        };
        Self {
            advisor: first("conseiller"),
            structure: first("structure"),
            date: first("date"),
            channel: first("canal"),
            chosen: first("commune-choisie"),
            chosen_for,
            commune,
            venue: first("lieu"),
            activity: first("activite"),
            participants: first("participants"),
            returning: first("deja"),
            ages: std::array::from_fn(|index| first(&count_name("age", AgeBand::ALL[index]))),
            statuses: std::array::from_fn(|index| first(&count_name("statut", Status::ALL[index]))),
            themes: all("theme"),
            sub_themes: all("sous-theme"),
            annotation: first("precision"),
            duration: first("duree"),
            minutes: first("minutes"),
            individual: first("suite-individuel"),
            workshop: first("suite-atelier"),
            organisations: organisations
                .take(ORGANISATIONS_MAX)
                .map(|(name, people)| (name.to_owned(), people.to_owned()))
                .collect(),
        }
    }

    /// The texts that a person would have typed for a recorded CRA.
    pub(crate) fn of_cra<T: AsRef<str>>(cra: &Cra<T>) -> Self {
        let message = cra.to_message();
        let people = |count: u32| if count == 0 { String::new() } else { count.to_string() };
        let commune =
            commune_text(territory::communes().get(cra.place.commune).name(), cra.place.postal_code.as_ref());
        let v1::Duration { band, minutes } = message.duration.unwrap_or_default();
        Self {
            advisor: message.advisor_id,
            structure: message.structure_id,
            date: message.date,
            channel: value_of(cra.place.channel),
            chosen: chosen(cra.place.commune_code.as_ref(), cra.place.postal_code.as_ref()),
            chosen_for: commune.clone(),
            commune,
            venue: message.place.map(|place| place.venue_id).unwrap_or_default(),
            activity: value_of(cra.activity),
            participants: cra.participants.to_string(),
            returning: people(cra.returning_participants),
            ages: cra.ages.0.map(people),
            statuses: cra.statuses.0.map(people),
            themes: cra.themes.iter().map(|theme| value_of(*theme)).collect(),
            sub_themes: cra.sub_themes.iter().map(|theme| value_of(*theme)).collect(),
            annotation: message.annotation,
            duration: DurationBand::from_number(band).map(value_of).unwrap_or_default(),
            minutes: minutes.map(|minutes| minutes.to_string()).unwrap_or_default(),
            individual: people(cra.follow_up_individual),
            workshop: people(cra.follow_up_workshop),
            organisations: cra
                .redirections
                .iter()
                .map(|redirection| {
                    let name = match &redirection.recipient {
                        Recipient::Known(organisation) => organisation.term().label,
                        Recipient::Other(name) => name.as_ref(),
                        Recipient::Unnamed => UNNAMED_RECIPIENT,
                    };
                    (name.to_owned(), redirection.people.to_string())
                })
                .collect(),
        }
    }

    /// Fills in the advisor and the structure from the caller's perimeter where they are empty.
    pub(super) fn complete(&mut self, caller: &Caller) {
        caller.complete(&mut self.advisor, &mut self.structure);
    }

    /// Whether the commune was chosen from a list.
    pub(super) fn is_chosen(&self) -> bool {
        !self.chosen.is_empty() && self.chosen_for == self.commune
    }

    /// Replaces the text by the whole name of the chosen commune.
    pub(super) fn name_commune(&mut self, name: &str, postal_code: &str) {
        self.commune = commune_text(name, postal_code);
        self.chosen_for.clone_from(&self.commune);
    }

    /// Start values of a CRA like this one: everything but the day.
    pub(crate) fn similar(&self) -> Vec<(&'static str, String)> {
        self.parameters(&[])
    }

    /// Start values of the same person's next CRA: advisor, structure and place.
    pub(crate) fn of_the_same_person(&self) -> Vec<(&'static str, String)> {
        self.parameters(&["conseiller", "structure", "commune", "commune-choisie", "canal", "lieu"])
    }

    /// The given fields as parameters of an address; for no fields, all but the day. Empty ones are omitted.
    fn parameters(&self, names: &[&str]) -> Vec<(&'static str, String)> {
        let counts = |list: &'static str, names: Vec<&'static str>, values: &[String]| {
            debug_assert_eq!(names.len(), values.len(), "{list}");
            names.into_iter().zip(values.to_vec()).collect::<Vec<_>>()
        };
        let mut all = vec![
            ("conseiller", self.advisor.clone()),
            ("structure", self.structure.clone()),
            ("canal", self.channel.clone()),
            ("commune", self.commune.clone()),
            ("commune-choisie", self.chosen.clone()),
            ("lieu", self.venue.clone()),
            ("activite", self.activity.clone()),
            ("participants", self.participants.clone()),
            ("deja", self.returning.clone()),
        ];
        all.extend(counts("age", AGE_NAMES.to_vec(), &self.ages));
        all.extend(counts("statut", STATUS_NAMES.to_vec(), &self.statuses));
        all.extend(self.themes.iter().map(|theme| ("theme", theme.clone())));
        all.extend(self.sub_themes.iter().map(|theme| ("sous-theme", theme.clone())));
        all.extend([
            ("precision", self.annotation.clone()),
            ("duree", self.duration.clone()),
            ("minutes", self.minutes.clone()),
            ("suite-individuel", self.individual.clone()),
            ("suite-atelier", self.workshop.clone()),
        ]);
        for (name, people) in &self.organisations {
            all.extend([("organisme", name.clone()), ("organisme-personnes", people.clone())]);
        }
        all.retain(|(name, value)| !value.is_empty() && (names.is_empty() || names.contains(name)));
        all
    }

    /// The organisation of the form's list that a name means in any spelling; otherwise the name itself. `None` if an
    /// older form gave no name.
    pub(super) fn organisation(name: &str) -> Option<v1::redirection::Organisation> {
        use v1::redirection::Organisation as Message;
        match word_of::<Organisation>(name).or_else(|| Organisation::recognise(name)) {
            Some(known) => Some(Message::Known(known.number())),
            None if name.is_empty() || name == UNNAMED_RECIPIENT => None,
            None => Some(Message::Other(name.to_owned())),
        }
    }
}

/// Names of the fields of ages and statuses, as [`count_name`] makes them: parameters of addresses are fixed texts.
const AGE_NAMES: [&str; AgeBand::ALL.len()] =
    ["age-moins12ans", "age-de12a18ans", "age-de18a35ans", "age-de35a60ans", "age-plus60ans"];
const STATUS_NAMES: [&str; Status::ALL.len()] =
    ["statut-etudiant", "statut-sansEmploi", "statut-enEmploi", "statut-retraite", "statut-heterogene"];

/// `Rennes (35000)`, or the name alone.
pub(super) fn commune_text(name: &str, postal_code: &str) -> String {
    if postal_code.is_empty() { name.to_owned() } else { format!("{name} ({postal_code})") }
}

/// `35238 35000`, or the code alone.
pub(super) fn chosen(code: &str, postal_code: &str) -> String {
    [code, postal_code].join(" ").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A workshop with a value in every field.
    fn full() -> v1::Cra {
        use v1::redirection::Organisation as Message;
        let redirection = |organisation, people| v1::Redirection { organisation: Some(organisation), people };
        v1::Cra {
            advisor_id: "conseiller-1".into(),
            structure_id: "structure-1".into(),
            date: "2024-03-04".into(),
            place: Some(v1::Place {
                channel: v1::Channel::Venue.into(),
                commune_code: "35238".into(),
                postal_code: "35200".into(),
                venue_id: "lieu-1".into(),
            }),
            activity: v1::Activity::Workshop.into(),
            participants: Some(5),
            returning_participants: 2,
            ages: Some(v1::AgeCounts { under_12: 1, over_60: 4, ..Default::default() }),
            statuses: Some(v1::StatusCounts { unemployed: 5, ..Default::default() }),
            themes: vec![v1::Theme::Equipment.into(), v1::Theme::SmallBusiness.into()],
            sub_themes: vec![v1::SubTheme::EquipmentTablet.into()],
            annotation: "Tri des photos".into(),
            duration: Some(v1::Duration { band: v1::DurationBand::OneHourOrMore.into(), minutes: Some(90) }),
            follow_up: Some(v1::FollowUp {
                individual: 1,
                workshop: 2,
                redirections: vec![
                    redirection(Message::Known(v1::Organisation::PoleEmploi.into()), 1),
                    redirection(Message::Other("Un <b>atelier</b>".into()), 1),
                ],
            }),
        }
    }

    #[test]
    fn a_cra_read_into_the_form_and_through_an_address_is_the_same_but_for_its_day() {
        let cra = Cra::from_message(&full()).unwrap();
        let typed = Typed::of_cra(&cra);
        assert_eq!(typed.commune, "Rennes (35200)");
        let query = crate::address::query_of(&typed.similar());
        let read = Typed::of(&Fields::of(query.as_bytes()));
        assert_eq!(read, Typed { date: String::new(), ..typed.clone() });
        let person = Typed::of(&Fields::of(crate::address::query_of(&typed.of_the_same_person()).as_bytes()));
        assert_eq!((person.advisor.as_str(), person.chosen.as_str()), ("conseiller-1", "35238 35200"));
        assert_eq!((person.activity.as_str(), person.themes.len()), ("", 0));
    }

    #[test]
    fn the_names_of_counts_are_those_of_their_words() {
        let ages: Vec<_> = AgeBand::ALL.iter().map(|word| count_name("age", *word)).collect();
        assert_eq!(ages, AGE_NAMES);
        let statuses: Vec<_> = Status::ALL.iter().map(|word| count_name("statut", *word)).collect();
        assert_eq!(statuses, STATUS_NAMES);
    }

    #[test]
    fn an_organisation_is_known_by_any_spelling_of_its_label() {
        use v1::redirection::Organisation as Message;
        for name in ["France Travail", "pole emploi", "FRANCE TRAVAIL"] {
            let known = Message::Known(v1::Organisation::PoleEmploi.into());
            assert_eq!(Typed::organisation(name), Some(known), "{name}");
        }
        assert_eq!(Typed::organisation("Autre"), Some(Message::Other("Autre".into())));
        assert_eq!(Typed::organisation(UNNAMED_RECIPIENT), None);
    }
}
