//! Bearer tokens: verified against the issuer's keys, turned into callers, and kept while the keys stand.
//!
//! A token is verified once, by [`super::verification`]. Afterwards the same text is the same caller until it ends or
//! the keys change. Keys are read again at intervals, and at once for a token that names an unknown
//! one, with a pause in between, so that a stream of made-up key ids costs the issuer nothing.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use parking_lot::RwLock;
use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;

use super::caller::Caller;
use super::key_source::{Source, SourceError};
use super::keys::{Keys, KeysError};
use super::settings::{SettingsError, TokenSettings};
use super::verification::{self, TokenRefused};
use crate::reload::Reloads;

/// Verified tokens that are kept; at the bound all are forgotten, and verified again.
const KEPT_MAX: usize = 1_024;
/// Before keys that could not be read are asked for again: at first, and at most.
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// What a pause is multiplied with.
const JITTER: Range<f64> = 0.8..1.2;

/// Why the keys cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum TokensError {
    /// The settings do not fit together.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The key set cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// It is read, and of no use.
    #[error("the issuer's keys: {0}")]
    Keys(#[from] KeysError),
    /// Reading it was ended.
    #[error("reading the issuer's keys was ended")]
    Ended,
}

/// A caller whose token was verified.
#[derive(Clone)]
pub(crate) struct Verified {
    pub(crate) caller: Arc<Caller>,
    /// Cancelled when the key that signed the token is no key of the issuer's any more.
    pub(crate) key_removed: CancellationToken,
}

impl Verified {
    /// Of a call that needs no token.
    pub(crate) fn nobody() -> Self {
        Self { caller: Arc::new(Caller::nobody()), key_removed: CancellationToken::new() }
    }
}

/// Verifies tokens.
pub(super) struct Tokens {
    settings: TokenSettings,
    source: Arc<Source>,
    held: RwLock<Held>,
    /// When the keys were last asked for; held while they are.
    asked: Mutex<Option<Instant>>,
    /// Whether there are keys, not too old.
    usable: watch::Sender<bool>,
}

/// The keys, and what was verified with them.
#[derive(Default)]
struct Held {
    keys: Arc<Keys>,
    /// The set they were read from, to know a new one.
    set: Vec<u8>,
    read_at: Option<Instant>,
    verified: HashMap<Box<str>, Verified>,
}

impl Tokens {
    /// Reads the keys and keeps them fresh while the result is held. A file must hold keys at once; an address may be
    /// away for a while, and tokens are answered UNAVAILABLE until it is there.
    pub(super) async fn open(settings: TokenSettings) -> Result<Arc<Self>, TokensError> {
        let source = Arc::new(Source::open(settings.key_source()?)?);
        let refresh_every = Duration::from_secs(settings.refresh_s.get().into());
        let (held, asked) = (RwLock::default(), Mutex::default());
        let tokens = Arc::new(Self { settings, source, held, asked, usable: watch::Sender::new(false) });
        let mut failures = 0;
        match (tokens.read_keys().await, &*tokens.source) {
            (Ok(()), _) => {}
            (Err(error), Source::Url { .. }) => {
                failures = 1;
                tracing::warn!(%error, "no token can be verified yet: the issuer's keys are asked for again");
            }
            (Err(error), Source::File(_)) => return Err(error),
        }
        tokens.tell_usable();
        tokio::spawn(keep_fresh(Arc::downgrade(&tokens), refresh_every, failures));
        Ok(tokens)
    }

    /// The caller that a token stands for.
    pub(super) async fn verified(&self, token: &str) -> Result<Verified, TokenRefused> {
        if let Some(known) = self.known(token)? {
            return known;
        }
        let id = verification::key_id(token, &self.settings)?;
        let mut keys = self.keys();
        if keys.find(id.as_deref()).is_none() {
            self.ask_again().await;
            keys = self.keys();
        }
        let key = verification::key_of(&keys, id.as_deref())?;
        let caller = Arc::new(verification::verify_with(key, token, &self.settings)?);
        let verified = Verified { caller, key_removed: key.removed.clone() };
        let mut held = self.held.write();
        if held.verified.len() >= KEPT_MAX {
            held.verified.clear();
        }
        // Keys that changed meanwhile may not have this one any more: then it is verified again.
        if Arc::ptr_eq(&held.keys, &keys) {
            held.verified.insert(token.into(), verified.clone());
        }
        Ok(verified)
    }

    /// What is known of a token: nothing, or its caller and whether it has expired since.
    pub(super) fn known(&self, token: &str) -> Result<Option<Result<Verified, TokenRefused>>, TokenRefused> {
        let held = self.held.read();
        let max_age = Duration::from_secs(self.settings.keys_max_age_s.get().into());
        match held.read_at {
            Some(read_at) if read_at.elapsed() <= max_age => {
                Ok(held.verified.get(token).cloned().map(not_expired))
            }
            _ => Err(TokenRefused::KeysUnavailable),
        }
    }

