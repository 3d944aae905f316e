//! Random histories: submissions of today's form, documents of older ones, corrections, withdrawals, events out of
//! turn.

use cra_contracts::v1;
use cra_contracts::v1::cra_event::Fact;
use cra_contracts::v1::redirection::Organisation as Recipient;
use cra_domain::event::timestamp_message;
use jiff::{SignedDuration, Timestamp, civil::Date};
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use serde_json::{Value, json};
use uuid::Uuid;

/// Two of them differ only by case: equal labels in the collation, different codes.
const ADVISORS: [&str; 4] = ["conseiller-1", "Conseiller-1", "conseiller-2", "conseiller-3"];
const STRUCTURES: [&str; 2] = ["structure-1", "structure-2"];
const VENUES: [&str; 2] = ["lieu-1", "lieu-2"];
/// Code, postal code and a name that leads to it: arrondissements, a delegated and a former code, overseas, a territory
/// without postal codes.
const PLACES: [(&str, &str, &str); 10] = [
    ("75101", "75001", "PARIS 01"),
    ("75056", "75012", "PARIS"),
    ("69381", "69001", "LYON 01"),
    ("42218", "42000", "ST ETIENNE"),
    ("01120", "01120", "CORDIEUX"),
    ("01003", "01090", "Francheleins"),
    ("97411", "97417", "SAINT DENIS"),
    ("98735", "98714", "PAPEETE"),
    ("98818", "98800", "NOUMEA"),
    ("98412", "", ""),
];
/// Spellings of known organisations and of others.
const NAMES: [&str; 7] = ["CAF", "caf", "Pole  emploi", "Emmaüs", "EMMAUS", "emmaus", "Asso. locale"];
const TODAYS_THEMES: [i32; 7] = [1, 2, 3, 7, 10, 13, 15];
const OLDER_THEMES: [&str; 6] =
    ["smartphone", "autre", "courriel", "internet", "equipement informatique", "demarche en ligne"];

pub(super) fn day() -> impl Strategy<Value = Date> {
    let first = jiff::civil::date(2023, 12, 20);
    (0..30_i64).prop_map(move |days| first.checked_add(SignedDuration::from_hours(24 * days)).unwrap())
}

/// Time of recording relative to the day: sometimes before it, mostly within two days.
fn recorded() -> impl Strategy<Value = SignedDuration> {
    prop_oneof![4 => -14..50_i64, 1 => -30..1_500_i64].prop_map(SignedDuration::from_hours)
}

fn after(day: Date, lag: SignedDuration) -> Timestamp {
    day.to_zoned_datetime(jiff::tz::TimeZone::UTC).unwrap().timestamp() + lag
}

/// A number of people, distributed over five values.
fn spread(participants: u32) -> impl Strategy<Value = [u32; 5]> {
    vec(0..5_usize, participants as usize).prop_map(|people| {
        let mut counts = [0; 5];
        for value in people {
            counts[value] += 1;
        }
        counts
    })
}

fn some_of<T: Clone + std::fmt::Debug + 'static>(
    all: &[T],
    max: usize,
) -> impl Strategy<Value = Vec<T>> + use<T> {
    subsequence(all.to_vec(), 0..=max.min(all.len()))
}

fn organisation() -> impl Strategy<Value = Option<Recipient>> {
    prop_oneof![
        (1..=20_i32).prop_map(|number| Some(Recipient::Known(number))),
        Just(Some(Recipient::Known(3))),
        select(&NAMES[..]).prop_map(|name| Some(Recipient::Other(name.into()))),
    ]
}

fn duration() -> impl Strategy<Value = v1::Duration> {
    prop_oneof![
        (1..=3_i32).prop_map(|band| v1::Duration { band, minutes: None }),
        (4..=32_u32).prop_map(|quarters| v1::Duration { band: 3, minutes: Some(15 * quarters) }),
    ]
}

prop_compose! {
    fn place()((commune_code, postal_code, _) in select(&PLACES[..]), channel in 1..=4_i32, venue in select(&VENUES[..]))
        -> v1::Place {
        let venue_id = if channel == 1 { venue.to_owned() } else { String::new() };
        v1::Place { channel, commune_code: commune_code.into(), postal_code: postal_code.into(), venue_id }
    }
}

prop_compose! {
    fn follow_up()(individual in 0..3_u32, workshop in 0..3_u32, to in vec((organisation(), 1..4_u32), 0..4))
        -> v1::FollowUp {
        let message = |(organisation, people)| v1::Redirection { organisation, people };
        v1::FollowUp { individual, workshop, redirections: to.into_iter().map(message).collect() }
    }
}

