//! Names of advisors, structures and venues, which the services know only by opaque ids. They come from a file of the
//! operator, `id;kind;name`, read at start-up and again at SIGHUP. Addresses and forms contain ids; people read and
//! type names.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use cra_domain::spelling;
use csv::{ReaderBuilder, StringRecord};

/// Upper bound on the bytes of the file.
const FILE_BYTES_MAX: u64 = 32 * 1_024 * 1_024;
const ROWS_MAX: u64 = 200_000;
/// Upper bound on the characters of an id or a name.
const TEXT_MAX: usize = 200;
/// Number of names that a message suggests.
const SUGGESTIONS_MAX: usize = 5;
/// Minimum letters of a part of a name by which it is found.
const PART_MIN: usize = 3;
/// Upper bound on the names of one kind that a page lists for completion: more would fill the page.
const LISTED_MAX: usize = 300;
/// Fields of forms and parameters of addresses that accept a name.
const FIELDS: [(&str, Kind); 3] =
    [("conseiller", Kind::Advisor), ("structure", Kind::Structure), ("lieu", Kind::Venue)];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Advisor,
    Structure,
    Venue,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Advisor, Self::Structure, Self::Venue];

    fn of_word(word: &str) -> Option<Self> {
        Some(match word.to_lowercase().as_str() {
            "advisor" | "conseiller" => Self::Advisor,
            "structure" => Self::Structure,
            "venue" | "lieu" => Self::Venue,
            _ => return None,
        })
    }

    /// The kind of a parameter of addresses.
    pub(crate) fn of_parameter(name: &str) -> Option<Self> {
        Self::of_word(name)
    }
}

/// Why a file of names cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`web.names` is {file}{location}: {what}")]
pub struct NamesError {
    file: PathBuf,
    /// Empty, or `, line 3`.
    location: String,
    what: String,
}

/// A name and its folded form for searching.
#[derive(Clone, Debug)]
struct Entry {
    key: String,
    id: String,
    name: String,
}

/// The names of one version of the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    by_id: HashMap<(Kind, String), String>,
    /// Names by kind, in alphabetical order.
    sorted: HashMap<Kind, Vec<Entry>>,
}

impl Names {
    /// The name of an id; `None` if the file has none.
    pub(crate) fn get(&self, kind: Kind, id: &str) -> Option<&str> {
        self.by_id.get(&(kind, id.to_owned())).map(String::as_str)
    }

    /// The id that a text means: an id, a name, a part of exactly one name, or both as pages list them, `Nom (id)`. A
    /// text that matches no name is an id. An error lists, in French, the names that match.
    pub(crate) fn find(&self, kind: Kind, text: &str) -> Result<String, String> {
        let listed = text.strip_suffix(')').and_then(|text| text.rsplit_once('(')).map(|(_, id)| id.trim());
        if let Some(id) = [Some(text), listed].into_iter().flatten().find(|id| self.get(kind, id).is_some()) {
            return Ok(id.to_owned());
        }
        let key = spelling::key(text);
        let entries = self.sorted.get(&kind).map_or(&[][..], |entries| entries);
        let fitting = |fits: &dyn Fn(&str) -> bool| -> Vec<&Entry> {
            entries.iter().filter(|entry| fits(&entry.key)).take(SUGGESTIONS_MAX + 1).collect()
        };
        let mut found = fitting(&|known| known == key);
        if found.is_empty() && key.chars().filter(|c| c.is_alphabetic()).count() >= PART_MIN {
            found = fitting(&|known| known.contains(&key));
        }
        match &found[..] {
            [] => Ok(text.to_owned()),
            [entry] => Ok(entry.id.clone()),
            found => {
                let shown = found.iter().take(SUGGESTIONS_MAX).map(|it| format!("{} ({})", it.name, it.id));
                let more = if found.len() > SUGGESTIONS_MAX { ", …" } else { "" };
                let shown = shown.collect::<Vec<_>>().join(", ");
                Err(format!("plusieurs noms correspondent, écrivez l'un d'eux : {shown}{more}"))
            }
        }
    }

    /// Every name of a kind as `Nom (id)`, for completion; empty if there are more than a page lists.
    pub(crate) fn listed(&self, kind: Kind) -> Vec<String> {
        let entries = self.sorted.get(&kind).filter(|entries| entries.len() <= LISTED_MAX);
        entries.map_or_else(Vec::new, |entries| {
            entries.iter().map(|entry| format!("{} ({})", entry.name, entry.id)).collect()
        })
    }

