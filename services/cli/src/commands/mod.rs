//! One file per command: asks the services, hands the answer to `render`, and says how it went. No layout here.

mod breakdown;
mod checkpoint;
mod communes;
mod completions;
mod cross;
mod export;
#[cfg(test)]
mod fake;
mod follow;
mod history;
mod import;
mod list;
mod log;
mod pages;
mod pair;
mod progress;
#[cfg(test)]
mod questions_tests;
mod series;
mod show;
mod standalone;
mod stats;
mod status;
mod submit;
mod watch;

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
        Command::Series(args) => series::run(*args, &endpoints, output).await,
        Command::Breakdown(args) => breakdown::run(*args, &endpoints, output).await,
        Command::Cross(args) => cross::run(*args, &endpoints, output).await,
        Command::Watch(args) => watch::run(*args, &endpoints, output).await,
        Command::List(args) => list::run(*args, &endpoints, output).await,
        Command::Show(args) => show::run(args, &endpoints, output).await,
        Command::Follow(args) => follow::run(*args, &endpoints, output).await,
        Command::Export(args) => export::run(*args, &endpoints, output).await,
        Command::History(args) => history::run(args, &endpoints, output).await,
        Command::Communes(args) => communes::run(args, &endpoints, output).await,
        Command::Status(args) => status::run(args, &endpoints, output).await,
        Command::Log(command) => log::run(command, output).await,
        Command::Completions(args) => completions::run(&args, output),
    }
}
