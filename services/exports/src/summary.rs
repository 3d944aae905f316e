//! The first sheet of a report, on one page: title, days, territory, snapshot, key figures and the most important
//! charts. Every figure on it is also on another sheet.

use std::io;

use cra_contracts::v1;
use cra_domain::selection::period;
use rust_xlsxwriter::{Format, FormatAlign, Workbook, Worksheet, XlsxError};

use super::about::About;
use super::periods;
use super::xlsx::{self, ACCENT, Chart, ChartArea, QUIET, failed};

const SHEET: &str = "Synthèse";
/// Number of columns of the page's grid, and their width in pixels.
const COLUMNS: u16 = 12;
const COLUMN_PIXELS: u32 = 86;
const COLUMNS_OF_A_FIGURE: u16 = 3;
/// Maximum number of values of one field of the selection on the sheet, and of fields.
const VALUES_MAX: usize = 6;
const FIELDS_MAX: usize = 6;
/// Size of a chart in pixels, and of the long one.
const CHART_HEIGHT: u32 = 280;
const LONG_CHART_HEIGHT: u32 = 2 * CHART_HEIGHT + 10;

/// A figure of the page: its name and its value.
type Figure = (&'static str, fn(&v1::Statistics) -> Number);

/// Format of a figure.
enum Number {
    Count(u64),
    Hours(u64),
    PerMille(u32),
}

const FIGURES: [Figure; 8] = [
    ("CRA enregistrés", |s| Number::Count(s.cras)),
    ("Accompagnements", |s| Number::Count(s.acts)),
    ("Personnes accompagnées", |s| Number::Count(s.people)),
    ("Ateliers collectifs", |s| Number::Count(s.workshops)),
    ("Accompagnements individuels", |s| Number::Count(s.individual_supports)),
    ("Demandes ponctuelles", |s| Number::Count(s.one_off_requests)),
    ("Heures passées (estimation)", |s| {
        let total = s.time_spent.iter().find(|time| time.name == "total");
        Number::Hours(total.map_or(0, |total| total.estimated_minutes))
    }),
    ("Accompagnements avec une suite", |s| Number::PerMille(s.follow_up.unwrap_or_default().rate_per_mille)),
];

/// Adds the sheet. `months` is the number of rows of the sheet of months, `drawn` the number of lines in the chart of a
/// sheet.
pub(super) fn add_to(
    workbook: &mut Workbook,
    statistics: &v1::Statistics,
    about: &About,
    months: usize,
    drawn: &dyn Fn(&'static str) -> usize,
) -> io::Result<()> {
    let sheet = workbook.add_worksheet();
    let row = add_words(sheet, statistics, about).map_err(failed)?;
    if statistics.cras == 0 {
        let quiet = Format::new().set_font_color(QUIET).set_italic();
        let nothing = "Aucun compte-rendu ne correspond à la sélection.";
        sheet.write_string_with_format(row, 0, nothing, &quiet).map_err(failed)?;
        return xlsx::print_on_one_page(sheet, row, COLUMNS - 1);
    }
    let half = COLUMNS / 2;
    let width = |columns: u16| u32::from(columns) * COLUMN_PIXELS - 8;
    let wide = ChartArea { row, column: 0, width: width(half), height: CHART_HEIGHT };
    let below = wide.last_row();
    let small = |column| ChartArea { row: below, column, width: width(half / 2), height: CHART_HEIGHT };
    let long = ChartArea { row, column: half, width: width(half), height: LONG_CHART_HEIGHT };
    xlsx::draw(sheet, &periods::months_chart(periods::MONTHS, months), &wide)?;
    let charts = [
        ("Activités", "CRA par type d'activité", "CRA", small(0)),
        ("Âges", "Participants par tranche d'âge", "Participants", small(half / 2)),
        ("Thématiques", "CRA par thématique", "CRA", long),
    ];
    for (of, title, unit, area) in charts {
        xlsx::draw(sheet, &Chart::bars(of, title, unit, drawn(of)), &area)?;
    }
    let last = long.last_row().max(small(0).last_row());
    xlsx::print_on_one_page(sheet, last, COLUMNS - 1)
}

/// Writes texts and figures; returns the first free row.
fn add_words(sheet: &mut Worksheet, statistics: &v1::Statistics, about: &About) -> Result<u32, XlsxError> {
    sheet.set_name(SHEET)?.set_screen_gridlines(false);
    for column in 0..COLUMNS {
        sheet.set_column_width_pixels(column, COLUMN_PIXELS)?;
    }
    let title = Format::new().set_bold().set_font_size(20).set_font_color(ACCENT);
    let strong = Format::new().set_bold().set_font_size(12).set_text_wrap().set_align(FormatAlign::Top);
    let quiet = Format::new().set_font_color(QUIET).set_font_size(9);
    let mut row = 0;
    let mut line = |sheet: &mut Worksheet, text: &str, pixels: u32, format: &Format| {
        sheet.set_row_height_pixels(row, pixels)?;
        sheet.merge_range(row, 0, row, COLUMNS - 1, text, format)?;
        row += 1;
        Ok::<_, XlsxError>(row)
    };
    line(sheet, &about.content.title(), 36, &title)?;
    line(sheet, &format!("Période : {}", period(&about.selection)), 22, &strong)?;
    let restrictions = about.restrictions(VALUES_MAX);
    if restrictions.is_empty() {
        line(sheet, "Territoire : toute la France", 22, &strong)?;
    }
    let (named, others) = restrictions.split_at(restrictions.len().min(FIELDS_MAX));
    for restriction in named {
        // A line of the page has about 110 characters of that size.
        let lines = u32::try_from(restriction.chars().count().div_ceil(110)).unwrap_or(1);
        line(sheet, restriction, 20 * lines.max(1) + 2, &strong)?;
    }
    if !others.is_empty() {
        line(sheet, "Autres critères : voir la feuille « Définitions »", 22, &strong)?;
    }
    let after = line(sheet, &about.state(), 20, &quiet)?;
    add_figures(sheet, after + 1, statistics)
}

fn add_figures(sheet: &mut Worksheet, first: u32, statistics: &v1::Statistics) -> Result<u32, XlsxError> {
    let number = Format::new()
        .set_bold()
        .set_font_size(20)
        .set_font_color(ACCENT)
        .set_align(FormatAlign::Center)
        .set_num_format("#,##0");
    let share = number.clone().set_num_format("0.0%");
    let name = Format::new().set_font_size(10).set_font_color(QUIET).set_align(FormatAlign::Center);
    let figures_of_a_row = usize::from(COLUMNS / COLUMNS_OF_A_FIGURE);
    let mut row = first;
    for figures in FIGURES.chunks(figures_of_a_row) {
        sheet.set_row_height_pixels(row, 36)?.set_row_height_pixels(row + 1, 24)?;
        for (index, (label, of)) in (0..).zip(figures) {
            let column = index * COLUMNS_OF_A_FIGURE;
            let last = column + COLUMNS_OF_A_FIGURE - 1;
            let format = if matches!(of(statistics), Number::PerMille(_)) { &share } else { &number };
            sheet.merge_range(row, column, row, last, "", format)?;
            match of(statistics) {
                Number::Count(count) => sheet.write_with_format(row, column, count, format)?,
                Number::Hours(minutes) => {
                    sheet.write_with_format(row, column, (minutes + 30) / 60, format)?
                }
                Number::PerMille(share) => {
                    sheet.write_number_with_format(row, column, f64::from(share) / 1000.0, format)?
                }
            };
            sheet.merge_range(row + 1, column, row + 1, last, label, &name)?;
        }
        // Vertical spacing.
        sheet.set_row_height_pixels(row + 2, 12)?;
        row += 3;
    }
    Ok(row)
}
