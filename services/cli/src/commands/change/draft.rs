//! A CRA as an editable text: one field per line, `path = value`, in the order of the form. The text is a file from the
//! start, which remains until the change is recorded, so that no input is lost.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use cra_contracts::{json, v1};
use cra_domain::vocabulary::{self, Activity, Channel, DurationBand, SubTheme, Theme, Word};

use crate::submission::fields::{Field, without_empty_parts};

const DEFAULT_EDITOR: &str = "vi";

/// The text, its file, and the content it was written from.
pub(crate) struct Draft {
    path: PathBuf,
    base: v1::Cra,
}

impl Draft {
    /// Writes the text of a CRA to a new file.
    pub(crate) fn begin(cra_id: &str, revision: u64, base: v1::Cra) -> anyhow::Result<Self> {
        let name: String = cra_id.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
        let file = tempfile::Builder::new().prefix(&format!("cra-{name}-")).suffix(".txt").tempfile()?;
        let (_, path) = file.keep()?;
        fs::write(&path, text(cra_id, revision, &base))?;
        Ok(Self { path, base })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the editor on the text, and waits until it exits.
    pub(crate) fn edit(&self) -> anyhow::Result<()> {
        let editor =
            ["VISUAL", "EDITOR"].iter().find_map(|name| env::var(name).ok().filter(|name| !name.is_empty()));
        let editor = editor.unwrap_or_else(|| DEFAULT_EDITOR.to_owned());
        let status = command(&editor).arg(&self.path).status();
        let status =
            status.with_context(|| format!("the editor `{editor}` cannot be started; set EDITOR"))?;
        anyhow::ensure!(status.success(), "the editor `{editor}` ended with {status}");
        Ok(())
    }

    pub(crate) fn read(&self) -> anyhow::Result<Result<v1::Cra, String>> {
        let text =
            fs::read_to_string(&self.path).with_context(|| format!("cannot read {}", self.path.display()))?;
        Ok(parse(&text, &self.base))
    }

    /// Writes the problems above the text, for the next edit.
    pub(crate) fn note(&self, problems: &str) -> anyhow::Result<()> {
        let text = fs::read_to_string(&self.path)?;
        let kept = text.lines().filter(|line| !line.starts_with("#!"));
        let lines: Vec<String> = problems
            .lines()
            .map(|line| format!("#! {}", line.trim()))
            .chain(kept.map(str::to_owned))
            .collect();
        Ok(fs::write(&self.path, lines.join("\n") + "\n")?)
    }

    /// Applies the same changes to the current content of the CRA.
    pub(crate) fn rebase(&mut self, cra_id: &str, revision: u64, now: v1::Cra) -> anyhow::Result<()> {
        if let Ok(edited) = self.read()? {
            let mut rebased = now.clone();
            for field in Field::all().filter(|field| field.get(&edited) != field.get(&self.base)) {
                // The value was parsed from this field before, so it parses again.
                let _ = field.set(&mut rebased, &field.get(&edited));
            }
            fs::write(&self.path, text(cra_id, revision, &rebased))?;
        }
        self.base = now;
        Ok(())
    }

    /// Removes the file, because its content is recorded or unchanged.
    pub(crate) fn discard(self) {
        // Ignored: the file may already be gone.
        let _ = fs::remove_file(&self.path);
    }
}

/// The editor and its arguments, split as a shell does.
fn command(editor: &str) -> Command {
    if cfg!(unix) {
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("{editor} \"$@\"")).arg(editor);
        return command;
    }
    let mut words = editor.split_whitespace();
    let mut command = Command::new(words.next().unwrap_or(DEFAULT_EDITOR));
    command.args(words);
    command
}

/// The text of a CRA, with the words to choose from.
fn text(cra_id: &str, revision: u64, cra: &v1::Cra) -> String {
    let mut text = format!(
        "# CRA {cra_id}, révision {revision}\n\
         # Corrigez les valeurs, enregistrez et quittez l'éditeur. Une ligne qui commence par # n'est pas lue ; une\n\
         # ligne ôtée ne change rien ; un texte vide abandonne.\n#\n"
    );
    text += &choices::<Channel>("place.channel");
    text += &choices::<Activity>("activity");
    text += &choices::<Theme>("themes");
    text += &choices::<SubTheme>("sub_themes");
    text += &choices::<DurationBand>("duration.band");
    text += "# follow_up.redirections : CAF: 2 | Mairie: 1\n\n";
    for field in Field::all() {
        text += format!("{} = {}", field.path(), field.get(cra)).trim_end();
        text.push('\n');
    }
    text
}