    /// The names for completion, by the field of a form; fields without names are omitted.
    pub(crate) fn lists(&self) -> Vec<(&'static str, Vec<String>)> {
        let lists = FIELDS.map(|(field, kind)| (field, self.listed(kind)));
        lists.into_iter().filter(|(_, names)| !names.is_empty()).collect()
    }

    fn read(path: &Path) -> Result<Self, NamesError> {
        let fault = |location: String, what: String| NamesError { file: path.to_owned(), location, what };
        let mut bytes = Vec::new();
        File::open(path)
            .and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes))
            .map_err(|error| fault(String::new(), error.to_string()))?;
        if bytes.len() as u64 > FILE_BYTES_MAX {
            return Err(fault(String::new(), format!("longer than {FILE_BYTES_MAX} bytes")));
        }
        Self::of(&bytes).map_err(|(line, what)| fault(format!(", line {line}"), what))
    }

    /// Parses the file. An error contains the line, from 1, and what is wrong there.
    fn of(bytes: &[u8]) -> Result<Self, (u64, String)> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let before = &bytes[..error.valid_up_to()];
            let line = before.split(|byte| *byte == b'\n').count() as u64;
            (line, "not UTF-8 text".to_owned())
        })?;
        let text = text.trim_start_matches('\u{feff}');
        let mut reader = ReaderBuilder::new().delimiter(b';').flexible(true).from_reader(text.as_bytes());
        let headings = reader.headers().map_err(|error| (1, error.to_string()))?.clone();
        let column = |name: &str| {
            headings.iter().position(|heading| heading.trim().eq_ignore_ascii_case(name)).ok_or_else(|| {
                (1, format!("the columns are « {} »; expected id;kind;name", truncated(&headings)))
            })
        };
        let columns = (column("id")?, column("kind")?, column("name")?);
        let mut names = Self::default();
        let mut record = StringRecord::new();
        loop {
            let line = reader.position().line();
            match reader.read_record(&mut record) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => return Err((line, error.to_string())),
            }
            let line = record.position().map_or(line, |at| line_of(text, at));
            names.add(&record, columns).map_err(|what| (line, what))?;
            if names.by_id.len() as u64 > ROWS_MAX {
                return Err((line, format!("more than {ROWS_MAX} names")));
            }
        }
        for entries in names.sorted.values_mut() {
            entries.sort_by(|a, b| (&a.key, &a.id).cmp(&(&b.key, &b.id)));
        }
        Ok(names)
    }

    fn add(&mut self, record: &StringRecord, (id, kind, name): (usize, usize, usize)) -> Result<(), String> {
        let cell = |index, what| {
            let text = record.get(index).unwrap_or_default().trim();
            if text.is_empty() {
                return Err(format!("no {what}; expected id;kind;name"));
            }
            if text.chars().count() > TEXT_MAX || text.chars().any(char::is_control) {
                return Err(format!("{what}: expected one line of at most {TEXT_MAX} characters"));
            }
            Ok(text.to_owned())
        };
        let (id, word, name) = (cell(id, "id")?, cell(kind, "kind")?, cell(name, "name")?);
        let kind = Kind::of_word(&word)
            .ok_or_else(|| format!("the kind is « {word} »; expected advisor, structure or venue"))?;
        let entry = Entry { key: spelling::key(&name), id: id.clone(), name: name.clone() };
        if self.by_id.insert((kind, id), name).is_some() {
            return Err(format!("the {word} « {} » already has a name", entry.id));
        }
        self.sorted.entry(kind).or_default().push(entry);
        Ok(())
    }
}

fn truncated(headings: &StringRecord) -> String {
    headings.iter().collect::<Vec<_>>().join(";").chars().take(TEXT_MAX).collect()
}

/// The file of names, with its last valid content.
pub(crate) struct NamesFile {
    path: Option<PathBuf>,
    names: RwLock<Arc<Names>>,
}

impl NamesFile {
    pub(crate) fn read(path: Option<&Path>) -> Result<Self, NamesError> {
        let names = path.map_or_else(|| Ok(Names::default()), Names::read)?;
        Ok(Self { path: path.map(Path::to_owned), names: RwLock::new(Arc::new(names)) })
    }

