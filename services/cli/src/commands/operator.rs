//! The right to make a log on NATS forget: a token of `operations`, verified by the projection of that log. The projection
//! audits each act, and says which log it serves.
//!
//! Whether tokens are needed is read from the log: where its last events name the clients that sent them, identity is
//! configured, and a projection that asks for no token is not taken for that of the log. The password of the log's user
//! `operator` stays what protects the streams: who has it needs no `cra` to delete them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use cra_contracts::v1::{self, LogAct};
use cra_domain::cra::check_reason;
use cra_domain::event::Event;
use cra_eventlog::{LogIdentity, Position, Read};
use cra_forgetting::{Act, GrantedBy};
use cra_runtime::config;
use cra_runtime::identity::{Caller, Identity, IdentitySettings, Scope};
use jiff::Timestamp;
use serde::Deserialize;
use tonic::Code;

use crate::args::{CredentialArgs, EndpointArgs};
use crate::client::{ClientError, Connection, Service, within_deadline};
use crate::render::text::printable;

/// Last events of the log that are looked at for the client that sent them.
const RECENT_EVENTS: usize = 16;

/// The scope of every act.
const SCOPE: Scope = Scope::Operations;

/// Who may act when no projection can be reached.
pub(super) struct WithoutProjection<'a> {
    /// Why, for the certificate.
    pub(super) reason: &'a str,
    /// Settings of a service, of which `[identity]` counts.
    pub(super) config: Option<&'a Path>,
}

/// An operator of the log, whose right is verified before each act.
pub(super) struct Operator<'a> {
    endpoints: &'a EndpointArgs,
    without: Option<WithoutProjection<'a>>,
    /// Whether the log's callers are known.
    is_identified: bool,
}

/// What counts here of a service's settings.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Settings {
    identity: IdentitySettings,
}

impl<'a> Operator<'a> {
    /// The operator of a log.
    pub(super) async fn of(
        log: &dyn Read,
        endpoints: &'a EndpointArgs,
        without: Option<WithoutProjection<'a>>,
    ) -> anyhow::Result<Self> {
        Ok(Self { endpoints, without, is_identified: names_clients(log).await? })
    }

    /// Verifies the right to an act, by a projection that serves one of these logs.
    pub(super) async fn may(&self, act: LogAct, logs: &[LogIdentity]) -> anyhow::Result<Act> {
        match (self.request_status(act).await, &self.without) {
            (Ok(status), _) => self.granted(status, logs),
            (Err(error), Some(without)) if error.may_pass() => {
                without.verified(&self.endpoints.credentials, self.is_identified).await
            }
            (Err(error), _) => Err(refused(error)),
        }
    }

    /// Verifies the right to delete a log that another one replaces: the projection serves that other one, up to the last
    /// position of both.
    pub(super) async fn may_destroy(
        &self,
        act: LogAct,
        copy: &LogIdentity,
        end: Position,
    ) -> anyhow::Result<Act> {
        let status = self.request_status(act).await.map_err(refused)?;
        let applied = status.applied_position;
        let granted = self.granted(status, std::slice::from_ref(copy))?;
        anyhow::ensure!(
            applied >= end.0,
            "the projection at {} has applied the new log up to position {applied}, expected {}: wait until `cra status` \
             shows it",
            self.endpoints.projection_url,
            end.0
        );
        Ok(granted)
    }

    async fn request_status(&self, act: LogAct) -> Result<v1::GetStatusResponse, ClientError> {
        let connection = Connection::to(Service::Projection, self.endpoints).await?;
        let request = within_deadline(v1::GetStatusRequest { act: act.into() });
        connection.answer(connection.operations().get_status(request).await)
    }

