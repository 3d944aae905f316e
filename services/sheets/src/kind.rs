//! Detects the format of a file by its first bytes: JSON, a table, a workbook, or an unsupported format. The message
//! for an unsupported format names it and says what to do instead: in English for operators, in French for those who
//! fill in the form.

use super::encoding;
use super::table::csv::{Dialect, first_row};

/// Why a file is not read: its actual format, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotRead {
    /// Message for operators: a sentence to be preceded by the file's name.
    english: String,
    /// Message for those who fill in the form: a whole sentence.
    french: String,
}

impl NotRead {
    /// Error for a file of an unsupported format.
    fn new(english: impl std::fmt::Display, french: impl std::fmt::Display) -> Self {
        Self { english: format!(" is {english}"), french: format!("Ce fichier est {french}.") }
    }

    /// Error for a file of a supported format that cannot be used.
    pub(crate) fn unusable(english: impl std::fmt::Display, french: impl Into<String>) -> Self {
        Self { english: format!(": {english}"), french: french.into() }
    }

    /// Message for operators, with the file's name.
    #[must_use]
    pub(crate) fn of_file(&self, name: &str) -> String {
        format!("{name}{}", self.english)
    }

    /// Message in French for those who fill in the form.
    #[must_use]
    pub fn french(&self) -> &str {
        &self.french
    }
}

/// How to read a file.
#[derive(Debug, PartialEq)]
pub(crate) enum Kind {
    Json,
    Table(Box<Dialect>),
    Workbook,
}

const ZIP: &[u8] = b"PK\x03\x04";
const OLE: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";
/// First bytes of formats that are neither texts nor workbooks, with the format's name.
const FOREIGN: &[(&[u8], &str, &str)] = &[
    (b"%PDF", "a PDF document", "un document PDF : enregistrez le tableau au format XLSX ou CSV"),
    (
        b"PAR1",
        "a Parquet file: export the CRAs as CSV, XLSX or NDJSON instead",
        "un fichier Parquet : exportez les comptes-rendus en CSV, XLSX ou NDJSON",
    ),
    (
        b"ARROW1",
        "an Arrow file: write the CRAs as CSV or JSON instead",
        "un fichier Arrow : enregistrez les comptes-rendus en CSV ou en JSON",
    ),
    (
        b"\x6d\xe2\x99\x81",
        "an archive of mongodump: restore it, and write JSON with mongoexport for `cra import`",
        "une archive de mongodump : confiez-la à votre administrateur",
    ),
    (
        b"SQLite format 3",
        "an SQLite database: write the CRAs as CSV or JSON instead",
        "une base SQLite : enregistrez les comptes-rendus en CSV ou en JSON",
    ),
    (
        b"BZh",
        "compressed with bzip2: decompress it first; gzip and zstd are read directly",
        "un fichier compressé (bzip2) : décompressez-le d'abord",
    ),
    (
        b"\xfd7zXZ\0",
        "compressed with xz: decompress it first; gzip and zstd are read directly",
        "un fichier compressé (xz) : décompressez-le d'abord",
    ),
    (
        b"7z\xbc\xaf\x27\x1c",
        "a 7-Zip archive: unpack it first",
        "une archive 7-Zip : décompressez-la d'abord",
    ),
    (b"Rar!", "a RAR archive: unpack it first", "une archive RAR : décompressez-la d'abord"),
    (b"PK\x05\x06", "an empty ZIP archive", "une archive ZIP vide"),
    (b"\xff\xfe\0\0", "text in UTF-32: save it as UTF-8", "un texte en UTF-32 : enregistrez-le en UTF-8"),
    (b"\0\0\xfe\xff", "text in UTF-32: save it as UTF-8", "un texte en UTF-32 : enregistrez-le en UTF-8"),
    (b"\x89PNG", "a picture", "une image : enregistrez le tableau au format XLSX ou CSV"),
    (b"\xff\xd8\xff", "a picture", "une image : enregistrez le tableau au format XLSX ou CSV"),
    (b"\x7fELF", "a program", "un programme"),
];
/// Offset of the magic number in a tar archive.
const TAR_MARK: std::ops::Range<usize> = 257..262;
/// Upper bound on the length of one BSON document in a dump.
const BSON_BYTES_MAX: u32 = 16 * 1_024 * 1_024;
const BSON_TYPES: std::ops::RangeInclusive<u8> = 0x01..=0x13;