fn choices<W: Word>(path: &str) -> String {
    let mut text = format!("# {path} :\n");
    for word in W::ALL.iter().filter(|word| word.term().open) {
        text += &format!("#   {} ({})\n", word.term().name, word.term().label);
    }
    text
}

/// Parses the text over the CRA that it was written from. Also accepts JSON of the whole CRA.
pub(crate) fn parse(text: &str, base: &v1::Cra) -> Result<v1::Cra, String> {
    let lines: Vec<(usize, &str)> = (1..)
        .zip(text.lines())
        .filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'))
        .collect();
    if lines.first().is_some_and(|(_, line)| line.trim_start().starts_with('{')) {
        let json: Vec<&str> = lines.iter().map(|(_, line)| *line).collect();
        return json::parse_with(&json.join("\n"), vocabulary::meant)
            .map(without_empty_parts)
            .map_err(|error| error.to_string());
    }
    let mut cra = base.clone();
    let mut problems = Vec::new();
    for (number, line) in lines {
        let Some((path, value)) = line.split_once('=') else {
            problems.push(format!("line {number}: expected `path = value`, found `{line}`"));
            continue;
        };
        let Some(field) = Field::of_path(path) else {
            problems.push(format!("line {number}: `{}` is not a field of a CRA", path.trim()));
            continue;
        };
        if value.trim() == field.get(base).trim() {
            continue;
        }
        if let Err(problem) = field.set(&mut cra, value) {
            problems.push(format!("line {number}: {} : {problem}", field.path()));
        }
    }
    if problems.is_empty() { Ok(without_empty_parts(cra)) } else { Err(problems.join("\n")) }
}

/// Whether the text is empty, which cancels the change.
pub(crate) fn is_empty(text: &str) -> bool {
    text.lines().all(|line| line.trim().is_empty() || line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cra() -> v1::Cra {
        v1::Cra {
            advisor_id: "conseiller-1".into(),
            date: "2026-10-05".into(),
            participants: Some(2),
            ages: Some(v1::AgeCounts { over_60: 2, ..v1::AgeCounts::default() }),
            themes: vec![v1::Theme::Email.into(), v1::Theme::Health.into()],
            annotation: "a = b # c".into(),
            ..v1::Cra::default()
        }
    }

    #[test]
    fn an_unedited_text_gives_the_same_cra() {
        let written = text("id", 3, &cra());
        assert_eq!(parse(&written, &cra()), Ok(cra()));
        assert_eq!(parse("", &cra()), Ok(cra()));
        assert!(is_empty("# a\n\n") && !is_empty(&written));
    }

    #[test]
    fn an_edited_line_changes_its_field_in_the_words_of_the_form() {
        let written = text("id", 3, &cra());
        let edited =
            written.replace("date = 2026-10-05", "date = 01/10/2026").replace("THEME_HEALTH\n", "Budget\n");
        let edited = parse(&edited, &cra()).unwrap();
        assert_eq!(edited.date, "2026-10-01");
        assert_eq!(edited.themes, [v1::Theme::Email as i32, v1::Theme::Budget as i32]);
    }

    #[test]
    fn json_is_accepted_too() {
        let json = cra_contracts::json::to_value(&cra()).to_string();
        assert_eq!(parse(&format!("# a comment\n{json}\n"), &v1::Cra::default()), Ok(cra()));
    }

    #[test]
    fn every_unreadable_line_is_reported_with_its_number() {
        let problems = parse("date = hier\nparticpants = 3\nbonjour\n", &cra()).unwrap_err();
        assert_eq!(problems.lines().count(), 3, "{problems}");
        assert!(problems.contains("line 1: date") && problems.contains("line 3: expected"), "{problems}");
    }
}
