//! The process `cra-projection`: parses flags and calls [`cra_projection::run`].

use std::process::ExitCode;

use clap::Parser;
use cra_projection::Settings;
use cra_runtime::args::ServerArgs;
use cra_runtime::process;

/// Turns the events of the log into read models and answers statistics over gRPC
#[derive(Parser)]
#[command(version = cra_runtime::version::FULL, color = cra_runtime::terminal::colours_of_help())]
struct Command {
    #[command(flatten)]
    server: ServerArgs,
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Command::parse().server;
    process::run(&args, |settings: &Settings| &settings.telemetry, cra_projection::run).await
}