/// Detects the format by the first bytes. An error names an unsupported format.
pub(crate) fn of(start: &[u8]) -> Result<Kind, NotRead> {
    if encoding::peek(start).trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}').is_empty() {
        return Err(NotRead::new("empty: it holds no CRA", "vide"));
    }
    if let Some((_, english, french)) = FOREIGN.iter().find(|(magic, ..)| start.starts_with(magic)) {
        return Err(NotRead::new(english, french));
    }
    if start.starts_with(ZIP) || start.starts_with(OLE) {
        return Ok(Kind::Workbook);
    }
    if is_bson(start) {
        return Err(NotRead::new(
            "a BSON dump of MongoDB: write JSON with `bsondump` or `mongoexport` for `cra import`",
            "une sauvegarde de MongoDB : confiez-la à votre administrateur",
        ));
    }
    if start.get(TAR_MARK) == Some(b"ustar") {
        return Err(NotRead::new(
            "a tar archive: unpack it first",
            "une archive tar : décompressez-la d'abord",
        ));
    }
    of_text(start)
}

fn of_text(start: &[u8]) -> Result<Kind, NotRead> {
    let text = encoding::peek(start);
    let content = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    if text.contains('\0') {
        return Err(NotRead::new(
            "a binary file of an unknown format",
            "d'un format qui n'est pas lu ici : enregistrez le tableau au format XLSX ou CSV",
        ));
    }
    let low: String = content.chars().take(200).flat_map(char::to_lowercase).collect();
    if low.starts_with("<!doctype html") || low.starts_with("<html") {
        return Err(NotRead::new(
            "an HTML page; was it saved instead of the file?",
            "une page web : téléchargez le tableau lui-même, au format XLSX ou CSV",
        ));
    }
    if low.starts_with('<') {
        return Err(NotRead::new(
            "an XML file: save the table as CSV or XLSX instead",
            "un fichier XML : enregistrez le tableau au format XLSX ou CSV",
        ));
    }
    if content.starts_with(['{', '[']) {
        return Ok(Kind::Json);
    }
    if encoding::is_unknown(start) {
        return Err(NotRead::new(
            "text in neither UTF-8, UTF-16 nor Windows-1252: save it as « CSV UTF-8 »",
            "un texte dont l'encodage n'est pas connu ici : enregistrez-le au format « CSV UTF-8 »",
        ));
    }
    let headings = first_row(content);
    match Dialect::of(&text).filter(|_| !headings.iter().any(|heading| heading == "_id")) {
        Some(dialect) => Ok(Kind::Table(Box::new(dialect))),
        None if content.lines().any(|line| line.trim_start().starts_with('{')) => Ok(Kind::Json),
        None => Err(of_table(&headings)),
    }
}

/// Describes a table whose headings are not those of CRAs.
fn of_table(headings: &[String]) -> NotRead {
    let has = |name: &str| headings.iter().any(|heading| heading == name);
    if has("section") && has("libelle") {
        return NotRead::new(
            "an export of statistics: figures, which no CRA can be made of; `cra export cras` writes CRAs",
            "un export de statistiques : ce sont des chiffres, dont aucun compte-rendu ne peut être tiré",
        );
    }
    if has("_id") {
        return NotRead::new(
            "a CSV of mongoexport, which leaves out what documents hold: write JSON (`--type=json`) for `cra import`",
            "un export de MongoDB : confiez-le à votre administrateur",
        );
    }
    if has("cras") && has("acts") || has("cras") && has("accompagnements") || has("code") && has("cras") {
        return NotRead::new(
            "an export of a breakdown: figures, which no CRA can be made of; `cra export cras` writes CRAs",
            "un export de répartition : ce sont des chiffres, dont aucun compte-rendu ne peut être tiré",
        );
    }
    let shown: Vec<String> =
        headings.iter().take(4).map(|heading| format!("« {} »", truncated(heading))).collect();
    let shown = shown.join(", ");
    NotRead::new(
        format!(
            "neither JSON nor a table of CRAs: it begins with {shown}; `cra template FILE.csv` writes a table to fill in"
        ),
        format!(
            "un tableau dont les titres de colonnes ne sont pas ceux d'un compte-rendu : il commence par {shown}"
        ),
    )
}

