//! The table of `cra cross`, for the terminal and as CSV for spreadsheets. It has no totals: a CRA counts in each of
//! its themes, so the sum of a row is generally meaningless.

use cra_contracts::v1::{self, Dimension, Measure};
use cra_domain::spreadsheet::neutral;

use super::frame::{snapshot, title};
use super::labels::{heading, label};
use super::rows::{LABEL_COLUMNS_MIN, left_out};
use super::table::{Column, Kind, Layout};
use super::text::{Tone, minutes, thousands, toned};
use crate::style::Style;

/// Maximum number of dropped columns that are named.
const NAMED_MAX: usize = 3;
const BYTE_ORDER_MARK: &str = "\u{feff}";

#[derive(Clone, Copy, Debug)]
pub(crate) struct Axes<'a> {
    pub(crate) selection: &'a v1::Selection,
    pub(crate) rows: Dimension,
    pub(crate) columns: Dimension,
    pub(crate) measure: Measure,
}

/// The whole page.
pub(crate) fn page(asked: &Axes<'_>, answer: &v1::GetCrossTableResponse, style: Style) -> String {
    let mut columns = vec![Column::new(heading(asked.rows), Kind::Text(LABEL_COLUMNS_MIN), 0)];
    let labels = (1..).zip(column_labels(asked, answer));
    columns.extend(labels.map(|(place, label)| Column::new(label, Kind::Number, place)));
    let figure = |value: u64| match asked.measure {
        Measure::EstimatedMinutes => minutes(value),
        _ => thousands(value),
    };
    let cells = |row: &v1::CrossTableRow| {
        let name = label(asked.rows, &row.name, &row.label);
        std::iter::once(name).chain(row.values.iter().map(|value| figure(*value))).collect::<Vec<_>>()
    };
    let rows: Vec<_> = answer.rows.iter().map(cells).collect();

    let mut text = title(&subject(asked), asked.selection, style);
    if rows.is_empty() || answer.columns.is_empty() {
        text += &format!("{}\n", toned(style, Tone::Quiet, "Aucun CRA ne correspond à la sélection."));
        return text + &snapshot(answer.snapshot.as_ref(), style);
    }
    let layout = Layout::of(columns, &rows, style);
    text += &layout.table(&rows);
    let left = layout.left_out();
    let (named, more) = left.split_at(left.len().min(NAMED_MAX));
    let more = format!("{} autres colonnes", more.len());
    let named = named.iter().copied().chain((left.len() > NAMED_MAX).then_some(more.as_str()));
    text += &left_out(&named.collect::<Vec<_>>(), "--csv ou --json", style);
    text + &snapshot(answer.snapshot.as_ref(), style)
}

/// Description of the table, for the CSV: the selection and the snapshot.
pub(crate) fn about(asked: &Axes<'_>, answer: &v1::GetCrossTableResponse, style: Style) -> String {
    title(&subject(asked), asked.selection, style).trim_end().to_owned()
        + &snapshot(answer.snapshot.as_ref(), style)
}

fn column_labels(asked: &Axes<'_>, answer: &v1::GetCrossTableResponse) -> Vec<String> {
    let labels = answer.column_labels.iter().map(String::as_str).chain(std::iter::repeat(""));
    answer.columns.iter().zip(labels).map(|(code, text)| label(asked.columns, code, text)).collect()
}

fn subject(asked: &Axes<'_>) -> String {
    let is_of_people = |dimension| matches!(dimension, Dimension::Age | Dimension::Status);
    let counted = match asked.measure {
        _ if is_of_people(asked.rows) || is_of_people(asked.columns) => "Personnes présentes",
        Measure::Acts => "Accompagnements",
        Measure::People => "Personnes accompagnées",
        Measure::EstimatedMinutes => "Temps estimé",
        Measure::Cras | Measure::Unspecified => "Comptes-rendus d'activité",
    };
    format!("{counted} : {} × {}", heading(asked.rows), heading(asked.columns))
}

