//! A fictitious month: some 2,000 valid CRAs with realistic proportions, identical for the same month on every machine.
//! No real person or organisation occurs: advisors, structures and venues are numbers.
//!
//! The shares come from published samples of the old form, the communes from the official list. Sends nothing.
//! `activity` also draws the data of measurements.

pub mod activity;
mod audience;
mod calendar;
pub mod draw;
pub mod people;
mod topics;

use cra_contracts::v1;
use uuid::Uuid;

pub use calendar::Month;
use draw::Draw;
use people::Team;

const CRAS: usize = 2_000;
/// Namespace of the CRA ids. Never change it, so that a month loaded twice is recorded once.
const NAMESPACE: Uuid = Uuid::from_u128(0x2f0c_5d8e_71b4_4c39_9a64_e1d2_03b5_7f96);

/// The month's CRAs, in the order of their days.
#[must_use]
pub fn submissions(month: Month) -> Vec<v1::SubmitCraRequest> {
    let mut draw = Draw::seeded(month.seed());
    let team = Team::draw(&mut draw);
    let mut days: Vec<_> = (0..CRAS).map(|_| month.draw_day(&mut draw)).collect();
    days.sort_unstable();
    let dated = days.into_iter().enumerate().map(|(index, day)| {
        let name = format!("{month}/{index}");
        v1::SubmitCraRequest {
            cra_id: Uuid::new_v5(&NAMESPACE, name.as_bytes()).to_string(),
            cra: Some(activity::draw(team.pick(&mut draw), day, &mut draw)),
            validate_only: false,
        }
    });
    dated.collect()
}

#[cfg(test)]
mod tests;
