//! The flags that select CRAs, and the `Selection` they make.
//!
//! Values of closed lists are parsed as in [`crate::choice`]. Codes and ids are sent as given: the service reports the
//! unknown ones.

use clap::Args;
use cra_contracts::v1;
use cra_domain::vocabulary::{Activity, AgeBand, Channel, DurationBucket, Status, SubTheme, Theme, Word};
use jiff::civil::Date;

use crate::choice::one_of;
use crate::period::{Period, PeriodArgs, cra_day, today};

#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Selection (repeat a flag, or separate its values with commas)")]
pub(crate) struct SelectionArgs {
    /// First day of activity, such as 2024-03-01
    #[arg(long, value_name = "DAY", value_parser = day)]
    from: Option<Date>,
    /// Last day of activity
    #[arg(long, value_name = "DAY", value_parser = day)]
    to: Option<Date>,
    #[command(flatten)]
    period: PeriodArgs,
    /// Region code, such as 84
    #[arg(long, value_name = "CODE", value_delimiter = ',')]
    pub(crate) region: Vec<String>,
    /// Department code, such as 2A
    #[arg(long, value_name = "CODE", value_delimiter = ',')]
    pub(crate) department: Vec<String>,
    /// EPCI code
    #[arg(long, value_name = "CODE", value_delimiter = ',')]
    pub(crate) epci: Vec<String>,
    /// INSEE code of a commune
    #[arg(long, value_name = "CODE", value_delimiter = ',')]
    pub(crate) commune: Vec<String>,
    /// Postal code
    #[arg(long, value_name = "CODE", value_delimiter = ',')]
    pub(crate) postal_code: Vec<String>,
    /// Structure that employs the advisor
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub(crate) structure: Vec<String>,
    /// Conseiller numérique
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub(crate) advisor: Vec<String>,
    /// Lieu d'activité
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub(crate) venue: Vec<String>,
    /// Canal, such as venue or distance
    #[arg(long, value_delimiter = ',', value_parser = one_of::<Channel>(), hide_possible_values = true)]
    pub(crate) channel: Vec<Channel>,
    /// Type d'activité, such as workshop or ponctuel
    #[arg(long, value_delimiter = ',', value_parser = one_of::<Activity>(), hide_possible_values = true)]
    pub(crate) activity: Vec<Activity>,
    /// Thématique, such as email or courriel
    #[arg(long, value_delimiter = ',', value_parser = one_of::<Theme>(), hide_possible_values = true)]
    pub(crate) theme: Vec<Theme>,
    /// Sous-thématique, such as tablette
    #[arg(long, value_delimiter = ',', value_parser = one_of::<SubTheme>(), hide_possible_values = true)]
    pub(crate) sub_theme: Vec<SubTheme>,
    /// Durée, such as 0-30 or from-2-hours
    #[arg(long, value_delimiter = ',', value_parser = one_of::<DurationBucket>(), hide_possible_values = true)]
    pub(crate) duration: Vec<DurationBucket>,
    /// Tranche d'âge of at least one participant, such as over-60
    #[arg(long, value_delimiter = ',', value_parser = one_of::<AgeBand>(), hide_possible_values = true, allow_hyphen_values = true)]
    pub(crate) age: Vec<AgeBand>,
    /// Statut of at least one participant, such as retired
    #[arg(long, value_delimiter = ',', value_parser = one_of::<Status>(), hide_possible_values = true)]
    pub(crate) status: Vec<Status>,
}

impl SelectionArgs {
    /// One whole month.
    pub(crate) fn of_month(first_day: Date) -> Self {
        Self { period: PeriodArgs::month_of(first_day), ..Self::default() }
    }

    /// The selected days, given today's date, if both the first and the last day are set.
    pub(crate) fn period(&self, today: Date) -> Option<Period> {
        let given = || Period::between(self.from?, self.to?);
        self.period.period(today).or_else(given)
    }

    /// The days of a period that was named relative to today; `None` if there is none.
    pub(crate) fn relative_days(&self, today: Date) -> Option<String> {
        self.period.relative(today).map(|days| format!("days: {} to {}", days.from(), days.to()))
    }

    /// The contract's message, as of now.
    pub(crate) fn to_message(&self) -> v1::Selection {
        self.to_message_on(today())
    }

    /// The contract's message, given today's date.
    pub(crate) fn to_message_on(&self, today: Date) -> v1::Selection {
        let named = self.period.period(today);
        let from = named.map(Period::from).or(self.from);
        let to = named.map(Period::to).or(self.to);
        let day = |date: Option<Date>| date.map(|date| date.to_string()).unwrap_or_default();
        v1::Selection {
            from: day(from),
            to: day(to),
            region_codes: self.region.clone(),
            department_codes: self.department.clone(),
            epci_codes: self.epci.clone(),
            commune_codes: self.commune.clone(),
            postal_codes: self.postal_code.clone(),
            structure_ids: self.structure.clone(),
            advisor_ids: self.advisor.clone(),
            channels: numbers(&self.channel),
            activities: numbers(&self.activity),
            themes: numbers(&self.theme),
            sub_themes: numbers(&self.sub_theme),
            durations: numbers(&self.duration),
            ages: numbers(&self.age),
            statuses: numbers(&self.status),
            venue_ids: self.venue.clone(),
        }
    }
}

fn numbers<W: Word>(words: &[W]) -> Vec<i32> {
    words.iter().map(|word| word.number()).collect()
}

