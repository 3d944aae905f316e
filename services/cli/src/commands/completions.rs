//! `cra completions`: the completion script of a shell, for commands, flags and words.

use clap::CommandFactory as _;

use super::{CommandResult, Outcome};
use crate::args::{Arguments, CompletionsArgs};
use crate::output::Output;

pub(crate) fn run(args: &CompletionsArgs, output: &mut Output) -> CommandResult {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Arguments::command(), "cra", &mut script);
    output.bytes(&script)?;
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use clap_complete::Shell;

    use super::super::fake::written;
    use super::*;

    #[test]
    fn shells_complete_commands_flags_and_words() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let (script, outcome) = written(|output| run(&CompletionsArgs { shell }, output));
            assert_eq!(outcome.unwrap(), Outcome::Done);
            for expected in ["breakdown", "as-of-time", "department", "email"] {
                assert!(script.contains(expected), "{expected} for {shell}");
            }
        }
    }
}
