//! `/`: the figures of a selection.

mod ask;
mod chart;
mod cross;
mod filters;
mod map;
mod tables;
mod words;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use cra_contracts::v1::{self, Dimension};
use cra_domain::definitions::{definition, heading};
use cra_domain::event::timestamp;
use cra_domain::french;
use cra_domain::selection::period;
use cra_runtime::rejection;
use jiff::civil::Date;
use tonic::Code;

use self::ask::Answers;
use self::filters::Choice;
use self::tables::Table;
use self::words::{Change, is_hidden, meaning, percent};
use crate::address::{
    Address, At, BREAKDOWNS, COMPARED, Problem, QUERY_BYTES_MAX, Read, STEPS, View, field_of_path, word,
};
use crate::app::App;
use crate::appearance::Appearance;
use crate::fault::Fault;
use crate::files::{self, FileLink};
use crate::names::Names;
use crate::plain::{Frame, page};
use crate::redirect::see_other;

pub(crate) use self::filters::Filters;

/// The page; without figures if the address cannot be read or the services refuse it.
#[derive(Template)]
#[template(path = "figures/page.html")]
struct FiguresPage {
    frame: Frame,
    period: String,
    filters: Filters,
    problems: Vec<Problem>,
    live: Option<Live>,
    figures: Option<Figures>,
}

/// How a page of current figures can be followed.
struct Live {
    /// Address that starts or ends following.
    switch: String,
    /// Set if the page is already being followed.
    followed: Option<Followed>,
}

/// The stream that a followed page reads.
struct Followed {
    script: String,
    /// Address of the event stream.
    events: String,
    /// Address of the page.
    here: String,
}

/// The counted figures.
struct Figures {
    keys: Vec<Key>,
    balance: Option<Balance>,
    compared_with: Option<String>,
    chart: Option<chart::Chart>,
    steps: Vec<Choice>,
    tables: Vec<Table>,
    territories: Table,
    breakdowns: Vec<Choice>,
    /// Number of hidden rows, and the address that shows more; empty if all are shown.
    more: String,
    more_rows: String,
    map: Option<map::Map>,
    cross: Option<cross::Cross>,
    delay: Vec<Key>,
    files: Vec<FileLink>,
    /// Address of the counted CRAs; empty for public figures.
    cras: String,
    state: Shown,
    rounded_to: u64,
    position: u64,
}

/// A figure with its meaning.
struct Key {
    label: &'static str,
    value: String,
    note: String,
    meaning: &'static str,
    change: Option<Change>,
}

/// The activities and the people of the selection, side by side.
struct Balance {
    acts: String,
    people: String,
    returning: String,
    people_bar: String,
    acts_meaning: &'static str,
    meaning: &'static str,
}

/// The state of the log that the page shows.
struct Shown {
    text: String,
    /// Permanent address of these figures; empty for public figures.
    permanent: String,
    /// Address of the current figures; empty if the page shows them.
    now: String,
    definitions: String,
}

/// `GET /`.
pub(crate) async fn show(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let query = query.unwrap_or_default();
    let today = crate::address::today();
    if query.len() > QUERY_BYTES_MAX {
        let problem = Problem {
            field: "",
            found: String::new(),
            message: "Cette adresse est trop longue : choisissez moins de valeurs.".to_owned(),
        };
        return Ok(refused(&Address::default(), vec![problem], today, &app.names()));
    }
    let names = app.names();
    let Read { address, problems } = Read::of(&query, &names);
    if !problems.is_empty() {
        return Ok(refused(&address, problems, today, &names));
    }
    if address.query() != query {
        return see_other(&address.link());
    }
    let clients = app.services().projection(&headers)?;
    match Box::pin(app.within(ask::answers(&clients, &address, today))).await {
        Ok(answers) => Ok(page(&FiguresPage {
            frame: Frame {
                is_public: answers.snapshot.publication.is_some(),
                ..Frame::new("Statistiques", "/")
            },
            period: capitalized(&period(&address.selection)),
            filters: Filters::of(&address, &[], today, "/", &names),
            problems: Vec::new(),
            live: live(&address, &answers.snapshot),
            figures: Some(figures(&address, &answers, &names)),
        })),
        Err(Fault::Refused(status)) if status.code() == Code::InvalidArgument => {
            Ok(refused(&address, problems_of(&status), today, &names))
        }
        Err(fault) => Err(fault),
    }
}

/// The page with the form only, and the faults at their fields.
fn refused(address: &Address, problems: Vec<Problem>, today: Date, names: &Names) -> Response {
    let shown = FiguresPage {
        frame: Frame::new("Sélection à corriger", "/"),
        period: capitalized(&period(&address.selection)),
        filters: Filters::of(address, &problems, today, "/", names),
        problems,
        live: None,
        figures: None,
    };
    (StatusCode::BAD_REQUEST, page(&shown)).into_response()
}