/// The table for spreadsheets: codes as column names, because labels may change, and the labels in the row below;
/// minutes as a whole number.
pub(crate) fn csv(asked: &Axes<'_>, answer: &v1::GetCrossTableResponse) -> Result<String, csv::Error> {
    let mut writer = csv::WriterBuilder::new()
        .delimiter(b';')
        .terminator(csv::Terminator::CRLF)
        .from_writer(BYTE_ORDER_MARK.as_bytes().to_vec());
    let codes = answer.columns.iter().map(|code| neutral(code.into()).into_owned());
    writer.write_record(["code".to_owned(), "libelle".to_owned()].into_iter().chain(codes))?;
    let labels = column_labels(asked, answer).into_iter().map(|name| neutral(name.into()).into_owned());
    writer.write_record([String::new(), String::new()].into_iter().chain(labels))?;
    for row in &answer.rows {
        let named = [row.name.clone(), label(asked.rows, &row.name, &row.label)]
            .map(|text| neutral(text.into()).into_owned());
        let values = row.values.iter().map(u64::to_string);
        writer.write_record(named.into_iter().chain(values))?;
    }
    let bytes = writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
    // The bytes consist of texts, so they are UTF-8.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::text::assert_fits;

    const AGES: [(&str, &str); 5] = [
        ("AGE_BAND_UNDER_12", "Moins de 12 ans"),
        ("AGE_BAND_FROM_12_TO_18", "12-18 ans"),
        ("AGE_BAND_FROM_18_TO_35", "18-35 ans"),
        ("AGE_BAND_FROM_35_TO_60", "35-60 ans"),
        ("AGE_BAND_OVER_60", "Plus de 60 ans"),
    ];

    fn answer() -> v1::GetCrossTableResponse {
        let row = |name: &str, label: &str, values: [u64; 5]| v1::CrossTableRow {
            name: name.to_owned(),
            values: values.to_vec(),
            label: label.to_owned(),
        };
        v1::GetCrossTableResponse {
            columns: AGES.map(|(code, _)| code.to_owned()).to_vec(),
            column_labels: AGES.map(|(_, label)| label.to_owned()).to_vec(),
            rows: vec![
                row("THEME_EMAIL", "Courriels", [0, 1, 20, 300, 4_000]),
                row("THEME_SOCIAL_EXCHANGE", "Échanger avec ses proches", [1, 2, 3, 4, 5]),
            ],
            ..v1::GetCrossTableResponse::default()
        }
    }

    fn asked(selection: &v1::Selection) -> Axes<'_> {
        Axes { selection, rows: Dimension::Theme, columns: Dimension::Age, measure: Measure::Acts }
    }

    fn drawn(columns: usize) -> String {
        let selection = v1::Selection::default();
        let text = page(&asked(&selection), &answer(), Style { columns, colour: false });
        text.replace(['\u{a0}', '\u{202f}'], " ")
    }

    #[test]
    fn columns_and_rows_have_labels() {
        let expected = [
            "Personnes présentes : Thématique × Tranche d'âge toutes les dates",
            "",
            "Thématique                 Moins de 12 ans  12-18 ans  18-35 ans  35-60 ans  Plus de 60 ans",
            "───────────────────────────────────────────────────────────────────────────────────────────",
            "Courriels                                0          1         20        300           4 000",
            "Échanger avec ses proches                1          2          3          4               5",
        ];
        assert_eq!(drawn(100).lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn columns_without_room_are_counted_and_another_format_is_suggested() {
        let mut many = answer();
        many.columns = (1..=40).map(|day| format!("2021-{day:02}")).collect();
        many.column_labels.clear();
        for row in &mut many.rows {
            row.values = vec![1_000_000; 40];
        }
        let selection = v1::Selection::default();
        for columns in [60, 80, 120] {
            let text = page(&asked(&selection), &many, Style { columns, colour: false });
            assert_fits(&text, columns);
            let text = text.replace('\n', " ");
            assert!(text.contains("autres colonnes (--csv ou --json"), "{text}");
        }
        for columns in [60, 80, 120] {
            assert_fits(&drawn(columns), columns);
        }
    }

    #[test]
    fn minutes_are_hours_on_the_terminal_and_minutes_in_the_file() {
        let selection = v1::Selection::default();
        let asked =
            Axes { columns: Dimension::Channel, measure: Measure::EstimatedMinutes, ..asked(&selection) };
        let text = page(&asked, &answer(), Style { columns: 120, colour: false });
        assert!(text.contains("66\u{a0}h\u{a0}40") && text.contains("Temps estimé"), "{text}");
        assert!(csv(&asked, &answer()).unwrap().contains(";4000\r\n"));
    }

    #[test]
    fn the_csv_has_a_byte_order_mark_semicolons_codes_and_labels() {
        let selection = v1::Selection::default();
        let text = csv(&asked(&selection), &answer()).unwrap();
        let expected = "\u{feff}code;libelle;AGE_BAND_UNDER_12;AGE_BAND_FROM_12_TO_18;AGE_BAND_FROM_18_TO_35;\
                        AGE_BAND_FROM_35_TO_60;AGE_BAND_OVER_60\r\n\
                        ;;Moins de 12 ans;12-18 ans;18-35 ans;35-60 ans;Plus de 60 ans\r\n\
                        THEME_EMAIL;Courriels;0;1;20;300;4000\r\n\
                        THEME_SOCIAL_EXCHANGE;Échanger avec ses proches;1;2;3;4;5\r\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn no_cell_of_the_csv_is_a_formula_and_separators_are_quoted() {
        let mut formulas = answer();
        formulas.columns[0] = "=1+1".to_owned();
        formulas.rows[0].name = "-a;\"b\"".to_owned();
        formulas.rows[0].label = formulas.rows[0].name.clone();
        let selection = v1::Selection::default();
        let asked = Axes { rows: Dimension::Advisor, ..asked(&selection) };
        let text = csv(&asked, &formulas).unwrap();
        assert!(text.contains(";'=1+1;"), "{text}");
        assert!(text.contains("\n\"'-a;\"\"b\"\"\";\"'-a;\"\"b\"\"\";0"), "{text}");
    }

    #[test]
    fn an_empty_result_is_stated() {
        let selection = v1::Selection::default();
        let none = v1::GetCrossTableResponse::default();
        let text = page(&asked(&selection), &none, Style { columns: 80, colour: false });
        assert!(text.contains("Aucun CRA"), "{text}");
    }
}
