//! The connection: established with retries at start-up, then maintained by the client library; its state is observed
//! here.
//!
//! The state is this process's view; a request may fail although the connection is up.

use std::time::Duration;

use async_nats::{AuthError, Client, ConnectError, ConnectOptions, Event, ServerAddr};
use backon::{BackoffBuilder as _, ConstantBuilder, ExponentialBuilder, Retryable as _};
use tokio::sync::watch;
use tokio::time::Instant;

use super::advice::{self, Advice};
use super::login::Login;
use super::settings::NatsSettings;
use super::start_error::StartError;

const START_PAUSE: Duration = Duration::from_millis(250);
/// Interval of pings; a server that misses three is considered lost.
const PING_INTERVAL: Duration = Duration::from_secs(3);
const RECONNECT: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(50))
    .with_max_delay(Duration::from_secs(1))
    .without_max_times();

/// State of the connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LinkState {
    pub(super) up: bool,
    /// Number of connections so far: a request on an earlier one may never be answered.
    pub(super) generation: u64,
}

/// Observed state of a connection.
#[derive(Clone)]
pub(super) struct Watched {
    pub(super) state: watch::Receiver<LinkState>,
    /// The server's latest denial for this user.
    pub(super) denied: watch::Receiver<Option<String>>,
}

/// Connects, retrying temporary failures until the start timeout.
pub(super) async fn connect(settings: &NatsSettings) -> Result<(Client, Watched), StartError> {
    let servers = servers(settings)?;
    settings.check_files().map_err(StartError::Settings)?;
    let deadline = Instant::now() + settings.start_timeout();
    let attempt = || async {
        let (options, watched) = options(settings)?;
        let connected = options.connect(servers.as_slice()).await;
        connected.map(|client| (client, watched)).map_err(|error| not_connected(settings, &error))
    };
    attempt
        .retry(ConstantBuilder::new().with_delay(START_PAUSE).without_max_times())
        .when(|error| {
            matches!(error, StartError::Unreachable { .. }) && Instant::now() + START_PAUSE < deadline
        })
        .notify(|error, _| tracing::warn!(%error, "the log is not reachable yet"))
        .await
}

fn not_connected(settings: &NatsSettings, error: &ConnectError) -> StartError {
    let (url, reason) = (settings.url.clone(), error.to_string());
    let Advice { text: advice, is_final } = advice::on_connection(error.kind(), &reason);
    if is_final {
        return StartError::Refused { url, reason, advice };
    }
    StartError::Unreachable { url, waited_ms: settings.start_timeout_ms, reason, advice }
}

fn servers(settings: &NatsSettings) -> Result<Vec<ServerAddr>, StartError> {
    let servers = settings.checked_servers().map_err(StartError::Settings)?;
    let servers: Result<Vec<ServerAddr>, _> = servers.into_iter().map(str::parse).collect();
    servers.map_err(|error| StartError::Settings(format!("url {:?}: {error}", settings.url)))
}

fn options(settings: &NatsSettings) -> Result<(ConnectOptions, Watched), StartError> {
    let (sender, state) = watch::channel(LinkState { up: true, generation: 0 });
    let (denying, denied) = watch::channel(None);
    let mut options = logged_in(settings)?
        .name("cra-eventlog")
        .connection_timeout(Duration::from_millis(settings.connect_timeout_ms))
        .request_timeout(Some(Duration::from_millis(settings.request_timeout_ms)))
        .ping_interval(PING_INTERVAL)
        .reconnect_delay_callback(reconnect_delay)
        .event_callback(move |event| {
            if let Event::ServerError(error) = &event
                && error.to_string().to_lowercase().contains("permissions violation")
            {
                denying.send_replace(Some(error.to_string()));
            }
            observe(&sender, &event);
            std::future::ready(())
        });
    if let Some(prefix) = settings.inbox_prefix() {
        options = options.custom_inbox_prefix(prefix);
    }
    if let Some(file) = &settings.ca_file {
        options = options.add_root_certificates(file.clone());
    }
    if let Some((cert, key)) = settings.cert_file.as_ref().zip(settings.key_file.as_ref()) {
        options = options.add_client_certificate(cert.clone(), key.clone());
    }
    Ok((options.require_tls(settings.require_tls), Watched { state, denied }))
}

/// Authenticates each connection with the current settings and their files.
fn logged_in(settings: &NatsSettings) -> Result<ConnectOptions, StartError> {
    let login = settings.login().map_err(|why| StartError::Settings(why.to_owned()))?;
    if login == Login::Nothing {
        return Ok(ConnectOptions::new());
    }
    // At start-up an unreadable file is an error of the settings; later it may be being replaced.
    login.auth(b"").map_err(StartError::Settings)?;
    let settings = settings.clone();
    Ok(ConnectOptions::with_auth_callback(move |nonce| {
        let auth = settings.login().map_err(str::to_owned).and_then(|login| login.auth(&nonce));
        std::future::ready(auth.map_err(AuthError::new))
    }))
}

fn observe(state: &watch::Sender<LinkState>, event: &Event) {
    match event {
        Event::Connected => {
            tracing::info!("connected to the log");
            state.send_modify(|state| *state = LinkState { up: true, generation: state.generation + 1 });
        }
        Event::Disconnected | Event::Closed => {
            tracing::warn!(%event, "the connection to the log is lost");
            state.send_modify(|state| state.up = false);
        }
        Event::LameDuckMode | Event::Draining => tracing::info!(%event, "the log's server is shutting down"),
        Event::SlowConsumer(_) | Event::ServerError(_) | Event::ClientError(_) => {
            tracing::warn!(%event, "the connection to the log reports a problem");
        }
    }
}

fn reconnect_delay(attempts: usize) -> Duration {
    RECONNECT.build().nth(attempts.min(10)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reconnection_delays_increase_up_to_a_limit() {
        let delays_ms = [0, 1, usize::MAX].map(|attempts| reconnect_delay(attempts).as_millis());
        assert_eq!(delays_ms, [50, 100, 1_000]);
    }
}
