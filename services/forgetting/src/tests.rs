//! Applies any rules to any log: every fact is equal except for what the rules cover, and nothing of that remains.

use cra_contracts::v1::{self, cra_event::Fact, redirection::Organisation};
use cra_domain::event::{Event, is_alias, is_neutral_name, record, timestamp_message};
use cra_domain::legacy;
use cra_eventlog::{LogEntry, LogIdentity, Position, StreamId};
use jiff::Timestamp;
use proptest::collection::vec;
use proptest::prelude::*;
use uuid::Uuid;

use crate::act::{Act, GrantedBy};
use crate::compare::Comparison;
use crate::figures::{Differs, Figures, Replaced};
use crate::names::Names;
use crate::plan::{Plan, Survey};
use crate::rewrite::Rewriter;
use crate::rules::Rules;

/// A document of each older form, as the older system stored it.
const DOCUMENTS: [&str; 6] = [
    include_str!("../../domain/src/legacy/golden/v1-individual.json"),
    include_str!("../../domain/src/legacy/golden/v1-workshop.json"),
    include_str!("../../domain/src/legacy/golden/v2-repaired.json"),
    include_str!("../../domain/src/legacy/golden/v2-workshop.json"),
    include_str!("../../domain/src/legacy/golden/v3-repaired.json"),
    include_str!("../../domain/src/legacy/golden/v3-workshop.json"),
];
/// Contained in every text that these tests plant.
const PLANTED: &str = "Dupont";

fn cra(advisor: u8, month: u8, names: &[u8]) -> v1::Cra {
    let redirections = names.iter().map(|name| v1::Redirection {
        // Two spellings of each name.
        organisation: Some(Organisation::Other(match name % 2 {
            0 => format!("Chez {PLANTED} {}", name / 2),
            _ => format!("CHEZ-{} {}", PLANTED.to_uppercase(), name / 2),
        })),
        people: 1,
    });
    v1::Cra {
        advisor_id: format!("conseiller-{advisor}"),
        date: format!("2024-{:02}-04", month + 1),
        annotation: format!("avec Mme {PLANTED}"),
        follow_up: Some(v1::FollowUp { redirections: redirections.collect(), ..v1::FollowUp::default() }),
        ..cra_fixtures::workshop(9)
    }
}

/// A document of an older form with planted texts in every field that can contain some.
fn document(form: usize, later: bool) -> String {
    let mut document: serde_json::Value = serde_json::from_str(DOCUMENTS[form]).unwrap();
    document["conseillerNom"] = format!("Mme {PLANTED}").into();
    document["cra"]["commentaire"] = PLANTED.into();
    document["cra"]["sousThemes"] = serde_json::json!([{ "annotation": [format!("chez {PLANTED}")] }]);
    document["cra"]["organismes"] = serde_json::json!({ format!("Chez {PLANTED} 0"): 1, "CAF": 1 });
    if later {
        document["updatedAt"] = "2025-01-01T00:00:00Z".into();
    }
    document.to_string()
}

/// A history of one CRA.
#[derive(Clone, Debug)]
enum Life {
    Submitted { advisor: u8, month: u8, names: Vec<u8> },
    Corrected { advisor: u8, month: u8 },
    Withdrawn,
    Imported { form: usize },
}

fn life() -> impl Strategy<Value = Life> {
    prop_oneof![
        (0..4_u8, 0..12_u8, vec(0..6_u8, 0..3)).prop_map(|(advisor, month, names)| Life::Submitted {
            advisor,
            month,
            names
        }),
        (0..4_u8, 0..12_u8).prop_map(|(advisor, month)| Life::Corrected { advisor, month }),
        Just(Life::Withdrawn),
        (0..6_usize).prop_map(|form| Life::Imported { form }),
    ]
}

