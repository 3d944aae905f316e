//! The process `cra-ingestion`: flags, settings, logs, then [`cra_ingestion::run`]; nothing more.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser;
use cra_ingestion::Settings;
use cra_runtime::args::{Action, ServerArgs};
use cra_runtime::shutdown::Shutdown;
use cra_runtime::{config, telemetry};

/// Takes comptes-rendus d'activité in: checks them and appends them to the event log
#[derive(Parser)]
#[command(version)]
struct Command {
    #[command(flatten)]
    server: ServerArgs,
}

#[tokio::main]
async fn main() -> ExitCode {
    match obey(Command::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Logs may not be set up yet, and whoever started this wants the cause on one line.
            let _ = writeln!(io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn obey(command: Command) -> anyhow::Result<()> {
    let settings: Settings = command.server.load()?;
    if command.server.action() == Action::PrintConfig {
        io::stdout().write_all(config::print(&settings)?.as_bytes())?;
        return Ok(());
    }
    telemetry::init(&settings.telemetry)?;
    let shutdown = Shutdown::on_signal()?;
    // How the drain ended is in the log; either way everything acknowledged is recorded.
    let _drained = cra_ingestion::run(settings, shutdown).await?;
    Ok(())
}
