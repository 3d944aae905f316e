//! The form as its template shows it: each field with its name, help text, typed value and faults.

use cra_domain::cra::{FIELD_LABELS, field_label, limits, parse_day};
use cra_domain::definitions::{Definition, definition};
use cra_domain::vocabulary::{
    Activity, AgeBand, Channel, DurationBand, Organisation, Status, SubTheme, Theme, Word,
};

use super::places;
use super::problems::{Problem, field_of_path};
use super::typed::{ORGANISATIONS_MAX, Typed, count_name};
use crate::address::value_of;

/// Label of the exact minutes.
const MINUTES: &str = "Minutes exactes";
/// Number of rows for organisations in a new form.
const ORGANISATIONS_SHOWN: usize = 1;

/// The form, section by section.
pub(crate) struct Form {
    pub(super) advisor: Text,
    pub(super) structure: Text,
    pub(super) place: Place,
    pub(super) activity: Choices,
    pub(super) people: People,
    pub(super) subjects: Subjects,
    pub(super) duration: Choices,
    pub(super) minutes: Text,
    pub(super) next: Next,
}

/// When and where.
pub(super) struct Place {
    pub(super) date: Text,
    pub(super) commune: Text,
    pub(super) chosen: String,
    pub(super) chosen_for: String,
    /// Communes to choose from.
    pub(super) communes: Vec<Choice>,
    pub(super) channel: Choices,
    pub(super) venue: Text,
}

pub(super) struct People {
    pub(super) participants: Text,
    /// Default number of people, by activity.
    pub(super) defaults: Vec<(String, String)>,
    pub(super) returning: Text,
    pub(super) ages: Counts,
    pub(super) statuses: Counts,
}

/// The content of the activity.
pub(super) struct Subjects {
    pub(super) themes: Choices,
    pub(super) sub_themes_error: String,
    pub(super) annotation: Text,
}

pub(super) struct Next {
    pub(super) error: String,
    pub(super) individual: Text,
    pub(super) workshop: Text,
    /// The number of the row, the name and the people.
    pub(super) organisations: Vec<(usize, Text, Text)>,
    /// Names of the form's list, each with its meaning.
    pub(super) known: Vec<(&'static str, &'static str)>,
    pub(super) may_add: bool,
}

pub(crate) struct Text {
    pub(crate) name: String,
    /// Id of the element, to which the summary links.
    pub(crate) id: String,
    pub(crate) label: &'static str,
    pub(crate) hint: String,
    pub(crate) value: String,
    /// Fault of the field; empty for none.
    pub(crate) error: String,
    /// Type of the HTML input: `text`, `date`, `number`.
    pub(crate) kind: &'static str,
    /// Whether the browser can complete names in it.
    pub(crate) has_names: bool,
}

/// A field with one or several words to choose.
pub(super) struct Choices {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) hint: String,
    pub(super) error: String,
    pub(super) words: Vec<Choice>,
}

/// A word to choose.
pub(super) struct Choice {
    pub(super) value: String,
    pub(super) label: String,
    pub(super) help: String,
    pub(super) is_chosen: bool,
    /// Sub-themes of a theme.
    pub(super) parts: Vec<Choice>,
}

/// A group of fields that count people by word.
pub(super) struct Counts {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) hint: &'static str,
    pub(super) error: String,
    pub(super) fields: Vec<Text>,
}

/// The data from which every part of the form is made.
struct Maker<'a> {
    problems: &'a [Problem],
    /// Fields in which the browser can complete names.
    named: &'a [&'static str],
}

