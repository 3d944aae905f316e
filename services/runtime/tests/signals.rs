//! Signals of the system ask the process to stop. Alone in its process: a signal is for all of it.
#![cfg(unix)]

use std::process::{Command, id};
use std::time::Duration;

use cra_runtime::shutdown::Shutdown;

#[tokio::test]
async fn sigterm_and_sigint_ask_to_stop() {
    for signal in ["-TERM", "-INT"] {
        let shutdown = Shutdown::on_signal().unwrap();
        assert!(!shutdown.is_requested());
        assert!(Command::new("kill").args([signal, &id().to_string()]).status().unwrap().success());
        let heard = tokio::time::timeout(Duration::from_secs(5), shutdown.requested()).await;
        assert!(heard.is_ok(), "{signal} was not heard");
    }
}
