//! The lines of `cra doubles`: two per pair, the CRA recorded first above the other one.

use cra_contracts::v1;
use cra_domain::cra::Cra;
use cra_domain::event::timestamp;
use cra_domain::territory;
use cra_domain::vocabulary::Word as _;
use jiff::tz::TimeZone;

use super::frame::{snapshot, title};
use super::rows::left_out;
use super::table::{FixedColumn, Kind, Layout};
use super::text::{Tone, counted, printable, short_day, thousands, toned, wrapped};
use crate::style::Style;

/// Minimum width of the day and the activity.
const SESSION_COLUMNS_MIN: usize = 21;
const CLIENT_COLUMNS_MIN: usize = 10;
/// Width of an instant: `04/03/2024 12:00`.
const INSTANT_COLUMNS: usize = 16;
/// The first cell has the session above the advisor.
const COLUMNS: [FixedColumn; 5] = [
    (Kind::Text(SESSION_COLUMNS_MIN), 44, "Séance et conseiller", 1),
    (Kind::Id, INSTANT_COLUMNS, "Enregistré (UTC)", 0),
    (Kind::Text(CLIENT_COLUMNS_MIN), 20, "Client", 2),
    (Kind::Number, 8, "Position", 3),
    (Kind::Id, 36, "Identifiant", 0),
];

pub(crate) struct Pairs {
    layout: Layout,
    style: Style,
}

impl Pairs {
    pub(crate) fn new(style: Style) -> Self {
        Self { layout: Layout::fixed(&COLUMNS, style), style }
    }

    pub(crate) fn title(&self, selection: &v1::Selection) -> String {
        title("Doublons probables", selection, self.style)
    }

    pub(crate) fn head(&self) -> String {
        left_out(&self.layout.left_out(), "--json", self.style) + &self.layout.head()
    }

    pub(crate) fn pair(&self, double: &v1::LikelyDouble) -> String {
        let cra = double.earlier.as_ref().and_then(|it| it.record.as_ref()?.cra.as_ref());
        let (session, advisor) =
            cra.map_or_else(Default::default, |cra| (session(cra), printable(&cra.advisor_id)));
        [(&double.earlier, session), (&double.later, advisor)]
            .map(|(recorded, what)| self.layout.row(&cells(recorded.as_ref(), what)))
            .concat()
    }
}

/// Day, activity, people and commune.
fn session(cra: &v1::Cra) -> String {
    let day = short_day(&cra.date);
    // A newer service may use words that this command does not know.
    let Ok(read) = Cra::from_message(cra) else {
        return day;
    };
    let people = counted(read.participants.into(), "personne", "personnes");
    let commune = territory::communes().get(read.place.commune).name();
    format!("{day} {}, {people}, {commune}", read.activity.term().slug)
}

fn cells(recorded: Option<&v1::RecordedCra>, what: String) -> Vec<String> {
    let record = recorded.and_then(|it| it.record.as_ref());
    let recorded_at = record.and_then(|it| timestamp("recorded_at", it.recorded_at.as_ref()).ok());
    let recorded_at =
        recorded_at.map(|at| TimeZone::UTC.to_datetime(at).strftime("%d/%m/%Y %H:%M").to_string());
    let client = recorded.map(|it| it.client_id.as_str()).filter(|client| !client.is_empty());
    vec![
        what,
        recorded_at.unwrap_or_default(),
        client.map_or_else(|| "inconnu".to_owned(), printable),
        recorded.map(|it| thousands(it.position)).unwrap_or_default(),
        record.map(|it| printable(&it.cra_id)).unwrap_or_default(),
    ]
}

/// Footer of the listing: whether there are more pairs, what to do, and the snapshot.
pub(crate) fn foot(more_follow: bool, shown: u64, state: Option<&v1::Snapshot>, style: Style) -> String {
    let mut reported = match (shown, more_follow) {
        (0, false) => vec!["Aucun doublon probable dans la sélection."],
        (_, true) => vec!["d'autres paires suivent : --all ou --limit N"],
        (_, false) => vec![],
    };
    if shown > 0 {
        reported.push(
            "Si une paire est bien une seule séance, retirez l'un des deux CRA : cra withdraw IDENTIFIANT --reason \
             doublon",
        );
    }
    let lines = reported.into_iter().flat_map(|line| wrapped(line, style.columns));
    let lines: String = lines.map(|line| format!("{}\n", toned(style, Tone::Quiet, &line))).collect();
    let gap = if shown > 0 { "\n" } else { "" };
    format!("{gap}{lines}{}", snapshot(state, style))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::text::assert_fits;

    fn recorded(second: i64, client_id: &str) -> v1::RecordedCra {
        let cra = v1::Cra {
            date: "2024-03-01".to_owned(),
            place: Some(cra_fixtures::place(v1::Channel::OtherPlace, "35238", "35000")),
            ..cra_fixtures::workshop(5)
        };
        let record = v1::CraRecord {
            cra_id: format!("0190f3a0-0000-7000-8000-00000000000{second}"),
            revision: 1,
            cra: Some(cra),
            recorded_at: Some(prost_types::Timestamp { seconds: 1_709_294_400 + second, nanos: 0 }),
            ..v1::CraRecord::default()
        };
        v1::RecordedCra { record: Some(record), position: 1_200, client_id: client_id.to_owned() }
    }

    #[test]
    fn a_pair_shows_session_advisor_client_and_place_in_two_lines() {
        let double =
            v1::LikelyDouble { earlier: Some(recorded(1, "plateforme-1")), later: Some(recorded(2, "")) };
        let pairs = Pairs::new(Style { columns: 150, colour: false });
        let text = pairs.pair(&double).replace(['\u{202f}', '\u{a0}'], " ");
        let [earlier, later] = text.lines().collect::<Vec<_>>()[..] else { panic!("{text}") };
        for expected in [
            "01/03/2024 collectif, 5 personnes, Rennes",
            "01/03/2024 12:00",
            "plateforme-1",
            "1 200",
            "-000000000001",
        ] {
            assert!(earlier.contains(expected), "{expected} in {earlier}");
        }
        for expected in ["conseiller-1", "01/03/2024 12:00", "inconnu", "-000000000002"] {
            assert!(later.contains(expected), "{expected} in {later}");
        }
    }

    #[test]
    fn pairs_fit_every_terminal_with_complete_ids() {
        let double =
            v1::LikelyDouble { earlier: Some(recorded(1, &"p".repeat(60))), later: Some(recorded(2, "q")) };
        for columns in [60, 80, 100, 120] {
            let style = Style { columns, colour: false };
            let pairs = Pairs::new(style);
            let text = pairs.title(&v1::Selection::default())
                + &pairs.head()
                + &pairs.pair(&double)
                + &foot(true, 1, None, style);
            assert_fits(&text, columns);
            assert!(text.contains("-000000000001") && text.contains("-000000000002"), "{text}");
        }
    }

    #[test]
    fn unknown_words_and_missing_parts_do_not_end_the_list() {
        let pairs = Pairs::new(Style { columns: 100, colour: false });
        assert_eq!(pairs.pair(&v1::LikelyDouble::default()).lines().count(), 2);
    }
}
