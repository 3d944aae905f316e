//! The day of the activity, in the time zone of its place.

use jiff::civil::Date;

use super::super::Fault;
use super::super::parts::day_at;
use super::{Check, DefaultedField, FIRST_DAY, Submission};
use crate::territory::CommuneId;

impl Check<'_> {
    pub(super) fn date(&mut self, declared: &str, commune: Option<CommuneId>) -> Option<Date> {
        let today = commune.map(|commune| day_at(commune, self.now));
        if declared.is_empty() {
            let today = today?;
            self.defaulted.push(DefaultedField { field: Submission::DATE, value: today.to_string() });
            return Some(today);
        }
        let current = self.current.filter(|cra| cra.date.to_string() == declared);
        let Some(date) = current.map(|cra| cra.date).or_else(|| parse_day(declared)) else {
            return self.refuse(Submission::DATE, Fault::DateInvalid(declared.to_owned()));
        };
        if date < FIRST_DAY && current.is_none() {
            return self.refuse(Submission::DATE, Fault::DateTooEarly(date));
        }
        let is_there = current.is_some_and(|cra| Some(cra.place.commune) == commune);
        match today {
            Some(today) if date > today && !is_there => {
                self.refuse(Submission::DATE, Fault::DateInFuture { date, today })
            }
            _ => Some(date),
        }
    }
}

/// Parses a day in the form `YYYY-MM-DD`; no other form is accepted.
#[must_use]
pub fn parse_day(text: &str) -> Option<Date> {
    let shaped = text.len() == 10
        && text.bytes().enumerate().all(
            |(i, b)| {
                if i == 4 || i == 7 { b == b'-' } else { b.is_ascii_digit() }
            },
        );
    if shaped { text.parse().ok() } else { None }
}
