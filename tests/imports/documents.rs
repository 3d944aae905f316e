//! Documents of older forms, and files with them in every layout.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

const STATISTICS: &str = include_str!("../conformance/statistics.json");

/// The published documents of the three forms, those of the published statistics, and numbered ones.
pub(super) fn of_every_form() -> Vec<Value> {
    let parsed = |text: &str| serde_json::from_str(text).unwrap();
    macro_rules! golden {
        ($name:literal) => {
            parsed(include_str!(concat!("../../services/domain/src/legacy/golden/", $name, ".json")))
        };
    }
    let mut documents: Vec<Value> = vec![
        golden!("v1-individual"),
        golden!("v1-workshop"),
        golden!("v2-workshop"),
        golden!("v2-repaired"),
        golden!("v3-workshop"),
        golden!("v3-repaired"),
    ];
    let published: Value = parsed(STATISTICS);
    documents.extend(published["documents"].as_array().unwrap().clone());
    documents.extend((0..200).map(numbered));
    documents
}

/// The documents whose id is a text.
pub(super) fn with_text_ids(documents: Vec<Value>) -> Vec<Value> {
    documents.into_iter().filter(|document| document["_id"].is_string()).collect()
}

/// Participants of a numbered document; the sum shows whether one counted twice or not at all.
pub(super) fn participants(number: u32) -> u32 {
    2 + number % 97
}

/// A document of the third form whose content depends on its number, and that needs no repair.
pub(super) fn numbered(number: u32) -> Value {
    let (participants, day) = (participants(number), 1 + number % 28);
    let themes = ["courriel", "internet", "sante", "budget", "scolaire"];
    let instant = format!("2023-03-{day:02}T10:00:00.000Z");
    json!({
        "_id": format!("numbered-{number}"), "createdAt": instant,
        "conseiller": format!("conseiller-{}", number % 7), "structure": "structure-1",
        "cra": {
            "codePostal": "75001", "nomCommune": "PARIS 01", "codeCommune": "75101",
            "canal": "rattachement", "activite": "collectif", "nbParticipants": participants,
            "nbParticipantsRecurrents": number % 2,
            "age": {"de18a35ans": participants}, "statut": {"enEmploi": participants},
            "themes": [themes[number as usize % themes.len()]], "duree": 60 + 15 * (number % 5),
            "accompagnement": {"individuel": 0, "atelier": 0, "redirection": 0},
            "dateAccompagnement": instant, "organismes": null,
        },
    })
}

/// Layout of the documents in a file.
#[derive(Clone, Copy, Debug)]
pub(super) enum Layout {
    Lines,
    ArrayGzip,
    LinesZstd,
    ObjectsGzipMembers,
}

impl Layout {
    pub(super) const ALL: [Self; 4] =
        [Self::Lines, Self::ArrayGzip, Self::LinesZstd, Self::ObjectsGzipMembers];

    pub(super) fn write(self, documents: &[Value]) -> Vec<u8> {
        match self {
            Self::Lines => lines(documents).into_bytes(),
            Self::ArrayGzip => gzip(&serde_json::to_vec_pretty(documents).unwrap()),
            Self::LinesZstd => zstd::encode_all(lines(documents).as_bytes(), 1).unwrap(),
            Self::ObjectsGzipMembers => {
                documents.iter().flat_map(|document| gzip(format!("{document:#}\n").as_bytes())).collect()
            }
        }
    }
}

pub(super) fn lines(documents: &[Value]) -> String {
    documents.iter().flat_map(|document| [document.to_string(), "\n".to_owned()]).collect()
}

pub(super) fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}