fn people() -> impl Strategy<Value = (i32, u32, [u32; 5], [u32; 5], u32)> {
    (1..=3_i32, 2..12_u32).prop_flat_map(|(activity, people)| {
        let people = if activity == 1 { people } else { 1 };
        (Just(activity), Just(people), spread(people), spread(people), 0..=people)
    })
}

prop_compose! {
    fn cra()(
        who in (select(&ADVISORS[..]), select(&STRUCTURES[..])),
        date in day(),
        place in place(),
        (activity, participants, a, s, returning_participants) in people(),
        themes in some_of(&TODAYS_THEMES, 4),
        sub_themes in some_of(&[1, 2, 4, 7, 8], 2),
        duration in duration(),
        follow_up in weighted(0.6, follow_up()),
    ) -> v1::Cra {
        v1::Cra {
            advisor_id: who.0.into(),
            structure_id: who.1.into(),
            date: date.to_string(),
            place: Some(place),
            activity,
            participants: Some(participants),
            returning_participants,
            ages: Some(v1::AgeCounts {
                under_12: a[0], from_12_to_18: a[1], from_18_to_35: a[2], from_35_to_60: a[3], over_60: a[4],
            }),
            statuses: Some(v1::StatusCounts {
                student: s[0], unemployed: s[1], employed: s[2], retired: s[3], unspecified_or_mixed: s[4],
            }),
            themes,
            sub_themes,
            annotation: String::new(),
            duration: Some(duration),
            follow_up,
        }
    }
}

/// Channel, activity, themes and duration in the older forms' vocabulary.
fn words() -> impl Strategy<Value = (&'static str, &'static str, Vec<&'static str>, Value)> {
    (
        select(vec!["rattachement", "autre lieu", "autre", "distance", "domicile"]),
        select(vec!["collectif", "individuel", "ponctuel"]),
        some_of(&OLDER_THEMES, 4),
        select(vec![
            json!("0-30"),
            json!("30-60"),
            json!("90"),
            json!(45),
            json!(240),
            json!("?"),
            Value::Null,
        ]),
    )
}

/// A document of an older form, and its form; omissions and mistakes are for the upcasters to repair.
fn document() -> impl Strategy<Value = (u32, Value)> {
    let who = (select(&ADVISORS[..]), select(&STRUCTURES[..]), select(&PLACES[..9]), 1..=3_u32);
    let what = words();
    let counts = (weighted(0.8, 1..9_u32), 0..4_u32, spread(3), spread(3), [0..3_u32, 0..3, 0..3]);
    let next = (select(&NAMES[..]), 1..3_u32, any::<bool>());
    (who, day(), recorded(), what, counts, next).prop_map(|(who, day, lag, what, counts, next)| {
        let (advisor, structure, (code, postal_code, name), form) = who;
        let (channel, activity, themes, duration) = what;
        let (participants, returning, a, s, [individual, workshop, redirection]) = counts;
        let mut cra = json!({
            "codePostal": postal_code, "nomCommune": name, "canal": channel, "activite": activity,
            "nbParticipants": participants, "themes": themes, "duree": duration,
        });
        if form == 1 {
            cra["age"] = json!(["-12", "12-18", "+60", "?"][a[0] as usize % 4]);
            cra["statut"] = json!(["etudiant", "sans emploi", "retraite"][s[0] as usize % 3]);
            cra["accompagnement"] =
                json!([None, Some("individuel"), Some("redirection")][individual as usize]);
        } else {
            cra["nbParticipantsRecurrents"] = json!(returning);
            cra["age"] =
                json!({"moins12ans": a[0], "de12a18ans": a[1], "de18a35ans": a[2], "plus60ans": a[4]});
            cra["statut"] =
                json!({"etudiant": s[0], "sansEmploi": s[1], "retraite": s[3], "heterogene": s[4]});
            cra["dateAccompagnement"] = json!(after(day, SignedDuration::from_hours(11)).to_string());
            cra["accompagnement"] =
                json!({"individuel": individual, "atelier": workshop, "redirection": redirection});
            let (name, people, named) = next;
            cra["organisme"] = json!(named.then_some(name));
            cra["organismes"] =
                if named { json!([{name: people}, {"Asso. locale": 1}]) } else { Value::Null };
        }
        if form == 3 {
            cra["codeCommune"] = json!(code);
            cra["sousThemes"] = json!([{"equipement informatique": ["tablette"]}, {"annotation": ["ameli"]}]);
        }
        let created_at = after(day, lag).to_string();
        let conseiller = json!({"$oid": advisor});
        (form, json!({"createdAt": created_at, "conseiller": conseiller, "structure": structure, "cra": cra}))
    })
}

