//! `cra`, the command line of the pair: composes the parts and turns the outcome into an exit code.
//!
//! Holds no rule of its own: what a CRA may say is decided by the ingestion service, what is counted by the
//! projection service, and both are reached over gRPC only. Only backups open the log itself.

// Pages are short and made once: `write!` into a `String` would only add a result to ignore.
#![allow(clippy::format_push_string, clippy::format_collect)]

mod args;
mod bench;
mod choice;
mod client;
mod commands;
mod comparison;
mod open_data;
mod output;
mod period;
mod render;
mod sample;
mod selection;
mod submission;
mod subscription;

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    cra_private::descriptors::raise();
    let arguments =
        args::Arguments::of_command_line(std::env::args_os()).unwrap_or_else(|error| error.exit());
    // Manual pages are for every user of the machine; all else is for the one who asked for it.
    if !matches!(arguments.command, args::Command::Man(_)) {
        cra_private::restrict_new_files();
    }
    let mut output = output::Output::of_process();
    match commands::run(arguments, &mut output).await {
        Ok(outcome) => outcome.exit_code(),
        Err(error) => output::failed(&error),
    }
}
