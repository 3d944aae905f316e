//! `cra correct`: replaces the content of a CRA, from an editor, from fields on the command line or from a file. Shows
//! the change, asks for confirmation, and sends it for the revision that it was based on. The edited text remains in a
//! file until it is recorded.

use std::io::{self, Read as _};
use std::path::Path;
use std::{env, fs};

use anyhow::Context as _;
use cra_contracts::v1;
use cra_domain::event::life::Life;
use tonic::Status;

use super::change::draft::{self, Draft};
use super::change::many::Many;
use super::change::prompt::{confirmed, is_interactive, reason};
use super::{CommandResult, Outcome};
use crate::args::{CorrectArgs, EndpointArgs};
use crate::client::{Connection, Service};
use crate::output::{Output, notice};
use crate::render;
use crate::render::submission::Work;
use crate::submission::changes::send::{Sender, correction, is_overtaken, refusal};
use crate::submission::changes::{Content, is_recorded, lines};

const DONE: &str = "corrected";

pub(crate) async fn run(args: CorrectArgs, endpoints: &EndpointArgs, output: &mut Output) -> CommandResult {
    let connection = Connection::to(Service::Ingestion, endpoints).await?;
    let sender = Sender { connection, retry_for: args.change.retry_for() };
    if let Some(file) = &args.change.file {
        let reason = args.change.reason.as_deref().unwrap_or_default();
        let many = Many { file, reason, work: Work::Correct, json: args.change.json };
        return many.send(&sender, lines::correction, lines::correction_of, output).await;
    }
    let cra_id = args.change.cra_id.clone().unwrap_or_default();
    let life = answered(&sender, sender.life(&cra_id).await?)?;
    let revision = args.change.expected_revision.unwrap_or_else(|| life.revision());
    let base = content_of(&life, revision)?;
    let source = Source::of(&args, &cra_id, revision, &base)?;
    let mut correcting =
        Correcting { args: &args, sender, cra_id, life, revision, base, reason: None, output };
    correcting.through(source).await
}

/// The answer, or the failure of the command.
pub(super) fn answered<T>(sender: &Sender, answer: Result<T, Box<Status>>) -> anyhow::Result<T> {
    Ok(answer.map_err(|status| sender.connection.failure(*status))?)
}

/// The content of a CRA at a revision.
pub(super) fn content_of(life: &Life, revision: u64) -> anyhow::Result<v1::Cra> {
    life.content_at(revision).with_context(|| format!("revision {revision} of this CRA cannot be read"))
}

/// Source of the new content.
enum Source {
    Given(Content),
    Editor(Box<Draft>),
}

impl Source {
    fn of(args: &CorrectArgs, cra_id: &str, revision: u64, base: &v1::Cra) -> anyhow::Result<Self> {
        if !args.set.is_empty() {
            return Ok(Self::Given(Content::Assignments(args.set.clone())));
        }
        if let Some(file) = &args.cra {
            let cra = draft::parse(&read(file)?, base).map_err(anyhow::Error::msg);
            let cra = cra.with_context(|| format!("{} cannot be read", file.display()))?;
            return Ok(Self::Given(Content::Whole(Box::new(cra))));
        }
        let named = ["VISUAL", "EDITOR"].iter().any(|name| env::var_os(name).is_some());
        anyhow::ensure!(
            named || is_interactive(),
            "there is no terminal for an editor: say what changes with --set PATH=VALUE or --cra FILE"
        );
        Ok(Self::Editor(Box::new(Draft::begin(cra_id, revision, base.clone())?)))
    }

    fn is_editor(&self) -> bool {
        matches!(self, Self::Editor(_))
    }

    /// Reports where the text remains.
    fn report_draft(&self) {
        if let Self::Editor(draft) = self {
            notice(&format!(
                "the text is kept in {path}; send it with --cra {path}",
                path = draft.path().display()
            ));
        }
    }

    fn discard(self) {
        if let Self::Editor(draft) = self {
            draft.discard();
        }
    }
}

fn read(file: &Path) -> anyhow::Result<String> {
    if file == Path::new("-") {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).context("standard input cannot be read")?;
        return Ok(text);
    }
    fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

/// Result of one attempt.
enum Round {
    Ended(Outcome),
    /// The input has faults.
    Refused(Box<v1::Refusal>),
    /// Another client changed the CRA.
    Overtaken,
    /// The text of the editor cannot be parsed.
    Unreadable(String),
}

struct Correcting<'a> {
    args: &'a CorrectArgs,
    sender: Sender,
    cra_id: String,
    life: Life,
    /// The revision to correct, and its content.
    revision: u64,
    base: v1::Cra,
    reason: Option<String>,
    output: &'a mut Output,
}

