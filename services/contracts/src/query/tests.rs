use crate::files::parameters;
use crate::v1::{Consistency, Dimension, ExportRequest, Selection, Theme};

use super::*;

fn read(query: &str) -> ExportRequest {
    parameters().read(query).unwrap_or_else(|faults| panic!("{query}: {faults:?}")).message
}

#[track_caller]
fn refused(query: &str, expected: &[(Cause, &str, &str)]) {
    let faults = parameters().read::<ExportRequest>(query).unwrap_err();
    let found: Vec<_> = faults.iter().map(|it| (it.cause, it.fault.path.as_str())).collect();
    let causes: Vec<_> = expected.iter().map(|(cause, path, _)| (*cause, *path)).collect();
    assert_eq!(found, causes, "{query}");
    for (fault, (.., text)) in faults.iter().zip(expected) {
        assert!(fault.to_string().contains(text), "{fault}");
    }
}

#[test]
fn a_field_is_set_by_each_of_its_names_and_lists_by_repetition() {
    let expected = ExportRequest {
        selection: Some(Selection {
            from: "2026-10-01".into(),
            department_codes: vec!["35".into(), "2A".into()],
            sub_themes: vec![1],
            ..Selection::default()
        }),
        ..ExportRequest::default()
    };
    for query in [
        "from=2026-10-01&departmentCodes=35&departmentCodes=2A&subThemes=SUB_THEME_EQUIPMENT_COMPUTER",
        "from=2026-10-01&department_codes=35&department=2A&sub_theme=equipment-computer",
        "selection.from=2026-10-01&selection.departmentCodes=35&selection.department_codes=2A&subTheme=Equipment_Computer",
        "&from=2026%2D10%2d01&&department=3%35&department=2A&sub_themes=sub_theme_equipment_computer&",
    ] {
        assert_eq!(read(query), expected, "{query}");
    }
    assert_eq!(read(""), ExportRequest::default());
}

#[test]
fn numbers_times_and_words_are_read_as_in_the_json_form() {
    let request = read(
        "dimension=department&minPosition=18446744073709551615&as_of_time=2026-10-01T00:00:00Z&theme=email&log=a%20b+c",
    );
    assert_eq!(request.dimension(), Dimension::Department);
    assert_eq!(request.selection.unwrap().themes, [i32::from(Theme::Email)]);
    let Consistency { min_position, as_of_time, log, .. } = request.consistency.unwrap();
    assert_eq!((min_position, log.as_str()), (u64::MAX, "a b c"));
    assert_eq!(as_of_time.unwrap().seconds, 1_790_812_800);
}

#[test]
fn every_fault_is_reported_with_the_parameter_as_it_was_written() {
    refused(
        "departements=35&department=3%5&from=2026-10-01&from=2026-10-02&theme=courriel&min_position=-1&asOfTime=hier",
        &[
            (
                Cause::Unknown,
                "departements",
                "found an unknown parameter, expected one of from, to, regionCodes",
            ),
            (Cause::Encoding, "department", "found \"3%5\", expected a text in percent-encoded UTF-8"),
            (Cause::Repeated, "from", "found this parameter a second time, expected it once"),
            (Cause::Value, "asOfTime", "found \"hier\", expected a time such as"),
            (Cause::Value, "min_position", "found \"-1\", expected a whole number from 0 to"),
            (Cause::Value, "theme", "found \"courriel\", expected one of THEME_EQUIPMENT"),
        ],
    );
    refused("content=1", &[(Cause::Unknown, "content", "found an unknown parameter")]);
    refused("departmentCode=1", &[(Cause::Unknown, "departmentCode", "did you mean departmentCodes?")]);
}

#[test]
fn broken_encodings_and_control_characters_are_refused() {
    for value in ["%", "%4", "%zz", "%00", "%ff", "%c3%28", "a%0a", "%ED%A0%80"] {
        refused(&format!("department={value}"), &[(Cause::Encoding, "department", "percent-encoded")]);
        refused(&format!("{value}=1"), &[(Cause::Encoding, value, "percent-encoded")]);
    }
}

#[test]
fn ten_thousand_parameters_are_read_and_their_faults_are_bounded() {
    let many = "department=35&".repeat(10_000);
    assert_eq!(read(&many).selection.unwrap().department_codes.len(), 10_000);
    let unknown = (0..10_000).map(|number| format!("p{number}=1")).collect::<Vec<_>>().join("&");
    assert_eq!(parameters().read::<ExportRequest>(&unknown).unwrap_err().len(), FAULTS_MAX);
    let wrong = "theme=x&".repeat(10_000);
    assert!(parameters().read::<ExportRequest>(&wrong).unwrap_err().len() <= FAULTS_MAX);
    let long = format!("{}=1", "é".repeat(10_000));
    let faults = parameters().read::<ExportRequest>(&long).unwrap_err();
    assert!(faults[0].fault.path.chars().count() < 100);
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused_and_never_a_panic(query in "[a-zA-Z0-9_.&=%+\\PC]{0,200}") {
        let _ = parameters().read::<ExportRequest>(&query);
    }
}
