//! Preconditions of using the log: a recent server, and the stream exactly as designed.
//!
//! A missing stream is created. An existing one is never changed: an operator must decide about differences.

use std::error::Error;
use std::fmt::Debug;

use async_nats::jetstream::context::{CreateStreamErrorKind, GetStreamErrorKind};
use async_nats::jetstream::stream::{
    Config, DiscardPolicy, Info, PersistenceMode, RetentionPolicy, StorageType,
};
use async_nats::jetstream::{Context, ErrorCode};
use backon::{ConstantBuilder, Retryable as _};
use tokio::sync::watch;
use tokio::time::{Duration, Instant};

use super::advice::{self, Advice};
use super::settings::NatsSettings;
use super::start_error::StartError;
use super::{metadata, restore_config};
use crate::lineage::Origin;

/// The first version with atomic batches.
const SERVER_VERSION_MIN: (u64, u64) = (2, 12);
/// Retry interval while `JetStream` is not ready.
const PROVISION_RETRY: Duration = Duration::from_millis(250);
/// Retry interval while the stream is being restored.
const RESTORE_RETRY: Duration = Duration::from_secs(1);

/// Checks the version a server names.
pub(super) fn check_version(version: &str) -> Result<(), StartError> {
    let mut numbers = version.split(['.', '-', '+']).map(str::parse::<u64>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) if (major, minor) >= SERVER_VERSION_MIN => Ok(()),
        _ => Err(StartError::ServerTooOld { found: version.to_owned() }),
    }
}

/// The stream as designed.
pub(super) fn designed(settings: &NatsSettings) -> Config {
    Config {
        name: settings.stream.clone(),
        description: Some("Comptes-rendus d'activité: every event, for ever".to_owned()),
        subjects: vec![format!("{}.*", settings.subject_prefix)],
        retention: RetentionPolicy::Limits,
        // A full stream refuses new events; it never discards old ones.
        discard: DiscardPolicy::New,
        max_messages: -1,
        max_messages_per_subject: -1,
        max_bytes: -1,
        max_message_size: -1,
        max_consumers: -1,
        max_age: Duration::ZERO,
        storage: StorageType::File,
        num_replicas: settings.replicas,
        deny_delete: true,
        deny_purge: true,
        allow_direct: true,
        allow_atomic_publish: true,
        ..Config::default()
    }
}

/// What a log is opened for.
#[derive(Clone, Copy)]
pub(super) enum Purpose<'a> {
    /// To append and to read.
    Use,
    /// To restore it: a stream that is missing is created closed to the services.
    Restore(&'a Origin),
    /// To copy it: the stream may be sealed.
    Copy,
}

/// Why the stream cannot be used, and the pause before another try; `None` if waiting cannot help.
struct NotReady {
    error: StartError,
    retry_after: Option<Duration>,
}

impl NotReady {
    fn unprovisioned(stream: &str, reason: String, advice: Advice) -> Self {
        let error = StartError::Provision { stream: stream.to_owned(), reason, advice: advice.text };
        Self { error, retry_after: (!advice.is_final).then_some(PROVISION_RETRY) }
    }
}

