//! The address of the statistics page: the selection, the state of the log, and the view. Every state of the page has
//! one canonical address; any other address of the same state is redirected to it.
//!
//! Reads what people type and what forms send: names of territories as well as codes, empty fields, repeated fields.

mod fields;
mod territories;
mod view;

use cra_contracts::v1;
use cra_domain::cra::parse_day;
use cra_domain::event::timestamp_message;
use cra_domain::selection::{canonical, restrictions};
use cra_domain::territory;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};

use crate::names::Names;

pub(crate) use fields::{
    FIELDS, Field, Kind, NO_SUCH_WORD, choices, field_of_path, value_of, with_value, word_of,
};
pub(crate) use view::{BREAKDOWNS, COMPARED, CROSSED, Compare, DEFAULT_ROWS, MEASURES, STEPS, View, word};

/// Days without a place are those of the agency's time zone.
const PARIS: &str = "75";
/// Upper bound on the characters of an address; a longer one is refused.
pub(crate) const QUERY_BYTES_MAX: usize = 32 * 1_024;

/// The state of the log to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum At {
    /// Now.
    #[default]
    Now,
    /// The current state, followed as it changes.
    Live,
    /// The state at a position of a log.
    Position { position: u64, log: String },
    /// The state at the end of a day in Paris.
    Day(Date),
}

impl At {
    /// The consistency to request from the services.
    pub(crate) fn consistency(&self) -> v1::Consistency {
        match self {
            Self::Now | Self::Live => v1::Consistency::default(),
            Self::Position { position, log } => {
                // A replica that has not reached the position waits for it.
                v1::Consistency {
                    min_position: *position,
                    as_of_position: *position,
                    log: log.clone(),
                    ..Default::default()
                }
            }
            Self::Day(day) => {
                v1::Consistency { as_of_time: end_of(*day).map(timestamp_message), ..Default::default() }
            }
        }
    }
}

/// The last instant of a day in Paris; midnight belongs to the next day.
fn end_of(day: Date) -> Option<Timestamp> {
    let next = day.tomorrow().ok()?;
    let midnight = territory::time_zone(PARIS).to_timestamp(next.at(0, 0, 0, 0)).ok()?;
    midnight.checked_sub(1.nanosecond()).ok()
}

/// Today in Paris.
pub(crate) fn today() -> Date {
    territory::time_zone(PARIS).to_datetime(Timestamp::now()).date()
}

/// A state of the statistics page.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Address {
    pub(crate) selection: v1::Selection,
    pub(crate) at: At,
    pub(crate) view: View,
}

/// A parameter that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) field: &'static str,
    /// Value as typed.
    pub(crate) found: String,
    /// Message in French: what was found, and what is expected.
    pub(crate) message: String,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Read {
    pub(crate) address: Address,
    pub(crate) problems: Vec<Problem>,
}

impl Read {
    /// Reads the query of an address. Unknown, empty and repeated parameters are ignored.
    pub(crate) fn of(query: &str, names: &Names) -> Self {
        let mut read = Self::default();
        let (mut position, mut log, mut is_live) = (None, String::new(), false);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let value = value.trim();
            match &*name {
                _ if value.is_empty() => {}
                "du" => read.day("du", value, |it, day| it.selection.from = day.to_string()),
                "au" => read.day("au", value, |it, day| it.selection.to = day.to_string()),
                "le" => read.day("le", value, |it, day| it.at = At::Day(day)),
                "position" => position = Some(value.to_owned()),
                "direct" => is_live = value == "oui",
                "journal" => value.clone_into(&mut log),
                name => read.other(name, value, names),
            }
        }
        if let Some(found) = position {
            match found.parse().ok().filter(|position| *position > 0) {
                Some(position) => read.address.at = At::Position { position, log },
                None => read.problem("position", &found, "une position est un nombre entier, tel que 1234"),
            }
        }
        let Address { selection, at, .. } = &mut read.address;
        if is_live && *at == At::Now {
            *at = At::Live;
        }
        *selection = canonical(std::mem::take(selection));
        if !selection.from.is_empty() && !selection.to.is_empty() && selection.from > selection.to {
            let found = selection.to.clone();
            read.problem("au", &found, "la fin de la période vient avant son début");
        }
        read
    }

    fn day(&mut self, field: &'static str, text: &str, set: impl FnOnce(&mut Address, Date)) {
        match parse_day(text).or_else(|| as_french_day(text)) {
            Some(day) => set(&mut self.address, day),
            None => self.problem(field, text, "cette date n'existe pas ; écrivez par exemple 31/03/2024"),
        }
    }

    fn other(&mut self, name: &str, value: &str, names: &Names) {
        if let Some(field) = FIELDS.iter().find(|field| field.name == name) {
            if let Err(expected) = field.add(&mut self.address.selection, value, names) {
                self.problem(field.name, value, &expected);
            }
        } else {
            self.address.view.read(name, value);
        }
    }

    fn problem(&mut self, field: &'static str, found: &str, expected: &str) {
        let message = format!("« {found} » : {expected}.");
        self.problems.push(Problem { field, found: found.to_owned(), message });
    }
}

/// A day as `31/03/2024`.
pub(crate) fn as_french_day(text: &str) -> Option<Date> {
    let mut parts = text.split('/');
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    let is_written_out = year.len() == 4 && parts.next().is_none();
    let date = || Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok();
    is_written_out.then(date)?
}

impl Address {
    /// The parameters of this state, each once and in a fixed order. Defaults are omitted.
    pub(crate) fn parameters(&self) -> Vec<(&'static str, String)> {
        let mut parameters = Vec::new();
        let v1::Selection { from, to, .. } = &self.selection;
        for (name, day) in [("du", from), ("au", to)] {
            if !day.is_empty() {
                parameters.push((name, day.clone()));
            }
        }
        for restriction in restrictions(&self.selection) {
            parameters.extend(restriction.values.into_iter().map(|value| (restriction.slug, value.slug)));
        }
        match &self.at {
            At::Now => {}
            At::Live => parameters.push(("direct", "oui".to_owned())),
            At::Position { position, log } => {
                parameters.push(("position", position.to_string()));
                if !log.is_empty() {
                    parameters.push(("journal", log.clone()));
                }
            }
            At::Day(day) => parameters.push(("le", day.to_string())),
        }
        parameters.extend(self.view.parameters());
        parameters
    }

    pub(crate) fn query(&self) -> String {
        query_of(&self.parameters())
    }

    pub(crate) fn link(&self) -> String {
        match self.query() {
            query if query.is_empty() => "/".to_owned(),
            query => format!("/?{query}"),
        }
    }

    /// The address of the same state after a change.
    pub(crate) fn with(&self, change: impl FnOnce(&mut Self)) -> String {
        let mut other = self.clone();
        change(&mut other);
        other.link()
    }
}

/// Encodes parameters as a query.
pub(crate) fn query_of(parameters: &[(&'static str, String)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish()
}

#[cfg(test)]
mod tests;
