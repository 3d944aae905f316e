//! Who read or changed what is about one person, for that person: a line of an audit in French.

use cra_domain::french;
use serde_json::Value;

use super::text::printable;

/// One line of an audit.
pub(crate) fn access(line: &Value) -> String {
    let text = |key: &str| line[key].as_str().unwrap_or_default();
    let time = text("time");
    let when = time.parse().map_or_else(|_| time.to_owned(), french::moment);
    let what = match text("audit") {
        "read" => "lecture",
        "change" => "changement",
        "refusal" => "refus",
        _ => "exploitation",
    };
    let by: Vec<_> = [text("client"), text("subject")].into_iter().filter(|name| !name.is_empty()).collect();
    let by = if by.is_empty() { "non identifié".to_owned() } else { by.join(" / ") };
    let rows = line["rows"].as_u64().unwrap_or_default();
    let (when, by, call) = (printable(&when), printable(&by), printable(text("call")));
    format!("  {when}  {what} par {by}  {call}, {rows} lignes\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_access_says_when_who_and_how_much() {
        let line = json!({
            "audit": "read", "time": "2024-03-01T12:00:00Z", "client": "outil", "subject": "agent\u{1b}",
            "call": "StatisticsService/ListCras", "rows": 25,
        });
        let said = "  1er mars 2024 à 13:00:00 (heure de Paris)  lecture par outil / agent·  StatisticsService/ListCras, \
                    25 lignes\n";
        assert_eq!(access(&line), said);
        assert!(access(&json!({})).contains("non identifié"));
    }
}
