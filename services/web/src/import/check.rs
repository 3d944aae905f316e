//! Checks a file: every cell must be readable, and the service must accept every CRA. Otherwise all faults are reported
//! at once.

use cra_client::Clients;
use cra_contracts::v1::{self, submit_cras_response::Outcome};
use tonic::Status;

use super::contents::{self, Contents, Line, Problem, Sheets};
use super::exchange::submit;
use super::summary::Summary;
use super::upload::Upload;
use crate::fault::Fault;

/// Result of checking a file.
pub(super) enum Checked {
    Right(Found),
    /// The file cannot be imported, for this reason.
    Unusable(String),
    /// Faults in the order of the file.
    Faults(Vec<Problem>),
}

/// A file without a fault.
pub(super) struct Found {
    pub(super) lines: Vec<Line>,
    pub(super) sheets: Sheets,
    pub(super) summary: Summary,
}

/// Reads a file, and has the service validate each CRA without recording it.
pub(super) async fn check(clients: &Clients, upload: Upload, limit: u64) -> Result<Checked, Fault> {
    // The permit moves into the task, which holds it until the file is read.
    let read = tokio::task::spawn_blocking(move || {
        let mut upload = upload;
        contents::read(std::mem::take(&mut upload.bytes), limit, &upload.fill)
    });
    let contents = match read.await.map_err(|error| Fault::Internal(error.to_string()))? {
        Ok(contents) => contents,
        Err(text) => return Ok(Checked::Unusable(text)),
    };
    let Contents { lines, mut problems, sheets, unread } = contents;
    let outcomes = validated(clients, &lines).await?;
    let mut summary = Summary::new(unread);
    for (line, outcome) in lines.iter().zip(&outcomes) {
        match outcome {
            Outcome::Receipt(receipt) => summary.add(&line.request, receipt),
            Outcome::Refusal(refusal) => problems.extend(of_refusal(&sheets, line, refusal)),
        }
    }
    if problems.is_empty() {
        return Ok(Checked::Right(Found { lines, sheets, summary }));
    }
    contents::sort(&mut problems);
    Ok(Checked::Faults(problems))
}

/// The service's verdict on each line.
async fn validated(clients: &Clients, lines: &[Line]) -> Result<Vec<Outcome>, Fault> {
    let requests: Vec<_> = lines
        .iter()
        .map(|line| v1::SubmitCraRequest { validate_only: true, ..line.request.clone() })
        .collect();
    let mut outcomes: Vec<Option<Outcome>> = vec![None; lines.len()];
    let take = |item: u64, outcome| {
        if let Some(slot) = usize::try_from(item).ok().and_then(|item| outcomes.get_mut(item)) {
            *slot = Some(outcome);
        }
    };
    let refused = |status| Fault::Refused(Box::new(status));
    submit(clients, (0..).zip(requests), take).await.map_err(refused)?;
    let unanswered = || refused(Status::unavailable("some CRAs were not checked"));
    let is_checked = |outcome: &Outcome| !matches!(outcome, Outcome::Refusal(refusal) if cra_client::is_transient(refusal));
    outcomes.into_iter().map(|outcome| outcome.filter(is_checked).ok_or_else(unanswered)).collect()
}

/// The faults of a refused line, without those that follow from unreadable cells.
pub(super) fn of_refusal(sheets: &Sheets, line: &Line, refusal: &v1::Refusal) -> Vec<Problem> {
    if refusal.violations.is_empty() {
        // If a cell is unreadable, the CRA is incomplete and other reasons do not apply yet.
        let is_known = line.faults.is_empty();
        return if is_known { vec![sheets.of_line(line.location, text_of(refusal))] } else { Vec::new() };
    }
    let is_explained = |path: &str| {
        sheets.columns(line.location).is_some_and(|columns| columns.is_explained(path, &line.faults))
    };
    let violations = refusal.violations.iter().filter(|violation| !is_explained(&violation.field));
    violations
        .map(|violation| {
            let french = match violation.localized_message.as_str() {
                "" => &violation.description,
                french => french,
            };
            sheets.of_path(line.location, &violation.field, french)
        })
        .collect()
}

/// The reason of a refusal without violations of the form's rules.
fn text_of(refusal: &v1::Refusal) -> String {
    match refusal.code.as_str() {
        "PERMISSION_DENIED" => {
            "Ce compte-rendu est hors de votre périmètre : vérifiez le conseiller, la structure et la commune.".to_owned()
        }
        "ALREADY_EXISTS" => {
            "Un autre contenu est déjà enregistré sous cet identifiant : corrigez ce compte-rendu depuis sa page.".to_owned()
        }
        code => format!("Le service a refusé ce compte-rendu ({code})."),
    }
}

#[cfg(test)]
mod tests {
    use super::super::contents::read;
    use super::super::upload::Fill;
    use super::*;

    const HEAD: &str = "Date;Conseiller;Structure;Canal;Commune;Activité;Participants;Âge : moins de 12 ans;Âge : plus de 60 ans;\
                        Thématiques;Durée\n";

