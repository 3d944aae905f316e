//! One file per command: calls the services, passes the answer to `render`, and returns the outcome. No layout here.

mod breakdown;
mod change;
mod checkpoint;
mod communes;
mod compared;
#[cfg(test)]
mod compared_tests;
mod completions;
mod correct;
mod cross;
mod destroy;
mod doubles;
mod export;
#[cfg(test)]
pub(crate) mod fake;
#[cfg(test)]
mod fake_operations;
mod figures;
mod follow;
mod forget;
mod health;
mod history;
mod import;
mod list;
mod log;
mod log_folder;
mod man;
mod operator;
mod pages;
mod pair;
mod parked;
mod pause;
mod person;
mod progress;
mod promote;
mod publish;
#[cfg(test)]
mod questions_tests;
mod replay;
mod series;
mod show;
mod standalone;
mod stats;
mod status;
mod submit;
mod target;
mod template;
mod token;
mod verify;
mod watch;
mod withdraw;

use std::process::ExitCode;

use crate::args::{Arguments, Command};
use crate::output::{Output, notice};
use crate::period::today;

/// The exit code that shells report for a program ended by Ctrl-C.
const CANCELLED: u8 = 130;

/// Outcome of a command that could do its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Everything requested was done.
    Done,
    /// Some items were refused and reported.
    SomeRefused,
    /// The compared states differ; the differences were reported.
    Differs,
    /// A service is not ready.
    NotServing,
    /// Cancelled by Ctrl-C or SIGTERM.
    Cancelled,
}

impl Outcome {
    pub(crate) fn exit_code(self) -> ExitCode {
        match self {
            Self::Done => ExitCode::SUCCESS,
            Self::SomeRefused | Self::Differs | Self::NotServing => ExitCode::from(1),
            Self::Cancelled => ExitCode::from(CANCELLED),
        }
    }
}

/// How a command ended, or why it could not do its work.
pub(crate) type CommandResult = anyhow::Result<Outcome>;

pub(crate) async fn run(arguments: Arguments, output: &mut Output) -> CommandResult {
    let Arguments { endpoints, command } = arguments;
    let days = command.selection_of_program().and_then(|selection| selection.relative_days(today()));
    if let Some(days) = days {
        notice(&days);
    }
    match command {
        Command::Standalone(args) => Box::pin(standalone::run(args, output)).await,
        Command::Submit(args) => submit::run(args, &endpoints, output).await,
        Command::Import(args) => import::run(args, &endpoints, output).await,
        Command::Template(args) => template::run(&args, output),
        Command::Correct(args) => correct::run(args, &endpoints, output).await,
        Command::Withdraw(args) => withdraw::run(args, &endpoints, output).await,
        Command::Stats(args) => stats::run(*args, &endpoints, output).await,
        Command::Series(args) => series::run(*args, &endpoints, output).await,
        Command::Breakdown(args) => breakdown::run(*args, &endpoints, output).await,
        Command::Cross(args) => cross::run(*args, &endpoints, output).await,
        Command::Watch(args) => watch::run(*args, &endpoints, output).await,
        Command::List(args) => list::run(*args, &endpoints, output).await,
        Command::Doubles(args) => doubles::run(*args, &endpoints, output).await,
        Command::Show(args) => show::run(args, &endpoints, output).await,
        Command::Follow(args) => follow::run(*args, &endpoints, output).await,
        Command::Export(args) => export::run(*args, &endpoints, output).await,
        Command::Publish(args) => publish::run(args, &endpoints, output).await,
        Command::History(args) => history::run(args, &endpoints, output).await,
        Command::Communes(args) => communes::run(args, &endpoints, output).await,
        Command::Status(args) => status::run(args, &endpoints, output).await,
        Command::Log(command) => Box::pin(log::run(command, &endpoints, output)).await,
        Command::Token(command) => token::run(command, output),
        Command::Health(args) => health::run(args, &endpoints, output).await,
        Command::Man(args) => man::run(&args, output),
        Command::Completions(args) => completions::run(&args, output),
        Command::Replay(args) => replay::run(args, &endpoints, output).await,
        Command::Promote(args) => promote::run(args, &endpoints, output).await,
        Command::Verify(args) => verify::run(args, &endpoints, output).await,
        Command::Parked(args) => parked::run(args, &endpoints, output).await,
        Command::Pause(args) => pause::pause(args, &endpoints, output).await,
        Command::Resume(args) => pause::resume(args, &endpoints, output).await,
    }
}
