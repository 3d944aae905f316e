use cra_eventlog::Position;

use super::*;
use crate::fixtures::{ReadModels, corrected, cra, cra_id, recorded_at, submitted, withdrawn};

/// The event of a client.
fn by(client_id: &str, event: v1::CraEvent) -> v1::CraEvent {
    let origin = v1::Origin { client_id: client_id.to_owned(), subject: String::new() };
    v1::CraEvent { origin: Some(origin), ..event }
}

fn one_off() -> v1::Cra {
    v1::Cra { activity: v1::Activity::OneOff.into(), ..cra() }
}

fn of(advisor: &str) -> v1::Cra {
    v1::Cra { advisor_id: advisor.to_owned(), ..cra() }
}

async fn page(
    models: &ReadModels,
    selection: Arc<Selection>,
    first: Option<u64>,
    most: usize,
) -> DoublesPage {
    let snapshot = Snapshot::now(models.serving()).unwrap();
    doubles(selection, first, most, snapshot).await.unwrap()
}

/// Positions of every pair.
async fn found(models: &ReadModels) -> Vec<(u64, u64)> {
    positions(&page(models, Arc::default(), None, 100).await)
}

fn positions(page: &DoublesPage) -> Vec<(u64, u64)> {
    let of = |cra: &Option<v1::RecordedCra>| cra.as_ref().unwrap().position;
    page.doubles.iter().map(|double| (of(&double.earlier), of(&double.later))).collect()
}

#[tokio::test]
async fn a_pair_has_both_records_with_their_positions_and_clients() {
    let annotated = v1::Cra { annotation: "reçue à 9 h".into(), ..cra() };
    let models = ReadModels::of(&[
        by("platform-1", submitted(1, cra())),
        by("platform-2", recorded_at(submitted(2, annotated.clone()), "2024-05-01T00:00:00Z")),
        by("platform-3", submitted(3, of("conseiller-2"))),
    ]);
    let found = page(&models, Arc::default(), None, 100).await;
    let [double] = &found.doubles[..] else { panic!("{found:?}") };
    let (earlier, later) = (double.earlier.clone().unwrap(), double.later.clone().unwrap());
    assert_eq!((earlier.position, earlier.client_id.as_str()), (1, "platform-1"));
    assert_eq!((later.position, later.client_id.as_str()), (2, "platform-2"));
    let (earlier, later) = (earlier.record.unwrap(), later.record.unwrap());
    assert_eq!((earlier.cra_id, earlier.revision), (cra_id(1).to_string(), 1));
    assert_eq!((later.cra_id, later.cra), (cra_id(2).to_string(), Some(annotated)));
    assert_eq!(found.next, None);
}

#[tokio::test]
async fn corrections_and_withdrawals_create_and_end_pairs() {
    let mut models = ReadModels::of(&[submitted(1, cra()), submitted(2, of("conseiller-2"))]);
    assert!(found(&models).await.is_empty());
    models.apply(&[by("corrector", corrected(2, 2, cra()))]);
    assert_eq!(found(&models).await, [(1, 3)], "the position is that of the revision in force");
    let double = &page(&models, Arc::default(), None, 1).await.doubles[0];
    assert_eq!(
        double.later.as_ref().unwrap().client_id,
        "",
        "the client of a correction is not that of the record"
    );
    models.apply(&[withdrawn(1, 2)]);
    assert!(found(&models).await.is_empty());

    let then = Snapshot { position: Position(3), ..Snapshot::now(models.serving()).unwrap() };
    let then = doubles(Arc::default(), None, 100, then).await.unwrap();
    assert_eq!(positions(&then), [(1, 3)], "as of an earlier position");
}

#[tokio::test]
async fn eight_one_off_requests_of_a_morning_are_not_doubles_and_two_are() {
    let minute = |n: u8| format!("2024-03-04T11:0{n}:00Z");
    let eight: Vec<_> =
        (1..=8).map(|n| by("platform-1", recorded_at(submitted(n, one_off()), &minute(n)))).collect();
    assert!(found(&ReadModels::of(&eight)).await.is_empty());
    assert_eq!(found(&ReadModels::of(&eight[..2])).await, [(1, 2)]);
}

#[tokio::test]
async fn pages_are_the_whole_list_newest_first_within_the_selection() {
    let mut events = Vec::new();
    for n in 1..=30 {
        events.push(by("platform-1", submitted(n, of(&format!("conseiller-{}", n % 15)))));
    }
    for n in 31..=60 {
        events.push(by("platform-2", submitted(n, of(&format!("conseiller-{}", n % 15)))));
    }
    let models = ReadModels::of(&events).reopened();
    models.serving().columns().unwrap();
    let all = page(&models, Arc::default(), None, 1_000).await;
    let later: Vec<_> = positions(&all).into_iter().map(|(_, later)| later).collect();
    assert!(later.is_sorted_by(|a, b| a > b) && later.len() >= 30, "{later:?}");
    let (mut first, mut listed) = (None, Vec::new());
    loop {
        let page = page(&models, Arc::default(), first, 7).await;
        assert!(page.doubles.len() == 7 || page.next.is_none());
        listed.extend(page.doubles);
        first = page.next;
        if first.is_none() {
            break;
        }
    }
    assert_eq!(listed, all.doubles);

    let of_one = v1::Selection { advisor_ids: vec!["conseiller-3".into()], ..v1::Selection::default() };
    let of_one = Arc::new(Selection::parse(&of_one).unwrap());
    let selected = positions(&page(&models, of_one, None, 100).await);
    assert!(!selected.is_empty() && selected.iter().all(|pair| positions(&all).contains(pair)));
}

#[test]
fn a_repeated_digest_is_detected_and_few_others_are_mistaken_for_one() {
    let digests = Digests::of_facts(1_000);
    let digest = |number: u64| number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for number in 0..1_000 {
        digests.mark(digest(number));
    }
    for number in 0..100 {
        digests.mark(digest(number));
    }
    assert!((0..100).all(|number| digests.came_twice(digest(number))));
    let wrong = (100..1_000).filter(|number| digests.came_twice(digest(*number))).count();
    assert!(wrong < 450, "{wrong}");
    Digests::of_facts(0).mark(7);
}
