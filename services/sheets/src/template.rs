//! A template to fill in: as CSV with headings only, as XLSX also with lists to choose from.

use cra_domain::vocabulary::{
    Activity, AgeBand, Channel, DurationBand, Organisation, Status, SubTheme, Theme, Word,
};
use rust_xlsxwriter::{
    DataValidation, DataValidationErrorStyle, DataValidationRule, Format, Formula, Note, Workbook, Worksheet,
    XlsxError,
};

/// Name of the sheet of the table.
const SHEET: &str = "CRA";
/// Name of the sheet of words to choose from.
const WORDS_SHEET: &str = "Mots";
/// Number of rows that have lists to choose from.
const ROWS: u32 = 5_000;

/// Kind of a column of the template.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    /// A code of digits. Stored as text, because a spreadsheet would remove leading zeros.
    Code,
    Day,
    Count,
    /// One word of a list.
    Word(usize),
    /// Several words of a list.
    Words(usize),
}

/// A column: its heading, its kind, and the help text of its cells.
struct Column {
    heading: String,
    kind: Kind,
    help: &'static str,
}

/// The lists, by their index in the sheet of words.
const LISTS: [&str; 6] = ["Canal", "Activité", "Thématiques", "Sous-thématiques", "Durée", "Organismes"];

/// Date format of French spreadsheets.
pub fn csv() -> Result<Vec<u8>, csv::Error> {
    let mut file = "\u{feff}".as_bytes().to_vec();
    let mut writer =
        csv::WriterBuilder::new().delimiter(b';').terminator(csv::Terminator::CRLF).from_writer(&mut file);
    writer.write_record(columns().iter().map(|column| column.heading.as_bytes()))?;
    writer.flush()?;
    drop(writer);
    Ok(file)
}

/// Writes the template as a workbook, with a sheet of the words to choose from.
pub fn workbook() -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    sheet.set_name(SHEET)?.set_freeze_panes(1, 0)?.set_landscape();
    for (index, column) in (0..).zip(columns()) {
        write_column(sheet, index, &column)?;
    }
    write_words(workbook.add_worksheet().set_name(WORDS_SHEET)?)?;
    workbook.save_to_buffer()
}

fn write_column(sheet: &mut Worksheet, index: u16, column: &Column) -> Result<(), XlsxError> {
    let head = Format::new().set_bold().set_text_wrap();
    sheet.write_with_format(0, index, &column.heading, &head)?;
    if !column.help.is_empty() {
        sheet.insert_note(0, index, &Note::new(column.help).set_author("").add_author_prefix(false))?;
    }
    let (width, format) = match column.kind {
        Kind::Text => (22, "@"),
        Kind::Code => (12, "@"),
        Kind::Day => (12, "dd/mm/yyyy"),
        Kind::Count => (12, "0"),
        Kind::Word(_) | Kind::Words(_) => (26, "General"),
    };
    sheet.set_column_width(index, width)?;
    sheet.set_column_format(index, &Format::new().set_num_format(format))?;
    if let Some(validation) = validation(column.kind)? {
        sheet.add_data_validation(1, index, ROWS, index, &validation)?;
    }
    Ok(())
}

fn validation(kind: Kind) -> Result<Option<DataValidation>, XlsxError> {
    let validation = DataValidation::new();
    Ok(match kind {
        Kind::Text | Kind::Code | Kind::Day => None,
        Kind::Count => Some(
            validation
                .allow_whole_number(DataValidationRule::GreaterThanOrEqualTo(0))
                .set_error_message("Un nombre entier de personnes ou de minutes.")?,
        ),
        Kind::Word(list) => Some(
            validation.allow_list_formula(range(list)).set_error_message("Choisissez un mot de la liste.")?,
        ),
        // A spreadsheet's list offers one word; several are typed.
        Kind::Words(list) => Some(
            validation
                .allow_list_formula(range(list))
                .set_error_style(DataValidationErrorStyle::Information)
                .set_error_message("Plusieurs mots se séparent par une barre : Courriels | Santé")?,
        ),
    })
}

