//! The borrowed form of stored events against the contract and its generated types.

#![allow(clippy::unwrap_used)]

use cra_contracts::stored::{Corrected, FIELDS_WITHOUT_TEXTS, Submitted, Withdrawn};
use cra_contracts::stored::{Cra, Event, Fact, FollowUp, Imported, Organisation, Origin, Place, Redirection};
use cra_contracts::{FILE_DESCRIPTOR_SET, v1};
use proptest::prelude::*;
use prost::Message as _;
use prost_types::FileDescriptorSet;

fn golden() -> Vec<Vec<u8>> {
    let kinds = [
        include_str!("../golden/submitted.hex"),
        include_str!("../golden/corrected.hex"),
        include_str!("../golden/withdrawn.hex"),
        include_str!("../golden/imported.hex"),
    ];
    let bytes = |hex: &str| {
        let digits: String = hex.split_whitespace().collect();
        (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
    };
    kinds.map(bytes).to_vec()
}

#[test]
fn every_field_of_the_contract_is_read_under_its_number() {
    let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
    let messages: Vec<_> = set
        .file
        .iter()
        .filter(|file| ["cra.v1", "google.protobuf"].contains(&file.package()))
        .flat_map(|file| &file.message_type)
        .collect();
    let with_texts = [
        ("CraEvent", Event::FIELDS),
        ("Origin", Origin::FIELDS),
        ("CraSubmitted", Submitted::FIELDS),
        ("CraCorrected", Corrected::FIELDS),
        ("CraWithdrawn", Withdrawn::FIELDS),
        ("LegacyCraImported", Imported::FIELDS),
        ("Cra", Cra::FIELDS),
        ("Place", Place::FIELDS),
        ("FollowUp", FollowUp::FIELDS),
        ("Redirection", Redirection::FIELDS),
    ];
    for (name, fields) in with_texts.iter().chain(FIELDS_WITHOUT_TEXTS) {
        let message = messages.iter().find(|message| message.name() == *name).unwrap();
        let mut contract: Vec<_> = message.field.iter().map(|it| (it.number(), it.name())).collect();
        let mut fields = fields.to_vec();
        contract.sort_unstable();
        fields.sort_unstable();
        assert_eq!(fields, contract, "{name}");
    }
}

/// The generated message that is equal to a borrowed one.
fn generated(event: &Event<'_>) -> v1::CraEvent {
    use v1::cra_event::Fact as Message;
    let cra = |it: &Option<Cra<'_>>| it.as_ref().map(generated_cra);
    let texts = |it: &[&str]| it.iter().map(|text| (*text).to_owned()).collect();
    let fact = event.fact.as_ref().map(|fact| match fact {
        Fact::Submitted(it) => Message::Submitted(v1::CraSubmitted {
            cra: cra(&it.cra),
            defaulted_fields: texts(&it.defaulted_fields),
        }),
        Fact::Corrected(it) => Message::Corrected(v1::CraCorrected {
            cra: cra(&it.cra),
            reason: it.reason.into(),
            defaulted_fields: texts(&it.defaulted_fields),
        }),
        Fact::Withdrawn(it) => Message::Withdrawn(v1::CraWithdrawn { reason: it.reason.into() }),
        Fact::Imported(it) => Message::Imported(v1::LegacyCraImported {
            legacy_id: it.legacy_id.into(),
            form_version: it.form_version,
            document: it.document.to_vec().into(),
        }),
    });
    let origin = |it: &Origin<'_>| v1::Origin { client_id: it.client_id.into(), subject: it.subject.into() };
    v1::CraEvent {
        event_id: event.event_id.into(),
        cra_id: event.cra_id.into(),
        revision: event.revision,
        recorded_at: event.recorded_at,
        origin: event.origin.as_ref().map(origin),
        moved: event.moved,
        forgotten: event.forgotten.as_deref().copied(),
        fact,
    }
}

fn generated_cra(cra: &Cra<'_>) -> v1::Cra {
    let place = |it: &Place<'_>| v1::Place {
        channel: it.channel,
        commune_code: it.commune_code.into(),
        postal_code: it.postal_code.into(),
        venue_id: it.venue_id.into(),
    };
    let follow_up = |it: &FollowUp<'_>| v1::FollowUp {
        individual: it.individual,
        workshop: it.workshop,
        redirections: it.redirections.iter().map(generated_redirection).collect(),
    };
    v1::Cra {
        advisor_id: cra.advisor_id.into(),
        structure_id: cra.structure_id.into(),
        date: cra.date.into(),
        place: cra.place.as_ref().map(place),
        activity: cra.activity,
        participants: cra.participants,
        returning_participants: cra.returning_participants,
        ages: cra.ages,
        statuses: cra.statuses,
        themes: cra.themes.to_vec(),
        sub_themes: cra.sub_themes.to_vec(),
        annotation: cra.annotation.into(),
        duration: cra.duration,
        follow_up: cra.follow_up.as_ref().map(follow_up),
    }
}