fn day(text: &str) -> Result<Date, String> {
    cra_day(text).ok_or_else(|| "expected a day such as 2024-03-01".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use jiff::civil::date;

    use super::*;

    const TODAY: Date = date(2026, 11, 26);

    #[derive(Debug, Parser)]
    struct Flags {
        #[command(flatten)]
        selection: SelectionArgs,
    }

    fn selected(flags: &[&str]) -> Result<v1::Selection, String> {
        Flags::try_parse_from(["cra"].iter().chain(flags))
            .map(|flags| flags.selection.to_message_on(TODAY))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn an_unknown_word_is_refused_with_the_choices() {
        let error = selected(&["--activity", "collective"]).unwrap_err();
        assert!(
            error.contains("workshop (collectif), individual (individuel), one-off (ponctuel)"),
            "{error}"
        );
    }

    #[test]
    fn values_are_repeated_or_separated_by_commas() {
        let selection = selected(&["--theme", "email,internet", "--theme", "sante", "--department", "01,2A"]);
        let selection = selection.unwrap();
        assert_eq!(selection.themes, [3, 2, 15]);
        assert_eq!(selection.department_codes, ["01", "2A"]);
    }

    #[test]
    fn a_band_that_starts_with_a_hyphen_is_a_value() {
        assert_eq!(selected(&["--age", "-12"]).unwrap().ages, [1]);
    }

    #[test]
    fn a_named_period_includes_all_of_its_days() {
        for (flag, text, from, to) in [
            ("--year", "2024", "2024-01-01", "2024-12-31"),
            ("--quarter", "2026-T3", "2026-07-01", "2026-09-30"),
            ("--month", "2024-02", "2024-02-01", "2024-02-29"),
            ("--week", "2026-W40", "2026-09-28", "2026-10-04"),
            ("--school-year", "2025-2026", "2025-09-01", "2026-08-31"),
            ("--last", "month", "2026-10-01", "2026-10-31"),
            ("--last", "30 days", "2026-10-28", "2026-11-26"),
            ("--last", "semaine", "2026-11-16", "2026-11-22"),
        ] {
            let selection = selected(&[flag, text]).unwrap();
            assert_eq!((selection.from.as_str(), selection.to.as_str()), (from, to), "{flag} {text}");
        }
        for (flag, day) in [("--today", "2026-11-26"), ("--yesterday", "2026-11-25")] {
            let selection = selected(&[flag]).unwrap();
            assert_eq!((selection.from.as_str(), selection.to.as_str()), (day, day));
        }
    }

    #[test]
    fn periods_exclude_each_other_and_explicit_days() {
        let periods: [&[&str]; 8] = [
            &["--year", "2024"],
            &["--quarter", "2024-Q1"],
            &["--month", "2024-02"],
            &["--week", "2024-W06"],
            &["--school-year", "2023-2024"],
            &["--last", "month"],
            &["--today"],
            &["--yesterday"],
        ];
        let bounds: [&[&str]; 2] = [&["--from", "2024-01-01"], &["--to", "2024-02-10"]];
        for (number, period) in periods.iter().enumerate() {
            for other in periods.iter().skip(number + 1).chain(&bounds) {
                let error = selected(&[*period, *other].concat()).unwrap_err();
                assert!(error.contains("cannot be used with") && error.contains(period[0]), "{error}");
            }
        }
        assert!(selected(&bounds.concat()).is_ok());
    }

    #[test]
    fn a_malformed_period_is_refused_with_an_example() {
        for (flag, wrong, example) in [
            ("--month", "2024-13", "2024-03"),
            ("--month", "fevrier", "2024-03"),
            ("--week", "2025-W53", "01 to 52"),
            ("--quarter", "2026-5", "2026-T3"),
            ("--last", "decade", "30 days"),
        ] {
            let error = selected(&[flag, wrong]).unwrap_err();
            assert!(error.contains(example) && error.contains(wrong), "{flag} {wrong}: {error}");
        }
    }

    #[test]
    fn programs_get_the_days_of_a_period_that_depends_on_today() {
        let reported = |flags: &[&str]| {
            let flags = Flags::try_parse_from(["cra"].iter().chain(flags)).unwrap();
            flags.selection.relative_days(TODAY)
        };
        assert_eq!(reported(&["--last", "month"]).unwrap(), "days: 2026-10-01 to 2026-10-31");
        assert_eq!(reported(&["--yesterday"]).unwrap(), "days: 2026-11-25 to 2026-11-25");
        assert_eq!(reported(&["--month", "2026-10"]), None);
        assert_eq!(reported(&[]), None);
    }

    #[test]
    fn a_first_and_a_last_day_form_a_period() {
        let period = |flags: &[&str]| {
            let flags = Flags::try_parse_from(["cra"].iter().chain(flags)).unwrap();
            flags.selection.period(TODAY)
        };
        assert_eq!(period(&["--from", "2024-03-01", "--to", "2024-03-31"]), period(&["--month", "2024-03"]));
        assert_eq!(period(&["--from", "2024-03-01"]), None);
        assert_eq!(period(&["--from", "2024-03-02", "--to", "2024-03-01"]), None);
        assert_eq!(period(&[]), None);
    }

    #[test]
    fn without_flags_the_selection_is_unrestricted() {
        assert_eq!(selected(&[]).unwrap(), v1::Selection::default());
    }
}
