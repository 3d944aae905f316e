//! What every page of figures has around it: a title with the days and the selection, and the snapshot it shows.

use cra_contracts::v1;

use super::text::{Tone, day, instant, printable, thousands, toned, width, wrapped};
use crate::output::Look;

/// What the page is about, its days, and whether more than the days is selected.
pub(super) fn title(what: &str, selection: &v1::Selection, look: Look) -> String {
    let period = match (selection.from.as_str(), selection.to.as_str()) {
        ("", "") => "toutes les dates".to_owned(),
        (from, "") => format!("à partir du {}", day(from)),
        ("", to) => format!("jusqu'au {}", day(to)),
        (from, to) if from == to => format!("le {}", day(from)),
        (from, to) => format!("du {} au {}", day(from), day(to)),
    };
    let scope = if is_narrowed(selection) { format!("{period}, sélection") } else { period };
    let fits = width(what) + 1 + width(&scope) <= look.columns;
    let gap = if fits { " " } else { "\n" };
    format!("{}{gap}{}\n\n", toned(look, Tone::Title, what), toned(look, Tone::Quiet, &scope))
}

/// Whether more than the dates is selected.
fn is_narrowed(selection: &v1::Selection) -> bool {
    let only_dates =
        v1::Selection { from: selection.from.clone(), to: selection.to.clone(), ..v1::Selection::default() };
    *selection != only_dates
}

/// Which state of the log the page shows.
pub(super) fn snapshot(snapshot: Option<&v1::Snapshot>, look: Look) -> String {
    let Some(snapshot) = snapshot else {
        return String::new();
    };
    let position = format!("Arrêté à la position {} du journal", thousands(snapshot.position));
    let recorded_at = snapshot.recorded_at.as_ref();
    let recorded = recorded_at.map(|recorded_at| format!("enregistrée le {}", instant(Some(recorded_at))));
    let generation = format!("génération {}", printable(&snapshot.generation));
    let definitions = format!("définitions {}", printable(&snapshot.definitions));
    let mut lines = vec![position];
    for part in recorded.into_iter().chain([generation, definitions]) {
        match lines.last_mut() {
            Some(line) if width(line) + 2 + width(&part) <= look.columns => *line += &format!(", {part}"),
            _ => lines.push(part),
        }
    }
    let lines = lines.iter().flat_map(|line| wrapped(line, look.columns));
    let lines: Vec<_> = lines.map(|line| toned(look, Tone::Quiet, &line)).collect();
    format!("\n{}\n", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: Look = Look { columns: 100, colour: false };

    fn march() -> v1::Selection {
        v1::Selection {
            from: "2024-03-01".to_owned(),
            to: "2024-03-31".to_owned(),
            ..v1::Selection::default()
        }
    }

    #[test]
    fn the_title_says_which_days_and_whether_more_is_selected() {
        let of = |from: &str, to: &str| v1::Selection {
            from: from.to_owned(),
            to: to.to_owned(),
            ..v1::Selection::default()
        };
        assert!(title("CRA", &of("2024-03-05", ""), LOOK).contains("à partir du 5 mars 2024"));
        assert!(title("CRA", &of("", "2024-03-05"), LOOK).contains("jusqu'au 5 mars 2024"));
        assert!(title("CRA", &of("2024-03-05", "2024-03-05"), LOOK).contains("le 5 mars 2024"));
        let narrowed = v1::Selection { themes: vec![3], ..march() };
        assert!(title("CRA", &narrowed, LOOK).contains("sélection"));
        assert!(!title("CRA", &march(), LOOK).contains("sélection"));
    }
}