/// Creates the stream if it is missing, and checks it. `server` has the server's features and denials.
pub(super) async fn provision(
    context: &Context,
    settings: &NatsSettings,
    purpose: Purpose<'_>,
    server: &Server,
) -> Result<Info, StartError> {
    let deadline = Instant::now() + settings.start_timeout();
    let open = designed(settings);
    let closed = match purpose {
        Purpose::Restore(origin) => Some(restore_config::closed(&open, &settings.subject_prefix, origin)),
        Purpose::Use | Purpose::Copy => None,
    };
    let created = closed.as_ref().unwrap_or(&open);
    let attempt = || async {
        let info = get_or_create(context, created, settings.create_stream, server).await?;
        let of = metadata::restored(&info.config);
        let designed = closed.as_ref().filter(|_| of.is_some()).unwrap_or(&open);
        let sealed = info.config.sealed && matches!(purpose, Purpose::Copy);
        let differences = differences(&info.config, &Config { sealed, ..designed.clone() });
        let stream = settings.stream.clone();
        match of {
            // The services start once it is finished, if that is soon.
            Some(of) if closed.is_none() => {
                let error = StartError::BeingRestored { stream, of };
                Err(NotReady { error, retry_after: Some(RESTORE_RETRY) })
            }
            _ if differences.is_empty() => Ok(info),
            _ => {
                Err(NotReady { error: StartError::StreamDiffers { stream, differences }, retry_after: None })
            }
        }
    };
    // What is waited for is logged at once, and once.
    let mut logged = String::new();
    let provisioned = attempt
        .retry(ConstantBuilder::new().without_max_times())
        // A starting cluster has no leader yet; a starting server is still reading its files.
        .adjust(|not_ready: &NotReady, _| {
            not_ready.retry_after.filter(|_| Instant::now() + PROVISION_RETRY < deadline)
        })
        .notify(|NotReady { error, .. }, _| {
            let reason = error.to_string();
            if logged != reason {
                tracing::warn!(reason, "the stream is not ready yet");
                logged = reason;
            }
        })
        .await;
    provisioned.map_err(|not_ready| not_ready.error)
}

async fn get_or_create(
    context: &Context,
    designed: &Config,
    may_create: bool,
    server: &Server,
) -> Result<Info, NotReady> {
    let error = match context.get_stream(&designed.name).await {
        Ok(stream) => return Ok(stream.cached_info().clone()),
        Err(error) => error,
    };
    match error.kind() {
        GetStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND => {}
        GetStreamErrorKind::JetStream(cause) => {
            let advice = advice::on_stream(Some(cause.error_code()));
            return Err(NotReady::unprovisioned(&designed.name, error.to_string(), advice));
        }
        _ => return Err(server.unanswered(&designed.name, &error)),
    }
    if !may_create {
        let reason = "it does not exist and `log.create_stream` is off".to_owned();
        let text = "create it with `cra log create` as the log's operator";
        return Err(NotReady::unprovisioned(&designed.name, reason, Advice { text, is_final: false }));
    }
    match context.create_stream(designed.clone()).await {
        Ok(stream) => {
            tracing::info!(stream = designed.name, replicas = designed.num_replicas, "stream created");
            Ok(stream.cached_info().clone())
        }
        Err(error) => match error.kind() {
            // Another process was faster: the next try checks its stream.
            CreateStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NAME_EXIST => {
                let reason = "it was created by another process".to_owned();
                Err(NotReady::unprovisioned(&designed.name, reason, advice::on_stream(None)))
            }
            CreateStreamErrorKind::JetStream(cause) => {
                let advice = advice::on_stream(Some(cause.error_code()));
                Err(NotReady::unprovisioned(&designed.name, error.to_string(), advice))
            }
            _ => Err(server.unanswered(&designed.name, &error)),
        },
    }
}

/// What the server reports to explain a missing answer.
pub(super) struct Server {
    pub(super) has_jetstream: bool,
    /// Its latest denial.
    pub(super) denied: watch::Receiver<Option<String>>,
}

impl Server {
    fn unanswered(&self, stream: &str, error: &dyn Error) -> NotReady {
        let denied = self.denied.borrow().clone();
        let advice = advice::on_silence(self.has_jetstream, denied.as_deref());
        let reason =
            denied.map_or_else(|| error.to_string(), |denied| format!("{error}; the server said: {denied}"));
        NotReady::unprovisioned(stream, reason, advice)
    }
}

