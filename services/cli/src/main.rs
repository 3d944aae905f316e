//! `cra`, the command line of both services: runs a command and turns its outcome into an exit code.
//!
//! Contains no business rules: the ingestion service decides what is valid, the projection service counts, and both are
//! reached over gRPC only. Only backups open the log directly.

// Pages are short and built once; `write!` into a `String` would only add a result to ignore.
#![allow(clippy::format_push_string, clippy::format_collect)]

mod args;
mod choice;
mod client;
mod commands;
mod comparison;
mod open_data;
mod output;
mod period;
mod render;
mod selection;
mod service;
mod style;
mod submission;
mod subscription;

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    cra_private::descriptors::raise();
    let arguments =
        args::Arguments::of_command_line(std::env::args_os()).unwrap_or_else(|error| error.exit());
    // Manual pages are for all users of the machine; all other files are private.
    if !matches!(arguments.command, args::Command::Man(_)) {
        cra_private::restrict_new_files();
    }
    let mut output = output::Output::of_process();
    match commands::run(arguments, &mut output).await {
        Ok(outcome) => outcome.exit_code(),
        Err(error) => output::failed(&error),
    }
}