    fn contents(rows: &str) -> Contents {
        read(format!("{HEAD}{rows}").into_bytes(), 1 << 20, &Fill::default()).unwrap()
    }

    fn refused(paths: &[&str]) -> v1::Refusal {
        let violation = |path: &&str| v1::Violation {
            field: (*path).to_owned(),
            localized_message: format!("faute de {path}"),
            ..v1::Violation::default()
        };
        let violations = paths.iter().map(violation).collect();
        v1::Refusal { code: "INVALID_ARGUMENT".to_owned(), violations, ..v1::Refusal::default() }
    }

    #[test]
    fn every_fault_has_its_cell_and_none_follows_from_another() {
        let contents = contents(
            "04/03/2024;c;s;Domicile;Rennes;Atelier collectif;5;4;1;Courriels;1h\n\
             31/02/2024;c;s;Domicile;Nulle-Part;Atelier collectif;douze;4;1;Courriels;1h\n",
        );
        let cells: Vec<_> = contents.problems.iter().map(|problem| problem.cell.as_str()).collect();
        assert_eq!(cells, ["A3", "G3", "E3"]);
        assert_eq!(contents.problems[1].found, "douze");
        let wrong = &contents.lines[1];
        let refusal = refused(&["cra.ages", "cra.place.commune_code", "cra.themes", "cra.structure_id"]);
        let found: Vec<_> = of_refusal(&contents.sheets, wrong, &refusal)
            .into_iter()
            .map(|problem| (problem.line, problem.cell, problem.field))
            .collect();
        let expected = [("Ligne 3", "J3", "Thématiques"), ("Ligne 3", "C3", "Structure")]
            .map(|(line, cell, field)| (line.to_owned(), cell.to_owned(), field.to_owned()));
        assert_eq!(found, expected, "ages follow from the participants, the code from the commune");
        let right = of_refusal(&contents.sheets, &contents.lines[0], &refused(&["cra.ages"]));
        assert_eq!(right[0].cell, "H2", "of the first of several columns");
    }

    #[test]
    fn a_line_beyond_the_perimeter_is_named_as_a_whole() {
        let contents = contents("04/03/2024;c;s;Domicile;Rennes;Atelier collectif;5;4;1;Courriels;1h\n");
        let refusal = v1::Refusal { code: "PERMISSION_DENIED".to_owned(), ..v1::Refusal::default() };
        let found = of_refusal(&contents.sheets, &contents.lines[0], &refusal);
        assert_eq!((&*found[0].line, &*found[0].cell), ("Ligne 2", ""));
        assert!(found[0].message.contains("périmètre"));
    }

    #[test]
    fn a_table_without_columns_or_rows_and_another_kind_of_file_are_refused_in_french() {
        let refused = |bytes: &[u8]| read(bytes.to_vec(), 1 << 20, &Fill::default()).unwrap_err();
        assert!(refused(HEAD.as_bytes()).contains("aucun compte-rendu"));
        assert!(refused(b"Date;Conseiller;Canal;Commune\n").contains("Des colonnes manquent"));
        assert!(refused(b"%PDF-1.7").contains("PDF"));
        assert!(refused(b"").contains("vide"));
        assert!(refused(b"\x1f\x8b\x08cut").contains("abîmé"));
        let many = format!(
            "{HEAD}{}",
            "04/03/2024;c;s;Domicile;Rennes;Atelier collectif;5;4;1;Courriels;1h\n".repeat(5_001)
        );
        assert!(
            refused(many.as_bytes()).contains("5\u{202f}000")
                || refused(many.as_bytes()).contains("5\u{a0}000")
        );
    }

    #[test]
    fn who_is_filled_in_counts_as_written_so_that_the_ids_are_the_same() {
        let row = "04/03/2024;c;s;Domicile;Rennes;Atelier collectif;5;4;1;Courriels;1h\n";
        let fill = Fill { advisor: "c".to_owned(), structure: "s".to_owned() };
        let without = format!("{HEAD}{}", row.replace(";c;s;", ";;;"));
        let filled = read(without.into_bytes(), 1 << 20, &fill).unwrap();
        assert_eq!(filled.lines[0].request, contents(row).lines[0].request);
    }

    #[test]
    fn two_contents_of_one_id_are_a_fault_of_the_second() {
        let head = HEAD.replace("Date;", "cra_id;Date;");
        let row = |people: u32| {
            format!("a;04/03/2024;c;s;Domicile;Rennes;Atelier collectif;{people};4;1;Courriels;1h\n")
        };
        let read =
            |rows: String| read(format!("{head}{rows}").into_bytes(), 1 << 20, &Fill::default()).unwrap();
        assert_eq!(read(row(5) + &row(5)).problems, []);
        let faults = read(row(5) + &row(6)).problems;
        assert_eq!((faults.len(), &*faults[0].cell), (1, "A3"));
        assert!(faults[0].message.contains("Ligne 2"));
    }
}
