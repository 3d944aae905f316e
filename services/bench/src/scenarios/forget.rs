//! Forgetting, compared with an import of the same log: the copy without what is to be forgotten, and its verification.

use std::time::Instant;

use anyhow::Context as _;
use cra_backup as backup;
use cra_eventlog::nats::{NatsLog, NatsSettings, Slot};
use cra_forgetting::{self as forgetting, Act, Copying, GrantedBy, Order, Rules};
use cra_private::LockedDir;
use jiff::Timestamp;

use crate::report::{Measured, Row, Scenario, Target};
use crate::testbed::{self, Log};

/// What the copy is compared with.
const IMPORTED: &str = "import of the same log";
/// The copy may take 1.5 times as long as the import.
const RATE_RATIO_MIN: f64 = 0.67;
/// Of every event something is forgotten: no copy is slower.
const RULES: &str = "texts_before = 2100-01-01\naccounts_before = 2100-01-01\n";

/// Imports a backup of a log to one slot of its server, and copies the log without what the rules name to the other.
pub(crate) async fn forget(log: &Log, show: impl Fn(&str)) -> anyhow::Result<Vec<Row>> {
    let events = log.manifest.events;
    let former = NatsLog::connect_to_copy(testbed::settings(log.server.url())).await?;
    let dir = log.dir.join("backup");
    show("backing the log up");
    backup::export(&former, &dir, |_| ()).await?;
    show("importing the backup");
    let begun = Instant::now();
    let restored = NatsLog::connect_to_restore(slot(log, Slot::A), &backup::manifest(&dir)?.origin()).await?;
    backup::import(&restored, &dir, |_| ()).await?;
    let imported = Measured::rate(events, "events", begun.elapsed());

    show("copying the log without what is to be forgotten");
    let rules = Rules::parse(RULES)?;
    let work = LockedDir::open(&log.dir.join("work"), "forget.lock").context("the work folder")?;
    let act = Act::without_token(GrantedBy::NoIdentity, Timestamp::now());
    let order =
        Order { rules: &rules, work: &work, not_reached: Vec::new(), act: act.clone(), now: Timestamp::now };
    let begun = Instant::now();
    let new = NatsLog::connect_to_restore(slot(log, Slot::B), &forgetting::origin(&former).await?).await?;
    let mut copying = Copying::begin(&former, &new, order, |_| ()).await?;
    copying.copy(|_| ()).await?;
    let copied = Measured::rate(events, "events", begun.elapsed());
    show("verifying the copy");
    let begun = Instant::now();
    copying.verify(|_| ()).await?;
    let verified = Measured::rate(events, "events", begun.elapsed());
    let certificate = copying.finish(act, |_| ()).await?;
    anyhow::ensure!(certificate.forgotten.events > 0, "nothing was forgotten");
    Ok(vec![
        Row::new(Scenario::Forget, "survey and copy of the log", copied)
            .limited(IMPORTED, imported)
            .aiming(Target::RatioAtLeast(RATE_RATIO_MIN)),
        Row::new(Scenario::Forget, "verification of the copy", verified).limited(IMPORTED, imported),
    ])
}

fn slot(log: &Log, slot: Slot) -> NatsSettings {
    NatsSettings { slot: Some(slot), ..testbed::settings(log.server.url()) }
}
