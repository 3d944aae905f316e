//! The process `cra-web`: flags, then [`cra_web::run`]; nothing more.

use std::process::ExitCode;

use clap::Parser;
use cra_runtime::args::ServerArgs;
use cra_runtime::process;
use cra_web::Settings;

/// Serves the pages: the figures of the comptes-rendus d'activité in a browser
#[derive(Parser)]
#[command(version = cra_runtime::version::FULL, color = cra_runtime::terminal::colours_of_help())]
struct Command {
    #[command(flatten)]
    server: ServerArgs,
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Command::parse().server;
    process::run(&args, |settings: &Settings| &settings.telemetry, cra_web::run).await
}