/// The faults that a service found in a selection, each with its parameter.
pub(crate) fn problems_of(status: &tonic::Status) -> Vec<Problem> {
    let violations = rejection::violations_of(status);
    let mut problems: Vec<_> = violations
        .into_iter()
        .map(|violation| Problem {
            field: field_of_path(&violation.field).unwrap_or(""),
            found: String::new(),
            message: match violation.localized_message {
                french if french.is_empty() => violation.description,
                french => french,
            },
        })
        .collect();
    if problems.is_empty() {
        let french = rejection::french_of(status);
        let message = french.unwrap_or_else(|| "La sélection a été refusée.".to_owned());
        problems.push(Problem { field: "", found: String::new(), message });
    }
    problems
}

pub(crate) fn capitalized(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

fn figures(address: &Address, answers: &Answers, names: &Names) -> Figures {
    let Answers { statistics, snapshot, former, series, breakdown, departments, cross } = answers;
    let is_public = snapshot.publication.is_some();
    let former_statistics = former.as_ref().map(|(_, statistics)| statistics);
    let mut tables = tables::breakdowns(address, statistics, former_statistics);
    tables.extend(tables::time_spent(statistics, former_statistics));
    tables.extend(tables::follow_up(statistics, former_statistics));
    tables.extend(tables::redirections(statistics, former_statistics));
    let (by, rows) = breakdown;
    let shown = rows.rows.len() as u64;
    let has_more = rows.total_rows > shown;
    Figures {
        keys: keys(statistics, former_statistics),
        balance: balance(statistics),
        compared_with: former.as_ref().map(|(other, _)| {
            let selection = v1::Selection {
                from: other.from().to_string(),
                to: other.to().to_string(),
                ..Default::default()
            };
            let label = COMPARED.iter().find(|(it, ..)| address.view.compare == Some(*it));
            format!("{}, {}", label.map_or("", |(_, _, label)| label), period(&selection))
        }),
        chart: chart::chart(series.0, &series.1),
        steps: steps(address.view.step.map(|_| series.0), is_public),
        tables,
        territories: tables::rows(address, *by, rows, names),
        breakdowns: by_choices(*by, is_public),
        more: if has_more {
            address.with(|it| it.view.rows = it.view.rows.saturating_mul(10))
        } else {
            String::new()
        },
        more_rows: format!(
            "{} sur {}",
            french::thousands(shown),
            french::counted(rows.total_rows, "ligne", "lignes")
        ),
        map: map::map(departments),
        cross: (!is_public).then(|| cross::cross(address, cross.as_ref())),
        delay: delay(statistics),
        files: if is_public { Vec::new() } else { files::links(address, snapshot, series.0, *by) },
        cras: if is_public { String::new() } else { cras_link(address, snapshot) },
        state: state(address, snapshot),
        rounded_to: statistics.rounded_to,
        position: snapshot.position,
    }
}

/// `None` for past figures, and for public ones, which change once a month.
fn live(address: &Address, snapshot: &v1::Snapshot) -> Option<Live> {
    if snapshot.publication.is_some() {
        return None;
    }
    match address.at {
        At::Position { .. } | At::Day(_) => None,
        At::Now => Some(Live { switch: address.with(|it| it.at = At::Live), followed: None }),
        At::Live => {
            let selection = Address { selection: address.selection.clone(), ..Address::default() };
            let followed = Followed {
                script: Appearance::current().live_script.clone(),
                events: filters::at_path(&selection.link(), "/direct"),
                here: address.link(),
            };
            Some(Live { switch: address.with(|it| it.at = At::Now), followed: Some(followed) })
        }
    }
}

fn key(code: &'static str, value: u64, note: String, former: Option<u64>) -> Key {
    Key {
        label: definition("headline", code).map_or("", |it| it.label),
        value: french::thousands(value),
        note,
        meaning: meaning("headline", code),
        change: former.map(|former| Change::of(value, former)),
    }
}

fn keys(statistics: &v1::Statistics, former: Option<&v1::Statistics>) -> Vec<Key> {
    type Value = fn(&v1::Statistics) -> u64;
    const KEYS: [(&str, Value); 6] = [
        ("cras", |it| it.cras),
        ("acts", |it| it.acts),
        ("people", |it| it.people),
        ("workshops", |it| it.workshops),
        ("individual_supports", |it| it.individual_supports),
        ("one_off_requests", |it| it.one_off_requests),
    ];
    let note = |code: &str| match code {
        "workshops" if !is_hidden(statistics, "workshop_participants") => {
            let participants =
                french::counted(statistics.workshop_participants, "participant", "participants");
            match statistics.workshops_with_defaulted_participants {
                0 => participants,
                defaulted => {
                    let defaulted = french::counted(defaulted, "atelier", "ateliers");
                    format!("{participants} ; {defaulted} à 5 participants par défaut")
                }
            }
        }
        _ => String::new(),
    };
    let shown = KEYS.iter().filter(|(code, _)| !is_hidden(statistics, code));
    shown.map(|(code, value)| key(code, value(statistics), note(code), former.map(value))).collect()
}

/// Compares activities and people; `None` if there are none, or if one of the two is hidden.
fn balance(statistics: &v1::Statistics) -> Option<Balance> {
    let hidden = ["acts", "people", "returning_people"].iter().any(|field| is_hidden(statistics, field));
    (statistics.acts > 0 && !hidden).then(|| Balance {
        acts: french::thousands(statistics.acts),
        people: french::thousands(statistics.people),
        returning: french::thousands(statistics.returning_people),
        people_bar: percent(statistics.people, statistics.acts),
        acts_meaning: meaning("headline", "acts"),
        meaning: meaning("headline", "returning_people"),
    })
}

fn delay(statistics: &v1::Statistics) -> Vec<Key> {
    let Some(delay) = statistics.entry_delay.filter(|_| !is_hidden(statistics, "entry_delay")) else {
        return Vec::new();
    };
    let key = |code: &'static str, value: u64| Key {
        label: definition("entry_delay", code).map_or("", |it| it.label),
        value: french::thousands(value),
        note: String::new(),
        meaning: meaning("entry_delay", code),
        change: None,
    };
    vec![
        key("median_days", delay.median_days.into()),
        key("p90_days", delay.p90_days.into()),
        key("same_day", delay.same_day),
    ]
}