    fn granted(&self, status: v1::GetStatusResponse, logs: &[LogIdentity]) -> anyhow::Result<Act> {
        let url = &self.endpoints.projection_url;
        anyhow::ensure!(
            logs.iter().any(|log| log.0 == status.log),
            "the projection at {url} serves the log {}, expected {}: name a projection of that log with --projection-url",
            printable(&status.log),
            logs.iter().map(|log| printable(&log.0)).collect::<Vec<_>>().join(" or "),
        );
        let (by, at) = (GrantedBy::Projection, Timestamp::now());
        let Some(v1::Caller { client_id, subject, scopes }) = status.caller else {
            anyhow::ensure!(
                !self.is_identified,
                "the projection at {url} asks for no token, but events of the log name the clients that sent them: name a \
                 projection with identity with --projection-url"
            );
            return Ok(Act::without_token(GrantedBy::NoIdentity, at));
        };
        let is_granted = scopes.iter().any(|scope| scope == SCOPE.name());
        anyhow::ensure!(is_granted, "the token does not grant `{}`", SCOPE.name());
        let scope = SCOPE.name().to_owned();
        Ok(Act { client_id, subject, scope, ..Act::without_token(by, at) })
    }
}

impl WithoutProjection<'_> {
    /// Verifies the token as a service with these settings does.
    async fn verified(&self, credentials: &CredentialArgs, is_identified: bool) -> anyhow::Result<Act> {
        let reason = check_reason(self.reason)
            .map_err(|fault| anyhow::anyhow!("--without-projection: {}", fault.fault.description()))?;
        let nothing = BTreeMap::<String, String>::new();
        let Settings { identity } = config::load(self.config, nothing)?;
        let at = Timestamp::now();
        let without_projection = Some(reason);
        let Some(tokens) = identity.tokens else {
            anyhow::ensure!(
                !is_identified,
                "events of the log name the clients that sent them: without a projection, name the settings of a service \
                 with [identity.tokens] with --config, and give a token of `{}`",
                SCOPE.name()
            );
            return Ok(Act { without_projection, ..Act::without_token(GrantedBy::NoIdentity, at) });
        };
        let tokens = IdentitySettings { tokens: Some(tokens), ..IdentitySettings::default() };
        let token = token(credentials)?;
        let caller = Identity::open(&tokens).await?.caller(token.as_deref()).await?;
        let Caller { client_id, subject, .. } = &*caller;
        anyhow::ensure!(caller.may(SCOPE), "the token does not grant `{}`", SCOPE.name());
        Ok(Act {
            client_id: client_id.clone(),
            subject: subject.clone(),
            scope: SCOPE.name().to_owned(),
            without_projection,
            ..Act::without_token(GrantedBy::IdentitySettings, at)
        })
    }
}

/// Adds what the command needs.
fn refused(error: ClientError) -> anyhow::Error {
    let is_refusal = matches!(
        &error,
        ClientError::Answered { status, .. }
            if matches!(status.code(), Code::Unauthenticated | Code::PermissionDenied)
    );
    let needs = if is_refusal {
        "forgetting needs a token of `operations`: give it with --token-file"
    } else {
        "forgetting needs the projection of the log, which verifies the right to it: name it with --projection-url"
    };
    anyhow::Error::from(error).context(needs)
}

/// Whether the last events of a log name the clients that sent them.
async fn names_clients(log: &dyn Read) -> anyhow::Result<bool> {
    let head = log.head().await?.position.0;
    for position in (1..=head).rev().take(RECENT_EVENTS) {
        let entry = log.entry(Position(position)).await?;
        let is_named = |payload: &[u8]| Event::decode(payload).is_ok_and(|event| !event.client_id.is_empty());
        if entry.is_some_and(|entry| is_named(&entry.payload)) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn token(credentials: &CredentialArgs) -> anyhow::Result<Option<String>> {
    match (&credentials.token, &credentials.token_file) {
        (Some(token), _) => Ok(Some(token.expose().trim().to_owned())),
        (None, Some(file)) => {
            let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
            Ok(Some(text.trim().to_owned()))
        }
        (None, None) => Ok(None),
    }
}
