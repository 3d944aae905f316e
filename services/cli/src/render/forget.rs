//! What `cra log forget` shows, for operators: how much was forgotten, what stays, and where the certificate is.

use std::path::Path;

use cra_forgetting::Certificate;

use super::text::{left, printable, thousands};

const LABEL_COLUMNS: usize = 24;

/// The certificate in lines.
pub(crate) fn page(certificate: &Certificate, file: &Path) -> String {
    let Certificate { forgotten, kept, from, to, not_reached, finished, selections, .. } = certificate;
    let selections: u64 = selections.iter().map(|it| u64::from(it.selections)).sum();
    let mut lines = vec![
        ("statistics", format!("equal in {} random selections at random positions", thousands(selections))),
        ("verified", format!("{} events, all of them equal but for:", thousands(from.position.0))),
        ("events rewritten", thousands(forgotten.events)),
        ("annotations", thousands(forgotten.annotations)),
        ("reasons", thousands(forgotten.reasons)),
        ("organisations", {
            let names = thousands(forgotten.organisation_names);
            format!("{names} names in {} events", thousands(forgotten.organisations))
        }),
        ("accounts", thousands(forgotten.accounts)),
        ("advisors", {
            let advisors = thousands(forgotten.advisors);
            format!("{advisors} in {} events", thousands(forgotten.advisor_events))
        }),
        ("documents", thousands(forgotten.documents)),
    ];
    if kept.organisation_names_used_elsewhere > 0 {
        let names = thousands(kept.organisation_names_used_elsewhere);
        lines.push(("kept", format!("{names} names of organisations that CRAs beyond the rules use too")));
    }
    if kept.unreadable_events > 0 {
        let events = thousands(kept.unreadable_events);
        lines.push(("kept", format!("{events} events that cannot be read, copied as they are")));
    }
    lines.extend(not_reached.iter().map(|text| ("not reached", printable(text))));
    if let Some(finished) = finished.as_ref().filter(|act| !act.scope.is_empty()) {
        lines.push(("by", printable(&format!("{} {}", finished.client_id, finished.subject))));
    }
    lines.push(("old log", printable(&from.log.0)));
    lines.push(("new log", printable(&to.log.0)));
    lines.push(("certificate", printable(&file.display().to_string())));
    lines.iter().map(|(label, value)| format!("{}{value}\n", left(label, LABEL_COLUMNS))).collect()
}
