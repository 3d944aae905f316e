//! The projection service: reads its settings, then runs until it is told to stop.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;
use cra_projection::Settings;
use cra_runtime::args::{Action, ServerArgs};
use cra_runtime::serve::Drained;
use cra_runtime::shutdown::Shutdown;
use cra_runtime::{config, telemetry};

/// Turns the events of the log into read models and answers statistics over gRPC.
#[derive(Parser)]
#[command(name = "cra-projection", version)]
struct Args {
    #[command(flatten)]
    server: ServerArgs,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    let settings: Settings = args.server.load()?;
    if args.server.action() == Action::PrintConfig {
        std::io::stdout().write_all(config::print(&settings)?.as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    telemetry::init(&settings.telemetry)?;
    match cra_projection::run(settings, Shutdown::on_signal()?).await? {
        Drained::InTime => Ok(ExitCode::SUCCESS),
        Drained::DeadlinePassed => {
            tracing::warn!("left with calls unanswered: the drain took longer than its deadline");
            Ok(ExitCode::FAILURE)
        }
    }
}