impl Correcting<'_> {
    /// Repeats until the correction is recorded or abandoned.
    async fn through(&mut self, mut source: Source) -> CommandResult {
        loop {
            let round = match self.round(&source).await {
                Ok(round) => round,
                Err(error) => {
                    source.report_draft();
                    return Err(error);
                }
            };
            let again = match round {
                Round::Ended(outcome) => {
                    if outcome == Outcome::Done {
                        source.discard();
                    } else {
                        source.report_draft();
                    }
                    return Ok(outcome);
                }
                Round::Refused(refused) => {
                    self.write(Err(&refused))?;
                    let of_the_reason =
                        refused.violations.iter().any(|violation| violation.field == "reason");
                    self.reason = self.reason.take().filter(|_| !of_the_reason);
                    let problems = refused.violations.iter();
                    let problems: Vec<_> = problems
                        .map(|violation| format!("{} {}", violation.field, violation.localized_message))
                        .collect();
                    offer_edit(&source, &problems.join("\n"))?
                }
                Round::Unreadable(problem) => {
                    notice(&problem);
                    offer_edit(&source, &problem)?
                }
                Round::Overtaken => self.offer_rebase(&mut source).await?,
            };
            if !again {
                source.report_draft();
                return Ok(Outcome::SomeRefused);
            }
        }
    }

    async fn round(&mut self, source: &Source) -> anyhow::Result<Round> {
        let content = match source {
            Source::Given(content) => content.clone(),
            Source::Editor(draft) => {
                draft.edit()?;
                if draft::is_empty(&fs::read_to_string(draft.path())?) {
                    notice("the text is empty: nothing was sent");
                    return Ok(Round::Ended(Outcome::Done));
                }
                match draft.read()? {
                    Ok(cra) => Content::Whole(Box::new(cra)),
                    Err(problem) => return Ok(Round::Unreadable(problem)),
                }
            }
        };
        let proposed = content.applied_to(&self.base).map_err(anyhow::Error::msg)?;
        if !self.life.is_withdrawn() && is_recorded(&proposed, &self.base) {
            return self.nothing_changes(&content).await.map(Round::Ended);
        }
        let style = self.output.style();
        let heading = render::change::heading(&self.cra_id, self.revision, style);
        let shown = heading + &render::change::changes(&self.base, &proposed, style);
        self.output.aside(self.args.change.json, &shown)?;
        let reason = match self.reason.take() {
            Some(reason) => reason,
            None => reason(self.args.change.reason.as_deref())?,
        };
        self.reason = Some(reason.clone());
        if is_interactive() && !self.args.change.yes && !confirmed("Envoyer cette correction ?")? {
            notice("nothing was sent");
            return Ok(Round::Ended(Outcome::Cancelled));
        }
        let request = correction(&self.cra_id, self.revision, proposed, &reason);
        match self.sender.correct(request).await? {
            Ok(receipt) => {
                self.write(Ok(&receipt))?;
                Ok(Round::Ended(Outcome::Done))
            }
            Err(status) if is_overtaken(&status) => Ok(Round::Overtaken),
            Err(status) => Ok(Round::Refused(Box::new(refusal(&status)))),
        }
    }

    /// The CRA already has this content: because of an identical correction, whose receipt is returned, or by chance.
    async fn nothing_changes(&mut self, content: &Content) -> CommandResult {
        let reason = self.args.change.reason.as_deref();
        let before = match reason {
            Some(reason) => self.sender.recorded_before(&self.cra_id, &self.life, content, reason).await?,
            None => None,
        };
        let receipt = before.unwrap_or_else(|| self.life.last_receipt(&self.cra_id));
        self.write(Ok(&receipt))?;
        Ok(Outcome::Done)
    }

    /// Shows what another client changed, and rebases the correction if the person wants to continue.
    async fn offer_rebase(&mut self, source: &mut Source) -> anyhow::Result<bool> {
        let seen = self.revision;
        self.life = answered(&self.sender, self.sender.life(&self.cra_id).await?)?;
        let style = self.output.style();
        let shown = render::change::overtaken(self.life.events(), seen, style);
        self.output.aside(self.args.change.json, &shown)?;
        if self.args.change.json {
            let status =
                Status::aborted(format!("the CRA is at revision {}, not {seen}", self.life.revision()));
            self.write(Err(&refusal(&status)))?;
        }
        if self.life.is_withdrawn() || !is_interactive() || !confirmed("Recommencer sur le contenu actuel ?")?
        {
            return Ok(false);
        }
        self.revision = self.life.revision();
        self.base = content_of(&self.life, self.revision)?;
        if let Source::Editor(draft) = source {
            draft.rebase(&self.cra_id, self.revision, self.base.clone())?;
        }
        Ok(true)
    }

    fn write(&mut self, answer: Result<&v1::Receipt, &v1::Refusal>) -> io::Result<()> {
        let json = || render::change::json(&self.cra_id, answer, DONE);
        let page = |style| render::change::outcome(&self.cra_id, answer, DONE, style);
        self.output.either(self.args.change.json, json, page)
    }
}

/// Whether the person returns to the editor, with the problems above the text.
fn offer_edit(source: &Source, problems: &str) -> anyhow::Result<bool> {
    let Source::Editor(draft) = source else { return Ok(false) };
    draft.note(problems)?;
    Ok(source.is_editor() && is_interactive() && confirmed("Revenir à l'éditeur ?")?)
}
