//! The pages of an import: the form with the faults of a file, and one import with its progress.

use askama::Template;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use cra_domain::cra::field_label;
use cra_domain::french;
use cra_runtime::rejection;
use tonic::Code;

use super::contents::{Problem, ROWS_MAX};
use super::registry::{Import, Phase, Progress};
use super::summary::Key;
use super::upload::{ADVISOR, FILE, Fill, STRUCTURE};
use crate::address::query_of;
use crate::app::App;
use crate::appearance::Appearance;
use crate::entry::{Notice, Text};
use crate::fault::Fault;
use crate::forms::TOKEN_FIELD;
use crate::plain::{Frame, page};

const ENTRY: &str = "/import";
/// Number of faults that a page lists; the rest is only counted.
const PROBLEMS_MAX: usize = 500;
/// Seconds after which the page of a running import reloads without a script.
const REFRESH_S: u32 = 3;

/// Why a file was refused.
pub(super) enum Wrong {
    Fault(Fault),
    /// The file cannot be imported, for this reason.
    File(String),
    /// Faults of cells, in the order of the file.
    Cells(Vec<Problem>),
}

#[derive(Default)]
pub(super) struct Sheet {
    /// Name of the file that was sent.
    pub(super) name: String,
    pub(super) fill: Fill,
    pub(super) wrong: Option<Wrong>,
}

#[derive(Template)]
#[template(path = "import/page.html")]
struct ImportPage {
    frame: Frame,
    token_field: &'static str,
    token: String,
    file_field: &'static str,
    advisor: Text,
    structure: Text,
    notice: Option<Notice>,
    faults: Option<Faults>,
    size_max: String,
    rows_max: String,
    /// Names that the browser can complete, by field.
    lists: Vec<(&'static str, Vec<String>)>,
}

struct Faults {
    title: String,
    problems: Vec<Problem>,
    /// Text about further faults; empty for none.
    more: String,
}

impl Faults {
    fn of(mut problems: Vec<Problem>, title: String) -> Self {
        let rest = problems.len().saturating_sub(PROBLEMS_MAX) as u64;
        problems.truncate(PROBLEMS_MAX);
        let more = if rest == 0 {
            String::new()
        } else {
            french::counted(rest, "autre erreur n'est pas montrée", "autres erreurs ne sont pas montrées")
        };
        Self { title, problems, more }
    }
}

fn text(name: &'static str, path: &str, value: &str, lists: &[(&'static str, Vec<String>)]) -> Text {
    let has_names = lists.iter().any(|(field, _)| *field == name);
    Text {
        name: name.to_owned(),
        id: format!("champ-{name}"),
        label: field_label(path),
        hint: "Pour les lignes qui n'en nomment pas.".to_owned(),
        value: value.to_owned(),
        error: String::new(),
        kind: "text",
        has_names,
    }
}

impl Sheet {
    /// Renders the form for the browser that sent these headers.
    pub(super) fn respond(self, app: &App, headers: &HeaderMap) -> Response {
        let Self { name, fill, wrong } = self;
        let size_max = size(app.upload_bytes());
        let mut faults = None;
        let notice = wrong.and_then(|wrong| match wrong {
            Wrong::Fault(fault) => Some(notice_of(&fault, &size_max)),
            Wrong::File(text) => Some(notice(
                StatusCode::UNPROCESSABLE_ENTITY,
                "Ce fichier ne peut pas être importé",
                format!("«\u{a0}{name}\u{a0}» : {text} Rien n'a été enregistré."),
            )),
            Wrong::Cells(problems) => {
                let count = french::counted(
                    problems.len() as u64,
                    "erreur est à corriger",
                    "erreurs sont à corriger",
                );
                faults = Some(Faults::of(problems, format!("{count} dans «\u{a0}{name}\u{a0}»")));
                None
            }
        });
        let status = match (&notice, &faults) {
            (Some(notice), _) => notice.status,
            (None, Some(_)) => StatusCode::UNPROCESSABLE_ENTITY,
            (None, None) => StatusCode::OK,
        };
        let window =
            if status == StatusCode::OK { "Importer un tableau" } else { "Erreur : Importer un tableau" };
        let issued = app.forms().issue(headers);
        let lists = app.names().lists();
        let shown = ImportPage {
            frame: Frame::new(window, ENTRY),
            token_field: TOKEN_FIELD,
            token: issued.token.clone(),
            file_field: FILE,
            advisor: text(ADVISOR, "cra.advisor_id", &fill.advisor, &lists),
            structure: text(STRUCTURE, "cra.structure_id", &fill.structure, &lists),
            notice,
            faults,
            size_max,
            lists,
            rows_max: french::thousands(ROWS_MAX as u64),
        };
        issued.with_cookie((status, page(&shown)).into_response())
    }
}

/// A size as `8 Mio`, `1,5 Mio`, `900 Kio`.
fn size(bytes: u64) -> String {
    const KIB: u64 = 1_024;
    const MIB: u64 = KIB * KIB;
    let unit = |unit: &str| format!("{}{unit}", french::NO_BREAK_SPACE);
    match bytes {
        0..KIB => format!("{bytes}{}", unit("octets")),
        KIB..MIB => format!("{}{}", bytes / KIB, unit("Kio")),
        _ if bytes.is_multiple_of(MIB) => format!("{}{}", bytes / MIB, unit("Mio")),
        _ => format!("{},{}{}", bytes / MIB, bytes % MIB * 10 / MIB, unit("Mio")),
    }
}