/// A log of these events, on few CRAs.
fn log(lives: &[(u8, Life)]) -> Vec<LogEntry> {
    let mut revisions = std::collections::BTreeMap::<u8, u64>::new();
    let entries = (1..).zip(lives).map(|(position, (cra_number, life))| {
        let revision = revisions.entry(*cra_number).or_default();
        *revision += 1;
        let (cra_id, event_id) =
            (Uuid::from_u128(u128::from(*cra_number) + 1), Uuid::from_u128(position << 64));
        let fact = match life {
            Life::Submitted { advisor, month, names } => Fact::Submitted(v1::CraSubmitted {
                cra: Some(cra(*advisor, *month, names)),
                defaulted_fields: vec!["cra.participants".to_owned()],
            }),
            Life::Corrected { advisor, month } => Fact::Corrected(v1::CraCorrected {
                cra: Some(cra(*advisor, *month, &[])),
                reason: format!("vu avec Mme {PLANTED}, remplace conseiller-0."),
                ..v1::CraCorrected::default()
            }),
            Life::Withdrawn => {
                Fact::Withdrawn(v1::CraWithdrawn { reason: format!("demande de Mme {PLANTED}") })
            }
            Life::Imported { form } => Fact::Imported(v1::LegacyCraImported {
                legacy_id: format!("ancien-{cra_number}"),
                form_version: 3,
                document: document(*form, *revision > 1).into(),
            }),
        };
        let position = u64::try_from(position).unwrap();
        let event = v1::CraEvent {
            event_id: event_id.to_string(),
            cra_id: cra_id.to_string(),
            revision: *revision,
            recorded_at: {
                let days = i64::try_from(position).unwrap();
                Some(timestamp_message(Timestamp::from_second(1_700_000_000 + days * 86_400).unwrap()))
            },
            origin: Some(v1::Origin {
                client_id: "plateforme".to_owned(),
                subject: format!("compte-{PLANTED}"),
            }),
            fact: Some(fact),
            ..v1::CraEvent::default()
        };
        LogEntry {
            position: Position(position),
            stream: Some(StreamId(cra_id)),
            event_id: Some(event_id),
            payload: record::encode(&event),
            appended_at: Timestamp::UNIX_EPOCH,
            trace: None,
        }
    });
    entries.collect()
}

fn plan(rules: &Rules, log: &[LogEntry]) -> Plan {
    let mut survey = Survey::new(rules.clone());
    for entry in log {
        survey.observe(entry);
    }
    survey.finish()
}

fn names(plan: &Plan) -> Names {
    let (log, at) = (LogIdentity("log".to_owned()), "2026-11-27T10:00:00Z".parse().unwrap());
    let act = Act::without_token(GrantedBy::Folder, at);
    Names::draw(log, Position(0), String::new(), plan, (at, act)).unwrap()
}

fn forgotten(rules: &Rules, log: &[LogEntry]) -> (Vec<LogEntry>, Comparison) {
    let plan = plan(rules, log);
    let names = names(&plan);
    let rewriter = Rewriter { plan: &plan, names: &names };
    let mut comparison = Comparison::default();
    let new: Vec<_> = log
        .iter()
        .map(|entry| {
            let payload = rewriter.rewrite(entry).unwrap().unwrap_or_else(|| entry.payload.clone());
            let new = LogEntry { payload, ..entry.clone() };
            assert_eq!(rewriter.rewrite(&new), Ok(None), "nothing is left to be forgotten");
            comparison.pair(entry, &new).unwrap();
            new
        })
        .collect();
    comparison.finish(Position(0)).unwrap();
    (new, comparison)
}

fn holds(entry: &LogEntry, text: &str) -> bool {
    let bytes = entry.payload.to_ascii_lowercase();
    memchr::memmem::find(&bytes, text.to_lowercase().as_bytes()).is_some()
}

fn everything() -> Rules {
    let text = r#"
        texts_before = "2100-01-01"
        accounts_before = "2100-01-01"
        advisors_without_cra_since = "2100-01-01"
    "#;
    Rules::parse(text).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn nothing_that_the_rules_name_is_left_of_any_log(lives in vec((0..4_u8, life()), 1..20)) {
        let old = log(&lives);
        let (new, _) = forgotten(&everything(), &old);
        for entry in &new {
            prop_assert!(!holds(entry, PLANTED), "{:?}", String::from_utf8_lossy(&entry.payload));
            prop_assert!(!holds(entry, "conseiller-"), "{:?}", String::from_utf8_lossy(&entry.payload));
        }
    }

    #[test]
    fn any_rules_leave_every_other_fact_of_any_log_equal(
        lives in vec((0..4_u8, life()), 1..20),
        (texts, accounts, since) in (1..13_u8, 1..13_u8, 1..13_u8),
        (advisors, cras) in (vec(0..4_u8, 0..2), vec(0..4_u8, 0..2)),
    ) {
        let ids = |texts: Vec<String>| texts.iter().map(|text| format!("{text:?}")).collect::<Vec<_>>().join(",");
        let text = format!(
            "texts_before = \"2024-{texts:02}-01\"\naccounts_before = \"2024-{accounts:02}-01\"\n\
             advisors_without_cra_since = \"2024-{since:02}-01\"\nadvisors = [{}]\ncras = [{}]\n",
            ids(advisors.iter().map(|it| format!("conseiller-{it}")).collect()),
            ids(cras.iter().map(|it| Uuid::from_u128(u128::from(*it) + 1).to_string()).collect()),
        );
        let old = log(&lives);
        // `next` compares each event.
        let (new, mut comparison) = forgotten(&Rules::parse(&text).unwrap(), &old);
        prop_assert!(block_on(comparison.selections(Position::START, 1)).unwrap().is_ok());
        // Forgetting everything in two runs has the same result as in one, except for the random replacements.
        let (twice, _) = forgotten(&everything(), &new);
        let (once, _) = forgotten(&everything(), &old);
        for (twice, once) in twice.iter().zip(&once) {
            let lengths = |it: &LogEntry| (it.position, it.stream, it.event_id);
            prop_assert_eq!(lengths(twice), lengths(once));
            prop_assert!(!holds(twice, PLANTED));
        }
    }
}

