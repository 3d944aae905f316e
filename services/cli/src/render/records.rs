//! Single CRAs: the lines of `cra list`, newest first, and the page of `cra show`.

use cra_contracts::v1;
use cra_domain::cra::Cra;
use cra_domain::event::Forgotten;
use cra_domain::legacy::FormVersion;
use cra_domain::territory;
use cra_domain::vocabulary::Word;

use super::cra::{content, fields, form};
use super::frame::{snapshot, title};
use super::table::{FixedColumn, Kind, Layout};
use super::text::{Tone, instant, printable, short_day, thousands, toned, width};
use crate::style::Style;

/// With this minimum, the day, the commune and the id fit the narrowest terminal.
const TEXT_COLUMNS_MIN: usize = 10;
const COLUMNS: [FixedColumn; 7] = [
    (Kind::Id, 10, "Date", 0),
    (Kind::Text(TEXT_COLUMNS_MIN), 20, "Commune", 0),
    (Kind::Id, 10, "Activité", 1),
    (Kind::Number, 5, "Pers.", 2),
    (Kind::Text(TEXT_COLUMNS_MIN), 36, "Thématiques", 3),
    (Kind::Text(TEXT_COLUMNS_MIN), 24, "Conseiller", 4),
    (Kind::Id, 36, "Identifiant", 0),
];

/// The layout of a list.
pub(crate) struct Lines {
    layout: Layout,
    style: Style,
}

impl Lines {
    pub(crate) fn new(style: Style) -> Self {
        Self { layout: Layout::fixed(&COLUMNS, style), style }
    }

    /// Title and headings of the columns.
    pub(crate) fn head(&self, selection: &v1::Selection) -> String {
        title("Comptes-rendus d'activité", selection, self.style) + &self.layout.head()
    }

    pub(crate) fn line(&self, record: &v1::CraRecord) -> String {
        let cra = record.cra.as_ref();
        let read = cra.and_then(|cra| Cra::from_message(cra).ok());
        let raw = |text: fn(&v1::Cra) -> &str| printable(cra.map_or("", text));
        let themes = |cra: &Cra| {
            let labels: Vec<_> = cra.themes.iter().map(|theme| theme.term().label).collect();
            labels.join(", ")
        };
        let cells = match &read {
            Some(read) => [
                raw(|cra| &cra.date),
                territory::communes().get(read.place.commune).name().to_owned(),
                read.activity.term().slug.to_owned(),
                thousands(read.participants.into()),
                themes(read),
                read.advisor_id.to_string(),
                printable(&record.cra_id),
            ],
            // A newer service may use words that this command does not know.
            None => [
                raw(|cra| &cra.date),
                raw(|cra| cra.place.as_ref().map_or("", |place| &place.commune_code)),
                String::new(),
                String::new(),
                String::new(),
                raw(|cra| &cra.advisor_id),
                printable(&record.cra_id),
            ],
        };
        let [date, rest @ ..] = cells;
        let cells: Vec<_> = std::iter::once(short_day(&date)).chain(rest).collect();
        self.layout.row(&cells)
    }
}

/// Footer of a list: whether there are more rows, and the snapshot.
pub(crate) fn foot(more_follow: bool, shown: u64, state: Option<&v1::Snapshot>, style: Style) -> String {
    let reported = match (shown, more_follow) {
        (0, _) => "Aucun CRA ne correspond à la sélection.\n",
        (_, true) => "d'autres CRA suivent : --all ou --limit N\n",
        (_, false) => "",
    };
    toned(style, Tone::Quiet, reported) + &snapshot(state, style)
}

