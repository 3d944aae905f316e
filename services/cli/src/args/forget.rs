//! The arguments of `cra log forget` and `cra log destroy`.

use std::convert::Infallible;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use cra_eventlog::nats::{NatsSettings, Slot};
use cra_runtime::config::ConfigError;

use super::nats_log::NatsLogArgs;

pub(super) const FORGET_DETAILS: &str = "\
Writes a new log in which every event has its position, its ids, its time and everything that counts, without what the rules \
name. The old log stays as it is until `cra log destroy`.

LOG is the folder of `cra standalone --data DIR`, or on NATS `slot:a`, `slot:b` (stream CRA_A with cra.a.event.*, CRA_B with \
cra.b.event.*) or `stream:NAME` with the subjects of the settings.

FILE is a TOML file with one or more of:
  texts_before = \"YYYY-MM-DD\"                annotations, reasons, free names of organisations and texts of older documents, of \
CRAs of earlier days
  accounts_before = \"YYYY-MM-DD\"             accounts of events recorded on earlier days
  advisors = [\"ID\", …]                       ids of advisors: each is replaced by a random alias everywhere
  advisors_without_cra_since = \"YYYY-MM-DD\"  the same, of advisors without a CRA of that day or later
  cras = [\"ID\", …]                           the texts of single CRAs

A free name that CRAs beyond the rules use too stays, and is counted. Figures are equal to the digit, up to the names of aliases \
and neutral names. An event that holds something to forget and fields that this version does not know stops the copy.

On NATS the services may run while the log is copied; run it again to copy what came since. With --finish the old stream is \
sealed, for good: ingestion answers UNAVAILABLE until it is started with the other slot. The rest is copied then. With the \
accounts of deploy/nats this needs the user `operator`. Where identity is configured, it also needs a token of `operations` \
(--token-file): the projection of the log (--projection-url) verifies it before the copy and before the seal, and audits both. Where \
no projection can be reached, --without-projection has the token verified with the identity settings of a service instead; the \
certificate then names the reason. Of events recorded after the first run, only names and accounts that are \
forgotten by then are replaced. Of a folder, one run does all.

The copy is verified event by event before the new log opens; `certificate.json` in the work folder, or in the new one, records \
what was forgotten, without a value; the new log and its backups name it. Killed, it continues when it is run again with the same rules. Receipts and positions stay valid, \
followers of changes begin anew.

Exit code: 0 when the new log is verified, or copied so far without --finish, 2 when not.";

pub(super) const DESTROY_DETAILS: &str = "\
Compares both logs once more, and with the digests of the certificate, which the new log must name; then deletes the backups that \
--backup names, and the old log, of a folder with its read models. A backup of any other log is refused before anything is deleted. \
On NATS, a projection (--projection-url) must serve the new log up to the certificate's position; where identity is configured, it \
verifies a token of `operations` (--token-file). Folders must not be in use. `destruction.json`, in the folder of the certificate, says \
who destroyed what. Deleted files leave blocks on a disk that is not encrypted, and copies where there are other backups.

Interrupted, it continues when it is run again; a backup that is gone already is skipped.

Exit code: 0 when the old log is gone, 2 when it is there still.";

/// Where a log is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Below a folder of `cra standalone`.
    Folder(PathBuf),
    /// A slot on NATS.
    Slot(Slot),
    /// A stream on NATS.
    Stream(String),
}

impl FromStr for Place {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match (text, text.strip_prefix("stream:")) {
            ("slot:a", _) => Self::Slot(Slot::A),
            ("slot:b", _) => Self::Slot(Slot::B),
            (_, Some(name)) => Self::Stream(name.to_owned()),
            _ => Self::Folder(text.into()),
        })
    }
}

impl Place {
    /// What the log is called where it is: the stream, or the last part of the folder.
    pub(crate) fn name(&self) -> &OsStr {
        match self {
            Self::Folder(dir) => Path::file_name(dir).unwrap_or_default(),
            Self::Slot(slot) => slot.stream().as_ref(),
            Self::Stream(name) => name.as_ref(),
        }
    }
}

