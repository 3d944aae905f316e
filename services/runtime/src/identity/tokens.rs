//! Bearer tokens: verified against the issuer's keys, mapped to callers, and cached while the keys are unchanged.
//!
//! A token is verified once, by [`super::verification`]. Afterwards the same text maps to the same caller until it
//! expires or the keys change. Keys are refreshed at intervals, and at once for a token with an unknown key, with a
//! minimum pause, so that a stream of invented key ids does not burden the issuer.

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

/// Maximum number of cached tokens; at the limit the cache is cleared.
const KEPT_MAX: usize = 1_024;
/// Minimum and maximum delay of retries after a failed refresh.
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// Random factor of a delay.
const JITTER: Range<f64> = 0.8..1.2;

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum TokensError {
    /// The settings are inconsistent.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The key set cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The key set is unusable.
    #[error("the issuer's keys: {0}")]
    Keys(#[from] KeysError),
    /// Reading it was ended.
    #[error("reading the issuer's keys was ended")]
    Ended,
}

/// A caller with a verified token.
#[derive(Clone)]
pub(crate) struct Verified {
    pub(crate) caller: Arc<Caller>,
    /// Cancelled when the issuer's key set no longer contains the key of the token.
    pub(crate) key_removed: CancellationToken,
}

impl Verified {
    /// For a call that needs no token.
    pub(crate) fn unknown() -> Self {
        Self { caller: Arc::new(Caller::unknown()), key_removed: CancellationToken::new() }
    }
}

/// Verifies tokens.
pub(super) struct Tokens {
    settings: TokenSettings,
    source: Arc<Source>,
    held: RwLock<Held>,
    /// Time of the last refresh; locked during a refresh.
    asked: Mutex<Option<Instant>>,
    /// Whether there are keys that are not too old.
    usable: watch::Sender<bool>,
}

/// The keys, and the callers verified with them.
#[derive(Default)]
struct Held {
    keys: Arc<Keys>,
    /// The set that they were parsed from, for detecting changes.
    set: Vec<u8>,
    read_at: Option<Instant>,
    verified: HashMap<Box<str>, Verified>,
}

impl Tokens {
    /// Reads the keys and refreshes them while the result exists. A file must contain keys at once; an address may be
    /// unavailable for a while, and tokens are answered UNAVAILABLE until it answers.
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
                tracing::warn!(%error, "no token can be verified yet: fetching the issuer's keys again");
            }
            (Err(error), Source::File(_)) => return Err(error),
        }
        tokens.publish_usable();
        tokio::spawn(keep_fresh(Arc::downgrade(&tokens), refresh_every, failures));
        Ok(tokens)
    }

    /// The caller of a token.
    pub(super) async fn verified(&self, token: &str) -> Result<Verified, TokenRefused> {
        if let Some(known) = self.known(token)? {
            return known;
        }
        let id = verification::key_id(token, &self.settings)?;
        let mut keys = self.keys();
        if keys.find(id.as_deref()).is_none() {
            self.refresh().await;
            keys = self.keys();
        }
        let key = verification::key_of(&keys, id.as_deref())?;
        let caller = Arc::new(verification::verify_with(key, token, &self.settings)?);
        let verified = Verified { caller, key_removed: key.removed.clone() };
        let mut held = self.held.write();
        if held.verified.len() >= KEPT_MAX {
            held.verified.clear();
        }
        // If the keys changed in the meantime, the token must be verified again.
        if Arc::ptr_eq(&held.keys, &keys) {
            held.verified.insert(token.into(), verified.clone());
        }
        Ok(verified)
    }

    /// The cached result of a token: unknown, or its caller, or that it has expired.
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

    /// Whether tokens can currently be verified.
    pub(super) fn usable(&self) -> watch::Receiver<bool> {
        self.usable.subscribe()
    }

    /// How long the keys may be used without a refresh; `None` if they may not.
    fn usable_for(&self) -> Option<Duration> {
        let max_age = Duration::from_secs(self.settings.keys_max_age_s.get().into());
        max_age.checked_sub(self.held.read().read_at?.elapsed())
    }

    fn publish_usable(&self) {
        let usable = self.usable_for().is_some();
        if self.usable.send_if_modified(|reported| std::mem::replace(reported, usable) != usable) {
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

    /// Refreshes the key set at most once per `refresh_pause_ms`; concurrent callers wait for the same refresh.
    async fn refresh(&self) {
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
            self.publish_usable();
            return Ok(());
        }
        let keys = Arc::new(Keys::parse(&set)?.replacing(&self.keys()));
        tracing::info!("the issuer's keys are read");
        *self.held.write() = Held { keys, set, read_at: *asked, verified: HashMap::new() };
        self.publish_usable();
        Ok(())
    }
}

fn not_expired(verified: Verified) -> Result<Verified, TokenRefused> {
    if verified.caller.expires_at.is_some_and(|end| end <= Timestamp::now()) {
        return Err(TokenRefused::Expired);
    }
    Ok(verified)
}

/// Refreshes the keys at intervals, while tokens are verified with them; sooner after failures.
async fn keep_fresh(tokens: Weak<Tokens>, every: Duration, mut failures: u32) {
    let mut reloads = Reloads::listen();
    loop {
        let usable_for = match tokens.upgrade() {
            Some(tokens) => tokens.usable_for(),
            None => return,
        };
        let pause = pause_after(failures, every, rand::random_range(JITTER));
        // Wakes up when the keys become too old, to report it.
        let pause = usable_for.map_or(pause, |left| pause.min(left.max(PAUSE_MIN)));
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
                tracing::error!(%error, failures, usable, "the issuer's keys could not be read again: retrying");
            }
        }
        tokens.publish_usable();
    }
}

/// Delay before the next refresh: as configured, and after failures a second, doubled after each further one, up to
/// half a minute; randomised, so that the processes of one issuer do not refresh at the same time.
fn pause_after(failures: u32, every: Duration, jitter: f64) -> Duration {
    let Some(doublings) = failures.checked_sub(1) else { return every };
    let pause = PAUSE_MIN.saturating_mul(2_u32.saturating_pow(doublings)).min(PAUSE_MAX);
    pause.mul_f64(jitter).min(every)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_refreshes_are_retried_after_a_second_and_ever_more_rarely_up_to_half_a_minute() {
        let every = Duration::from_mins(5);
        let pauses =
            [0, 1, 2, 3, 4, 5, 6, 7, u32::MAX].map(|failures| pause_after(failures, every, 1.0).as_secs());
        assert_eq!(pauses, [300, 1, 2, 4, 8, 16, 30, 30, 30]);
        for jitter in [JITTER.start, JITTER.end] {
            let pause = pause_after(2, every, jitter).as_secs_f64();
            assert!((1.5..=2.5).contains(&pause), "{pause}");
        }
        // Never later than the regular interval.
        assert_eq!(pause_after(9, Duration::from_secs(10), 1.0).as_secs(), 10);
    }
}