/// The next step, for one of the existing CRAs.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Submit(Box<v1::Cra>, SignedDuration, bool),
    Import(u32, Value),
    /// A later version of an older document.
    Update(Index, u32, Value),
    Correct(Index, Box<v1::Cra>, bool),
    Withdraw(Index),
    /// A correction of a revision other than the current one: every reader parks it.
    OutOfTurn(Index, Box<v1::Cra>),
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (cra(), recorded(), any::<bool>()).prop_map(|(cra, lag, defaulted)| Step::Submit(cra.into(), lag, defaulted)),
        3 => document().prop_map(|(form, document)| Step::Import(form, document)),
        1 => (any::<Index>(), document()).prop_map(|(which, (form, document))| Step::Update(which, form, document)),
        3 => (any::<Index>(), cra(), any::<bool>())
            .prop_map(|(which, cra, defaulted)| Step::Correct(which, cra.into(), defaulted)),
        1 => any::<Index>().prop_map(Step::Withdraw),
        1 => (any::<Index>(), cra()).prop_map(|(which, cra)| Step::OutOfTurn(which, cra.into())),
    ]
}

fn participants_if(defaulted: bool) -> Vec<String> {
    if defaulted { vec!["cra.participants".to_owned()] } else { vec![] }
}

fn submitted(cra: v1::Cra, defaulted: bool) -> Fact {
    let (cra, defaulted_fields) = (Some(cra), participants_if(defaulted));
    Fact::Submitted(v1::CraSubmitted { cra, defaulted_fields })
}

fn imported(n: u128, form_version: u32, document: &Value) -> Fact {
    let (legacy_id, document) = (n.to_string(), document.to_string().into());
    Fact::Imported(v1::LegacyCraImported { legacy_id, form_version, document })
}

fn corrected(cra: v1::Cra, defaulted: bool) -> Fact {
    let (reason, defaulted_fields) = ("erreur de saisie".to_owned(), participants_if(defaulted));
    Fact::Corrected(v1::CraCorrected { cra: Some(cra), reason, defaulted_fields })
}

/// The events of a history: each CRA's revisions are consecutive, except those out of turn.
pub(super) fn events(steps: Vec<Step>) -> Vec<v1::CraEvent> {
    let mut cras: Vec<(Uuid, u64, bool)> = Vec::new();
    let mut events = Vec::new();
    for (n, step) in (1_u128..).zip(steps) {
        let cra_id = Uuid::from_u128(1 << 96 | n);
        let noon = "2024-02-01T12:00:00Z".parse().unwrap();
        let (revision, recorded_at, (cra_id, fact)) = match step {
            Step::Submit(cra, lag, defaulted) => {
                let recorded_at = after(cra.date.parse().unwrap(), lag);
                cras.push((cra_id, 1, false));
                (1, recorded_at, (cra_id, submitted(*cra, defaulted)))
            }
            Step::Import(form_version, document) => {
                cras.push((cra_id, 1, false));
                (1, noon, (cra_id, imported(n, form_version, &document)))
            }
            _ if cras.is_empty() => continue,
            Step::Update(which, form_version, document) => {
                let (cra_id, revision, withdrawn) = which.get_mut(&mut cras);
                let next = *revision + 1;
                *revision += u64::from(!*withdrawn);
                (next, noon, (*cra_id, imported(n, form_version, &document)))
            }
            Step::Correct(which, cra, defaulted) => {
                let (cra_id, revision, withdrawn) = which.get_mut(&mut cras);
                // Correcting a withdrawn CRA is out of turn too.
                let next = *revision + 1;
                *revision += u64::from(!*withdrawn);
                (next, noon, (*cra_id, corrected(*cra, defaulted)))
            }
            Step::Withdraw(which) => {
                let (cra_id, revision, withdrawn) = which.get_mut(&mut cras);
                let next = *revision + 1;
                *revision += u64::from(!*withdrawn);
                *withdrawn = true;
                let reason = "doublon".to_owned();
                (next, noon, (*cra_id, Fact::Withdrawn(v1::CraWithdrawn { reason })))
            }
            Step::OutOfTurn(which, cra) => {
                let (cra_id, revision, _) = which.get(&cras);
                (*revision, noon, (*cra_id, corrected(*cra, false)))
            }
        };
        events.push(v1::CraEvent {
            event_id: Uuid::from_u128(2 << 96 | n).to_string(),
            cra_id: cra_id.to_string(),
            revision,
            recorded_at: Some(timestamp_message(recorded_at)),
            origin: None,
            fact: Some(fact),
            moved: false,
            forgotten: None,
        });
    }
    events
}