fn generated_redirection(redirection: &Redirection<'_>) -> v1::Redirection {
    use v1::redirection::Organisation as Message;
    let organisation = redirection.organisation.as_ref().map(|it| match it {
        Organisation::Known(number) => Message::Known(*number),
        Organisation::Other(name) => Message::Other((*name).into()),
    });
    v1::Redirection { organisation, people: redirection.people }
}

#[track_caller]
fn reads_as_the_generated_type(bytes: &[u8]) {
    let read = Event::read(bytes).map(|event| generated(&event));
    let expected = v1::CraEvent::decode(bytes);
    assert_eq!(read.as_ref().ok(), expected.as_ref().ok(), "{bytes:x?}: {read:?}, {expected:?}");
}

#[test]
fn a_field_that_occurs_twice_is_merged() {
    for bytes in golden() {
        reads_as_the_generated_type(&bytes);
        for other in golden() {
            reads_as_the_generated_type(&[bytes.clone(), other].concat());
        }
    }
}

/// Bytes that are likely to be part of an event: keys of known and unknown fields with values of every kind.
fn fields() -> impl Strategy<Value = Vec<u8>> {
    let value = prop_oneof![
        any::<Vec<u8>>().prop_map(|mut bytes| {
            bytes.truncate(20);
            let mut value = vec![u8::try_from(bytes.len()).unwrap()];
            value.append(&mut bytes);
            value
        }),
        any::<u64>().prop_map(|number| {
            let mut value = Vec::new();
            prost::encoding::encode_varint(number, &mut value);
            value
        }),
        prop::collection::vec(any::<u8>(), 0..12),
    ];
    let field = (0_u32..24, 0_u32..6, value).prop_map(|(number, kind, value)| {
        let mut field = Vec::new();
        prost::encoding::encode_varint(u64::from(number << 3 | kind), &mut field);
        field.extend(value);
        field
    });
    prop::collection::vec(field, 0..6).prop_map(|fields| fields.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_bytes_are_read_as_by_the_generated_type(bytes: Vec<u8>, fields in fields()) {
        reads_as_the_generated_type(&bytes);
        reads_as_the_generated_type(&fields);
        // The same message as a submission, and as its CRA, place, ages and follow-up.
        for chain in [&[0x32][..], &[0x0a, 0x32], &[0x22, 0x0a, 0x32], &[0x42, 0x0a, 0x32], &[0x72, 0x0a, 0x32]] {
            let nested = chain.iter().fold(fields.clone(), |inner, key| {
                let mut outer = vec![*key];
                prost::encoding::encode_varint(inner.len() as u64, &mut outer);
                outer.extend(inner);
                outer
            });
            reads_as_the_generated_type(&nested);
        }
    }

    #[test]
    fn events_with_a_mistake_are_read_as_by_the_generated_type(
        kind in 0..4_usize,
        at: prop::sample::Index,
        byte: u8,
    ) {
        let mut bytes = golden().swap_remove(kind);
        let at = at.index(bytes.len());
        reads_as_the_generated_type(&bytes[..at]);
        bytes[at] = byte;
        reads_as_the_generated_type(&bytes);
    }
}