#[test]
fn documents_of_each_form_read_as_before_but_for_what_was_forgotten() {
    for form in 0..DOCUMENTS.len() {
        let old = log(&[(0, Life::Imported { form })]);
        let (new, comparison) = forgotten(&everything(), &old);
        assert_eq!(comparison.rewritten.documents, 1);
        let upcast = |entry: &LogEntry| match Event::decode(&entry.payload).unwrap().fact {
            cra_domain::event::Fact::Imported { cra, created_at, .. } => (cra, created_at),
            other => panic!("{other:?}"),
        };
        let ((before, recorded), (after, still)) = (upcast(&old[0]), upcast(&new[0]));
        assert_eq!((recorded, before.date, before.ages), (still, after.date, after.ages));
        assert!(is_alias(after.advisor_id.as_str()) && after.annotation.is_empty());
        let stored = crate::plan::document_of(&new[0].payload).unwrap();
        let original = legacy::Document::parse(document(form, false).as_bytes()).unwrap();
        assert_eq!(stored.legacy_id(), original.legacy_id());
        assert_eq!(stored.version().written_at(), original.version().written_at());
    }
}

#[test]
fn a_name_that_other_cras_use_too_is_kept_and_counted() {
    let submitted = |month| Life::Submitted { advisor: 0, month, names: vec![0] };
    let rules = Rules::parse("texts_before = \"2024-06-01\"").unwrap();
    let old = log(&[(0, submitted(0)), (1, submitted(8))]);
    assert_eq!(plan(&rules, &old).names_kept, 1);
    let (new, comparison) = forgotten(&rules, &old);
    assert_eq!((comparison.rewritten.organisation_names, comparison.rewritten.annotations), (0, 1));
    assert!(holds(&new[0], "Chez Dupont 0") && !holds(&new[0], "avec Mme"));
    // The name of one CRA alone is not.
    let old = log(&[(0, submitted(0)), (1, Life::Submitted { advisor: 0, month: 8, names: vec![2] })]);
    let (new, comparison) = forgotten(&rules, &old);
    assert_eq!(comparison.rewritten.organisation_names, 1);
    assert!(!holds(&new[0], "Chez") && holds(&new[1], "Chez"));
}

#[test]
fn two_spellings_of_one_name_in_one_cra_stay_two_lines_of_one_organisation() {
    let old = log(&[(0, Life::Submitted { advisor: 0, month: 0, names: vec![0, 1] })]);
    let (new, comparison) = forgotten(&everything(), &old);
    assert_eq!(comparison.rewritten.organisation_names, 1);
    let event = Event::decode(&new[0].payload).unwrap();
    let cra_domain::event::Fact::Submitted { cra, .. } = event.fact else { panic!("no submission") };
    let names: Vec<_> = cra.redirections.iter().map(|it| format!("{:?}", it.recipient)).collect();
    assert_eq!(names.len(), 2);
    assert_ne!(names[0], names[1]);
    assert!(
        cra.redirections.iter().all(
            |it| matches!(&it.recipient, cra_domain::cra::Recipient::Other(name) if is_neutral_name(name))
        )
    );
}