    pub(crate) fn names(&self) -> Arc<Names> {
        Arc::clone(&self.names.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the file again. A fault is logged, and the previous names remain in use.
    pub(crate) fn reload(&self) {
        let Some(path) = &self.path else { return };
        match Names::read(path) {
            Ok(names) => {
                let counts = Kind::ALL.map(|kind| names.sorted.get(&kind).map_or(0, Vec::len));
                tracing::info!(
                    advisors = counts[0],
                    structures = counts[1],
                    venues = counts[2],
                    "names read again"
                );
                *self.names.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(names);
            }
            Err(error) => tracing::warn!(%error, "the previous names remain in use"),
        }
    }
}

/// The line of a record; the reader counts from the blank lines before it.
fn line_of(text: &str, at: &csv::Position) -> u64 {
    let from =
        usize::try_from(at.byte()).ok().and_then(|byte| text.as_bytes().get(byte..)).unwrap_or_default();
    let blank = from.iter().take_while(|byte| matches!(byte, b'\n' | b'\r'));
    at.line() + blank.filter(|byte| **byte == b'\n').count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\u{feff}id;kind;name\r\nc-1;advisor;Zoé Martin\r\nc-2;conseiller;Léa Martin\r\ns-1;structure;\"Médiathèque; Rennes\"\r\n";

    #[test]
    fn an_id_has_its_name_and_a_text_means_the_one_id_that_it_fits() {
        let names = Names::of(FILE.as_bytes()).unwrap();
        assert_eq!(names.get(Kind::Structure, "s-1"), Some("Médiathèque; Rennes"));
        assert_eq!(names.get(Kind::Advisor, "s-1"), None);
        let find = |text: &str| names.find(Kind::Advisor, text);
        for text in ["c-1", "zoe martin", "Zoé", "Zoé Martin (c-1)"] {
            assert_eq!(find(text), Ok("c-1".to_owned()), "{text}");
        }
        for id in ["c-9", "Ma", "1"] {
            assert_eq!(find(id), Ok(id.to_owned()), "an id without a name");
        }
        assert!(find("martin").unwrap_err().contains("Léa Martin (c-2), Zoé Martin (c-1)"));
        assert_eq!(names.listed(Kind::Advisor), ["Léa Martin (c-2)", "Zoé Martin (c-1)"]);
    }

    #[test]
    fn a_fault_of_the_file_is_named_by_its_line() {
        for (text, line, what) in [
            ("", 1, "expected id;kind;name"),
            ("id,kind,name\n", 1, "expected id;kind;name"),
            ("id;kind;name\na;robot;A\n", 2, "« robot »; expected advisor"),
            ("id;kind;name\na;venue;A\n\na;venue;B\n", 4, "« a » already has a name"),
            ("id;kind;name\na;venue\n", 2, "no name"),
            ("id;kind;name\n;venue;A\n", 2, "no id"),
            ("id;kind;name\na;venue;\"A\nB\"\n", 2, "one line"),
        ] {
            let (found, reported) = Names::of(text.as_bytes()).unwrap_err();
            assert!(found == line && reported.contains(what), "{text:?}: line {found}: {reported}");
        }
        let (line, reported) = Names::of(b"id;kind;name\na;venue;\xff\n").unwrap_err();
        assert_eq!((line, reported.as_str()), (2, "not UTF-8 text"));
        let missing = NamesFile::read(Some(Path::new("no/such.csv"))).err().unwrap().to_string();
        assert!(missing.starts_with("`web.names` is no/such.csv: "), "{missing}");
    }

    #[test]
    fn a_file_that_is_read_again_with_a_fault_leaves_the_names_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("names.csv");
        std::fs::write(&path, FILE).unwrap();
        let file = NamesFile::read(Some(&path)).unwrap();
        std::fs::write(&path, "id;kind;name\nx;y;z\n").unwrap();
        file.reload();
        assert_eq!(file.names().get(Kind::Advisor, "c-1"), Some("Zoé Martin"));
        std::fs::write(&path, "id;kind;name\nc-1;advisor;Zoé Durand\n").unwrap();
        file.reload();
        assert_eq!(file.names().get(Kind::Advisor, "c-1"), Some("Zoé Durand"));
    }
}
