//! The frame of every page of figures: a title with the days and the selection, and the snapshot.

use cra_contracts::v1;
use cra_domain::selection::{period, restrictions};

use super::text::{Tone, instant, printable, thousands, toned, width, wrapped};
use crate::style::Style;

/// Maximum number of values of one field in the title.
const VALUES_MAX: usize = 8;

/// Note on public figures.
const ROUNDED: &str = "comptes arrondis par département et par mois";

/// Title of a page: its days, then a line per field that restricts the selection, in words and codes.
pub(super) fn title(what: &str, selection: &v1::Selection, style: Style) -> String {
    let period = period(selection);
    let fits = width(what) + 1 + width(&period) <= style.columns;
    let gap = if fits { " " } else { "\n" };
    let mut text =
        format!("{}{gap}{}\n", toned(style, Tone::Title, what), toned(style, Tone::Quiet, &period));
    for restriction in restrictions(selection) {
        let said = format!("{} : {}", restriction.label(), printable(&restriction.text(VALUES_MAX)));
        for line in wrapped(&said, style.columns) {
            text += &format!("{}\n", toned(style, Tone::Quiet, &line));
        }
    }
    text + "\n"
}

/// The snapshot that the page shows.
pub(super) fn snapshot(snapshot: Option<&v1::Snapshot>, style: Style) -> String {
    let Some(snapshot) = snapshot else {
        return String::new();
    };
    let definitions = format!("définitions {}", printable(&snapshot.definitions));
    let (first, others) = if let Some(publication) = &snapshot.publication {
        let closed_at = format!("arrêtée le {}", instant(publication.closed_at.as_ref()));
        let others = vec![closed_at, ROUNDED.to_owned(), definitions];
        (format!("Publication {}", printable(&publication.name)), others)
    } else {
        let recorded_at = snapshot.recorded_at.as_ref();
        let recorded = recorded_at.map(|at| format!("enregistrée le {}", instant(Some(at))));
        let generation = format!("génération {}", printable(&snapshot.generation));
        let others = recorded.into_iter().chain([generation, definitions]).collect();
        (format!("Arrêté à la position {} du journal", thousands(snapshot.position)), others)
    };
    let mut lines = vec![first];
    for part in others {
        match lines.last_mut() {
            Some(line) if width(line) + 2 + width(&part) <= style.columns => *line += &format!(", {part}"),
            _ => lines.push(part),
        }
    }
    let lines = lines.iter().flat_map(|line| wrapped(line, style.columns));
    let lines: Vec<_> = lines.map(|line| toned(style, Tone::Quiet, &line)).collect();
    format!("\n{}\n", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: Style = Style { columns: 100, colour: false };

    fn march() -> v1::Selection {
        v1::Selection {
            from: "2024-03-01".to_owned(),
            to: "2024-03-31".to_owned(),
            ..v1::Selection::default()
        }
    }

    #[test]
    fn the_title_has_the_days_and_the_selection_in_words_and_codes() {
        let of = |from: &str, to: &str| v1::Selection {
            from: from.to_owned(),
            to: to.to_owned(),
            ..v1::Selection::default()
        };
        assert!(title("CRA", &of("2024-03-05", ""), LOOK).contains("à partir du 5 mars 2024"));
        assert!(title("CRA", &of("", "2024-03-05"), LOOK).contains("jusqu'au 5 mars 2024"));
        assert!(title("CRA", &of("2024-03-05", "2024-03-05"), LOOK).contains("le 5 mars 2024"));
        let narrowed = v1::Selection {
            themes: vec![3],
            department_codes: vec!["01".to_owned(), "2A".to_owned()],
            advisor_ids: vec!["a\u{1b}[2J".to_owned()],
            ..march()
        };
        assert_eq!(
            title("CRA", &narrowed, LOOK),
            "CRA du 1er mars 2024 au 31 mars 2024\nDépartements : Ain (01), Corse-du-Sud (2A)\n\
             Conseiller : a·[2J\nThématique : Courriels\n\n"
        );
        assert_eq!(title("CRA", &march(), LOOK), "CRA du 1er mars 2024 au 31 mars 2024\n\n");
    }

    #[test]
    fn a_long_selection_is_truncated_and_fits_every_terminal() {
        let communes = v1::Selection {
            commune_codes: (1..400).map(|number| format!("35{number:03}")).collect(),
            ..v1::Selection::default()
        };
        for columns in [60, 80, 120] {
            let text = title("CRA", &communes, Style { columns, colour: false });
            assert!(text.contains("Communes : ") && text.replace('\n', " ").contains(" autres"), "{text}");
            assert!(text.lines().all(|line| width(line) <= columns), "{text}");
        }
    }
}
