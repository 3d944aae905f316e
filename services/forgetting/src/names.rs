//! The random names that replace what is forgotten. They are stored while a log is copied, so that a killed copy
//! resumes with the same ones. The file maps old ids to new ones, so it has mode 0600 and is deleted at the end.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use cra_domain::event::{alias, neutral_name};
use cra_eventlog::{LogIdentity, Position};
use cra_private::LockedDir;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::act::Act;
use crate::encoding::{as_text, hexadecimal};
use crate::plan::Plan;
use crate::random::{NoRandomness, random_bytes};

/// File of the names in the work folder.
const FILE: &str = "names.json";
/// Random bytes of an alias and of a neutral name.
const RANDOM_BYTES: usize = 8;

/// Replacements by the value that they replace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Names {
    /// Identity of the old log.
    log: LogIdentity,
    /// Digest of the rules.
    rules: String,
    /// Last position of the survey of the old log.
    pub(crate) surveyed: Position,
    /// Time of the forgetting, as in the events of the new log.
    #[serde(with = "as_text")]
    pub(crate) at: Timestamp,
    /// Who started the copy.
    #[serde(default)]
    pub(crate) began: Option<Act>,
    /// Aliases by the ids of advisors.
    aliases: BTreeMap<String, String>,
    /// Random parts of neutral names by the keys of free names.
    organisations: BTreeMap<String, String>,
}

/// Why the names cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NamesError {
    /// The system failed to read or write it.
    #[error("the work folder {0}: {1}")]
    Io(String, io::Error),
    /// The file is damaged.
    #[error(
        "{FILE} in the work folder {0} cannot be read: {1}; begin again with an empty target and an empty folder"
    )]
    Damaged(String, serde_json::Error),
    /// The folder belongs to another copy.
    #[error(
        "the work folder {0} belongs to a copy of another log or of other rules: begin again with an empty target and an empty \
         folder"
    )]
    OtherCopy(String),
    /// The system returned no random bytes.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

impl Names {
    /// The names of an earlier run of the same copy; `None` if there was none.
    pub(crate) fn stored(
        dir: &LockedDir,
        log: &LogIdentity,
        rules: &str,
    ) -> Result<Option<Self>, NamesError> {
        let path = dir.join(FILE);
        let shown = || path.display().to_string();
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(NamesError::Io(shown(), error)),
        };
        let names: Self =
            serde_json::from_slice(&text).map_err(|error| NamesError::Damaged(shown(), error))?;
        if names.log == *log && names.rules == rules {
            Ok(Some(names))
        } else {
            Err(NamesError::OtherCopy(shown()))
        }
    }

    /// Stores the names durably, before they are used.
    pub(crate) fn save(&self, dir: &LockedDir) -> Result<(), NamesError> {
        let shown = || dir.join(FILE).display().to_string();
        let text = serde_json::to_vec(self).map_err(|error| NamesError::Damaged(shown(), error))?;
        dir.replace(FILE, &text).map_err(|error| NamesError::Io(shown(), error))
    }

    /// Random names for everything that the plan replaces.
    pub(crate) fn draw(
        log: LogIdentity,
        surveyed: Position,
        rules: String,
        plan: &Plan,
        (at, began): (Timestamp, Act),
    ) -> Result<Self, NamesError> {
        let drawn = || Ok::<_, NamesError>(hexadecimal(&random_bytes::<RANDOM_BYTES>()?));
        let of_advisor = |id: &String| Ok((id.clone(), alias(&drawn()?)));
        let of_name = |key: &String| Ok((key.clone(), drawn()?));
        Ok(Self {
            log,
            rules,
            surveyed,
            at,
            began: Some(began),
            aliases: plan.advisors.iter().map(of_advisor).collect::<Result<_, NamesError>>()?,
            organisations: plan.names.iter().map(of_name).collect::<Result<_, NamesError>>()?,
        })
    }

    /// Whether the file is in a folder.
    pub(crate) fn exist_in(dir: &Path) -> bool {
        dir.join(FILE).exists()
    }

    /// Deletes the file; afterwards no alias can be resolved.
    pub(crate) fn delete(dir: &LockedDir) -> Result<(), NamesError> {
        let path = dir.join(FILE);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(NamesError::Io(path.display().to_string(), error))
            }
            _ => Ok(()),
        }
    }

    /// The alias of a forgotten advisor.
    pub(crate) fn alias(&self, advisor: &str) -> Option<&str> {
        self.aliases.get(advisor).map(String::as_str)
    }

    /// The neutral name for a spelling of a forgotten free name; `spelling` is the spelling's number within the event.
    pub(crate) fn neutral(&self, key: &str, spelling: usize) -> Option<String> {
        self.organisations.get(key).map(|random| neutral_name(random, spelling))
    }
}
