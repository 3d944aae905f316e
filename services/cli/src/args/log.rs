//! The arguments of `cra log`: which log, and the folder of its backup.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::forget::{DESTROY_DETAILS, DestroyArgs, FORGET_DETAILS, ForgetArgs};
use super::nats_log::NatsLogArgs;

const EXPORT_DETAILS: &str = "\
DIR receives segments of events (`events-<first position>.zst`) and `manifest.json`, which names them with their SHA-256. \
Run again, it adds what is new; what is there is checked and never written again. Interrupted whenever, the backup holds \
up to its last whole segment, and the next run continues from there. The services may run at the same time.

The chain that is printed identifies the whole backup: kept elsewhere, it shows later that nothing was changed.

Exit code: 0 when everything up to the log's end is in the backup, 2 when not.";

const IMPORT_DETAILS: &str = "\
The log must be empty, or hold the beginning of the same backup, as an interrupted import leaves it. Every event has \
afterwards the position it had, and is read back and compared.

Until the import is done the log takes nothing else: ingestion answers UNAVAILABLE with the time after which to retry, and what \
waits cannot come between. The services may run. An import that was interrupted leaves the log closed; run it again, it continues. \
With the accounts of deploy/nats it needs the user `operator`, by CRA_LOG__USER and CRA_LOG__PASSWORD.

The log notes the one that was backed up as its predecessor: positions of receipts and answers stay valid up to the backup's last \
one, also with `--log`. Followers of changes (`cra follow`) begin anew.

Exit code: 0 when the log is the one that was backed up, 2 when not.";

const VERIFY_DETAILS: &str = "\
Checks digests, positions, and that each event reads as one of the CRA that its subject names. An event that does not is \
shown and counted: the log recorded it as it is, and a projection parks it.

Exit code: 0 when the backup is sound, 1 when it is but some events do not read, 2 when it is not.";

const CREATE_DETAILS: &str = "\
With the accounts of deploy/nats the services may not make the stream: run this once as the user `operator`, by CRA_LOG__USER and \
CRA_LOG__PASSWORD. A log that is there is checked and left as it is.

Exit code: 0 when the log is there as it has to be, 2 when not.";

const MIRROR_DETAILS: &str = "\
The log settings name the servers and the stream of the mirror: other servers than those of the log, which reach it by a leaf node \
connection, or the same ones with another stream. The mirror follows the log by itself from then on and takes no event of others. Run \
again, it prints how far the mirror is. It needs the rights of the log's operator on both.

Exit code: 0 when the mirror is there, 2 when not.";

const ACTIVATE_DETAILS: &str = "\
The log settings name the servers and the stream of the mirror. While the mirrored log answers, it is closed first, and ingestion on \
it answers UNAVAILABLE; the mirror takes its place once it has every event. A mirror that does not catch up changes nothing. Then set \
`log.url` of the services to the mirror's servers.

When the mirrored log is lost, --without-source takes the mirror as it is. The lost log must not take events again: cut its \
connection to the mirror's servers first.

Every event keeps its position, and the mirrored log becomes the predecessor: positions of receipts and answers stay valid up to the \
mirror's last one. Followers of changes (`cra follow`) begin anew.

Exit code: 0 when the mirror is the log, 2 when not.";

#[derive(Debug, Subcommand)]
pub(crate) enum LogCommand {
    /// Make an empty event log where there is none
    #[command(after_long_help = CREATE_DETAILS)]
    Create(LogCreateArgs),
    /// Back the event log up to a folder; run again, it adds what is new
    #[command(after_long_help = EXPORT_DETAILS)]
    Export(LogBackupArgs),
    /// Restore a backup to an empty event log; run again, it continues
    #[command(after_long_help = IMPORT_DETAILS)]
    Import(LogBackupArgs),
    /// Check a backup by itself
    #[command(after_long_help = VERIFY_DETAILS)]
    Verify(LogVerifyArgs),
    /// Make a mirror of the event log on other servers, or show how far it is
    #[command(after_long_help = MIRROR_DETAILS)]
    Mirror(LogMirrorArgs),
    /// Make a mirror the event log, in place of the mirrored one
    #[command(after_long_help = ACTIVATE_DETAILS)]
    Activate(LogActivateArgs),
    /// Write a new log without what is to be forgotten; run again, it continues
    #[command(after_long_help = FORGET_DETAILS)]
    Forget(ForgetArgs),
    /// Delete a log that another one replaces, after verifying both
    #[command(after_long_help = DESTROY_DETAILS)]
    Destroy(DestroyArgs),
}

#[derive(Debug, Args)]
pub(crate) struct LogMirrorArgs {
    /// JetStream domain of the log, as its servers name it [default: that of the mirror]
    #[arg(long, value_name = "NAME")]
    pub(crate) source_domain: Option<String>,
    /// Name of the log's stream [default: that of the mirror]
    #[arg(long, value_name = "NAME")]
    pub(crate) source_stream: Option<String>,
    #[command(flatten)]
    pub(crate) log: NatsLogArgs,
    /// Write the outcome as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct LogActivateArgs {
    /// Take the mirror as it is: the mirrored log is lost
    #[arg(long)]
    pub(crate) without_source: bool,
    #[command(flatten)]
    pub(crate) log: NatsLogArgs,
    /// Write the outcome as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct LogCreateArgs {
    #[command(flatten)]
    pub(crate) log: LogArgs,
    /// Write the outcome as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct LogBackupArgs {
    /// Folder of the backup
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
    #[command(flatten)]
    pub(crate) log: LogArgs,
    /// Write the outcome as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct LogVerifyArgs {
    /// Folder of the backup
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// Write the outcome as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which log. On NATS the settings are those of the services: file, `CRA_LOG__*` variables, flags.
#[derive(Debug, Args)]
#[command(next_help_heading = "Log")]
pub(crate) struct LogArgs {
    /// Log of `cra standalone --data DIR`, which must not be running
    #[arg(long, value_name = "DIR", conflicts_with_all = ["nats_url", "nats_stream", "config"])]
    pub(crate) data: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) on_nats: NatsLogArgs,
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::{Arguments, Command};

    fn parsed(arguments: &[&str]) -> Result<LogArgs, clap::Error> {
        let arguments = [&["cra", "log", "export", "backup"], arguments].concat();
        match Arguments::try_parse_from(arguments)?.command {
            Command::Log(LogCommand::Export(args)) => Ok(args.log),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_services_own_file_says_where_the_log_is_and_flags_win() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("ingestion.toml");
        std::fs::write(&file, "listen = \"127.0.0.1:1\"\n[log]\nurl = \"nats://a\"\nstream = \"S\"\n")
            .unwrap();
        let file = file.to_str().unwrap();
        let settings =
            parsed(&["--config", file, "--nats-url", "nats://b"]).unwrap().on_nats.settings().unwrap();
        assert_eq!((settings.url.as_str(), settings.stream.as_str()), ("nats://b", "S"));
    }

    #[test]
    fn a_log_is_embedded_or_on_nats_not_both() {
        assert!(parsed(&["--data", "d"]).is_ok());
        for other in ["--nats-url", "--nats-stream", "--config"] {
            assert!(parsed(&["--data", "d", other, "x"]).is_err(), "{other}");
        }
    }
}
