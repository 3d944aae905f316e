//! `cra publish`: the public figures of every department and month, requested cell by cell and written as open data.
//!
//! All answers must belong to one publication; if another one opens during the download, the command starts over.

use std::fs;

use anyhow::Context as _;
use cra_contracts::v1::{self, Dimension};
use cra_private::AtomicFile;
use jiff::civil::Date;
use jiff::{ToSpan as _, Unit};

use super::{CommandResult, Outcome};
use crate::args::{EndpointArgs, PublishArgs};
use crate::client::{Connection, Service, within_deadline};
use crate::open_data::{Cell, OpenData};
use crate::output::{Output, notice};

/// Maximum number of restarts: replicas with different publications would never agree.
const BEGINNINGS_MAX: usize = 5;

pub(crate) async fn run(args: PublishArgs, endpoints: &EndpointArgs, output: &mut Output) -> CommandResult {
    let connection = Connection::to(Service::Projection, endpoints).await?;
    let data = all_cells(&connection).await?;
    fs::create_dir_all(&args.dir)
        .with_context(|| format!("the folder {} cannot be made", args.dir.display()))?;
    for (name, content) in data.files()? {
        let path = args.dir.join(name);
        AtomicFile::replace(&path, &content)
            .with_context(|| format!("{} cannot be written", path.display()))?;
        output.line(&path.display().to_string())?;
    }
    notice(&format!("publication {}", data.publication()));
    Ok(Outcome::Done)
}

async fn all_cells(connection: &Connection) -> anyhow::Result<OpenData> {
    for _ in 0..BEGINNINGS_MAX {
        let publication = last_publication(connection).await?;
        if let Some(data) = cells_of(connection, publication).await? {
            return Ok(data);
        }
        notice("another publication opened during the download: starting over");
    }
    anyhow::bail!(
        "the service answered from another publication {BEGINNINGS_MAX} times: its replicas differ, as those with \
         different publications.secret_file do"
    )
}

async fn last_publication(connection: &Connection) -> anyhow::Result<v1::Publication> {
    let everything = within_deadline(v1::GetStatisticsRequest::default());
    let answer = connection.answer(connection.statistics().get_statistics(everything).await)?;
    answer.snapshot.and_then(|snapshot| snapshot.publication).context(
        "the token gives access to exact figures, which must not be published: use a token with the scope statistics:public only",
    )
}

/// Every cell of a publication; `None` if an answer came from another publication.
async fn cells_of(connection: &Connection, publication: v1::Publication) -> anyhow::Result<Option<OpenData>> {
    let day =
        |text: &str| text.parse::<Date>().with_context(|| format!("the service returned {text:?} as a day"));
    let (first, last) = (day(&publication.from)?, day(&publication.to)?);
    let months = first.until((Unit::Month, last)).context("the publication's months")?.get_months();
    let mut data = OpenData::of(publication.clone());
    for number in 0..=months {
        let month = first.checked_add(number.months())?;
        let request = v1::ListBreakdownRequest {
            selection: Some(v1::Selection {
                from: month.to_string(),
                to: month.last_of_month().to_string(),
                ..v1::Selection::default()
            }),
            dimension: Dimension::Department.into(),
            order_by: "code".to_owned(),
            include_empty: true,
            ..v1::ListBreakdownRequest::default()
        };
        let answer =
            connection.answer(connection.statistics().list_breakdown(within_deadline(request)).await)?;
        let answered = answer.snapshot.and_then(|snapshot| snapshot.publication).unwrap_or_default();
        if answered != publication {
            return Ok(None);
        }
        data.extend(answer.rows.into_iter().map(|row| Cell::of(month, row)));
    }
    Ok(Some(data))
}
