//! Reload requests: on SIGHUP every listener reads its files again. SIGHUP never stops a server.

/// Requests for one listener; each listener gets every request.
pub struct Reloads {
    #[cfg(unix)]
    hangups: Option<tokio::signal::unix::Signal>,
}

impl Reloads {
    /// Listens from now on; call it within the tokio runtime. If the system refuses, that is logged, and no request
    /// arrives.
    #[must_use]
    pub fn listen() -> Self {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let hangups = signal(SignalKind::hangup());
            if let Err(error) = &hangups {
                tracing::error!(%error, "SIGHUP cannot be caught: files are only read again at intervals");
            }
            Self { hangups: hangups.ok() }
        }
        #[cfg(not(unix))]
        Self {}
    }

    /// Waits for the next request.
    pub async fn next(&mut self) {
        #[cfg(unix)]
        if let Some(hangups) = &mut self.hangups
            && hangups.recv().await.is_some()
        {
            return;
        }
        std::future::pending::<()>().await;
    }
}

/// Prevents SIGHUP from ending the process, and logs each one. For servers: a command at a terminal should end.
pub fn keep_running_at_hangup() {
    let mut reloads = Reloads::listen();
    tokio::spawn(async move {
        loop {
            reloads.next().await;
            tracing::info!(
                "SIGHUP: reading the audit's file, the issuer's keys, certificates, revocations and names again"
            );
        }
    });
}