#[test]
fn the_day_of_a_cra_is_that_of_its_last_content() {
    let submitted = Life::Submitted { advisor: 0, month: 0, names: vec![] };
    let old = log(&[(0, submitted), (0, Life::Corrected { advisor: 0, month: 8 }), (0, Life::Withdrawn)]);
    let (new, _) = forgotten(&Rules::parse("texts_before = \"2024-06-01\"").unwrap(), &old);
    assert!(new.iter().all(|entry| holds(entry, PLANTED)), "its last day is in September");
    let (new, comparison) = forgotten(&Rules::parse("texts_before = \"2024-10-01\"").unwrap(), &old);
    assert_eq!((comparison.rewritten.annotations, comparison.rewritten.reasons), (2, 2));
    assert!(new.iter().all(|entry| !holds(entry, "Mme")));
}

#[test]
fn an_event_with_fields_of_a_newer_version_is_not_rewritten() {
    let mut old = log(&[(0, Life::Withdrawn)]);
    let mut bytes = old[0].payload.to_vec();
    // Field 500, varint 1.
    bytes.extend([0xa0, 0x1f, 0x01]);
    old[0].payload = bytes.into();
    let plan = plan(&everything(), &old);
    let names = names(&plan);
    let error = Rewriter { plan: &plan, names: &names }.rewrite(&old[0]).unwrap_err();
    assert_eq!(error.0, Position(1));
}

