//! A pause of the application of events: reason, start and operator. Stored as a file of the data folder, so that it
//! survives a restart.

use std::fs;
use std::io;
use std::path::Path;

use cra_private::AtomicFile;
use jiff::Timestamp;

/// Name of the file: time, client and reason, a line each.
const FILE: &str = "paused";

/// The current pause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    /// The operator's reason.
    pub reason: String,
    /// Start of the pause.
    pub since: Timestamp,
    /// The operator's client; empty without identity.
    pub client_id: String,
}

impl Pause {
    /// The pause stored in a data folder. A file of another form is a pause too, with its text as the reason.
    pub(super) fn load(data: &Path) -> io::Result<Option<Self>> {
        let path = data.join(FILE);
        let text = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => String::from_utf8_lossy(&read?).into_owned(),
        };
        if let [since, client_id, reason] = text.splitn(3, '\n').collect::<Vec<_>>()[..]
            && let Ok(since) = since.parse()
        {
            let (client_id, reason) = (client_id.to_owned(), reason.trim_end().to_owned());
            return Ok(Some(Self { reason, since, client_id }));
        }
        let written = fs::metadata(&path)?.modified()?;
        let since = Timestamp::try_from(written).unwrap_or(Timestamp::UNIX_EPOCH);
        Ok(Some(Self { reason: text.trim().to_owned(), since, client_id: String::new() }))
    }

    pub(super) fn keep(&self, data: &Path) -> io::Result<()> {
        let Self { reason, since, client_id } = self;
        AtomicFile::replace(&data.join(FILE), format!("{since}\n{client_id}\n{reason}\n").as_bytes())
    }

    pub(super) fn end(data: &Path) -> io::Result<()> {
        match fs::remove_file(data.join(FILE)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_stored_until_it_ends_and_any_file_is_one() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Pause::load(dir.path()).unwrap(), None);
        let pause = Pause {
            reason: "the disk is replaced".to_owned(),
            since: Timestamp::UNIX_EPOCH,
            client_id: "operator".to_owned(),
        };
        pause.keep(dir.path()).unwrap();
        assert_eq!(Pause::load(dir.path()).unwrap(), Some(pause));
        Pause::end(dir.path()).unwrap();
        Pause::end(dir.path()).unwrap();
        assert_eq!(Pause::load(dir.path()).unwrap(), None);
        fs::write(dir.path().join(FILE), "by hand\n").unwrap();
        assert_eq!(Pause::load(dir.path()).unwrap().unwrap().reason, "by hand");
    }
}