/// One CRA at a position of the log.
pub(crate) fn page(answer: &v1::GetCraResponse, style: Style) -> String {
    let none = v1::CraRecord::default();
    let record = answer.record.as_ref().unwrap_or(&none);
    let id = printable(&record.cra_id);
    let mut text = format!("{}\n{id}\n\n", toned(style, Tone::Title, "Compte-rendu d'activité"));
    let number = format!("Révision {}", record.revision);
    let recorded = format!("  enregistré le {}", instant(record.recorded_at.as_ref()));
    let gap = if width(&number) + width(&recorded) <= style.columns { "" } else { "\n" };
    text += &format!("{}{gap}{recorded}\n", toned(style, Tone::Figure, &number));
    if record.corrected_at.is_some() {
        text += &format!("  Corrigé le {}\n", instant(record.corrected_at.as_ref()));
    }
    if record.legacy_form_version > 0 {
        let version = FormVersion::from_number(record.legacy_form_version);
        let version =
            version.map_or_else(|| format!("V{}", record.legacy_form_version), |v| form(v).to_owned());
        text += &format!("  Importé du formulaire {version}\n");
    }
    if answer.withdrawn {
        text += &format!("  {}\n", toned(style, Tone::Bad, "Retiré des statistiques"));
    }
    text += &match Cra::from_message(record.cra.as_ref().unwrap_or(&v1::Cra::default())) {
        Ok(cra) => {
            let forgotten = Forgotten::from_message(record.forgotten.as_ref()).unwrap_or_default();
            content(&fields(&cra, &forgotten), style)
        }
        Err(error) => format!("  {}\n", toned(style, Tone::Bad, &printable(&error.to_string()))),
    };
    text + &snapshot(answer.snapshot.as_ref(), style)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::text::assert_fits;

    fn record() -> v1::CraRecord {
        let cra = v1::Cra {
            advisor_id: "conseiller-numerique-de-la-reunion-0001".to_owned(),
            structure_id: "structure-001".to_owned(),
            date: "2024-03-12".to_owned(),
            place: Some(cra_fixtures::place(v1::Channel::Venue, "97411", "97400")),
            activity: v1::Activity::Workshop.into(),
            participants: Some(12),
            themes: (1..=19).filter(|theme| *theme != 4).collect(),
            annotation: "a".repeat(35),
            ..v1::Cra::default()
        };
        v1::CraRecord {
            cra_id: "0190f3a0-0000-7000-8000-000000000000".to_owned(),
            revision: 2,
            cra: Some(cra),
            recorded_at: Some(prost_types::Timestamp { seconds: 1_709_294_400, nanos: 0 }),
            corrected_at: None,
            legacy_form_version: 0,
            forgotten: None,
        }
    }

    fn style(columns: usize) -> Style {
        Style { columns, colour: false }
    }

    #[test]
    fn a_line_shows_the_day_the_place_the_kind_and_the_id() {
        let lines = Lines::new(style(120));
        let line = lines.line(&record());
        assert!(line.starts_with("12/03/2024  Saint-Denis"), "{line}");
        assert!(line.contains("  collectif      12  Prendre en"), "{line}");
        assert!(line.ends_with("  0190f3a0-0000-7000-8000-000000000000\n"), "{line}");
    }

    #[test]
    fn every_record_is_one_line_that_fits_with_its_complete_id() {
        for columns in [60, 80, 120] {
            let lines = Lines::new(style(columns));
            let text = lines.head(&v1::Selection::default()) + &lines.line(&record());
            assert_fits(&text, columns);
            assert_eq!(lines.line(&record()).lines().count(), 1);
            assert!(text.contains(&record().cra_id), "{text}");
        }
    }

    #[test]
    fn an_unreadable_cra_keeps_its_line() {
        let mut newer = record();
        newer.cra.as_mut().unwrap().themes = vec![99];
        let line = Lines::new(style(120)).line(&newer);
        assert!(line.contains("97411") && line.contains(&newer.cra_id), "{line}");
        let answer = v1::GetCraResponse { record: Some(newer), ..v1::GetCraResponse::default() };
        assert!(page(&answer, style(80)).contains("themes cannot be read: 99"));
    }

    #[test]
    fn the_page_shows_the_content_and_its_later_changes() {
        let mut corrected = record();
        corrected.corrected_at = Some(prost_types::Timestamp { seconds: 1_709_380_800, nanos: 0 });
        corrected.legacy_form_version = 2;
        let answer = v1::GetCraResponse { record: Some(corrected), withdrawn: true, snapshot: None };
        let text = page(&answer, style(80));
        for expected in [
            "Révision 2  enregistré le 1er mars 2024 à 13:00:00 (heure de Paris)\n",
            "  Corrigé le 2 mars 2024 à 13:00:00 (heure de Paris)\n",
            "  Importé du formulaire V2",
            "  Retiré des statistiques\n",
            "Commune                     Saint-Denis 97400 (97411)\n",
        ] {
            assert!(text.contains(expected), "{expected:?} in:\n{text}");
        }
    }

    #[test]
    fn a_text_that_was_forgotten_is_shown_as_forgotten() {
        let mut record = record();
        record.cra.as_mut().unwrap().annotation.clear();
        let at = Some(prost_types::Timestamp { seconds: 1_709_294_400, nanos: 0 });
        let (annotation_at, advisor_at) = (at, at);
        record.forgotten = Some(v1::Forgotten { annotation_at, advisor_at, ..v1::Forgotten::default() });
        let answer = v1::GetCraResponse { record: Some(record), ..v1::GetCraResponse::default() };
        let text = page(&answer, style(140));
        let since = "le 1er mars 2024 à 13:00:00 (heure de Paris)";
        assert!(text.contains(&format!("Précision                   texte oublié {since}\n")), "{text}");
        assert!(text.contains(&format!("-0001 (identifiant oublié {since})\n")), "{text}");
    }

    #[test]
    fn the_page_fits_every_terminal_and_is_complete() {
        let answer = v1::GetCraResponse { record: Some(record()), ..v1::GetCraResponse::default() };
        for columns in [60, 80, 120] {
            let text = page(&answer, style(columns));
            assert_fits(&text, columns);
            let words: Vec<_> = text.split_whitespace().collect();
            assert!(words.join(" ").contains("Prendre en main du matériel, Naviguer sur Internet"), "{text}");
            assert!(text.contains("aaaaaaaa"), "{text}");
        }
    }

    #[test]
    fn a_list_states_whether_there_are_more_rows() {
        assert!(foot(true, 25, None, style(80)).contains("--all"));
        assert_eq!(foot(false, 25, None, style(80)), "");
        assert!(foot(false, 0, None, style(80)).contains("Aucun CRA"));
    }
}
