//! The process `cra-ingestion`: parses flags and calls [`cra_ingestion::run`].

use std::process::ExitCode;

use clap::Parser;
use cra_ingestion::Settings;
use cra_runtime::args::ServerArgs;
use cra_runtime::process;

/// Receives comptes-rendus d'activité, validates them and appends them to the event log
#[derive(Parser)]
#[command(version = cra_runtime::version::FULL, color = cra_runtime::terminal::colours_of_help())]
struct Command {
    #[command(flatten)]
    server: ServerArgs,
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Command::parse().server;
    process::run(&args, |settings: &Settings| &settings.telemetry, cra_ingestion::run).await
}