/// Differences in all fields that the guarantees depend on. The server may add others.
pub(super) fn differences(found: &Config, designed: &Config) -> Vec<String> {
    let mut differences = Differences::default();
    // A log that is opened as a sealed one is read after it was replaced.
    if let Some(log) = metadata::successor(found).filter(|_| !designed.sealed) {
        let now = "set `log.slot` to its slot, or `log.url` to its servers";
        differences.0.push(format!("it is closed: the log is {} now, {now}", log.0));
    }
    differences.check("subjects", &found.subjects, &designed.subjects);
    differences.check("retention", &found.retention, &designed.retention);
    differences.check("discard", &found.discard, &designed.discard);
    differences.check("discard_new_per_subject", &found.discard_new_per_subject, &false);
    if found.discard != DiscardPolicy::New {
        // A stream that discards new events refuses at its limits; any other forgets.
        differences.check("max_msgs", &unlimited(found.max_messages), &-1);
        differences.check("max_bytes", &unlimited(found.max_bytes), &-1);
    }
    differences.check("max_msgs_per_subject", &unlimited(found.max_messages_per_subject), &-1);
    differences.check("max_msg_size", &unlimited(found.max_message_size.into()), &-1);
    differences.check("max_consumers", &unlimited(found.max_consumers.into()), &-1);
    differences.check("max_age", &found.max_age, &designed.max_age);
    differences.check("storage", &found.storage, &designed.storage);
    differences.check("num_replicas", &found.num_replicas, &designed.num_replicas);
    differences.check("deny_delete", &found.deny_delete, &true);
    differences.check("deny_purge", &found.deny_purge, &true);
    differences.check("allow_direct", &found.allow_direct, &true);
    differences.check("allow_atomic", &found.allow_atomic_publish, &true);
    differences.check("allow_rollup_hdrs", &found.allow_rollup, &false);
    differences.check("allow_msg_ttl", &found.allow_message_ttl, &false);
    differences.check("allow_msg_counter", &found.allow_message_counter, &false);
    differences.check("allow_msg_schedules", &found.allow_message_schedules, &false);
    differences.check("no_ack", &found.no_ack, &false);
    differences.check("sealed", &found.sealed, &designed.sealed);
    differences.check("mirror", &found.mirror.is_some(), &false);
    differences.check("sources", &found.sources.as_ref().is_some_and(|sources| !sources.is_empty()), &false);
    differences.check("subject_transform", &found.subject_transform, &designed.subject_transform);
    differences.check("first_seq", &found.first_sequence.unwrap_or(0).max(1), &1);
    differences.check(
        "persist_mode",
        &found.persist_mode.unwrap_or(PersistenceMode::Default),
        &PersistenceMode::Default,
    );
    differences.0
}

/// Both 0 and -1 mean "no limit".
fn unlimited(limit: i64) -> i64 {
    if limit == 0 { -1 } else { limit }
}

#[derive(Default)]
struct Differences(Vec<String>);

impl Differences {
    fn check<T: PartialEq + Debug>(&mut self, name: &str, found: &T, needed: &T) {
        if found != needed {
            self.0.push(format!("{name} is {found:?}, needed {needed:?}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_from_2_12_on_is_accepted() {
        for version in ["2.12.0", "2.12.0-RC.3", "2.15.1", "3.0.0"] {
            assert!(check_version(version).is_ok(), "{version}");
        }
    }

    #[test]
    fn an_older_or_unknown_version_is_an_error_with_the_version_and_the_remedy() {
        for version in ["2.9.10", "2.11.9", "", "garbage", "2", "v2.12", "2.x.1"] {
            let error = check_version(version).unwrap_err().to_string();
            assert!(error.contains(&format!("{version:?}")) && error.contains("upgrade"), "{error}");
        }
    }

    #[test]
    fn the_design_does_not_differ_from_itself() {
        let designed = designed(&NatsSettings::default());
        assert!(differences(&designed, &designed).is_empty());
    }

    #[test]
    fn every_difference_is_named() {
        let designed = designed(&NatsSettings::default());
        let found = Config {
            max_age: Duration::from_secs(1),
            deny_purge: false,
            num_replicas: 3,
            ..designed.clone()
        };
        let differences = differences(&found, &designed);
        assert_eq!(differences.len(), 3, "{differences:?}");
        assert!(differences.iter().any(|text| text == "num_replicas is 3, needed 1"), "{differences:?}");
    }
}