    /// Whether tokens can be verified, and will be.
    pub(super) fn usable(&self) -> watch::Receiver<bool> {
        self.usable.subscribe()
    }

    /// How long the keys still serve without being read again; `None` where they do not.
    fn serve_for(&self) -> Option<Duration> {
        let max_age = Duration::from_secs(self.settings.keys_max_age_s.get().into());
        max_age.checked_sub(self.held.read().read_at?.elapsed())
    }

    fn tell_usable(&self) {
        let usable = self.serve_for().is_some();
        if self.usable.send_if_modified(|told| std::mem::replace(told, usable) != usable) {
            if usable {
                tracing::info!("tokens can be verified");
            } else {
                tracing::error!("no token can be verified: the issuer's keys could not be read for too long");
            }
        }
    }

    fn keys(&self) -> Arc<Keys> {
        Arc::clone(&self.held.read().keys)
    }

    /// Reads the keys again, unless that was tried a moment ago. Whoever comes meanwhile waits for the same answer.
    async fn ask_again(&self) {
        let pause = Duration::from_millis(self.settings.refresh_pause_ms.get().into());
        let mut asked = self.asked.lock().await;
        if asked.is_some_and(|asked| asked.elapsed() < pause) {
            return;
        }
        if let Err(error) = self.read_keys_in_turn(&mut asked).await {
            tracing::warn!(%error, "the issuer's keys could not be read again");
        }
    }

    async fn read_keys(&self) -> Result<(), TokensError> {
        let mut asked = self.asked.lock().await;
        self.read_keys_in_turn(&mut asked).await
    }

    async fn read_keys_in_turn(&self, asked: &mut Option<Instant>) -> Result<(), TokensError> {
        let source = Arc::clone(&self.source);
        let read = tokio::task::spawn_blocking(move || source.read()).await;
        *asked = Some(Instant::now());
        let set = read.map_err(|_| TokensError::Ended)??;
        if self.held.read().set == set {
            self.held.write().read_at = *asked;
            self.tell_usable();
            return Ok(());
        }
        let keys = Arc::new(Keys::parse(&set)?.in_place_of(&self.keys()));
        tracing::info!("the issuer's keys are read");
        *self.held.write() = Held { keys, set, read_at: *asked, verified: HashMap::new() };
        self.tell_usable();
        Ok(())
    }
}

fn not_expired(verified: Verified) -> Result<Verified, TokenRefused> {
    if verified.caller.expires_at.is_some_and(|end| end <= Timestamp::now()) {
        return Err(TokenRefused::Expired);
    }
    Ok(verified)
}

/// Reads the keys again at intervals, as long as tokens are verified with them; sooner after failures.
async fn keep_fresh(tokens: Weak<Tokens>, every: Duration, mut failures: u32) {
    let mut reloads = Reloads::listen();
    loop {
        let serve_for = match tokens.upgrade() {
            Some(tokens) => tokens.serve_for(),
            None => return,
        };
        let pause = pause_after(failures, every, rand::random_range(JITTER));
        // Keys that become too old meanwhile are told when they do.
        let pause = serve_for.map_or(pause, |left| pause.min(left.max(PAUSE_MIN)));
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = reloads.next() => {}
        }
        let Some(tokens) = tokens.upgrade() else { return };
        match tokens.read_keys().await {
            Ok(()) => failures = 0,
            Err(error) => {
                failures = failures.saturating_add(1);
                let usable = *tokens.usable.borrow();
                tracing::error!(%error, failures, usable, "the issuer's keys could not be read again: asking until they are");
            }
        }
        tokens.tell_usable();
    }
}

/// How long to wait before the keys are asked for: as configured, and after failures a second, twice as long after each
/// further one, up to half a minute; spread, so that the processes of one issuer do not ask at the same time.
fn pause_after(failures: u32, every: Duration, jitter: f64) -> Duration {
    let Some(doublings) = failures.checked_sub(1) else { return every };
    let pause = PAUSE_MIN.saturating_mul(2_u32.saturating_pow(doublings)).min(PAUSE_MAX);
    pause.mul_f64(jitter).min(every)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_are_away_are_asked_for_from_a_second_on_ever_more_seldom_up_to_half_a_minute() {
        let every = Duration::from_mins(5);
        let pauses =
            [0, 1, 2, 3, 4, 5, 6, 7, u32::MAX].map(|failures| pause_after(failures, every, 1.0).as_secs());
        assert_eq!(pauses, [300, 1, 2, 4, 8, 16, 30, 30, 30]);
        for jitter in [JITTER.start, JITTER.end] {
            let pause = pause_after(2, every, jitter).as_secs_f64();
            assert!((1.5..=2.5).contains(&pause), "{pause}");
        }
        // Never more seldom than keys that are there.
        assert_eq!(pause_after(9, Duration::from_secs(10), 1.0).as_secs(), 10);
    }
}