fn content(event: &mut v1::CraEvent) -> &mut v1::Cra {
    match &mut event.fact {
        Some(Fact::Submitted(fact)) => fact.cra.as_mut().unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_differs_in_more_than_what_was_forgotten_is_found() {
    let old = log(&[
        (0, Life::Submitted { advisor: 0, month: 0, names: vec![0, 2] }),
        (1, Life::Submitted { advisor: 1, month: 0, names: vec![0] }),
    ]);
    let (new, _) = forgotten(&everything(), &old);
    let compared = |change: &dyn Fn(&mut v1::CraEvent)| {
        let mut comparison = Comparison::default();
        old.iter().zip(&new).try_for_each(|(old, new)| {
            let mut message = <v1::CraEvent as prost::Message>::decode(&*new.payload).unwrap();
            change(&mut message);
            comparison.pair(old, &LogEntry { payload: record::encode(&message), ..new.clone() })
        })?;
        comparison.finish(Position(2))
    };
    assert_eq!(compared(&|_| {}), Ok(()));
    let changes: [&dyn Fn(&mut v1::CraEvent); 12] = [
        &|event| content(event).participants = Some(8),
        &|event| content(event).annotation = format!("Mme {PLANTED}"),
        &|event| content(event).annotation = "autre".to_owned(),
        &|event| content(event).advisor_id = "conseiller-9".to_owned(),
        &|event| content(event).advisor_id = cra_domain::event::alias("0a"),
        &|event| content(event).structure_id = format!("compte-{PLANTED}"),
        &|event| content(event).follow_up.as_mut().unwrap().redirections.truncate(1),
        &|event| content(event).follow_up.as_mut().unwrap().redirections[0].people = 2,
        &|event| event.forgotten = None,
        &|event| event.origin.as_mut().unwrap().subject = "autre".to_owned(),
        &|event| event.revision += 1,
        &|event| match &mut event.fact {
            Some(Fact::Submitted(fact)) => fact.defaulted_fields.clear(),
            _ => panic!("no submission"),
        },
    ];
    for (i, change) in changes.iter().enumerate() {
        assert!(compared(change).is_err(), "change {i} was not found");
    }
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

/// Compares only the statistics of two logs.
fn statistics_of(old: &[LogEntry], new: &[LogEntry]) -> Result<(), Differs> {
    let mut figures = Figures::default();
    for (old, new) in old.iter().zip(new) {
        let events = Event::decode(&old.payload).ok().zip(Event::decode(&new.payload).ok());
        figures.add(old, events.as_ref().map(|(old, new)| (old, new)));
    }
    let none = hashbrown::HashMap::new();
    let replaced = Replaced { advisors: &none, organisations: &none };
    block_on(figures.compare(Position::START, 256, &replaced)).unwrap().map(|_| ())
}

#[test]
fn statistics_of_random_selections_find_every_figure_that_differs() {
    let lives: Vec<_> = (0..40_u8)
        .map(|number| Life::Submitted { advisor: number % 4, month: number % 12, names: vec![number % 6] })
        .collect();
    let corrected = Life::Corrected { advisor: 1, month: 2 };
    let lives = (0..).zip(lives).chain([(3, corrected), (4, Life::Withdrawn)]).collect::<Vec<_>>();
    let old = log(&lives);
    assert_eq!(statistics_of(&old, &old), Ok(()));
    let changes: [&dyn Fn(&mut v1::Cra); 9] = [
        &|cra| cra.participants = Some(8),
        &|cra| cra.returning_participants += 1,
        &|cra| cra.date = "2023-01-01".to_owned(),
        &|cra| cra.activity = v1::Activity::Individual.into(),
        &|cra| cra.themes = vec![v1::Theme::Internet.into()],
        &|cra| cra.place.as_mut().unwrap().channel = v1::Channel::Home.into(),
        &|cra| cra.advisor_id = "conseiller-9".to_owned(),
        &|cra| cra.follow_up.as_mut().unwrap().redirections[0].people = 2,
        &|cra| cra.follow_up.as_mut().unwrap().redirections.clear(),
    ];
    for (i, change) in changes.iter().enumerate() {
        let mut new = old.clone();
        let mut message = <v1::CraEvent as prost::Message>::decode(&*new[0].payload).unwrap();
        change(content(&mut message));
        new[0].payload = record::encode(&message);
        assert!(statistics_of(&old, &new).is_err(), "change {i} was not found");
    }
}

#[test]
fn events_that_a_projection_parks_count_in_no_statistics() {
    let submitted = || Life::Submitted { advisor: 0, month: 0, names: vec![] };
    let old = log(&[(0, submitted()), (0, submitted()), (1, Life::Withdrawn), (2, submitted())]);
    let mut new = old.clone();
    for position in [1, 2] {
        // They follow nothing that is recorded: whatever they say changes nothing.
        let mut message = <v1::CraEvent as prost::Message>::decode(&*new[position].payload).unwrap();
        message.revision += 7;
        new[position].payload = record::encode(&message);
    }
    assert_eq!(statistics_of(&old, &new), Ok(()));
}

/// Every text and key of a document, as JSON reads it.
fn decoded(value: &serde_json::Value, found: &mut String) {
    match value {
        serde_json::Value::String(text) => *found += text,
        serde_json::Value::Array(values) => values.iter().for_each(|value| decoded(value, found)),
        serde_json::Value::Object(fields) => {
            for (key, value) in fields {
                *found += key;
                decoded(value, found);
            }
        }
        _ => {}
    }
}

#[test]
fn no_spelling_and_no_field_of_a_document_hides_a_value() {
    for form in DOCUMENTS {
        let hidden = r#"{
            "\u0044upont": "D\u0075pont", "notes": [[{ "x": { "y": "DUPONT" } }]], "cra": { "texte": "Dupont" },
            "conseillerNom": "Dupont", "cra\u0000": ["Dupont"], "__v": { "$oid": "Dupont" }, "base64": "RHVwb250","#;
        // Also a key twice: the last one counts.
        let text = form.trim_start().replacen('{', hidden, 1);
        let mut old = log(&[(0, Life::Imported { form: 0 })]);
        let mut message = <v1::CraEvent as prost::Message>::decode(&*old[0].payload).unwrap();
        let Some(Fact::Imported(imported)) = &mut message.fact else { panic!("no import") };
        imported.document = text.into_bytes().into();
        old[0].payload = record::encode(&message);
        let (new, _) = forgotten(&everything(), &old);
        let message = <v1::CraEvent as prost::Message>::decode(&*new[0].payload).unwrap();
        let Some(Fact::Imported(imported)) = &message.fact else { panic!("no import") };
        let mut found = String::new();
        decoded(&serde_json::from_slice(&imported.document).unwrap(), &mut found);
        for text in ["dupont", "rhvwb250"] {
            assert!(!found.to_lowercase().contains(text), "{found}");
        }
        assert!(!holds(&new[0], PLANTED) && !holds(&new[0], "u0044"));
    }
}

#[test]
fn an_id_in_capitals_is_found_in_every_text() {
    let mut old = log(&[(0, Life::Submitted { advisor: 0, month: 8, names: vec![0] })]);
    let mut message = <v1::CraEvent as prost::Message>::decode(&*old[0].payload).unwrap();
    content(&mut message).annotation = "remplace CONSEILLER-0, absent".to_owned();
    old[0].payload = record::encode(&message);
    let (new, comparison) = forgotten(&Rules::parse("advisors = [\"conseiller-0\"]").unwrap(), &old);
    assert_eq!((comparison.rewritten.annotations, comparison.rewritten.advisors), (1, 1));
    assert!(!holds(&new[0], "conseiller-0"));
}