fn truncated(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Whether the bytes begin a BSON document: its length, then the type and the name of its first field.
fn is_bson(start: &[u8]) -> bool {
    let [a, b, c, d, kind, name @ ..] = start else { return false };
    let length = u32::from_le_bytes([*a, *b, *c, *d]);
    let name_ends = name.iter().take(64).position(|byte| *byte == 0);
    let is_name = name_ends.is_some_and(|end| end > 0 && name[..end].iter().all(u8::is_ascii_graphic));
    (5..=BSON_BYTES_MAX).contains(&length) && BSON_TYPES.contains(kind) && is_name
}

/// Whether JSON begins with a document of the older system rather than with a CRA of today.
pub(crate) fn is_older_document(start: &[u8]) -> bool {
    let text = encoding::peek(start);
    let has = |name: &str| text.contains(&format!("\"{name}\""));
    let is_old =
        ["conseiller", "dateAccompagnement", "nomCommune", "nbParticipants"].iter().any(|name| has(name));
    has("_id") && is_old && !has("craId") && !has("cra_id")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reported(start: &[u8]) -> String {
        of(start).map_or_else(|what| what.of_file("it"), |kind| format!("{kind:?}"))
    }

    #[test]
    fn what_no_command_reads_is_named_for_what_it_is() {
        let bson = [&[0x16, 0, 0, 0, 0x07][..], b"_id\x00\x31234567"].concat();
        let tar = [&[b'a'; 257][..], b"ustar\0"].concat();
        for (start, what) in [
            (&b""[..], "empty"),
            (b" \r\n\n", "empty"),
            (b"\xef\xbb\xbf", "empty"),
            (b"\xff\xfe\r\0\n\0", "empty"),
            (b"PAR1\x15\x04", "Parquet"),
            (b"%PDF-1.7", "PDF"),
            (&bson, "BSON"),
            (b"\x6d\xe2\x99\x81\0\0", "mongodump"),
            (&tar, "tar archive"),
            (b"<!DOCTYPE html><html>", "HTML"),
            (b"<?xml version='1.0'?>", "XML"),
            (b"section;code;libelle;valeur;part\r\n", "statistics"),
            (b"_id,conseiller.$id,cra.canal\n", "mongoexport"),
            (b"code;libelle;cras;accompagnements\r\n", "breakdown"),
            (b"nom;prenom\r\nA;B\r\n", "neither JSON nor a table of CRAs"),
            (b"id;date\nnum\x82rique;x\n", "save it as"),
            (b"ab\0\0\x01", "binary"),
        ] {
            assert!(reported(start).contains(what), "{what}: {}", reported(start));
        }
    }

    #[test]
    fn what_is_read_is_known_by_its_content_alone() {
        for start in ["{\"craId\":\"a\"}", "\u{feff}\n[", "not json\n{\"craId\":\"a\"}\n"] {
            assert_eq!(of(start.as_bytes()), Ok(Kind::Json), "{start}");
        }
        assert_eq!(of(b"PK\x03\x04\x14\0"), Ok(Kind::Workbook));
        assert_eq!(of(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), Ok(Kind::Workbook));
        for start in ["cra_id;date;themes;participants\r\n", "cra_id,date\n", "\u{feff}Identifiant\tDate\n"] {
            assert!(matches!(of(start.as_bytes()), Ok(Kind::Table(_))), "{start}");
        }
        let utf_16: Vec<u8> = "{\"craId\":\"a\"}".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(of(&utf_16), Ok(Kind::Json));
        assert!(is_older_document(br#"{"_id":{"$oid":"a"},"conseiller":"b"}"#));
        assert!(!is_older_document(br#"{"craId":"a"}"#));
    }
}
