//! The sheet of a workbook with the description of the file and the definitions of its figures.

use std::io;

use cra_domain::definitions::Definition;
use cra_domain::selection::{period, restrictions};
use rust_xlsxwriter::Workbook;

use super::about::{About, interval};
use super::cell::{Column, Kind};
use super::xlsx;

const SHEET: &str = "Définitions";
/// Heading of the file's description.
const OF_THE_FILE: &str = "Ce fichier";
/// Maximum number of values of one field in the sheet; a cell holds at most some 32,000 characters.
const VALUES_MAX: usize = 400;

struct Line {
    rubric: &'static str,
    label: String,
    text: String,
    code: String,
}

pub(super) fn add(about: &About, workbook: &mut Workbook, definitions: &[Definition]) -> io::Result<()> {
    let mut lines: Vec<Line> = lines(about);
    lines.extend(definitions.iter().map(|definition| Line {
        rubric: definition.rubric(),
        label: definition.label.to_owned(),
        text: definition.meaning.to_owned(),
        code: definition.path(),
    }));
    let columns = [
        Column::required("rubrique", Kind::Text, |line: &Line| line.rubric.into())
            .headed("Rubrique")
            .wide(22),
        Column::required("libelle", Kind::Text, |line: &Line| line.label.as_str().into())
            .headed("Libellé")
            .wide(36),
        Column::required("texte", Kind::Text, |line: &Line| line.text.as_str().into())
            .headed("Signification")
            .wide(84),
        Column::optional("code", Kind::Text, |line: &Line| line.code.as_str().into())
            .headed("Code")
            .wide(38)
            .code(),
    ];
    xlsx::add_report_table(workbook, SHEET, &columns, &lines)?;
    Ok(())
}

fn lines(about: &About) -> Vec<Line> {
    let line = |label: &str, text: String, code: String| Line {
        rubric: OF_THE_FILE,
        label: label.to_owned(),
        text,
        code,
    };
    let mut lines = vec![
        line("Contenu", about.content.title(), about.content.slug()),
        line("Période", period(&about.selection), interval(&about.selection)),
    ];
    for restriction in restrictions(&about.selection) {
        let named = restriction.values.iter().take(VALUES_MAX);
        let codes: Vec<_> = named.map(|value| value.code.as_str()).collect();
        lines.push(line(restriction.label(), restriction.text(VALUES_MAX), codes.join(" ")));
    }
    lines.extend(about.snapshot().into_iter().map(|shown| {
        let text = shown.number.map_or(shown.text, |number| number.to_string());
        line(shown.label, text, shown.code)
    }));
    lines
}
