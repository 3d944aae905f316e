//! Files that were checked: waiting for confirmation, being recorded, or finished. They are in memory, bounded in
//! number, bytes and time. Each belongs to the browser and the person that sent it.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::HeaderMap;
use prost::Message as _;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::check::Found;
use super::contents::{Line, Problem, Sheets};
use super::summary::Summary;
use crate::fault::Fault;
use crate::forms::Forms;
use crate::services::Services;

/// Upper bound on the imports of a process.
const IMPORTS_MAX: usize = 256;
/// Upper bound on the imports of one person; a further one replaces the oldest that is not being recorded.
const IMPORTS_OF_ONE_MAX: usize = 8;
/// Upper bound on the bytes of all CRAs in memory.
const BYTES_MAX: usize = 32 * 1_024 * 1_024;
/// Bytes that a CRA takes in memory in addition to its message.
const LINE_BYTES: usize = 512;
/// Time after the last request for an import at which it is dropped.
const LIFETIME: Duration = Duration::from_hours(1);
/// Pause between two searches for expired imports.
const SWEEP_PAUSE: Duration = Duration::from_mins(1);
/// Number of imports that are recorded concurrently; further ones wait.
const RECORDINGS_MAX: usize = 4;

/// Owner of an import: a browser by its cookie, and the person by the token's subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    cookie: String,
    subject: String,
}

impl Owner {
    /// The owner according to these headers. A browser without a cookie owns nothing.
    pub(super) fn of(forms: &Forms, services: &Services, headers: &HeaderMap) -> Self {
        let cookie = forms.cookie_of(headers).unwrap_or_default().to_owned();
        Self { cookie, subject: services.caller(headers).subject }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing is recorded yet.
    Checked,
    Recording,
    /// The service was unavailable for too long. The rest is recorded when the person asks for it again.
    Interrupted,
    Done,
}

/// Outcomes of the CRAs so far.
#[derive(Clone, Debug)]
pub(super) struct Progress {
    pub(super) phase: Phase,
    pub(super) recorded: u64,
    /// Recorded by an earlier request with the same content.
    pub(super) already: u64,
    /// Among the duplicates, CRAs that were withdrawn: they do not count.
    pub(super) withdrawn: u64,
    pub(super) refused: u64,
    /// Reasons of the refusals, line by line.
    pub(super) problems: Vec<Problem>,
    /// Indices of the lines without an outcome.
    pub(super) pending: Vec<usize>,
    seen: Instant,
}

impl Progress {
    /// Number of CRAs with an outcome.
    pub(super) fn reported(&self, all: u64) -> u64 {
        all.saturating_sub(self.pending.len() as u64)
    }
}

/// A checked file.
pub(super) struct Import {
    owner: Owner,
    pub(super) name: String,
    pub(super) summary: Summary,
    pub(super) sheets: Sheets,
    pub(super) lines: Vec<Line>,
    bytes: usize,
    progress: Mutex<Progress>,
}

impl Import {
    fn new(owner: Owner, name: String, found: Found) -> Self {
        let Found { lines, sheets, summary } = found;
        let bytes = lines.iter().map(|line| line.request.encoded_len() + LINE_BYTES).sum();
        let progress = Progress {
            phase: Phase::Checked,
            recorded: 0,
            already: 0,
            withdrawn: 0,
            refused: 0,
            problems: Vec::new(),
            pending: (0..lines.len()).collect(),
            seen: Instant::now(),
        };
        Self { owner, name, summary, sheets, lines, bytes, progress: Mutex::new(progress) }
    }

    /// The progress. The guard must not be held across an await.
    pub(super) fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts or resumes the recording. `false` if it is already running or has ended.
    pub(super) fn begin(&self) -> bool {
        let mut progress = self.progress();
        let may_begin = matches!(progress.phase, Phase::Checked | Phase::Interrupted);
        if may_begin {
            progress.phase = Phase::Recording;
        }
        may_begin
    }

    fn is_recording(&self) -> bool {
        self.progress().phase == Phase::Recording
    }

