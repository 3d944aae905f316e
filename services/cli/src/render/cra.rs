//! The content of one CRA in French, field by field in the order of the form, shared by `cra show` and `cra history`.
//! Empty fields are not shown.

use cra_domain::cra::{Cra, commune_described, described};
use cra_domain::event::{Forgotten, with_forgotten};
use cra_domain::legacy::FormVersion;
use cra_domain::vocabulary::Word as _;

use super::text::{Tone, counted, day, left, printable, toned, width, wrapped};
use crate::style::Style;

const INDENT: &str = "    ";
/// Width of the labels.
pub(super) const LABEL_COLUMNS: usize = 28;

/// A field's label and its value in French; fields with an empty value are not shown.
pub(super) type Field = (&'static str, String);

/// The older form that a CRA was written with.
pub(super) fn form(version: FormVersion) -> &'static str {
    match version {
        FormVersion::V1 => "V1 (2021 à mars 2022)",
        FormVersion::V2 => "V2 (mars à novembre 2022)",
        FormVersion::V3 => "V3 (depuis novembre 2022)",
    }
}

/// A line per field, or several if the value is longer than the terminal.
pub(super) fn content(fields: &[Field], style: Style) -> String {
    let columns = style.columns.saturating_sub(width(INDENT) + LABEL_COLUMNS);
    let mut text = String::new();
    for (label, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
        let mut label = *label;
        for line in wrapped(value, columns) {
            text += &format!("{INDENT}{}{line}\n", toned(style, Tone::Quiet, &left(label, LABEL_COLUMNS)));
            label = "";
        }
    }
    text
}

/// Every field of a CRA, in the order of the form; always the same labels.
pub(super) fn fields<T: AsRef<str>>(cra: &Cra<T>, forgotten: &Forgotten) -> Vec<Field> {
    with_forgotten(described(cra), forgotten)
        .into_iter()
        .map(|field| (field.label, printable(&field.value)))
        .collect()
}

/// A CRA in two lines: day, place, kind and people; then themes and advisor.
pub(super) fn summary_lines<T: AsRef<str>>(cra: &Cra<T>) -> [String; 2] {
    let people = counted(cra.participants.into(), "personne", "personnes");
    let themes: Vec<_> = cra.themes.iter().map(|theme| theme.term().label).collect();
    let day = day(&cra.date.to_string());
    [
        format!("{day}, {}, {}, {people}", printable(&commune_described(cra)), cra.activity.term().label),
        format!("{} — {} ({})", themes.join(", "), cra.advisor_id, cra.structure_id),
    ]
}
