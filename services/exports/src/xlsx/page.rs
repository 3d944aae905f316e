//! Print layout of sheets: A4 landscape, scaled to the page width, with the file's title above, and the snapshot and
//! the page number below.

use std::io;

use rust_xlsxwriter::{Workbook, Worksheet};

use super::super::about::About;
use super::failed;

/// A4, by the format's number.
const A4: u8 = 9;
/// Margins in inches.
const MARGIN: f64 = 0.45;
const MARGIN_OF_LINES: f64 = 0.75;
const LINE: f64 = 0.3;
/// Maximum number of characters from the file in a header or footer: the format allows 255 with markup.
const LINE_CHARACTERS_MAX: usize = 180;

/// Sets up every sheet of a workbook. Charts and tables set the number of pages before.
pub(super) fn set_up(workbook: &mut Workbook, about: &About) {
    let header = format!("&L&\"-,Bold\"&10{}&R&10&A", escaped(&about.title()));
    let footer = format!("&L&8{}&R&8Page &P / &N", escaped(&about.state()));
    for sheet in workbook.worksheets_mut() {
        sheet
            .set_landscape()
            .set_paper_size(A4)
            .set_margins(MARGIN, MARGIN, MARGIN_OF_LINES, MARGIN_OF_LINES, LINE, LINE)
            .set_header(header.as_str())
            .set_footer(footer.as_str())
            // Constant size, whatever the scale of the sheet.
            .set_header_footer_scale_with_doc(false);
    }
}

/// The text escaped for a header, where `&` starts markup; truncated to the format's limit.
fn escaped(text: &str) -> String {
    let is_long = text.chars().count() > LINE_CHARACTERS_MAX;
    let cut: String = text.chars().take(LINE_CHARACTERS_MAX).collect();
    let end = if is_long { "…" } else { "" };
    format!("{}{end}", cut.replace('&', "&&"))
}

/// Prints the cells up to these on one page, with the charts over them.
pub(in super::super) fn print_on_one_page(
    sheet: &mut Worksheet,
    last_row: u32,
    last_column: u16,
) -> io::Result<()> {
    sheet.set_print_fit_to_pages(1, 1).set_print_area(0, 0, last_row, last_column).map_err(failed)?;
    Ok(())
}

/// Prints the cells up to these on pages of one width, each with the column names.
pub(in super::super) fn print_over_pages(
    sheet: &mut Worksheet,
    last_row: u32,
    last_column: u16,
) -> io::Result<()> {
    sheet
        .set_print_fit_to_pages(1, 0)
        .set_print_area(0, 0, last_row, last_column)
        .and_then(|sheet| sheet.set_repeat_rows(0, 0))
        .map_err(failed)?;
    Ok(())
}
