//! The thread that writes audit lines, completely and in order. A failed line is kept and retried, so that a full disk
//! loses no line; the senders bound the number of queued lines.
//!
//! On request a file is reopened between two lines, so that a rotation by renaming neither loses nor doubles a line.
//! Lines are written one by one and not synced: a power cut may lose the last ones.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use tokio::sync::OwnedSemaphorePermit;

use super::settings::Target;

/// Retry interval of a failed line.
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// Interval at which a request to reopen the file is noticed without lines.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// How long failing lines are retried at shutdown.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// A queued line with its line feed, and its reserved room.
pub(super) struct Line {
    pub(super) bytes: Vec<u8>,
    pub(super) room: Option<OwnedSemaphorePermit>,
}

/// Requests to the writer.
#[derive(Default)]
pub(super) struct Requests {
    pub(super) reopen: AtomicBool,
    /// Give up lines that cannot be written.
    pub(super) leave: AtomicBool,
}

/// Destination of lines.
pub(super) enum Sink {
    Stderr,
    Stdout,
    File { file: File, path: PathBuf },
}

impl Sink {
    /// Opens a target; `None` if nothing is to be written.
    pub(super) fn open(target: &Target) -> io::Result<Option<Self>> {
        Ok(match target {
            Target::Stderr => Some(Self::Stderr),
            Target::Stdout => Some(Self::Stdout),
            Target::None => None,
            Target::File(path) => Some(Self::File { file: appended(path)?, path: path.clone() }),
        })
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stderr => io::stderr().write(bytes),
            Self::Stdout => {
                let mut stdout = io::stdout().lock();
                let written = stdout.write(bytes)?;
                stdout.flush()?;
                Ok(written)
            }
            Self::File { file, .. } => file.write(bytes),
        }
    }

    fn reopen(&mut self) -> io::Result<()> {
        if let Self::File { file, path } = self {
            *file = appended(path)?;
        }
        Ok(())
    }
}

/// Opens a file for appending, readable by its owner only.
fn appended(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    #[cfg(unix)]
    if file.metadata()?.is_file() {
        use std::os::unix::fs::PermissionsExt as _;
        file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    }
    Ok(file)
}

/// Writes lines until all senders are dropped, or the process shuts down.
pub(super) fn run(mut sink: Sink, lines: &Receiver<Line>, asked: &Arc<Requests>) {
    loop {
        if asked.reopen.swap(false, Ordering::AcqRel) {
            reopened(&mut sink);
        }
        match lines.recv_timeout(CHECK_INTERVAL) {
            Ok(line) => {
                if !written(&mut sink, &line.bytes, asked) {
                    let lost = 1 + lines.try_iter().count();
                    tracing::error!(
                        lost,
                        "the process exits, and the last lines of the audit cannot be written"
                    );
                    return;
                }
                drop(line.room);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn reopened(sink: &mut Sink) {
    match sink.reopen() {
        Ok(()) => tracing::info!("the audit's file was reopened"),
        Err(error) => {
            let do_now = "repair its folder and send SIGHUP again";
            tracing::error!(%error, do_now, "the audit's file cannot be reopened: still writing to the previous one");
        }
    }
}

/// Writes a line, retrying as long as necessary; `false` if the process shuts down first.
fn written(sink: &mut Sink, line: &[u8], asked: &Requests) -> bool {
    let (mut rest, mut failed_at, mut leaving_since) = (line, None::<Instant>, None::<Instant>);
    while !rest.is_empty() {
        match sink.write(rest) {
            Ok(count) if count > 0 => rest = &rest[count..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            failed => {
                let error = failed.err().unwrap_or_else(|| io::ErrorKind::WriteZero.into());
                if failed_at.is_none() {
                    failed_at = Some(Instant::now());
                    tracing::error!(%error, "the audit cannot be written: retrying, while its lines are queued");
                }
                if asked.leave.load(Ordering::Acquire)
                    && leaving_since.get_or_insert_with(Instant::now).elapsed() >= FLUSH_TIMEOUT
                {
                    return false;
                }
                std::thread::sleep(RETRY_AFTER);
                if asked.reopen.swap(false, Ordering::AcqRel) {
                    reopened(sink);
                    // The part written to the previous file is not a line there.
                    rest = line;
                }
            }
        }
    }
    if let Some(failed_at) = failed_at {
        tracing::info!(after_s = failed_at.elapsed().as_secs(), "the audit can be written again");
    }
    true
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::mpsc;

    use super::*;

    /// A writer of the file at a path, on its thread.
    fn writing(path: &Path) -> (mpsc::Sender<Line>, Arc<Requests>, std::thread::JoinHandle<()>) {
        let sink = Sink::open(&Target::File(path.to_owned())).unwrap().unwrap();
        let (sender, receiver) = mpsc::channel();
        let asked = Arc::<Requests>::default();
        let writer = std::thread::spawn({
            let asked = Arc::clone(&asked);
            move || run(sink, &receiver, &asked)
        });
        (sender, asked, writer)
    }

    fn line(number: u32) -> Line {
        Line { bytes: format!("{number}\n").into_bytes(), room: None }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_is_private_to_its_owner_whatever_its_mode_was() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit");
        for mode in [None, Some(0o644)] {
            if let Some(mode) = mode {
                fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            }
            drop(appended(&path).unwrap());
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_rotation_neither_loses_nor_doubles_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit");
        let (sender, asked, writer) = writing(&path);
        let mut rotated = Vec::new();
        for number in 0..2_000 {
            sender.send(line(number)).unwrap();
            if number % 200 == 100 {
                let former = folder.path().join(format!("audit.{number}"));
                fs::rename(&path, &former).unwrap();
                rotated.push(former);
                asked.reopen.store(true, Ordering::Release);
                while !path.exists() {
                    sender.send(line(1_000_000 + number)).unwrap();
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
        }
        drop(sender);
        writer.join().unwrap();
        rotated.push(path);
        let text: String = rotated.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
        let reported: Vec<u32> =
            text.lines().map(|line| line.parse().unwrap()).filter(|it| *it < 1_000_000).collect();
        assert_eq!(reported, (0..2_000).collect::<Vec<_>>());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn lines_are_queued_while_the_disk_is_full_and_written_whole_to_the_next_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit");
        // A device that is always full.
        std::os::unix::fs::symlink("/dev/full", &path).unwrap();
        let (sender, asked, writer) = writing(&path);
        for number in 0..3 {
            sender.send(line(number)).unwrap();
        }
        std::thread::sleep(Duration::from_millis(50));
        fs::remove_file(&path).unwrap();
        asked.reopen.store(true, Ordering::Release);
        drop(sender);
        writer.join().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "0\n1\n2\n");
    }
}