/// Range of a list in the sheet of words.
fn range(list: usize) -> Formula {
    let column = char::from(b'A' + u8::try_from(list).unwrap_or_default());
    let end = words(list).len() + 1;
    Formula::new(format!("={WORDS_SHEET}!${column}$2:${column}${end}"))
}

fn words(list: usize) -> Vec<&'static str> {
    fn labels<W: Word>() -> Vec<&'static str> {
        W::ALL.iter().map(|word| word.term()).filter(|term| term.open).map(|term| term.label).collect()
    }
    match list {
        0 => labels::<Channel>(),
        1 => labels::<Activity>(),
        2 => labels::<Theme>(),
        3 => labels::<SubTheme>(),
        4 => labels::<DurationBand>(),
        _ => labels::<Organisation>(),
    }
}

fn write_words(sheet: &mut Worksheet) -> Result<(), XlsxError> {
    let head = Format::new().set_bold();
    sheet.set_freeze_panes(1, 0)?;
    for (index, name) in (0..).zip(LISTS) {
        sheet.write_with_format(0, index, name, &head)?;
        sheet.write_column(1, index, words(usize::from(index)))?;
        sheet.set_column_width(index, 34)?;
    }
    Ok(())
}

fn columns() -> Vec<Column> {
    let column = |heading: &str, kind, help| Column { heading: heading.to_owned(), kind, help };
    let mut columns = vec![
        column("Date", Kind::Day, "Jour de l'activité. Vide : aujourd'hui."),
        column("Conseiller", Kind::Text, "Identifiant du conseiller numérique."),
        column("Structure", Kind::Text, "Identifiant de la structure qui l'emploie."),
        column("Canal", Kind::Word(0), ""),
        column("Commune", Kind::Text, "Nom de la commune ; le code suffit aussi."),
        column("Code commune", Kind::Code, "Code INSEE. Vide : trouvé d'après le nom et le code postal."),
        column("Code postal", Kind::Code, "Vide là où la commune n'en a qu'un."),
        column("Lieu", Kind::Text, "Identifiant du lieu d'activité, s'il est enregistré."),
        column("Activité", Kind::Word(1), ""),
        column("Participants", Kind::Count, "Vide : 5 pour un atelier, 1 sinon."),
        column(
            "Déjà accompagnées",
            Kind::Count,
            "Parmi les participants, les personnes rencontrées auparavant.",
        ),
    ];
    let counts = |list: &str, label: &str| column(&format!("{list} : {label}"), Kind::Count, "");
    columns.extend(AgeBand::ALL.iter().map(|band| counts("Âge", band.term().label)));
    columns.extend(Status::ALL.iter().map(|status| counts("Statut", status.term().label)));
    columns.extend([
        column("Thématiques", Kind::Words(2), "Une ou plusieurs : Courriels | Santé"),
        column("Sous-thématiques", Kind::Words(3), ""),
        column("Précision", Kind::Text, "3 à 35 caractères, jamais de donnée personnelle."),
        column("Durée", Kind::Word(4), ""),
        column("Durée en minutes", Kind::Count, "À partir d'une heure, par quarts d'heure : 60, 75, 90…"),
        column("Suite : individuel", Kind::Count, "Personnes qui seront revues individuellement."),
        column("Suite : atelier", Kind::Count, "Personnes qui viendront à un atelier."),
        column("Suite : redirections", Kind::Text, "CAF: 2 | Mairie: 1"),
    ]);
    columns
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::columns::{Column as Known, Columns};

    #[test]
    fn every_heading_of_the_template_is_read_by_submit() {
        let headings: Vec<String> = columns().into_iter().map(|column| column.heading).collect();
        let read = Columns::of(headings.iter().map(String::as_str)).unwrap();
        assert_eq!((read.unread(), read.missing()), (vec![], vec![]));
        assert!(!read.has(Known::CraId), "rows of people have no id");
    }
}