fn notice(status: StatusCode, title: &str, text: String) -> Notice {
    Notice { status, title: title.to_owned(), text, details: Vec::new(), may_be_another: false }
}

/// The fault above the form. It says that nothing is recorded and that the file must be chosen again, because a page
/// cannot choose a file.
fn notice_of(fault: &Fault, size_max: &str) -> Notice {
    let (status, title, text) = fault.described();
    let again = "Rien n'a été enregistré. Choisissez de nouveau le fichier, puis envoyez-le dans un instant.";
    let is_passing = match fault {
        Fault::Busy | Fault::TooSlow => true,
        Fault::Refused(refused) => {
            matches!(
                refused.code(),
                Code::Unavailable | Code::Cancelled | Code::ResourceExhausted | Code::DeadlineExceeded
            )
        }
        _ => false,
    };
    let text = match fault {
        _ if is_passing => again.to_owned(),
        Fault::FormExpired => {
            "Cette page est restée ouverte longtemps, ou le service a redémarré. Rien n'a été enregistré : \
                               choisissez de nouveau le fichier, puis envoyez-le."
                .to_owned()
        }
        Fault::TooLarge => format!(
            "Un fichier a au plus {size_max}. Rien n'a été enregistré : partagez-le en plusieurs, ou gardez-y le tableau seul."
        ),
        _ => text,
    };
    let details = match fault {
        Fault::Refused(refused) => rejection::french_of(refused).into_iter().collect(),
        _ => Vec::new(),
    };
    Notice { details, ..notice(status, title, text) }
}

#[derive(Template)]
#[template(path = "import/one.html")]
struct OnePage {
    frame: Frame,
    title: &'static str,
    script: String,
    refresh_s: u32,
    name: String,
    action: String,
    token_field: &'static str,
    token: String,
    keys: Vec<Key>,
    remarks: Vec<String>,
    /// Label of the button: `Enregistrer 12 comptes-rendus`.
    button: String,
    phase: Phase,
    reported: u64,
    all: u64,
    reported_text: String,
    results: Vec<Key>,
    faults: Option<Faults>,
    /// Address of the list of CRAs of these days.
    cras: String,
}

pub(super) fn one(app: &App, headers: &HeaderMap, id: &str, import: &Import) -> Response {
    let progress = import.progress().clone();
    let all = import.summary.cras;
    let title = match progress.phase {
        Phase::Checked => "Vérifier avant d'enregistrer",
        Phase::Recording => "Enregistrement en cours",
        Phase::Interrupted => "Enregistrement interrompu",
        Phase::Done => "Import terminé",
    };
    let reported = progress.reported(all);
    let issued = app.forms().issue(headers);
    let counted = |count| french::counted(count, "compte-rendu", "comptes-rendus");
    let faults = (!progress.problems.is_empty())
        .then(|| Faults::of(progress.problems.clone(), "Ce qui n'a pas été enregistré".to_owned()));
    let shown = OnePage {
        frame: Frame::new(title, ENTRY),
        title,
        script: Appearance::current().import_script.clone(),
        refresh_s: REFRESH_S,
        name: import.name.clone(),
        action: super::address(id),
        token_field: TOKEN_FIELD,
        token: issued.token.clone(),
        keys: import.summary.keys(),
        remarks: import.summary.remarks(),
        button: match progress.phase {
            Phase::Interrupted => format!("Enregistrer le reste : {}", counted(all.saturating_sub(reported))),
            _ => format!("Enregistrer {}", counted(all)),
        },
        phase: progress.phase,
        reported,
        all,
        reported_text: format!("{} sur {}", french::thousands(reported), counted(all)),
        results: results(&progress),
        faults,
        cras: import.summary.days().map_or_else(
            || "/cra".to_owned(),
            |(first, last)| {
                format!("/cra?{}", query_of(&[("du", first.to_string()), ("au", last.to_string())]))
            },
        ),
    };
    issued.with_cookie(page(&shown))
}

/// The outcomes of the CRAs.
fn results(progress: &Progress) -> Vec<Key> {
    let key = |label, count, note| Key { label, value: french::thousands(count), note };
    let withdrawn = match progress.withdrawn {
        0 => String::new(),
        withdrawn => {
            format!("dont {} depuis, qui ne comptent plus", french::counted(withdrawn, "retiré", "retirés"))
        }
    };
    vec![
        key("Enregistrés", progress.recorded, String::new()),
        key("Déjà enregistrés", progress.already, withdrawn),
        key("Refusés", progress.refused, String::new()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_in_french() {
        let sizes = [8 * 1_024 * 1_024, 1_572_864, 921_600, 12].map(size);
        assert_eq!(sizes, ["8\u{a0}Mio", "1,5\u{a0}Mio", "900\u{a0}Kio", "12\u{a0}octets"]);
    }

    #[test]
    fn a_fault_of_the_moment_asks_to_choose_the_file_again() {
        let notice = notice_of(&Fault::Busy, "8 Mio");
        assert!(
            notice.status == StatusCode::SERVICE_UNAVAILABLE && notice.text.contains("Choisissez de nouveau")
        );
        assert!(notice_of(&Fault::TooLarge, "8 Mio").text.contains("8 Mio"));
    }
}
