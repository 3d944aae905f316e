//! Summary of a file before it is recorded: how many CRAs, of which days, of how many people.

use std::collections::BTreeSet;

use cra_contracts::v1;
use cra_domain::cra::parse_day;
use cra_domain::french;
use cra_domain::vocabulary::{Activity, Word as _};
use jiff::civil::Date;

/// Counts of the CRAs of a file, with the defaults that the service adds.
#[derive(Clone, Debug, Default)]
pub(super) struct Summary {
    pub(super) cras: u64,
    people: u64,
    days: Option<(Date, Date)>,
    activities: Vec<(Activity, u64)>,
    advisors: BTreeSet<String>,
    dated_today: u64,
    with_default_people: u64,
    unread: Vec<String>,
}

/// A line of the summary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) label: &'static str,
    pub(super) value: String,
    pub(super) note: String,
}

impl Summary {
    /// A summary without CRAs, with the columns that are not read.
    pub(super) fn new(unread: Vec<String>) -> Self {
        Self { unread, ..Self::default() }
    }

    /// Adds a CRA that the service found valid.
    pub(super) fn add(&mut self, request: &v1::SubmitCraRequest, receipt: &v1::Receipt) {
        let cra = request.cra.clone().unwrap_or_default();
        let default = |field: &str| {
            let known = receipt.defaulted_fields.iter().find(|default| default.field == field);
            known.map(|default| default.value.as_str())
        };
        self.cras += 1;
        let people = if let Some(people) = cra.participants {
            u64::from(people)
        } else {
            self.with_default_people += 1;
            default("cra.participants").and_then(|people| people.parse().ok()).unwrap_or_default()
        };
        self.people += people;
        self.dated_today += u64::from(cra.date.is_empty());
        let day = default("cra.date").filter(|_| cra.date.is_empty()).unwrap_or(&cra.date);
        if let Some(day) = parse_day(day) {
            let (first, last) = self.days.unwrap_or((day, day));
            self.days = Some((first.min(day), last.max(day)));
        }
        if let Some(activity) = Activity::from_number(cra.activity) {
            match self.activities.iter_mut().find(|(known, _)| *known == activity) {
                Some((_, count)) => *count += 1,
                None => self.activities.push((activity, 1)),
            }
        }
        self.advisors.insert(cra.advisor_id);
    }

    /// The first and the last day.
    pub(super) fn days(&self) -> Option<(Date, Date)> {
        self.days
    }

    /// The figures to show.
    pub(super) fn keys(&self) -> Vec<Key> {
        let activities = Activity::ALL.iter().filter_map(|activity| {
            let (_, count) = self.activities.iter().find(|(known, _)| known == activity)?;
            Some(format!("{} : {}", activity.term().label, french::thousands(*count)))
        });
        let days = self.days.map_or_else(String::new, |(first, last)| {
            if first == last {
                french::day(first)
            } else {
                format!("du {} au {}", french::day(first), french::day(last))
            }
        });
        let key = |label, value, note| Key { label, value, note };
        vec![
            key("Comptes-rendus", french::thousands(self.cras), activities.collect::<Vec<_>>().join(" ; ")),
            key(
                "Participants",
                french::thousands(self.people),
                french::counted(self.advisors.len() as u64, "conseiller", "conseillers"),
            ),
            key("Période", days, String::new()),
        ]
    }

    /// What the person should know before confirming, one sentence each.
    pub(super) fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        if self.dated_today > 0 {
            let rows = french::counted(self.dated_today, "ligne n'a pas de date", "lignes n'ont pas de date");
            remarks.push(format!("{rows} : la date est alors celle d'aujourd'hui."));
        }
        if self.with_default_people > 0 {
            let rows = french::counted(
                self.with_default_people,
                "ligne n'indique pas combien de personnes étaient présentes",
                "lignes n'indiquent pas combien de personnes étaient présentes",
            );
            remarks.push(format!("{rows} : 5 pour un atelier, 1 sinon."));
        }
        if !self.unread.is_empty() {
            let columns = self.unread.iter().map(|column| format!("«\u{a0}{column}\u{a0}»"));
            remarks
                .push(format!("Colonnes qui ne sont pas lues : {}.", columns.collect::<Vec<_>>().join(", ")));
        }
        remarks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts_what_the_service_completes() {
        let mut summary = Summary::new(vec!["Couleur".to_owned()]);
        let cra = |date: &str, participants| v1::Cra {
            date: date.to_owned(),
            participants,
            advisor_id: "a".to_owned(),
            activity: v1::Activity::Workshop.into(),
            ..v1::Cra::default()
        };
        let default = |field: &str, value: &str| v1::DefaultedField {
            field: field.to_owned(),
            value: value.to_owned(),
        };
        let receipt = v1::Receipt {
            defaulted_fields: vec![default("cra.date", "2024-03-31"), default("cra.participants", "5")],
            ..v1::Receipt::default()
        };
        for cra in [cra("2024-03-04", Some(3)), cra("", None)] {
            let request = v1::SubmitCraRequest { cra: Some(cra), ..v1::SubmitCraRequest::default() };
            summary.add(&request, &receipt);
        }
        let values: Vec<_> = summary.keys().into_iter().map(|key| key.value).collect();
        assert_eq!(values, ["2", "8", "du 4 mars 2024 au 31 mars 2024"]);
        assert_eq!(summary.remarks().len(), 3);
    }
}
