//! One file per command: asks the services, hands the answer to `render`, and says how it went. No layout here.

mod communes;
mod history;
mod import;
mod pair;
mod progress;
mod standalone;
mod stats;
mod status;
mod submit;

use std::process::ExitCode;

use crate::args::{Arguments, Command};
use crate::output::Output;

/// How a command that could do its work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Everything asked was done.
    Done,
    /// Some items were refused, and told.
    SomeRefused,
}

impl Outcome {
    pub(crate) fn exit_code(self) -> ExitCode {
        match self {
            Self::Done => ExitCode::SUCCESS,
            Self::SomeRefused => ExitCode::from(1),
        }
    }
}

/// Runs the command that was asked for.
pub(crate) async fn run(arguments: Arguments, output: &mut Output) -> anyhow::Result<Outcome> {
    let Arguments { endpoints, command } = arguments;
    match command {
        Command::Standalone(args) => standalone::run(args, output).await,
        Command::Submit(args) => submit::run(args, &endpoints, output).await,
        Command::Import(args) => import::run(args, &endpoints, output).await,
        Command::Stats(args) => stats::run(*args, &endpoints, output).await,
        Command::History(args) => history::run(args, &endpoints, output).await,
        Command::Communes(args) => communes::run(args, &endpoints, output).await,
        Command::Status(args) => status::run(args, &endpoints, output).await,
    }
}
