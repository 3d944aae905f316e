//! Whatever the pieces in which an encoded request arrives, each repeated field is counted as the decoder counts it.

use proptest::prelude::*;
use prost::bytes::BufMut as _;
use prost::encoding::{WireType, encode_key, encode_varint};

use super::*;
use crate::v1;

const GET_STATISTICS: &str = "/cra.v1.StatisticsService/GetStatistics";

fn texts(count: usize) -> Vec<String> {
    vec!["35".to_owned(); count]
}

fn asking(selection: v1::Selection) -> v1::GetStatisticsRequest {
    v1::GetStatisticsRequest { selection: Some(selection), ..Default::default() }
}

fn found_in(bytes: &[u8], piece: usize) -> Vec<(String, usize, usize)> {
    let mut scan = scan_of_method(GET_STATISTICS).unwrap();
    bytes.chunks(piece).for_each(|bytes| scan.read(bytes));
    scan.into_exceeded().into_iter().map(|it| (it.field, it.found, it.max)).collect()
}

#[test]
fn identifiers_communes_enums_and_others_have_their_bounds() {
    let themes = 2 * 20;
    let at_the_bound = v1::Selection {
        commune_codes: texts(IDS_MAX),
        advisor_ids: texts(IDS_MAX),
        department_codes: texts(VALUES_MAX),
        themes: vec![1; themes],
        ..Default::default()
    };
    assert_eq!(exceeded(&asking(at_the_bound.clone())), []);
    let beyond = v1::Selection {
        commune_codes: texts(IDS_MAX + 1),
        advisor_ids: texts(IDS_MAX + 2),
        department_codes: texts(VALUES_MAX + 3),
        themes: vec![1; themes + 4],
        ..at_the_bound
    };
    let expected = [
        ("selection.department_codes".to_owned(), VALUES_MAX + 3, VALUES_MAX),
        ("selection.commune_codes".to_owned(), IDS_MAX + 1, IDS_MAX),
        ("selection.advisor_ids".to_owned(), IDS_MAX + 2, IDS_MAX),
        ("selection.themes".to_owned(), themes + 4, themes),
    ];
    let bytes = asking(beyond).encode_to_vec();
    for piece in [1, 7, 1_000, bytes.len()] {
        assert_eq!(found_in(&bytes, piece), expected, "in pieces of {piece}");
    }
}

#[test]
fn the_parts_of_a_message_count_together() {
    let part = asking(v1::Selection { department_codes: texts(600), ..Default::default() }).encode_to_vec();
    assert_eq!(found_in(&part, 64), []);
    let expected = [("selection.department_codes".to_owned(), 1_200, VALUES_MAX)];
    assert_eq!(found_in(&part.repeat(2), 64), expected);
}

#[test]
fn values_count_alike_whether_they_are_packed_or_not() {
    let mut unpacked = Vec::new();
    for _ in 0..41 {
        encode_key(12, WireType::Varint, &mut unpacked);
        encode_varint(1, &mut unpacked);
    }
    let mut bytes = Vec::new();
    encode_key(1, WireType::LengthDelimited, &mut bytes);
    encode_varint(unpacked.len() as u64, &mut bytes);
    bytes.put_slice(&unpacked);
    assert_eq!(found_in(&bytes, 3), [("selection.themes".to_owned(), 41, 40)]);
}

#[test]
fn each_element_of_a_repeated_message_counts_for_itself() {
    let elements = v1::VerifyResponse { differences: texts(VALUES_MAX + 1), ..Default::default() };
    assert_eq!(exceeded(&elements).len(), 1);
    let vocabulary = v1::GetVocabularyResponse {
        themes: vec![
            v1::Term { past_labels: vec![v1::PastLabel::default(); 600], ..Default::default() },
            v1::Term { past_labels: vec![v1::PastLabel::default(); 600], ..Default::default() },
            v1::Term { past_labels: vec![v1::PastLabel::default(); 1_001], ..Default::default() },
        ],
        ..Default::default()
    };
    let found: Vec<_> = exceeded(&vocabulary).into_iter().map(|it| (it.field, it.found)).collect();
    assert_eq!(found, [("themes[2].past_labels".to_owned(), 1_001)]);
}

#[test]
fn every_method_of_one_request_is_scanned_and_streams_are_not() {
    assert!(scan_of_method("/cra.v1.OperationsService/RetryParkedEvents").is_some());
    assert!(scan_of_method("/cra.v1.IngestionService/SubmitCra").is_some());
    assert!(scan_of_method("/cra.v1.IngestionService/SubmitCras").is_none());
    assert!(scan_of_method("/grpc.health.v1.Health/Check").is_none());
}

proptest! {
    #[test]
    fn whatever_the_decoder_takes_is_counted_as_it_decodes(bytes: Vec<u8>, piece in 1_usize..16) {
        let _ = found_in(&bytes, piece);
        if let Ok(decoded) = v1::GetStatisticsRequest::decode(bytes.as_slice()) {
            prop_assert_eq!(exceeded(&decoded).is_empty(), found_in(&bytes, piece).is_empty());
        }
    }

    #[test]
    fn an_unknown_field_of_any_form_hides_nothing(number in 20_u32..1_000, form in 0_usize..5, many in 990_usize..1_010) {
        let mut bytes = Vec::new();
        match form {
            0 => {
                encode_key(number, WireType::Varint, &mut bytes);
                encode_varint(u64::MAX, &mut bytes);
            }
            1 => {
                encode_key(number, WireType::SixtyFourBit, &mut bytes);
                bytes.put_u64_le(7);
            }
            2 => {
                encode_key(number, WireType::ThirtyTwoBit, &mut bytes);
                bytes.put_u32_le(7);
            }
            3 => {
                encode_key(number, WireType::LengthDelimited, &mut bytes);
                encode_varint(3, &mut bytes);
                bytes.put_slice(b"abc");
            }
            _ => {
                encode_key(number, WireType::StartGroup, &mut bytes);
                encode_key(1, WireType::LengthDelimited, &mut bytes);
                encode_varint(0, &mut bytes);
                encode_key(number, WireType::EndGroup, &mut bytes);
            }
        }
        let request = asking(v1::Selection { postal_codes: texts(many), ..Default::default() });
        bytes.extend(request.encode_to_vec());
        prop_assert!(v1::GetStatisticsRequest::decode(bytes.as_slice()).is_ok());
        prop_assert_eq!(found_in(&bytes, 5).len(), usize::from(many > VALUES_MAX));
    }
}