impl Maker<'_> {
    fn error(&self, field: &str) -> String {
        let messages = self.problems.iter().filter(|problem| problem.field == field);
        messages.map(|problem| problem.message.as_str()).collect::<Vec<_>>().join(" ")
    }

    fn text(&self, name: &str, label: &'static str, hint: &str, value: &str) -> Text {
        Text {
            name: name.to_owned(),
            id: format!("champ-{name}"),
            label,
            hint: hint.to_owned(),
            value: value.to_owned(),
            error: self.error(name),
            kind: "text",
            has_names: self.named.contains(&name),
        }
    }

    fn number(&self, name: &str, label: &'static str, hint: &str, value: &str) -> Text {
        Text { kind: "number", ..self.text(name, label, hint, value) }
    }

    fn words<W: Word>(
        &self,
        (name, path): (&'static str, &str),
        all: &[W],
        chosen: &[String],
        has_help: bool,
    ) -> Choices {
        let is_chosen = |word: W| chosen.contains(&value_of(word));
        // A retired word can be kept, but not newly chosen.
        let shown = all.iter().filter(|word| word.term().open || is_chosen(**word));
        Choices {
            name,
            label: field_label(path),
            hint: String::new(),
            error: self.error(name),
            words: shown.map(|word| choice(*word, is_chosen(*word), has_help)).collect(),
        }
    }

    fn counts<W: Word>(&self, (name, path): (&'static str, &str), values: &[String]) -> Counts {
        let counts = W::ALL.iter().zip(values);
        Counts {
            name,
            label: field_label(path),
            hint: "Ensemble, ils font le nombre de participants.",
            error: self.error(name),
            fields: counts
                .map(|(word, value)| self.number(&count_name(name, *word), word.term().label, "", value))
                .collect(),
        }
    }

    fn organisations(&self, typed: &Typed, shown: usize) -> Vec<(usize, Text, Text)> {
        let empty = (String::new(), String::new());
        let rows = typed.organisations.iter().chain(std::iter::repeat(&empty)).take(shown);
        let row = |(row, (name, people)): (usize, &(String, String))| {
            let name_field = self.text(&format!("organisme-{row}"), "Structure", "", name);
            let people_field = self.number(&format!("organisme-personnes-{row}"), "Personnes", "", people);
            (
                row,
                Text { name: "organisme".to_owned(), ..name_field },
                Text { name: "organisme-personnes".to_owned(), ..people_field },
            )
        };
        (1..).zip(rows).map(row).collect()
    }
}

fn choice<W: Word>(word: W, is_chosen: bool, has_help: bool) -> Choice {
    let term = word.term();
    Choice {
        value: value_of(word),
        label: term.label.to_owned(),
        help: if has_help { term.help.to_owned() } else { String::new() },
        is_chosen,
        parts: Vec::new(),
    }
}

/// A bound or a default of the rules, as a text.
fn limit(name: &str) -> String {
    limits().into_iter().find(|(known, _)| *known == name).map(|(_, value)| value).unwrap_or_default()
}

impl Form {
    /// Renders the form with the typed values and the faults. `rows` is the number of additional organisations. The
    /// browser can complete names in the fields of `named`.
    pub(super) fn new(
        typed: &Typed,
        communes: &[places::Choice],
        problems: &[Problem],
        rows: usize,
        named: &[&'static str],
    ) -> Self {
        let make = Maker { problems, named };
        let (long, step) = (DurationBand::OneHourOrMore.term().label, limit("duration.minutes.step"));
        let minutes = format!(
            "Facultatives, avec « {long} » : de {} à {}, de {step} en {step}.",
            limit("duration.minutes.min"),
            limit("duration.minutes.max"),
        );
        Self {
            advisor: make.text(
                "conseiller",
                field_label("cra.advisor_id"),
                "Votre identifiant.",
                &typed.advisor,
            ),
            structure: make.text(
                "structure",
                field_label("cra.structure_id"),
                "L'identifiant de la structure qui vous emploie.",
                &typed.structure,
            ),
            place: make.place(typed, communes),
            activity: make.words(("activite", "cra.activity"), Activity::ALL, one(&typed.activity), true),
            people: make.people(typed),
            subjects: make.subjects(typed),
            duration: make.words(("duree", "cra.duration"), DurationBand::ALL, one(&typed.duration), false),
            minutes: make.number("minutes", MINUTES, &minutes, &typed.minutes),
            next: make.next(typed, rows),
        }
    }
}

fn one(text: &String) -> &[String] {
    std::slice::from_ref(text)
}

impl Maker<'_> {
    fn place(&self, typed: &Typed, communes: &[places::Choice]) -> Place {
        let date = self.text("date", field_label("cra.date"), "Laissée vide : aujourd'hui.", &typed.date);
        // An HTML date field cannot show a text that is not a day.
        let is_day = typed.date.is_empty() || parse_day(&typed.date).is_some();
        let venue =
            format!("Facultatif, avec le canal « {} » : son identifiant.", Channel::Venue.term().label);
        let communes = communes.iter().map(|it| Choice {
            value: it.value.clone(),
            label: it.text.clone(),
            help: it.detail.clone(),
            is_chosen: it.value == typed.chosen,
            parts: Vec::new(),
        });
        Place {
            date: Text { kind: if is_day { "date" } else { "text" }, ..date },
            commune: self.text(
                "commune",
                field_label("cra.place.commune_code"),
                "Son nom ou son code postal, par exemple Quimper ou 29000.",
                &typed.commune,
            ),
            chosen: typed.chosen.clone(),
            chosen_for: typed.chosen_for.clone(),
            communes: communes.collect(),
            channel: self.words(("canal", "cra.place.channel"), Channel::ALL, one(&typed.channel), true),
            venue: self.text("lieu", field_label("cra.place.venue_id"), &venue, &typed.venue),
        }
    }

    fn people(&self, typed: &Typed) -> People {
        let participants = format!(
            "Laissé vide : {} pour un atelier collectif, {} sinon.",
            limit("participants.workshop.default"),
            limit("participants.one_off.default")
        );
        People {
            participants: self.number(
                "participants",
                field_label("cra.participants"),
                &participants,
                &typed.participants,
            ),
            defaults: defaults(),
            returning: self.number(
                "deja",
                field_label("cra.returning_participants"),
                "Parmi les participants, ceux que vous aviez rencontrés auparavant.",
                &typed.returning,
            ),
            ages: self.counts::<AgeBand>(("age", "cra.ages"), &typed.ages),
            statuses: self.counts::<Status>(("statut", "cra.statuses"), &typed.statuses),
        }
    }

    fn subjects(&self, typed: &Typed) -> Subjects {
        let mut themes = self.words(("theme", "cra.themes"), &Theme::FORM_ORDER, &typed.themes, true);
        themes.hint.push_str("Une ou plusieurs.");
        for choice in &mut themes.words {
            let parts = SubTheme::ALL.iter().filter(|part| value_of(part.theme()) == choice.value);
            let part = |it: &SubTheme| self::choice(*it, typed.sub_themes.contains(&value_of(*it)), false);
            choice.parts = parts.map(part).collect();
        }
        let annotation = format!(
            "Facultative, de {} à {} caractères. Jamais de nom, de numéro ni d'adresse d'une personne.",
            limit("annotation.characters.min"),
            limit("annotation.characters.max")
        );
        Subjects {
            themes,
            sub_themes_error: self.error("sous-theme"),
            annotation: self.text("precision", field_label("cra.annotation"), &annotation, &typed.annotation),
        }
    }

    fn next(&self, typed: &Typed, rows: usize) -> Next {
        let shown = (typed.organisations.len() + rows).clamp(ORGANISATIONS_SHOWN, ORGANISATIONS_MAX);
        let planned = |name, code, value| {
            let defined = definition("follow_up", code);
            let (label, meaning) = defined.map_or(("", ""), |it| (it.label, it.meaning));
            self.number(name, label, meaning, value)
        };
        Next {
            error: self.error("suite"),
            individual: planned("suite-individuel", "individual", &typed.individual),
            workshop: planned("suite-atelier", "workshop", &typed.workshop),
            organisations: self.organisations(typed, shown),
            known: Organisation::ALL.iter().map(|it| (it.term().label, it.term().help)).collect(),
            may_add: shown < ORGANISATIONS_MAX,
        }
    }
}

/// Default number of people, by the value of the activity.
fn defaults() -> Vec<(String, String)> {
    let default = |activity: &Activity| match activity {
        Activity::Workshop => limit("participants.workshop.default"),
        Activity::Individual => limit("participants.individual.default"),
        Activity::OneOff => limit("participants.one_off.default"),
    };
    Activity::ALL.iter().map(|activity| (value_of(*activity), default(activity))).collect()
}

/// Name of a field in a summary of faults: `Tranches d'âge, Plus de 60 ans` for a part of a group; empty for the whole
/// form.
pub(super) fn name_of(field: &str) -> String {
    if let Some((_, label)) = FIELD_LABELS.iter().find(|(path, _)| field_of_path(path) == field) {
        return (*label).to_owned();
    }
    let ages = AgeBand::ALL.iter().map(|it| (count_name("age", *it), "cra.ages", it.term().label));
    let statuses = Status::ALL.iter().map(|it| (count_name("statut", *it), "cra.statuses", it.term().label));
    if let Some((_, path, label)) = ages.chain(statuses).find(|(name, ..)| name == field) {
        return format!("{}, {label}", field_label(path));
    }
    let name = match field {
        "minutes" => MINUTES,
        "suite" => rubric_of_follow_up(),
        "motif" => "Motif",
        field if field.starts_with("organisme") => field_label("cra.follow_up.redirections"),
        _ => "",
    };
    name.to_owned()
}

/// The field of the reason of a correction or a withdrawal.
pub(crate) fn reason_field(of: &str, typed: &str, error: String) -> Text {
    Text {
        name: "motif".to_owned(),
        id: "champ-motif".to_owned(),
        label: "Motif",
        hint: format!(
            "Celui {of}, de {} à {} caractères. Il reste dans l'historique.",
            limit("reason.characters.min"),
            limit("reason.characters.max")
        ),
        value: typed.to_owned(),
        error,
        kind: "text",
        has_names: false,
    }
}

/// Title of the section of the follow-up.
pub(super) fn rubric_of_follow_up() -> &'static str {
    definition("follow_up", "individual").map_or("", Definition::rubric)
}
