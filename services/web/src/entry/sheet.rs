//! Renders the form: its purpose, the typed values, and the faults.

use askama::Template;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};

use super::notice::Notice;
use super::parts::Difference;
use super::places;
use super::problems::{self, Problem};
use super::typed::Typed;
use super::view::{Form, name_of, rubric_of_follow_up};
use crate::app::App;
use crate::appearance::Appearance;
use crate::forms::TOKEN_FIELD;
use crate::plain::{Frame, page};

#[derive(Clone, Debug)]
pub(crate) enum Purpose {
    /// A new CRA with this id.
    New { cra_id: String },
    /// A correction of a CRA.
    Correction { cra_id: String, revision: u64, reason: String, conflict: Option<Conflict> },
}

/// The change that another person recorded while this form was filled in.
#[derive(Clone, Debug)]
pub(crate) struct Conflict {
    /// `Révision 2, le 1er mars 2024 …, par …`.
    pub(crate) event: String,
    /// Reason of their change.
    pub(crate) reason: String,
    pub(crate) differences: Vec<Difference>,
}

pub(crate) struct Sheet {
    pub(crate) purpose: Purpose,
    pub(crate) typed: Typed,
    pub(crate) problems: Vec<Problem>,
    pub(crate) communes: Vec<places::Choice>,
    pub(crate) notice: Option<Notice>,
    /// Whether a row for another organisation was requested.
    pub(crate) has_another_row: bool,
}

#[derive(Template)]
#[template(path = "entry/page.html")]
struct EntryPage {
    frame: Frame,
    title: &'static str,
    script: String,
    token_field: &'static str,
    token: String,
    /// Address that the form is sent to.
    action: String,
    cra_id: String,
    revision: u64,
    /// Reason of a correction.
    reason: Option<super::view::Text>,
    conflict: Option<Conflict>,
    form: Form,
    /// Names that the browser can complete, by field.
    lists: Vec<(&'static str, Vec<String>)>,
    follow_up: &'static str,
    summary: Vec<Fault>,
    notice: Option<Notice>,
    has_another_row: bool,
}

/// A line of the summary of faults.
struct Fault {
    /// Id of the element that it links to; empty for no link.
    anchor: String,
    name: String,
    message: String,
}

impl Sheet {
    pub(crate) fn new(purpose: Purpose, typed: Typed) -> Self {
        let (problems, communes) = (Vec::new(), Vec::new());
        Self { purpose, typed, problems, communes, notice: None, has_another_row: false }
    }

    /// Renders the form for the browser that sent these headers.
    pub(crate) fn respond(self, app: &App, headers: &HeaderMap) -> Response {
        let Self { purpose, typed, mut problems, communes, notice, has_another_row } = self;
        problems::sort(&mut problems);
        let has_conflict = matches!(purpose, Purpose::Correction { conflict: Some(_), .. });
        let status = match &notice {
            Some(notice) => notice.status,
            None if !problems.is_empty() => StatusCode::UNPROCESSABLE_ENTITY,
            None if has_conflict => StatusCode::CONFLICT,
            None => StatusCode::OK,
        };
        let lists = app.names().lists();
        let named: Vec<_> = lists.iter().map(|(field, _)| *field).collect();
        let form = Form::new(&typed, &communes, &problems, usize::from(has_another_row), &named);
        let error = |field: &str| {
            let messages = problems.iter().filter(|problem| problem.field == field);
            messages.map(|problem| problem.message.as_str()).collect::<Vec<_>>().join(" ")
        };
        let (title, entry, action, cra_id, revision, reason, conflict) = match purpose {
            Purpose::New { cra_id } => {
                ("Saisir un compte-rendu", "/saisie", "/saisie".to_owned(), cra_id, 0, None, None)
            }
            Purpose::Correction { cra_id, revision, reason, conflict } => {
                let reason = super::view::reason_field("de la correction", &reason, error("motif"));
                let action = format!("/cra/{cra_id}/corriger");
                ("Corriger un compte-rendu", "/cra", action, cra_id, revision, Some(reason), conflict)
            }
        };
        let is_wrong = status != StatusCode::OK;
        let window = if is_wrong { format!("Erreur : {title}") } else { title.to_owned() };
        let issued = app.forms().issue(headers);
        let shown = EntryPage {
            frame: Frame::new(&window, entry),
            title,
            script: Appearance::current().entry_script.clone(),
            token_field: TOKEN_FIELD,
            token: issued.token.clone(),
            action,
            cra_id,
            revision,
            reason,
            conflict,
            form,
            lists,
            follow_up: rubric_of_follow_up(),
            summary: problems.iter().map(fault).collect(),
            notice,
            has_another_row,
        };
        issued.with_cookie((status, page(&shown)).into_response())
    }
}

fn fault(problem: &Problem) -> Fault {
    let anchor = match problem.field.as_str() {
        "" => String::new(),
        // The form shows it among the themes.
        "sous-theme" => "champ-theme".to_owned(),
        field => format!("champ-{field}"),
    };
    Fault { anchor, name: name_of(&problem.field), message: problem.message.clone() }
}
