//! Prompts at the terminal, on standard error; only if a person can answer.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

/// Whether both standard input and standard error are terminals.
pub(crate) fn is_interactive() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Reads a line of text; may be empty.
pub(crate) fn line(question: &str) -> io::Result<String> {
    let mut errors = io::stderr();
    write!(errors, "{question} ")?;
    errors.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim().to_owned())
}

/// Asks for confirmation; any answer but yes is no.
pub(crate) fn confirmed(question: &str) -> io::Result<bool> {
    let answer = line(&format!("{question} [o/N]"))?.to_lowercase();
    Ok(matches!(answer.as_str(), "o" | "oui" | "y" | "yes"))
}

/// The reason of a change: as given, or else asked for at the terminal.
pub(crate) fn reason(given: Option<&str>) -> anyhow::Result<String> {
    match given {
        Some(reason) => Ok(reason.to_owned()),
        None if is_interactive() => Ok(line("Motif (3 à 500 caractères) :")?),
        None => anyhow::bail!("a change needs a reason: give it with --reason TEXT"),
    }
}
