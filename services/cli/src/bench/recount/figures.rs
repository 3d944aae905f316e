//! The main figures of some rows, and how they compare with an answer.

use std::collections::BTreeMap;

use cra_contracts::v1;

use super::Row;

/// Figures by their name in the contract, such as `acts` or `themes.THEME_EMAIL`; those that are 0 are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Figures(BTreeMap<String, u64>);

/// Where an answer says something else.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{figure} is {answered}, a recount gives {recounted}")]
pub(crate) struct Difference {
    figure: String,
    answered: u64,
    recounted: u64,
}

impl Figures {
    /// Adds the rows up.
    pub(crate) fn of<'a>(rows: impl Iterator<Item = &'a Row>) -> Self {
        let mut sums = Sums::default();
        rows.for_each(|row| sums.add(row));
        sums.named()
    }

    /// The same figures of an answer.
    pub(crate) fn answered(statistics: &v1::Statistics) -> Self {
        let mut named = Named::default();
        let follow_up = statistics.follow_up.unwrap_or_default();
        for (name, value) in [
            ("cras", statistics.cras),
            ("acts", statistics.acts),
            ("people", statistics.people),
            ("returning_people", statistics.returning_people),
            ("workshops", statistics.workshops),
            ("workshop_participants", statistics.workshop_participants),
            ("individual_supports", statistics.individual_supports),
            ("one_off_requests", statistics.one_off_requests),
            ("workshops_with_defaulted_participants", statistics.workshops_with_defaulted_participants),
            ("follow_up.individual", follow_up.individual),
            ("follow_up.workshop", follow_up.workshop),
            ("follow_up.redirected", follow_up.redirected),
            ("follow_up.total", follow_up.total),
        ] {
            named.tell(name.to_owned(), value);
        }
        let lists = [
            ("channels", &statistics.channels),
            ("activities", &statistics.activities),
            ("themes", &statistics.themes),
            ("sub_themes", &statistics.sub_themes),
            ("durations", &statistics.durations),
            ("ages", &statistics.ages),
            ("statuses", &statistics.statuses),
        ];
        for (list, count) in
            lists.into_iter().flat_map(|(list, counts)| counts.iter().map(move |c| (list, c)))
        {
            named.tell(format!("{list}.{}", count.name), count.count);
        }
        let total = statistics.time_spent.iter().find(|time| time.name == "total");
        named.tell("estimated_minutes".to_owned(), total.map_or(0, |total| total.estimated_minutes));
        named.0
    }

    /// The first figure in which an answer differs from this recount.
    pub(crate) fn compare(&self, answered: &Self) -> Result<(), Difference> {
        let names = self.0.keys().chain(answered.0.keys());
        let value = |figures: &Self, name: &str| figures.0.get(name).copied().unwrap_or_default();
        for figure in names {
            let (answered, recounted) = (value(answered, figure), value(self, figure));
            if answered != recounted {
                return Err(Difference { figure: figure.clone(), answered, recounted });
            }
        }
        Ok(())
    }
}

#[derive(Default)]
struct Named(Figures);

impl Named {
    fn tell(&mut self, name: String, value: u64) {
        if value > 0 {
            self.0.0.insert(name, value);
        }
    }
}

/// Sums by the numbers of the contract.
#[derive(Default)]
struct Sums {
    cras: u64,
    acts: u64,
    returning: u64,
    workshop_participants: u64,
    defaulted_workshops: u64,
    follow_up: [u64; 3],
    minutes: u64,
    channels: [u64; 5],
    activities: [u64; 4],
    themes: [u64; 20],
    sub_themes: [u64; 9],
    durations: [u64; 6],
    ages: [u64; 5],
    statuses: [u64; 5],
}

impl Sums {
    fn add(&mut self, row: &Row) {
        let people = u64::from(row.participants);
        self.cras += 1;
        self.acts += people;
        self.returning += u64::from(row.returning);
        if i32::from(row.activity) == i32::from(v1::Activity::Workshop) {
            self.workshop_participants += people;
            self.defaulted_workshops += u64::from(row.defaulted_participants);
        }
        let follow_up = [row.follow_up_individual, row.follow_up_workshop, row.redirected];
        for (sum, people) in self.follow_up.iter_mut().zip(follow_up) {
            *sum += u64::from(people);
        }
        self.minutes += u64::from(row.estimated_minutes);
        self.channels[usize::from(row.channel)] += 1;
        self.activities[usize::from(row.activity)] += 1;
        self.durations[usize::from(row.duration)] += 1;
        for (number, count) in self.themes.iter_mut().enumerate() {
            *count += u64::from(row.themes >> number & 1);
        }
        for (number, count) in self.sub_themes.iter_mut().enumerate() {
            *count += u64::from(row.sub_themes >> number & 1);
        }
        for (sum, people) in self.ages.iter_mut().zip(row.ages) {
            *sum += u64::from(people);
        }
        for (sum, people) in self.statuses.iter_mut().zip(row.statuses) {
            *sum += u64::from(people);
        }
    }

    fn named(&self) -> Figures {
        use v1::{Activity, AgeBand, Channel, DurationBucket, Status, SubTheme, Theme};
        let mut named = Named::default();
        let activity =
            |activity: Activity| self.activities[usize::try_from(i32::from(activity)).unwrap_or(0)];
        let [individual, workshop, redirected] = self.follow_up;
        for (name, value) in [
            ("cras", self.cras),
            ("acts", self.acts),
            ("people", self.acts - self.returning),
            ("returning_people", self.returning),
            ("workshops", activity(Activity::Workshop)),
            ("workshop_participants", self.workshop_participants),
            ("individual_supports", activity(Activity::Individual)),
            ("one_off_requests", activity(Activity::OneOff)),
            ("workshops_with_defaulted_participants", self.defaulted_workshops),
            ("follow_up.individual", individual),
            ("follow_up.workshop", workshop),
            ("follow_up.redirected", redirected),
            ("follow_up.total", individual + workshop + redirected),
            ("estimated_minutes", self.minutes),
        ] {
            named.tell(name.to_owned(), value);
        }
        let mut list = |list: &str, counts: &[u64], from: i32, name_of: fn(i32) -> Option<&'static str>| {
            for (number, count) in (from..).zip(counts) {
                named.tell(format!("{list}.{}", name_of(number).unwrap_or_default()), *count);
            }
        };
        list("channels", &self.channels, 0, |n| Channel::try_from(n).ok().map(|v| v.as_str_name()));
        list("activities", &self.activities, 0, |n| Activity::try_from(n).ok().map(|v| v.as_str_name()));
        list("themes", &self.themes, 0, |n| Theme::try_from(n).ok().map(|v| v.as_str_name()));
        list("sub_themes", &self.sub_themes, 0, |n| SubTheme::try_from(n).ok().map(|v| v.as_str_name()));
        list("durations", &self.durations, 0, |n| DurationBucket::try_from(n).ok().map(|v| v.as_str_name()));
        list("ages", &self.ages, 1, |n| AgeBand::try_from(n).ok().map(|v| v.as_str_name()));
        list("statuses", &self.statuses, 1, |n| Status::try_from(n).ok().map(|v| v.as_str_name()));
        named.0
    }
}
