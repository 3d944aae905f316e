//! Probable doubles: a few contents, in several spellings, recorded repeatedly by several clients within minutes.

use cra_contracts::v1;
use cra_contracts::v1::cra_event::Fact;
use cra_contracts::v1::redirection::Organisation as Recipient;
use cra_contracts::v1::statistics_service_server::StatisticsService as _;
use cra_domain::event::timestamp_message;
use jiff::{SignedDuration, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::json;
use tonic::Request;
use uuid::Uuid;

use super::{as_of, batches, cases, judge, position, some_events};
use crate::harness::{InProcess, workshop};
use cra_oracle as oracle;

const QUESTIONS: usize = 4;

/// One of a few contents; fields that only the record shows differ.
#[derive(Clone, Debug)]
struct Drawn {
    activity: i32,
    advisor: &'static str,
    organisation: &'static str,
    /// A former code, or today's.
    commune: &'static str,
    annotation: &'static str,
    themes_turned: bool,
}

impl Drawn {
    fn cra(&self) -> v1::Cra {
        let people = if self.activity == 1 { 2 } else { 1 };
        let mut themes = vec![3, 7];
        if self.themes_turned {
            themes.reverse();
        }
        let place = v1::Place {
            channel: 2,
            commune_code: self.commune.to_owned(),
            postal_code: "01300".to_owned(),
            venue_id: String::new(),
        };
        let organisation = Some(Recipient::Other(self.organisation.to_owned()));
        v1::Cra {
            advisor_id: self.advisor.to_owned(),
            date: "2024-03-04".to_owned(),
            activity: self.activity,
            annotation: self.annotation.to_owned(),
            place: Some(place),
            themes,
            follow_up: Some(v1::FollowUp {
                redirections: vec![v1::Redirection { organisation, people: 1 }],
                ..v1::FollowUp::default()
            }),
            ..workshop(people)
        }
    }
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let contents = (1..=3_i32, select(vec!["conseiller-1", "conseiller-1", "conseiller-2"]));
    let spellings = (
        select(vec!["Emmaüs", "EMMAUS", "emmaus", "Emmaüs", "La Poste"]),
        select(vec!["01015", "01015", "01340"]),
        select(vec!["", "ameli"]),
        any::<bool>(),
    );
    (contents, spellings).prop_map(
        |((activity, advisor), (organisation, commune, annotation, themes_turned))| Drawn {
            activity,
            advisor,
            organisation,
            commune,
            annotation,
            themes_turned,
        },
    )
}

#[derive(Clone, Debug)]
enum Step {
    Submit(Drawn),
    /// A document of an older form, written at a minute.
    Import(i64),
    Correct(Index, Drawn),
    Withdraw(Index),
}

fn step() -> impl Strategy<Value = (Step, i64, &'static str)> {
    let what = prop_oneof![
        8 => drawn().prop_map(Step::Submit),
        2 => (0..60_i64).prop_map(Step::Import),
        1 => (any::<Index>(), drawn()).prop_map(|(which, drawn)| Step::Correct(which, drawn)),
        1 => any::<Index>().prop_map(Step::Withdraw),
    ];
    // Mostly one client that enters one session after another.
    (what, 0..120_i64, select(vec!["platform-1", "platform-1", "platform-1", "platform-2", ""]))
}

fn minute(minute: i64) -> Timestamp {
    let morning: Timestamp = "2024-03-04T08:00:00Z".parse().unwrap();
    morning + SignedDuration::from_mins(minute)
}

fn document(written_at: i64) -> String {
    let document = json!({
        "createdAt": minute(written_at).to_string(),
        "conseiller": {"$oid": "conseiller-1"},
        "structure": {"$oid": "structure-1"},
        "cra": {
            "codePostal": "75001", "nomCommune": "PARIS 01", "canal": "domicile", "activite": "ponctuel",
            "nbParticipants": 1, "themes": ["courriel"], "duree": "0-30",
            "dateAccompagnement": "2024-03-04T08:00:00Z",
            "age": {"plus60ans": 1}, "statut": {"retraite": 1},
        },
    });
    document.to_string()
}

fn history() -> impl Strategy<Value = Vec<v1::CraEvent>> {
    let steps = (drawn(), vec(step(), 1..60)).prop_map(|(first, later)| {
        // A submission first, so that there is something to correct.
        let first = (Step::Submit(first), 0, "platform-1");
        std::iter::once(first).chain(later).collect::<Vec<_>>()
    });
    steps.prop_map(|steps| {
        let mut cras: Vec<(String, u64, bool)> = Vec::new();
        let mut events = Vec::new();
        for (n, (step, recorded_at, client_id)) in (1_u128..).zip(steps) {
            let (cra_id, revision, fact) = match step {
                Step::Submit(drawn) => {
                    let submitted = v1::CraSubmitted { cra: Some(drawn.cra()), defaulted_fields: vec![] };
                    (None, 1, Fact::Submitted(submitted))
                }
                Step::Import(written_at) => {
                    let (legacy_id, document) = (n.to_string(), document(written_at).into());
                    (None, 1, Fact::Imported(v1::LegacyCraImported { legacy_id, form_version: 3, document }))
                }
                Step::Correct(..) | Step::Withdraw(_) if cras.iter().all(|(_, _, withdrawn)| *withdrawn) => {
                    continue;
                }
                Step::Correct(which, drawn) => {
                    let (cra_id, revision) = next(which, &mut cras, false);
                    let (cra, reason) = (Some(drawn.cra()), "erreur de saisie".to_owned());
                    (
                        Some(cra_id),
                        revision,
                        Fact::Corrected(v1::CraCorrected { cra, reason, defaulted_fields: vec![] }),
                    )
                }
                Step::Withdraw(which) => {
                    let (cra_id, revision) = next(which, &mut cras, true);
                    (
                        Some(cra_id),
                        revision,
                        Fact::Withdrawn(v1::CraWithdrawn { reason: "doublon".to_owned() }),
                    )
                }
            };
            let cra_id = cra_id.unwrap_or_else(|| {
                let cra_id = Uuid::from_u128(1 << 96 | n).to_string();
                cras.push((cra_id.clone(), 1, false));
                cra_id
            });
            events.push(v1::CraEvent {
                event_id: Uuid::from_u128(2 << 96 | n).to_string(),
                cra_id,
                revision,
                recorded_at: Some(timestamp_message(minute(recorded_at))),
                origin: Some(v1::Origin { client_id: client_id.to_owned(), subject: String::new() }),
                fact: Some(fact),
                moved: false,
                forgotten: None,
            });
        }
        events
    })
}

/// The next revision of one of the current CRAs.
fn next(which: Index, cras: &mut [(String, u64, bool)], withdraws: bool) -> (String, u64) {
    let mut in_force: Vec<_> = cras.iter_mut().filter(|(_, _, withdrawn)| !withdrawn).collect();
    let (cra_id, revision, is_withdrawn) = &mut **which.get_mut(&mut in_force);
    *revision += 1;
    *is_withdrawn = withdraws;
    (cra_id.clone(), *revision)
}

/// All pages.
async fn listed(
    process: &InProcess,
    mut request: v1::ListLikelyDoublesRequest,
    at: usize,
) -> Vec<v1::LikelyDouble> {
    let mut listed = Vec::new();
    loop {
        let answer =
            process.service.list_likely_doubles(Request::new(request.clone())).await.unwrap().into_inner();
        assert_eq!(answer.snapshot.unwrap().position, at as u64);
        listed.extend(answer.doubles);
        request.page_token = answer.next_page_token;
        if request.page_token.is_empty() {
            return listed;
        }
    }
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn probable_doubles_follow_the_definition_at_any_position(
        events in prop_oneof![6 => history(), 1 => some_events(60)],
        sizes in batches(),
        questions in vec((any::<Index>(), any::<bool>(), 1..9_u32), QUESTIONS),
    ) {
        judge(async {
            let process = InProcess::new();
            process.apply(&events, &sizes);
            for (index, of_one, page_size) in questions {
                let at = position(index, &events);
                let advisor_ids = if of_one { vec!["conseiller-1".to_owned()] } else { vec![] };
                let selection = v1::Selection { advisor_ids, ..v1::Selection::default() };
                let (selected, consistency) = (Some(selection.clone()), Some(as_of(at)));
                let request = v1::ListLikelyDoublesRequest {
                    selection: selected, page_size, consistency, ..v1::ListLikelyDoublesRequest::default()
                };
                let expected = oracle::likely_doubles(&events[..at], &selection);
                prop_assert_eq!(listed(&process, request, at).await, expected, "as of {}", at);
            }
            Ok(())
        })?;
    }
}

#[test]
fn the_random_histories_contain_doubles_of_every_kind() {
    use proptest::strategy::ValueTree as _;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut by_one, mut by_two, mut older) = (0, 0, 0);
    for _ in 0..40 {
        let events = history().new_tree(&mut runner).unwrap().current();
        for double in oracle::likely_doubles(&events, &v1::Selection::default()) {
            let (earlier, later) = (double.earlier.unwrap(), double.later.unwrap());
            if earlier.client_id == later.client_id {
                by_one += 1;
            } else {
                by_two += 1;
            }
            older += i32::from(later.record.unwrap().legacy_form_version > 0);
        }
    }
    assert!(by_one > 20 && by_two > 20 && older > 5, "{by_one} {by_two} {older}");
}