    fn is_over(&self, now: Instant) -> bool {
        let progress = self.progress();
        progress.phase != Phase::Recording && now.duration_since(progress.seen) > LIFETIME
    }
}

pub(crate) struct Imports {
    imports: Mutex<HashMap<String, Arc<Import>>>,
    turns: Arc<Semaphore>,
}

impl Default for Imports {
    fn default() -> Self {
        Self { imports: Mutex::default(), turns: Arc::new(Semaphore::new(RECORDINGS_MAX)) }
    }
}

impl Imports {
    /// Stores a checked file under an unguessable id. Refused if a bound is reached.
    pub(super) fn keep(&self, owner: Owner, name: String, found: Found) -> Result<String, Fault> {
        let import = Import::new(owner, name, found);
        let mut imports = self.lock();
        let now = Instant::now();
        imports.retain(|_, import| !import.is_over(now));
        let of_one: Vec<_> = imports.iter().filter(|(_, other)| other.owner == import.owner).collect();
        if of_one.len() >= IMPORTS_OF_ONE_MAX {
            let idle = of_one.into_iter().filter(|(_, other)| !other.is_recording());
            let oldest = idle.min_by_key(|(_, other)| other.progress().seen).map(|(id, _)| id.clone());
            imports.remove(&oldest.ok_or(Fault::Busy)?);
        }
        let bytes: usize = imports.values().map(|import| import.bytes).sum();
        if imports.len() >= IMPORTS_MAX || bytes + import.bytes > BYTES_MAX {
            return Err(Fault::Busy);
        }
        let id = Uuid::new_v4().to_string();
        imports.insert(id.clone(), Arc::new(import));
        Ok(id)
    }

    /// The import with this id, if it belongs to this owner. Extends its lifetime.
    pub(super) fn find(&self, id: &str, owner: &Owner) -> Option<Arc<Import>> {
        let import = self.lock().get(id).filter(|import| import.owner == *owner).map(Arc::clone)?;
        let now = Instant::now();
        if owner.cookie.is_empty() || import.is_over(now) {
            return None;
        }
        import.progress().seen = now;
        Some(import)
    }

    /// Permits for concurrent recordings.
    pub(super) fn turn(&self) -> Arc<Semaphore> {
        Arc::clone(&self.turns)
    }

    /// Drops expired imports. Never returns.
    pub(crate) async fn sweep(&self) -> Infallible {
        loop {
            sleep(SWEEP_PAUSE).await;
            let now = Instant::now();
            self.lock().retain(|_, import| !import.is_over(now));
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Import>>> {
        self.imports.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(cookie: &str, subject: &str) -> Owner {
        Owner { cookie: cookie.to_owned(), subject: subject.to_owned() }
    }

    fn found() -> Found {
        Found { lines: Vec::new(), sheets: Sheets::default(), summary: Summary::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn an_import_is_its_owners_alone_and_ends_an_hour_after_the_last_look() {
        let imports = Imports::default();
        let marie = owner("c", "marie");
        let id = imports.keep(marie.clone(), "mars.xlsx".to_owned(), found()).unwrap();
        for other in [owner("d", "marie"), owner("c", "jo"), owner("", "marie")] {
            assert!(imports.find(&id, &other).is_none(), "{other:?}");
        }
        for _ in 0..3 {
            tokio::time::advance(Duration::from_mins(50)).await;
            assert!(imports.find(&id, &marie).is_some());
        }
        tokio::time::advance(Duration::from_mins(61)).await;
        assert!(imports.find(&id, &marie).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn one_person_has_a_bounded_number_and_never_loses_what_is_being_recorded() {
        let imports = Imports::default();
        let marie = owner("c", "marie");
        let mut ids = Vec::new();
        for _ in 0..=IMPORTS_OF_ONE_MAX {
            ids.push(imports.keep(marie.clone(), String::new(), found()).unwrap());
            imports.find(&ids[0], &marie).map(|first| first.begin());
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        let is_kept: Vec<_> = ids.iter().map(|id| imports.find(id, &marie).is_some()).collect();
        assert!(is_kept[0] && !is_kept[1] && is_kept[2..].iter().all(|kept| *kept), "{is_kept:?}");
    }

    #[tokio::test]
    async fn of_two_presses_one_begins() {
        let import = Import::new(owner("c", ""), String::new(), found());
        assert!(import.begin() && !import.begin());
        import.progress().phase = Phase::Interrupted;
        assert!(import.begin());
        import.progress().phase = Phase::Done;
        assert!(!import.begin());
    }
}
