//! What is read from each format of file, and what is reported if it cannot be read.

use cra_contracts::v1;

use super::*;
use crate::content::{document, submission};

fn items(text: impl AsRef<[u8]>) -> Vec<Item<v1::SubmitCraRequest>> {
    items_as(submission, text)
}

fn items_as<T>(parse: Parse<T>, text: impl AsRef<[u8]>) -> Vec<Item<T>> {
    let mut items = Vec::new();
    // A small buffer, so that items cross its boundaries.
    let input = io::BufReader::with_capacity(7, text.as_ref());
    read(input, parse, |item| {
        items.push(item);
        ControlFlow::Continue(())
    })
    .unwrap();
    items
}

/// Location and id, or location and problem.
fn reported(text: impl AsRef<[u8]>) -> Vec<(Location, Result<String, String>)> {
    let reported =
        items(text).into_iter().map(|item| (item.location, item.content.map(|request| request.cra_id)));
    reported.map(|(location, content)| (location, content.map_err(|unsent| unsent.to_string()))).collect()
}

fn ok(location: Location, id: &str) -> (Location, Result<String, String>) {
    (location, Ok(id.to_owned()))
}

#[test]
fn each_line_is_an_item_and_blank_lines_are_none() {
    let expected = [ok(Location::Line(2), "a"), ok(Location::Line(4), "b")];
    assert_eq!(reported("\n{\"craId\":\"a\"}\n  \r\n{\"craId\":\"b\"}\r\n"), expected);
    assert_eq!(reported("\u{feff}{\"craId\":\"a\"}"), [ok(Location::Line(1), "a")]);
    assert_eq!(reported(""), []);
    assert_eq!(reported(" \n\n"), []);
}

#[test]
fn a_line_that_is_no_json_is_reported_with_its_number_and_does_not_stop_the_others() {
    let found = reported("hello\n{\"craId\":\"a\"}\n{\"craId\":\n{\"advisor\":1}\n\n{\"craId\":\"b\"}");
    let locations: Vec<_> =
        found.iter().map(|(location, content)| (location.number(), content.is_ok())).collect();
    assert_eq!(locations, [(1, false), (2, true), (3, false), (4, false), (6, true)]);
    let problem = found[3].1.as_ref().unwrap_err();
    assert!(problem.contains("advisor") && !problem.contains("line 1"), "{problem}");
}

#[test]
fn a_first_line_that_is_cut_does_not_hide_the_next() {
    let found = reported("{\"craId\": \"a\n{\"craId\":\"b\"}\n");
    assert_eq!(found[0].0, Location::Line(1));
    assert!(found[0].1.is_err());
    assert_eq!(found[1], ok(Location::Line(2), "b"));
}

#[test]
fn an_array_is_read_element_by_element_however_it_is_laid_out() {
    let expected = [ok(Location::Element(1), "a"), ok(Location::Element(2), "b")];
    assert_eq!(reported("[{\"craId\":\"a\"},{\"craId\":\"b\"}]"), expected);
    assert_eq!(reported("\n[\n  {\n  \"craId\": \"a\"\n},\n {\"craId\":\"b\"}\n]\n"), expected);
    assert_eq!(reported("[]"), []);
}

#[test]
fn an_element_that_is_no_submission_does_not_stop_the_others() {
    let found = reported("[1,{\"craId\":\"b\"}]");
    assert!(found[0].1.is_err());
    assert_eq!(found[1], ok(Location::Element(2), "b"));
}

#[test]
fn broken_json_in_an_array_is_reported_once_with_what_was_read_before() {
    for broken in ["[{\"craId\":\"a\"}, {]", "[{\"craId\":\"a\"}", "[{\"craId\":\"a\"}] {}"] {
        let found = reported(broken);
        assert_eq!(found[0], ok(Location::Element(1), "a"), "{broken}");
        assert_eq!(found.len(), 2, "{broken}");
        assert!(found[1].1.as_ref().unwrap_err().contains("was not read"), "{broken}");
    }
}

#[test]
fn an_object_laid_out_over_lines_is_one_item() {
    assert_eq!(reported("{\n  \"craId\": \"a\"\n}\n"), [ok(Location::Element(1), "a")]);
    let two = "{\n  \"craId\": \"a\",\n  \"cra\": {\n  }\n}\n{\n  \"craId\": \"b\"\n}";
    assert_eq!(reported(two), [ok(Location::Element(1), "a"), ok(Location::Element(2), "b")]);
}

fn documents(text: &str) -> Vec<Result<String, String>> {
    let items = items_as(document, text).into_iter();
    items
        .map(|item| item.content.map(|document| document.text).map_err(|unsent| unsent.to_string()))
        .collect()
}

#[test]
fn an_item_keeps_its_bytes_as_in_the_file_whatever_the_layout() {
    let laid_out = "{\r\n \"_id\" : \"a\",\t\"n\": 1.50e1, \"é\": \"\\u00e9\", \"n\": 0\n}";
    let on_a_line = "{ \"_id\" :\"b\" , \"n\":[1 ,2],\"big\":123456789012345678901234567890 }";
    let expected = [Ok(laid_out.to_owned()), Ok(on_a_line.to_owned())];
    assert_eq!(documents(&format!("[ {laid_out} ,\n{on_a_line}\t]")), expected);
    assert_eq!(documents(&format!("{laid_out}\n\n  {on_a_line}\n")), expected);
    assert_eq!(
        documents(&format!("  {on_a_line} \r\n{on_a_line}")),
        [&expected[1], &expected[1]].map(Clone::clone)
    );
}

#[test]
fn an_item_of_another_kind_is_reported_and_does_not_stop_the_others() {
    for text in ["{\"_id\":1}\n[]\n{\"_id\":\"b\"}", "[{\"_id\":1},[],{\"_id\":\"b\"}]"] {
        let found: Vec<_> = documents(text).into_iter().map(|found| found.is_ok()).collect();
        assert_eq!(found, [false, false, true], "{text}");
    }
}

#[test]
fn an_item_past_the_bound_is_reported_and_never_held_in_memory() {
    let long = format!("{{\"craId\":\"{}\"}}", "x".repeat(ITEM_BYTES_MAX));
    let found = reported(format!("{long}\n{{\"craId\":\"b\"}}\n"));
    assert!(found[0].1.as_ref().unwrap_err().contains("longer than"));
    assert_eq!(found[1], ok(Location::Line(2), "b"));
    let found = reported(format!("[{long}]"));
    assert!(found[0].1.as_ref().unwrap_err().contains("longer than"));
}

#[test]
fn bytes_that_are_no_text_are_reported() {
    let found = reported(b"{\"craId\":\"\xff\"}\n{\"craId\":\"b\"}\n");
    assert!(found[0].1.is_err());
    assert_eq!(found[1], ok(Location::Line(2), "b"));
}

#[test]
fn bytes_read_grow_to_the_length_of_the_file() {
    let text = "\n{\"craId\":\"a\"}\n{\"craId\":\"b\"}\n";
    let read: Vec<_> = items(text).iter().map(|item| item.bytes_read).collect();
    assert_eq!(read, [15, 29]);
}
