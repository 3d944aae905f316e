//! Asking: one question over gRPC, timed at the caller, and how its answer compares with a recount.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use cra_contracts::v1;
use cra_contracts::v1::statistics_service_client::StatisticsServiceClient;
use cra_domain::territory;
use cra_domain::vocabulary::{AgeBand, Theme, Word as _};

use super::questions::Question;
use crate::bench::recount::{Figures, Row, Selected};
use crate::client::{Calls, within_deadline};

/// A caller's connection.
pub(crate) type Statistics = StatisticsServiceClient<Calls>;

/// Asks, and says how long the answer took.
pub(crate) async fn timed(statistics: &mut Statistics, question: &Question) -> anyhow::Result<Duration> {
    let asked = |begun: Instant| begun.elapsed();
    Ok(match question {
        Question::Statistics(selection) => {
            let request = within_deadline(Question::statistics(selection));
            let begun = Instant::now();
            statistics.get_statistics(request).await?;
            asked(begun)
        }
        Question::Months(selection) => {
            let request = within_deadline(Question::months(selection));
            let begun = Instant::now();
            statistics.get_time_series(request).await?;
            asked(begun)
        }
        Question::Departments(selection) => {
            let request = within_deadline(Question::departments(selection));
            let begun = Instant::now();
            statistics.list_breakdown(request).await?;
            asked(begun)
        }
        Question::CrossTable(selection) => {
            let request = within_deadline(Question::cross_table(selection));
            let begun = Instant::now();
            statistics.get_cross_table(request).await?;
            asked(begun)
        }
    })
}

/// Asks, and compares every main figure of the answer with a recount of the rows.
pub(crate) async fn checked(
    statistics: &mut Statistics,
    question: &Question,
    rows: &[Row],
) -> anyhow::Result<()> {
    match question {
        Question::Statistics(selection) => {
            let request = within_deadline(Question::statistics(selection));
            let answer = statistics.get_statistics(request).await?.into_inner();
            let answered = answer.statistics.context("an answer without statistics")?;
            compare(&answered, selected(rows, selection))
        }
        Question::Months(selection) => {
            let request = within_deadline(Question::months(selection));
            let answer = statistics.get_time_series(request).await?.into_inner();
            ensure!(!answer.points.is_empty(), "a series without points");
            for point in answer.points {
                let month = v1::Selection { from: point.from.clone(), to: point.to, ..selection.clone() };
                let answered = point.statistics.context("a point without statistics")?;
                compare(&answered, selected(rows, &month)).with_context(|| point.from)?;
            }
            Ok(())
        }
        Question::Departments(selection) => {
            let request = within_deadline(Question::departments(selection));
            let answer = statistics.list_breakdown(request).await?.into_inner();
            let mut shown = 0;
            for row in answer.rows {
                let of_row = |of: &&Row| department(of) == row.code;
                let answered = row.statistics.context("a row without statistics")?;
                shown += answered.cras;
                compare(&answered, selected(rows, selection).filter(of_row)).context(row.code)?;
            }
            let all = selected(rows, selection).count() as u64;
            ensure!(shown == all, "the rows hold {shown} CRAs, a recount gives {all}");
            Ok(())
        }
        Question::CrossTable(selection) => {
            let request = within_deadline(Question::cross_table(selection));
            let answer = statistics.get_cross_table(request).await?.into_inner();
            for row in &answer.rows {
                for (column, answered) in answer.columns.iter().zip(&row.values) {
                    let recounted = people(selected(rows, selection), &row.name, column);
                    ensure!(
                        *answered == recounted,
                        "{} × {column} is {answered}, a recount gives {recounted}",
                        row.name
                    );
                }
            }
            Ok(())
        }
    }
}

fn compare<'a>(answered: &v1::Statistics, rows: impl Iterator<Item = &'a Row>) -> anyhow::Result<()> {
    Ok(Figures::of(rows).compare(&Figures::answered(answered))?)
}

fn selected<'a>(rows: &'a [Row], selection: &v1::Selection) -> impl Iterator<Item = &'a Row> + use<'a> {
    let selected = Selected::of(selection);
    rows.iter().filter(move |row| selected.takes(row))
}

fn department(row: &Row) -> &'static str {
    territory::communes().all()[usize::from(row.commune)].department()
}

/// People of an age band in the CRAs that have a theme, both by their names in the contract.
fn people<'a>(rows: impl Iterator<Item = &'a Row>, theme: &str, band: &str) -> u64 {
    let theme = Theme::ALL.iter().find(|word| word.term().name == theme).map(|word| word.number());
    let band = AgeBand::ALL.iter().position(|word| word.term().name == band);
    let (Some(theme), Some(band)) = (theme, band) else { return 0 };
    rows.filter(|row| row.themes >> theme & 1 == 1).map(|row| u64::from(row.ages[band])).sum()
}