/// The server of logs on NATS.
#[derive(Debug, Args)]
#[command(next_help_heading = "Log")]
pub(crate) struct ServerArgs {
    /// NATS server, or several separated by commas [default: that of the services' settings]
    #[arg(long, value_name = "URL")]
    pub(crate) nats_url: Option<String>,
    /// TOML file with the settings of a service, of which `[log]` counts, and `[identity]` with --without-projection
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

impl ServerArgs {
    /// The settings of a log on NATS; none of one in a folder.
    pub(crate) fn settings(&self, place: &Place) -> Result<Option<NatsSettings>, ConfigError> {
        let (slot, stream) = match place {
            Place::Folder(_) => return Ok(None),
            Place::Slot(slot) => (Some(*slot), None),
            Place::Stream(name) => (None, Some(name.clone())),
        };
        let (nats_url, config) = (self.nats_url.clone(), self.config.clone());
        let settings = NatsLogArgs { nats_url, nats_stream: stream, config }.settings()?;
        Ok(Some(NatsSettings { slot, ..settings }.of_slot()))
    }
}

#[derive(Debug, Args)]
pub(crate) struct ForgetArgs {
    /// The log to copy; a folder must not be in use
    #[arg(long, value_name = "LOG")]
    pub(crate) from: Place,
    /// The new log: one that is not there, or that of an interrupted copy
    #[arg(long, value_name = "LOG")]
    pub(crate) to: Place,
    /// Rules of what is to be forgotten
    #[arg(long, value_name = "FILE")]
    pub(crate) rules: PathBuf,
    /// Folder of the names while the copy lasts, 0700, and of the certificate [default: in the new folder]
    #[arg(long, value_name = "DIR")]
    pub(crate) work: Option<PathBuf>,
    /// On NATS: seal the old stream, copy the rest, verify the whole and open the new stream
    #[arg(long)]
    pub(crate) finish: bool,
    /// Something that holds the same data and stays, such as a backup, for the certificate; may be repeated
    #[arg(long, value_name = "TEXT")]
    pub(crate) not_reached: Vec<String>,
    /// On NATS, where no projection can be reached: why, for the certificate; the token is then verified with the identity
    /// settings of --config
    #[arg(long, value_name = "REASON")]
    pub(crate) without_projection: Option<String>,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    /// Write the certificate as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DestroyArgs {
    /// The log to destroy, the `--from` of `cra log forget`
    #[arg(long, value_name = "LOG")]
    pub(crate) log: Place,
    /// The new log
    #[arg(long, value_name = "LOG")]
    pub(crate) copy: Place,
    /// Certificate of `cra log forget`
    #[arg(long, value_name = "FILE")]
    pub(crate) certificate: PathBuf,
    /// The name of the log to destroy, typed once more: its stream, or the last part of its folder
    #[arg(long, value_name = "NAME")]
    pub(crate) confirm: String,
    /// Folder with a backup of the log to destroy, or of a log before it, to delete too; may be repeated
    #[arg(long = "backup", value_name = "DIR")]
    pub(crate) backups: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    /// Write the outcome as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_a_folder_a_slot_or_a_stream() {
        for (text, name) in
            [("slot:a", "CRA_A"), ("slot:b", "CRA_B"), ("stream:CRA", "CRA"), ("/var/lib/cra", "cra")]
        {
            assert_eq!(text.parse::<Place>().unwrap().name(), name);
        }
        assert_eq!("slot".parse(), Ok(Place::Folder("slot".into())));
        let server = ServerArgs { nats_url: Some("nats://b".to_owned()), config: None };
        let settings = server.settings(&Place::Slot(Slot::B)).unwrap().unwrap();
        assert_eq!((settings.slot, settings.url.as_str()), (Some(Slot::B), "nats://b"));
        let settings = server.settings(&Place::Stream("S".to_owned())).unwrap().unwrap();
        assert_eq!((settings.slot, settings.stream.as_str()), (None, "S"));
    }
}