/// `None` selects a length that fits the period.
fn steps(chosen: Option<v1::Granularity>, is_public: bool) -> Vec<Choice> {
    let is_published =
        |step: &v1::Granularity| !is_public || !matches!(step, v1::Granularity::Day | v1::Granularity::Week);
    let fitting =
        Choice { value: String::new(), label: "selon la période".to_owned(), is_chosen: chosen.is_none() };
    let steps = STEPS.iter().filter(|(step, ..)| is_published(step)).map(|(step, word, label)| Choice {
        value: (*word).to_owned(),
        label: (*label).to_owned(),
        is_chosen: Some(*step) == chosen,
    });
    std::iter::once(fitting).chain(steps).collect()
}

fn by_choices(chosen: Dimension, is_public: bool) -> Vec<Choice> {
    let is_published = |by: &Dimension| !is_public || matches!(by, Dimension::Region | Dimension::Department);
    let all = BREAKDOWNS.iter().filter(|(by, _)| is_published(by));
    all.map(|(by, _)| Choice {
        value: word(&BREAKDOWNS, *by).to_owned(),
        label: heading(*by).to_owned(),
        is_chosen: *by == chosen,
    })
    .collect()
}

/// Address of the counted CRAs, at the position that is shown.
fn cras_link(address: &Address, snapshot: &v1::Snapshot) -> String {
    let mut shown = Address { view: View::default(), ..address.clone() };
    if snapshot.position > 0 {
        shown.at = At::Position { position: snapshot.position, log: snapshot.log.clone() };
    }
    filters::at_path(&shown.link(), "/cra")
}

/// The state of the log that the page shows.
fn state(address: &Address, snapshot: &v1::Snapshot) -> Shown {
    let moment = |at: Option<&prost_types::Timestamp>| {
        timestamp("recorded_at", at).ok().map_or_else(String::new, french::moment)
    };
    if let Some(publication) = &snapshot.publication {
        let closed = moment(publication.closed_at.as_ref());
        return Shown {
            text: format!("Publication {}, arrêtée le {closed}.", publication.name),
            permanent: String::new(),
            now: String::new(),
            definitions: snapshot.definitions.clone(),
        };
    }
    let v1::Snapshot { position, log, recorded_at, .. } = snapshot;
    let at = At::Position { position: *position, log: log.clone() };
    let text = match recorded_at {
        Some(recorded_at) => format!(
            "Arrêté à la position {} du journal, enregistrée le {}.",
            french::thousands(*position),
            moment(Some(recorded_at))
        ),
        None => "Le journal est vide à ce moment.".to_owned(),
    };
    Shown {
        text,
        permanent: if *position == 0 || address.at == at {
            String::new()
        } else {
            address.with(|it| it.at = at)
        },
        now: if matches!(address.at, At::Now | At::Live) {
            String::new()
        } else {
            address.with(|it| it.at = At::Now)
        },
        definitions: snapshot.definitions.clone(),
    }
}
